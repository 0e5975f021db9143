"""Points derived from the caller's: other values that keep what visibly holds of them, and a batch of one more."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck.checks.traits import keep_traits, shown_dtype, traits_of
from gradcheck.numdiff.long_ladder import REMEMBERED
from gradcheck.numdiff.records import blocks, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_direction, random_signs
from gradcheck.subject import Array, Inputs, is_floating

NEAR_THE_END = 0.15
SHRUNK, MOVED = 0.75, 0.5  # another value for an entry that cannot change places with another: smaller, or not zero
BREAK_TIES = 0.1
ANOTHER = 0.5  # of the natural scale: how far a further sample is from the one before
SHIFTS = frozenset({"bias", "biases", "gamma", "beta"})  # arguments by these names are parameters, whatever their shape
MODERATE, WIDE = 3.0, 6.0  # exponents of two: magnitudes from 1/8 to 8 and from 1/64 to 64
FAR = 2.0**WIDE  # values that typically lie further from one than this keep their own scale


AWAY = 2.0**-10  # of the natural scale: beyond what np.isclose takes for a tie
CLOSE_BY = "the values moved by 1e-3 of their size"


def _shuffled(x: Array, rng: np.random.Generator) -> Array:
    """Return the sizes in another order, with random signs, and a little apart: ties and zeros were judged already."""
    sizes = rng.permutation(np.abs(x).ravel()).reshape(x.shape)
    typical = typical_size(sizes[sizes > 0]) or 1.0
    apart = np.where(sizes > 0, sizes, typical) * rng.uniform(1.0 - BREAK_TIES, 1.0 + BREAK_TIES, size=x.shape)
    return apart * random_signs(rng, x.shape)


def natural_centre(x: Array) -> float:
    """Return the size around which values are drawn: one, or their own where that is far from one."""
    typical = typical_size(np.abs(x)) if x.size else 1.0
    return typical if typical > FAR or 0.0 < typical < 1.0 / FAR else 1.0


def _spread(exponent: float) -> Callable[[Array, np.random.Generator], Array]:
    return lambda x, rng: natural_centre(x) * _every_octave(x, rng, exponent)


def _every_octave(x: Array, rng: np.random.Generator, exponent: float) -> Array:
    """Return magnitudes from all octaves alike, with alternating signs: even a small array meets every region.

    The exponents are one from each of n equal strata, in random order; the sign changes from stratum to stratum.
    """
    order = rng.permutation(x.size)
    # The farthest stratum comes first and is met near its end, so that a single entry goes far too; the nearest is met
    # near its own end, so that the whole range is, between 0 and 1 as well.
    values: Array = rng.random(x.size)
    for at in blocks(x.size):
        end = order[at] / max(x.size - 1, 1)
        within = np.abs(end - NEAR_THE_END * values[at])  # nowhere known beforehand: one would be a round number
        strata = 1.0 - (order[at] + within) / x.size
        values[at] = (1.0 - 2.0 * (order[at] % 2)) * np.exp2(exponent * (2.0 * strata - 1.0))
    return values.reshape(x.shape)


def _the_other_signs(x: Array, rng: np.random.Generator) -> Array:
    """Return wide magnitudes with the opposite of the moderate point's signs: no entry sees one sign alone."""
    return -_spread(WIDE)(x, rng)


# Values so large multiply up: formulas that are right may overflow there.
FAR_OUT = "magnitudes from 1/64 to 64"
# The last ones are kept where few can be had.
KINDS: tuple[tuple[str, Callable[[Array, np.random.Generator], Array]], ...] = (
    ("the values shuffled, with random signs", _shuffled),
    ("magnitudes from 1/8 to 8", _spread(MODERATE)),
    (FAR_OUT, _the_other_signs),
)


def elsewhere(inputs: Inputs, names: Sequence[str]) -> dict[str, Any]:
    """Return other inputs of the same shapes: those of `names` reversed along every axis, which keeps most domains."""
    return {name: _reversed(value) if name in names else value for name, value in inputs.items()}


def _reversed(value: Array) -> Array:
    flipped = np.flip(value).copy()
    if not np.array_equal(flipped, value):
        return flipped
    return np.where(value == 0, MOVED, SHRUNK * value).astype(value.dtype)


def ordinary_inputs(inputs: Inputs, names: Sequence[str], rng: np.random.Generator) -> list[tuple[str, dict[str, Any]]]:
    """Return a point of ordinary size, whatever the size of the caller's values."""
    values = {n: keep_traits(_every_octave(inputs[n], rng, MODERATE), inputs[n]) for n in names}
    return [("magnitudes around one", dict(inputs) | _in_order(values, inputs))]


def derived_inputs(
    inputs: Inputs, names: Sequence[str], rng: np.random.Generator, *, number: int = len(KINDS), but: int = 0
) -> list[tuple[str, dict[str, Any]]]:
    """Return points derived from `inputs`: new values for `names`, that keep what visibly holds of the old ones.

    They are of the last `number` kinds, but for the last few of these.
    """
    points = []
    seed = int(rng.integers(2**63))
    for kind, draw in KINDS[len(KINDS) - number : len(KINDS) - but]:
        source = np.random.default_rng(seed)
        values = {n: keep_traits(draw(inputs[n].astype(np.float64), source), inputs[n]) for n in names}
        points.append((kind, dict(inputs) | _in_order(values, inputs)))
    return points


def close_by(inputs: Inputs, names: Sequence[str], rng: np.random.Generator) -> list[tuple[str, dict[str, Any]]]:
    """Return the caller's point with ties broken: every value moved by a little, where what holds of them allows it."""
    moved = {n: _moved_a_little(inputs[n], rng) for n in names}
    changed = any(not np.array_equal(value, inputs[n]) for n, value in moved.items())
    return [(CLOSE_BY, dict(inputs) | moved)] if changed else []


def _moved_a_little(x: Array, rng: np.random.Generator) -> Array:
    room, kept = 2.0 * AWAY * natural_scale(x), traits_of(x)
    moved = (x + 0.5 * room * random_direction(rng, x.shape)).astype(x.dtype)
    for trait in kept:
        if trait not in traits_of(moved):
            moved = trait.keep(moved.astype(np.float64), x.astype(np.float64)).astype(x.dtype)
    near = bool(np.all(np.abs(moved - x) <= room)) and set(kept) <= set(traits_of(moved))
    return moved if near else x


def larger_batch_of(
    points: Sequence[tuple[str, dict[str, Any]]], varied: Sequence[str], rng: np.random.Generator
) -> list[tuple[str, dict[str, Any]]]:
    """Return candidates that are one of `points` with one sample more: one look at other values and another batch."""
    return [(f"{batch}, {kind}", more) for kind, inputs in points for batch, more in larger_batch(inputs, varied, rng)]


def _in_order(values: dict[str, Array], inputs: Inputs) -> dict[str, Array]:
    """Keep arguments of one shape in order where every entry of the one lies below the other (bounds, intervals)."""
    names = list(values)
    for i, low in enumerate(names):
        for high in names[i + 1 :]:
            if inputs[low].shape != inputs[high].shape:
                continue
            a, b = values[low], values[high]
            if np.all(inputs[low] < inputs[high]):
                values[low], values[high] = np.minimum(a, b), np.maximum(a, b)
            elif np.all(inputs[low] > inputs[high]):
                values[low], values[high] = np.maximum(a, b), np.minimum(a, b)
    return values


def larger_batch(inputs: Inputs, varied: Sequence[str], rng: np.random.Generator) -> list[tuple[str, dict[str, Any]]]:
    """Return candidates with one sample more: of all arrays that share the first one's leading axis, or of it alone.

    A fault may show only at a batch of more than one, or at any batch but the caller's. One sample becomes three,
    unless it is very large: what normalises over two has next to no gradient. What is named as a shift or a scale is
    of the layer, and no sample.
    """
    arrays = {name: value for name, value in inputs.items() if isinstance(value, np.ndarray) and value.ndim}
    first = next((name for name, value in arrays.items() if is_floating(value) and value.ndim >= 2), None)
    if first is None or len(arrays[first]) == 0:
        return []
    number = len(arrays[first])
    sharing = [n for n, v in arrays.items() if len(v) == number and (number > 1 or v.ndim >= 2 or not is_floating(v))]
    # A bias of one row is no sample, whatever the batch is.
    shifts = SHIFTS if first == "a" else SHIFTS | {"b"}
    sharing = [n for n in sharing if n == first or n.rsplit(".", 1)[-1].lower() not in shifts]
    # Parameters may share the number by chance; constants that share it (labels) belong to the samples.
    alone = [[first]] if len(sharing) > 1 and set(sharing) <= set(varied) else []
    added = 2 if number == 1 and max(inputs[n].size for n in sharing) <= REMEMBERED else 1
    candidates = []
    for names in [sharing, *alone]:
        for others in _other_numbers([inputs[n] for n in names]):
            more = {n: inputs[n] for n in names}
            for _ in range(added):
                more = {
                    n: np.concatenate([x, _another_sample(x, rng, vary=n in varied, others=others)])
                    for n, x in more.items()
                }
            if all(traits_of(value) == traits_of(inputs[n]) for n, value in more.items() if is_floating(value)):
                candidates.append((f"a batch of {number + added}", dict(inputs) | more))
    return candidates


def _are_distinct(x: Array) -> bool:
    """Tell whether these are whole numbers of which none occurs twice: a permutation, positions, places to write to."""
    return bool(np.issubdtype(x.dtype, np.integer)) and x.ndim == 1 and 2 <= x.size == np.unique(x).size


def _other_numbers(arrays: Sequence[Array]) -> list[Callable[[Array], int]]:
    """Return the ways to add a number to those of which none occurs twice, so that none does.

    One above all keeps their order, and a permutation one. Where that is too large to be a label or a position, it is
    the least that is missing between them, if there is any.
    """
    ways: list[Callable[[Array], int]] = [lambda x: int(x.max()) + 1]
    distinct = [x for x in arrays if _are_distinct(x)]
    if distinct and all(_missing(x) is not None for x in distinct):
        ways.append(lambda x: int(_missing(x) or 0))
    return ways


def _missing(x: Array) -> int | None:
    between = np.setdiff1d(np.arange(x.min(), min(x.max(), x.min() + x.size) + 1), x)
    return int(between[0]) if between.size else None


def _another_sample(x: Array, rng: np.random.Generator, *, vary: bool, others: Callable[[Array], int]) -> Array:
    """Return the last sample once more, apart from itself where it is under test, or where no two were equal.

    Not by little: what normalises over a batch of two nearly equal samples is too steep to be measured.
    """
    if not vary:
        return np.array([others(x)], dtype=x.dtype) if _are_distinct(x) else x[-1:]
    if not traits_of(x):  # nothing joins it to the others
        change = ANOTHER * natural_scale(x)[-1:] * random_direction(rng, x[-1:].shape)
        return np.asarray(x[-1:] + change, dtype=x.dtype)
    apart = x.astype(np.float64) + ANOTHER * natural_scale(x) * random_direction(rng, x.shape)
    return keep_traits(apart, x)[-1:].astype(shown_dtype(x)).astype(x.dtype)
