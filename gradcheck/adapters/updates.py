"""A backward that applies its own update: the gradient is read off it, at a rate of 1 that is proved to be the rate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.adapters.living import Living, arrays_of
from gradcheck.adapters.optimizers import rate_at, rates_in, set_rate
from gradcheck.adapters.slots import Path, put_back, slots_of, snapshot, spelled
from gradcheck.adapters.trial import Held, Observed, cotangents_of, outputs_of, quietly, run_backward, run_forward
from gradcheck.errors import InvalidLayer
from gradcheck.subject import Array, Inputs

# An update is a difference of two numbers of the parameter's own size: three roundings of it, and one to spare.
_ROUNDINGS = 4


@dataclass(frozen=True)
class Update:
    """How the gradients are read off an update.

    `places` are the parameters that backward updates; `rate_path` the attribute that holds the rate, () for an
    argument or an optimizer; `rate` what it is set to; `in_place` whether an optimizer changes what it is given;
    `steps` which of its calls got a parameter's gradient, where it was given no parameter; `notes` what the report says
    of it.
    """

    places: Mapping[str, Path]
    rate_path: tuple[str, ...] = ()
    rate: float = 1.0
    in_place: bool = False
    steps: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def updated_by(living: Living, held: list[Held], seen: Observed) -> list[Held]:
    """Return the parameters that backward changed itself, or gave to an optimizer."""
    slots = slots_of(living.owner)
    told = [parameter for parameter, _ in living.recorder.book.told]
    return [
        one
        for one in held
        if one.responds
        and (
            seen.changed.intersection(one.paths)
            or any(slots[p].value is t for p in one.paths if p in slots for t in told)
        )
    ]


def find_update(living: Living, inputs: Inputs, places: Mapping[str, Path]) -> Update:
    """Find the learning rate of an update, and prove that what it takes off the parameters is rate times gradient.

    Raises
    ------
    InvalidLayer
        There is no rate by name, or the update is not proportional to it and to the gradient from above.
    """
    start = snapshot(living.owner)
    with quietly():
        sources: list[tuple[str, ...]] = [(), *rates_in(living.owner)]
        in_place = _is_in_place(living, inputs, places)
        living.recorder.book.in_place = in_place
        put_back(living.owner, start)
        for path in sources:
            if _is_rate(living, inputs, places, path):
                independent = _inputs_do_not_depend(living, inputs, places)
                steps = _steps(living, inputs, places)
                put_back(living.owner, start)
                notes = _notes(living, places, path, independent=independent)
                return Update(places, path, 1.0 if independent else 0.5, in_place, steps, notes)
    raise InvalidLayer(_refusal(living, places, sources))


def read_off(
    living: Living,
    cotangents: tuple[Array, ...],
    inputs: Inputs,
    update: Update,
    *,
    held: Mapping[str, Path] | None = None,
) -> tuple[dict[str, Any], Any]:
    """Run backward at the update's rate; return the gradients that it shows, and what backward returned.

    `held` are gradients that are attributes. The parameters, and whatever else is kept in arrays, are put back.
    """
    places, rate = update.places, update.rate
    living.pace(rate)
    start = snapshot(living.owner)
    returned = run_backward(living, cotangents, inputs)
    after = slots_of(living.owner)
    found: dict[str, Any] = {}
    for name, path in places.items():
        told = living.recorder.book.gradient_of(start.values[path], start.contents[path].shape)
        if name in update.steps:
            told = living.recorder.book.told[update.steps[name]][1]
        found[name] = told if told is not None else (start.contents[path] - after[path].array) / rate
    found |= {name: after[path].array.copy() for name, path in (held or {}).items() if path in after}
    put_back(living.owner, start)
    return found, _detached(returned)


def _steps(living: Living, inputs: Inputs, places: Mapping[str, Path]) -> dict[str, int]:
    """Find whose gradients an optimizer got alone, and whether its answer was taken off (`w -= step(g)`) or added."""
    moved, _ = _update(living, inputs, places, rate=1.0)
    start = snapshot(living.owner)
    found = {}
    for name, path in places.items():
        for number, (told, gradient) in enumerate(living.recorder.book.told):
            signs = (moved[name], -moved[name])
            if told is None and any(_near(gradient, one, start.contents[path]) for one in signs):
                found[name] = number
    return found


def _detached(returned: Any) -> Any:
    """Return copies of what is returned, which may be a view of a parameter that is put back."""
    return [_copy(one) for one in returned] if isinstance(returned, (list, tuple)) else _copy(returned)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _is_in_place(living: Living, inputs: Inputs, places: Mapping[str, Path]) -> bool:
    """Tell whether an optimizer's answer is thrown away, so that it must change what it is given."""
    start = snapshot(living.owner)
    living.pace(1.0)
    run_backward(living, cotangents_of(run_forward(living, inputs)), inputs)
    slots = slots_of(living.owner)
    told = [parameter for parameter, _ in living.recorder.book.told]
    return any(slots[path].value is one and one is start.values[path] for path in places.values() for one in told)


def _is_rate(living: Living, inputs: Inputs, places: Mapping[str, Path], path: tuple[str, ...]) -> bool:
    """Tell whether the update halves with this rate, doubles with the cotangent, and leaves forward alone."""
    if not path and not (living.way.asks("rate") or living.recorder.book.told):
        return False
    start, kept = snapshot(living.owner), rate_at(living.owner, path)
    living.rate_path = path
    one, plain = _update(living, inputs, places, rate=1.0)
    half, same = _update(living, inputs, places, rate=0.5)
    twice, _ = _update(living, inputs, places, rate=1.0, factor=2.0)
    put_back(living.owner, start)
    fits = _equal(plain, same) and all(
        _near(half[name], 0.5 * one[name], start.contents[at])
        and _near(twice[name], 2.0 * one[name], start.contents[at])
        for name, at in places.items()
    )
    if not fits:
        living.rate_path = ()
        if path:
            set_rate(living.owner, path, kept)
    return fits and any(np.any(value != 0) for value in one.values())


def _update(
    living: Living, inputs: Inputs, places: Mapping[str, Path], *, rate: float, factor: float = 1.0
) -> tuple[dict[str, Array], tuple[Array, ...]]:
    """Return what one backward takes off each parameter, and forward's outputs before it."""
    living.pace(rate)
    output = outputs_of(run_forward(living, inputs))
    cotangents = tuple(factor * one for one in cotangents_of(output))
    found, _ = read_off(living, cotangents, inputs, Update(places, rate=rate))
    return {name: rate * value for name, value in found.items()}, output


def _inputs_do_not_depend(living: Living, inputs: Inputs, places: Mapping[str, Path]) -> bool:
    """Tell whether what backward returns is the same at half the rate."""
    returned = []
    for rate in (1.0, 0.5):
        living.pace(rate)
        cotangents = cotangents_of(run_forward(living, inputs))
        returned.append(arrays_of(read_off(living, cotangents, inputs, Update(places, rate=rate))[1]))
    return _equal(*returned)


def _equal(one: tuple[Array, ...], other: tuple[Array, ...]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and (a.dtype == object or np.array_equal(a, b, equal_nan=True))
        for a, b in zip(one, other, strict=True)
    )


def _near(one: Array, other: Array, parameter: Array) -> bool:
    """Compare two differences of parameters within the rounding of the parameter itself."""
    if one.shape != other.shape:
        return False
    size = max((float(np.max(np.abs(a), initial=0.0)) for a in (one, other, parameter)), default=0.0)
    unit = float(np.finfo(np.result_type(parameter.dtype, np.float16)).eps)
    return bool(np.all(np.abs(one - other) <= _ROUNDINGS * unit * size))


def _notes(living: Living, places: Mapping[str, Path], path: tuple[str, ...], *, independent: bool) -> tuple[str, ...]:
    names = ", ".join(f"`{name}`" for name in places)
    way = _source(living, path)
    told = f"backward updates {names} itself: the gradient is read off the update, {way}, and halves with it"
    if independent:
        return (told,)
    return (told, "what backward returns depends on the learning rate, as a gradient must not: judged at a rate of 0.5")


def _source(living: Living, path: tuple[str, ...]) -> str:
    if path:
        return f"with the attribute `{spelled(path)}` set to 1"
    if living.recorder.book.told:
        return "which it hands to a recording optimizer of rate 1"
    named = [name for name, role in (living.way.asked or {}).items() if role.kind == "rate"]
    return f"with `{named[0]}` set to 1" if named else "at a rate of 1"


def _refusal(living: Living, places: Mapping[str, Path], sources: list[tuple[str, ...]]) -> str:
    names = ", ".join(spelled(path) for path in places.values())
    rates = [spelled(path) for path in sources if path]
    rates += [name for name, role in (living.way.asked or {}).items() if role.kind == "rate" and name not in rates]
    hatch = "Wrap it as a function case(**inputs) -> (output, pullback), where pullback returns the gradients."
    if not rates and not living.recorder.book.told:
        return (
            "backward must leave the parameters alone, or update them at a learning rate with a name; it changed "
            f"{names} itself, as if it applied its own update, and no learning_rate, lr, alpha or eta is among its "
            f"arguments or the layer's attributes (say --pass NAME=rate if an argument is one). {hatch}"
        )
    by = f" with {', '.join(f'`{rate}`' for rate in rates)}" if rates else ""
    return (
        "an update inside backward must be learning rate times gradient for the gradient to be read off it; that of "
        f"{names} does not halve{by} or does not double with grad_output, as with momentum, weight decay, clipping or "
        f"Adam. Switch those off (--arg), or else: {hatch[0].lower()}{hatch[1:]}"
    )
