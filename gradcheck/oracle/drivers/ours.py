"""Our own layers, by the road that every other implementation takes."""

from collections.abc import Mapping
from typing import Any

from gradcheck.errors import InvalidInput
from gradcheck.oracle.case import Array
from gradcheck.oracle.implementation import Results, Run
from gradcheck.oracle.operations import OPERATIONS, layer_for


def open_device(device: str) -> Run:
    """Return the function that computes a case with the layers of `gradcheck.layers`."""
    if device not in ("", "cpu"):
        raise InvalidInput(f"--device must be cpu for numpy; it is {device!r}.")
    return _run


def _run(
    operation: str, hyperparameters: Mapping[str, Any], inputs: Mapping[str, Array], grad_output: Array
) -> Results:
    layer = layer_for(operation, hyperparameters)
    gradients = layer.backward(grad_output, *inputs.values())
    given = gradients if isinstance(gradients, tuple) else (gradients,)
    names = [name for name in inputs if name not in OPERATIONS[operation].constants]
    return layer.forward(*inputs.values()), dict(zip(names, given, strict=False))
