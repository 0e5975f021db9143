"""Maximum over sliding windows; the error goes to the winning unit."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.geometry import Padding, Sizes, check_padding, check_sizes
from gradcheck.layers.operands import cotangent, operand, rounded
from gradcheck.layers.windows import AxisWindows, combine, pool_windows, sliding_axes

Array = NDArray[Any]
Ties = Literal["first", "last", "split"]
TIES = ("first", "last", "split")


@dataclass(frozen=True)
class MaxPool:
    """The largest entry of each window of a sliding kernel.

    Parameters
    ----------
    kernel_size, stride, dilation : int or tuple of int
        One for all spatial axes, or one an axis; a `stride` of None is the kernel's size.
    padding : int, tuple of int, tuple of pairs, "valid", "same" or "full"
        Smaller than the window; padding never wins, and never gets a gradient.
    ceil_mode : bool
        Keep a last window that hangs over the end, if it begins within the input.
    ties : {"first", "last", "split"}
        Which of several equal winners gets the error: the first or the last in row-major order of the window, or all
        of them in equal shares.

    Notes
    -----
    `input` x is (N, C, *spatial): y_i = max_m x_{i s + m d - p}. "The error is just assigned to where it comes from,
    the winning unit" (the article on max-pooling), so dE/dx_j = sum of dE/dy_i over the windows i that j has won; where
    windows overlap, the errors of all that a unit has won add up. The winner is found again in backward, since
    the passes are pure.

    NaN wins against every number, and of several NaN one is chosen by `ties`. A window that meets nothing, which only
    dilation can bring about, is -inf and passes no error on. Complex entries compete by their real part, the first of
    equals winning in forward.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[3.0, 1.0, 2.0, 2.0]]])
    >>> MaxPool(2).forward(x)
    array([[[3., 2.]]])
    >>> MaxPool(2).backward(np.array([[[5.0, 6.0]]]), x)
    array([[[5., 0., 6., 0.]]])
    >>> MaxPool(2, ties="split").backward(np.array([[[5.0, 6.0]]]), x)
    array([[[5., 0., 3., 3.]]])
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    _: KW_ONLY
    padding: Padding = 0
    dilation: Sizes = 1
    ceil_mode: bool = False
    ties: Ties = "first"

    def __post_init__(self) -> None:
        check_sizes("kernel_size", self.kernel_size)
        if self.stride is not None:
            check_sizes("stride", self.stride)
        check_padding(self.padding)
        check_sizes("dilation", self.dilation)
        check_ties(self.ties)

    def forward(self, input: Array) -> Array:
        """Return the largest entry of each window, (N, C, *output)."""
        return rounded(window_maxima(operand("input", input), self._axes(input))[-1], input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: each error at its window's winner."""
        return route_to_winners(grad_output, input, self._axes(input), self.ties)

    def _axes(self, input: Any) -> list[AxisWindows]:
        windows = pool_windows(
            input,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )
        return sliding_axes(windows)


def check_ties(ties: str) -> None:
    """Refuse what is no rule for ties."""
    if ties not in TIES:
        raise InvalidInput(f"`ties` must be one of {', '.join(TIES)}; it is {ties!r}. Pass e.g. ties='first'.")


def window_maxima(values: Array, axes: Sequence[AxisWindows]) -> list[Array]:
    """Return `values`, their maxima along the last axis' windows, of those along the axis before, ..., over the box."""
    stages = [values]
    for axis in reversed(axes):
        largest = np.full(axis.output_shape(stages[-1].shape), -np.inf, values.dtype)
        for outputs, inputs in axis.taps:
            combine(_larger if np.iscomplexobj(values) else np.maximum, largest, outputs, stages[-1][inputs])
        stages.append(largest)
    return stages


def route_to_winners(grad_output: Any, input: Any, axes: Sequence[AxisWindows], ties: str) -> Array:
    """Return the gradient of a maximum over windows.

    Axis by axis, from the first: the first row that holds the largest entry, then the first such entry within that
    row, is the first winner in row-major order; likewise the last.
    """
    stages = [stage.real for stage in window_maxima(operand("input", input), axes)]
    error = cotangent(grad_output, stages[-1].shape)
    if ties == "split":
        error = error / np.maximum(_number_of_winners(stages, axes), 1)
    for place, axis in enumerate(axes):
        values, largest = stages[-2 - place], stages[-1 - place]
        error = _route_along(error, values, largest, axis, ties=ties)
    return rounded(error, input)


def _route_along(error: Array, values: Array, largest: Array, axis: AxisWindows, *, ties: str) -> Array:
    result = np.zeros(values.shape, error.dtype)
    finite, any_nan = bool(np.isfinite(error).all()), bool(np.isnan(largest).any())
    vacant = np.ones(largest.shape, bool)
    for outputs, inputs in reversed(axis.taps) if ties == "last" else axis.taps:
        won = _equal(values[inputs], largest[outputs], any_nan)
        if ties != "split":
            won &= vacant[outputs]
            combine(np.bitwise_xor, vacant, outputs, won)
        # The product is faster than the choice, but 0 * inf would reach the losers.
        share = error[outputs] * won if finite else np.where(won, error[outputs], 0)
        combine(np.add, result, inputs, share)
    return result


def _number_of_winners(stages: Sequence[Array], axes: Sequence[AxisWindows]) -> Array:
    """Return how many entries of each window equal its maximum, carried along from axis to axis."""
    winners = np.ones(stages[0].shape, stages[0].dtype)
    for axis, values, largest in zip(reversed(axes), stages, stages[1:], strict=False):
        total = np.zeros(largest.shape, winners.dtype)
        any_nan = bool(np.isnan(largest).any())
        for outputs, inputs in axis.taps:
            combine(np.add, total, outputs, _equal(values[inputs], largest[outputs], any_nan) * winners[inputs])
        winners = total
    return winners


def _equal(values: Array, largest: Array, any_nan: bool) -> Array:
    equal = np.asarray(values == largest)
    if any_nan:
        equal |= np.isnan(values) & np.isnan(largest)
    return equal


def _larger(held: Array, values: Array, *, out: Array) -> None:
    """Put `values` in `out` where their real part is larger than that of `held`, or where it is the first NaN."""
    np.copyto(out, values, where=(values.real > held.real) | (np.isnan(values.real) & ~np.isnan(held.real)))
