"""Outputs without a derivative at a place that no ladder shows: corners, and structure finer than its steps.

The median of three tied entries is the plainest corner: along every direction it has a slope, that of the middle
change, forward and backward. It shows where slopes along two directions do not add up to that along their sum, and
where the slope along a line close by, over a step half as long as the line is far away, is another.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, grid_dtype, line_along
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.ladder import CONTRADICTED, COVERAGE, KINK
from gradcheck.numdiff.records import Mask, Vector, norm, typical_size
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array

ROUNDED_AGAIN = 10.0  # how much more than in proportion a slope may feel the rounding of its direction
FINE_NOISE = 1e3  # at the finest look round-off is a thousandth of the typical slope
MOVED = 2.0**8  # ulps: what rounds off a change of so many is less than its 2^-8
# Sums of directions that together miss the median of three tied entries once in 7, and lines close by, each of which
# misses it once in 5: once in 14,000 all of them, and once in 500 the fewest that somebody is accused after.
SUMS, LINES, FEWEST_LINES = 2, 5, 3
A_SLOPE = 2  # calls of forward
FEWEST_CALLS = SUMS + FEWEST_LINES * A_SLOPE  # that looking for corners takes where values are equal
CLOSE_BY = 2.0**6  # of the finest steps: rounding is next to nothing, and no kink is crossed that is not at the place
SHORTER = 2.0**-1  # than a line is far away: over longer steps the pieces of a median make up for each other
CLOSE_STEP = 2.0**-38  # of two slopes that differ by 0.1 % none is taken for the other, and kinks are told at 1e-9
FINEST, COARSE_LOOK = 2.0**-44, 2.0**-24


class Corners(NamedTuple):
    """The outputs with a corner, and whether sums of directions were looked at.

    These are as good as a look at finer structure: that makes the slope along a sum another at so small a step.
    """

    found: Mask
    finely: bool


def finer_structure(instrument: Instrument, place: Place, measured: Measured) -> Mask:
    """Outputs whose slope at a much smaller step stands elsewhere than the measured one, beyond what noise explains.

    Or of which it is none: where both sides differ by more than the slope the structure is finer still.
    """
    line, step = line_along(instrument, place, dict(measured.tangents)), _finest(place, measured)
    plus, minus = line.along(step), line.along(-step)
    if plus is None or minus is None or step >= measured.derivative.step:
        return np.zeros(place.base.shape, dtype=bool)
    heard = (plus != place.base) | (minus != place.base)
    d, half = measured.derivative, np.abs((plus - place.base) + (minus - place.base)) / (2.0 * step)
    wild = d.measured & ~d.kinky & (half > np.abs(d.value) + CONTRADICTED * (COVERAGE * place.noise / step + d.bar))
    finer: Mask = heard & (wild | _elsewhere(place, measured, (plus - minus) / (2.0 * step), step, beside=half))
    return finer


def corners(
    instrument: Instrument,
    place: Place,
    name: str,
    known: tuple[Measured, Measured],
    *,
    rng: np.random.Generator,
) -> Corners | None:
    """Look for outputs that have no derivative at the place, by slopes along sums of directions and at points close by.

    `known` are two directions of the argument; a sum of them costs one call, a line two. Where nothing about the values
    is equal, zero or round, ties can only come from inside forward, and a few looks do (4 calls, 2 at a derived point);
    else as many lines are taken as calls are left for (8 to 12 calls). None where they do not suffice.
    """
    found = np.zeros(place.base.shape, dtype=bool)
    first, second = known
    step = max(_finest(place, second), CLOSE_STEP)
    slope = typical_size(np.abs(second.derivative.value))
    if step >= second.derivative.step or COVERAGE * typical_size(place.noise) / step > slope:
        return Corners(found, finely=False)  # a look so close would show rounding alone
    left = instrument.left(settling=True)
    ordinary, several = nothing_is_equal(place, instrument.subject.wrt), second.tangents[name].size > 1
    if ordinary:
        lines = int(left >= A_SLOPE)
        sums = several and place.given and left >= SUMS + A_SLOPE
    else:
        lines = int(min(LINES, max(FEWEST_LINES, (instrument.left() - SUMS * several) // A_SLOPE)))
        if left < SUMS * several + FEWEST_LINES * A_SLOPE:
            instrument.left_out.append(f"looking for corners where values of `{name}` are equal or zero")
            return None
        sums = several
    if sums:
        slopes = _Slopes(instrument, place, name, step, MOVED * step / _finest(place, second))
        t, s = slopes.known(first), slopes.known(second)
        found |= slopes.not_additive(t, s, 1.0) | slopes.not_additive(t, s, -1.0)
    told = second.derivative.measured & (second.derivative.value != 0)
    for number in range(lines):
        if np.all(found[told]):
            break
        # Along one and the same direction all lines would miss together what one misses.
        found |= _cornered(instrument, place, second if number % 2 == 0 else first, step, rng=rng)
    return Corners(found, finely=bool(sums))


class _Slope(NamedTuple):
    """A direction of one argument and the slopes of all outputs along it, with their bars; what is usable of them."""

    tangent: Array
    value: Vector
    bar: Vector
    usable: Mask


@dataclass(frozen=True)
class _Slopes:
    """One-sided slopes at a small step along directions of one argument."""

    instrument: Instrument
    place: Place
    name: str
    step: float
    ulps: float  # that a typical entry moves by: what rounds off a change of so many is felt in proportion

    def known(self, measured: Measured) -> _Slope:
        """Return what was measured."""
        d = measured.derivative
        return _Slope(measured.tangents[self.name], d.value, d.bar, d.measured & ~d.kinky)

    def taken(self, tangent: Array) -> _Slope:
        """Take the slope along a direction, which is rounded to the grid."""
        tangents = {self.name: tangent}
        line = line_along(self.instrument, replace(self.place, looked=None), tangents)
        moved, size = line.along(self.step), self.place.base.shape
        rounding = ROUNDED_AGAIN * norm(tangents[self.name] - tangent) / (norm(tangent) or 1.0)
        if moved is None:
            return _Slope(tangents[self.name], np.zeros(size), np.full(size, np.inf), np.zeros(size, dtype=bool))
        with np.errstate(all="ignore"):
            slope = (moved - self.place.base) / self.step
            bar = 2.0 * COVERAGE * self.place.noise / self.step + rounding * norm(slope[np.isfinite(slope)])
        return _Slope(tangents[self.name], slope, bar, np.isfinite(slope))

    def not_additive(self, one: _Slope, other: _Slope, sign: float) -> Mask:
        """Outputs whose slope along one direction plus or minus the other is not the sum of the slopes along both."""
        both = self.taken(one.tangent + sign * other.tangent)
        size = np.abs(one.value) + np.abs(other.value) + np.abs(both.value)
        bar = one.bar + other.bar + both.bar + size / self.ulps
        apart = np.abs(both.value - one.value - sign * other.value)
        found: Mask = one.usable & other.usable & both.usable & (apart > CONTRADICTED * bar)
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
    """Outputs whose slope along a line close by is another, over a step half as long as the line is far away."""
    moved, far = dict(place.wide), CLOSE_BY * step
    for name in instrument.subject.wrt:
        x = place.wide[name]
        moved[name] = (x + far * rng.standard_normal(x.shape) * natural_scale(x)).astype(x.dtype)
    slope, plus, minus = _slope(
        instrument, replace(place, wide=moved, looked=None), dict(measured.tangents), SHORTER * far
    )
    if slope is None:
        return np.zeros(place.base.shape, dtype=bool)
    d = measured.derivative
    apart = (
        np.abs(slope - d.value) > KINK * d.response
    )  # of |x|^1.5 the slope is another there as well, by next to nothing
    cornered: Mask = (plus != minus) & apart & _elsewhere(place, measured, slope, SHORTER * far)
    return cornered


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
