"""The three sums of a convolution (Eqs. 7, 13 and 20) as matrix products on blocks of columns.

A column holds what one window sees: columns[(c, m), i] = input[c, i * stride + m * dilation - padding]. They are made
a block of output positions at a time, small enough to stay in cache, so that no copy of the input times the kernel's
area ever exists. All arrays here have one dtype and any strides; `groups` divides both channel counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.geometry import Windows

Array = NDArray[Any]

# Columns of one block, in bytes: about half of a usual last-level cache share (a heuristic, measured on one machine).
BLOCK_BYTES = 4 * 2**20


def correlate(input: Array, weight: Array, windows: Windows, groups: int = 1) -> Array:
    """Return output[k, i] = sum over c, m of weight[k, c, m] * input[c, i * s + m * d - p] (Eq. 7)."""
    output = np.empty((len(input), len(weight), *windows.output_size), input.dtype)
    rows = _rows(weight, groups)
    for block in _blocks(windows, input, groups):
        columns = block.gather(input)
        block.put(output, rows @ columns)
    return output


def correlate_weight(grad_output: Array, input: Array, windows: Windows, groups: int = 1) -> Array:
    """Return grad_weight[k, c, m] = sum over i of grad_output[k, i] * input[c, i * s + m * d - p] (Eq. 13)."""
    channels, filters = input.shape[1] // groups, grad_output.shape[1]
    grad_weight = np.zeros((filters, channels, *windows.kernel_size), input.dtype)
    rows = _rows(grad_weight, groups)
    for block in _blocks(windows, input, groups):
        columns = block.gather(input)
        rows += block.take(grad_output) @ columns.swapaxes(1, 2)
    return grad_weight


def correlate_input(grad_output: Array, weight: Array, windows: Windows, groups: int = 1) -> Array:
    """Return grad_input[c, j] = sum over k, m of grad_output[k, i] * weight[k, c, m], j = i * s + m * d - p (Eq. 20)."""
    channels = weight.shape[1] * groups
    grad_input = np.zeros((len(grad_output), channels, *windows.input_size), grad_output.dtype)
    rows = _rows(weight, groups)
    for block in _blocks(windows, grad_input, groups):
        block.scatter(rows.swapaxes(1, 2) @ block.take(grad_output), grad_input)
    return grad_input


def _rows(weight: Array, groups: int) -> Array:
    return weight.reshape(groups, len(weight) // groups, weight[0].size)


@dataclass(frozen=True)
class _Block:
    images: slice
    bands: slice
    windows: Windows
    groups: int

    def gather(self, input: Array) -> Array:
        """Return columns (groups, channels * kernel, images * positions)."""
        input = input[self.images]
        n, c = input.shape[:2]
        kernel = self.windows.kernel_size
        columns = np.zeros((c, *kernel, n, *self.windows.output_size), input.dtype)
        for offset in self.windows.offsets():
            inside, outside = self.windows.overlap(offset)
            columns[(slice(None), *offset, slice(None), *outside)] = input[
                (slice(None), slice(None), *inside)
            ].swapaxes(0, 1)
        return columns.reshape(self.groups, c // self.groups * int(np.prod(kernel)), -1)

    def scatter(self, columns: Array, grad_input: Array) -> None:
        grad_input = grad_input[self.images]
        n, c = grad_input.shape[:2]
        columns = columns.reshape(c, *self.windows.kernel_size, n, *self.windows.output_size)
        for offset in self.windows.offsets():
            inside, outside = self.windows.overlap(offset)
            grad_input[(slice(None), slice(None), *inside)] += columns[
                (slice(None), *offset, slice(None), *outside)
            ].swapaxes(0, 1)

    def take(self, grad_output: Array) -> Array:
        grad_output = grad_output[self.images, :, self.bands]
        return grad_output.swapaxes(0, 1).reshape(self.groups, grad_output.shape[1] // self.groups, -1)

    def put(self, output: Array, product: Array) -> None:
        output = output[self.images, :, self.bands]
        output[...] = product.reshape(output.swapaxes(0, 1).shape).swapaxes(0, 1)


def _blocks(windows: Windows, input: Array, groups: int) -> Iterator[_Block]:
    for n in range(len(input)):
        yield _Block(slice(n, n + 1), slice(0, windows.output_size[0]), windows, groups)
