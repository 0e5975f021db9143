"""The p-norm of sliding windows; p = 2 is the article's L2-norm pooling."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import check_number, magnitude
from gradcheck.layers.geometry import Padding, Sizes, Windows, check_padding, check_sizes
from gradcheck.layers.max_pool import window_maxima
from gradcheck.layers.operands import cotangent, operand, rounded
from gradcheck.layers.windows import pool_windows, sliding_axes

Array = NDArray[Any]

# Up to here a ratio below 2 has a p-th power that is finite in float32 too, for windows of any size that fits memory.
_LARGEST_POWER_OF_RATIOS = 64


@dataclass(frozen=True)
class LpPool:
    """The p-norm of each window of a sliding kernel.

    Parameters
    ----------
    kernel_size, stride : int or tuple of int
        One for all spatial axes, or one an axis; a `stride` of None is the kernel's size.
    p : float
        The norm's order, at least 1 and finite (`MaxPool` of the magnitudes is the limit).
    padding : int, tuple of int, tuple of pairs, "valid", "same" or "full"
        Zeros around the input, fewer than the window is wide; they add nothing to a norm.
    ceil_mode : bool
        Keep a last window that hangs over the end, if it begins within the input.

    Notes
    -----
    `input` x is (N, C, *spatial): y_i = (sum_m |x_{i s + m - p}|^p)^(1/p), "L2-norm pooling" in the article for p = 2.
    As dy_i/dx_j = sign(x_j) (|x_j| / y_i)^(p-1), dE/dx_j is the sum of that times dE/dy_i over the windows of j. No
    mean is taken and no sign is lost: a window of negative numbers has a norm, too.

    The norm has a kink where a window is all zeros, and for p = 1 wherever x_j = 0: the gradient there is 0, the
    subgradient of least norm. Windows are scaled by a power of two near their largest magnitude, so that neither huge
    nor tiny entries overflow or vanish. A window with NaN is NaN; one with an infinity is inf, and its gradient NaN.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[3.0, -4.0, 0.0, 0.0]]])
    >>> LpPool(2).forward(x)
    array([[[5., 0.]]])
    >>> LpPool(2).backward(np.array([[[10.0, 7.0]]]), x)
    array([[[ 6., -8.,  0.,  0.]]])
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    _: KW_ONLY
    p: float = 2.0
    padding: Padding = 0
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        check_sizes("kernel_size", self.kernel_size)
        if self.stride is not None:
            check_sizes("stride", self.stride)
        check_padding(self.padding)
        check_order(self.p)

    def forward(self, input: Array) -> Array:
        """Return the norm of each window, (N, C, *output)."""
        values = operand("input", input)
        scale, norm = self._norms(magnitude(values), self._windows(input))
        with np.errstate(over="ignore"):  # a norm beyond the dtype is inf
            return rounded(scale * norm, input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`."""
        values, windows = operand("input", input), self._windows(input)
        deltas = cotangent(grad_output, (*values.shape[:2], *windows.output_size))
        magnitudes = magnitude(values)
        scale, norm = self._norms(magnitudes, windows)
        norm[norm == 0] = 1
        share = np.zeros(values.shape, np.result_type(values, deltas))
        for inputs, outputs in _overlaps(windows):
            share[inputs] += slope(magnitudes[inputs], scale[outputs], norm[outputs], self.p) * deltas[outputs]
        return rounded(np.sign(values.real) * share, input)

    def _windows(self, input: Any) -> Windows:
        return pool_windows(input, self.kernel_size, stride=self.stride, padding=self.padding, ceil_mode=self.ceil_mode)

    def _norms(self, magnitudes: Array, windows: Windows) -> tuple[Array, Array]:
        """Return a scale for each window, and the norm of the window divided by it."""
        scale = power_of_two(window_maxima(magnitudes.real, sliding_axes(windows))[-1], self.p)
        total = np.zeros(scale.shape, magnitudes.dtype)
        for inputs, outputs in _overlaps(windows):
            total[outputs] += power(magnitudes[inputs] / scale[outputs], self.p)
        return scale, root(total, self.p)


def _overlaps(windows: Windows) -> Iterator[tuple[Any, Any]]:
    """Iterate over (inputs, outputs), which meet at each place within the window, as indices into whole arrays."""
    axes = [windows.overlaps(axis) for axis in range(len(windows.kernel_size))]
    for place in product(*axes):
        yield (..., *(inputs for inputs, _ in place)), (..., *(outputs for _, outputs in place))


def check_order(p: float) -> None:
    """Refuse what is no order of a norm."""
    check_number("p", p)
    if p < 1:
        raise InvalidInput(f"`p` must be at least 1, else it is no norm; it is {p!r}. Pass e.g. p=2.")


def power_of_two(largest: Array, p: float) -> Array:
    """Return what to divide a window by: 2^k <= largest, exact to divide by; 1 where that is zero or not finite."""
    usable = np.isfinite(largest) & (largest > 0)
    scale = np.where(usable, largest, 1)
    if p > _LARGEST_POWER_OF_RATIOS:
        return scale
    return np.asarray(np.ldexp(np.ones((), largest.dtype), np.frexp(scale)[1] - 1))


def power(ratio: Array, p: float) -> Array:
    """Return ratio^p; the small whole orders as products, which NumPy computes exactly and fast."""
    if p == 0:
        return np.ones_like(ratio)
    with np.errstate(over="ignore"):  # next to an infinity nothing is scaled, and inf is the norm anyway
        if p in {1, 2}:
            return ratio if p == 1 else ratio * ratio
        return np.asarray(ratio**p)


def root(total: Array, p: float) -> Array:
    """Return total^(1/p)."""
    if p in {1, 2}:
        return total if p == 1 else np.asarray(np.sqrt(total))
    return np.asarray(total ** (1 / p))


def slope(magnitudes: Array, scale: Array, norm: Array, p: float) -> Array:
    """Return dy/d|x| = (|x| / y)^(p-1) for y = scale * norm, which itself may be beyond the dtype's range."""
    with np.errstate(invalid="ignore"):  # inf / inf: NaN, as documented
        return power(magnitudes / scale / norm, p - 1)
