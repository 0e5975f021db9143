"""Columns: what each window of a convolution sees, gathered from an input or added back to its gradient."""

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from gradcheck.layers.conv_blocks import Block
from gradcheck.layers.geometry import Windows, clipped

Array = NDArray[Any]


def gather(input: Array, block: Block, groups: int) -> Array:
    """Return X[(c, m), i] of the block, (groups, channels / groups * kernel, positions)."""
    columns = room(input, block, groups)
    if not np.may_share_memory(columns, input):
        seen = _seen(_reached(block.inputs(input), block.windows), block.windows)
        columns.reshape(seen.shape)[...] = seen
    return columns


def scatter(columns: Array, grad_input: Array, block: Block) -> None:
    """Add each entry of the block's columns to the entry of `grad_input` it belongs to, unless it was computed there.

    One kernel axis is folded after another, the first one first: k_1 + k_2 additions of long runs, not k_1 * k_2.
    """
    if np.may_share_memory(columns, grad_input):
        return
    windows, target = block.windows, block.inputs(grad_input)
    channels, images = target.shape[:2]
    columns = columns.reshape(channels, *windows.kernel_size, images, *windows.output_size)
    for axis in range(len(windows.kernel_size) - 1):
        sizes = (*windows.input_size[: axis + 1], *windows.output_size[axis + 1 :])
        folded = np.zeros((channels, *windows.kernel_size[axis + 1 :], images, *sizes), columns.dtype)
        columns = _fold(columns, folded, windows, axis)
    _fold(columns, target, windows, len(windows.kernel_size) - 1)


def room(input: Array, block: Block, groups: int) -> Array:
    """Return where the block's columns are kept, (groups, channels / groups * kernel, positions).

    That is its scratch memory; or, where each window sees one entry of one image, `input` itself: nothing is copied.
    """
    part = block.inputs(input)
    shape = (groups, len(part) // groups * prod(block.windows.kernel_size), -1)
    if block.scratch is None:
        return part.reshape(shape)
    size = len(part) * prod(block.windows.kernel_size) * part.shape[1] * prod(block.windows.output_size)
    return block.scratch[:size].reshape(shape)


def _fold(columns: Array, folded: Array, windows: Windows, axis: int) -> Array:
    """Add what lies at each kernel offset of one axis, the first kernel axis of `columns`, to the inputs it meets."""
    after = (slice(None),) * (len(windows.kernel_size) - 1 - axis)
    for m in range(windows.kernel_size[axis]):
        inside, outside = windows.overlap(axis, m)
        folded[(..., inside, *after)] += columns[(slice(None), m, ..., outside, *after)]
    return folded


def positions(output: Array, block: Block, groups: int) -> Array:
    """Return D[k, i] of the block, (groups, filters / groups, positions); a view if it can be."""
    part = block.outputs(output)
    return part.reshape(groups, len(part) // groups, -1)


def store(values: Array, output: Array, block: Block) -> None:
    """Put the block's D[k, i] into `output`, unless they were computed there."""
    if not np.may_share_memory(values, output):
        part = block.outputs(output)
        part[...] = values.reshape(part.shape)


def _reached(input: Array, windows: Windows) -> Array:
    """Return the part of the input that the windows reach, with zeros where that is padding; else a view."""
    reach = windows.reach
    inside = tuple(clipped(*ends, size) for ends, size in zip(reach, windows.input_size, strict=True))
    read = input[(..., *inside)]
    size = tuple(stop - first for first, stop in reach)
    if read.shape[2:] == size:
        return read
    padded = np.zeros((*input.shape[:2], *size), input.dtype)
    place = (slice(part.start - first, part.stop - first) for part, (first, _) in zip(inside, reach, strict=True))
    if read.size:
        padded[(..., *place)] = read
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
    channels, images = reached.shape[:2]
    return as_strided(
        reached,
        (channels, *windows.kernel_size, images, *windows.output_size),
        (reached.strides[0], *kernel_steps, reached.strides[1], *output_steps),
        writeable=False,
    )
