"""Convolution and cross-correlation with hand-derived gradients, for 1, 2 and 3 spatial dimensions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.conv_operands import add_bias, check_shapes, promoted, sum_of_positions
from gradcheck.layers.conv_sums import correlate, correlate_input, correlate_weight
from gradcheck.layers.geometry import Padding, Sizes, Windows, check_padding, check_sizes, place_windows, whole
from gradcheck.layers.operands import cotangent, rounded

Array = NDArray[Any]


@dataclass(frozen=True)
class Conv:
    """Slide a bank of filters over an input: cross-correlation (Eq. 1) or, with `flip`, convolution (Eq. 2).

    With s, d and p for stride, dilation and padding in front, and i, j, m for all spatial axes at once::

        output[n, k, i]   = b[k] + sum_c,m w[k, c, m] input[n, c, i s + m d - p]              Eqs. 4, 5, 7
        grad_weight[k, c, m] = sum_n,i grad_output[n, k, i] input[n, c, i s + m d - p]        Eqs. 13, 14
        grad_input[n, c, j]  = sum_k,m grad_output[n, k, i] w[k, c, m],  i s = j - m d + p    Eq. 20

    (f' of Eq. 20 belongs to the activation's own layer), and grad_bias[k] = sum_n,i grad_output[n, k, i].
    `flip` reads the kernel from its other end, w[k, c, M - 1 - m], in all three: the article's Eq. 6.

    Parameters
    ----------
    stride, dilation : int or tuple of int
        For all spatial axes, or one an axis.
    padding : int, tuple of int, tuple of (before, after) pairs, "valid", "same" or "full"
        Zeros around the input. "valid" is none; "same" gives ceil(size / stride) outputs for any stride, the odd zero
        behind; "full" has every position where kernel and input touch, dilation * (kernel - 1) on both sides.
    groups : int
        Filters and channels are divided into this many independent convolutions; groups = C is depthwise.
    flip : bool
        True convolution.

    Notes
    -----
    Shapes: input (N, C, *spatial), weight (K, C/groups, *kernel), bias (K,), output (N, K, *spatial). Entries that no
    window reaches (a remainder of the stride) have gradient zero; N may be 0. The output has the promoted dtype of the
    arguments and each gradient that of its argument; float16 is summed in float32 and rounded once; complex arrays
    are accepted and never conjugated. Each pass is one matrix product with N K C/groups * kernel * output
    multiplications, in blocks of at most 8 MB of columns.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 2.0, 3.0, 4.0]]])
    >>> w = np.array([[[1.0, 10.0]]])
    >>> Conv().forward(x, w)
    array([[[21., 32., 43.]]])
    >>> Conv(flip=True).forward(x, w)
    array([[[12., 23., 34.]]])
    >>> grad_input, grad_weight = Conv().backward(np.array([[[1.0, 0.0, 2.0]]]), x, w)
    >>> grad_input, grad_weight
    (array([[[ 1., 10.,  2., 20.]]]), array([[[ 7., 10.]]]))
    """

    stride: Sizes = 1
    padding: Padding = 0
    dilation: Sizes = 1
    groups: int = 1
    flip: bool = False

    def __post_init__(self) -> None:
        check_sizes("stride", self.stride)
        check_sizes("dilation", self.dilation)
        check_padding(self.padding)
        whole("groups", self.groups)

    def forward(self, input: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output, (N, K, *spatial); raise InvalidInput where shapes or dtypes do not fit."""
        windows = self._windows(input, weight, bias)
        x, w, *b = promoted(input=input, weight=weight, bias=bias)
        output = correlate(x, w, windows, self.groups)
        if bias is None:
            return rounded(output, input, weight)
        add_bias(output, *b)
        return rounded(output, input, weight, bias)

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array | None = None) -> tuple[Array, ...]:
        """Return (grad_input, grad_weight), and grad_bias behind them where a bias is given."""
        windows = self._windows(input, weight, bias)
        cotangent(grad_output, (len(input), len(weight), *windows.output_size))
        d, x, w = promoted(grad_output=grad_output, input=input, weight=weight)
        grad_input = rounded(correlate_input(d, w, windows, self.groups), input)
        grad_weight = rounded(correlate_weight(d, x, windows, self.groups), weight)
        if bias is None:
            return grad_input, grad_weight
        return grad_input, grad_weight, rounded(sum_of_positions(d), bias)

    def _windows(self, input: Array, weight: Array, bias: Array | None) -> Windows:
        """Check the shapes, and lay the kernel over the input."""
        check_shapes(np.shape(input), np.shape(weight), None if bias is None else np.shape(bias), groups=self.groups)
        return place_windows(
            np.shape(input)[2:],
            np.shape(weight)[2:],
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            flip=self.flip,
        )
