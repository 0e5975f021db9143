"""A place: one point at which the layer is examined, with its outputs and the measured noise of forward there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks.instrument import CONTRACT, Instrument
from gradcheck.checks.outputs import Form, flatten, form_of
from gradcheck.checks.recall import RECALLS, Watch, ask_again
from gradcheck.errors import GradcheckError
from gradcheck.numdiff.directional import Line
from gradcheck.numdiff.noise import (
    SAMPLES,
    few_ulps,
    forward_noise,
    hidden_noise,
    look_around,
    quantisation_noise,
    rounding_grid,
    working_dtype,
)
from gradcheck.numdiff.records import Vector, blocks, identical, root_mean_square
from gradcheck.numdiff.steps import may_be_steps, on_steps, rounded_height
from gradcheck.numdiff.tangents import natural_scale, on_the_grid, random_direction, random_signs
from gradcheck.subject import Array, Inputs, is_floating

GIVEN = "the given point"
A_LITTLE = 2.0**-10
OF_THE_INPUTS = 2.0**14  # units in the last place: a finer grid may be that of the inputs along a line, which is exact
LOUD = 2.0**10  # noise so many times rounding is no property of the arithmetic, but of the place
# Calls of forward that a direction takes at a derived point at most, and a second look: three pairs and a finer one,
# besides the complex step.
MEASURING, A_LOOK = 5, 8
A_POINT = 5  # of forward, that a derived point costs without the complex step: f there, and two pairs
REPEATABLE = 64.0  # two calls of a deterministic forward may differ by reordered sums, a few times its noise


@dataclass(frozen=True)
class Looked:
    """A joint direction along which forward was seen close by: the outputs at every step evaluated."""

    tangents: dict[str, Array]
    smallest_step: float
    seen: dict[float, Vector | None]

    def forget(self) -> None:
        """Let go of everything, once the ladder along the direction is done."""
        self.tangents.clear()
        self.seen.clear()


@dataclass(frozen=True)
class Place:
    """One point: the caller's inputs, the same widened to float64 where forward can run so, and what forward gives.

    `base` and `noise` are the flat outputs at the widened inputs and their rounding noise; `work` is the precision
    that forward really works in there; `random` is how far two calls with the same inputs stand apart, in noise.
    `hidden` is the noise that a change of the inputs by a few ulps does not show, where there is any; `looked` is the
    direction along which that was looked for. `narrow` is what a number rounded to the caller's dtype is off by,
    relatively, where a layer of lower precision is judged in float64: its constants may still be rounded so.
    `mirrored` are arguments that are changed symmetrically alone (see triangles.py). Where forward is `stepped` it
    stays the same to the bit between jumps, as `floor` does, and is measured there.
    """

    name: str
    inputs: Inputs
    wide: Inputs
    form: Form
    base: Vector
    noise: Vector
    work: np.dtype[Any]
    carries_complex: bool = True
    hidden: Vector | None = None
    random: float = 0.0
    narrow: float = 0.0
    mirrored: tuple[str, ...] = ()
    looked: Looked | None = None
    stepped: bool = False

    @property
    def a_look(self) -> int:
        """Calls of forward that a second look takes here."""
        return A_LOOK + int(self.carries_complex)

    @property
    def given(self) -> bool:
        """Whether this is the caller's own point."""
        return self.name == GIVEN

    @property
    def unit(self) -> float:
        """Unit round-off of the precision that forward works in here."""
        return float(np.finfo(self.work).eps) / 2.0


def widened(inputs: Inputs) -> dict[str, Any]:
    """Return the inputs with every floating array in float64, at its own rounded values."""
    return {name: value.astype(np.float64) if is_floating(value) else value for name, value in inputs.items()}


def survey(instrument: Instrument, inputs: Inputs, *, name: str = GIVEN, like: Place | None = None) -> Place:
    """Evaluate forward at `inputs`, widened where it can run so, twice, to see whether it is deterministic.

    With `like` (a place already surveyed) it is evaluated once, and its noise is taken from there, scaled by the
    outputs. Where that noise is far above rounding it may be the other place's alone, and is measured afresh, if calls
    are left for it.

    Raises
    ------
    LayerFailed
        Forward raises or returns no numbers at `inputs`.
    """
    (form, base), wide = instrument.answer(inputs, collect=name == GIVEN), dict(inputs)
    if np.iscomplexobj(base):
        raise GradcheckError(
            "forward must return real arrays for real inputs; it returned complex ones, which are out of scope for now."
        )
    needs_wider = any(is_floating(v) and v.dtype != np.float64 for v in inputs.values())
    declared = form.coarsest
    if needs_wider and (like is None or any(is_floating(v) and v.dtype == np.float64 for v in like.wide.values())):
        wider = _outputs(instrument, widened(inputs), form)
        if wider is not None:
            wide, base, declared = widened(inputs), flatten(wider), form_of(wider).coarsest
    place = Place(
        name, dict(inputs), wide, form, base, np.abs(base) * 2.0**-53, declared if like is None else like.work
    )
    if like is not None:
        noise = _scaled_noise(like, base)
        hidden = None if like.hidden is None else noise
        place = replace(place, noise=noise, carries_complex=like.carries_complex, hidden=hidden)
        place = replace(place, narrow=like.narrow, mirrored=like.mirrored, stepped=like.stepped)
        affordable = instrument.left() >= SAMPLES + MEASURING + place.a_look
        place = _quieter(instrument, place) if affordable and _loud(place) else place
        # Outputs that are next to nothing may be the difference of larger numbers, of the size of the other place's.
        least = like.unit * (root_mean_square(like.base) or 1.0)
        return replace(place, noise=np.maximum(place.noise, least))
    again = instrument.outputs(wide)
    return replace(place, random=_apart(flatten(again) if _fits(again, form) else None, place))


def _elsewhere(instrument: Instrument, place: Place) -> Vector:
    """Return the outputs a little away from the place, where no number is round: not by choice, nor by the grid."""
    rng = np.random.default_rng(1)
    moved = dict(place.wide)
    for name in instrument.subject.wrt:
        x = place.wide[name]
        change = A_LITTLE * natural_scale(x) * (1.0 + rng.random(x.shape))
        moved[name] = (x + change * random_signs(rng, x.shape)).astype(x.dtype)
    outputs = instrument.evaluate(moved, place.form)
    return place.base if outputs is None else outputs


def _outputs(instrument: Instrument, wide: Inputs, form: Form) -> tuple[Array, ...] | None:
    """Return the outputs at the widened inputs, or None where forward refuses them or answers in another shape."""
    try:
        parts = instrument.outputs(wide)
    except GradcheckError:
        return None
    return parts if _fits(parts, form) else None


def _fits(parts: tuple[Array, ...], form: Form) -> bool:
    return form_of(parts).shapes == form.shapes and not any(np.iscomplexobj(part) for part in parts)


def _scaled_noise(like: Place, base: Vector) -> Vector:
    size, level = root_mean_square(like.base), root_mean_square(like.noise)
    relative = level / size if size > 0 else like.unit
    noise: Vector = np.maximum(relative, like.unit) * np.maximum(np.abs(base), root_mean_square(base))
    return noise


def _loud(place: Place) -> bool:
    return root_mean_square(place.noise) > LOUD * place.unit * root_mean_square(place.base)


def _quieter(instrument: Instrument, place: Place) -> Place:
    noise = _forward_noise(instrument, place)
    return replace(place, noise=np.minimum(place.noise, np.maximum(noise, root_mean_square(noise))))


def _forward_noise(
    instrument: Instrument, place: Place, slope: Vector | None = None, *, watch: Watch | None = None
) -> Vector:
    def evaluate(inputs: Mapping[str, Any]) -> Vector | None:
        if watch is None:
            return instrument.evaluate(inputs, place.form)
        return watch.nearby(lambda: instrument.evaluate(inputs, place.form))

    wrt = instrument.subject.wrt
    return forward_noise(evaluate, place.wide, wrt, place.base, dtype=place.work, slope=slope)[0]


def with_noise(instrument: Instrument, place: Place) -> Place:
    """Measure the precision that forward works in at a place, and its noise (4 or 5 evaluations).

    Only the arguments under test are moved: a label stored as a float would jump. Along the direction of a single
    argument all evaluations serve its ladder once more.
    """
    if place.base.size == 0 or not instrument.subject.wrt:
        return place
    # One joint direction in all arguments: quanta do not care which of them moves.
    rng = np.random.default_rng(0)
    tangents = {name: draw_tangent(rng, place, name) for name in instrument.subject.wrt}
    line = line_along(instrument, place, tangents)
    seen: dict[float, Vector | None] = {}
    watch = Watch(place.base, place.noise, line.along)
    line = replace(line, along=_remembered(watch.watched(line.along), seen))
    row = look_around(line.along, place.base, line.smallest_step)
    declared = place.work
    grid = max(float(np.spacing(np.max(np.abs(place.wide[name]), initial=0.0))) for name in instrument.subject.wrt)
    # At round inputs whatever is rounded moves in steps.
    work = working_dtype(place.base if row is None else row.beyond, declared, grid=grid, steps=False)
    stepped = declared == np.float64 and may_be_steps(place.base, row, work)
    lost = 0.0
    if row is not None and declared == np.float64:
        lost = rounding_grid(place.base, row) or (rounded_height(place.base, row, work) if stepped else 0.0)
    lost = lost if lost > OF_THE_INPUTS * grid else 0.0
    stepped = stepped and not lost
    if work != declared or stepped:
        elsewhere = _elsewhere(instrument, place)
        work = working_dtype(elsewhere, declared, grid=grid)
        stepped = stepped and on_steps(elsewhere, work=work)
    place = replace(place, work=np.dtype(np.float64) if stepped else work)
    shown = _forward_noise(instrument, place, None if row is None else row.slope, watch=watch)
    shown = np.maximum(shown, place.random * place.unit * _largest(place.base))
    # What cancels was rounded where it was larger; its imaginary part was not, so that none of it is hidden from that.
    shown = np.maximum(shown, lost)
    noise = suspected = shown
    if not stepped:
        noise, suspected = quantisation_noise(line.along, place.base, shown, row, smallest=line.smallest_step)
    alone = len(tangents) == 1 and work == declared  # the grid of another precision would make it another direction
    ask_again(instrument, watch)
    looked = Looked(tangents, line.smallest_step, seen) if alone else None
    hidden = hidden_noise(shown, suspected, place.base)
    return replace(place, noise=noise, hidden=hidden, looked=looked, stepped=stepped)


def _remembered(
    along: Callable[[float], Vector | None], seen: dict[float, Vector | None]
) -> Callable[[float], Vector | None]:
    def again(step: float) -> Vector | None:
        if step not in seen:
            seen[step] = along(step)
        return seen[step]

    return again


def _largest(base: Vector) -> float:
    return float(np.max(np.abs(base[np.isfinite(base)]), initial=0.0))


def answers_alike(instrument: Instrument, place: Place, *, often: bool = False) -> bool:
    """Tell whether forward on a fresh instance returns what it returned at this place (one call).

    It does not where a layer draws its parameters in its first call, or keeps what it saw then. Asked `often`, the
    instance that was measured must go on answering as well, in calls of the contract: one that draws one of a few
    answers may have drawn alike so far.
    """
    if instrument.left() < 1:
        return True
    again = instrument.evaluate(place.wide, place.form, passes=instrument.fresh())
    if _apart(again, place) > REPEATABLE:
        return False
    with instrument.purpose(CONTRACT):
        number = min(RECALLS, instrument.lent()) if often else 0
        further = (instrument.evaluate(place.wide, place.form) for _ in range(number))
        return all(_apart(again, place) <= REPEATABLE for again in further)


def _apart(again: Vector | None, place: Place) -> float:
    """Return how far two calls with the same inputs stand apart, in units of the largest output's rounding."""
    if again is None:
        return float("inf")  # another shape: the same call went well a moment ago
    if identical(again, place.base):
        return 0.0
    finite = np.isfinite(place.base)
    if not np.array_equal(np.isfinite(again), finite):
        return float("inf")
    rounding = place.unit * _largest(place.base)
    return float(np.max(np.abs(again - place.base)[finite])) / max(rounding, np.finfo(np.float64).tiny)


def with_imaginary(x: Array, step: float, tangent: Array) -> NDArray[np.complex128]:
    """Return x + i h t, written once."""
    z = np.empty(x.shape, dtype=np.complex128)
    flat, value, along = z.reshape(-1), x.reshape(-1), tangent.reshape(-1)
    for at in blocks(flat.size):
        flat.real[at] = value[at]
        np.multiply(along[at], step, out=flat.imag[at])
    return z


def _moved(x: Array, step: float, tangent: Array) -> Array:
    """Return x + h t in the dtype of `x`."""
    moved = np.multiply(tangent, step, out=np.empty(x.shape))
    moved += x
    return moved.astype(x.dtype, copy=False)


def draw_tangent(rng: np.random.Generator, place: Place, name: str) -> Array:
    """Draw a random direction for one argument at its natural scale."""
    x = place.wide[name]
    drawn, scale = random_direction(rng, x.shape), natural_scale(x)
    if not place.given and place.work == np.float16:
        # The magnitudes of a derived point vary by design, and steps that float16 feels cross a pole of the small ones.
        scale = np.where(x != 0, np.minimum(scale, np.abs(x)), scale)
    drawn *= scale
    if name not in place.mirrored:
        return drawn
    mirrored: Array = np.tril(drawn) + np.swapaxes(np.tril(drawn, -1), -1, -2)
    return mirrored


def grid_dtype(place: Place, name: str) -> np.dtype[Any]:
    """Return the precision in which forward sees changes of this argument."""
    kinds = (place.wide[name].dtype, place.work)
    return max(kinds, key=lambda dtype: float(np.finfo(dtype).eps))


def line_along(instrument: Instrument, place: Place, tangents: Mapping[str, Array]) -> Line:
    """Return forward restricted to a line through `place`; `tangents` are replaced by their values on the grid.

    The mapping given is updated in place where it is a dict, so that caller and line speak of the same direction.
    What was seen along it already (`place.looked`, for that very mapping) is not evaluated again.
    """
    smallest = 0.0
    rounded: dict[str, Array] = {}
    known = place.looked if place.looked is not None and place.looked.tangents is tangents else None
    for name, tangent in tangents.items():
        if known is None:
            rounded[name], step = on_the_grid(place.wide[name], tangent, grid_dtype(place, name))
        else:
            rounded[name], step = tangent, known.smallest_step
        smallest = max(smallest, step)
    if isinstance(tangents, dict):
        tangents.update(rounded)

    def moved(step: float) -> dict[str, Any]:
        return dict(place.wide) | {n: _moved(place.wide[n], step, t) for n, t in rounded.items()}

    def along(step: float) -> Vector | None:
        return instrument.evaluate(moved(step), place.form, given_away=rounded)

    def carried(step: float, salt: int | None = None) -> Any:
        inputs = dict(place.wide)
        for name, tangent in rounded.items():
            x = inputs[name] if salt is None else few_ulps(inputs[name], salt, grid_dtype(place, name))
            inputs[name] = with_imaginary(x, step, tangent)
        return instrument.evaluate_complex(inputs, place.form, given_away=rounded)

    wide_enough = all(place.wide[name].dtype == np.float64 for name in rounded) and place.work == np.float64
    carries = place.carries_complex and wide_enough
    return Line(
        along=along if known is None else _remembered(along, known.seen),
        base=place.base,
        noise=place.noise,
        carried=carried if carries else None,
        carried_again=(lambda step: carried(step, 3)) if carries else None,
        smallest_step=smallest,
        hidden=place.hidden,
    )
