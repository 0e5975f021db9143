"""What visibly holds of an argument's values, and how to keep it: a layer may be right only where it holds.

A trait is seen, never assumed: probabilities sum to one along an axis, a mask holds only 0 and 1, standard deviations
are positive, boundaries are sorted. Values drawn for a derived point are brought back to what held of the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff.noise import working_dtype
from gradcheck.numdiff.records import Mask, blocks

Values = NDArray[np.float64]

CLOSE = 64.0  # units of the dtype's rounding a sum or a norm may be off and still be meant exactly
TELLING = 2**12  # entries looked at for the precision: one with more than half the digits tells
FEWEST_IN_THE_INTERVAL = 4
FEWEST_POSITIVE = 3  # one number is positive half of the time
FEWEST_SORTED = 3  # two numbers are in order half of the time


@dataclass(frozen=True)
class Trait:
    """One property: `holds(values, unit)` tells whether it is visible, `keep(values, original)` restores it."""

    name: str
    holds: Callable[[Values, float], bool]
    keep: Callable[[Values, Values], Values]


def _everywhere(x: Values, holds: Callable[[Values], Mask]) -> bool:
    """Tell whether something holds of all entries; of very many it is asked until one says no."""
    flat = x.reshape(-1)
    return all(bool(np.all(holds(flat[at]))) for at in blocks(flat.size))


def _constant(x: Values) -> bool:
    return _everywhere(x, lambda part: part == x.flat[0])


def _mask(x: Values, unit: float) -> bool:  # noqa: ARG001 - one signature for all traits
    return _everywhere(x, lambda p: (p == 0) | (p == 1)) and bool(x.any() and not x.all()) and not _identity(x)


def _identity(x: Values) -> bool:
    """Tell an identity matrix, the customary first guess of a weight, from a mask or a structure that is meant."""
    return x.ndim == 2 and x.shape[0] == x.shape[1] >= 2 and np.array_equal(x, np.eye(len(x)))


def _signs(x: Values, unit: float) -> bool:  # noqa: ARG001 - one signature for all traits
    return _everywhere(x, lambda part: np.abs(part) == 1) and len(np.unique(x)) == 2


def _sums_to_one(x: Values, unit: float) -> bool:
    return x.ndim > 0 and _everywhere(x, lambda part: part >= 0) and _axis(x, unit, _total) is not None


def _unit_norm(x: Values, unit: float) -> bool:
    return x.ndim > 0 and _axis(x, unit, _length) is not None


def _total(x: Values, axis: int) -> Values:
    total: Values = np.sum(x, axis=axis, keepdims=True)
    return total


def _length(x: Values, axis: int) -> Values:
    length: Values = np.sqrt(np.sum(x * x, axis=axis, keepdims=True))
    return length


def _axis(x: Values, unit: float, measure: Callable[[Values, int], Values]) -> int | None:
    """Return the last axis of at least two entries along which `measure` is one throughout."""
    for axis in reversed(range(x.ndim)):
        room = CLOSE * unit * x.shape[axis]
        first = x[tuple(slice(None) if a == axis else slice(0, 1) for a in range(x.ndim))]
        # The first line along the axis says no where most would.
        if x.shape[axis] >= 2 and all(np.all(np.abs(measure(part, axis) - 1.0) <= room) for part in (first, x)):
            return axis
    return None


def _share(measure: Callable[[Values, int], Values]) -> Callable[[Values, Values], Values]:
    def keep(values: Values, original: Values) -> Values:
        axis = _axis(original, 2.0**-11, measure)
        total = measure(values, -1 if axis is None else axis)
        return values / np.where(total == 0, 1.0, total)

    return keep


def _orthogonal(x: Values, unit: float) -> bool:
    """Tell a square matrix of orthonormal rows, as a rotation is, whose inverse is its transpose."""
    if x.ndim != 2 or not x.shape[0] == x.shape[1] >= 2 or _identity(x):
        return False
    room = CLOSE * unit * len(x)
    # The length of the first row says no where most would.
    if not abs(float(x[0] @ x[0]) - 1.0) <= 2.0 * room:
        return False
    return bool(np.all(np.abs(x @ x.T - np.eye(len(x))) <= room))


def _sorted(x: Values, unit: float) -> bool:  # noqa: ARG001 - one signature for all traits
    if x.ndim == 0 or x.shape[-1] < FEWEST_SORTED:
        return False
    return all(bool(np.all(np.diff(part, axis=-1) > 0)) for part in (x.reshape(-1, x.shape[-1])[:1], x))


def is_symmetric(x: Values, unit: float) -> bool:
    """Tell a symmetric matrix (or a stack of them) from one that is diagonal or the same all over."""
    square = x.ndim >= 2 and x.shape[-1] == x.shape[-2] >= 2
    if not square or _constant(x):
        return False
    room = CLOSE * unit * float(np.abs(x).max())
    if np.any(np.abs(x[..., 0, :] - x[..., :, 0]) > room) or not np.any(np.triu(x, 1)):
        return False
    return bool(np.all(np.abs(x - np.swapaxes(x, -1, -2)) <= room))


def _unit_interval(x: Values, unit: float) -> bool:
    """A few positive numbers lie below one by chance; beyond that it is taken for meant, as for probabilities."""
    if x.size < FEWEST_IN_THE_INTERVAL or not _everywhere(x, lambda part: (part >= 0) & (part <= 1)):
        return False
    return not _constant(x) and not _mask(x, unit)  # the entries of a mask stay 0 and 1


def _triangular(x: Values, unit: float) -> bool:  # noqa: ARG001 - one signature for all traits
    square = x.ndim >= 2 and x.shape[-1] == x.shape[-2] >= 2
    if square and np.any(x[..., 0, -1]) and np.any(x[..., -1, 0]):
        return False
    return square and bool(x.any()) and not _identity(x) and (not np.triu(x, 1).any() or not np.tril(x, -1).any())


def _keep_symmetric(values: Values, original: Values) -> Values:
    """Scale rows and columns alike: symmetric stays symmetric and positive definite stays so."""
    sizes = np.sqrt(np.clip(np.abs(values[..., 0, :]), 2.0**-2, 2.0**2))
    scaled: Values = original * (sizes[..., :, None] * sizes[..., None, :])
    return scaled


TRAITS = (
    Trait("only 0 and 1", _mask, lambda _values, original: original),
    Trait("only -1 and 1", _signs, lambda _values, original: original),
    Trait("symmetric", is_symmetric, _keep_symmetric),
    Trait(
        "all >= 0",
        lambda x, _u: x.size >= FEWEST_POSITIVE and _everywhere(x, lambda part: part >= 0) and bool(x.any()),
        lambda values, _o: np.abs(values),
    ),
    Trait("all in [0, 1]", _unit_interval, lambda values, _o: np.abs(values) / (1.0 + np.abs(values))),
    Trait("sorted along the last axis", _sorted, lambda values, _o: np.sort(values, axis=-1)),
    Trait("triangular", _triangular, lambda values, original: np.where(original == 0, 0.0, values)),
    Trait("sums to one", _sums_to_one, _share(_total)),
    Trait("unit norm", _unit_norm, _share(_length)),
    Trait("orthogonal", _orthogonal, lambda values, _o: np.asarray(np.linalg.qr(values)[0])),
)


def traits_of(x: NDArray[np.floating]) -> tuple[Trait, ...]:
    """Return the traits that visibly hold of `x`."""
    if x.size == 0:
        return ()
    unit, exact = float(np.finfo(shown_dtype(x)).eps), x.astype(np.float64, copy=False)
    return tuple(trait for trait in TRAITS if trait.holds(exact, unit))


def shown_dtype(x: NDArray[np.floating]) -> np.dtype[np.floating]:
    """Return the precision that values show: probabilities that were rounded to float32 sum to one no better than that.

    They may be held in float64 since, by the judge of a low-precision layer or by whoever read them from a file.
    """
    some = x.reshape(-1)[:: max(1, x.size // TELLING)]
    return working_dtype(some.astype(np.float64), x.dtype)


def keep_traits(values: Values, original: NDArray[np.floating]) -> NDArray[np.floating]:
    """Bring new values to what visibly holds of `original`, in its dtype and shape."""
    exact = original.astype(np.float64, copy=False)
    for trait in traits_of(original):
        values = trait.keep(values, exact)
    return np.asarray(values, dtype=original.dtype).reshape(original.shape)
