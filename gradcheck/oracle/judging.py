"""Hold what an implementation returned to a golden vector: to the bit where that can be asked, else in ulps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.oracle.case import Array, Case, GoldenVector
from gradcheck.oracle.reproducing import reproduced

# Worst first: what a whole case is, is the worst of its output and its gradients.
STATUSES = ("crashed", "wrong", "unsupported", "ulps", "reciprocal", "bit-exact")

# Heuristic. Transforms (Winograd's, the fast Fourier transform) round numbers that a direct sum leaves exact. For tiles
# of 6 x 6 they lose some two decimal digits against the sum of all magnitudes; 2^8 units leave room for that.
TRANSFORM_ULPS = 256
# Of a correctly rounded number half the digits must be right: beyond it is another function, or one that cancels.
HALF = {"float16": 2.0**5, "float32": 2.0**12, "float64": 2.0**26}


@dataclass(frozen=True)
class Outcome:
    """How one case went in one dtype.

    `ulps` is the largest distance of a number from its due, in units of the last place of the number due (of the sum
    of all magnitudes where the numbers due are exact); `sentence` says what is wrong, and where; `flags` are the known
    mistakes that give exactly these wrong numbers; `raised` tells a crash by an exception from the end of a process.
    """

    case: str
    operation: str
    dtype: str
    status: str
    ulps: float = 0.0
    sentence: str = ""
    flags: tuple[str, ...] = ()
    raised: bool = False


def judge(case: Case, dtype: str, output: Any, gradients: Mapping[str, Any], *, limit: float | None = None) -> Outcome:
    """Compare an implementation's results with the case's numbers.

    Parameters
    ----------
    output : array-like
        What it computed, of the shape of grad_output.
    gradients : mapping of str to array-like
        Its gradients by the names of the inputs.
    limit : float, optional
        The most ulps that a correctly rounded case may be off by; half of the dtype's digits by default.
    """
    vector = case.vector(dtype)
    due = {"output": vector.output, **{f"grad_{name}": value for name, value in vector.gradients.items()}}
    given = {"output": output, **{f"grad_{name}": gradients.get(name) for name in vector.gradients}}
    found = [_part(case, vector, name, due[name], given[name], dtype=dtype, limit=limit) for name in due]
    status, ulps, sentence = min(found, key=lambda part: (STATUSES.index(part[0]), -part[1]))
    flags = reproduced(case, dtype, {"output": output, **gradients}) if status == "wrong" else ()
    return Outcome(case.name, case.operation, dtype, status, ulps, sentence, flags)


def _part(
    case: Case, vector: GoldenVector, name: str, due: Array, given: Any, *, dtype: str, limit: float | None
) -> tuple[str, float, str]:
    if given is None:
        return "wrong", np.inf, f"there is no {name}"
    got = np.asarray(given)
    if got.shape != due.shape:
        return "wrong", np.inf, f"{name} must have the shape {due.shape}; it has {got.shape}"
    if got.dtype != due.dtype:
        return "wrong", np.inf, f"{name} must be {due.dtype}; it is {got.dtype}"
    if np.array_equal(got, due) or _is_valid(case, vector, name, got):
        return "bit-exact", 0.0, ""
    if case.result == "rounded":
        return _rounded(name, due, got, HALF[dtype] if limit is None else limit)
    return _whole(case, vector, name, due, got)


def _is_valid(case: Case, vector: GoldenVector, name: str, got: Array) -> bool:
    """Tell whether a gradient that differs from the stored one is another valid one: a tie, or a kink."""
    argument = name.removeprefix("grad_")
    if name == "output" or case.result != "several":
        return False
    if argument in vector.lowest:
        return bool(np.all((vector.lowest[argument] <= got) & (got <= vector.highest[argument])))
    if case.winners is None:
        return False
    from gradcheck.oracle.mistakes import distance_of

    # A share is a quotient of small integers, rounded to the dtype: what remains is as many roundings as there are.
    rounding = float(np.finfo(got.dtype).eps) * float(np.abs(vector.grad_output).sum())
    return distance_of(case, vector, got) <= rounding


def _rounded(name: str, due: Array, got: Array, limit: float) -> tuple[str, float, str]:
    off = ulps_apart(got, due)
    worst = float(off.max())
    at = np.unravel_index(int(np.argmax(off)), off.shape)
    status = "ulps" if worst <= limit else "wrong"
    return status, worst, f"{_entry(name, at)} is {got[at]!r}, rounded correctly {due[at]!r}: {worst:.3g} ulps"


def _whole(case: Case, vector: GoldenVector, name: str, due: Array, got: Array) -> tuple[str, float, str]:
    """Judge numbers that are due as integers: reciprocal and transform algorithms may miss them by their rounding."""
    apart = np.abs(got.astype(np.float64) - due)
    at = np.unravel_index(int(np.argmax(np.where(np.isnan(apart), np.inf, apart))), apart.shape)
    unit = float(np.finfo(got.dtype).eps)
    said = f"{_entry(name, at)} must be {_short(due[at])}; it is {_short(got[at])}"
    divided, sums = _sums(case, vector, name)
    if divided is not None and np.all(apart <= unit * divided):
        return "reciprocal", float(np.max(apart / np.spacing(np.abs(due)))), said
    ulps = float(np.max(apart)) / (unit * sums)
    if np.array_equal(np.rint(got), due) and ulps <= TRANSFORM_ULPS:
        return "ulps", ulps, said
    return "wrong", ulps, said


def _sums(case: Case, vector: GoldenVector, name: str) -> tuple[Array | None, float]:
    """Return what an average's divisions may round away, in units, and the largest sum of magnitudes in the case."""
    from gradcheck.oracle.operations import layer_of
    from gradcheck.oracle.places import windows_of
    from gradcheck.oracle.terms import largest_sum

    layer = layer_of(case)
    inputs = [value.astype(np.float64) for value in vector.inputs.values()]
    error = vector.grad_output.astype(np.float64)
    sums = float(largest_sum(case.operation, layer, inputs, error))
    if "avg_pool" not in case.operation:
        return None, sums
    if name == "output":
        return np.abs(vector.output).astype(np.float64), sums
    counts = np.bincount([place for window in windows_of(layer, inputs[0].shape) for place in window])
    return int(counts.max()) * layer.backward(np.abs(error), inputs[0]), sums


def ulps_apart(got: Array, due: Array) -> Array:
    """Return |got - due| in units of the last place of what is due; a NaN that is not due is infinitely far.

    >>> ulps_apart(np.array([1.0 + 2.0**-52, 2.0]), np.array([1.0, 2.0]))
    array([1., 0.])
    """
    with np.errstate(all="ignore"):
        apart = np.abs(got.astype(np.longdouble) - due.astype(np.longdouble)) / np.spacing(np.abs(due))
    same = (got == due) | (np.isnan(got) & np.isnan(due))
    return np.asarray(np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf)), dtype=np.float64)


def _entry(name: str, at: tuple[Any, ...]) -> str:
    return f"{name}[{', '.join(str(int(i)) for i in at)}]"


def _short(number: Any) -> str:
    return f"{float(number):.9g}"
