"""Activations as the textbook writes them, one number at a time, in decimal arithmetic of 400 digits.

That many digits make every cancellation and every overflow of a naive formula harmless over the whole range of a
double (exp(-745) has 324 zeros), so nothing here is rearranged for stability. Each entry of `ACTIVATIONS` is a pair
(value, slope) of functions of x; at a kink the slope of the left side is given.
"""

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, InvalidOperation, localcontext
from functools import cache, lru_cache

import numpy as np

from reference.geometry import Array, Floats

Function = Callable[..., Decimal]

# An exponential beyond 10^(10^18) becomes infinity, whose reciprocal is the limit that is meant.
WIDE = Context(prec=400, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[InvalidOperation, DivisionByZero])
ONE, TWO = Decimal(1), Decimal(2)
# Klambauer et al. 2017, the fixed point (0, 1) of mean and variance.
SELU_ALPHA = Decimal("1.6732632423543772848170429916717")
SELU_SCALE = Decimal("1.0507009873554804934193349852946")


def at_each(function: Function, *arrays: Array, **parameters: float) -> Floats:
    """Apply a function of numbers to the entries of equally shaped arrays, and round each result to a double once."""
    with localcontext(WIDE):
        exact = {name: Decimal(float(value)) for name, value in parameters.items()}
        entries = zip(*(np.ravel(array) for array in arrays), strict=True)
        values = [float(function(*(Decimal(float(v)) for v in entry), **exact)) for entry in entries]
    return np.array(values, float).reshape(np.shape(arrays[0]))


@lru_cache(maxsize=4096)
def exp(x: Decimal) -> Decimal:
    """e^x, remembered, since value and slope ask for the same ones."""
    return x.exp()


@lru_cache(maxsize=4096)
def ln(x: Decimal) -> Decimal:
    """Return the natural logarithm, remembered."""
    return x.ln()


def arctan_of_reciprocal(n: int) -> Decimal:
    """1/n - 1/(3·n³) + 1/(5·n⁵) - ..."""
    total, term, odd = 0 * ONE, ONE / n, 1
    while total + term / odd != total:
        total += term / odd
        term, odd = -term / (n * n), odd + 2
    return total


@cache
def pi() -> Decimal:
    """16·arctan(1/5) - 4·arctan(1/239), by Machin."""
    return 16 * arctan_of_reciprocal(5) - 4 * arctan_of_reciprocal(239)


def tanh(x: Decimal) -> Decimal:
    """1 - 2 / (e^2x + 1), which has its limits where e^2x is beyond all numbers."""
    return ONE - TWO / (exp(2 * x) + ONE)


def tanh_slope(x: Decimal) -> Decimal:
    """1 / cosh²(x)."""
    return (TWO / (exp(x) + exp(-x))) ** 2


def sigmoid(x: Decimal) -> Decimal:
    """1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


def sigmoid_slope(x: Decimal) -> Decimal:
    """σ(x)·σ(-x), since 1 - σ(x) = σ(-x)."""
    return sigmoid(x) * sigmoid(-x)


def softplus(x: Decimal, beta: Decimal = ONE, threshold: Decimal = Decimal(20)) -> Decimal:
    """ln(1 + e^(βx)) / β, and x itself where βx > threshold."""
    return x if beta * x > threshold else ln(ONE + exp(beta * x)) / beta


def softplus_slope(x: Decimal, beta: Decimal = ONE, threshold: Decimal = Decimal(20)) -> Decimal:
    """σ(βx), and 1 where βx > threshold."""
    return ONE if beta * x > threshold else sigmoid(beta * x)


def plain_softplus(x: Decimal) -> Decimal:
    """ln(1 + e^x); x itself where e^-x is below the last of the 400 digits."""
    return x if x > 1000 else ln(ONE + exp(x))


def elu(x: Decimal, alpha: Decimal = ONE) -> Decimal:
    """Return x where x > 0, else α(e^x - 1)."""
    return x if x > 0 else alpha * (exp(x) - 1)


def elu_slope(x: Decimal, alpha: Decimal = ONE) -> Decimal:
    """1 where x > 0, else α·e^x."""
    return ONE if x > 0 else alpha * exp(x)


def celu(x: Decimal, alpha: Decimal = ONE) -> Decimal:
    """Return x where x > 0, else α(e^(x/α) - 1)."""
    return x if x > 0 else alpha * (exp(x / alpha) - 1)


def celu_slope(x: Decimal, alpha: Decimal = ONE) -> Decimal:
    """1 where x > 0, else e^(x/α)."""
    return ONE if x > 0 else exp(x / alpha)


def normal_density(x: Decimal) -> Decimal:
    """φ(x) = e^(-x²/2) / sqrt(2π)."""
    return exp(-x * x / 2) / (2 * pi()).sqrt()


def normal_below(x: Decimal) -> Decimal:
    """Φ(x) = 1/2 + φ(x)·(x + x³/3 + x⁵/(3·5) + x⁷/(3·5·7) + ...), which is 0 or 1 to 320 digits beyond 40."""
    if abs(x) > 40:
        return ONE if x > 0 else 0 * ONE
    total = term = x
    odd = 1
    while total + term != total:
        odd += 2
        term = term * x * x / odd
        total += term
    return ONE / 2 + normal_density(x) * total


def gelu(x: Decimal) -> Decimal:
    """x·Φ(x)."""
    return x * normal_below(x)


def gelu_slope(x: Decimal) -> Decimal:
    """Φ(x) + x·φ(x)."""
    return normal_below(x) + x * normal_density(x)


def gelu_tanh(x: Decimal) -> Decimal:
    """x/2·(1 + tanh u), u = sqrt(2/π)·(x + 0.044715·x³)."""
    return x * sigmoid(2 * (2 / pi()).sqrt() * (x + Decimal("0.044715") * x**3))


def gelu_tanh_slope(x: Decimal) -> Decimal:
    """By the product rule, with (1 + tanh u)/2 = σ(2u) and u' = sqrt(2/π)·(1 + 0.134145·x²)."""
    inner = 2 * (2 / pi()).sqrt() * (x + Decimal("0.044715") * x**3)
    inner_slope = 2 * (2 / pi()).sqrt() * (1 + 3 * Decimal("0.044715") * x**2)
    return sigmoid(inner) + x * sigmoid_slope(inner) * inner_slope


def mish(x: Decimal) -> Decimal:
    """x·tanh(ln(1 + e^x))."""
    return x * tanh(plain_softplus(x))


def mish_slope(x: Decimal) -> Decimal:
    """By the product rule, tanh(s) + x·tanh'(s)·σ(x) with s = ln(1 + e^x)."""
    return tanh(plain_softplus(x)) + x * tanh_slope(plain_softplus(x)) * sigmoid(x)


def between(x: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """Return x held between low and high."""
    return min(max(x, low), high)


def between_slope(x: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """1 between low and high, 0 outside; at each end the slope of its left side."""
    return ONE if low < x <= high else 0 * ONE


def hard_swish_slope(x: Decimal) -> Decimal:
    """By the product rule, h(x) + x·h'(x) with h(x) = min(max(x + 3, 0), 6) / 6."""
    return between(x + 3, 0 * ONE, 6 * ONE) / 6 + x * between_slope(x + 3, 0 * ONE, 6 * ONE) / 6


ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "relu": (lambda x: max(x, 0 * ONE), lambda x: ONE if x > 0 else 0 * ONE),
    "leaky_relu": (
        lambda x, negative_slope: x if x > 0 else negative_slope * x,
        lambda x, negative_slope: ONE if x > 0 else negative_slope,
    ),
    "relu6": (lambda x: between(x, 0 * ONE, 6 * ONE), lambda x: between_slope(x, 0 * ONE, 6 * ONE)),
    "threshold": (
        lambda x, threshold, value: x if x > threshold else value,
        lambda x, threshold, value: ONE if x > threshold else 0 * value,
    ),
    "hard_tanh": (between, between_slope),
    "hard_sigmoid": (
        lambda x: between(x + 3, 0 * ONE, 6 * ONE) / 6,
        lambda x: between_slope(x + 3, 0 * ONE, 6 * ONE) / 6,
    ),
    "hard_swish": (lambda x: x * between(x + 3, 0 * ONE, 6 * ONE) / 6, hard_swish_slope),
    "elu": (elu, elu_slope),
    "celu": (celu, celu_slope),
    "selu": (lambda x: SELU_SCALE * elu(x, SELU_ALPHA), lambda x: SELU_SCALE * elu_slope(x, SELU_ALPHA)),
    "sigmoid": (sigmoid, sigmoid_slope),
    "log_sigmoid": (lambda x: -plain_softplus(-x), lambda x: sigmoid(-x)),
    "tanh": (tanh, tanh_slope),
    "softplus": (softplus, softplus_slope),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) + x * sigmoid_slope(x)),
    "mish": (mish, mish_slope),
    "gelu": (gelu, gelu_slope),
    "gelu_tanh": (gelu_tanh, gelu_tanh_slope),
    "hard_shrink": (
        lambda x, lambd: x if abs(x) > lambd else 0 * x,
        lambda x, lambd: ONE if abs(x) > lambd else 0 * x,
    ),
    "soft_shrink": (
        lambda x, lambd: x - between(x, -lambd, lambd),
        lambda x, lambd: 1 - between_slope(x, -lambd, lambd),
    ),
    "tanhshrink": (lambda x: x - tanh(x), lambda x: 1 - tanh_slope(x)),
}


def softmax(x: list[Decimal]) -> list[Decimal]:
    """e^x[i] / sum of e^x[j]."""
    exponentials = [exp(v) for v in x]
    return [e / sum(exponentials) for e in exponentials]


def softmax_grad(grad: list[Decimal], x: list[Decimal]) -> list[Decimal]:
    """Sum over i of δ[i]·∂y[i]/∂x[j], with ∂y[i]/∂x[j] = y[i]·([i = j] - y[j])."""
    y = softmax(x)
    size = range(len(x))
    return [sum((grad[i] * y[i] * ((i == j) - y[j]) for i in size), 0 * ONE) for j in size]


def log_softmax(x: list[Decimal]) -> list[Decimal]:
    """Return the logarithm of softmax as x[i] - ln(sum of e^x[j])."""
    total = ln(sum((exp(v) for v in x), 0 * ONE))
    return [v - total for v in x]


def log_softmax_grad(grad: list[Decimal], x: list[Decimal]) -> list[Decimal]:
    """Sum over i of δ[i]·∂y[i]/∂x[j], with ∂y[i]/∂x[j] = [i = j] - softmax(x)[j]."""
    y = softmax(x)
    size = range(len(x))
    return [sum((grad[i] * ((i == j) - y[j]) for i in size), 0 * ONE) for j in size]


def along(function: Callable[..., list[Decimal]], axis: int, *arrays: Array) -> Floats:
    """Apply a function of whole vectors to every line of the arrays along one axis."""
    moved = [np.moveaxis(array, axis, -1) for array in arrays]
    result = np.zeros(moved[0].shape)
    with localcontext(WIDE):
        for place in np.ndindex(result.shape[:-1]):
            lines = [[Decimal(float(v)) for v in array[place]] for array in moved]
            result[place] = [float(v) for v in function(*lines)]
    return np.moveaxis(result, -1, axis)
