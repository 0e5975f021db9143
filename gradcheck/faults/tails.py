"""Far out, where digits are lost: gradients that lose theirs there, as right ones do, and others that are wrong."""

from typing import Any

import numpy as np

from gradcheck.faults.records import HONEST, Fault, Tricky, fixed, normal, pair
from gradcheck.faults.specimens import sigmoid

SIGNS = np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
NEARBY = np.array([[0.07, -0.11, 0.02], [0.13, -0.05, 0.09]])


def confident(size: float, dtype: Any = float) -> Any:
    """Return logits of this size with the targets that they are sure of."""
    return fixed(x=(size * SIGNS + NEARBY).astype(dtype), target=((SIGNS > 0) * 1.0).astype(dtype))


def binary(x: Any, target: Any) -> Any:
    """Return the cross-entropy of logits, exact far out too."""
    return np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))


def mean_binary(x: Any, target: Any) -> Any:
    """Return its mean."""
    return np.asarray(binary(x, target).mean(), dtype=x.dtype)


def _mean_backward(g: Any, x: Any, target: Any) -> Any:
    share = g / x.dtype.type(x.size)
    return share * (sigmoid(x) - target), -share * x


def _regression_backward(g: Any, w: Any, x: Any, target: Any) -> Any:
    return x.T @ (g * (sigmoid(x @ w) - target) / len(x)), None, None


def _ranked_backward(g: Any, better: Any, worse: Any) -> Any:
    slope = g * (1 - sigmoid(better - worse))
    return -slope, slope


def _divergence(mean: Any, deviation: Any) -> Any:
    return np.array(0.5 * (deviation**2 + mean**2 - 1 - 2 * np.log(deviation)).sum())


FAULTS = (
    Fault(
        "tails/binary/doubled",
        "factor-2",
        ("x",),
        pair(mean_binary, lambda g, x, target: (2 * _mean_backward(g, x, target)[0], _mean_backward(g, x, target)[1])),
        confident(40.0),
        "twice the gradient, of which half is lost in rounding at the given point",
        also=("f-prime-wrong",),
    ),
    Fault(
        "tails/binary/off-in-single-alone",
        "small-error",
        ("x",),
        pair(
            mean_binary,
            lambda g, x, target: (
                _mean_backward(g, x, target)[0] * x.dtype.type(1.05 if x.dtype == np.float32 else 1.0),
                _mean_backward(g, x, target)[1],
            ),
        ),
        confident(5.0, np.float32),
        "5 % off in float32 alone; the slopes of the loss may cancel along a direction, beside its curvature",
        also=("f-prime-wrong", "factor", "other", "float32-truncation"),
    ),
    Fault(
        "tails/exponential/nothing-below-minus-25",
        "part-zeroed",
        ("x",),
        pair(np.exp, lambda g, x: g * np.where(x < -25, 0.0, np.exp(x))),
        fixed(x=[-30.0, -28.0, -27.0]),
        "the slope is left out where it is about 1e-12, though it has all its digits there",
        also=("zero",),
    ),
    Fault(
        "tails/sigmoid/sign-below-minus-38",
        "sign",
        ("x",),
        pair(sigmoid, lambda g, x: g * np.where(x < -38, -1, 1) * sigmoid(x) * (1 - sigmoid(x))),
        fixed(x=[-41.0, -39.5, -43.0, -40.0]),
        "the sign is wrong where the slope is about 1e-18, though it has all its digits there",
        also=("f-prime-wrong",),
    ),
)

TRICKY = (
    Tricky(
        "tricky-tails/binary/of-twenty",
        pair(mean_binary, _mean_backward),
        confident(20.0),
        "p - 1 keeps half of its digits",
    ),
    Tricky(
        "tricky-tails/binary/of-thirty-three",
        pair(mean_binary, _mean_backward),
        confident(33.0),
        "p - 1 keeps one digit, where forward keeps all",
    ),
    Tricky(
        "tricky-tails/binary/of-forty-five",
        pair(binary, lambda g, x, target: (g * (sigmoid(x) - target), -g * x)),
        confident(45.0),
        "p - 1 is zero, where forward keeps all digits",
    ),
    Tricky(
        "tricky-tails/binary/single",
        pair(mean_binary, _mean_backward),
        confident(10.0, np.float32),
        "in float32 p - 1 keeps three digits, and an answer to a few ulps shows it only by chance",
    ),
    Tricky(
        "tricky-tails/binary/regression",
        pair(lambda w, x, target: mean_binary(x @ w, target), _regression_backward),
        fixed(w=[45.0, 1.0], x=[[1.0, 0.2], [-1.0, 0.1], [0.9, -0.2], [-1.2, 0.0]], target=[1.0, 0.0, 1.0, 0.0]),
        "what keeps its digits moves smoothly and hides what lost them in the same sum",
    ),
    Tricky(
        "tricky-tails/ranking/far-apart",
        pair(lambda better, worse: np.log1p(np.exp(worse - better)), _ranked_backward),
        fixed(better=[40.0, 50.0, 37.0], worse=[0.0, 1.0, 0.5]),
        "one argument stands near zero already, and the other does not",
    ),
    Tricky(
        "tricky-tails/mean/of-ten-billion",
        pair(lambda x: x - x.mean(axis=0), lambda g, _x: g - g.mean(axis=0)),
        normal(offset=1e10, x=(5, 4)),
        "so little is left of the digits that the outputs look like those of float32",
        HONEST,
    ),
    Tricky(
        "tricky-tails/rotation/inverse-by-transpose",
        pair(np.linalg.solve, lambda g, q, x: (-np.outer(q @ g, q.T @ x), q @ g)),
        fixed(q=[[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]], x=[0.5, -1.2, 2.0]),
        "right for orthogonal matrices alone, whose inverse is their transpose",
    ),
    Tricky(
        "tricky-tails/divergence/near-its-minimum",
        pair(_divergence, lambda g, mean, deviation: (g * mean, g * (deviation - 1 / deviation))),
        fixed(mean=[1e-9, 1e-9, 1e-9], deviation=[1 + 1e-9, 1 + 1e-9, 1 + 1e-9]),
        "nothing is left of the mean beside the deviation, though the sum is next to nothing itself",
    ),
)
