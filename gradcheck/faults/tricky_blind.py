"""Right layers at points that hide most of them: saturated, tied, of one sample, or rounded within."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.records import HONEST, Tricky, drawn, fixed, normal, pair
from gradcheck.faults.specimens import softmax

THOUSANDS = fixed(x=[[0.0, 1000.0, -3000.0, 9000.0], [16000.0, 2500.0, 36000.0, -4900.0]])
TRIPLES = fixed(x=np.repeat(np.arange(4.0), 3).reshape(4, 3))


def softmax_backward(g: Any, x: Any) -> Any:
    """Return the gradient of a softmax along the last axis."""
    p = softmax(x)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def mixed(x: Any) -> Any:
    """Return a residual connection in float64 around an operation in float32."""
    return x + np.tanh(3 * x).astype(np.float32)


def _median_backward(g: Any, x: Any) -> Any:
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, np.argsort(x, axis=1, kind="stable")[:, 1:2], g[:, None], axis=1)
    return gradient


def _largest_three_backward(g: Any, x: Any) -> Any:
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, np.argsort(x, axis=1, kind="stable")[:, -3:], g, axis=1)
    return gradient


def _batch_norm_backward(g: Any, x: Any) -> Any:
    size = np.sqrt(x.var(axis=0) + 1e-5)
    unit = (x - x.mean(axis=0)) / size
    return (g - g.mean(axis=0) - unit * (g * unit).mean(axis=0)) / size


TRICKY = (
    Tricky(
        "tricky-blind/tie/medians-of-triples",
        pair(lambda x: np.median(x, axis=1), _median_backward),
        TRIPLES,
        "a corner that no direction shows: the median's slope is the middle change, forward and backward",
    ),
    Tricky(
        "tricky-blind/tie/largest-three-of-integers",
        pair(lambda x: np.sort(x, axis=1)[:, -3:], _largest_three_backward),
        drawn(x=lambda rng: rng.integers(0, 4, (4, 8)).astype(float)),
        "some outputs have a kink, some a corner that no direction shows, and some neither",
    ),
    Tricky(
        "tricky-blind/saturated/softmax-of-thousands",
        pair(softmax, softmax_backward),
        THOUSANDS,
        "silent at the given point and at all points of its size",
    ),
    Tricky(
        "tricky-blind/saturated/softplus-far-out",
        elementwise(lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), lambda x: 1 / (1 + np.exp(-x))),
        fixed(x=[28.0, 29.0, 30.0, 27.5, 31.0, 28.25]),
        "a complex step loses the exponential behind |x|, which is below what differences resolve",
    ),
    Tricky(
        "tricky-blind/batch/norm-of-one-sample",
        pair(lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5), _batch_norm_backward),
        normal(x=(1, 3)),
        "always zero for one sample, and nearly so for two, however steep forward is there",
        HONEST,
    ),
    Tricky(
        "tricky-blind/mixed/residual-around-single",
        pair(mixed, lambda g, x: g * (4 - 3 * np.tanh(3 * x) ** 2)),
        normal(x=(6, 8)),
        "the residual answers the smallest steps, its neighbour in float32 does not",
    ),
)
