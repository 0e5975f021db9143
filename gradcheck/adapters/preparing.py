"""Layers to be prepared before their first forward: `initialize(optimizer)`, `build(input_shape)`, `setup(...)`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gradcheck.adapters.optimizers import Recorder
from gradcheck.adapters.roles import call, is_required, parameters_of
from gradcheck.adapters.spellings import INITIALISERS, is_input_shape, is_optimizer, is_rate, plain
from gradcheck.errors import LayerFailed, described
from gradcheck.subject import Inputs, is_floating

_GENERATORS = {"rng", "random", "randomstate", "generator"}
# Numbers that are read off the shape of the first input, with its channels last or first.
_HEIGHTS = {"height", "inheight", "inputheight", "h", "hin", "inh", "imgheight"}
_WIDTHS = {"width", "inwidth", "inputwidth", "w", "win", "inw", "imgwidth"}
_CHANNELS = {
    "channels",
    "inchannels",
    "inputchannels",
    "inchannel",
    "cin",
    "depth",
    "indepth",
    "inputdepth",
    "nchannels",
}
_FEATURES = {
    "nin",
    "infeatures",
    "inputfeatures",
    "nfeatures",
    "numfeatures",
    "fanin",
    "ninputs",
    "numinputs",
    "inputunits",
}
_PENALTIES = {"reg", "regularization", "regularisation", "weightdecay", "l1", "l2", "lam", "lamda", "lambd", "decay"}
_SEED = 0  # of a generator that a layer asks for; its parameters are put in their places afterwards


def preparations(owner: Any, inputs: Inputs) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Yield the ways to prepare an object: the calls as the report names them, and what makes them.

    Each method alone comes before all of them in turn; a shape is given without the batch first, and then whole.
    """
    shape = next((value.shape for value in inputs.values() if is_floating(value)), ())
    told = []
    for whole, last in product((shape[1:], shape), (True, False)):
        steps = {name: _arguments(getattr(owner, name), inputs, (whole, shape, last)) for name in initialisers(owner)}
        calls = [(name, arguments) for name, arguments in steps.items() if arguments is not None]
        for chosen in (*([one] for one in calls), *([calls] if len(calls) > 1 else [])):
            shown = ", ".join(f"{name}({', '.join(arguments)})" for name, arguments in chosen)
            if repr(chosen) not in told:
                told.append(repr(chosen))
                yield shown, partial(_prepare, calls=chosen)


def initialisers(owner: Any) -> list[str]:
    """Return the methods that may make a layer ready."""
    named = {plain(name): name for name in dir(type(owner)) if not name.startswith("__")}
    return [named[name] for name in INITIALISERS if name in named and callable(getattr(owner, named[name]))]


def _arguments(
    method: Callable[..., Any], inputs: Inputs, shapes: tuple[tuple[int, ...], tuple[int, ...], bool]
) -> dict[str, Any] | None:
    """Return what the method asks for by name; None where something else is asked for.

    `shapes` are the shape that it may ask for, the whole one, and whether the channels are its last axis.
    """
    shape, whole, last = shapes
    found: dict[str, Any] = {}
    for parameter in parameters_of(method) or ():
        if parameter.name in inputs:
            found[parameter.name] = inputs[parameter.name]
        elif is_optimizer(parameter.name):
            found[parameter.name] = Recorder()
        elif is_input_shape(parameter.name):
            found[parameter.name] = shape
        elif is_rate(parameter.name) or plain(parameter.name) in _PENALTIES:
            found[parameter.name] = 1.0 if is_rate(parameter.name) else 0.0
        elif (size := _size(parameter.name, whole, last=last)) is not None:
            found[parameter.name] = size
        elif plain(parameter.name) in _GENERATORS:
            found[parameter.name] = np.random.RandomState(_SEED)
        elif is_required(parameter):
            return None
    return found


def _size(name: str, shape: tuple[int, ...], *, last: bool) -> int | None:
    """Return a number of this name that a shape (N, H, W, C) or (N, C, H, W) tells; None where it tells none."""
    word = plain(name)
    if word in _FEATURES and len(shape) > 1:
        return prod(shape[1:])
    if len(shape) != 4:
        return shape[-1] if word in _CHANNELS and len(shape) == 2 else None
    axes = ((_HEIGHTS, 1, 2), (_WIDTHS, 2, 3), (_CHANNELS, 3, 1))
    return next((shape[one if last else other] for names, one, other in axes if word in names), None)


def _prepare(owner: Any, *, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    for name, arguments in calls:
        method = getattr(owner, name)
        try:
            call(method, parameters_of(method) or (), arguments)
        except (Exception, SystemExit) as err:
            raise LayerFailed(f"{name}({', '.join(arguments)}) raised {described(err)}", stage="factory") from err
