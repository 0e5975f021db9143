"""Which outputs are convex or concave at a place, as far as can be told: else a claim may be a choice of branch."""

from dataclasses import replace

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import Claims, measure_close
from gradcheck.checks.places import Place, line_along
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.records import Mask, Vector
from gradcheck.numdiff.tangents import natural_scale

NEIGHBOURS = 8
NEARBY, NEIGHBOUR_STEP = 2.0**-12, 2.0**-20  # of the natural scale: far enough from each other to leave every tie
BENT = 2.0**-6  # of an interval: what it may change over the distance to the points nearby, 64 times that
CALLS = 32  # of forward before a claim at a kink is accused: parts and neighbours
AGAIN = 16  # of forward, of these, for neighbours once more
PARTS = 8  # a direction is split into at most so many parts to tell convex outputs from others


def convex_or_concave(
    instrument: Instrument, place: Place, claims: Claims, mask: Mask, *, along: Measured, rng: np.random.Generator
) -> Mask:
    """Return the outputs of `mask` that are convex or concave as far as can be told; none without the calls to tell."""
    if instrument.left(open_question=True) < CALLS:
        instrument.left_out.append("telling whether a claim at a kink is a choice of branch")
        return np.zeros_like(mask)
    pure = mask & ~_mixed(instrument, place, claims, mask, rng)
    if not pure.any():
        return pure
    pure &= ~outside(instrument, place, along, rng)
    if np.array_equal(pure, mask):
        return pure
    # Where there is one there may be others.
    again = instrument.left(open_question=True) >= AGAIN
    return pure & ~outside(instrument, place, along, rng) if again else np.zeros_like(mask)


def _mixed(instrument: Instrument, place: Place, claims: Claims, mask: Mask, rng: np.random.Generator) -> Mask:
    """Outputs that are neither convex nor concave: their gaps have both signs along parts of the space."""
    names = [name for name, claim in claims.items() if claim is not None]
    rising, falling = np.zeros(mask.shape, dtype=bool), np.zeros(mask.shape, dtype=bool)
    labels = {name: rng.integers(PARTS, size=place.wide[name].shape) for name in names}
    total = sum(place.wide[name].size for name in names)
    if total <= PARTS:
        start = 0
        for name in names:
            size = place.wide[name].size
            labels[name] = np.arange(start, start + size).reshape(place.wide[name].shape)
            start += size
    for part in range(min(PARTS, max(total, 1))):
        tangents = {name: np.where(labels[name] == part, natural_scale(place.wide[name]), 0.0) for name in names}
        d = measure_close(instrument, place, tangents).derivative
        gap = np.where(d.kinky, d.right - d.left, 0.0)
        told = np.abs(gap) > THRESHOLD * d.bar
        rising |= told & (gap > 0)
        falling |= told & (gap < 0)
    return rising & falling & mask


def outside(instrument: Instrument, place: Place, measured: Measured, rng: np.random.Generator) -> Mask:
    """Outputs that have slopes at points close by which lie outside their interval: neither convex nor concave.

    Of a convex function no slope lies outside -f'(x; -t) ... f'(x; t), at any point as close as that. Of the middle
    one of three tied entries two thirds do, though its gaps show nothing.
    """
    d = measured.derivative
    low, high = np.minimum(d.left, d.right), np.maximum(d.left, d.right)
    room = room_beside(place, measured)
    found = np.zeros(place.base.shape, dtype=bool)
    for slope in slopes_nearby(instrument, place, measured, rng):
        found |= (slope < low - room) | (slope > high + room)
    return found


def room_beside(place: Place, measured: Measured) -> Vector:
    """Return how far a slope nearby may lie from an end of the interval and still be meant by it."""
    d = measured.derivative
    return THRESHOLD * d.bar + BENT * np.abs(d.right - d.left) + COVERAGE * place.noise / NEIGHBOUR_STEP


def slopes_nearby(instrument: Instrument, place: Place, measured: Measured, rng: np.random.Generator) -> list[Vector]:
    """Return the slopes along a direction at points so close by that only branches differ there."""
    slopes = []
    for _ in range(NEIGHBOURS):
        moved = dict(place.wide)
        for name in instrument.subject.wrt:
            x = place.wide[name]
            moved[name] = x + NEARBY * rng.standard_normal(x.shape) * natural_scale(x)
        line = line_along(instrument, replace(place, wide=moved), dict(measured.tangents))
        plus, minus = line.along(NEIGHBOUR_STEP), line.along(-NEIGHBOUR_STEP)
        if plus is not None and minus is not None:
            slopes.append((plus - minus) / (2.0 * NEIGHBOUR_STEP))
    return slopes
