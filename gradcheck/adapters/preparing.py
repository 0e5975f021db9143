"""Layers to be prepared before their first forward: `initialize(optimizer)`, `build(input_shape)`, `setup(...)`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradcheck.adapters.optimizers import Recorder
from gradcheck.adapters.roles import call, is_required, parameters_of
from gradcheck.adapters.spellings import INITIALISERS, is_input_shape, is_optimizer, plain
from gradcheck.adapters.trial import described
from gradcheck.errors import LayerFailed
from gradcheck.subject import Inputs, is_floating

_GENERATORS = {"rng", "random", "randomstate", "generator"}
_SEED = 0  # of a generator that a layer asks for; its parameters are put in their places afterwards


def preparations(owner: Any, inputs: Inputs) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Yield the ways to prepare an object: the calls as the report names them, and what makes them.

    Each method alone comes before all of them in turn; a shape is given without the batch first, and then whole.
    """
    shape = next((value.shape for value in inputs.values() if is_floating(value)), ())
    for whole in (shape[1:], shape):
        steps = {name: _arguments(getattr(owner, name), inputs, whole) for name in _initialisers(owner)}
        calls = [(name, arguments) for name, arguments in steps.items() if arguments is not None]
        for chosen in (*([one] for one in calls), *([calls] if len(calls) > 1 else [])):
            shown = ", ".join(f"{name}({', '.join(arguments)})" for name, arguments in chosen)
            yield shown, partial(_prepare, calls=chosen)


def _initialisers(owner: Any) -> list[str]:
    named = {plain(name): name for name in dir(type(owner)) if not name.startswith("__")}
    return [named[name] for name in INITIALISERS if name in named and callable(getattr(owner, named[name]))]


def _arguments(method: Callable[..., Any], inputs: Inputs, shape: tuple[int, ...]) -> dict[str, Any] | None:
    """Return what the method asks for by name; None where something else is asked for."""
    found: dict[str, Any] = {}
    for parameter in parameters_of(method) or ():
        if parameter.name in inputs:
            found[parameter.name] = inputs[parameter.name]
        elif is_optimizer(parameter.name):
            found[parameter.name] = Recorder()
        elif is_input_shape(parameter.name):
            found[parameter.name] = shape
        elif plain(parameter.name) in _GENERATORS:
            found[parameter.name] = np.random.RandomState(_SEED)
        elif is_required(parameter):
            return None
    return found


def _prepare(owner: Any, *, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    for name, arguments in calls:
        method = getattr(owner, name)
        try:
            call(method, parameters_of(method) or (), arguments)
        except Exception as err:
            raise LayerFailed(f"{name}({', '.join(arguments)}) raised {described(err)}", stage="factory") from err
