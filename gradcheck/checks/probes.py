"""Probes at one place: tangents measured through forward, and cotangents that leave out what cannot be measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checks.comparison import Slack
from gradcheck.checks.facts import Facts, facts_of
from gradcheck.checks.instrument import Instrument, copied
from gradcheck.checks.outputs import Form, flatten
from gradcheck.checks.places import Place, draw_tangent, line_along
from gradcheck.checks.recall import Watch, ask_again
from gradcheck.errors import GradcheckError
from gradcheck.numdiff.directional import Line, differentiate
from gradcheck.numdiff.ladder import COARSE_STEPS
from gradcheck.numdiff.noise import few_ulps
from gradcheck.numdiff.records import Derivative, Mask, Vector, root_mean_square, typical_size
from gradcheck.numdiff.tangents import MANY_DECADES, random_direction
from gradcheck.subject import Array, is_floating

OTHER_STEPS = 0.6  # a confirming tangent is shorter by this, so that no step repeats
BLUR = 100.0  # an output known so many times worse than the median output would blur a sum of all
SCALED = 1.1  # backward is linear: what a factor that is no power of two changes in its answer is its own rounding
# Where forward moves in steps of 2^-12 and more it seldom jumps within these, and is known to 2^-27 of an output.
BETWEEN_JUMPS = (2.0**-24, 2.0**-26)
NEGLIGIBLE = 1e-9  # unless its bar is below this share of the typical derivative


@dataclass(frozen=True)
class Measured:
    """One direction through a place, and forward's derivative along it; or, where `told`, what is left to know."""

    tangents: Mapping[str, Array]
    derivative: Derivative
    told: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What the outputs have in common."""
        return facts_of(self.derivative) if self.told is None else self.told

    def outlined(self) -> "Measured":
        """Return the measurement without its vectors."""
        return Measured({}, self.derivative.outline(), self.facts)


def measure(
    instrument: Instrument,
    place: Place,
    tangents: dict[str, Array],
    *,
    steps: tuple[float, ...] | None = None,
    close: bool = False,
    repeated: bool = True,
) -> Measured:
    """Measure forward's derivative along `tangents` (brought onto the grid of floating numbers first).

    With `steps` given only these are taken, and the noise of a complex step is not measured again. What stands out is
    `repeated`, to see whether forward draws at random.
    """
    line = line_along(instrument, place, tangents)
    if steps is not None:
        line = replace(line, carried_again=None, close=close)
    return _measured(instrument, place, dict(tangents), line, steps=steps, repeated=repeated)


def _measured(
    instrument: Instrument,
    place: Place,
    tangents: dict[str, Array],
    line: Line,
    *,
    steps: tuple[float, ...] | None = None,
    repeated: bool = True,
) -> Measured:
    watch = Watch(line.base, line.noise, line_along(instrument, replace(place, looked=None), dict(tangents)).along)
    line = replace(line, along=watch.watched(line.along))
    found = differentiate(line, steps=BETWEEN_JUMPS if place.stepped else steps)
    if repeated:
        ask_again(instrument, watch)
    return Measured(tangents, found)


def measure_first(instrument: Instrument, place: Place, name: str, rng: np.random.Generator) -> Measured:
    """Measure an argument on the whole ladder, along the direction in which noise was looked for where it is alone."""
    if place.looked is None:
        return measure(instrument, place, {name: draw_tangent(rng, place, name)})
    line = line_along(instrument, place, place.looked.tangents)
    return _measured(instrument, place, dict(place.looked.tangents), line)


def measure_arguments(
    instrument: Instrument,
    place: Place,
    names: Sequence[str],
    rng: np.random.Generator,
    *,
    steps: tuple[float, ...] | None = None,
) -> dict[str, list[Measured]]:
    """Measure one direction an argument on the ladder, or at `steps`."""
    found: dict[str, list[Measured]] = {}
    for name in names:
        if place.wide[name].size == 0:
            continue
        if steps is None:
            first = measure_first(instrument, place, name, rng)
        else:
            first = measure(instrument, place, {name: draw_tangent(rng, place, name)}, steps=steps)
        place = replace(place, carries_complex=place.carries_complex and first.derivative.carried, looked=None)
        found[name] = [first]
    return found


def measure_near(
    instrument: Instrument, place: Place, name: str, first: Measured, *, rng: np.random.Generator
) -> Measured:
    """Measure one more direction, at steps near the one that was found best along the first."""
    near = steps_near(first.derivative.step, few=first.derivative.carried)
    return measure(instrument, place, {name: draw_tangent(rng, place, name)}, steps=near)


def steps_near(best: float, *, few: bool) -> tuple[float, ...]:
    """Return three steps down to the one that was found best, or two, none of them above the ladder's first."""
    best = best or 2.0**-9
    first = min((4.0 if few else 16.0) * best, COARSE_STEPS[0])
    return (first, first / 4.0) if few else (first, first / 4.0, first / 16.0)


def judged_together(derivatives: list[Derivative], base: Vector) -> Mask:
    """Outputs that can be judged in one sum: finite, smooth, and not known so badly that they blur the others."""
    usable = np.isfinite(base)
    for d in derivatives:
        usable &= d.measured & ~d.kinky
    for d in derivatives:
        if not usable.any():
            break
        value, bar = (d.value, d.bar) if usable.all() else (d.value[usable], d.bar[usable])
        blurred = usable & (d.bar > max(BLUR * typical_size(bar), NEGLIGIBLE * root_mean_square(value)))
        if np.count_nonzero(blurred) <= 0.5 * np.count_nonzero(usable):
            usable &= ~blurred
    return usable


def kinky_anywhere(derivatives: list[Derivative], base: Vector) -> Mask:
    """Outputs with a kink at the place along any direction measured."""
    kinky = np.zeros(base.shape, dtype=bool)
    for d in derivatives:
        kinky |= d.kinky
    return kinky & np.isfinite(base)


def draw_cotangent(rng: np.random.Generator, form: Form, mask: Mask, *, weights: Vector | None = None) -> Vector:
    """Draw a random cotangent that is zero outside `mask`, exactly as backward will see it in the outputs' dtypes."""
    flat = random_direction(rng, mask.shape)
    if not mask.all():
        flat *= mask
    if weights is not None:
        flat *= weights
    return flat if all(dtype == np.float64 for dtype in form.dtypes) else flatten(form.cut(flat))


def equalising_weights(derivatives: list[Derivative], mask: Mask, form: Form) -> Vector | None:
    """Weights that let outputs whose derivatives span decades count alike, or None where they do not."""
    if not derivatives:
        return None
    size = np.max([np.abs(d.value) for d in derivatives], axis=0)
    told = mask & (size > 0)
    if not told.any():
        return None
    low, high = float(size[told].min()), float(size[told].max())
    if high <= MANY_DECADES * low:
        return None
    most = 2.0**10 if form.coarsest == np.float16 else 2.0**100
    with np.errstate(all="ignore"):
        weights = np.where(told, typical_size(size[told]) / np.where(told, size, 1.0), 1.0)
    return np.clip(weights, 1.0 / most, most)


def claim_unit(instrument: Instrument, place: Place) -> float:
    """Return the unit round-off that a claim at this place can be held to."""
    kinds = [place.work, place.form.coarsest]
    kinds += [place.inputs[name].dtype for name in instrument.subject.wrt]
    return max(float(np.finfo(kind).eps) for kind in kinds) / 2.0


def undetermined(place: Place, derivatives: list[Derivative]) -> Vector:
    """Return forward's noise, with a floor for outputs that are exactly zero and do not respond.

    There the noise of what went on inside is invisible: 1 - 1 stands where the truth is 1e-17. A slope below one
    unit of rounding, of outputs of the others' size, or of one where all are zero, is taken for rounding.
    """
    finite = np.isfinite(place.base)
    silent = finite & (place.base == 0)
    for d in derivatives:
        silent &= d.value == 0
    if not silent.any():
        return place.noise
    told = [place.base[finite], *(d.value[d.measured] for d in derivatives)]
    size = max((float(np.max(np.abs(values), initial=0.0)) for values in told), default=0.0)
    return np.where(silent, np.maximum(place.noise, place.unit * (size or 1.0)), place.noise)


def slack_of(
    instrument: Instrument,
    place: Place,
    measured: Mapping[str, list[Measured]],
    gradients: Mapping[str, Array | None],
    *,
    cotangent: Vector,
) -> dict[str, Slack]:
    """Measure how backward answers a change of its inputs by a few ulps, per argument (one backward call)."""
    unit = claim_unit(instrument, place)
    derivatives = [m.derivative for found in measured.values() for m in found]
    noise = undetermined(place, derivatives) * max(1.0, unit / place.unit)
    terms = max([place.base.size, *(value.size for value in place.inputs.values() if is_floating(value))])
    moved = copied(place.inputs)
    for name in instrument.subject.wrt:
        kinds = (moved[name].dtype, place.work)  # by less than a layer feels that rounds its input it would not answer
        moved[name] = few_ulps(moved[name], 11, max(kinds, key=lambda kind: float(np.finfo(kind).eps)))
    try:
        nearby = instrument.gradients(SCALED * cotangent, moved, place.form)
    except GradcheckError:
        nearby = {}
    slacks = {}
    for name, gradient in gradients.items():
        other = nearby.get(name)
        change = None if gradient is None or other is None else other / SCALED - gradient
        usable = change is not None and bool(np.all(np.isfinite(change)))
        heard = np.maximum(noise, _drowned(place, measured, name) * max(1.0, unit / place.unit))
        slacks[name] = Slack(
            unit, terms, heard, gradient if usable else None, change if usable else None, constants=place.narrow
        )
    return slacks


def _drowned(place: Place, measured: Mapping[str, list[Measured]], name: str) -> Vector:
    """What may be lost beside the other arguments' part in outputs that this one does not change by a single bit.

    It is a unit of rounding of what those bring: in s^2 + m^2 - 1 for s near 1 nothing is left of m = 1e-9, however
    small the output is itself.
    """
    own = [m.derivative for m in measured.get(name, [])]
    still = np.isfinite(place.base) & bool(own)
    for d in own:
        still &= (d.value == 0) & (d.response == 0)
    others = [m.derivative.response for other, found in measured.items() if other != name for m in found]
    brought = (
        np.max([np.where(np.isfinite(r), r, 0.0) for r in others], axis=0) if others else np.zeros(place.base.shape)
    )
    drowned: Vector = np.where(still, place.unit * brought, 0.0)
    return drowned
