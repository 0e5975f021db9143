"""Which entries each window of a pool holds, written out: for winners, divisors, and seeded mistakes."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gradcheck.layers import AdaptiveAvgPool, AdaptiveMaxPool, GlobalAvgPool, GlobalLpPool, GlobalMaxPool
from gradcheck.layers.geometry import Windows
from gradcheck.layers.windows import adaptive_spans, pool_windows
from gradcheck.oracle.case import Array

Offset = tuple[int, ...]


def sliding(layer: Any, shape: tuple[int, ...]) -> Windows:
    """Return where the windows of a sliding pool lie on an input of this shape."""
    return pool_windows(
        np.zeros(shape),
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=getattr(layer, "dilation", 1),
        ceil_mode=layer.ceil_mode,
    )


def taps_of(layer: Any, shape: tuple[int, ...]) -> list[list[tuple[Offset, int]]]:
    """Return, for each window in C order, (offset in the kernel, place in C order) of each entry that it holds."""
    windows = sliding(layer, shape)
    return [list(_taps(windows, start)) for start in np.ndindex(windows.output_size)]


def _taps(windows: Windows, out: tuple[int, ...]) -> Iterator[tuple[Offset, int]]:
    for offset in np.ndindex(windows.kernel_size):
        axes = zip(out, windows.stride, offset, windows.dilation, windows.padding, strict=True)
        place = tuple(i * s + m * d - before for i, s, m, d, (before, _) in axes)
        if all(0 <= p < n for p, n in zip(place, windows.input_size, strict=True)):
            yield offset, int(np.ravel_multi_index(place, windows.input_size))


def windows_of(layer: Any, shape: tuple[int, ...]) -> list[list[int]]:
    """Return, for each window of a pool in C order, the places in C order of the entries that it holds."""
    size = shape[2:]
    if isinstance(layer, (GlobalMaxPool, GlobalAvgPool, GlobalLpPool)):
        return [list(range(prod(size)))]
    if isinstance(layer, (AdaptiveMaxPool, AdaptiveAvgPool)):
        places = np.arange(prod(size)).reshape(size)
        return [places[box].ravel().tolist() for box in product(*adaptive_spans(size, layer.output_size))]
    return [[place for _, place in taps] for taps in taps_of(layer, shape)]


def divisors(layer: Any, shape: tuple[int, ...]) -> Array:
    """Return what each window of an average pool divides by: its size, over the mean of ones."""
    means = layer.forward(np.ones(shape))[0, 0]
    sizes = np.reshape([len(places) for places in windows_of(layer, shape)], means.shape)
    return np.asarray(np.rint(sizes / means))
