"""How large the sums inside a layer can become: the magnitudes of all terms, added up."""

from typing import Any

import numpy as np

from gradcheck.oracle.case import Array
from gradcheck.oracle.places import windows_of


def largest_sum(operation: str, layer: Any, inputs: list[Array], grad_output: Array) -> int:
    """Return the largest sum of |terms| over every output and every gradient, in whatever order they are summed."""
    magnitudes, error = [np.abs(x) for x in inputs], np.abs(grad_output)
    if operation in ("conv", "conv_transpose", "linear"):
        sums = [layer.forward(*magnitudes), *layer.backward(error, *magnitudes)]
    elif "pool" in operation:
        sums = _pooled(layer, magnitudes[0], error)
    elif "norm" in operation:
        line = inputs[0].shape[-1] if operation == "layer_norm" else inputs[0].size // inputs[0].shape[1]
        sums = _normalised(magnitudes, error, line)
    elif "error" in operation:
        squares = (magnitudes[0] + magnitudes[1]) ** 2
        sums = [squares.sum() * max(1, error.max()), squares.size * error * 2 * np.max(magnitudes)]
    else:
        sums = _elementwise(layer, magnitudes, error)
    return int(np.ceil(max(float(np.max(values)) for values in (*sums, *magnitudes, error))))


def _pooled(layer: Any, x: Array, error: Array) -> list[Array]:
    """Sum over each window, and for each entry over all windows that it is part of, before anything is divided."""
    flat, errors = x.reshape(*x.shape[:2], -1), error.reshape(*error.shape[:2], -1)
    windows, shares = windows_of(layer, x.shape), np.zeros(flat.shape)
    for window, places in enumerate(windows):
        shares[..., places] += errors[..., window : window + 1]
    return [np.stack([flat[..., places].sum(axis=-1) for places in windows]), shares]


def _elementwise(layer: Any, magnitudes: list[Array], error: Array) -> list[Array]:
    """Every piece is a line: slope times input, plus a constant; a learned slope sums error times input."""
    stated = [abs(float(value)) for value in vars(layer).values()]
    steepest = max([1.0, *stated, *(float(w.max()) for w in magnitudes[1:])])
    return [magnitudes[0] * steepest + max([0.0, *stated]), error * steepest, np.sum(error * magnitudes[0])]


def _normalised(magnitudes: list[Array], error: Array, entries: int) -> list[Array]:
    """Multiply errors, weight and two inputs, the gradient's largest terms, and sum them over a mean's entries."""
    x, weight, bias = (values.max() for values in magnitudes)
    return [np.asarray(entries * error.max() * weight * x**2 + bias)]
