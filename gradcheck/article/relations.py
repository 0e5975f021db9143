"""Sums of monomials as index relations: plain data that reads the same with integers and with a solver's symbols.

Two sums of monomials a[p] b[q] are equal for all arrays exactly when every pair (p, q) occurs equally often in both.
The relations here are along one axis; the other axis has the same one, and no relation mixes the two, so that sets
of pairs are products over the axes. What does mix them, a kernel that is its own rotation, is told by `condition`.
"""

# ruff: noqa: ARG005 - the fields of a sum take the same arguments, whichever they need

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Int = Any  # an int, or a solver's expression of one
Constraint = Any
Condition = Literal["first turned", "second turned", "k = 1", "H = k", "H = 1", "second vanishes"]


@dataclass(frozen=True)
class Axis:
    """The sizes along one axis: H of the map, k of the kernel, n of the output; stride, dilation, padding.

    `divide` is divmod, for symbols by a quotient and a remainder of their own; `tap` is a further index, where used.
    """

    size: Int
    k: Int
    stride: Int = 1
    dilation: Int = 1
    padding: Int = 0
    tap: Int = 0
    outputs: Int | None = None
    divide: Callable[[Int, Int], tuple[Int, Int]] = divmod

    @property
    def n(self) -> Int:
        """The number of outputs; H - k + 1 where it is not given."""
        return self.size - self.k + 1 if self.outputs is None else self.outputs

    def extent(self, name: str) -> Int:
        """Return how many entries an array has along this axis."""
        return {"o": self.size, "w": self.k, "delta": self.n, "cell": self.k}[name]


Place = Callable[[Axis, Int, Int], Int]


def _always(z: Axis, at: Int, t: Int) -> list[Constraint]:  # noqa: ARG001 - the signature of a guard
    return []


@dataclass(frozen=True)
class Sum:
    """The sum over t from `low` to `high` of a[first] b[second], at an index `at`; `names` are a and b.

    `by_first` and `by_second` give t back from the index of one factor: they prove that no monomial occurs twice.
    `zero` names the factors that read zero outside of their array; the others are undefined there. `guard` are
    further conditions on a term, such as a division without remainder.
    """

    names: tuple[str, str]
    first: Place
    second: Place
    by_first: Place | None
    by_second: Place | None
    low: Callable[[Axis, Int], Int] = lambda z, at: 0
    high: Callable[[Axis, Int], Int] = lambda z, at: z.k - 1
    zero: frozenset[str] = field(default_factory=frozenset)
    guard: Callable[[Axis, Int, Int], list[Constraint]] = _always

    def in_range(self, z: Axis, at: Int, t: Int) -> list[Constraint]:
        """Return what says that t is summed over and its term is not left out."""
        return [self.low(z, at) <= t, t <= self.high(z, at), *self.guard(z, at, t)]

    def places(self, z: Axis, at: Int, t: Int) -> tuple[Int, Int]:
        """Return (p, q) of the monomial a[p] b[q]."""
        return self.first(z, at, t), self.second(z, at, t)

    def inside(self, z: Axis, at: Int, t: Int, *, zero: bool) -> list[Constraint]:
        """Return what says that the factors lie inside: those that read zero outside, or the others."""
        bounds = []
        for name, place in zip(self.names, self.places(z, at, t), strict=True):
            if (name in self.zero) == zero:
                bounds += [place >= 0, place < z.extent(name)]
        return bounds


Domain = Callable[[Axis, Int], Sequence[Constraint]]


@dataclass(frozen=True)
class Equal:
    """Two sums are equal at every index of the domain; along one axis, or under a `condition` that decides."""

    left: Sum
    right: Sum
    domain: Domain
    condition: Condition | None = None


@dataclass(frozen=True)
class Gradient:
    """The gradient of sum_i delta[i] `forward`[i] by one factor of forward ("first", "second") is `claimed`.

    The monomials of the gradient at j are delta[i] b[q] for all terms (i, t) of forward that read that factor at j.
    """

    forward: Sum
    by: Literal["first", "second"]
    claimed: Sum
    outputs: Domain
    condition: Condition | None = None


@dataclass(frozen=True)
class Single:
    """At most one term of `forward` at i reads one factor at j; where `exists` says, one does, and it is term t."""

    forward: Sum
    by: Literal["first", "second"]
    outputs: Domain
    term: Place
    exists: Callable[[Axis, Int, Int], Sequence[Constraint]]


Relation = Equal | Gradient | Single


def monomials(one: Sum, z: Axis, at: int) -> Counter[tuple[int, int]]:
    """Count the monomials of a sum at one index, for integer sizes; raise LookupError where one is undefined.

    >>> corr = Sum(("o", "w"), lambda z, i, m: i + m, lambda z, i, m: m, None, None)
    >>> sorted(monomials(corr, Axis(4, 2), 1))
    [(1, 0), (2, 1)]
    """
    found: Counter[tuple[int, int]] = Counter()
    for t in range(one.low(z, at), one.high(z, at) + 1):
        if not all(one.guard(z, at, t)):
            continue
        if not all(one.inside(z, at, t, zero=False)):
            raise LookupError(f"term {t} at {at} reads outside of an array")
        if all(one.inside(z, at, t, zero=True)):
            found[one.places(z, at, t)] += 1
    return found


def gradient_monomials(forward: Sum, by: str, z: Axis, at: int) -> Counter[tuple[int, int]]:
    """Count the monomials delta[i] b[q] of the gradient by one factor at `at`, from forward alone."""
    found: Counter[tuple[int, int]] = Counter()
    for i in range(z.n):
        for (p, q), count in monomials(forward, z, i).items():
            here, other = (p, q) if by == "first" else (q, p)
            if here == at:
                found[i, other] += count
    return found


def indices(domain: Domain, z: Axis) -> Iterator[int]:
    """All indices of a domain, for integer sizes."""
    return (at for at in _around(z) if all(domain(z, at)))


def _around(z: Axis) -> Iterable[int]:
    reach = z.size + z.k + z.n
    return range(-reach, reach + 1)


def turned(one: Sum, **changes: Any) -> Sum:
    """Return the sum with some fields replaced."""
    return replace(one, **changes)
