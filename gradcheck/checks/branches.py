"""Which outputs are convex or concave at a place, as far as can be told: else a claim may be a choice of branch."""

from collections.abc import Sequence

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.lines import BETWEEN, FEWEST, LineNearby, evenly
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.records import Mask


def convex_or_concave(
    instrument: Instrument, mask: Mask, *, lines: Sequence[LineNearby], others: Sequence[Measured]
) -> Mask | None:
    """Return the outputs of `mask` that are convex or concave as far as lines close by tell; None without the calls.

    Others have slopes that both rise and fall along these, or gaps of both signs along directions measured. The first
    of the lines is evaluated at 7 points, and at 15 where that tells nothing; the others as far as they were.
    """
    if instrument.left(settling=True) < FEWEST - 1:
        return None
    pure = mask & ~_of_both_signs(others, mask)
    for places in (FEWEST, BETWEEN):  # half of the points are among all of them
        if pure.any() and (places == FEWEST or (pure[mask].all() and instrument.left() >= BETWEEN - FEWEST)):
            lines[0].look_at(evenly(places))
            pure &= ~rise_and_fall(lines)
    return pure


def _of_both_signs(measured: Sequence[Measured], mask: Mask) -> Mask:
    """Outputs whose one-sided derivatives make a convex corner along one direction and a concave one along another."""
    rising, falling = np.zeros(mask.shape, dtype=bool), np.zeros(mask.shape, dtype=bool)
    for d in (m.derivative for m in measured):
        gap = np.where(d.kinky, d.right - d.left, 0.0)
        told = np.abs(gap) > THRESHOLD * d.bar
        rising |= told & (gap > 0)
        falling |= told & (gap < 0)
    return rising & falling


def rise_and_fall(lines: Sequence[LineNearby]) -> Mask:
    """Outputs whose slopes along lines close by both rise and fall, and all where forward refuses a point of them.

    Of the middle one of three tied entries they do on every line, though along no direction from the place itself there
    is a corner.
    """
    seen = [line.rise_and_fall() for line in lines]
    both: Mask = np.logical_or.reduce([r for r, _ in seen]) & np.logical_or.reduce([f for _, f in seen])
    return both
