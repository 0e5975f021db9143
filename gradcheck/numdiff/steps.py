"""Does a function move in steps? Whether its values lie on one grid, as those of `floor` and of quantisers do."""

from typing import Any

import numpy as np

from gradcheck.numdiff.noise import BY_CHANCE, COARSE_SPACING, COARSEST_GRID, STEPS, Row, mostly_silent
from gradcheck.numdiff.records import Vector, sampled

STEPS_BY_CHANCE = BY_CHANCE // 2  # bits beyond those of float16, at each of the two points that are looked at
REMAINDER = 0.25  # of the least step: less is none that rounding has left over
ROUNDINGS = 16.0  # of a value and of the one that it is compared with: of a quantiser's few operations


def may_be_steps(base: Vector, row: Row | None, work: np.dtype[Any]) -> bool:
    """Tell whether most outputs stay the same to the bit close by, and lie on one grid of large steps with the others.

    At the edge of a clip an output leaves that grid, and at a jump it does not.
    """
    if row is None or not (row.spacing > COARSE_SPACING or mostly_silent(row, base)):
        return False
    return on_steps(base, row.before, row.after, row.beyond, work=work)


def rounded_height(base: Vector, row: Row, work: np.dtype[Any]) -> float:
    """Return the height of steps so low that rounding of something of ordinary size makes them; 0.0 for others.

    log(cosh x) at 1e-7 comes in steps of 2^-52, but for the rounding of the logarithm.
    """
    step = _step_of(base, row.before, row.after, row.beyond, work=work)
    return step if step <= 2.0**COARSEST_GRID else 0.0


def on_steps(base: Vector, *others: Vector, work: np.dtype[Any]) -> bool:
    """Tell whether values lie on one grid of large steps, whatever their height, which no rounding explains.

    Rounding to float16 and a factor give a value steps of at most 2^-10 of its size: larger ones for large values,
    smaller ones for small values, which lie on the grid of k times theirs by chance with probability 1/k. Any two
    levels lie on some grid: the two largest tell nothing. Where `others` leave the grid of the first it is none.
    `work` is the precision that they are computed in.
    """
    step = _step_of(base, *others, work=work)
    sizes = np.unique(np.abs(base[np.isfinite(base) & (base != 0)]))[:-2]
    beyond = np.floor(np.log2(step / (sizes * float(np.finfo(np.float16).eps)))) if step else sizes[:0]
    return float(np.sum(np.maximum(beyond, 0.0))) >= STEPS_BY_CHANCE


def may_lie_on_steps(values: Vector, work: np.dtype[Any]) -> bool:
    """Tell whether nothing is against large steps: all values lie on one grid of these, or are not two."""
    return np.unique(values[np.isfinite(values)]).size < 2 or _step_of(values, work=work) > 0.0


def _step_of(base: Vector, *others: Vector, work: np.dtype[Any]) -> float:
    """Return the height of the steps on which values of a precision lie, 0.0 for none of at least 2^-12 of them."""
    values = np.concatenate([base, *others])
    values, known = values[np.isfinite(values)], base[np.isfinite(base)]
    least = STEPS * float(np.max(np.abs(known), initial=0.0))
    step = _common_step(np.abs(np.diff(sampled(known))), least)
    if not step:
        return 0.0
    # What is next to nothing is not on the grid for that: every value is held to its own rounding.
    smallest = values[np.argmin(np.abs(values))]
    off = np.abs(values - smallest - step * np.rint((values - smallest) / step))
    room = ROUNDINGS * float(np.finfo(work).eps) * (np.abs(values) + abs(float(smallest)))
    return step if np.all(off <= room) else 0.0


def _common_step(distances: Vector, least: float) -> float:
    """Return the largest number of which all distances are multiples, by Euclid's algorithm; 0.0 if below `least`.

    A remainder of a quarter of that is taken for none. Rounding errors grow with every division; the largest distance
    tells the step without them.
    """
    step, longest = 0.0, float(np.max(distances, initial=0.0))
    for distance in np.sort(distances)[::-1]:
        larger, smaller = step, float(distance)
        while larger > 0.0 and smaller > REMAINDER * least:
            if smaller < least:
                return 0.0
            larger, smaller = smaller, abs(larger - float(np.rint(larger / smaller)) * smaller)
        step = larger or smaller
        step = longest / float(np.rint(longest / step)) if step else 0.0
    return step if step >= least else 0.0
