"""The escape hatch: one function `case(**inputs) -> (output, pullback)`."""

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.adapters.contract import unpacked
from gradcheck.adapters.gradients import by_name
from gradcheck.errors import LayerFailed
from gradcheck.subject import Cotangents, Inputs, Passes, Subject, is_differentiable, named_inputs


def returns_case(function: Any, inputs: Any, constants: Mapping[str, Any]) -> bool:
    """Tell by one call with the inputs whether a function returns (output, pullback): a case may use any framework."""
    if not inspect.isfunction(function) or not isinstance(inputs, Mapping):
        return False
    try:
        returned = function(**{name: copy.copy(value) for name, value in inputs.items()}, **constants)
    except Exception:  # noqa: BLE001 - what a function of tensors says to arrays is no matter
        return False
    return isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1])


def read_case(case: Callable[..., Any], inputs: Any, *, name: str = "") -> Subject:
    """Make a Subject from `case(**inputs)`, which returns `(output, pullback)`.

    `pullback(grad_output)` returns the gradients as a dict by name, a tuple in the order of the inputs, or one array.
    Every backward runs case once more for its pullback.
    """
    found = named_inputs(inputs)

    def both(values: Inputs) -> tuple[Any, Callable[..., Any]]:
        returned = case(**values)
        if not (isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1])):
            raise LayerFailed(f"case must return (output, pullback); it returned {type(returned).__name__}.")
        return returned

    def backward(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
        return by_name(both(values)[1](unpacked(cotangents)), values)

    return Subject(
        name=name or getattr(case, "__name__", "case"),
        inputs=found,
        fresh=lambda: Passes(forward=lambda values: both(values)[0], backward=backward),
        wrt=tuple(key for key, value in found.items() if is_differentiable(value)),
        convention="case",
        stateful=True,
    )
