"""Blocks: how a convolution's output is divided so that the columns of a block stay small."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.geometry import Windows

Array = NDArray[Any]

# Heuristics, measured on the layers of LeNet, VGG-16 and ResNet-50 with benchmarks/kernels.py. Columns of one block:
# small enough for a last-level cache, large enough that the product's own packing doesn't count.
BLOCK_BYTES = 8 * 2**20
# Images are merged into one block until it has this many columns or bytes: below, products and calls are too short;
# above, the copies that merging costs gain nothing.
MERGED_POSITIONS = 256
MERGED_BYTES = 5 * 2**16
# Columns may take this many times what input, output and weight take together, however small those are. Folding them
# back takes further memory (partly folded columns, and NumPy's own buffers), so that they must take less.
GATHERED_SHARE = 3
FOLDED_SHARE = 2


@dataclass(frozen=True)
class Block:
    """Some images and some rows (of the first spatial axis) of the output, and the input rows that their windows reach.

    `windows` are those of these rows on those input rows; `scratch` is memory for the columns, which the next block
    uses again, and None where the columns are the input itself.
    """

    images: slice
    rows: slice
    input_rows: slice
    windows: Windows
    scratch: Array | None

    def inputs(self, input: Array) -> Array:
        """Return the block's part of an input (or of its gradient), channels first: (C, images, *spatial)."""
        return input[self.images, :, self.input_rows].swapaxes(0, 1)

    def outputs(self, output: Array) -> Array:
        """Return the block's part of an output (or of its gradient), filters first: (K, images, *spatial)."""
        return output[self.images, :, self.rows].swapaxes(0, 1)


def divide(
    windows: Windows, input: Array, output: Array, weight: Array, *, share: int = GATHERED_SHARE
) -> Iterator[Block]:
    """Divide the output into blocks: several images where they are small, several bands of rows where one is large."""
    rows = windows.output_size[0]
    row_size = input.shape[1] * prod(windows.kernel_size) * prod(windows.output_size[1:])
    row_bytes = row_size * input.itemsize
    limit = min(BLOCK_BYTES, share * (input.nbytes + output.nbytes + weight.nbytes))
    wanted = max(ceil(MERGED_POSITIONS / prod(windows.output_size)), MERGED_BYTES // (row_bytes * rows))
    merged = max(1, min(len(input), wanted, limit // (row_bytes * rows)))
    columns_are_views = windows.pointwise and merged == 1
    height = rows if columns_are_views else ceil(rows / min(rows, ceil(rows / max(1, limit // row_bytes))))
    bands = [windows.band(row, min(row + height, rows)) for row in range(0, rows, height)]
    scratch = None if columns_are_views else np.empty(merged * height * row_size, input.dtype)
    for image in range(0, len(input), merged):
        for number, (band, input_rows) in enumerate(bands):
            output_rows = slice(number * height, (number + 1) * height)
            yield Block(slice(image, image + merged), output_rows, input_rows, band, scratch)
