"""Columns: what each window of a convolution sees, gathered from an input or added back to its gradient."""

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from gradcheck.layers.conv_blocks import Block
from gradcheck.layers.geometry import Windows

Array = NDArray[Any]


def gather(input: Array, block: Block, groups: int) -> Array:
    """Return X[(c, m), i] of the block, (groups, channels / groups * kernel, positions); a view if it can be."""
    windows = block.windows
    seen = _seen(_reached(input[block.images], windows), windows)
    rows = input.shape[1] // groups * prod(windows.kernel_size)
    return seen.reshape(groups, rows, -1)


def scatter(columns: Array, grad_input: Array, block: Block) -> None:
    """Add each entry of the block's columns to the entry of `grad_input` that it came from."""
    windows = block.windows
    target = grad_input[block.images].swapaxes(0, 1)
    columns = columns.reshape(len(target), *windows.kernel_size, target.shape[1], *windows.output_size)
    for offset, inside, outside in windows.overlaps():
        target[(..., *inside)] += columns[(slice(None), *offset, slice(None), *outside)]


def positions(output: Array, block: Block, groups: int) -> Array:
    """Return D[k, i] of the block, (groups, filters / groups, positions); a view if it can be."""
    part = output[block.images, :, block.rows].swapaxes(0, 1)
    return part.reshape(groups, len(part) // groups, -1)


def store(values: Array, output: Array, block: Block) -> None:
    """Put the block's D[k, i] into `output`, unless they were computed there."""
    if not np.may_share_memory(values, output):
        part = output[block.images, :, block.rows].swapaxes(0, 1)
        part[...] = values.reshape(part.shape)


def _reached(input: Array, windows: Windows) -> Array:
    """Return the part of the input that the windows reach, with zeros where that is padding; else a view."""
    reach = windows.reach
    axes = tuple(zip(reach, windows.input_size, strict=True))
    inside = tuple(slice(max(0, first), max(0, min(stop, size))) for (first, stop), size in axes)
    if all(first >= 0 and stop <= size for (first, stop), size in axes):
        return input[(..., *inside)]
    padded = np.zeros((*input.shape[:2], *(stop - first for first, stop in reach)), input.dtype)
    place = tuple(slice(s.start - first, s.stop - first) for s, (first, _) in zip(inside, reach, strict=True))
    padded[(..., *place)] = input[(..., *inside)]
    return padded


def _seen(reached: Array, windows: Windows) -> Array:
    """Return a view (channels, *kernel, images, *output) of what each window sees; no entry is copied."""
    steps = reached.strides[2:]
    kernel_steps = [d * step for d, step in zip(windows.dilation, steps, strict=True)]
    if windows.flip:
        ends = zip(windows.kernel_size, windows.dilation, strict=True)
        reached = reached[(..., *(slice((k - 1) * d, None) for k, d in ends))]
        kernel_steps = [-step for step in kernel_steps]
    output_steps = [s * step for s, step in zip(windows.stride, steps, strict=True)]
    images, channels = reached.shape[:2]
    return as_strided(
        reached,
        (channels, *windows.kernel_size, images, *windows.output_size),
        (reached.strides[1], *kernel_steps, reached.strides[0], *output_steps),
        writeable=False,
    )
