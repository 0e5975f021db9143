"""The exact cases of pooling: maxima with and without ties, averages, and sums of magnitudes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import lcm
from typing import Any

import numpy as np

from gradcheck.oracle.case import Array
from gradcheck.oracle.drawing import integers, permutation, signed
from gradcheck.oracle.operations import layer_for
from gradcheck.oracle.places import divisors, windows_of
from gradcheck.oracle.recipe import Cotangent, Recipe
from gradcheck.oracle.ties import winners_of

Three = tuple[int, int, int]
ONES, NONE = (1, 1, 1), (0, 0, 0)


@dataclass(frozen=True)
class Row:
    """A pooling case for each number of spatial axes in `ranks`; a stride of None is the kernel's size.

    `values`: "distinct" (no ties), "negative" and "positive", "equal", "few" (from -1 to 1: ties),
    "zeros", "rectified" (half of them 0, as behind a ReLU).
    """

    name: str
    size: Three = (6, 5, 4)
    kernel: Three = (3, 2, 2)
    stride: Three | None = None
    before: Three = NONE
    after: Three | None = None
    dilation: Three = ONES
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    batch: int = 2
    channels: int = 2
    values: str = "distinct"
    exposes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = (1, 2, 3)


MAX = (
    Row("plain", size=(6, 6, 4), exposes=("winners-of-first-sample",)),
    Row("one-sample-one-channel", size=(6, 6, 4), batch=1, channels=1),
    Row("kernel-one", kernel=ONES, stride=ONES),
    Row("kernel-is-input", size=(4, 3, 2), kernel=(4, 3, 2)),
    Row("equal-axes", size=(4, 4, 4), kernel=(2, 2, 2), exposes=("winner-index-transposed",), ranks=(2, 3)),
    Row("overlap", stride=ONES, exposes=("overlap-overwritten", "stride-taken-as-kernel")),
    Row("overlap-strided", size=(7, 6, 5), kernel=(3, 3, 3), stride=(2, 2, 2), exposes=("overlap-overwritten",)),
    Row("gaps", size=(7, 7, 5), kernel=(2, 1, 2), stride=(3, 3, 3), exposes=("stride-taken-as-kernel",)),
    Row("stride-differs-by-axis", size=(6, 7, 5), stride=(1, 3, 2), exposes=("axis-order",), ranks=(2, 3)),
    Row("nondividing", size=(7, 5, 5), exposes=("remainder-pooled",)),
    Row("nondividing-overlap", size=(6, 7, 6), kernel=(3, 3, 3), stride=(2, 3, 2), exposes=("remainder-pooled",)),
    Row("ceil-mode", size=(7, 5, 5), ceil_mode=True, exposes=("ceil-mode-forgotten",)),
    Row("ceil-mode-overlap", size=(6, 6, 5), kernel=(3, 3, 2), stride=(2, 2, 2), ceil_mode=True),
    Row("ceil-mode-padded", size=(6, 6, 5), kernel=(3, 3, 3), stride=(2, 2, 2), before=ONES, ceil_mode=True),
    Row("ceil-mode-dividing", size=(6, 4, 4), ceil_mode=True),
    Row(
        "ceil-mode-last-window-in-padding",
        size=(5, 3, 3),
        kernel=(2, 2, 2),
        stride=(3, 2, 2),
        before=ONES,
        ceil_mode=True,
        exposes=("window-in-padding-kept",),
    ),
    Row(
        "padded",
        size=(5, 6, 4),
        kernel=(3, 3, 2),
        stride=(2, 2, 2),
        before=ONES,
        values="negative",
        exposes=("zero-padding-wins",),
    ),
    Row("padded-positive", size=(5, 6, 4), kernel=(3, 3, 2), stride=(2, 2, 2), before=ONES),
    Row(
        "padding-asymmetric",
        size=(5, 5, 4),
        kernel=(3, 3, 3),
        stride=(2, 2, 2),
        before=(1, 0, 1),
        after=(0, 1, 1),
        values="negative",
        exposes=("padding-sides-exchanged",),
    ),
    Row("dilation", size=(7, 6, 5), stride=ONES, dilation=(2, 2, 2), exposes=("dilation-forgotten",)),
    Row("dilation-strided-padded", size=(7, 6, 5), kernel=(3, 2, 2), stride=(2, 3, 2), dilation=(2, 2, 3), before=ONES),
    Row(
        "negative", size=(6, 6, 4), values="negative", exposes=("largest-magnitude-wins", "gradient-of-positives-only")
    ),
    Row("ties-of-equals", size=(6, 4, 4), values="equal", exposes=("tie-all-winners",)),
    Row("ties-of-zeros", size=(6, 4, 4), values="zeros", exposes=("tie-all-winners",)),
    Row("ties-rectified", size=(6, 4, 4), values="rectified", exposes=("tie-all-winners",)),
    Row("ties-of-few-values", size=(6, 6, 4), values="few", exposes=("tie-all-winners",)),
    Row("ties-overlap", size=(5, 4, 3), kernel=(2, 2, 2), stride=ONES, values="few", exposes=("tie-all-winners",)),
    Row(
        "ties-padded",
        size=(5, 5, 3),
        kernel=(3, 3, 2),
        stride=(2, 2, 2),
        before=ONES,
        values="few",
        exposes=("tie-all-winners",),
    ),
    Row("ties-ceil-mode", size=(5, 5, 3), kernel=(2, 2, 2), ceil_mode=True, values="few", exposes=("tie-all-winners",)),
    Row("ties-dilated", size=(5, 5, 4), kernel=(2, 2, 2), stride=ONES, dilation=(2, 2, 2), values="few"),
)

AVERAGE = (
    Row("plain", size=(6, 6, 4), exposes=("gradient-not-divided",)),
    Row("one-sample-one-channel", size=(6, 6, 4), batch=1, channels=1),
    Row("kernel-one", kernel=ONES, stride=ONES),
    Row("kernel-is-input", size=(4, 3, 2), kernel=(4, 3, 2)),
    Row("overlap", stride=ONES, exposes=("overlap-overwritten", "stride-taken-as-kernel")),
    Row("overlap-strided", size=(7, 6, 5), kernel=(3, 3, 3), stride=(2, 2, 2), exposes=("overlap-overwritten",)),
    Row("gaps", size=(7, 7, 5), kernel=(2, 1, 2), stride=(3, 3, 3)),
    Row("stride-differs-by-axis", size=(6, 7, 5), stride=(1, 3, 2), exposes=("axis-order",), ranks=(2, 3)),
    Row("nondividing", size=(7, 5, 5), exposes=("remainder-pooled",)),
    Row("padded", before=ONES, stride=(2, 2, 2), exposes=("padding-not-counted",)),
    Row(
        "padded-not-counted",
        before=ONES,
        stride=(2, 2, 2),
        count_include_pad=False,
        exposes=("divisor-counts-padding",),
    ),
    Row(
        "padded-overlap-not-counted",
        before=ONES,
        stride=ONES,
        count_include_pad=False,
        exposes=("gradient-divided-by-kernel-size",),
    ),
    Row("padded-overlap", before=ONES, stride=ONES, exposes=("padding-not-counted",)),
    Row(
        "padding-asymmetric",
        kernel=(3, 3, 3),
        size=(5, 5, 4),
        stride=(2, 2, 2),
        before=(1, 0, 1),
        after=(0, 1, 1),
        exposes=("padding-sides-exchanged",),
    ),
    Row(
        "padding-asymmetric-not-counted",
        kernel=(3, 3, 3),
        size=(5, 5, 4),
        stride=(2, 2, 2),
        before=(1, 0, 1),
        after=(0, 1, 1),
        count_include_pad=False,
        exposes=("padding-sides-exchanged", "divisor-counts-padding"),
    ),
    Row("ceil-mode", size=(7, 5, 5), ceil_mode=True, exposes=("ceil-mode-forgotten", "overhang-counted")),
    Row("ceil-mode-overlap", size=(6, 6, 5), kernel=(3, 3, 2), stride=(2, 2, 2), ceil_mode=True),
    Row(
        "ceil-mode-padded",
        size=(6, 6, 5),
        kernel=(3, 3, 3),
        stride=(2, 2, 2),
        before=ONES,
        ceil_mode=True,
        exposes=("overhang-counted",),
    ),
    Row(
        "ceil-mode-padded-not-counted",
        size=(6, 6, 5),
        kernel=(3, 3, 3),
        stride=(2, 2, 2),
        before=ONES,
        ceil_mode=True,
        count_include_pad=False,
        exposes=("divisor-counts-padding",),
    ),
    Row("ceil-mode-dividing", size=(6, 4, 4), ceil_mode=True),
    Row(
        "ceil-mode-last-window-in-padding",
        size=(5, 3, 3),
        kernel=(2, 2, 2),
        stride=(3, 2, 2),
        before=ONES,
        ceil_mode=True,
        exposes=("window-in-padding-kept",),
    ),
    Row("divisor", size=(6, 6, 4), divisor_override=5, exposes=("divisor-override-forgotten",)),
    Row("divisor-one", size=(6, 6, 4), stride=ONES, divisor_override=1, exposes=("divisor-override-forgotten",)),
    Row("divisor-padded", before=ONES, stride=(2, 2, 2), divisor_override=3, count_include_pad=False),
    Row("divisor-ceil-mode", size=(7, 5, 5), ceil_mode=True, divisor_override=2),
)

SUM_OF_MAGNITUDES = (
    Row("order-one", size=(6, 6, 4), exposes=("sign-of-input-lost", "magnitude-forgotten")),
    Row("order-one-overlap", stride=ONES, exposes=("overlap-overwritten",)),
    Row("order-one-padded", stride=(2, 2, 2), before=ONES),
    Row("order-one-ceil-mode", size=(7, 5, 5), ceil_mode=True, exposes=("ceil-mode-forgotten",)),
    Row("order-one-zeros", size=(6, 6, 4), values="few"),
    Row("order-one-positive", size=(6, 6, 4), values="positive"),
    Row("order-one-negative", size=(6, 6, 4), values="negative", exposes=("magnitude-forgotten",)),
)

# Adaptive pooling: a name, the sizes of input and output, what it exposes. Where sizes do not divide, windows overlap.
ADAPTIVE = (
    ("dividing", (6, 4, 4), (3, 2, 2), ()),
    ("nondividing", (7, 5, 4), (3, 2, 3), ("adaptive-end-rounded-down",)),
    ("nondividing-most", (7, 5, 3), (5, 4, 2), ("adaptive-end-rounded-down", "adaptive-equal-windows")),
    ("to-one", (5, 4, 3), ONES, ()),
    ("to-its-own-size", (4, 3, 2), (4, 3, 2), ()),
    ("to-more-than-input", (3, 2, 2), (5, 3, 3), ("adaptive-equal-windows",)),
)


def recipes() -> Iterator[Recipe]:
    """Yield the recipes of all rows."""
    for operation, rows in (("max_pool", MAX), ("avg_pool", AVERAGE), ("lp_pool", SUM_OF_MAGNITUDES)):
        for row in rows:
            for rank in row.ranks:
                name = f"{operation}{rank}d/{row.name}"
                exposes = tuple(flag for flag in row.exposes if rank > 1 or flag != "axis-order")
                yield _recipe(name, operation, _hyperparameters(row, operation, rank), row, rank, exposes=exposes)
    yield from _adaptive_and_global()


def _adaptive_and_global() -> Iterator[Recipe]:
    for rank in (1, 2, 3):
        for kind in ("max", "avg"):
            for label, size, output, exposes in ADAPTIVE:
                for values in ("distinct", "few") if kind == "max" else ("distinct",):
                    suffix = "-ties" if values == "few" else ""
                    name, row = f"adaptive_{kind}_pool{rank}d/{label}{suffix}", Row(label, size=size, values=values)
                    hyperparameters = {"output_size": list(output[:rank])}
                    yield _recipe(name, f"adaptive_{kind}_pool", hyperparameters, row, rank, exposes=exposes)
            for values in ("distinct", "negative", "few", "equal") if kind == "max" else ("distinct",):
                for row in (Row("x", size=(4, 3, 2)), Row("x", size=(5, 3, 3), batch=3, channels=1)):
                    name = f"global_{kind}_pool{rank}d/{'square' if row.batch == 2 else 'batch'}-{values}"
                    yield _recipe(name, f"global_{kind}_pool", {}, replace(row, values=values), rank, exposes=())


def _recipe(
    name: str, operation: str, hyperparameters: dict[str, Any], row: Row, rank: int, *, exposes: tuple[str, ...]
) -> Recipe:
    shape = (row.batch, row.channels, *row.size[:rank])
    layer = layer_for(operation, hyperparameters)
    multiple = 1
    if "avg" in operation:
        multiple = lcm(*(int(d) for d in divisors(layer, shape).flat))
    values = _values(row.values, shape, name) * multiple
    if "max" in operation:  # errors that can be split evenly among the winners of each window
        winners = winners_of(values.reshape(*shape[:2], -1), windows_of(layer, shape))
        multiple = lcm(*map(int, np.unique((winners >= 0).sum(axis=-1))))
    return Recipe(name, operation, hyperparameters, {"input": values}, Cotangent(3, multiple), exposes)


def _values(kind: str, shape: tuple[int, ...], name: str) -> Array:
    seed = f"{name}/input"
    if kind == "distinct":  # of both signs, and a channel's values unlike those of the next
        return permutation(seed, shape, -(int(np.prod(shape)) // 2))
    if kind in ("positive", "negative"):
        return permutation(seed, shape, 1 if kind == "positive" else -int(np.prod(shape)))
    if kind == "rectified":
        return np.maximum(signed(seed, shape, 3), 0)
    if kind == "few":
        return integers(seed, shape, -1, 1)
    return np.full(shape, 0.0 if kind == "zeros" else 7.0)


def _hyperparameters(row: Row, operation: str, rank: int) -> dict[str, Any]:
    after = row.before if row.after is None else row.after
    stated: dict[str, Any] = {
        "kernel_size": list(row.kernel[:rank]),
        "stride": list((row.stride or row.kernel)[:rank]),
        "padding": [list(pair) for pair in zip(row.before[:rank], after[:rank], strict=True)],
        "ceil_mode": row.ceil_mode,
    }
    if operation == "max_pool":
        return {**stated, "dilation": list(row.dilation[:rank])}
    if operation == "lp_pool":
        return {**stated, "p": 1}
    return {**stated, "count_include_pad": row.count_include_pad, "divisor_override": row.divisor_override}
