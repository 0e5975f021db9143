"""Mistakes in layers of float32 and float16, and mistakes of precision in layers of float64."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, joined, normal, pair, spoiled, uniform
from gradcheck.faults.scaling import entry
from gradcheck.faults.specimens import CUBE, LINEAR, RELU, SINE, SOFTMAX, Conv2d, softmax
from gradcheck.faults.tricky_blind import mixed

SINGLE, HALF = np.float32, np.float16
VALUES, MANY = normal(dtype=SINGLE, x=(4, 5)), normal(dtype=SINGLE, x=(10, 100))
HALVES = normal(dtype=HALF, x=(4, 5))
DOUBLES = normal(x=(4, 5))
LAYER = normal(dtype=SINGLE, x=(5, 4), weight=(4, 3), bias=(3,))
IMAGES = normal(dtype=SINGLE, x=(2, 3, 6, 5), weight=(4, 3, 3, 2), bias=(4,))
HALF_IMAGES = normal(dtype=HALF, x=(2, 3, 6, 5), weight=(4, 3, 3, 2), bias=(4,))
CONV = Conv2d()


def narrowed(right: Any, dtype: Any) -> Make:
    """Return a maker of `right` whose backward computes in `dtype` and returns what came in."""

    def backward(g: Any, *inputs: Any) -> Any:
        found = right.backward(g.astype(dtype), *(v.astype(dtype) for v in inputs))
        found = found if isinstance(found, tuple) else (found,)
        return tuple(d.astype(v.dtype) for d, v in zip(found, inputs, strict=True))

    return pair(right.forward, backward)


def _unrotated(g: Any, x: Any, w: Any, _b: Any) -> Any:
    return CONV.grad_input(g, x, w[..., ::-1, ::-1]), CONV.grad_weight(g, x, w), CONV.grad_bias(g)


def _batch_norm(x: Any) -> Any:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _batch_norm_backward(g: Any, x: Any) -> Any:
    normed = _batch_norm(x)
    return (g - normed * (g * normed).mean(axis=0)) / x.std(axis=0)


FAULTS = (
    Fault(
        "precision/single/one-of-1000-off-by-1-percent",
        "part-off",
        ("x",),
        spoiled(CUBE, entry(lambda d: d * SINGLE(1.01))),
        MANY,
        "one entry of 1,000 in float32",
    ),
    Fault(
        "precision/single/relu-one-of-1000-off-by-1-percent",
        "part-off",
        ("x",),
        spoiled(RELU, entry(lambda d: d * SINGLE(1.01))),
        uniform(0.2, 3.0, dtype=SINGLE, x=(10, 100)),
        "one entry of 1,000 in float32, behind a ReLU",
    ),
    Fault(
        "precision/single/weight-entry-off-by-1-percent",
        "part-off",
        ("weight",),
        spoiled(LINEAR, entry(lambda d: d * SINGLE(1.01), (2, 1)), at=1),
        LAYER,
        "one entry of a float32 weight's gradient",
    ),
    Fault(
        "precision/single/sign",
        "sign",
        ("x",),
        spoiled(SINE, np.negative),
        VALUES,
        "the gradient is negated",
    ),
    Fault(
        "precision/single/off-by-1-in-1000",
        "small-error",
        ("x",),
        spoiled(SINE, lambda d: d * SINGLE(1.001)),
        VALUES,
        "every entry is off by 0.1 %",
    ),
    Fault(
        "precision/single/constant-of-five-digits",
        "small-error",
        ("x",),
        spoiled(SINE, lambda d: d * SINGLE(1.0001)),
        VALUES,
        "every entry is off by 0.01 %, which float32 resolves",
    ),
    Fault(
        "precision/single/softmax-diagonal",
        "softmax-diagonal",
        ("x",),
        pair(softmax, lambda g, x: g * softmax(x) * (1 - softmax(x))),
        VALUES,
        "the Jacobian is taken as diagonal",
    ),
    Fault(
        "precision/single/kernel-not-rotated",
        "kernel-not-rotated",
        ("x",),
        pair(CONV.forward, _unrotated),
        IMAGES,
        "a float32 convolution whose kernel is not rotated",
    ),
    Fault(
        "precision/single/batch-norm-mean-path-missing",
        "mean-path-missing",
        ("x",),
        pair(_batch_norm, _batch_norm_backward),
        normal(dtype=SINGLE, x=(6, 4)),
        "the mean is taken as a constant",
        also=("path-missing",),
    ),
    Fault(
        "precision/single/in-half",
        "other",
        ("x",),
        narrowed(CUBE, HALF),
        VALUES,
        "a float32 layer's backward computes in float16",
    ),
    Fault("precision/half/doubled", "factor-2", ("x",), spoiled(CUBE, lambda d: 2 * d), HALVES, "doubled, in float16"),
    Fault(
        "precision/half/off-by-5-percent",
        "small-error",
        ("x",),
        spoiled(SINE, lambda d: d * HALF(1.05)),
        HALVES,
        "every entry is off by 5 % in float16",
    ),
    Fault(
        "precision/half/row-zeroed",
        "part-zeroed",
        ("x",),
        spoiled(SINE, lambda d: d * (np.arange(d.shape[-1]) != 2)),
        HALVES,
        "a column of zeros in float16",
    ),
    Fault(
        "precision/half/softmax-sign",
        "sign",
        ("x",),
        spoiled(SOFTMAX, np.negative),
        HALVES,
        "a float16 softmax whose gradient is negated",
    ),
    Fault(
        "precision/half/weight-rotated",
        "kernel-not-rotated",
        ("weight",),
        spoiled(CONV, lambda d: d[..., ::-1, ::-1].copy(), at=1),
        HALF_IMAGES,
        "a float16 convolution whose weight's gradient is rotated",
    ),
    Fault(
        "precision/double/in-single",
        "float32-truncation",
        ("x",),
        narrowed(CUBE, SINGLE),
        DOUBLES,
        "a float64 layer's backward computes in float32",
    ),
    Fault(
        "precision/double/in-half",
        "other",
        ("x", "weight", "bias"),
        narrowed(LINEAR, HALF),
        normal(x=(5, 4), weight=(4, 3), bias=(3,)),
        "a float64 layer's backward computes in float16",
    ),
    Fault(
        "precision/double/grad-output-in-single",
        "float32-truncation",
        ("x",),
        pair(np.sin, lambda g, x: g.astype(SINGLE) * np.cos(x)),
        DOUBLES,
        "grad_output is rounded to float32",
    ),
    Fault(
        "precision/double/truncated-to-integers",
        "integer-truncation",
        ("x",),
        spoiled(CUBE, np.trunc),
        DOUBLES,
        "the gradient is cut to whole numbers",
    ),
    Fault(
        "precision/double/rounded-to-three-decimals",
        "small-error",
        ("x",),
        spoiled(SINE, lambda d: np.round(d, 3)),
        DOUBLES,
        "the gradient is rounded to three decimals",
    ),
    Fault(
        "precision/double/input-rounded",
        "integer-truncation",
        ("x",),
        pair(np.sin, lambda g, x: g * np.cos(np.rint(x))),
        DOUBLES,
        "backward rounds its input to whole numbers",
    ),
    Fault(
        "precision/mixed/weight-of-single-halved",
        "factor-1/2",
        ("weight",),
        pair(np.matmul, lambda g, x, w: (g @ w.T, (0.5 * x.T @ g).astype(w.dtype))),
        joined(normal(x=(5, 4)), normal(dtype=SINGLE, weight=(4, 3))),
        "a float32 weight of a float64 input gets half its gradient",
    ),
    Fault(
        "precision/mixed/residual-alone",
        "path-missing",
        ("x",),
        pair(mixed, lambda g, x: np.array(g)),  # noqa: ARG005 - the mistake
        normal(x=(6, 8)),
        "of a residual connection around an operation in float32 only the residual is differentiated",
        also=("equals-grad-output", "f-prime-missing"),
    ),
)
