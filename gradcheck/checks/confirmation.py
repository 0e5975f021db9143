"""A discrepancy is looked at again before it counts: along fresh directions, at other steps, with fresh cotangents."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcheck.checks.adjoint import EQUALISED, SET_APART, Evidence
from gradcheck.checks.comparison import THRESHOLD, Comparison, compare
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, draw_tangent, grid_dtype, line_along
from gradcheck.checks.probes import Measured, draw_cotangent, equalising_weights, judged_together, measure
from gradcheck.checks.ruling import Flag
from gradcheck.numdiff.ladder import CONTRADICTED, COVERAGE
from gradcheck.numdiff.records import Derivative, Mask, Vector, norm, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_signs

ROUNDED_AGAIN = 10.0  # how much more than in proportion a slope may feel the rounding of its direction
A_FEW = 0.1  # of the outputs
FINE_NOISE = 1e3  # at the finest look round-off is a thousandth of the typical slope
MOVED = 2.0**8  # ulps: what rounds off a change of so many is less than its 2^-8
NEIGHBOURS = 8  # an output that has one of three slopes close by has the same at all of them once in 3^8
CLOSE_BY = 2.0**6  # steps: ties are broken by much more than a step, and no kink is crossed that is not at the place
FINEST, COARSE_LOOK = 2.0**-44, 2.0**-24
SPLITS = 2  # of a direction into random halves: three tied entries fall into both with probability 15/16
OTHER_STEPS = 0.6  # a confirming tangent is shorter by this, so that no step repeats


class Look(NamedTuple):
    """A second look at a discrepancy: the comparison, None where none could be made, and what it was made of.

    `left_out` says that outputs were left out because forward has no derivative there (its slopes along the parts of
    a direction do not add up to its own), or because a much smaller step contradicts the slope (forward has structure
    finer than the ladder); `whole` that every output of the first look was looked at again.
    """

    comparison: Comparison | None
    left_out: bool
    whole: bool = False


def look_again(instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator) -> list[Flag]:
    """Look again at the worst discrepancy of each kind that is beyond the threshold."""
    return list(_looks(instrument, evidence, name, rng))


def _looks(instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator) -> Iterator[Flag]:
    for kind in dict.fromkeys(c.kind for c in evidence.of(name)):
        worst = max((c for c in evidence.of(name) if c.kind == kind), key=lambda c: c.bars)
        if worst.bars > THRESHOLD:
            yield flag(instrument, evidence, worst, rng)


def flag(instrument: Instrument, evidence: Evidence, worst: Comparison, rng: np.random.Generator) -> Flag:
    """Look at one discrepancy again, and a third time where the second look at the same outputs did not show it."""
    second = confirm(instrument, evidence, worst.argument, rng, kind=worst.kind)
    found = Flag(worst, second.comparison, second.left_out)
    if second.comparison is None or not second.whole or found.confirmed or found.excused:
        return found
    third = confirm(instrument, evidence, worst.argument, rng, kind=worst.kind)
    if third.comparison is None or not third.whole:
        return found
    return Flag(worst, second.comparison, second.left_out, third.comparison)


def confirm(instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator, *, kind: str) -> Look:
    """Look at a discrepancy again along a fresh direction, at other steps, with a fresh cotangent of the same kind."""
    place = evidence.place
    first = evidence.measured[name][0]
    fresh = measure(instrument, place, {name: OTHER_STEPS * draw_tangent(rng, place, name)}, steps=_near(first))
    derivatives = [fresh.derivative, first.derivative]
    if kind == SET_APART:
        seen = np.isfinite(place.base) & ~evidence.together & ~evidence.kinky & first.derivative.measured
        mask = np.isfinite(place.base) & ~evidence.together & fresh.derivative.measured & ~fresh.derivative.kinky
    else:
        seen, mask = evidence.together, judged_together(derivatives, place.base)
    finer = _finer(instrument, place, fresh)
    if np.count_nonzero(mask & finer) > A_FEW * np.count_nonzero(mask):
        return Look(None, True)  # what is so often refuted is not to be trusted where noise hides the refutation either
    uneven = _not_additive(instrument, place, name, fresh, rng) | _cornered(instrument, place, fresh, rng) | finer
    left_out = bool(np.any(mask & uneven))
    mask &= ~uneven
    if not mask.any():
        return Look(None, left_out)
    weights = equalising_weights([fresh.derivative], mask, place.form) if kind == EQUALISED else None
    cotangent = draw_cotangent(rng, place.form, mask, weights=weights)
    claim = instrument.gradients(cotangent, place.inputs, place.form).get(name)
    if claim is None:
        return Look(None, left_out)
    found = compare(
        name,
        claim,
        fresh.tangents[name],
        fresh.derivative,
        cotangent=cotangent,
        slack=evidence.slacks[name],
        place=place.name,
        kind="confirmation",
    )
    return Look(found, left_out, not np.any(seen & ~mask))


def _finer(instrument: Instrument, place: Place, measured: Measured) -> Mask:
    """Outputs whose slope at a much smaller step stands elsewhere than the measured one, beyond what noise explains."""
    line, step = line_along(instrument, place, dict(measured.tangents)), _finest(place, measured)
    plus, minus = line.along(step), line.along(-step)
    if plus is None or minus is None or step >= measured.derivative.step:
        return np.zeros(place.base.shape, dtype=bool)
    heard = (plus != place.base) | (minus != place.base)
    gap = np.abs((plus - place.base) + (minus - place.base)) / step
    finer: Mask = heard & _elsewhere(place, measured.derivative, (plus - minus) / (2.0 * step), step, beside=gap / 2.0)
    return finer


def _elsewhere(place: Place, d: Derivative, slope: Vector, step: float, *, beside: Vector | float = 0.0) -> Mask:
    bar = COVERAGE * place.noise / step + beside + np.abs(slope) / MOVED
    elsewhere: Mask = d.measured & (np.abs(slope - d.value) > CONTRADICTED * (bar + d.bar))
    return elsewhere


def _cornered(instrument: Instrument, place: Place, measured: Measured, rng: np.random.Generator) -> Mask:
    """Outputs whose slope is another at points close by: forward has a corner at the place that no direction shows.

    The median of three tied entries is the plainest case: along every direction it has a slope, that of the middle
    change, and close by it has the slope of any one of the three.
    """
    cornered, step = np.zeros(place.base.shape, dtype=bool), _finest(place, measured)
    if step >= measured.derivative.step:
        return cornered
    for _ in range(NEIGHBOURS):
        moved = dict(place.wide)
        for name in instrument.subject.wrt:
            x = place.wide[name]
            moved[name] = (x + CLOSE_BY * step * rng.standard_normal(x.shape) * natural_scale(x)).astype(x.dtype)
        line = line_along(instrument, replace(place, wide=moved), dict(measured.tangents))
        plus, minus = line.along(step), line.along(-step)
        if plus is not None and minus is not None:
            cornered |= (plus != minus) & _elsewhere(place, measured.derivative, (plus - minus) / (2.0 * step), step)
    return cornered


def _finest(place: Place, measured: Measured) -> float:
    """Return a step at which round-off is a thousandth of the slope, and every typical entry moves by 2^8 ulps."""
    slope = typical_size(np.abs(measured.derivative.value))
    wanted = FINE_NOISE * place.unit * typical_size(np.abs(place.base)) / slope if slope > 0 else 0.0
    for name, tangent in measured.tangents.items():
        moved = np.abs(tangent) > 0
        if moved.any():
            ulps = np.spacing(np.abs(place.wide[name]).astype(grid_dtype(place, name)))[moved].astype(np.float64)
            wanted = max(wanted, MOVED * typical_size(ulps / np.abs(tangent[moved])))
    return float(min(2.0 ** np.ceil(np.log2(max(wanted, FINEST))), COARSE_LOOK))


def _near(measured: Measured) -> tuple[float, ...]:
    """Return three steps down to the one found best."""
    best = measured.derivative.step or 2.0**-9
    return (16.0 * best, 4.0 * best, best)


def _not_additive(instrument: Instrument, place: Place, name: str, whole: Measured, rng: np.random.Generator) -> Mask:
    """Outputs whose slope is not the sum of the slopes along two parts of the direction: not differentiable here.

    The median of three tied entries is the plainest case: it is even along every direction, and its slope along each
    single entry is zero.
    """
    uneven = np.zeros(place.base.shape, dtype=bool)
    tangent = whole.tangents[name]
    if tangent.size < 2:
        return uneven
    for _ in range(SPLITS):
        half = random_signs(rng, tangent.shape) > 0
        parts = [
            measure(instrument, place, {name: np.where(side, tangent, 0.0)}, steps=_near(whole))
            for side in (half, ~half)
        ]
        d, (e, f) = whole.derivative, (part.derivative for part in parts)
        # The parts are rounded to the grid once more, which the slopes feel in proportion.
        rounded = norm(parts[0].tangents[name] + parts[1].tangents[name] - tangent) / norm(tangent)
        rounding = ROUNDED_AGAIN * rounded * (norm(e.value) + norm(f.value))
        off = np.abs(d.value - e.value - f.value)
        uneven |= d.measured & e.measured & f.measured & (off > THRESHOLD * (d.bar + e.bar + f.bar) + rounding)
    return uneven
