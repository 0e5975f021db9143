"""Which positions a sliding window joins, guessed from the lengths of two axes and a few that were asked about.

Whatever slides reads position o s - p + d t for output o and tap t, or lays position j down at j s - p + d t. The
lengths and the reach of two or three positions leave few strides, taps, dilations and paddings, mostly one. A guess:
what is measured with it has to say what was measured along fresh directions.
"""

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np

from gradcheck.subject import Array

MOST_STEPS = 4  # strides and dilations that are tried
MOST_TAPS = 11


def pattern(shape: tuple[int, int], reached: Mapping[int, Array]) -> Array | None:
    """Return the one pattern (own positions, positions of the other axis) that explains what was reached, or None."""
    own, other = shape
    found: Array | None = None
    for made in _candidates(own, other, reached):
        if found is not None and not np.array_equal(found, made):
            return None
        found = made
    return found


def _candidates(own: int, other: int, reached: Mapping[int, Array]) -> Iterator[Array]:
    steps = range(1, MOST_STEPS + 1)
    for taps in range(1, MOST_TAPS + 1):
        for stride, dilation in product(steps, steps if taps > 1 else (1,)):
            for padding in range(dilation * (taps - 1) + 1):
                setting = (stride, dilation, taps, padding)
                for reads in (True, False):
                    rows = {j: _row(j, setting, other, reads=reads) for j in reached}
                    if all(np.array_equal(rows[j], reached[j]) for j in reached):
                        yield np.stack([_row(j, setting, other, reads=reads) for j in range(own)])


def _row(j: int, setting: tuple[int, int, int, int], other: int, *, reads: bool) -> Array:
    """Return which positions of the other axis position `j` reaches: those that read it, or that it is laid down at."""
    stride, dilation, taps, padding = setting
    row: Array = np.zeros(other, dtype=bool)
    for t in range(taps):
        at = j + padding - dilation * t if reads else j * stride - padding + dilation * t
        if reads:
            at = at // stride if at % stride == 0 else -1
        if 0 <= at < other:
            row[at] = True
    return row
