"""Blocks: how a convolution's output is divided so that the columns of a block stay small."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from numpy.typing import NDArray

from gradcheck.layers.geometry import Windows

Array = NDArray[Any]

# Heuristics, measured on the layers of LeNet, VGG-16 and ResNet-50 with benchmarks/kernels.py. Columns of one block:
# small enough for a last-level cache, large enough that the product's own packing doesn't count.
BLOCK_BYTES = 8 * 2**20
# Images are merged into one block until it has this many columns or bytes: below, products and calls are too short;
# above, the copies that merging costs gain nothing.
MERGED_POSITIONS = 256
MERGED_BYTES = 2**19
# Columns may take this many times what input, weight and output take together, however small those are.
BLOCK_SHARE = 2


@dataclass(frozen=True)
class Block:
    """Some images and some rows (of the first spatial axis) of the output; `windows` are those of the rows."""

    images: slice
    rows: slice
    windows: Windows


def divide(windows: Windows, input: Array, output: Array, weight: Array) -> Iterator[Block]:
    """Divide the output into blocks: several images where they are small, several bands of rows where one is large."""
    rows = windows.output_size[0]
    row_bytes = input.shape[1] * prod(windows.kernel_size) * prod(windows.output_size[1:]) * input.itemsize
    limit = min(BLOCK_BYTES, BLOCK_SHARE * (input.nbytes + output.nbytes + weight.nbytes))
    wanted = max(ceil(MERGED_POSITIONS / prod(windows.output_size)), MERGED_BYTES // (row_bytes * rows))
    merged = max(1, min(wanted, limit // (row_bytes * rows)))
    bands = 1 if windows.pointwise else ceil(rows / max(1, limit // row_bytes))
    height = ceil(rows / min(rows, bands))
    for image in range(0, len(input), merged):
        for row in range(0, rows, height):
            stop = min(row + height, rows)
            yield Block(slice(image, image + merged), slice(row, stop), windows.band(row, stop))
