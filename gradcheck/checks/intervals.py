"""One-sided derivatives close to a place, and claims held against the intervals between them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcheck.checks.comparison import Comparison, Slack, inner
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, line_along
from gradcheck.checks.probes import Measured, measure
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.records import Derivative, Vector, norm, nowhere
from gradcheck.subject import Array

Claims = Mapping[str, Array | None]

CLOSE_STEP = 2.0**-20  # close enough to the point that other kinks rarely interfere
STEEPEST = 2.0**8  # times its slope and scale: a smooth function that curves more was no kink to the ladder
COARSE_CLOSE_STEPS = (2.0**-6, 2.0**-8)  # for a forward that works in float32 or float16


class Answer(NamedTuple):
    """A cotangent at kinky outputs, and what backward claims for it."""

    cotangent: Vector
    claims: Claims


def measure_close(instrument: Instrument, place: Place, tangents: dict[str, Array]) -> Measured:
    """Measure one-sided derivatives close to the place: by one pair of calls, or two for a forward of low precision.

    A pair is off by h |f''| / 2; what curves so much that this is more than 2^-13 of its slope would have been kinky at
    all steps of the ladder.
    """
    real = replace(place, carries_complex=False)
    if place.work != np.float64:
        return measure(instrument, real, tangents, steps=COARSE_CLOSE_STEPS, close=True)
    line, h = line_along(instrument, real, tangents), CLOSE_STEP
    plus, minus = line.along(h), line.along(-h)
    if plus is None or minus is None:
        return Measured(dict(tangents), nowhere(place.base, place.noise))
    with np.errstate(all="ignore"):
        right, left = (plus - place.base) / h, (place.base - minus) / h
        larger = np.maximum(np.abs(right), np.abs(left))
        bar = 2.0 * COVERAGE * place.noise / h + STEEPEST * h * larger
    bar = np.where(np.isfinite(bar), bar, np.inf)
    found = replace(nowhere(place.base, place.noise), value=(left + right) / 2.0, left=left, right=right, bar=bar)
    return Measured(dict(tangents), replace(found, kinky=np.abs(right - left) > bar, step=h))


def against_interval(
    claims: Claims, measured: Measured, cotangent: Vector, slacks: Mapping[str, Slack], *, place: Place, kind: str
) -> list[Comparison]:
    """Hold claims for one cotangent against the interval along a direction; every argument moved is blamed alike."""
    names = [name for name in measured.tangents if claims.get(name) is not None]
    if not names:
        return []
    low, high, bar = interval(measured.derivative, cotangent)
    parts = {name: (claims[name], measured.tangents[name]) for name in names}
    claimed = sum(inner(claim, tangent) for claim, tangent in parts.values() if claim is not None)
    reach = {name: norm(claim * tangent) for name, (claim, tangent) in parts.items() if claim is not None}
    slack = max((slacks[name] for name in names if name in slacks), key=lambda s: s.unit, default=None)
    rounding = 0.0 if slack is None else slack.relative_rounding * sum(reach.values())
    noise = 0.0 if slack is None else 16.0 * norm(cotangent * slack.noise)
    nearest = min(max(claimed, low), high)
    blamed = [name for name in names if reach[name] > 0] or names
    return [
        Comparison(
            argument=name,
            place=place.name,
            kind=kind,
            claimed=claimed,
            measured=nearest,
            measured_bar=bar,
            bar=bar + rounding + noise,
            reach=reach[name],
            entries=max(int(np.count_nonzero(parts[name][1])), 1),
            shown=max(abs(low), abs(high)),
            method="one-sided differences",
        )
        for name in blamed
    ]


def interval(derivative: Derivative, cotangent: Vector) -> tuple[float, float, float]:
    """Return the sum of the outputs' intervals, weighted, and its bar (bars added up: nothing here is independent)."""
    used = cotangent != 0
    left, right = cotangent[used] * derivative.left[used], cotangent[used] * derivative.right[used]
    low, high = float(np.sum(np.minimum(left, right))), float(np.sum(np.maximum(left, right)))
    return low, high, float(np.sum(np.abs(cotangent[used]) * derivative.bar[used]))
