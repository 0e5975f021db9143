"""What a measurement along a direction returns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 2**15  # entries of a vector worked on at once: the dozen temporaries of a formula stay in cache
SAFE = 2.0**-800  # the squares of what matters beside a sum of squares as small are not lost below 2^-1022
ENOUGH_FOR_A_MEDIAN = 2**13  # as a scale it need not be known to better than a few per cent


def blocks(size: int) -> Iterator[slice]:
    """Yield the slices of at most `BLOCK` entries that a vector is worked through in."""
    for start in range(0, size, BLOCK):
        yield slice(start, min(start + BLOCK, size))


def norm(a: NDArray[np.floating]) -> float:
    """Return the root sum of squares, scaled where tiny and huge entries would vanish or overflow."""
    flat = np.asarray(a, dtype=np.float64).reshape(-1)
    squares = sum_of_squares(flat)
    if SAFE <= squares <= 1.0 / SAFE:
        return float(np.sqrt(squares))
    largest = max(float(flat.max()), -float(flat.min())) if flat.size else 0.0
    if largest == 0.0 or not np.isfinite(largest):
        return abs(largest)
    return largest * float(np.sqrt(sum(float(np.sum((flat[b] / largest) ** 2)) for b in blocks(flat.size))))


def largest_size(a: NDArray[np.floating]) -> float:
    """Return the largest magnitude, 0 of nothing, NaN where there is any."""
    return float(np.maximum(np.max(a, initial=0.0), -np.min(a, initial=0.0)))


def sum_of_squares(flat: Vector) -> float:
    """Return the sum of squares, in a loop of NumPy's own: a library's threads cost more than they gain here."""
    return float(np.einsum("i,i->", flat, flat))


def norm_of_products(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return the root sum of squares of a b, where an entry of `a` that is zero silences the other."""
    one, other = a.reshape(-1), b.reshape(-1)
    return joint_norm(norm_of_product(one[at], other[at]) for at in blocks(one.size))


def norm_of_product(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return the same of one block."""
    with np.errstate(invalid="ignore"):
        product = np.asarray(a * b, dtype=np.float64)
    squares = sum_of_squares(product)
    return float(np.sqrt(squares)) if SAFE <= squares <= 1.0 / SAFE else norm(products(a, b))


def products(a: NDArray[np.floating], b: NDArray[np.floating]) -> Vector:
    """Return a b, zero where `a` is, whatever `b` is there."""
    with np.errstate(invalid="ignore"):
        product = np.asarray(a * b, dtype=np.float64)
    return product if np.isfinite(sum_of_squares(product)) else np.where(a != 0, product, 0.0)


def joint_norm(parts: Iterable[float]) -> float:
    """Return the norm of a vector from the norms of its parts."""
    return float(np.hypot.reduce(list(parts), initial=0.0))


def root_mean_square(a: NDArray[np.floating]) -> float:
    """Return the root mean square, 0 of nothing."""
    return norm(a) / float(np.sqrt(a.size)) if a.size else 0.0


def joined_flat(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return all entries as one vector, a view where there is one part."""
    return parts[0].reshape(-1) if len(parts) == 1 else np.concatenate([part.reshape(-1) for part in parts])


def identical(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Tell whether two arrays are equal to the bit, NaN being equal to NaN (which is only asked where they are not)."""
    return bool(np.array_equal(a, b) or (a.shape == b.shape and np.array_equal(a, b, equal_nan=True)))


def sampled(a: NDArray[Any]) -> NDArray[Any]:
    """Return the entries, or where there are very many some of them."""
    flat = a.reshape(-1)
    return flat[:: sparsely(flat.size)]


def sparsely(size: int) -> int:
    """Return how far apart entries enough for a median lie, an odd distance to meet every channel."""
    return max(size // ENOUGH_FOR_A_MEDIAN, 1) | 1


def typical_size(a: NDArray[np.floating]) -> float:
    """Return the median, of a sample where there are very many, 0 of nothing."""
    return float(np.median(sampled(a))) if a.size else 0.0


@dataclass(frozen=True)
class Rung:
    """One step of a ladder, summed over the outputs: the two parts of the bar, as root sums of squares."""

    step: float
    truncation_error: float
    roundoff_error: float


@dataclass(frozen=True)
class Derivative:
    """J·tangent, measured: one value and one error bar an output entry.

    `left` and `right` are the one-sided derivatives; they differ from `value` where `kinky` is set: there the
    function has a kink at the point itself, or closer to it than any usable step. `bar` is finite where the output
    could be measured at all, `inf` elsewhere. `noise` is the rounding noise of the function itself,
    `response` the largest quotient |f(x + h t) - f(x)| / h seen on either side. `method` names
    what most of the entries were measured by; `carried` says that the function carries complex numbers.
    `proven` is the bar of the real differences beside a complex step: a term that the complex step drops silently
    (np.var, np.abs) can be as large as that.
    `steps` is the step each output was read off at, zero where by the complex step, and is not kept of very many
    outputs; `straight` counts the outputs that respond, and like a linear function at the first two steps.
    """

    value: Vector
    bar: Vector
    left: Vector
    right: Vector
    kinky: Mask
    noise: Vector
    response: NDArray[np.floating]
    method: str
    evaluations: int
    step: float = 0.0
    carried: bool = False
    proven: NDArray[np.floating] | None = None
    rungs: tuple[Rung, ...] = field(default=())
    steps: NDArray[np.floating] = field(default_factory=lambda: np.zeros(0))
    straight: int = 0

    @property
    def measured(self) -> Mask:
        """Where a finite bar was found."""
        return np.isfinite(self.bar)

    def outline(self) -> "Derivative":
        """Return what is told of all outputs together, without the vectors."""
        no, none = np.zeros(0), np.zeros(0, dtype=bool)
        kept = replace(self, value=no, bar=no, left=no, right=no, noise=no, response=no)
        return replace(kept, steps=no, kinky=none, proven=None)

    def part(self, at: slice) -> "Derivative":
        """Return some of the outputs alone; what is told of all of them together stays."""
        names = ("value", "bar", "left", "right", "kinky", "noise", "response")
        proven = None if self.proven is None else self.proven[at]
        return replace(self, proven=proven, **{name: getattr(self, name)[at] for name in names})


def nowhere(base: Vector, noise: Vector) -> Derivative:
    """Return the derivative of which nothing is known."""
    zero = np.zeros(base.shape)
    nothing = np.full(base.shape, np.inf)
    silent = np.zeros(base.shape, dtype=bool)
    return Derivative(zero, nothing, zero, zero, silent, noise, zero, "one-sided differences", 2)
