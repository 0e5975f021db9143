"""Losses whose backward takes no grad_output: its gradients are those at 1, and the adapter multiplies them."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.adapters.trial import Calls, outputs_of, quietly, run_forward
from gradcheck.subject import Cotangents, Inputs

NOTE = "backward is called without grad_output, as for a loss; its gradients are multiplied by it"

ALONE = Calls(
    forward=lambda layer, inputs: layer.forward(*inputs.values()),
    backward=lambda layer, _cotangents, _inputs: layer.backward(),
)


def stands_alone(make: Callable[[], Any], inputs: Inputs) -> bool:
    """Tell whether backward is that of a loss: one number out, and nothing, or nothing that matters, in.

    A backward with a default for grad_output (`dout=1`) is called with 2 to see whether it makes a difference.
    """
    layer = make()
    optional = _optional(layer.backward)
    if optional is None:
        return False
    with quietly():
        outputs = outputs_of(run_forward(layer, ALONE, inputs))
        if len(outputs) != 1 or outputs[0].size != 1:
            return False
        return optional == 0 or _same(layer.backward(), layer.backward(np.full(outputs[0].shape, 2.0)))


def times(cotangents: Cotangents, gradient: Any) -> Any:
    """Multiply a gradient at 1 by the cotangent of the one output, in the gradient's own dtype."""
    return None if gradient is None else np.asarray(gradient) * cotangents[0].item()


def _optional(backward: Callable[..., Any]) -> int | None:
    """Return how many arguments backward takes where it needs none of them, else None."""
    try:
        parameters = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.default is p.empty for p in parameters):
        return None
    return len(parameters)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is not None and np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True)
