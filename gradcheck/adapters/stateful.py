"""A stateful class: `forward(x)` keeps what `backward(grad)` needs, parameters and their gradients are attributes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.adapters.contract import fresh_layer, parameter_names
from gradcheck.adapters.gradients import in_shape
from gradcheck.adapters.growing import findings_on
from gradcheck.adapters.histories import Lengths, growing_lists, notes_on, rewind
from gradcheck.adapters.layout import Layout, find_layout
from gradcheck.adapters.lists import head_of
from gradcheck.adapters.living import Living, Way
from gradcheck.adapters.methods import entry_of, methods_of
from gradcheck.adapters.preparing import preparations
from gradcheck.adapters.returned import by_argument, without_labels
from gradcheck.adapters.slots import slots_of
from gradcheck.adapters.spellings import bound_attribute
from gradcheck.adapters.trial import copies, quietly, run_forward
from gradcheck.adapters.updates import read_off
from gradcheck.adapters.upstream import times
from gradcheck.adapters.ways import Found, Given, find_way
from gradcheck.errors import InvalidInput, InvalidLayer, LayerFailed, did_you_mean
from gradcheck.subject import Cotangents, Inputs, Passes, Script, Subject, is_differentiable, is_floating


def read_stateful(
    layer: Any,
    inputs: Inputs,
    *,
    wrt: Sequence[str] | None = None,
    factory: Callable[[], Any] | None = None,
    name: str = "",
    grads: Mapping[str, str] | None = None,
    constants: Mapping[str, Any] | None = None,
    passing: Mapping[str, str] | None = None,
) -> Subject:
    """Read a stateful layer as a Subject whose inputs are forward's arguments and the parameters it holds.

    A parameter is a floating array in an attribute (or in a dict, list or object there) that forward leaves alone and
    answers to, perhaps one that the first forward makes. Its gradient is an array that backward changes, matched by
    shape and by name (`adapters/spellings.py`), or returned after the gradients of the inputs.

    Parameters
    ----------
    inputs : mapping
        Forward's arguments by name, and values for parameters that shall not keep their own.
    grads : mapping of str to str, optional
        The attribute that holds the gradient, by parameter, where shapes and names leave it open.
    constants : mapping, optional
        Arguments of either pass that are no inputs, by name.
    passing : mapping of str to str, optional
        What an argument of backward gets, where its name does not say so: see `roles.WORDS`; `output` names the
        attribute of forward's output, `returned` whose gradients backward returns, in order.

    Raises
    ------
    InvalidLayer
        It is open which array is whose gradient, or backward cannot be called with one gradient.
    InvalidInput
        `wrt`, `grads` or `inputs` names nothing that the layer has.
    LayerFailed
        A pass raised in the trial run.
    """
    given = _forward_inputs(layer, inputs)
    owners, isolated = fresh_layer(layer, factory)
    owners, mode = _in_training(owners)
    asked = Given(owners, _passes_of, given, constants or {}, passing or {})
    asked, found = _way(layer, asked)
    told = tuple(name.strip() for name in (passing or {}).get("returned", "").split(",") if name.strip())

    names = (wrt,) if isinstance(wrt, str) else tuple(wrt or ())
    layout = find_layout(lambda: asked.living(found.way), copies(given), pairs=grads or {}, wrt=names, told=told)
    values = {**given, **_parameter_values(layout, inputs, given)}
    kept = growing_lists(asked.living(found.way), copies(given))
    return Subject(
        name=name or type(layer).__name__,
        inputs=values,
        fresh=lambda: _passes(_primed(asked.living(found.way), layout, copies(given)), layout, tuple(given), kept),
        wrt=_chosen(wrt, values, layout),
        convention="stateful class",
        stateful=True,
        isolated=isolated,
        notes=(*_called(found), *mode, *layout.notes, *notes_on(kept)),
        findings=findings_on(asked.make(), (found.way.forward, found.way.backward), layout.gradients, layout.growing),
        script=_script(found, layout, tuple(given)),
    )


def _script(found: Found, layout: Layout, given: tuple[str, ...]) -> Script | None:
    """Say how the passes are called by hand, where they are called plainly and all that they keep is an attribute."""
    places = {name: paths[0] for name, paths in layout.parameters.items() if name not in given}
    if found.notes or layout.growing or any(len(path) > 1 for path in (*places.values(), *layout.gradients.values())):
        return None
    returned = {n: f"returned[{i}]" if len(layout.order) > 1 else "returned" for i, n in enumerate(layout.order)}
    return Script(
        f"layer.{found.way.forward}({', '.join(given)})",
        f"layer.{found.way.backward}(grad_output)",
        {name: f"layer.{path[0]}" for name, path in places.items()},
        {**returned, **{name: f"layer.{path[0]}" for name, path in layout.gradients.items()}},
    )


def _in_training(make: Callable[[], Any]) -> tuple[Callable[[], Any], tuple[str, ...]]:
    """Set the flags of a layer that say in which mode it is, as a gradient wants them; say which."""
    held = getattr(make(), "__dict__", {})
    flags = {n: flag for n, value in held.items() if (flag := bound_attribute(n, value)) is not None}
    if not flags:
        return make, ()

    def prepare(owner: Any) -> None:
        for name, flag in flags.items():
            setattr(owner, name, flag)

    shown = ", ".join(f"`{name}` is {flag}" for name, flag in flags.items())
    return _after(make, prepare), (f"in training mode: {shown}",)


def _way(layer: Any, asked: Given) -> tuple[Given, Found]:
    """Find how the passes are called; of an object whose forward does not run, after a preparation that it offers."""
    candidates = [Way(*names) for names in methods_of(layer)]
    try:
        return asked, find_way(asked, candidates)
    except LayerFailed as err:
        tried = []
        for shown, prepare in preparations(asked.make(), copies(asked.inputs)):
            prepared = replace(asked, make=_after(asked.make, prepare))
            try:
                found = find_way(prepared, candidates)
            except LayerFailed as again:
                tried.append((shown, again))
                continue
            return prepared, replace(found, notes=(f"prepared by {shown}", *found.notes))
        if not tried:
            raise
        shown, last = next((one for one in tried if one[1].stage != "factory"), tried[0])  # the one that came farther
        after = "" if last.stage == "factory" else f"prepared by {shown}, "
        raise LayerFailed(f"{err}; {after}{last}", stage=err.stage) from err.__cause__


def _after(make: Callable[[], Any], prepare: Callable[[Any], None]) -> Callable[[], Any]:
    def made() -> Any:
        owner = make()
        prepare(owner)
        return owner

    return made


def _passes_of(owner: Any, way: Way) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return getattr(owner, way.forward), getattr(owner, way.backward)


def _called(found: Found) -> tuple[str, ...]:
    """Say which methods are the passes, where they are not called forward and backward."""
    names = (found.way.forward, found.way.backward)
    return (*((f"its passes are {names[0]} and {names[1]}",) if names != ("forward", "backward") else ()), *found.notes)


def _forward_inputs(layer: Any, inputs: Inputs) -> dict[str, Any]:
    """Return those of the inputs that forward takes; names that are none of its parameters may be attributes."""
    names = parameter_names(getattr(layer, entry_of(layer)))
    every = tuple(inputs)
    return {name: inputs[name] for name in every if head_of(name, every) in names} or dict(inputs)


def _parameter_values(layout: Layout, inputs: Inputs, given: Inputs) -> dict[str, Any]:
    """Return the parameters that have a gradient, with the caller's values where there are any."""
    for name in inputs:
        if name not in given and name not in layout.parameters:
            known = [*given, *layout.parameters]
            raise InvalidInput(
                f"`inputs` must name arguments of forward or parameters of the layer ({', '.join(known)}); "
                f"it names `{name}`{did_you_mean(name, known)}."
            )
        if name not in given and np.shape(inputs[name]) != layout.values[name].shape:
            raise InvalidInput(
                f"`{name}` must have the shape of the layer's own, {layout.values[name].shape}; "
                f"it has {np.shape(inputs[name])}."
            )
    names = [name for name in layout.parameters if name in layout.claimed or name in inputs]
    return {name: inputs.get(name, _widened(layout.values[name], given)) for name in names}


def _widened(value: Any, given: Inputs) -> Any:
    """Return a parameter in the widest type of the inputs: a float32 one would round what float64 inputs measure."""
    widest = [one.dtype for one in given.values() if is_floating(one)]
    return value.astype(np.result_type(value.dtype, *widest)) if widest else value


def _chosen(wrt: Sequence[str] | None, found: Inputs, layout: Layout) -> tuple[str, ...]:
    possible = tuple(
        n for n, v in found.items() if is_differentiable(v) and (n not in layout.parameters or n in layout.claimed)
    )
    if wrt is None:
        return without_labels(possible, layout.claimed)
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    if not names:
        raise InvalidInput(f"`wrt` must name at least one of the floating inputs ({', '.join(possible)}); it is empty.")
    for name in names:
        if name in layout.parameters and name not in possible:
            raise InvalidLayer(
                f"the gradient of `{name}` must be an attribute that backward sets, or be returned; none was found. "
                f"Name the pair: --grad {name}=ATTRIBUTE, or grads={{{name!r}: ...}}."
            )
        if name not in possible:
            raise InvalidInput(f"`wrt` must name floating inputs ({', '.join(possible)}); it names {name!r}.")
    return names


def _primed(living: Living, layout: Layout, given: Inputs) -> Living:
    """Return a fresh instance, after a first forward where that is what makes its parameters."""
    living.rate_path = layout.update.rate_path
    living.recorder.book.in_place = layout.update.in_place
    slots = slots_of(living.owner)
    if any(path not in slots for paths in layout.parameters.values() for path in paths):
        with quietly():
            run_forward(living, given)
    return living


def _passes(living: Living, layout: Layout, names: tuple[str, ...], kept: Lengths) -> Passes:
    own = {name: value.copy() for name, value in layout.values.items()}

    def place(values: Inputs) -> dict[str, Any]:
        slots = slots_of(living.owner)
        for name, paths in layout.parameters.items():
            value = values.get(name, own[name])
            value = value.copy() if layout.restores else value  # an update in place must not reach the judge's arrays
            for path in paths:
                slots[path].put(value)
        return {name: values[name] for name in names}

    def forward(values: Inputs) -> Any:
        rewind(living.owner, kept)
        return living.forward(place(values))

    def backward(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
        numbers = _numbers_read(living)
        try:
            return answered(cotangents, values)
        finally:  # a parameter that is a plain number is updated for another call than this one
            for name, value in numbers.items():
                if getattr(living.owner, name, value) is not value:
                    setattr(living.owner, name, value)

    def answered(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
        slots = slots_of(living.owner)
        for name, start in layout.growing.items():
            if (slot := slots.get(layout.gradients[name])) is not None:  # none before the first backward
                slot.put(start.copy())
        claimed = _claimed(living, layout, cotangents, {name: values[name] for name in names}, known=tuple(values))
        claimed = {n: in_shape(one, np.shape(values[n])) if n in values else one for n, one in claimed.items()}
        return times(cotangents, claimed) if living.way.multiplies else claimed

    return Passes(forward=forward, backward=backward)


def _numbers_read(living: Living) -> dict[str, Any]:
    """Return the plain numbers among the owner's attributes that forward names: what else changes is backward's own."""
    code = getattr(getattr(living.run_forward, "__func__", living.run_forward), "__code__", None)
    named = code.co_names if code else ()
    own = getattr(living.owner, "__dict__", {})
    return {name: own[name] for name in named if type(own.get(name)) in (int, float)}


def _claimed(
    living: Living, layout: Layout, cotangents: Cotangents, inputs: Inputs, *, known: tuple[str, ...]
) -> dict[str, Any]:
    """Call backward and gather its gradients by name: read off its update, from attributes, and returned."""
    if layout.restores:
        read, returned = read_off(living, cotangents, inputs, layout.update, held=layout.gradients)
    else:
        returned = living.backward(cotangents, inputs)
        slots = slots_of(living.owner)
        read = {name: slots[path].value for name, path in layout.gradients.items() if path in slots}
    return {**read, **by_argument(returned, layout.order, known)}
