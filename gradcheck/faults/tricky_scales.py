"""Right layers whose values or derivatives are hard to measure: large, small, steep, saturated, cancelling."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.losses import one_hot
from gradcheck.faults.records import HONEST, Draw, Pair, Tricky, drawn, fixed, joined, normal, pair, uniform
from gradcheck.faults.specimens import CUBE, SINE, SOFTMAX, sigmoid, softmax

VALUES = normal(x=(3, 4))
SQUARE = elementwise(np.square, lambda x: 2 * x)
TANH = elementwise(np.tanh, lambda x: 1 / np.cosh(x) ** 2)
LOGARITHM = elementwise(np.log, lambda x: 1 / x)


def size(scale: float) -> Draw:
    """Return normal values of this size."""
    return normal(scale=scale, x=(3, 4))


def _decades(rng: np.random.Generator) -> Any:
    return 10.0 ** np.arange(-9, 10) * rng.choice([-1.0, 1.0], 19)


def _log_sum_exp(x: Any) -> Any:
    top = x.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(x - top).sum(axis=1))


def _cross_entropy(x: Any, labels: Any) -> Any:
    return (_log_sum_exp(x) - x[np.arange(len(x)), labels]).mean()


def _standardise(x: Any) -> Any:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-12)


def _standardise_backward(g: Any, x: Any) -> Any:
    normed = _standardise(x)
    inner = g - g.mean(axis=0) - normed * (g * normed).mean(axis=0)
    return inner / np.sqrt(x.var(axis=0) + 1e-12)


def _distances(a: Any, b: Any) -> Any:
    return np.sqrt(((a - b) ** 2).sum(axis=1))


def _distances_backward(g: Any, a: Any, b: Any) -> Any:
    grad_a = g[:, None] * (a - b) / _distances(a, b)[:, None]
    return grad_a, -grad_a


LOG_SUM_EXP = Pair(_log_sum_exp, lambda g, x: g[:, None] * softmax(x))
CROSS_ENTROPY = Pair(_cross_entropy, lambda g, x, y: (g * (softmax(x) - one_hot(x, y)) / len(x), None))
STANDARDISE = Pair(_standardise, _standardise_backward)


TRICKY = (
    Tricky(
        "tricky-scales/cancelling/one-minus-cosine",
        elementwise(lambda x: 1 - np.cos(x), np.sin),
        size(1e-7),
        "at 1e-7 the cosine is one to the last bits, and forward moves in steps of 2^-53",
    ),
    Tricky("tricky-scales/size/1e-8", pair(*SINE), size(1e-8), "an absolute step of 1e-6 is far too long"),
    Tricky(
        "tricky-scales/size/1e-8-curved",
        elementwise(lambda x: np.exp(1e8 * x), lambda x: 1e8 * np.exp(1e8 * x)),
        size(1e-8),
        "curved at the scale of 1e-8",
    ),
    Tricky("tricky-scales/size/1e6", SQUARE, size(1e6), "values of a million"),
    Tricky("tricky-scales/size/1e12", pair(*CUBE), size(1e12), "an absolute step of 1e-6 is below a rounding"),
    Tricky("tricky-scales/size/1e9-log", LOGARITHM, uniform(1e9, 5e9, x=(3, 4)), "a gradient of 1e-9"),
    Tricky("tricky-scales/size/18-decades", SQUARE, drawn(x=_decades), "entries from 1e-9 to 1e9 in one array"),
    Tricky(
        "tricky-scales/size/18-decades-log",
        LOGARITHM,
        drawn(x=lambda rng: np.abs(_decades(rng))),
        "steps must stay right of 0 for every entry",
    ),
    Tricky(
        "tricky-scales/size/mixed-arguments",
        pair(lambda x, y: x * y, lambda g, x, y: (g * y, g * x)),
        joined(normal(scale=1e8, x=(3, 4)), normal(scale=1e-8, y=(3, 4))),
        "one argument of 1e8, one of 1e-8",
    ),
    Tricky(
        "tricky-scales/size/tiny-gradient",
        elementwise(lambda x: 1e-9 * np.sin(x), lambda x: 1e-9 * np.cos(x)),
        VALUES,
        "a gradient of 1e-9",
    ),
    Tricky(
        "tricky-scales/size/huge-gradient",
        elementwise(lambda x: 1e150 * np.sin(x), lambda x: 1e150 * np.cos(x)),
        VALUES,
        "squares overflow",
    ),
    Tricky(
        "tricky-scales/saturated/tanh", TANH, normal(scale=8.0, x=(3, 4)), "differences are pure rounding in the tails"
    ),
    Tricky(
        "tricky-scales/saturated/tanh-all",
        TANH,
        fixed(x=[16.0, -15.0, 18.0]),
        "every derivative is below 1e-12, which no difference can confirm",
        HONEST,
    ),
    Tricky(
        "tricky-scales/saturated/sigmoid",
        elementwise(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
        fixed(x=[30.0, -30.0, 20.0, -3.0]),
        "tails on both sides",
    ),
    Tricky(
        "tricky-scales/saturated/softmax-of-hundreds",
        pair(*SOFTMAX),
        normal(scale=300.0, x=(3, 5)),
        "probabilities of 0 and 1 to the last bit: g - g where about 1e-40 belongs",
        HONEST,
    ),
    Tricky(
        "tricky-scales/saturated/log-sum-exp-of-thousands",
        pair(*LOG_SUM_EXP),
        normal(scale=20.0, offset=1000.0, x=(3, 5)),
        "exp alone would overflow",
    ),
    Tricky(
        "tricky-scales/saturated/confident-cross-entropy",
        pair(*CROSS_ENTROPY),
        fixed(x=[[40.0, 0.0, 1.0], [2.0, 45.0, 0.0]], labels=np.array([0, 1])),
        "the gradient is about 1e-17, and 1 - 1 where that belongs",
        HONEST,
    ),
    Tricky(
        "tricky-scales/saturated/wrong-and-confident",
        pair(*CROSS_ENTROPY),
        fixed(x=[[40.0, 0.0, 1.0], [2.0, 45.0, 0.0]], labels=np.array([2, 0])),
        "the gradient is 1 to the last bit",
    ),
    Tricky(
        "tricky-scales/cancelling/batch-norm-on-offset",
        pair(*STANDARDISE),
        normal(scale=1e-3, offset=1e3, x=(6, 3)),
        "a variance of 1e-6 on an offset of 1,000",
    ),
    Tricky(
        "tricky-scales/cancelling/large-constant",
        elementwise(lambda x: np.sin(x) + 1e7, np.cos),
        VALUES,
        "the digits of the sine are cut by a constant",
    ),
    Tricky(
        "tricky-scales/cancelling/small-distances",
        pair(_distances, _distances_backward),
        drawn(
            a=lambda rng: 1 + 1e-6 * rng.standard_normal((4, 3)), b=lambda rng: 1 + 1e-6 * rng.standard_normal((4, 3))
        ),
        "points that are 1e-6 apart",
    ),
    Tricky(
        "tricky-scales/flat/cosine-at-zero",
        elementwise(np.cos, lambda x: -np.sin(x)),
        fixed(x=np.zeros(4)),
        "the gradient is 0 at the caller's point only",
    ),
    Tricky(
        "tricky-scales/flat/cube-at-zero",
        pair(*CUBE),
        fixed(x=np.zeros(4)),
        "the gradient is 0 at the caller's point only",
    ),
    Tricky("tricky-scales/flat/one-entry-at-zero", SQUARE, fixed(x=[0.0, 1.0, -2.0]), "one entry of the gradient is 0"),
    Tricky(
        "tricky-scales/size/outputs-of-1e300",
        elementwise(lambda x: 1e300 * x, lambda x: np.full_like(x, 1e300)),
        VALUES,
        "sums and squares of outputs overflow",
    ),
)
