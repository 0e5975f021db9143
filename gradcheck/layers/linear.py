"""Fully connected layer and flattening, with hand-derived gradients."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.operands import cotangent, operand, rounded

Array = NDArray[Any]


@dataclass(frozen=True)
class Linear:
    """Weighted sums over the last axis, plus a bias.

    Notes
    -----
    `input` o is (..., in), usually (N, in); `weight` w is (out, in), `bias` b (out,) or left out; the output is
    (..., out). It is Eqs. 7, 13 and 20 without the sliding: x_k = sum_c w_kc o_c + b_k, so with deltas d = dE/dx
    dE/do_c = sum_k d_k w_kc, dE/dw_kc = sum d_k o_c and dE/db_k = sum d_k, the last two over all leading axes.

    Examples
    --------
    >>> import numpy as np
    >>> x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 20.0])
    >>> Linear().forward(x, w, b)
    array([[21., 37.]])
    >>> Linear().backward(np.array([[1.0, 0.0]]), x, w, b)[0]
    array([[3., 4.]])
    """

    def forward(self, input: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the weighted sums (..., out)."""
        rows, matrix, offset = _operands(input, weight, bias)
        output = np.matmul(rows, matrix.T)
        if offset is not None:
            output = output + offset
        return rounded(output.reshape(_output_shape(input, weight)), *_given(input, weight, bias))

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array | None = None) -> tuple[Array, ...]:
        """Return the gradients of `input`, `weight` and, where it was given, `bias`."""
        rows, matrix, _ = _operands(input, weight, bias)
        deltas = cotangent(grad_output, _output_shape(input, weight)).reshape(len(rows), len(matrix))
        grad_input = np.matmul(deltas, matrix).reshape(np.shape(input))
        gradients = rounded(grad_input, input), rounded(np.matmul(deltas.T, rows), weight)
        return gradients if bias is None else (*gradients, rounded(deltas.sum(axis=0), bias))


@dataclass(frozen=True)
class Flatten:
    """All axes behind the batch axis as one: (N, C, *spatial) to (N, C * ...), in C order.

    Notes
    -----
    A reordering of names and not of values, so the gradient is `grad_output` in the shape of the input. Both passes
    return copies, never views.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(4.0).reshape(1, 2, 2)
    >>> Flatten().forward(x)
    array([[0., 1., 2., 3.]])
    >>> Flatten().backward(np.array([[1.0, 2.0, 3.0, 4.0]]), x).shape
    (1, 2, 2)
    """

    def forward(self, input: Array) -> Array:
        """Return `input` as a matrix (N, features)."""
        return np.array(rounded(operand("input", input), input)).reshape(_flat_shape(input))

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`."""
        deltas = cotangent(grad_output, _flat_shape(input))
        return np.array(rounded(deltas, input)).reshape(np.shape(input))


def _operands(input: Any, weight: Any, bias: Any) -> tuple[Array, Array, Array | None]:
    """Return the input as rows, the weight, and the bias or None."""
    values, matrix = operand("input", input), operand("weight", weight)
    offset = None if bias is None else operand("bias", bias)
    if matrix.ndim != 2:
        raise InvalidInput(f"`weight` must have the shape (out, in); its shape is {matrix.shape}. Pass a matrix.")
    if values.ndim < 1 or values.shape[-1] != matrix.shape[1]:
        raise InvalidInput(
            f"the last axis of `input` must be as long as that of `weight` {matrix.shape}; the shape of `input` is "
            f"{values.shape}. Flatten the features to {matrix.shape[1]}, or transpose the weight if it is (in, out)."
        )
    if offset is not None and offset.shape != matrix.shape[:1]:
        raise InvalidInput(
            f"`bias` must have one entry for each row of `weight`, shape {matrix.shape[:1]}; its shape is "
            f"{offset.shape}. Pass e.g. bias.reshape(-1)."
        )
    return values.reshape(prod(values.shape[:-1]), values.shape[-1]), matrix, offset


def _output_shape(input: Any, weight: Any) -> tuple[int, ...]:
    return (*np.shape(input)[:-1], np.shape(weight)[0])


def _given(*arguments: Any) -> list[Any]:
    return [argument for argument in arguments if argument is not None]


def _flat_shape(input: Any) -> tuple[int, int]:
    shape = operand("input", input).shape
    if not shape:
        raise InvalidInput("`input` must have a batch axis; it is 0-d. Pass an array of shape (N, ...).")
    return shape[0], prod(shape[1:])
