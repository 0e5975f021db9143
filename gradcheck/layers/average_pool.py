"""Mean over sliding windows; each unit gets an equal share of the error."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.elementwise import check_number
from gradcheck.layers.geometry import Padding, Sizes, Windows, check_padding, check_sizes
from gradcheck.layers.operands import cotangent, operand, rounded
from gradcheck.layers.windows import AxisWindows, combine, pool_windows, sliding_axes

Array = NDArray[Any]


@dataclass(frozen=True)
class AvgPool:
    """The mean of each window of a sliding kernel.

    Parameters
    ----------
    kernel_size, stride : int or tuple of int
        One for all spatial axes, or one an axis; a `stride` of None is the kernel's size.
    padding : int, tuple of int, tuple of pairs, "valid", "same" or "full"
        Zeros around the input, fewer than the window is wide.
    ceil_mode : bool
        Keep a last window that hangs over the end, if it begins within the input.
    count_include_pad : bool
        Whether the divisor counts padding. What hangs over the padded input's end is never counted.
    divisor_override : number, optional
        Divide by this, in place of the count.

    Notes
    -----
    `input` x is (N, C, *spatial): y_i = (1 / D_i) sum_m x_{i s + m - p}. "The error is multiplied by 1 / (N x N) and
    assigned to the whole pooling block" (the article on average pooling), so dE/dx_j = sum of dE/dy_i / D_i over the
    windows i that contain j. D_i is the number of entries in the window (N x N away from the borders). Sums are
    divided, not multiplied by a rounded reciprocal, so that multiples of D give exact means.

    NaN and infinities reach every window and every unit that they are part of, and no other.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0, 6.0]]])
    >>> AvgPool(2, 1).forward(x)
    array([[[2. , 4.5]]])
    >>> AvgPool(2, 1).backward(np.array([[[2.0, 4.0]]]), x)
    array([[[1., 3., 2.]]])
    >>> AvgPool(2, 2, ceil_mode=True).forward(x)
    array([[[2., 6.]]])
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    _: KW_ONLY
    padding: Padding = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: float | None = None

    def __post_init__(self) -> None:
        check_sizes("kernel_size", self.kernel_size)
        if self.stride is not None:
            check_sizes("stride", self.stride)
        check_padding(self.padding)
        if self.divisor_override is not None:
            check_number("divisor_override", self.divisor_override, positive=True)

    def forward(self, input: Array) -> Array:
        """Return the mean of each window, (N, C, *output)."""
        values, windows = operand("input", input), self._windows(input)
        return rounded(window_sums(values, sliding_axes(windows)) / self._divisors(windows, values), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: equal shares of the errors of its windows."""
        values, windows = operand("input", input), self._windows(input)
        deltas = cotangent(grad_output, (*values.shape[:2], *windows.output_size))
        return rounded(spread_over_windows(deltas / self._divisors(windows, values), sliding_axes(windows)), input)

    def _windows(self, input: Any) -> Windows:
        return pool_windows(input, self.kernel_size, stride=self.stride, padding=self.padding, ceil_mode=self.ceil_mode)

    def _divisors(self, windows: Windows, values: Array) -> Array:
        """Return D, one an output position, in the precision of `values`."""
        if self.divisor_override is not None:
            return np.asarray(self.divisor_override, values.real.dtype)
        counts = []
        for axis, outputs in enumerate(windows.output_size):
            before, after = windows.padding[axis]
            size = windows.input_size[axis]
            first, last = (-before, size + after) if self.count_include_pad else (0, size)
            starts = np.arange(outputs) * windows.stride[axis] - before
            counts.append(np.minimum(starts + windows.kernel_size[axis], last) - np.maximum(starts, first))
        return outer_product(counts, values)


def window_sums(values: Array, axes: Sequence[AxisWindows]) -> Array:
    """Return the sum over each window, summed along one axis after another."""
    for axis in axes:
        total = np.zeros(axis.output_shape(values.shape), values.dtype)
        for outputs, inputs in axis.taps:
            combine(np.add, total, outputs, values[inputs])
        values = total
    return values


def spread_over_windows(deltas: Array, axes: Sequence[AxisWindows]) -> Array:
    """Return, for each unit, the sum of `deltas` over its windows: the transpose of `window_sums`."""
    for axis in reversed(axes):
        total = np.zeros(axis.input_shape(deltas.shape), deltas.dtype)
        for outputs, inputs in axis.taps:
            combine(np.add, total, inputs, deltas[outputs])
        deltas = total
    return deltas


def outer_product(counts: Sequence[Array], values: Array) -> Array:
    """Return the number of entries of each window from those along each axis, in the precision of `values`."""
    return np.asarray(reduce(np.multiply.outer, counts)).astype(values.real.dtype)
