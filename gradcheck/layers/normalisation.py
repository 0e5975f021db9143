"""Normalisation over the batch or over features, with hand-derived gradients."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import check_number
from gradcheck.layers.operands import cotangent, operand, rounded

Array = NDArray[Any]
Axes = tuple[int, ...]


@dataclass(frozen=True)
class BatchNorm:
    """Normalise each channel over the batch and all positions (training mode: by this batch's own statistics).

    Parameters
    ----------
    epsilon : float
        Added to the variance; it is part of the derivative.

    Notes
    -----
    `input` x is (N, C, *spatial), `weight` g and `bias` b are (C,). Over the M = N * positions entries of a channel,
    with mean m, variance v = mean((x - m)^2) (divided by M, not M - 1) and h = (x - m) / sqrt(v + epsilon):
    y = g h + b. As m and v depend on every x, with d = dE/dy: dE/dg = sum d h, dE/db = sum d, and
    dE/dx = g / sqrt(v + epsilon) * (d - mean(d) - h mean(d h)).

    Layers of one entry a channel (M = 1) are accepted: y = b, and the gradient of x is 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0], [3.0]])
    >>> BatchNorm(epsilon=3.0).forward(x, np.array([2.0]), np.array([5.0]))
    array([[4.],
           [6.]])
    >>> BatchNorm(epsilon=3.0).backward(np.array([[1.0], [0.0]]), x, np.array([4.0]), np.array([0.0]))[0]
    array([[ 0.75],
           [-0.75]])
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, positive=True)

    def forward(self, input: Array, weight: Array, bias: Array) -> Array:
        """Return the normalised input, scaled and shifted per channel."""
        return _forward(input, weight, bias, *_channel_axes(input), self.epsilon)

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
        """Return the gradients of `input`, `weight` and `bias`."""
        return _backward(grad_output, input, weight, bias, *_channel_axes(input), self.epsilon)


@dataclass(frozen=True)
class LayerNorm:
    """Normalise each sample over its last axes.

    Parameters
    ----------
    trailing_axes : int
        How many of the last axes form a sample's features.
    epsilon : float
        Added to the variance; it is part of the derivative.

    Notes
    -----
    `input` is (..., *features) with `trailing_axes` feature axes; `weight` and `bias` have the shape of the features.
    The formulas are those of `BatchNorm` with the means taken over the features, and with d g in place of d inside
    the bracket, because g differs along the axes that the means run over:
    dE/dx = (d g - mean(d g) - h mean(d g h)) / sqrt(v + epsilon).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0]])
    >>> LayerNorm(epsilon=3.0).forward(x, np.array([2.0, 4.0]), np.array([0.0, 0.0]))
    array([[-1.,  2.]])
    >>> LayerNorm(epsilon=3.0).backward(np.array([[1.0, 1.0]]), x, np.array([2.0, 4.0]), np.array([0.0, 0.0]))[1]
    array([-0.5,  0.5])
    """

    trailing_axes: int = 1
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, positive=True)
        if isinstance(self.trailing_axes, bool) or not isinstance(self.trailing_axes, int) or self.trailing_axes < 1:
            raise InvalidInput(
                f"`trailing_axes` must be an int of at least 1; it is {self.trailing_axes!r}. Pass e.g. 1."
            )

    def forward(self, input: Array, weight: Array, bias: Array) -> Array:
        """Return the normalised input, scaled and shifted per feature."""
        return _forward(input, weight, bias, *self._feature_axes(input), self.epsilon)

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
        """Return the gradients of `input`, `weight` and `bias`."""
        return _backward(grad_output, input, weight, bias, *self._feature_axes(input), self.epsilon)

    def _feature_axes(self, input: Any) -> tuple[Axes, Axes]:
        ndim = np.ndim(input)
        if ndim < self.trailing_axes:
            raise InvalidInput(
                f"`input` must have at least the {self.trailing_axes} axes to normalise over; its shape is "
                f"{np.shape(input)}. Lower `trailing_axes`."
            )
        first = ndim - self.trailing_axes
        return tuple(range(first, ndim)), tuple(range(first))


def _channel_axes(input: Any) -> tuple[Axes, Axes]:
    """Return the axes that BatchNorm averages over, and those that share one entry of the parameters: the same."""
    if np.ndim(input) < 2:
        raise InvalidInput(f"`input` must have the shape (N, C, ...); its shape is {np.shape(input)}.")
    axes = (0, *range(2, np.ndim(input)))
    return axes, axes


def _forward(input: Any, weight: Any, bias: Any, averaged: Axes, shared: Axes, epsilon: float) -> Array:
    scale, shift = (_parameter(name, p, input, shared) for name, p in (("weight", weight), ("bias", bias)))
    normalised, _ = _normalise(operand("input", input), averaged, epsilon)
    return rounded(scale * normalised + shift, input, weight, bias)


def _backward(
    grad_output: Any, input: Any, weight: Any, bias: Any, averaged: Axes, shared: Axes, epsilon: float
) -> tuple[Array, Array, Array]:
    scale = _parameter("weight", weight, input, shared)
    _parameter("bias", bias, input, shared)
    deltas = cotangent(grad_output, np.shape(input))
    normalised, deviation = _normalise(operand("input", input), averaged, epsilon)
    scaled = deltas * scale
    along = normalised * _mean(scaled * normalised, averaged)
    return (
        rounded((scaled - _mean(scaled, averaged) - along) / deviation, input),
        rounded((deltas * normalised).sum(axis=shared), weight),
        rounded(deltas.sum(axis=shared), bias),
    )


def _normalise(values: Array, averaged: Axes, epsilon: float) -> tuple[Array, Array]:
    """Return (x - mean) / sqrt(variance + epsilon), and the root; two passes, so that a large mean costs no digits."""
    centred = values - _mean(values, averaged)
    deviation = np.sqrt(_mean(centred * centred, averaged) + epsilon)
    return centred / deviation, deviation


def _mean(values: Array, axes: Axes) -> Array:
    """Return the mean along `axes`, kept as axes of size 1; 0 where there is nothing to average."""
    count = max(prod(values.shape[axis] for axis in axes), 1)
    return np.asarray(values.sum(axis=axes, keepdims=True) / count)


def _parameter(name: str, value: Any, input: Any, shared: Axes) -> Array:
    """Return a parameter with axes of size 1 where one entry serves many of the input's."""
    array, shape = operand(name, value), np.shape(input)
    wanted = tuple(size for axis, size in enumerate(shape) if axis not in shared)
    if array.shape != wanted:
        raise InvalidInput(
            f"`{name}` must have the shape {wanted} for an `input` of shape {shape}; its shape is {array.shape}. "
            f"Pass e.g. np.ones({wanted})."
        )
    return array.reshape([1 if axis in shared else size for axis, size in enumerate(shape)])
