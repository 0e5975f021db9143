"""The exact cases without windows: linear layers, straight activations, squared errors and normalisation."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.oracle.case import Array
from gradcheck.oracle.drawing import integers, signed
from gradcheck.oracle.recipe import Cotangent, Recipe, Shape

# name, shape of the input, outputs, bias, exposes
LINEAR: tuple[tuple[str, Shape, int, bool, tuple[str, ...]], ...] = (
    ("plain", (3, 5), 4, True, ("batch-not-summed", "batch-averaged")),
    ("without-bias", (3, 5), 4, False, ("batch-not-summed",)),
    ("square", (4, 4), 4, True, ("weight-transposed",)),
    ("square-without-bias", (2, 3), 3, False, ("weight-transposed",)),
    ("one-sample", (1, 6), 2, True, ()),
    ("one-feature", (4, 1), 3, True, ()),
    ("one-output", (4, 5), 1, True, ()),
    ("vector", (5,), 3, True, ()),
    ("sequence", (2, 3, 4), 5, True, ("leading-axes-not-summed",)),
    ("sequence-without-bias", (2, 3, 4), 4, False, ("leading-axes-not-summed",)),
    ("four-axes", (2, 2, 3, 4), 2, True, ("leading-axes-not-summed",)),
    ("wide-numbers", (2, 3), 2, True, ("few-bits-kept",)),
)

# operation, name, hyperparameters, kinks, exposes; inputs are the multiples of `unit` from -span to span, kinks apart
STRAIGHT: tuple[tuple[str, str, dict[str, Any], int, tuple[int, ...], tuple[str, ...]], ...] = (
    ("relu", "plain", {}, 1, (0,), ("mask-of-errors",)),
    ("leaky_relu", "quarter", {"negative_slope": 0.25}, 4, (0,), ("lower-slope-forgotten",)),
    ("leaky_relu", "zero-slope", {"negative_slope": 0}, 1, (0,), ()),
    ("leaky_relu", "slope-two", {"negative_slope": 2}, 1, (0,), ("maximum-of-both-lines",)),
    ("leaky_relu", "slope-one", {"negative_slope": 1}, 1, (), ()),
    ("leaky_relu", "negative-slope", {"negative_slope": -0.5}, 2, (0,), ("mask-of-outputs",)),
    ("relu6", "plain", {}, 1, (0, 6), ("upper-kink-forgotten",)),
    ("threshold", "plain", {"threshold": 2, "value": -5}, 1, (2,), ("threshold-taken-as-zero",)),
    ("threshold", "negative", {"threshold": -3, "value": 7}, 1, (-3,), ("threshold-taken-as-zero", "mask-of-outputs")),
    ("threshold", "continuous", {"threshold": 3, "value": 3}, 1, (3,), ("threshold-taken-as-zero",)),
    ("hard_tanh", "plain", {"min_val": -1, "max_val": 1}, 1, (-1, 1), ("upper-kink-forgotten",)),
    ("hard_tanh", "wide", {"min_val": -4, "max_val": 6}, 1, (-4, 6), ("upper-kink-forgotten",)),
    ("hard_tanh", "positive", {"min_val": 2, "max_val": 5}, 1, (2, 5), ("upper-kink-forgotten",)),
    ("hard_shrink", "plain", {"lambd": 3}, 1, (-3, 3), ("moved-not-cut",)),
    ("soft_shrink", "plain", {"lambd": 3}, 1, (-3, 3), ("cut-not-moved",)),
    ("soft_shrink", "one", {"lambd": 1}, 1, (-1, 1), ("cut-not-moved",)),
)
JUMPS = ("hard_shrink", "threshold")  # where f itself jumps, no gradient is valid, and no case asks for one
SPAN = 12

# name, shape of the input, slopes, exposes
PRELU: tuple[tuple[str, Shape, tuple[int, ...], tuple[str, ...]], ...] = (
    ("one-slope", (3, 2, 4), (2,), ("positive-part-counted",)),
    ("slope-per-channel", (3, 2, 4), (2, -3), ("slopes-added-up", "batch-not-summed")),
    ("slope-per-channel-matrix", (4, 3), (1, -1, 3), ("slopes-added-up",)),
    ("slope-zero", (2, 2, 3), (0,), ()),
    ("slope-per-channel-image", (2, 3, 2, 3), (2, 4, -1), ("slopes-added-up",)),
    ("one-sample", (1, 2, 5), (3, 2), ()),
)

SQUARED = (((4,), "vector"), ((2, 4), "matrix"), ((2, 2, 4), "cube"), ((1,), "one-entry"), ((8, 2), "long"))


def recipes() -> Iterator[Recipe]:
    """Yield the recipes of all rows."""
    yield from _linear()
    yield from _straight()
    yield from _prelu()
    yield from _squared()
    yield from _normalised()


def _linear() -> Iterator[Recipe]:
    for label, shape, outputs, bias, exposes in LINEAR:
        name = f"linear/{label}"
        inputs = {
            "input": signed(f"{name}/input", shape, 5),
            "weight": signed(f"{name}/weight", (outputs, shape[-1]), 4),
        }
        if label == "wide-numbers":
            inputs["input"] = 8193 + 2 * integers(f"{name}/input", shape, 0, 63)
        if bias:
            inputs["bias"] = signed(f"{name}/bias", (outputs,), 9)
        yield Recipe(name, "linear", {}, inputs, Cotangent(3), exposes)


def _straight() -> Iterator[Recipe]:
    for operation, label, hyperparameters, unit, kinks, exposes in STRAIGHT:
        values = np.arange(-SPAN, SPAN + 1) * unit
        smooth = values[~np.isin(values, kinks)].astype(float)
        cotangent = Cotangent(3, multiple=unit)
        inputs = {"input": np.resize(smooth, (2, len(smooth)))}
        yield Recipe(f"{operation}/{label}", operation, hyperparameters, inputs, cotangent, exposes)
        for part, kept in _parts(smooth, kinks):
            few = {"input": smooth[kept]}
            yield Recipe(f"{operation}/{label}-{part}", operation, hyperparameters, few, cotangent, exposes=())
        if kinks and operation not in JUMPS:
            at_kinks = {"input": np.array([[k + d * unit for d in (-1, 0, 1)] for k in kinks], float)}
            yield Recipe(f"{operation}/{label}-kinks", operation, hyperparameters, at_kinks, cotangent, exposes=())


def _parts(values: Array, kinks: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Yield the pieces one at a time, which tells apart what is wrong on one of them only."""
    if kinks:
        yield "below", values < kinks[0]
        yield "above", values > kinks[-1]
    if len(kinks) > 1:
        yield "between", (values > kinks[0]) & (values < kinks[-1])


def _prelu() -> Iterator[Recipe]:
    for label, shape, slopes, exposes in PRELU:
        name = f"prelu/{label}"
        inputs = {"input": signed(f"{name}/input", shape, 5), "weight": np.array(slopes, float)}
        yield Recipe(name, "prelu", {}, inputs, Cotangent(3), exposes)


def _squared() -> Iterator[Recipe]:
    """Differences are even, for the half, and multiples of the number of entries, for the mean."""
    for operation in ("half_squared_error", "mean_squared_error"):
        for shape, label in SQUARED:
            for reduction in ("sum", "mean", "none"):
                name = f"{operation}/{label}-{reduction}"
                unit = 2 * int(np.prod(shape)) if reduction == "mean" else 2
                target = signed(f"{name}/target", shape, 5)
                inputs = {"input": target + unit * signed(f"{name}/difference", shape, 2), "target": target}
                exposes = _of_reduction(operation, reduction, int(np.prod(shape)), shape)
                yield Recipe(name, operation, {"reduction": reduction}, inputs, Cotangent(3), exposes)


def _of_reduction(operation: str, reduction: str, entries: int, shape: Shape) -> tuple[str, ...]:
    flags = ["factor-two-misplaced", "target-gradient-unsigned"]
    if reduction == "mean" and entries > 1:
        flags += ["reduction-forgotten-in-gradient"]
        flags += ["mean-over-batch-only"] if len(shape) > 1 else []
    if operation == "mean_squared_error" and reduction == "sum" and entries > 1:
        flags += ["sum-taken-as-mean"]
    return tuple(flags)


# Columns of mean 0 whose variance and epsilon make a power of four: every quotient is exact in binary.
NORMALISED: tuple[tuple[str, tuple[int, ...], int, int], ...] = (  # name, values, epsilon, root of variance + epsilon
    ("spread", (-3, -1, 1, 3), 11, 4),
    ("two-values", (-1, 1, 1, -1), 3, 2),
    ("two-samples", (-4, 4), 48, 8),
    ("eight", (-7, -5, -3, -1, 1, 3, 5, 7), 43, 8),
    ("constant", (0, 0, 0, 0), 4, 2),
)


def _normalised() -> Iterator[Recipe]:
    """Shift the columns, whose mean then is their shift; weights and errors are multiples that leave no fraction."""
    for label, column, epsilon, root in NORMALISED:
        size = len(column)
        for mean in (0, 5):
            for operation, trailing in (("batch_norm", 0), ("layer_norm", 1)):
                name = f"{operation}/{label}-mean-{mean}"
                lines = np.stack([np.roll(column, 1), -np.array(column), np.array(column)]) + float(mean)
                parameters = (3,) if operation == "batch_norm" else (size,)
                inputs = {
                    "input": np.array(lines.T if operation == "batch_norm" else lines),
                    "weight": root * signed(f"{name}/weight", parameters, 2),
                    "bias": signed(f"{name}/bias", parameters, 4),
                }
                hyperparameters = {"epsilon": epsilon, **({"trailing_axes": 1} if trailing else {})}
                cotangent = Cotangent(1, multiple=size * root**2)
                yield Recipe(name, operation, hyperparameters, inputs, cotangent, _of_norm(column))
        yield _image(label, column, epsilon, root)


def _image(label: str, column: tuple[int, ...], epsilon: int, root: int) -> Recipe:
    """Spread a column over two samples, each of which has statistics of its own."""
    name, size = f"batch_norm/{label}-image", len(column)
    image = np.array(column, float).reshape(2, 1, size // 2)
    inputs = {
        "input": np.concatenate([image, -image], axis=1),
        "weight": root * signed(f"{name}/weight", (2,), 2),
        "bias": signed(f"{name}/bias", (2,), 4),
    }
    exposes = ("statistics-of-each-sample",) if label in ("spread", "two-samples", "eight") else ()
    return Recipe(name, "batch_norm", {"epsilon": epsilon}, inputs, Cotangent(1, multiple=size * root**2), exposes)


def _of_norm(column: tuple[int, ...]) -> tuple[str, ...]:
    flags = ("statistics-held-constant", "epsilon-forgotten") if any(column) else ("statistics-held-constant",)
    return (*flags, "variance-unbiased") if any(column) else flags
