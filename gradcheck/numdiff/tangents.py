"""Tangents and cotangents: random signs times magnitudes in [1/2, 3/2], on the grid of the floating numbers."""

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff.records import blocks, largest_size, sampled, typical_size

Array = NDArray[np.floating]

LARGEST_STEP = 2.0**-3
SMALLEST_STEP = 2.0**-34  # leaves 2^18 units of rounding between the two points of a float64 stencil at |x|'s own scale
OFF_THE_GRID = (5.0**0.5 - 1.0) / 2.0  # the golden section has the longest binary fraction there is
FEW_ULPS = 4.0  # a spread below so many ulps of the largest entry is rounding, not spread
MANY_DECADES = 1e3  # entries whose size varies by more than this have no common scale


def random_signs(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw +-1 from raw bits (some 25 times cheaper than a normal)."""
    number = int(np.prod(shape, dtype=np.int64))
    drawn, signs = _bits(rng, number), np.empty(number)
    for at in blocks(number):
        signs[at] = _signs(drawn, at)
    return signs.reshape(shape)


def random_magnitudes(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw magnitudes in [1/2, 3/2): no entry is nearly unprobed.

    256 values from single bytes are enough; they are shifted off the short binary fractions, which a backward that
    rounds its cotangent to float32 would leave alone.
    """
    number = int(np.prod(shape, dtype=np.int64))
    drawn, magnitudes = _bytes(rng, number), np.empty(number)
    for at in blocks(number):
        magnitudes[at] = _magnitudes(drawn[at])
    return magnitudes.reshape(shape)


def random_direction(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw random signs times magnitudes in [1/2, 3/2)."""
    number = int(np.prod(shape, dtype=np.int64))
    bits, sizes, direction = _bits(rng, number), _bytes(rng, number), np.empty(number)
    for at in blocks(number):
        np.multiply(_signs(bits, at), _magnitudes(sizes[at]), out=direction[at])
    return direction.reshape(shape)


def _bytes(rng: np.random.Generator, number: int) -> NDArray[np.uint8]:
    return np.frombuffer(rng.bytes(number), dtype=np.uint8)


def _bits(rng: np.random.Generator, number: int) -> NDArray[np.uint8]:
    """Return random bits, eight to a byte."""
    return _bytes(rng, (number + 7) // 8)


def _signs(bits: NDArray[np.uint8], at: slice) -> NDArray[np.float64]:
    """Return the signs of one block, which starts at a whole byte."""
    signs = np.unpackbits(bits[at.start // 8 : (at.stop + 7) // 8], count=at.stop - at.start).astype(np.float64)
    signs *= 2.0
    signs -= 1.0
    return signs


def _magnitudes(drawn: NDArray[np.uint8]) -> NDArray[np.float64]:
    parts = drawn.astype(np.float64)
    parts += OFF_THE_GRID
    parts /= 256.0
    parts += 0.5
    return parts


def natural_scale(x: Array) -> NDArray[np.float64]:
    """Return the scale of each entry: the spread of the array, |x| where the spread is zero, 1 at zero.

    Where the sizes of the entries vary over many decades they have no common scale, and each takes its own, a zero one,
    or the size nearest to one; so do zeros beside nothing but large values (a mask of zeros and minus a billion). What
    is returned is to be read only.
    """
    exact = x.astype(np.float64, copy=False)
    flat = exact.reshape(-1)
    if flat.size == 0:
        return np.abs(exact)
    least = float(np.min([np.abs(flat[at]).min() for at in blocks(flat.size)]))
    largest = largest_size(flat)
    if least > 0 and not (largest > MANY_DECADES * least and spans_decades(np.abs(sampled(flat)))):
        return _shared_scale(x, largest)
    size = np.abs(exact)
    positive = size if least > 0 else size[size > 0]
    if positive.size == 0:
        return np.ones_like(size)
    least = least or float(positive.min())
    if positive.size < size.size and least > MANY_DECADES:
        return np.where(size > 0, size, 1.0)
    if largest > MANY_DECADES * least and spans_decades(positive):
        return np.where(size > 0, size, min(max(1.0, least), largest))
    return _shared_scale(x, largest)


def _shared_scale(x: Array, largest: float) -> NDArray[np.float64]:
    """Return one scale for all entries, written down once: their spread, or else the largest size."""
    spread = float(np.std(x.astype(np.float64, copy=False)))
    tiny = float(np.finfo(x.dtype).eps) * largest
    return np.broadcast_to(np.float64(spread if spread > FEW_ULPS * tiny else largest), x.shape)


def spans_decades(positive: NDArray[np.float64]) -> bool:
    """Tell sizes that really vary over decades from a few entries that happen to lie near zero.

    A heuristic: of normally distributed numbers 1 % lie below 1/80 of the largest and 10 % below 1/8 of the median.
    """
    low, middle, high = np.quantile(sampled(positive), [0.1, 0.5, 0.9])
    return bool(high > MANY_DECADES * low or (positive.size < 10 and high > 10 * middle > 100 * low))


def on_the_grid(x: Array, tangent: NDArray[np.float64], dtype: np.dtype) -> tuple[NDArray[np.float64], float]:
    """Round `tangent` so that x + h·tangent is representable in `dtype` for every step h of the ladder.

    Returns the rounded tangent and the smallest usable step: the power of two at which a typical entry still moves
    by eight units of its grid. Entries that would not move at all are moved by one unit.
    """
    if tangent.size == 0:
        return tangent, SMALLEST_STEP
    flat, along = x.reshape(-1), tangent.reshape(-1)
    # A typical entry is as well known from a sample where there are very many.
    some, units = _moving(sampled(flat), sampled(along), dtype)
    if some.size == 0:
        some, units = _moving(flat, along, dtype)
    if some.size == 0:
        return tangent, SMALLEST_STEP
    wanted = typical_size(8.0 * units / np.abs(some))
    step = float(min(max(2.0 ** np.ceil(np.log2(max(wanted, 1e-300))), SMALLEST_STEP), LARGEST_STEP / 4))
    rounded = np.empty(along.size)
    for at in blocks(along.size):
        unit = _unit(flat[at], along[at], dtype)
        number = np.rint(along[at] * step / unit)
        np.copyto(number, np.sign(along[at]), where=(number == 0) & (along[at] != 0))
        number *= unit
        rounded[at] = number / step
    return rounded.reshape(tangent.shape), step


def _unit(x: Array, tangent: NDArray[np.float64], dtype: np.dtype) -> NDArray[np.float64]:
    """Return one unit of the grid of floating numbers that each entry moves on."""
    reach = np.abs(x.astype(np.float64, copy=False))
    reach += LARGEST_STEP * np.abs(tangent)
    unit: NDArray[np.float64] = np.spacing(reach.astype(dtype, copy=False)).astype(np.float64, copy=False)
    return unit


def _moving(x: Array, tangent: NDArray[np.float64], dtype: np.dtype) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the entries of a tangent that are not zero, and their units."""
    moving = tangent != 0
    return tangent[moving], _unit(x[moving], tangent[moving], dtype)
