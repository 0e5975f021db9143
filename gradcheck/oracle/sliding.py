"""The cases of convolution and transposed convolution: rows of a table, each for 1, 2 and 3 spatial axes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.oracle.case import Array
from gradcheck.oracle.drawing import integers, signed
from gradcheck.oracle.recipe import Cotangent, Recipe, Shape

Three = tuple[int, int, int]
ONES, NONE = (1, 1, 1), (0, 0, 0)


@dataclass(frozen=True)
class Row:
    """A case for each number of spatial axes in `ranks`; tuples have an entry an axis, and are cut to that number.

    Channels are those of the input, `filters` those of the output. `values` says what the numbers are: "small" (1 to 4
    in magnitude), "wide" (of more bits than tensor cores keep), "palindrome" (a kernel that is its own rotation).
    """

    name: str
    size: Three = (5, 6, 4)
    kernel: Three = (3, 2, 2)
    stride: Three = ONES
    before: Three = NONE
    after: Three | None = None
    dilation: Three = ONES
    output_padding: Three = NONE
    batch: int = 2
    channels: int = 2
    filters: int = 3
    groups: int = 1
    flip: bool = False
    bias: bool = True
    values: str = "small"
    only: int | None = None
    exposes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = (1, 2, 3)


CONV = (
    Row("plain", exposes=("kernel-not-rotated", "border-lost", "batch-not-summed")),
    Row("without-bias", bias=False, exposes=("kernel-not-rotated",)),
    Row("one-sample", batch=1),
    Row("three-samples", batch=3, exposes=("batch-not-summed", "batch-averaged")),
    Row("one-channel-one-filter", channels=1, filters=1),
    Row("one-channel", channels=1, filters=4),
    Row("one-filter", channels=4, filters=1),
    Row("as-many-filters-as-channels", channels=3, filters=3, exposes=("channels-exchanged",)),
    Row("many-channels", channels=8, filters=5),
    Row("pointwise", kernel=ONES, exposes=("batch-not-summed",)),
    Row("pointwise-without-bias", kernel=ONES, bias=False),
    Row("pointwise-strided", size=(7, 5, 3), kernel=ONES, stride=(2, 2, 2)),
    Row(
        "pointwise-strided-nondividing", size=(6, 7, 4), kernel=ONES, stride=(2, 3, 2), exposes=("nondividing-stride",)
    ),
    Row("pointwise-padded", kernel=ONES, before=ONES, exposes=("padding-of-border-values",)),
    Row("kernel-is-input", kernel=(5, 6, 4)),
    Row("kernel-is-input-padded", size=(3, 3, 2), kernel=(3, 3, 2), before=ONES),
    Row("kernel-larger-than-input", size=(2, 2, 1), kernel=(3, 4, 2), before=ONES, exposes=("border-lost",)),
    Row("even-kernel", kernel=(2, 4, 2)),
    Row("long-kernel", size=(9, 7, 5), kernel=(7, 1, 5), exposes=("spatial-axes-transposed",), ranks=(2, 3)),
    Row("kernel-its-own-rotation", kernel=(3, 3, 2), values="palindrome"),
    Row("equal-axes", size=(5, 5, 5), kernel=(3, 3, 3), exposes=("spatial-axes-transposed",), ranks=(2, 3)),
    Row("stride-dividing", size=(7, 6, 4), stride=(2, 2, 2)),
    Row("stride-nondividing", size=(6, 7, 5), stride=(2, 3, 2), exposes=("nondividing-stride", "stride-forgotten")),
    Row(
        "stride-nondividing-without-bias", size=(8, 7, 5), stride=(3, 3, 2), bias=False, exposes=("nondividing-stride",)
    ),
    Row("stride-nondividing-padded", size=(5, 7, 4), stride=(3, 3, 3), before=ONES, exposes=("nondividing-stride",)),
    Row("stride-is-kernel", size=(6, 6, 4), stride=(3, 2, 2)),
    Row("stride-larger-than-kernel", size=(8, 9, 7), kernel=(2, 2, 1), stride=(3, 4, 2), exposes=("stride-forgotten",)),
    Row(
        "stride-larger-nondividing", size=(9, 8, 7), kernel=(2, 1, 2), stride=(4, 3, 3), exposes=("nondividing-stride",)
    ),
    Row("stride-larger-than-input", size=(4, 5, 3), stride=(7, 6, 5)),
    Row("stride-differs-by-axis", size=(6, 7, 5), stride=(1, 2, 3), exposes=("axis-order",), ranks=(2, 3)),
    Row("padding-one", before=ONES, exposes=("unpadded-batch-axis", "padding-of-border-values")),
    Row("padding-one-without-bias", before=ONES, bias=False),
    Row("padding-two", before=(2, 2, 2), exposes=("unpadded-batch-axis",)),
    Row("padding-differs-by-axis", before=(2, 0, 1), exposes=("axis-order", "zero-padding-cut"), ranks=(2, 3)),
    Row("padding-before", before=ONES, after=NONE, exposes=("padding-sides-exchanged", "zero-padding-cut")),
    Row("padding-after", before=NONE, after=ONES, exposes=("padding-sides-exchanged",)),
    Row("padding-asymmetric", before=(1, 2, 0), after=(2, 0, 1), exposes=("padding-sides-exchanged",)),
    Row("padding-asymmetric-strided", size=(6, 5, 4), stride=(2, 2, 2), before=(0, 1, 1), after=(1, 2, 0)),
    Row("padding-full", before=(2, 1, 1)),
    Row("padding-wider-than-kernel", size=(3, 4, 2), before=(4, 3, 2)),
    Row("dilation", size=(7, 6, 4), dilation=(2, 2, 2), exposes=("dilation-forgotten",)),
    Row("dilation-differs-by-axis", size=(7, 8, 4), dilation=(1, 3, 2), exposes=("axis-order",), ranks=(2, 3)),
    Row("dilation-padded", dilation=(2, 2, 2), before=(2, 1, 1), exposes=("dilation-forgotten",)),
    Row("dilation-strided", size=(9, 7, 5), dilation=(2, 2, 2), stride=(2, 2, 2), exposes=("stride-forgotten",)),
    Row("dilation-strided-nondividing", size=(8, 9, 6), dilation=(2, 3, 2), stride=(2, 2, 3)),
    Row("dilation-spans-input", size=(7, 4, 3), dilation=(3, 3, 2), exposes=("dilation-forgotten",)),
    Row("dilated-pointwise", kernel=ONES, dilation=(3, 3, 3)),
    Row("groups", channels=4, filters=4, groups=2, exposes=("groups-interleaved",)),
    Row("groups-without-bias", channels=4, filters=4, groups=2, bias=False),
    Row("groups-of-unequal-width", channels=4, filters=6, groups=2, exposes=("groups-interleaved",)),
    Row("groups-strided-nondividing", size=(6, 5, 4), channels=6, filters=3, groups=3, stride=(2, 2, 3)),
    Row("groups-dilated-padded", channels=4, filters=6, groups=2, dilation=(2, 2, 2), before=(2, 1, 1)),
    Row("depthwise", channels=3, filters=3, groups=3),
    Row("depthwise-multiplied", channels=3, filters=6, groups=3, exposes=("groups-interleaved",)),
    Row("depthwise-strided-padded", channels=3, filters=3, groups=3, stride=(2, 2, 2), before=ONES),
    Row("depthwise-dilated", size=(7, 6, 4), channels=2, filters=4, groups=2, dilation=(2, 2, 2)),
    Row("depthwise-without-bias", channels=4, filters=4, groups=4, bias=False),
    Row("first-error-only", only=0, exposes=("kernel-not-rotated",)),
    Row("last-error-only", only=-1, stride=(2, 2, 2), size=(6, 7, 5)),
    Row(
        "wide-numbers", size=(4, 3, 2), kernel=(2, 2, 1), batch=2, channels=1, values="wide", exposes=("few-bits-kept",)
    ),
    Row("convolution", flip=True, exposes=("convolution-for-correlation",)),
    Row("convolution-strided-padded", flip=True, size=(6, 5, 4), stride=(2, 2, 2), before=ONES, after=NONE),
    Row(
        "everything",
        size=(8, 7, 6),
        channels=4,
        filters=6,
        groups=2,
        stride=(2, 3, 1),
        before=(1, 2, 0),
        after=(2, 1, 1),
        dilation=(2, 1, 2),
        exposes=("padding-sides-exchanged", "groups-interleaved", "dilation-forgotten"),
    ),
)

TRANSPOSED = (
    Row("plain", size=(3, 4, 2), exposes=("kernel-not-rotated", "batch-not-summed", "overlap-overwritten")),
    Row("without-bias", size=(3, 4, 2), bias=False),
    Row("one-sample", size=(3, 4, 2), batch=1),
    Row("one-channel", size=(3, 4, 2), channels=1, filters=2),
    Row("as-many-filters-as-channels", size=(3, 4, 2), channels=3, filters=3, exposes=("channels-exchanged",)),
    Row("pointwise", size=(3, 4, 2), kernel=ONES),
    Row("pointwise-strided", size=(3, 4, 2), kernel=ONES, stride=(2, 2, 2)),
    Row("one-position", size=ONES, kernel=(3, 2, 2)),
    Row("equal-axes", size=(3, 3, 3), kernel=(3, 3, 3), exposes=("spatial-axes-transposed",), ranks=(2, 3)),
    Row("kernel-its-own-rotation", size=(3, 4, 2), kernel=(3, 3, 2), values="palindrome"),
    Row("stride", size=(3, 4, 2), stride=(2, 2, 2), exposes=("stride-forgotten", "overlap-overwritten")),
    Row("stride-without-bias", size=(3, 4, 2), stride=(2, 2, 2), bias=False),
    Row("stride-is-kernel", size=(3, 4, 2), stride=(3, 2, 2)),
    Row("stride-larger-than-kernel", size=(3, 2, 2), kernel=(2, 2, 1), stride=(3, 4, 2)),
    Row("stride-differs-by-axis", size=(3, 4, 2), stride=(1, 2, 3), exposes=("axis-order",), ranks=(2, 3)),
    Row("padding", size=(3, 4, 2), before=(1, 1, 1), kernel=(3, 3, 3), exposes=("unpadded-batch-axis",)),
    Row("padding-asymmetric", size=(4, 4, 3), before=(1, 0, 1), after=(0, 1, 0), exposes=("padding-sides-exchanged",)),
    Row("padding-strided", size=(3, 4, 2), before=(1, 1, 1), kernel=(4, 3, 3), stride=(2, 2, 2)),
    Row("output-padding", size=(3, 4, 2), stride=(2, 2, 2), output_padding=ONES, exposes=("output-padding-in-front",)),
    Row(
        "output-padding-two",
        size=(3, 2, 2),
        stride=(3, 3, 3),
        output_padding=(2, 1, 2),
        exposes=("output-padding-in-front", "output-padding-forgotten"),
    ),
    Row("output-padding-padded", size=(3, 4, 2), kernel=(3, 3, 3), stride=(2, 2, 2), before=ONES, output_padding=ONES),
    Row("output-padding-without-bias", size=(3, 4, 2), stride=(2, 3, 2), output_padding=ONES, bias=False),
    Row(
        "output-padding-differs-by-axis",
        size=(3, 4, 2),
        stride=(2, 3, 3),
        output_padding=(0, 2, 1),
        exposes=("axis-order",),
        ranks=(2, 3),
    ),
    Row("output-padding-dilated", size=(3, 4, 2), dilation=(2, 2, 2), output_padding=ONES),
    Row("dilation", size=(3, 4, 2), dilation=(2, 2, 2), exposes=("dilation-forgotten",)),
    Row("dilation-strided-padded", size=(3, 4, 2), dilation=(2, 2, 3), stride=(2, 3, 2), before=ONES),
    Row("groups", size=(3, 4, 2), channels=4, filters=4, groups=2, exposes=("groups-interleaved",)),
    Row("groups-of-unequal-width", size=(3, 4, 2), channels=4, filters=6, groups=2),
    Row("depthwise", size=(3, 4, 2), channels=3, filters=3, groups=3),
    Row("depthwise-strided", size=(3, 4, 2), channels=3, filters=6, groups=3, stride=(2, 2, 2), output_padding=ONES),
    Row("last-error-only", size=(3, 4, 2), stride=(2, 2, 2), only=-1),
    Row(
        "wide-numbers",
        size=(2, 2, 2),
        kernel=(2, 2, 1),
        channels=1,
        filters=2,
        values="wide",
        exposes=("few-bits-kept",),
    ),
    Row("convolution", size=(3, 4, 2), flip=True, exposes=("convolution-for-correlation",)),
    Row(
        "everything",
        size=(3, 4, 3),
        channels=4,
        filters=6,
        groups=2,
        stride=(2, 3, 2),
        before=(1, 2, 0),
        after=(0, 1, 1),
        dilation=(2, 1, 2),
        output_padding=(1, 2, 1),
        exposes=("padding-sides-exchanged", "output-padding-in-front"),
    ),
)


def recipes() -> Iterator[Recipe]:
    """Yield the recipes of all rows."""
    for operation, rows in (("conv", CONV), ("conv_transpose", TRANSPOSED)):
        for row in rows:
            yield from (_recipe(row, operation, rank) for rank in row.ranks)


def _recipe(row: Row, operation: str, rank: int) -> Recipe:
    name = f"{operation}{rank}d/{row.name}"
    after = row.before if row.after is None else row.after
    hyperparameters: dict[str, Any] = {
        "stride": list(row.stride[:rank]),
        "padding": [list(pair) for pair in zip(row.before[:rank], after[:rank], strict=True)],
        "dilation": list(row.dilation[:rank]),
        "groups": row.groups,
        "flip": row.flip,
    }
    if operation == "conv_transpose":
        hyperparameters["output_padding"] = list(row.output_padding[:rank])
    wide = row.values == "wide"
    cotangent = Cotangent(largest=1 if wide else 3, only=row.only)
    return Recipe(name, operation, hyperparameters, _inputs(row, operation, rank, name), cotangent, _exposed(row, rank))


def _inputs(row: Row, operation: str, rank: int, name: str) -> dict[str, Array]:
    lead = (row.filters, row.channels // row.groups)
    if operation == "conv_transpose":
        lead = (row.channels, row.filters // row.groups)
    image: Shape = (row.batch, row.channels, *row.size[:rank])
    kernel: Shape = (*lead, *row.kernel[:rank])
    inputs = {"input": signed(f"{name}/input", image, 4), "weight": signed(f"{name}/weight", kernel, 3)}
    if row.values == "wide":  # 2^13 + 1 and its neighbours: 14 bits, of which bfloat16 keeps 8 and TF32 11
        inputs["input"] = 8192 + 2 * integers(f"{name}/input", image, 0, 63) + 1
    if row.values == "palindrome":
        inputs["weight"] += np.flip(inputs["weight"], tuple(range(2, rank + 2)))
    if row.bias:
        inputs["bias"] = signed(f"{name}/bias", (row.filters,), 9)
    return inputs


def _exposed(row: Row, rank: int) -> tuple[str, ...]:
    """Leave out what a single spatial axis cannot show."""
    return tuple(flag for flag in row.exposes if rank > 1 or flag not in ("axis-order", "spatial-axes-transposed"))
