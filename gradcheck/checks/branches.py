"""Which outputs are convex or concave at a place, as far as can be told: else a claim may be a choice of branch."""

from collections.abc import Sequence

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.lines import BETWEEN, line_nearby
from gradcheck.checks.places import Place
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.records import Mask

CALLS = BETWEEN - 1  # of forward before a claim at a kink is accused


def convex_or_concave(
    instrument: Instrument,
    place: Place,
    mask: Mask,
    *,
    along: Measured,
    others: Sequence[Measured],
    rng: np.random.Generator,
) -> Mask:
    """Return the outputs of `mask` that are convex or concave as far as can be told; none without the calls to tell.

    Others have slopes that both rise and fall along a line close by, or gaps of both signs along directions measured.
    """
    if instrument.left() < CALLS:
        instrument.left_out.append("telling whether a claim at a kink is a choice of branch")
        return np.zeros_like(mask)
    pure = mask & ~_of_both_signs(others, mask) & ~rise_and_fall(instrument, place, along, rng)
    if np.array_equal(pure, mask) or not pure.any():
        return pure
    # Where there is one there may be others.
    again = instrument.left() >= CALLS
    return pure & ~rise_and_fall(instrument, place, along, rng) if again else np.zeros_like(mask)


def _of_both_signs(measured: Sequence[Measured], mask: Mask) -> Mask:
    """Outputs whose one-sided derivatives make a convex corner along one direction and a concave one along another."""
    rising, falling = np.zeros(mask.shape, dtype=bool), np.zeros(mask.shape, dtype=bool)
    for d in (m.derivative for m in measured):
        gap = np.where(d.kinky, d.right - d.left, 0.0)
        told = np.abs(gap) > THRESHOLD * d.bar
        rising |= told & (gap > 0)
        falling |= told & (gap < 0)
    return rising & falling


def rise_and_fall(instrument: Instrument, place: Place, measured: Measured, rng: np.random.Generator) -> Mask:
    """Outputs whose slopes along a line close by both rise and fall, and all where forward refuses a point of it.

    Of the middle one of three tied entries they do on every line, though along no direction from the place itself there
    is a corner.
    """
    line = line_nearby(instrument, place, measured, rng)
    slopes = line.slopes()
    if slopes is None:
        return np.ones(place.base.shape, dtype=bool)
    jumps, room = np.diff(slopes, axis=0), line.room()
    both: Mask = np.any(jumps > room, axis=0) & np.any(jumps < -room, axis=0)
    return both
