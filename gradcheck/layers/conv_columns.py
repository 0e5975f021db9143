"""Columns: what each window of a convolution sees, gathered from an input or added back to its gradient."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.conv_blocks import Block
from gradcheck.layers.geometry import Windows

Array = NDArray[Any]


def gather(input: Array, block: Block, groups: int) -> Array:
    """Return X[(c, m), i] of the block, (groups, channels / groups * kernel, positions).

    One kernel axis is unfolded after another, the last one first: k_1 + k_2 copies of long runs, not k_1 * k_2.
    """
    columns = room(input, block, groups)
    if np.may_share_memory(columns, input):
        return columns
    windows, folded = block.windows, block.inputs(input)
    channels, images = folded.shape[:2]
    for axis in reversed(range(len(windows.kernel_size))):
        sizes = (*windows.input_size[:axis], *windows.output_size[axis:])
        shape = (channels, *windows.kernel_size[axis:], images, *sizes)
        unfolded = columns.reshape(shape) if axis == 0 else np.empty(shape, columns.dtype)
        folded = _unfold(folded, unfolded, windows, axis)
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


def _unfold(folded: Array, columns: Array, windows: Windows, axis: int) -> Array:
    """Copy the inputs met at each kernel offset of one axis, the first kernel axis of `columns`; padding is zero."""
    after: tuple[Any, ...] = (slice(None),) * (len(windows.kernel_size) - 1 - axis)
    for m, (inside, outside) in enumerate(windows.overlaps(axis)):
        columns[:, m, ..., outside, *after] = folded[..., inside, *after]
        if outside.start > 0:
            columns[:, m, ..., : outside.start, *after] = 0
        if outside.stop < windows.output_size[axis]:
            columns[:, m, ..., outside.stop :, *after] = 0
    return columns


def _fold(columns: Array, folded: Array, windows: Windows, axis: int) -> Array:
    """Add what lies at each kernel offset of one axis, the first kernel axis of `columns`, to the inputs it meets."""
    after: tuple[Any, ...] = (slice(None),) * (len(windows.kernel_size) - 1 - axis)
    for m, (inside, outside) in enumerate(windows.overlaps(axis)):
        folded[..., inside, *after] += columns[:, m, ..., outside, *after]
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
