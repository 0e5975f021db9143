"""A stateful class: `forward(x)` keeps what `backward(grad)` needs, parameters and their gradients are attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters.contract import accepts_inputs, fresh_layer, parameter_names, unpacked
from gradcheck.adapters.layout import Layout, find_layout
from gradcheck.adapters.returned import by_argument
from gradcheck.adapters.slots import slots_of
from gradcheck.adapters.trial import Calls, quietly, run_forward
from gradcheck.adapters.upstream import ALONE, NOTE, stands_alone, times
from gradcheck.errors import InvalidInput, InvalidLayer, did_you_mean
from gradcheck.subject import Cotangents, Inputs, Passes, Subject, is_differentiable

_CALLS = Calls(
    forward=lambda layer, inputs: layer.forward(*inputs.values()),
    backward=lambda layer, cotangents, _: layer.backward(unpacked(cotangents)),
)
_CALLS_WITH_INPUTS = Calls(
    forward=_CALLS.forward,
    backward=lambda layer, cotangents, inputs: layer.backward(unpacked(cotangents), *inputs.values()),
)


def read_stateful(
    layer: Any,
    inputs: Inputs,
    *,
    wrt: Sequence[str] | None = None,
    factory: Callable[[], Any] | None = None,
    name: str = "",
    grads: Mapping[str, str] | None = None,
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
    make, isolated = fresh_layer(layer, factory)
    alone = stands_alone(make, _copies(given))
    calls = ALONE if alone else _calls(layer, given)
    layout = find_layout(make, calls, _copies(given), grads or {})
    found = {**given, **_parameter_values(layout, inputs, given)}
    return Subject(
        name=name or type(layer).__name__,
        inputs=found,
        fresh=lambda: _passes(_primed(make, calls, layout, _copies(given)), calls, layout, tuple(given)),
        wrt=_chosen(wrt, found, layout),
        convention="stateful class",
        stateful=True,
        isolated=isolated,
        notes=(*layout.notes, NOTE) if alone else layout.notes,
    )


def _forward_inputs(layer: Any, inputs: Inputs) -> dict[str, Any]:
    """Return those of the inputs that forward takes; names that are none of its parameters may be attributes."""
    names = parameter_names(layer.forward)
    return {name: inputs[name] for name in names if name in inputs} or dict(inputs)


def _copies(given: Inputs) -> dict[str, Any]:
    """Return copies for a trial run: a layer may write into its inputs, and these are the point of the check."""
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in given.items()}


def _calls(layer: Any, given: Inputs) -> Calls:
    if accepts_inputs(layer.backward, tuple(given)):
        return _CALLS_WITH_INPUTS
    if accepts_inputs(layer.backward, ()):
        return _CALLS
    takes = ", ".join(parameter_names(layer.backward)) or "nothing"
    raise InvalidLayer(
        f"backward must take grad_output alone, or grad_output and forward's inputs; it takes {takes}. "
        "Wrap it as a function case(**inputs) -> (output, pullback)."
    )


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
    return {name: inputs.get(name, layout.values[name]) for name in names}


def _chosen(wrt: Sequence[str] | None, found: Inputs, layout: Layout) -> tuple[str, ...]:
    possible = tuple(
        n for n, v in found.items() if is_differentiable(v) and (n not in layout.parameters or n in layout.claimed)
    )
    if wrt is None:
        return possible
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


def _primed(make: Callable[[], Any], calls: Calls, layout: Layout, given: Inputs) -> Any:
    """Return a fresh instance, after a first forward where that is what makes its parameters."""
    layer = make()
    slots = slots_of(layer)
    if any(path not in slots for paths in layout.parameters.values() for path in paths):
        with quietly():
            run_forward(layer, calls, given)
    return layer


def _passes(layer: Any, calls: Calls, layout: Layout, names: tuple[str, ...]) -> Passes:
    own = {name: value.copy() for name, value in layout.values.items()}

    def place(values: Inputs) -> dict[str, Any]:
        slots = slots_of(layer)
        for name, paths in layout.parameters.items():
            for path in paths:
                slots[path].put(values.get(name, own[name]))
        return {name: values[name] for name in names}

    def forward(values: Inputs) -> Any:
        return calls.forward(layer, place(values))

    def backward(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
        slots = slots_of(layer)
        for name, start in layout.growing.items():
            slots[layout.gradients[name]].put(start.copy())
        returned = calls.backward(layer, cotangents, {name: values[name] for name in names})
        slots = slots_of(layer)
        held = {name: slots[path].value for name, path in layout.gradients.items() if path in slots}
        claimed = {**held, **by_argument(returned, layout.order, tuple(values))}
        return {name: times(cotangents, one) for name, one in claimed.items()} if calls is ALONE else claimed

    return Passes(forward=forward, backward=backward)
