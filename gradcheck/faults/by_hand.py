"""Layers that cast to a lower precision by hand in both passes, whatever they are given: wrong ones, and right ones."""

from typing import Any

import numpy as np

from gradcheck.faults.precision import CONV, DOUBLES, HALF, SINGLE, narrowed
from gradcheck.faults.records import HONEST, Fault, Make, Pair, Tricky, normal, pair, uniform
from gradcheck.faults.scaling import entry
from gradcheck.faults.specimens import CUBE, LINEAR, RELU, SINE, SOFTMAX

RECIPROCAL = Pair(lambda x: 1 / x, lambda g, x: -g / (x * x))


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


LOGISTIC = Pair(_logistic, lambda g, x: g * _logistic(x) * (1 - _logistic(x)))


def by_hand(right: Any, dtype: Any) -> Make:
    """Return a maker of `right` that computes in `dtype` in both passes, whatever it is given, and returns float64."""

    def forward(*inputs: Any) -> Any:
        return right.forward(*(v.astype(dtype) for v in inputs)).astype(np.float64)

    return pair(forward, narrowed(right, dtype)().backward)


def spoiled_by_hand(right: Any, dtype: Any, change: Any) -> Make:
    """Return the same with the first gradient changed."""
    layer = by_hand(right, dtype)()

    def backward(g: Any, *inputs: Any) -> Any:
        first, *rest = layer.backward(g, *inputs)
        return change(first), *rest

    return pair(layer.forward, backward)


FAULTS = (
    Fault(
        "precision/by-hand/half-times-1.5",
        "factor",
        ("x",),
        spoiled_by_hand(SINE, HALF, lambda d: 1.5 * d),
        DOUBLES,
        "a layer that casts to float16 in both passes, off by a factor of 1.5",
        also=("small-error", "other", "f-prime-wrong"),
    ),
    Fault(
        "precision/by-hand/half-negated",
        "sign",
        ("x",),
        spoiled_by_hand(SOFTMAX, HALF, np.negative),
        DOUBLES,
        "a softmax that casts to float16 in both passes, negated",
    ),
    Fault(
        "precision/by-hand/half-linear-off-by-a-fifth",
        "factor",
        ("x",),
        spoiled_by_hand(LINEAR, HALF, lambda d: 1.2 * d),
        normal(x=(5, 4), weight=(4, 3), bias=(3,)),
        "a linear layer that casts to float16 in both passes, off by a fifth",
        also=("small-error", "other"),
    ),
    Fault(
        "precision/by-hand/single-one-of-1000-off-by-1-percent",
        "part-off",
        ("x",),
        spoiled_by_hand(CUBE, SINGLE, entry(lambda d: d * 1.01)),
        normal(x=(10, 100)),
        "one entry of 1,000 where both passes cast to float32",
    ),
)
TRICKY = (
    *(
        Tricky(f"tricky-precision/by-hand/half-{name}", by_hand(right, HALF), inputs, why, HONEST)
        for name, right, inputs, why in (
            ("sine", SINE, DOUBLES, "float16 inside a float64 interface"),
            ("linear", LINEAR, normal(x=(5, 4), weight=(4, 3), bias=(3,)), "sums of products in float16"),
            ("softmax", SOFTMAX, DOUBLES, "quotients in float16"),
            ("convolution", CONV, normal(x=(2, 3, 6, 5), weight=(4, 3, 3, 2), bias=(4,)), "sums of 18 products"),
            ("relu", RELU, DOUBLES, "kinks within a float16 step"),
            ("reciprocal", RECIPROCAL, uniform(0.2, 2.0, x=(5, 6)), "poles within a float16 step"),
            ("saturated", LOGISTIC, normal(scale=6.0, x=(4, 5)), "gradients below what float16 can hold, once scaled"),
        )
    ),
    *(
        Tricky(f"tricky-precision/by-hand/single-{name}", by_hand(right, SINGLE), inputs, "float32 by hand")
        for name, right, inputs in (("sine", SINE, DOUBLES), ("softmax", SOFTMAX, DOUBLES), ("relu", RELU, DOUBLES))
    ),
)
