"""Pools whose one window is the whole image: (N, C, *spatial) to (N, C, 1, ...)."""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.elementwise import magnitude
from gradcheck.layers.lp_pool import check_order, power, power_of_two, root, slope
from gradcheck.layers.max_pool import Ties, check_ties
from gradcheck.layers.operands import cotangent, operand, rounded
from gradcheck.layers.windows import spatial_size

Array = NDArray[Any]


@dataclass(frozen=True)
class GlobalMaxPool:
    """The largest entry of each channel, with spatial axes of size 1.

    Parameters
    ----------
    ties : {"first", "last", "split"}
        Which of several equal winners gets the error, as in `MaxPool`.

    Notes
    -----
    y = max_j x_j over all positions j, so dE/dx_j is dE/dy at the winner and 0 elsewhere. NaN and complex entries as
    in `MaxPool`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0, 3.0]]])
    >>> GlobalMaxPool().forward(x)
    array([[[3.]]])
    >>> GlobalMaxPool().backward(np.array([[[5.0]]]), x)
    array([[[0., 5., 0.]]])
    """

    _: KW_ONLY
    ties: Ties = "first"

    def __post_init__(self) -> None:
        check_ties(self.ties)

    def forward(self, input: Array) -> Array:
        """Return the largest entry of each channel, (N, C, 1, ...)."""
        values = _positions(input)
        largest = np.take_along_axis(values, winner_of(values, ties="first")[..., np.newaxis], axis=-1)
        return rounded(largest.reshape(_output_shape(input)), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: each error at its channel's winner."""
        deltas = cotangent(grad_output, _output_shape(input)).reshape(*np.shape(input)[:2], 1)
        share = share_of_winners(deltas, _positions(input), ties=self.ties)
        return rounded(share.reshape(np.shape(input)), input)


@dataclass(frozen=True)
class GlobalAvgPool:
    """The mean of each channel, with spatial axes of size 1.

    Notes
    -----
    y = (1 / P) sum_j x_j over all P positions, so dE/dx_j = dE/dy / P.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0]]])
    >>> GlobalAvgPool().forward(x)
    array([[[2.]]])
    >>> GlobalAvgPool().backward(np.array([[[6.0]]]), x)
    array([[[3., 3.]]])
    """

    def forward(self, input: Array) -> Array:
        """Return the mean of each channel, (N, C, 1, ...)."""
        values = _positions(input)
        return rounded((values.sum(axis=-1) / values.shape[-1]).reshape(_output_shape(input)), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: equal shares of its channel's error."""
        deltas = cotangent(grad_output, _output_shape(input)) / prod(spatial_size(input))
        return rounded(np.broadcast_to(deltas, np.shape(input)).copy(), input)


@dataclass(frozen=True)
class GlobalLpPool:
    """The p-norm of each channel, with spatial axes of size 1.

    Parameters
    ----------
    p : float
        The norm's order, at least 1 and finite.

    Notes
    -----
    y = (sum_j |x_j|^p)^(1/p) over all positions j, so dE/dx_j = dE/dy sign(x_j) (|x_j| / y)^(p-1). Zeros, scaling, NaN
    and infinities as in `LpPool`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[3.0, -4.0]]])
    >>> GlobalLpPool().forward(x)
    array([[[5.]]])
    >>> GlobalLpPool().backward(np.array([[[10.0]]]), x)
    array([[[ 6., -8.]]])
    """

    p: float = 2.0

    def __post_init__(self) -> None:
        check_order(self.p)

    def forward(self, input: Array) -> Array:
        """Return the norm of each channel, (N, C, 1, ...)."""
        scale, norm = self._norms(magnitude(_positions(input)))
        with np.errstate(over="ignore"):  # a norm beyond the dtype is inf
            return rounded((scale * norm).reshape(_output_shape(input)), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`."""
        values = _positions(input)
        deltas = cotangent(grad_output, _output_shape(input)).reshape(*values.shape[:2], 1)
        magnitudes = magnitude(values)
        scale, norm = self._norms(magnitudes)
        norm[norm == 0] = 1
        share = np.sign(values.real) * slope(magnitudes, scale, norm, self.p) * deltas
        return rounded(share.reshape(np.shape(input)), input)

    def _norms(self, magnitudes: Array) -> tuple[Array, Array]:
        """Return a scale for each channel, and the norm of the channel divided by it."""
        scale = power_of_two(magnitudes.real.max(axis=-1, keepdims=True), self.p)
        return scale, root(power(magnitudes / scale, self.p).sum(axis=-1, keepdims=True), self.p)


def by_position(values: Array) -> Array:
    """Return `values` with all positions on one axis, (N, C, P)."""
    return values.reshape(*values.shape[:2], prod(values.shape[2:]))


def winner_of(values: Array, *, ties: str) -> Array:
    """Return the place of the first, or last, of the largest of (N, C, P), as (N, C); NaN wins."""
    if ties == "last":
        return np.asarray(values.shape[-1] - 1 - values.real[..., ::-1].argmax(axis=-1))
    return np.asarray(values.real.argmax(axis=-1))


def share_of_winners(deltas: Array, values: Array, *, ties: str) -> Array:
    """Return `deltas` (N, C, 1) at the positions of the winners among `values` (N, C, P), 0 at all others."""
    values = values.real
    if ties == "split":
        largest = values.max(axis=-1, keepdims=True)
        won = (values == largest) | (np.isnan(values) & np.isnan(largest))
        return np.where(won, deltas / won.sum(axis=-1, keepdims=True, dtype=values.dtype), 0)
    share = np.zeros(values.shape, deltas.dtype)
    np.put_along_axis(share, winner_of(values, ties=ties)[..., np.newaxis], deltas, axis=-1)
    return share


def _positions(input: Any) -> Array:
    """Return the input as (N, C, P), after making sure that there are positions."""
    spatial_size(input)
    return by_position(operand("input", input))


def _output_shape(input: Any) -> tuple[int, ...]:
    return (*np.shape(input)[:2], *(1 for _ in spatial_size(input)))
