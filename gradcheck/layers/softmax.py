"""Softmax and its logarithm along one axis."""

from dataclasses import dataclass

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import log1p
from gradcheck.layers.operands import Array, cotangent, operand, rounded


@dataclass(frozen=True)
class Softmax:
    """Positive weights that sum to one along an axis.

    o_i = exp(x_i - m) / sum_j exp(x_j - m), m the largest entry; dE/dx_i = o_i (d_i - sum_j d_j o_j) with
    d = delta - delta at the largest entry, which changes nothing but keeps the precision of a confident softmax
    (o near 0 and 1). An entry far below the largest has |x_i - m| / 2 ulps of error, from rounding the difference.

    Examples
    --------
    >>> import numpy as np
    >>> Softmax().forward(np.array([[1e4, 1e4], [-1e4, 0.0]])).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    >>> Softmax().backward(np.array([[4.0, 0.0]]), np.array([[7.0, 7.0]])).tolist()
    [[1.0, -1.0]]
    """

    axis: int = -1

    def __post_init__(self) -> None:
        _check_axis(self.axis)

    def forward(self, input: Array) -> Array:
        """Return the weights, of the shape and dtype of `input`."""
        x, axis = _operand_with_axis(input, self.axis)
        with np.errstate(over="ignore", under="ignore"):
            weights, _ = _weights(x, axis)
            return rounded(weights.reshape(np.shape(input)), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return grad_input, of the shape and dtype of `input`."""
        x, axis = _operand_with_axis(input, self.axis)
        delta = cotangent(grad_output, np.shape(input)).reshape(x.shape)
        with np.errstate(over="ignore", under="ignore"):
            weights, largest = _weights(x, axis)
            excess = np.subtract(delta, np.take_along_axis(delta, largest, axis), dtype=np.result_type(delta, weights))
            excess -= _inner(excess, weights, axis)
            excess *= weights
            return rounded(excess.reshape(np.shape(input)), input)


@dataclass(frozen=True)
class LogSoftmax:
    """Logarithm of softmax along an axis.

    o_i = x_i - m - log(1 + r), m = x_k the largest entry, r = sum over j != k of exp(x_j - m); the sum without its
    largest term keeps the precision where o_k is near 0. dE/dx_i = delta_i - exp(o_i) sum_j delta_j, and at k the same
    without cancellation, delta_k r / (1 + r) - (sum over j != k of delta_j) / (1 + r).

    Examples
    --------
    >>> import numpy as np
    >>> LogSoftmax().forward(np.array([[0.0, -100.0]])).tolist()
    [[-3.720075976020836e-44, -100.0]]
    >>> LogSoftmax().backward(np.array([[4.0, 0.0]]), np.array([[7.0, 7.0]])).tolist()
    [[2.0, -2.0]]
    """

    axis: int = -1

    def __post_init__(self) -> None:
        _check_axis(self.axis)

    def forward(self, input: Array) -> Array:
        """Return the logarithms, of the shape and dtype of `input`."""
        x, axis = _operand_with_axis(input, self.axis)
        with np.errstate(over="ignore", under="ignore"):
            below, largest = _below_largest(x, axis)
            below -= log1p(_rest(np.exp(below), largest, axis))
            return rounded(below.reshape(np.shape(input)), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return grad_input, of the shape and dtype of `input`."""
        x, axis = _operand_with_axis(input, self.axis)
        delta = cotangent(grad_output, np.shape(input)).reshape(x.shape)
        with np.errstate(over="ignore", under="ignore"):
            below, largest = _below_largest(x, axis)
            weights = np.exp(below, out=below)
            others, rest = _rest(delta, largest, axis), _rest(weights, largest, axis)
            at_largest = np.take_along_axis(delta, largest, axis)
            grad_input = delta - weights * ((others + at_largest) / (1 + rest))
            np.put_along_axis(grad_input, largest, (at_largest * rest - others) / (1 + rest), axis)
            return rounded(grad_input.reshape(np.shape(input)), input)


def _check_axis(axis: int) -> None:
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
        raise InvalidInput(f"`axis` must be an int, the number of one axis; it is {axis!r}. Pass e.g. axis=-1.")


def _operand_with_axis(input: Array, axis: int) -> tuple[Array, int]:
    """Return `input` to compute with, and the axis; a 0-d array is one entry along axis 0, as in PyTorch."""
    x = operand("input", input)
    ndim = max(x.ndim, 1)
    if not -ndim <= axis < ndim:
        raise InvalidInput(
            f"`axis` must name an axis of `input`, from {-ndim} to {ndim - 1} for its shape {x.shape}; it is {axis}. "
            "Pass e.g. axis=-1."
        )
    return x.reshape(x.shape or (1,)), axis


def _below_largest(x: Array, axis: int) -> tuple[Array, Array]:
    """Return x minus its largest entry along the axis, a new array, and the index of that entry (the first)."""
    if not x.shape[axis]:
        return x.copy(), np.empty(x.shape, int)
    largest = np.expand_dims(x.real.argmax(axis=axis), axis)
    return x - np.take_along_axis(x, largest, axis), largest


def _weights(x: Array, axis: int) -> tuple[Array, Array]:
    below, largest = _below_largest(x, axis)
    weights = np.exp(below, out=below)
    weights /= weights.sum(axis=axis, keepdims=True)
    return weights, largest


def _inner(a: Array, b: Array, axis: int) -> Array:
    """Return the sum of a * b along the axis, without an array of the products."""
    sums = np.einsum("...i,...i->...", np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1))
    return np.expand_dims(sums, axis)


def _rest(terms: Array, largest: Array, axis: int) -> Array:
    """Return the sum of `terms` along the axis without the one at the index `largest`, so that nothing cancels."""
    kept = terms.copy()
    np.put_along_axis(kept, largest, 0, axis)
    return np.asarray(kept.sum(axis=axis, keepdims=True))
