"""Pools that are told the size of their output: as many windows as that, as even as can be."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from numpy.typing import NDArray

from gradcheck.layers.average_pool import number_of_entries, spread_over_windows, window_sums
from gradcheck.layers.geometry import Sizes, check_sizes
from gradcheck.layers.max_pool import Ties, check_ties, route_to_winners, window_maxima
from gradcheck.layers.operands import cotangent, operand, rounded
from gradcheck.layers.windows import AxisWindows, adaptive_axes, spatial_size

Array = NDArray[Any]


@dataclass(frozen=True)
class AdaptiveMaxPool:
    """The largest entry of each of `output_size` windows an axis.

    Parameters
    ----------
    output_size : int or tuple of int
        How many windows, for all spatial axes or one number an axis.
    ties : {"first", "last", "split"}
        Which of several equal winners gets the error, as in `MaxPool`.

    Notes
    -----
    Of n entries, window i of o covers those from floor(i n / o) up to ceil((i + 1) n / o), so that neighbours share an
    entry where o does not divide n, and windows repeat where o > n. Derivation, NaN and complex entries as in
    `MaxPool`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0, 2.0]]])
    >>> AdaptiveMaxPool(2).forward(x)
    array([[[3., 3.]]])
    >>> AdaptiveMaxPool(2).backward(np.array([[[5.0, 7.0]]]), x)
    array([[[ 0., 12.,  0.]]])
    """

    output_size: Sizes
    _: KW_ONLY
    ties: Ties = "first"

    def __post_init__(self) -> None:
        check_sizes("output_size", self.output_size)
        check_ties(self.ties)

    def forward(self, input: Array) -> Array:
        """Return the largest entry of each window, (N, C, *output_size)."""
        return rounded(window_maxima(operand("input", input), _axes(input, self.output_size))[-1], input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: each error at its window's winner."""
        return route_to_winners(grad_output, input, _axes(input, self.output_size), self.ties)


@dataclass(frozen=True)
class AdaptiveAvgPool:
    """The mean of each of `output_size` windows an axis.

    Parameters
    ----------
    output_size : int or tuple of int
        How many windows, for all spatial axes or one number an axis.

    Notes
    -----
    The windows are those of `AdaptiveMaxPool`, the derivation that of `AvgPool` with D_i the entries of window i.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0, 2.0]]])
    >>> AdaptiveAvgPool(2).forward(x)
    array([[[2. , 2.5]]])
    >>> AdaptiveAvgPool(2).backward(np.array([[[2.0, 4.0]]]), x)
    array([[[1., 3., 2.]]])
    """

    output_size: Sizes

    def __post_init__(self) -> None:
        check_sizes("output_size", self.output_size)

    def forward(self, input: Array) -> Array:
        """Return the mean of each window, (N, C, *output_size)."""
        values, axes = operand("input", input), _axes(input, self.output_size)
        return rounded(window_sums(values, axes) / number_of_entries(axes, values), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: equal shares of the errors of its windows."""
        values, axes = operand("input", input), _axes(input, self.output_size)
        deltas = cotangent(grad_output, (*values.shape[:2], *(axis.output_size for axis in axes)))
        return rounded(spread_over_windows(deltas / number_of_entries(axes, values), axes), input)


def _axes(input: Any, output_size: Sizes) -> list[AxisWindows]:
    return adaptive_axes(spatial_size(input), output_size)
