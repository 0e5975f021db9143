"""What a layer of each kind is tried at: the configurations that have revealed mistakes in published layers."""

from collections.abc import Mapping
from typing import Any

from gradcheck.oracle.like.setting import Setting, changed

# Sizes of two axes; the first row is all different, so that axes can be told by their sizes alone.
_CONVOLUTION: tuple[Mapping[str, Any], ...] = (
    {"why": "plain", "size": (6, 7), "kernel": (5, 5)},
    {"why": "batch of 1", "batch": 1},
    {"why": "higher than wide", "size": (7, 5)},
    {"why": "wider than high", "size": (5, 8)},
    {"why": "more channels than filters", "channels": 4, "filters": 2},
    {"why": "one channel, one filter", "channels": 1, "filters": 1},
    {"why": "padding 1", "padding": 1},
    {"why": "padding 2", "padding": 2},
    {"why": "stride 2", "size": (7, 9), "stride": 2},
    {"why": "stride 2 that does not fit", "size": (6, 8), "stride": 2},
    {"why": "stride 3", "size": (6, 9), "stride": 3},
    {"why": "stride 3 that does not fit", "size": (7, 8), "stride": 3},
    {"why": "stride 2 with padding", "size": (6, 7), "stride": 2, "padding": 1},
    {"why": "stride above the kernel", "size": (7, 8), "kernel": (2, 2), "stride": 3},
    {"why": "kernel 1", "kernel": (1, 1)},
    {"why": "kernel 2", "kernel": (2, 2)},
    {"why": "kernel 2 with padding", "kernel": (2, 2), "padding": 1},
    {"why": "kernel 2 with stride 2", "kernel": (2, 2), "stride": 2, "size": (6, 4)},
    {"why": "kernel higher than wide", "kernel": (3, 2)},
    {"why": "kernel wider than high", "kernel": (2, 3)},
    {"why": "rectangular kernel with padding and stride", "kernel": (2, 3), "padding": 1, "stride": 2},
    {"why": "kernel as large as the input", "size": (3, 4), "kernel": (3, 4)},
    {"why": "dilation 2", "size": (6, 7), "dilation": 2},
    {"why": "dilation 2 with stride and padding", "size": (6, 7), "dilation": 2, "stride": 2, "padding": 1},
    {"why": "2 groups", "channels": 4, "filters": 6, "groups": 2},
    {"why": "a group for each channel", "channels": 3, "filters": 3, "groups": 3, "padding": 1},
)
_POOLING: tuple[Mapping[str, Any], ...] = (
    {"why": "plain", "size": (4, 6), "kernel": (2, 2), "stride": 2},
    {"why": "batch of 1", "batch": 1},
    {"why": "higher than wide", "size": (6, 4)},
    {"why": "one channel", "channels": 1},
    {"why": "more channels than rows", "channels": 5},
    {"why": "stride below the kernel", "size": (5, 7), "kernel": (3, 3), "stride": 2},
    {"why": "stride 1", "size": (4, 5), "kernel": (2, 2), "stride": 1},
    {"why": "stride 1 with kernel 3", "size": (5, 4), "kernel": (3, 3), "stride": 1},
    {"why": "stride above the kernel", "size": (5, 8), "kernel": (2, 2), "stride": 3},
    {"why": "stride that does not fit", "size": (5, 7), "kernel": (2, 2), "stride": 2},
    {"why": "kernel 3", "size": (6, 9), "kernel": (3, 3), "stride": 3},
    {"why": "kernel 3 that does not fit", "size": (7, 8), "kernel": (3, 3), "stride": 3},
    {"why": "kernel higher than wide", "size": (6, 4), "kernel": (3, 2), "stride": 2},
    {"why": "kernel wider than high", "size": (4, 6), "kernel": (2, 3), "stride": 2},
    {"why": "padding 1", "size": (5, 6), "kernel": (3, 3), "stride": 2, "padding": 1},
    {"why": "padding 1 with kernel 2", "size": (4, 6), "kernel": (2, 2), "stride": 2, "padding": 1},
    {"why": "kernel as large as the input", "size": (3, 4), "kernel": (3, 4), "stride": 1},
)


def convolution(dims: int) -> tuple[Setting, ...]:
    """Return the sweep over convolutions of so many axes."""
    plain = Setting(size=(5, 7), kernel=(3, 3), stride=(1, 1), padding=(0, 0), dilation=(1, 1))
    return tuple(dict.fromkeys(_reshaped(_spread(plain, row), dims) for row in _CONVOLUTION))


def transposed() -> tuple[Setting, ...]:
    """Return the sweep over transposed convolutions of two axes: also with entries beyond what a stride reaches."""
    rows = tuple(changed(row, {"output_padding": (0, 0)}) for row in convolution(2))
    stepping = next(row for row in rows if row.why == "stride 2 with padding")
    beyond = changed(stepping, {"output_padding": (1, 1), "why": "output padding 1"})
    return (*rows, beyond, changed(beyond, {"stride": (3, 3), "why": "output padding 1 with stride 3"}))


def pooling() -> tuple[Setting, ...]:
    """Return the sweep over pools of two axes."""
    plain = Setting(size=(4, 6), kernel=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1))
    return tuple(_spread(plain, row) for row in _POOLING)


def linear() -> tuple[Setting, ...]:
    """Return the sweep over fully connected layers."""
    sizes = ((2, 3, 4), (1, 3, 4), (3, 4, 2), (5, 1, 3), (2, 3, 1), (1, 1, 1))
    return tuple(_sized(*row) for row in sizes)


def batch_norm() -> tuple[Setting, ...]:
    """Return the sweep over batch normalisations: matrices first, then images."""
    rows = ((4, 3, (1, 1)), (3, 5, (1, 1)), (8, 1, (1, 1)), (4, 3, (2, 5)), (2, 3, (4, 3)), (3, 4, (1, 6)))
    return tuple(
        Setting(batch, channels, 1, size=size, why="images" if max(size) > 1 else "rows")
        for batch, channels, size in rows
    )


def cross_entropy() -> tuple[Setting, ...]:
    """Return the sweep over losses."""
    return tuple(_sized(batch, classes, 1) for batch, classes in ((3, 4), (1, 3), (4, 2), (2, 7)))


def activation() -> tuple[Setting, ...]:
    """Return the sweep over elementwise functions: a matrix, a row, a column, and one entry."""
    return tuple(_sized(batch, features, 1) for batch, features in ((5, 6), (1, 7), (6, 1), (1, 1)))


def _sized(batch: int, channels: int, filters: int) -> Setting:
    return Setting(batch, channels, filters, why=f"sizes {batch}, {channels}, {filters}")


def _spread(plain: Setting, row: Mapping[str, Any]) -> Setting:
    """Give one number of a row to all axes."""
    axes = ("stride", "padding", "dilation")
    return changed(plain, {name: (value,) * 2 if name in axes else value for name, value in row.items()})


def _reshaped(setting: Setting, dims: int) -> Setting:
    """Take the last axes of two, or put one before them."""
    if dims == 2:
        return setting
    if dims == 1:
        return changed(setting, {name: getattr(setting, name)[1:] for name in _PER_AXIS})
    first = {name: (getattr(setting, name)[0], *getattr(setting, name)) for name in _PER_AXIS}
    depth = min(first["size"][0], max(first["kernel"][0], 3)) + 1
    kernel = min(first["kernel"][0], 3)
    return changed(setting, {**first, "size": (depth, *setting.size), "kernel": (kernel, *setting.kernel)})


_PER_AXIS = ("size", "kernel", "stride", "padding", "dilation")
