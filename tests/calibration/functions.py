"""The functions that error bars are held to, a row each: what it is, its formula, and where it is evaluated.

`formula(m, x)` is written for both arithmetics. `plain=False` marks those that are meant for float64 at their own
scale. Functions whose zero gradient and whose slope at a distance are both a fair reading (rounding to 3 places) are
left out: nobody can tell which is meant.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ENTRIES, ROWS, COLUMNS = 128, 24, 6
SCALARS = 8


@dataclass(frozen=True)
class Function:
    """One function: `draw(rng)` gives the point; `plain` ones are also run in low precision and at other scales.

    A function with few outputs is measured at several `points`. `unit` is the unit round-off that forward works in
    where it is coarser than its outputs say, `quantum` the same as an absolute size.
    """

    name: str
    formula: Callable
    draw: Callable
    plain: bool = True
    points: int = 1
    unit: float = 0.0
    quantum: float = 0.0


def normal(rng):
    return rng.normal(size=ENTRIES)


def normal_rows(rng):
    return rng.normal(size=(ROWS, COLUMNS))


def between(low, high):
    return lambda rng: rng.uniform(low, high, size=ENTRIES)


def logits(size):
    return lambda rng: size * rng.normal(size=(ROWS, COLUMNS))


def decades(rng):
    return 10.0 ** rng.uniform(-9, 9, size=ENTRIES)


def signed_decades(rng):
    return decades(rng) * rng.choice([-1.0, 1.0], size=ENTRIES)


def among(special, share=8):
    """Normal numbers, of which every `share`-th is one of the special values, with both signs."""

    def draw(rng):
        x = rng.normal(size=ENTRIES)
        count = len(x[::share])
        x[::share] = rng.choice(special, size=count) * rng.choice([-1.0, 1.0], size=count)
        return x

    return draw


def near_pole(rng):
    return np.where(np.arange(ENTRIES) % 8 == 0, rng.uniform(0.04, 0.06, ENTRIES), rng.uniform(1.0, 3.0, ENTRIES))


def tiny_rows(rng):
    x = rng.normal(size=(ROWS, COLUMNS))
    x[::4] *= 1e-8
    return x


def small_spread(rng):
    return 1000.0 + rng.normal(size=(ROWS, COLUMNS)) / 1000.0


def off_integers(rng):
    return rng.integers(-3, 4, size=ENTRIES) + rng.uniform(0.1, 0.9, size=ENTRIES)


def near_ties(rng):
    x = rng.normal(size=(ROWS, COLUMNS))
    x[:, 1] = x[:, 0] + rng.choice([-1e-7, 1e-7], size=ROWS)
    return x


def _total(x):
    return x.sum(axis=-1, keepdims=True)


def _shifted(m, x):
    return m.exp(x - x.max(axis=-1, keepdims=True))


def softmax(m, x):
    e = _shifted(m, x)
    return e / _total(e)


def log_sum_exp(m, x):
    return m.log(_total(_shifted(m, x))) + x.max(axis=-1, keepdims=True)


def normalised(m, x):
    centred = x - _total(x) / COLUMNS
    return centred / m.sqrt(_total(centred**2) / COLUMNS + m.array(2.0**-17))


def norm(m, x):
    return m.sqrt(_total(x * x))


def horner(m, x):
    return ((((x - 3) * x + 2) * x - 7) * x + 1) * x - 5


def added_in_float32(m, x):
    total = m.to_float32(x[..., 0] * x[..., 0])
    for i in range(1, COLUMNS):
        total = m.to_float32(total + m.to_float32(x[..., i] * x[..., i]))
    return total


def dense(m, x):
    weight = m.array(np.random.default_rng(7).normal(size=(COLUMNS, 5)))
    return m.tanh(x @ weight)


def convolved(m, x):
    return sum((k + 1) * x[..., k : k + 3] ** 2 for k in range(4))


def two_layers(m, x):
    rng = np.random.default_rng(8)
    hidden = m.maximum(x @ m.array(rng.normal(size=(COLUMNS, 16))), x[:1, :1] * 0)
    return hidden @ m.array(rng.normal(size=(16, 3)))


def cross_entropy(m, x):
    return (log_sum_exp(m, x) - x[..., :1]).sum() / ROWS


def huber(m, x):
    size = m.abs(x)
    return m.where(size < 1, x * x / 2, size - m.array(0.5))


def stable_log1pexp(m, x):
    return m.maximum(x, 0 * x) + m.log(1 + m.exp(-m.abs(x)))


SMOOTH = (
    Function("sin x", lambda m, x: m.sin(x), normal),
    Function("sin 50x", lambda m, x: m.sin(50 * x), normal),
    Function("sin 1000x", lambda m, x: m.sin(1000 * x), normal, plain=False),
    Function("exp 5x", lambda m, x: m.exp(5 * x), normal),
    Function("x^7", lambda m, x: x**7, normal),
    Function("a polynomial", horner, normal),
    Function("exp(-x^2) cos 3x", lambda m, x: m.exp(-x * x) * m.cos(3 * x), normal),
    Function("1/x near 0.05", lambda m, x: 1 / x, between(0.04, 0.06)),
    Function("1/x, some near 0.05", lambda m, x: 1 / x, near_pole),
    Function("sin 1/x", lambda m, x: m.sin(1 / x), between(0.1, 0.3)),
    Function("sqrt near its edge", lambda m, x: m.sqrt(x), between(1e-4, 1.0)),
    Function("log near its edge", lambda m, x: m.log(x), between(1e-4, 1.0)),
    Function("x/(1 + x^2)", lambda m, x: x / (1 + x * x), normal),
    Function("tanh", lambda m, x: m.tanh(x), normal),
    Function("tanh 10000x", lambda m, x: m.tanh(10000 * x), normal, plain=False),
    Function("sigmoid", lambda m, x: 1 / (1 + m.exp(-x)), normal),
    Function("x sigmoid x", lambda m, x: x / (1 + m.exp(-x)), normal),
    Function("log(1 + exp x)", lambda m, x: m.log(1 + m.exp(x)), normal),
    Function("log(1 + exp x), stable", stable_log1pexp, normal),
    Function(
        "sqrt(x^2 + 2^-40)", lambda m, x: m.sqrt(x * x + m.array(2.0**-40)), among([0.0, 1e-6, 1e-5]), plain=False
    ),
    Function("a constant", lambda m, x: 0 * x + 3, normal),
)
COUPLED = (
    Function("dense tanh", dense, normal_rows),
    Function("convolution of squares", convolved, normal_rows),
    Function("softmax", softmax, normal_rows),
    Function("softmax, logits of 100s", softmax, logits(300.0)),
    Function("log-sum-exp", log_sum_exp, normal_rows),
    Function("log-sum-exp, logits of 100s", log_sum_exp, logits(300.0)),
    Function("log-softmax, logits of 100s", lambda m, x: x - log_sum_exp(m, x), logits(300.0)),
    Function("cross-entropy, a scalar", cross_entropy, logits(3.0), points=SCALARS),
    Function("cross-entropy, logits of 100s", cross_entropy, logits(300.0), points=SCALARS),
    Function("layer norm", normalised, normal_rows),
    Function("batch norm, tiny variance, large offset", normalised, small_spread, plain=False),
    Function("L2 norm", norm, normal_rows),
    Function("L2 norm near 0", norm, tiny_rows, plain=False),
    Function("sum of squares, a scalar", lambda m, x: (x * x).sum(), normal_rows, points=SCALARS),
)
# What cos leaves undetermined, in the middle of the interval.
CANCELLING = {"plain": False, "quantum": 2.0**-53 / 5e-3**2}
SATURATED = (
    Function("tanh, saturated", lambda m, x: m.tanh(x), between(5.0, 18.0), plain=False),
    Function("tanh, some saturated", lambda m, x: m.tanh(x), lambda rng: 8.0 * rng.normal(size=ENTRIES), plain=False),
    Function("sigmoid, saturated", lambda m, x: 1 / (1 + m.exp(-x)), between(-60.0, 60.0), plain=False),
    Function("exp(-1/x^2), flat", lambda m, x: m.exp(-1 / (x * x)), between(0.1, 0.6)),
    Function("(1 - cos x)/x^2", lambda m, x: (1 - m.cos(x)) / (x * x), between(1e-4, 1e-2), **CANCELLING),
    Function("(x + 2^27) - 2^27", lambda m, x: (x + 2**27) - 2**27, normal, plain=False, quantum=2.0**-26),
)
SIZES = (
    Function("x^2 at 1e-8", lambda m, x: x * x, lambda rng: 1e-8 * normal(rng), plain=False),
    Function("x^2 at 1e6", lambda m, x: x * x, lambda rng: 1e6 * normal(rng), plain=False),
    Function("x^2 at 1e12", lambda m, x: x * x, lambda rng: 1e12 * normal(rng), plain=False),
    Function("x^2 over 18 decades", lambda m, x: x * x, signed_decades, plain=False),
    Function("log over 18 decades", lambda m, x: m.log(x), decades, plain=False),
    Function("sqrt over 18 decades", lambda m, x: m.sqrt(x), decades, plain=False),
    Function("sum of squares over 18 decades", lambda m, x: (x * x).sum(), signed_decades, plain=False, points=SCALARS),
    Function("tanh over 18 decades", lambda m, x: m.tanh(x), signed_decades, plain=False),
)
JUMPS = (
    Function("floor", lambda m, x: m.floor(x), off_integers),
    Function("round", lambda m, x: m.rint(2 * x), normal),
    Function("x + floor(4x)/1024", lambda m, x: x + m.floor(4 * x) / 1024, normal),
)
IN_FLOAT32 = {"plain": False, "unit": 2.0**-24}
ROUNDED = (
    Function("sin of a float32", lambda m, x: m.sin(m.to_float32(x)), normal, **IN_FLOAT32),
    Function("1.1 sin of a float32", lambda m, x: m.sin(m.to_float32(x)) * 11 / 10, normal, **IN_FLOAT32),
    Function("sum of squares in float32", added_in_float32, normal_rows, **IN_FLOAT32),
    Function("1.1 times a sum in float32", lambda m, x: added_in_float32(m, x) * 11 / 10, normal_rows, **IN_FLOAT32),
    Function("float32 of exp x", lambda m, x: m.to_float32(m.exp(x)), normal, **IN_FLOAT32),
    Function("exp(float32 of tanh x)", lambda m, x: m.exp(m.to_float32(m.tanh(x))), normal, **IN_FLOAT32),
    Function("sin x to 6 places", lambda m, x: m.rounded(m.sin(x), 6), normal, plain=False, quantum=1e-6),
    Function("exp x to 6 places", lambda m, x: m.rounded(m.exp(x), 6), normal, plain=False, quantum=1e-6),
    Function("sin x to 5 places", lambda m, x: m.rounded(m.sin(x), 5), normal, plain=False, quantum=1e-5),
)
KINKS = (
    Function("relu", lambda m, x: m.maximum(x, 0 * x), normal),
    Function("relu near its kink", lambda m, x: m.maximum(x, 0 * x), among([1e-7, 1e-9, 1e-5]), plain=False),
    Function("leaky relu, real", lambda m, x: m.where(m.real(x) > 0, x, x / 8), among([1e-7, 1e-9]), plain=False),
    Function("|x|", lambda m, x: m.abs(x), among([1e-7, 1e-9, 1e-3]), plain=False),
    Function("x |x|", lambda m, x: m.abs(x) * x, normal),
    Function("sin of the real part", lambda m, x: m.sin(m.real(x)) + 0 * x, normal),
    Function("huber", huber, normal),
    Function("row maximum", lambda m, x: x.max(axis=-1), normal_rows),
    Function("row maximum, near ties", lambda m, x: x.max(axis=-1), near_ties, plain=False),
    Function("relu network", two_layers, normal_rows),
)
FUNCTIONS = (*SMOOTH, *COUPLED, *SATURATED, *SIZES, *JUMPS, *ROUNDED, *KINKS)
