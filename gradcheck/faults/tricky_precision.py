"""Right layers of low precision, and layers of float64 that are less precise inside than they look."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.gated_activations import gelu
from gradcheck.faults.losses import one_hot
from gradcheck.faults.pooling import SMALL, maximum
from gradcheck.faults.precision import HALF, SINGLE, narrowed
from gradcheck.faults.records import HONEST, Draw, Make, Pair, Tricky, fixed, joined, normal, pair
from gradcheck.faults.specimens import CUBE, LINEAR, RELU, SINE, SOFTMAX, Conv2d, first_winner, softmax

CONV = Conv2d(padding=(1, 1))


def values(dtype: Any) -> Draw:
    """Return normal values of this dtype."""
    return normal(dtype=dtype, x=(6, 8))


def images(dtype: Any) -> Draw:
    """Return a batch of images with a kernel and a bias of this dtype."""
    return normal(dtype=dtype, x=(2, 3, 6, 6), weight=(4, 3, 3, 3), bias=(4,))


def inside(right: Any, dtype: Any) -> Make:
    """Return a maker of a float64 layer whose forward computes in `dtype` and whose backward is exact."""

    def forward(*inputs: Any) -> Any:
        found = right.forward(*(v.astype(dtype) for v in inputs))
        return np.asarray(found, np.float64)

    return pair(forward, right.backward)


def _batch_norm(x: Any) -> Any:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + x.dtype.type(1e-3))


def _batch_norm_backward(g: Any, x: Any) -> Any:
    normed = _batch_norm(x)
    inner = g - g.mean(axis=0) - normed * (g * normed).mean(axis=0)
    return inner / np.sqrt(x.var(axis=0) + x.dtype.type(1e-3))


def _gelu_slope(x: Any) -> Any:
    c = x.dtype.type(np.sqrt(2 / np.pi))
    t = np.tanh(c * (x + x.dtype.type(0.044715) * x**3))
    return (1 + t) / 2 + x * (1 - t**2) / 2 * c * (1 + x.dtype.type(3 * 0.044715) * x**2)


def _relu_of_sum(x: Any, y: Any) -> Any:
    return np.maximum(x + y, 0)


def _relu_of_sum_backward(g: Any, x: Any, y: Any) -> Any:
    inner = g * (x + y > 0)
    return inner, inner.copy()


def _log_sum_exp(x: Any) -> Any:
    top = x.max(axis=1)
    return top + np.log(np.exp(x - top[:, None]).sum(axis=1))


def _cross_entropy(x: Any, labels: Any) -> Any:
    return (_log_sum_exp(x) - x[np.arange(len(x)), labels]).mean()


def _cross_entropy_backward(g: Any, x: Any, labels: Any) -> Any:
    return g * (softmax(x) - one_hot(x, labels).astype(x.dtype)) / x.dtype.type(len(x)), None


BATCH_NORM = Pair(_batch_norm, _batch_norm_backward)
LAYER_NORM = Pair(lambda x: _batch_norm(x.T).T, lambda g, x: _batch_norm_backward(g.T, x.T).T)
POOL = maximum(SMALL, first_winner)
GELU = elementwise(gelu, _gelu_slope)
RELU_OF_SUM = pair(_relu_of_sum, _relu_of_sum_backward)
LABELS = fixed(labels=np.array([0, 3, 7, 2, 2, 5]))
PATCHES, HALF_PATCHES = normal(dtype=SINGLE, x=(2, 3, 6, 6)), normal(dtype=HALF, x=(2, 3, 6, 6))
SUMS, HALF_SUMS = normal(dtype=SINGLE, x=(6, 8), y=(6, 8)), normal(dtype=HALF, x=(6, 8), y=(6, 8))


TRICKY = (
    Tricky(
        "tricky-precision/single/convolution",
        pair(CONV.forward, CONV.backward),
        images(SINGLE),
        "sums of 27 products in float32",
    ),
    Tricky(
        "tricky-precision/single/linear",
        pair(*LINEAR),
        normal(dtype=SINGLE, x=(8, 20), weight=(20, 5), bias=(5,)),
        "sums of 20 products in float32",
    ),
    Tricky(
        "tricky-precision/single/linear-in-buffers",
        pair(
            LINEAR.forward, lambda g, x, weight, bias: tuple(np.float32(v) for v in LINEAR.backward(g, x, weight, bias))
        ),
        normal(dtype=SINGLE, x=(32, 50), weight=(50, 10), bias=(10,)),
        "the gradients are float32 as the inputs are, whatever was computed with",
    ),
    Tricky(
        "tricky-precision/single/casts-grad-output",
        pair(np.tanh, lambda g, x: g.astype(np.float32) * (1 - np.tanh(x) ** 2)),
        values(SINGLE),
        "grad_output is brought to float32, as the inputs are",
    ),
    Tricky("tricky-precision/single/softmax", pair(*SOFTMAX), values(SINGLE), "float32"),
    Tricky("tricky-precision/single/batch-norm", pair(*BATCH_NORM), values(SINGLE), "float32"),
    Tricky("tricky-precision/single/layer-norm", pair(*LAYER_NORM), values(SINGLE), "float32"),
    Tricky("tricky-precision/single/gelu", GELU, values(SINGLE), "float32"),
    Tricky("tricky-precision/single/relu-of-sum", RELU_OF_SUM, SUMS, "rounding may change the branch"),
    Tricky(
        "tricky-precision/single/relu-of-cancelling-sum",
        RELU_OF_SUM,
        fixed(x=np.array([1.0, 2.0, 3.0], SINGLE), y=np.array([-1 + 1e-7, -2 - 2e-7, 1.0], SINGLE)),
        "sums that nearly cancel",
    ),
    Tricky("tricky-precision/single/max-pool", POOL, PATCHES, "float32"),
    Tricky(
        "tricky-precision/single/log-sum-exp",
        pair(_log_sum_exp, lambda g, x: g[:, None] * softmax(x)),
        values(SINGLE),
        "float32",
    ),
    Tricky(
        "tricky-precision/single/cross-entropy",
        pair(_cross_entropy, _cross_entropy_backward),
        joined(values(SINGLE), LABELS),
        "a scalar float32 loss",
    ),
    Tricky("tricky-precision/single/relu", pair(*RELU), normal(dtype=SINGLE, x=(10, 100)), "1,000 entries"),
    Tricky(
        "tricky-precision/single/refuses-float64",
        pair(lambda x: _only(SINGLE, x) ** 3, CUBE.backward),
        values(SINGLE),
        "the layer cannot run wider",
    ),
    Tricky(
        "tricky-precision/single/always-float32",
        pair(lambda x: np.sin(x.astype(SINGLE)), lambda g, x: (g * np.cos(x)).astype(SINGLE)),
        values(SINGLE),
        "run wider it computes in float32 all the same",
    ),
    Tricky(
        "tricky-precision/half/convolution",
        pair(CONV.forward, CONV.backward),
        images(HALF),
        "sums of 27 products in float16",
    ),
    Tricky("tricky-precision/half/softmax", pair(*SOFTMAX), values(HALF), "float16"),
    Tricky("tricky-precision/half/batch-norm", pair(*BATCH_NORM), values(HALF), "float16"),
    Tricky("tricky-precision/half/gelu", GELU, values(HALF), "float16"),
    Tricky("tricky-precision/half/relu-of-sum", RELU_OF_SUM, HALF_SUMS, "float16"),
    Tricky("tricky-precision/half/max-pool", POOL, HALF_PATCHES, "float16, where ties are likely"),
    Tricky(
        "tricky-precision/half/refuses-float64",
        pair(lambda x: np.sin(_only(HALF, x)), SINE.backward),
        values(HALF),
        "differences in float16 resolve little",
        HONEST,
    ),
    Tricky(
        "tricky-precision/double/forward-in-single",
        inside(CUBE, SINGLE),
        values(float),
        "noise of 1e-7 behind a float64 interface",
    ),
    Tricky(
        "tricky-precision/double/convolution-in-single",
        inside(CONV, SINGLE),
        images(float),
        "noise of 1e-6 behind a float64 interface",
    ),
    Tricky(
        "tricky-precision/double/softmax-in-single",
        inside(SOFTMAX, SINGLE),
        values(float),
        "noise of 1e-7 behind a float64 interface",
    ),
    Tricky(
        "tricky-precision/double/forward-in-half",
        inside(SINE, HALF),
        values(float),
        "noise of 1e-3 behind a float64 interface",
        HONEST,
    ),
    Tricky(
        "tricky-precision/double/both-in-single",
        pair(inside(SINE, SINGLE)().forward, narrowed(SINE, SINGLE)().backward),
        values(float),
        "forward and backward are equally imprecise",
    ),
    Tricky(
        "tricky-precision/double/output-in-single",
        pair(lambda x: np.sin(x).astype(SINGLE), lambda g, x: g * np.cos(x)),
        values(float),
        "a float32 output of a float64 input",
    ),
    Tricky(
        "tricky-precision/double/output-to-nine-decimals",
        pair(lambda x: np.round(np.sin(x), 9), lambda g, x: g * np.cos(x)),
        values(float),
        "the output is rounded for display; strictly its derivative is 0",
        HONEST,
    ),
    Tricky(
        "tricky-precision/mixed/weight-of-single",
        pair(np.matmul, lambda g, x, w: (g @ w.T, (x.T @ g).astype(w.dtype))),
        joined(normal(x=(5, 4)), normal(dtype=SINGLE, weight=(4, 3))),
        "a float32 weight of a float64 input",
    ),
)


def _only(dtype: Any, x: Any) -> Any:
    if x.dtype != dtype:
        raise TypeError(f"x must be {np.dtype(dtype)}")
    return x
