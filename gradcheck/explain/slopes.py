"""Derivatives along many directions at one place, a single complex evaluation or a single pair of real ones each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, draw_tangent, grid_dtype, with_imaginary
from gradcheck.checks.probes import Measured as MeasuredAlong
from gradcheck.numdiff import complex_step
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.records import Derivative, Mask, Vector, blocks, sum_of_squares
from gradcheck.subject import Array

SAFETY = 8.0  # how much worse another direction's truncation may be than that of the direction it was learnt from
ACCEPTED = 7.0  # bars within which two ways to measure one derivative agree


class OutOfCalls(Exception):
    """The calls allowed for an explanation are spent."""


@dataclass
class Budget:
    """What an explanation may still spend; a purse that every question draws on."""

    forward: int
    backward: int

    def pay(self, *, forward: int = 0, backward: int = 0) -> None:
        """Take calls out of the purse.

        Raises
        ------
        OutOfCalls
            There are not as many left.
        """
        if forward > self.forward or backward > self.backward:
            raise OutOfCalls
        self.forward -= forward
        self.backward -= backward


@dataclass(frozen=True)
class Slope:
    """Forward's derivative along one direction: a value and a bar for every output, both zero where not judged."""

    tangents: Mapping[str, Array]
    value: Vector
    bar: Vector


@dataclass(frozen=True)
class Gauge:
    """How slopes are taken at one place: the step, and what a single pair errs by relative to its size."""

    place: Place
    step: float
    carried: bool
    relative_error: Vector

    @property
    def calls(self) -> int:
        """Forward calls one slope costs."""
        return 1 if self.carried else 2


def gauge_at(instrument: Instrument, evidence: Evidence, rng: np.random.Generator, budget: Budget) -> Gauge:
    """Choose between complex step and pairs by what the check found; learn a single pair's error from one direction.

    The step is the cube root of the unit of rounding, where truncation and round-off of a single pair balance.
    """
    place = evidence.place
    found = [m for measured in evidence.measured.values() for m in measured]
    step = 2.0 ** np.ceil(np.log2(place.unit ** (1.0 / 3.0)))
    if found and all(m.derivative.carried for m in found):
        gauge = Gauge(place, step, True, _relative_bars([m.derivative for m in found]))
        if _confirmed(instrument, gauge, found[0], budget, evidence.together):
            return gauge
    gauge = Gauge(replace(place, carries_complex=False), step, False, np.zeros(place.base.shape))
    names = list(instrument.subject.wrt)
    budget.pay(forward=4)
    tangents = {name: draw_tangent(rng, place, name) for name in names}
    near = _pair(instrument, gauge, tangents)
    far = _pair(instrument, replace(gauge, step=2.0 * gauge.step), tangents)
    if near is None or far is None:
        return replace(gauge, relative_error=np.full(place.base.shape, place.unit ** (2.0 / 3.0)))
    apart = _relative(np.abs(far.value - near.value), near.value, evidence.together)
    # A pair's error grows with the square of its step.
    return replace(gauge, relative_error=np.full(place.base.shape, SAFETY * apart / 3.0))


def _relative_bars(derivatives: list[Derivative]) -> Vector:
    """Return how well the check knew each output's derivative, relative: a complex step is trusted as far as that."""
    share: Vector = np.full(derivatives[0].value.shape, complex_step.RELATIVE_BAR)
    for d in derivatives:
        size = np.where(np.isfinite(d.bar) & (d.value != 0), np.abs(d.value), np.inf)
        share = np.maximum(share, np.where(np.isfinite(d.bar), d.bar, 0.0) / size)
    return share


def _confirmed(instrument: Instrument, gauge: Gauge, seen: MeasuredAlong, budget: Budget, mask: Mask) -> bool:
    """Tell whether a complex step alone says what the check measured along its own direction, at every output."""
    alone = slope(instrument, gauge, seen.tangents, budget)
    if alone is None:
        return False
    apart = np.abs(alone.value - seen.derivative.value)
    return bool(np.all(apart[mask] <= ACCEPTED * (alone.bar + seen.derivative.bar)[mask]))


def _relative(error: Vector, value: Vector, mask: Array) -> float:
    used = mask & np.isfinite(error) & np.isfinite(value)
    size = float(np.sqrt(np.sum(value[used] ** 2)))
    return float(np.sqrt(np.sum(error[used] ** 2))) / size if size > 0 else 0.0


def slope(instrument: Instrument, gauge: Gauge, tangents: Mapping[str, Array], budget: Budget) -> Slope | None:
    """Measure the derivative along `tangents`; None where forward refuses the points."""
    budget.pay(forward=gauge.calls)
    if not gauge.carried:
        return _pair(instrument, gauge, tangents)
    place = gauge.place
    moved = {name: with_imaginary(place.wide[name], complex_step.STEP, t) for name, t in tangents.items()}
    outputs = instrument.evaluate_complex({**place.wide, **moved}, place.form, given_away=moved)
    moved.clear()
    if outputs is None:
        return None
    value = outputs.imag / complex_step.STEP
    del outputs
    if not np.isfinite(sum_of_squares(value)):
        np.nan_to_num(value, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return Slope(dict(tangents), value, _bar(value, gauge.relative_error))


def _bar(value: Vector, relative_error: Vector) -> Vector:
    """Return the bar of a complex step: its error relative to the size, and to the largest one's for its rounding."""
    least = max(float(np.max(value, initial=0.0)), -float(np.min(value, initial=0.0))) / 4.0
    bar = np.empty(value.shape)
    for at in blocks(value.size):
        size = np.abs(value[at])
        np.multiply(relative_error[at], size, out=bar[at])
        np.maximum(size, least, out=size)
        size *= complex_step.RELATIVE_BAR
        bar[at] += size
    return bar


def _pair(instrument: Instrument, gauge: Gauge, tangents: Mapping[str, Array]) -> Slope | None:
    """Take one central difference; the direction is what the two points, as forward sees them, really differ by."""
    place, step = gauge.place, gauge.step
    sides = [{name: _seen(place, name, sign * step * t) for name, t in tangents.items()} for sign in (1.0, -1.0)]
    plus, minus = (instrument.evaluate({**place.wide, **side}, place.form) for side in sides)
    if plus is None or minus is None:
        return None
    with np.errstate(all="ignore"):
        value = np.nan_to_num((plus - minus) / (2.0 * step), nan=0.0, posinf=0.0, neginf=0.0)
    moved = {name: np.asarray(sides[0][name] - sides[1][name], dtype=np.float64) / (2.0 * step) for name in tangents}
    bar = COVERAGE * np.nan_to_num(place.noise) / step + gauge.relative_error * _typical(value)
    return Slope(moved, value, bar)


def _seen(place: Place, name: str, change: Array) -> Array:
    """Return the moved argument as the precision that forward works in sees it."""
    x = place.wide[name]
    moved: Array = (x + change).astype(grid_dtype(place, name)).astype(x.dtype)
    return moved


def _typical(value: Vector) -> Vector:
    """Return each entry's size, joined with the largest one: errors leak between entries of one layer."""
    largest = float(np.max(np.abs(value), initial=0.0))
    return np.maximum(np.abs(value), largest / 4.0)
