"""Convolution and cross-correlation with hand-derived gradients, for 1, 2 and 3 spatial dimensions."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradcheck.layers.conv_operands import accumulation_dtype, check_floating, check_grad_output, check_shapes
from gradcheck.layers.conv_sums import correlate, correlate_input, correlate_weight
from gradcheck.layers.geometry import Padding, Sizes, Windows, check_padding, check_sizes, place_windows, whole

Array = NDArray[Any]


@dataclass(frozen=True)
class Conv:
    """Slide a bank of filters over an input: cross-correlation (Eq. 1), or convolution (Eq. 2) with `flip`."""

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
        """Return output (N, K, *output_size)."""
        windows = self._windows(input, weight, bias)
        operands = [a for a in (input, weight, bias) if a is not None]
        dtype = accumulation_dtype(*operands)
        output = correlate(input.astype(dtype, copy=False), weight.astype(dtype, copy=False), windows, self.groups)
        if bias is not None:
            output += bias.reshape(-1, *(1 for _ in windows.kernel_size))
        import numpy as np

        return output.astype(np.result_type(*operands), copy=False)

    def backward(self, grad_output: Array, input: Array, weight: Array, bias: Array | None = None) -> tuple[Array, ...]:
        """Return (grad_input, grad_weight), and grad_bias where a bias is given."""
        windows = self._windows(input, weight, bias)
        check_floating(grad_output=grad_output)
        check_grad_output(grad_output, (len(input), len(weight), *windows.output_size))
        dtype = accumulation_dtype(grad_output, input, weight)
        delta, x, w = (a.astype(dtype, copy=False) for a in (grad_output, input, weight))
        gradients = (
            correlate_input(delta, w, windows, self.groups).astype(input.dtype, copy=False),
            correlate_weight(delta, x, windows, self.groups).astype(weight.dtype, copy=False),
        )
        if bias is None:
            return gradients
        return (*gradients, delta.sum(axis=(0, *range(2, delta.ndim))).astype(bias.dtype, copy=False))

    def _windows(self, input: Array, weight: Array, bias: Array | None) -> Windows:
        check_floating(input=input, weight=weight, **({} if bias is None else {"bias": bias}))
        check_shapes(input, weight, bias, groups=self.groups)
        return place_windows(
            input.shape[2:],
            weight.shape[2:],
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            flip=self.flip,
        )
