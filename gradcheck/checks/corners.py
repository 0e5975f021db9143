"""Outputs without a derivative at a place that no ladder shows: corners, and structure finer than its steps.

The median of three tied entries is the plainest corner: along every direction it has a slope, that of the middle
change, forward and backward. It shows where slopes along two halves of a direction do not add up to its own, and in
slopes at points close by, which are those of any one of the three.
"""

from dataclasses import replace

import numpy as np

from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, grid_dtype, line_along
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.ladder import CONTRADICTED, COVERAGE
from gradcheck.numdiff.records import Mask, Vector, norm, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_signs
from gradcheck.subject import Array

ROUNDED_AGAIN = 10.0  # how much more than in proportion a slope may feel the rounding of its direction
FINE_NOISE = 1e3  # at the finest look round-off is a thousandth of the typical slope
MOVED = 2.0**8  # ulps: what rounds off a change of so many is less than its 2^-8
NEIGHBOURS = 8  # an output that has one of three slopes close by has the same at all of them once in 3^8
SPLITS = 2  # of a direction into random halves: three tied entries fall into both with probability 15/16
WHERE_NOTHING_IS_EQUAL = (2, 1)  # neighbours and splits: there only ties that forward makes itself can meet
AT_DERIVED_POINTS = (1, 0)  # whose values are drawn at random, once the given point has shown no disagreement
CLOSE_BY = 2.0**6  # steps: ties are broken by much more than a step, and no kink is crossed that is not at the place
CLOSE_STEP = 2.0**-38  # of two slopes that differ by 0.1 % none is taken for the other, and kinks are told at 1e-9
FINEST, COARSE_LOOK = 2.0**-44, 2.0**-24


def finer_structure(instrument: Instrument, place: Place, measured: Measured) -> Mask:
    """Outputs whose slope at a much smaller step stands elsewhere than the measured one, beyond what noise explains."""
    line, step = line_along(instrument, place, dict(measured.tangents)), _finest(place, measured)
    plus, minus = line.along(step), line.along(-step)
    if plus is None or minus is None or step >= measured.derivative.step:
        return np.zeros(place.base.shape, dtype=bool)
    heard = (plus != place.base) | (minus != place.base)
    gap = np.abs((plus - place.base) + (minus - place.base)) / step
    finer: Mask = heard & _elsewhere(place, measured, (plus - minus) / (2.0 * step), step, beside=gap / 2.0)
    return finer


def corners(instrument: Instrument, place: Place, name: str, measured: Measured, *, rng: np.random.Generator) -> Mask:
    """Outputs that have no derivative at the place, by slopes along halves of the direction and at points close by.

    Where nothing about the values is equal, zero or round, ties can only come from inside forward, and a few looks do
    (8 calls, 2 at a derived point); else all of them are taken (24).
    """
    ordinary = nothing_is_equal(place, instrument.subject.wrt)
    few = WHERE_NOTHING_IS_EQUAL if place.given else AT_DERIVED_POINTS
    neighbours, splits = few if ordinary else (NEIGHBOURS, SPLITS)
    found = np.zeros(place.base.shape, dtype=bool)
    step = max(_finest(place, measured), CLOSE_STEP)
    slope = typical_size(np.abs(measured.derivative.value))
    if step >= measured.derivative.step or COVERAGE * typical_size(place.noise) / step > slope:
        return found  # a look so close would show rounding alone
    if measured.tangents[name].size > 1:
        for _ in range(splits):
            found |= _not_additive(instrument, place, name, measured, step=step, rng=rng)
    for _ in range(neighbours):
        found |= _cornered(instrument, place, measured, step, rng=rng)
    return found


def nothing_is_equal(place: Place, names: tuple[str, ...]) -> bool:
    """Tell whether the values are all different in size, none of them zero or a short binary fraction."""
    sizes = np.sort(np.concatenate([np.abs(place.wide[name]).ravel() for name in names]))
    if not sizes.size or sizes[0] == 0 or np.any(sizes[1:] == sizes[:-1]):
        return False
    narrow = np.float32 if np.array_equal(sizes.astype(np.float32), sizes) else np.float64
    # A number drawn at random fits into half the bits of its dtype with probability 2^-12 or less.
    scaled = np.frexp(sizes)[0] * 2.0 ** (np.finfo(narrow).nmant // 2)
    return not np.any(scaled == np.rint(scaled))


def _elsewhere(place: Place, measured: Measured, slope: Vector, step: float, *, beside: Vector | float = 0.0) -> Mask:
    d = measured.derivative
    moved = MOVED * step / _finest(place, measured)  # ulps, or more where noise asks for larger steps
    bar = COVERAGE * place.noise / step + beside + np.abs(slope) / moved
    elsewhere: Mask = d.measured & (np.abs(slope - d.value) > CONTRADICTED * (bar + d.bar))
    return elsewhere


def _cornered(instrument: Instrument, place: Place, measured: Measured, step: float, rng: np.random.Generator) -> Mask:
    """Outputs whose slope is another at a point close by."""
    moved = dict(place.wide)
    for name in instrument.subject.wrt:
        x = place.wide[name]
        moved[name] = (x + CLOSE_BY * step * rng.standard_normal(x.shape) * natural_scale(x)).astype(x.dtype)
    slope, plus, minus = _slope(instrument, replace(place, wide=moved), dict(measured.tangents), step)
    if slope is None:
        return np.zeros(place.base.shape, dtype=bool)
    cornered: Mask = (plus != minus) & _elsewhere(place, measured, slope, step)
    return cornered


def _not_additive(
    instrument: Instrument, place: Place, name: str, whole: Measured, *, step: float, rng: np.random.Generator
) -> Mask:
    """Outputs whose slope is not the sum of the slopes along two parts of the direction."""
    tangent = whole.tangents[name]
    half = random_signs(rng, tangent.shape) > 0
    total, size, moved = np.zeros(place.base.shape), 0.0, np.zeros(tangent.shape)
    for side in (half, ~half):
        part = {name: np.where(side, tangent, 0.0)}
        slope, _, _ = _slope(instrument, place, part, step)
        if slope is None:
            return np.zeros(place.base.shape, dtype=bool)
        total, size, moved = total + slope, size + norm(slope), moved + part[name]
    # The parts are rounded to the grid once more, which the slopes feel in proportion.
    rounding = ROUNDED_AGAIN * size * norm(moved - tangent) / norm(tangent)
    return _elsewhere(place, whole, total, step, beside=COVERAGE * place.noise / step + rounding)


def _slope(
    instrument: Instrument, place: Place, tangents: dict[str, Array], step: float
) -> tuple[Vector | None, Vector | None, Vector | None]:
    """Return a difference quotient and both of its points, None where forward refuses one; `tangents` are rounded."""
    line = line_along(instrument, place, tangents)
    plus, minus = line.along(step), line.along(-step)
    if plus is None or minus is None:
        return None, None, None
    return (plus - minus) / (2.0 * step), plus, minus


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
