"""The activations in two formulas each, for value and slope; none cancels where it is used, so both keep their digits.

`m` is the arithmetic of mpmath, x an exact number in it. At a kink no slope is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Number = Any
Curve = Callable[..., Number]

# Klambauer et al. 2017, as they print them.
SELU_ALPHA = "1.6732632423543772848170429916717"
SELU_SCALE = "1.0507009873554804934193349852946"
CUBIC = "0.044715"  # Hendrycks and Gimpel 2016


@dataclass(frozen=True)
class Formulas:
    """Two formulas for the value, two for the slope, each of (m, x, **hyperparameters)."""

    value: tuple[Curve, Curve]
    slope: tuple[Curve, Curve]


def logistic(m: Any, x: Number) -> Number:
    """1 / (1 + e^-x)."""
    return 1 / (1 + m.exp(-x))


def logistic_again(m: Any, x: Number) -> Number:
    """e^x / (1 + e^x)."""
    return m.exp(x) / (1 + m.exp(x))


def logistic_slope(m: Any, x: Number) -> Number:
    """1 / (4 cosh²(x/2))."""
    return 1 / (2 * m.cosh(x / 2)) ** 2


def softplus(m: Any, x: Number) -> Number:
    """ln(1 + e^x)."""
    return m.log1p(m.exp(x))


def softplus_again(m: Any, x: Number) -> Number:
    """max(x, 0) + ln(1 + e), e = e^-|x|, with ln(1 + e) = 2 artanh(e / (2 + e))."""
    e = m.exp(-abs(x))
    return max(x, m.zero) + 2 * m.atanh(e / (2 + e))


def tanh_again(m: Any, x: Number) -> Number:
    """±(1 - e) / (1 + e), e = e^-2|x|."""
    size = -m.expm1(-2 * abs(x)) / (1 + m.exp(-2 * abs(x)))
    return -size if x < 0 else size


def _tanh_shrink(m: Any, x: Number) -> Number:
    """(x cosh x - sinh x) / cosh x, near 0 with the numerator as the series of 2k x^(2k+1) / (2k+1)!."""
    if abs(x) > 1:
        return x - m.tanh(x)
    total = term = x**3 / 3
    k = 1
    while abs(term) > abs(total) * m.eps:
        k += 1
        term *= x * x * k / ((k - 1) * 2 * k * (2 * k + 1))
        total += term
    return total / m.cosh(x)


def _tanh_shrink_again(m: Any, x: Number) -> Number:
    """Near 0, x c / (1 + c) with c = x² / (3 + x² / (5 + ...)), from as far as its precision needs."""
    if abs(x) > 1:
        return (x * m.cosh(x) - m.sinh(x)) / m.cosh(x)
    c = m.zero
    for odd in range(2 * m.dps + 1, 1, -2):
        c = x * x / (odd + c)
    return x * c / (1 + c)


def _softsign(m: Any, x: Number) -> Number:
    return x / (m.one + abs(x))


def _softsign_again(m: Any, x: Number) -> Number:
    """±e^(ln|x| - ln(1 + |x|))."""
    return m.sign(x) * m.exp(m.log(abs(x)) - m.log1p(abs(x))) if x else m.zero


def expm1_again(m: Any, x: Number) -> Number:
    """2 sinh(x/2) e^(x/2)."""
    return 2 * m.sinh(x / 2) * m.exp(x / 2)


FAR = 2**20  # beyond it, the tail of the normal distribution is below 10^-(10^11), and no dtype tells it from 0


def normal(m: Any, x: Number) -> Number:
    """erfc(-x / sqrt(2)) / 2, which keeps its digits in the left tail."""
    if abs(x) > FAR:
        return m.one if x > 0 else m.zero
    return m.erfc(-x / m.sqrt(2)) / 2


def normal_again(m: Any, x: Number) -> Number:
    """Q(1/2, x²/2) / 2 below zero, Q the upper incomplete gamma function; 1 minus that above."""
    if abs(x) > FAR:
        return m.one if x > 0 else m.zero
    tail = m.gammainc(m.mpf(1) / 2, x * x / 2, regularized=True) / 2
    return tail if x <= 0 else 1 - tail


def density(m: Any, x: Number) -> Number:
    """Return the density of the normal distribution."""
    if abs(x) > FAR:
        return m.zero
    return m.exp(-x * x / 2) / m.sqrt(2 * m.pi)


def _cubic(m: Any, x: Number) -> Number:
    return 2 * m.sqrt(2 / m.pi) * (x + m.mpf(CUBIC) * x**3)


def _cubic_slope(m: Any, x: Number) -> Number:
    return 2 * m.sqrt(2 / m.pi) * (1 + 3 * m.mpf(CUBIC) * x**2)


def _gelu(m: Any, x: Number, approximate: str) -> Number:
    return x * (normal(m, x) if approximate == "none" else logistic(m, _cubic(m, x)))


def _gelu_again(m: Any, x: Number, approximate: str) -> Number:
    return x * (normal_again(m, x) if approximate == "none" else logistic_again(m, _cubic(m, x)))


def _gelu_slope(m: Any, x: Number, approximate: str) -> Number:
    if approximate == "none":
        return normal(m, x) + x * density(m, x)
    v = _cubic(m, x)
    return logistic(m, v) * (1 + x * logistic(m, -v) * _cubic_slope(m, x))


def _gelu_slope_again(m: Any, x: Number, approximate: str) -> Number:
    if approximate == "none":
        return normal_again(m, x) + x * density(m, x)
    v = _cubic(m, x)
    return logistic_again(m, v) + x * logistic_slope(m, v) * _cubic_slope(m, x)


def _mish_slope(m: Any, x: Number) -> Number:
    w = m.exp(x)
    return w * (4 * (x + 1) + 4 * w**2 + w**3 + w * (4 * x + 6)) / (w**2 + 2 * w + 2) ** 2


def _mish_slope_again(m: Any, x: Number) -> Number:
    s = softplus(m, x)
    return m.tanh(s) + x * logistic(m, x) / m.cosh(s) ** 2


def _mish(m: Any, x: Number) -> Number:
    w = m.exp(x)
    return x * w * (w + 2) / (w * (w + 2) + 2)


def _silu_slope_again(m: Any, x: Number) -> Number:
    e = m.exp(-x)
    return (1 + e + x * e) / (1 + e) ** 2


def _scaled_softplus(curve: Curve) -> Curve:
    def value(m: Any, x: Number, beta: float, threshold: float | None) -> Number:
        return x if threshold is not None and beta * x > threshold else curve(m, beta * x) / beta

    return value


def _scaled_logistic(curve: Curve) -> Curve:
    def slope(m: Any, x: Number, beta: float, threshold: float | None) -> Number:
        return m.one if threshold is not None and beta * x > threshold else curve(m, beta * x)

    return slope


def _selu(m: Any, x: Number, expm1: Curve) -> Number:
    scale = m.mpf(SELU_SCALE)
    return scale * x if x > 0 else scale * m.mpf(SELU_ALPHA) * expm1(m, x)


def _expm1(m: Any, x: Number) -> Number:
    return m.expm1(x)


def _selu_slope(m: Any, x: Number, exponential: Curve) -> Number:
    scale = m.mpf(SELU_SCALE)
    return scale if x > 0 else scale * m.mpf(SELU_ALPHA) * exponential(m, x)


def _exp(m: Any, x: Number) -> Number:
    return m.exp(x)


def _exp_again(m: Any, x: Number) -> Number:
    return 1 / m.exp(-x / 2) ** 2


def _hard_sigmoid(m: Any, x: Number) -> Number:
    return min(max(x + 3, m.zero), 6 * m.one) / 6


def _hard_sigmoid_again(m: Any, x: Number) -> Number:
    return sorted([m.zero, (x + 3) / 6, m.one])[1]


def _hard_sigmoid_slope(m: Any, x: Number) -> Number:
    return m.one / 6 if abs(x) < 3 else m.zero


def _hard_swish_slope(m: Any, x: Number) -> Number:
    return (2 * x + 3) / 6 if abs(x) < 3 else (m.one if x > 0 else m.zero)


FORMULAS: dict[str, Formulas] = {
    "sigmoid": Formulas(
        (logistic, logistic_again),
        (logistic_slope, lambda m, x: logistic(m, x) * logistic_again(m, -x)),
    ),
    "log_sigmoid": Formulas(
        (lambda m, x: -softplus(m, -x), lambda m, x: -softplus_again(m, -x)),
        (lambda m, x: logistic(m, -x), lambda m, x: logistic_again(m, -x)),
    ),
    "tanh": Formulas(
        (lambda m, x: m.tanh(x), tanh_again),
        (lambda m, x: 1 / m.cosh(x) ** 2, lambda m, x: 4 * logistic(m, 2 * x) * logistic_again(m, -2 * x)),
    ),
    "tanh_shrink": Formulas(
        (_tanh_shrink, _tanh_shrink_again),
        (lambda m, x: m.tanh(x) ** 2, lambda m, x: tanh_again(m, x) ** 2),
    ),
    "softplus": Formulas(
        (_scaled_softplus(softplus), _scaled_softplus(softplus_again)),
        (_scaled_logistic(logistic), _scaled_logistic(logistic_again)),
    ),
    "softsign": Formulas(
        (_softsign, _softsign_again),
        (lambda m, x: m.one / (1 + abs(x)) ** 2, lambda m, x: m.exp(-2 * m.log1p(abs(x)))),
    ),
    "elu": Formulas(
        (
            lambda m, x, alpha: x if x > 0 else alpha * m.expm1(x),
            lambda m, x, alpha: x if x > 0 else alpha * expm1_again(m, x),
        ),
        (
            lambda m, x, alpha: m.one if x > 0 else alpha * m.exp(x),
            lambda m, x, alpha: m.one if x > 0 else alpha * _exp_again(m, x),
        ),
    ),
    "celu": Formulas(
        (
            lambda m, x, alpha: x if x > 0 else alpha * m.expm1(x / alpha),
            lambda m, x, alpha: x if x > 0 else alpha * expm1_again(m, x / alpha),
        ),
        (
            lambda m, x, alpha: m.one if x > 0 else m.exp(x / alpha),
            lambda m, x, alpha: m.one if x > 0 else _exp_again(m, x / alpha),
        ),
    ),
    "selu": Formulas(
        (lambda m, x: _selu(m, x, _expm1), lambda m, x: _selu(m, x, expm1_again)),
        (lambda m, x: _selu_slope(m, x, _exp), lambda m, x: _selu_slope(m, x, _exp_again)),
    ),
    "gelu": Formulas((_gelu, _gelu_again), (_gelu_slope, _gelu_slope_again)),
    "silu": Formulas(
        (lambda m, x: x * logistic(m, x), lambda m, x: x * logistic_again(m, x)),
        (lambda m, x: logistic(m, x) * (1 + x * logistic(m, -x)), _silu_slope_again),
    ),
    "mish": Formulas((_mish, lambda m, x: x * m.tanh(softplus(m, x))), (_mish_slope, _mish_slope_again)),
    "hard_sigmoid": Formulas(
        (_hard_sigmoid, _hard_sigmoid_again),
        (_hard_sigmoid_slope, lambda m, x: (m.sign(x + 3) - m.sign(x - 3)) / 12),
    ),
    "hard_swish": Formulas(
        (lambda m, x: x * _hard_sigmoid(m, x), lambda m, x: x * _hard_sigmoid_again(m, x)),
        (
            _hard_swish_slope,
            lambda m, x: _hard_sigmoid_again(m, x) + x * (m.sign(x + 3) - m.sign(x - 3)) / 12,
        ),
    ),
}
