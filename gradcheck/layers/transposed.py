"""Transposed convolution: the adjoint of `Conv`, with the same three sums in other places."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.conv_operands import add_bias, check_shapes, promoted, sum_of_positions
from gradcheck.layers.conv_sums import correlate, correlate_input, correlate_weight
from gradcheck.layers.geometry import (
    Padding,
    Sizes,
    Windows,
    check_padding,
    check_sizes,
    kernel_spans,
    padding_pairs,
    per_axis,
    whole,
)
from gradcheck.layers.operands import cotangent, rounded

Array = NDArray[Any]


@dataclass(frozen=True)
class ConvTranspose:
    """Spread each input entry over the output through the filters: what `Conv` does to errors on their way back.

    Its forward is the sum over Q of Eq. 16, that is Eq. 20; its own gradients are then Eqs. 7 and 13::

        output[n, k, j]  = b[k] + sum_c,m input[n, c, i] w[c, k, m],  i s + m d - p = j       Eq. 20
        grad_input[n, c, i]  = sum_k,m w[c, k, m] grad_output[n, k, i s + m d - p]            Eq. 7
        grad_weight[c, k, m] = sum_n,i input[n, c, i] grad_output[n, k, i s + m d - p]        Eq. 13

    so that <y, Conv(x)> = <ConvTranspose(y), x> for the same hyperparameters and weight.

    Parameters
    ----------
    stride, dilation, groups, flip
        Those of the `Conv` that it is the adjoint of.
    padding
        Likewise: what is cut off the output, and so makes it smaller. "same" gives size * stride entries.
    output_padding : int or tuple of int
        Further entries behind the output: the remainder that a `Conv` of this stride leaves unread, since its inputs
        of several sizes have outputs of one. Smaller than stride or dilation; none with "same".

    Notes
    -----
    Shapes: input (N, C, *spatial), weight (C, K/groups, *kernel), bias (K,); an output axis has
    (size - 1) * stride - before - after + dilation * (kernel - 1) + 1 + output_padding entries. Dtypes and cost are
    those of `Conv`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 2.0]]])
    >>> w = np.array([[[1.0, 10.0, 100.0]]])
    >>> ConvTranspose(stride=2).forward(x, w)
    array([[[  1.,  10., 102.,  20., 200.]]])
    >>> ConvTranspose(stride=2, padding=1, output_padding=1).forward(x, w)
    array([[[ 10., 102.,  20., 200.]]])
    """

    stride: Sizes = 1
    padding: Padding = 0
    output_padding: Sizes = 0
    dilation: Sizes = 1
    groups: int = 1
    flip: bool = False

    def __post_init__(self) -> None:
        check_sizes("stride", self.stride)
        check_sizes("dilation", self.dilation)
        check_sizes("output_padding", self.output_padding, minimum=0)
        check_padding(self.padding)
        whole("groups", self.groups)

    def forward(self, input: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output, (N, K, *spatial); raise InvalidInput where shapes or dtypes do not fit."""
        windows = self._windows(input, weight, bias)
        x, w, *b = promoted(input=input, weight=weight, bias=bias)
        output = correlate_input(x, w, windows, self.groups)
        if bias is None:
            return rounded(output, input, weight)
        add_bias(output, *b)
        return rounded(output, input, weight, bias)

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array | None = None) -> tuple[Array, ...]:
        """Return (grad_input, grad_weight), and grad_bias behind them where a bias is given."""
        windows = self._windows(input, weight, bias)
        cotangent(grad_output, (len(input), np.shape(weight)[1] * self.groups, *windows.input_size))
        d, x, w = promoted(grad_output=grad_output, input=input, weight=weight)
        grad_input = rounded(correlate(d, w, windows, self.groups), input)
        grad_weight = rounded(correlate_weight(x, d, windows, self.groups), weight)
        if bias is None:
            return grad_input, grad_weight
        return grad_input, grad_weight, rounded(sum_of_positions(d), bias)

    def _windows(self, input: Array, weight: Array, bias: Array | None) -> Windows:
        """Check the shapes, and lay the kernel over the output: these are the windows of the `Conv` back."""
        shape = np.shape(input)
        check_shapes(
            shape, np.shape(weight), None if bias is None else np.shape(bias), groups=self.groups, transposed=True
        )
        if 0 in shape[2:]:
            raise InvalidInput(
                f"`input` must have no empty spatial axis; its shape is {shape}. Pass at least one entry."
            )
        return self._place(shape[2:], np.shape(weight)[2:])

    def _place(self, size: tuple[int, ...], kernel_size: tuple[int, ...]) -> Windows:
        stride = per_axis("stride", self.stride, len(size))
        dilation = per_axis("dilation", self.dilation, len(size))
        spans = kernel_spans(kernel_size, dilation)
        extra = self._output_padding(stride, dilation)
        wanted = tuple(n * s for n, s in zip(size, stride, strict=True))
        pairs = padding_pairs(self.padding, wanted, kernel_size, stride=stride, dilation=dilation)
        if self.padding == "same":
            output_size = wanted
        else:
            axes = zip(size, stride, pairs, spans, extra, strict=True)
            output_size = tuple((n - 1) * s - sum(pair) + span + more for n, s, pair, span, more in axes)
        if min(output_size) < 1:
            raise InvalidInput(
                f"`padding` must leave at least one output entry an axis; {self.padding!r} leaves {output_size}, by "
                "(size - 1) * stride - before - after + span + output_padding. Use less padding."
            )
        return Windows(output_size, kernel_size, stride, dilation, pairs, size, self.flip)

    def _output_padding(self, stride: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
        extra = per_axis("output_padding", self.output_padding, len(stride), minimum=0)
        if any(more >= max(s, d) for more, s, d in zip(extra, stride, dilation, strict=True)):
            raise InvalidInput(
                f"`output_padding` must be smaller than stride or dilation on each axis; it is {extra}, stride is "
                f"{stride} and dilation {dilation}. Use a larger stride, or pad the output yourself."
            )
        if self.padding == "same" and any(extra):
            raise InvalidInput(
                f"`output_padding` must be 0 with padding='same', which fixes the output's size; it is {extra}. "
                "Leave it out, or state the padding in numbers."
            )
        return extra
