"""One reading of one equation: two sides as code, and where they are compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from gradcheck.article.cases import Case
from gradcheck.article.indexing import At, OutsideError

Side = Callable[[Case, At], int | Fraction]
Star = Literal["convolution", "cross-correlation"]


@dataclass(frozen=True)
class Claim:
    """Left equals right at every index of the domain, for all operands: true or not, the machine finds out.

    Parameters
    ----------
    number : int or str
        The equation's, or a prose claim's ("P1").
    reading : str
        What the printed symbols are taken to mean; unique for the number.
    left, right : callables
        The two sides, literally, at an index; they raise `OutsideError` where the reading gives an index no meaning.
    domain : callable
        The indices at which both are compared.
    star : str, optional
        What `*` means in it, for the table of readings that hold together.
    definition : bool
        Left defines its symbol; right is an independent implementation.
    relation : str, optional
        The name of the same claim as an index relation, for the solver.
    corrected : str
        LaTeX of the equation as it should read, if this is not what is printed.
    depth : int
        Channels to draw.
    note : str
        What was compared or proved where the claim is no sum of monomials, or what the reading changes.
    """

    number: int | str
    reading: str
    left: Side
    right: Side
    domain: Callable[[Case], Iterable[At]]
    star: Star | None = None
    definition: bool = False
    relation: str | None = None
    corrected: str = ""
    depth: int = 1
    note: str = ""


@dataclass(frozen=True)
class Difference:
    """Where two sides differ, and by what; a side without a value says why in `reason`."""

    at: At
    left: str
    right: str
    reason: str = ""


def difference(claim: Claim, case: Case) -> Difference | None:
    """Return the first index at which the sides differ or have no value; None if they are equal everywhere."""
    for at in claim.domain(case):
        left, right = _value(claim.left, case, at), _value(claim.right, case, at)
        reasons = [str(side) for side in (left, right) if isinstance(side, OutsideError)]
        if reasons or left != right:
            return Difference(at, _shown(left), _shown(right), "; ".join(reasons))
    return None


def _value(side: Side, case: Case, at: At) -> int | Fraction | OutsideError:
    try:
        return side(case, at)
    except OutsideError as err:
        return err


def _shown(value: int | Fraction | OutsideError) -> str:
    return "undefined" if isinstance(value, OutsideError) else str(value)
