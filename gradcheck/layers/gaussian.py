"""GELU, exact and in its tanh approximation."""

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, Literal

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import Elementwise, clip, magnitude, step
from gradcheck.layers.gaussian_tail import bell, scaled_tail
from gradcheck.layers.logistic import logistic, logistic_slope
from gradcheck.layers.operands import Array

FAR = 100.0  # in every dtype of NumPy, exp(-FAR^2 / 2) and exp(-2 * 0.0356 * FAR^3) are 0
LEFT = -2.0  # below it the rounding of v, which costs |v| ulps of s(v), is made up for
# 2 sqrt(2 / pi) and 0.044715 times it (Hendrycks and Gimpel 2016), each with what its rounding to double left out
LINEAR, LINEAR_REST = 1.5957691216057308, -9.96930880911092e-17
CUBIC, CUBIC_REST = 0.07135481627260025, -6.175149918155315e-19


@dataclass(frozen=True)
class GELU(Elementwise):
    """Gaussian error linear unit (Hendrycks and Gimpel 2016).

    o_i = x_i F(x_i), F the distribution function of the standard normal, p its density; f'(x_i) = F(x_i) + x_i p(x_i).
    With approximate="tanh": o_i = x_i s(v_i), v_i = 2 sqrt(2/pi) (x_i + 0.044715 x_i^3), s the logistic function
    (0.5 (1 + tanh(v/2)) = s(v)); f'(x_i) = s(v_i) + x_i s(v_i) s(-v_i) dv_i/dx_i.

    Both forms keep a few ulps in both tails: F(x) below 0 comes from the scaled complement of erf, not as 1 + erf, and
    the rounding of v is made up for. Where f' passes through 0, near x = -0.752, its error is an absolute one.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-1e300, -10.0, 0.0, 1.0, 1e300])
    >>> [f"{value:.4g}" for value in GELU().forward(x)]
    ['-0', '-7.62e-23', '0', '0.8413', '1e+300']
    >>> [f"{value:.4g}" for value in GELU(approximate="tanh").backward(np.ones(5), x)]
    ['0', '-2.758e-36', '0.5', '1.083', '1']
    """

    approximate: Literal["none", "tanh"] = "none"

    def __post_init__(self) -> None:
        if self.approximate not in ("none", "tanh"):
            raise InvalidInput(
                f"`approximate` must be 'none' or 'tanh'; it is {self.approximate!r}. Pass 'none' for the exact form."
            )

    def _curve(self, x: Array) -> Array:
        near = clip(x, -FAR, np.inf)
        if self.approximate == "none":
            return near * _distribution(near, bell(near))
        v = _cubic(x)
        return _less_rounding(near * logistic(v), near, v)

    def _slope(self, x: Array) -> Array:
        near = clip(x, -FAR, FAR)
        if self.approximate == "none":
            density = bell(near)
            slope = _distribution(near, density)
            density *= near
            density *= 1 / sqrt(2 * pi)
            slope += density
            return slope
        v = _cubic(near)
        bend = near * (LINEAR + 3 * CUBIC * (near * near))
        return _less_rounding(logistic(v) + logistic_slope(v) * bend, near, v)


def _distribution(x: Array, density: Array) -> Array:
    """Return F(x): T(|x|) below zero and 1 - T(|x|) above, T(u) = exp(-u^2 / 2) erfcx(u / sqrt(2)) / 2 the tail."""
    distribution = scaled_tail(magnitude(x))
    distribution *= density
    above = step(x)
    distribution *= 1 - 2 * above
    distribution += above
    return distribution


def _cubic(x: Array) -> Array:
    """Return v = 2 sqrt(2/pi) (x + 0.044715 x^3)."""
    near = clip(x, -FAR, FAR)
    return near * (LINEAR + CUBIC * (near * near))


def _less_rounding(y: Array, x: Array, v: Array) -> Array:
    """Return y, proportional to exp(v) in the left tail, times exp(exact v - v) = 1 + exact v - v there."""
    left = x.real < LEFT
    if left.any():
        y[left] *= 1 + _rest_of_cubic(x.real[left], v.real[left])
    return y


def _rest_of_cubic(x: Array, v: Array) -> Array:
    """Return x (LINEAR + CUBIC x^2) - v in twice the precision: each operation with the exact error of its rounding."""
    dtype, x = x.dtype, x.astype(np.float64)
    square = x * x
    cubic = CUBIC * square
    cubic_rest = _product_error(CUBIC, square, cubic) + CUBIC * _product_error(x, x, square) + CUBIC_REST * square
    total = cubic + LINEAR
    total_rest = (cubic - (total - LINEAR)) + (LINEAR - (total - (total - LINEAR))) + LINEAR_REST + cubic_rest
    product = x * total
    rest = (product - v) + (_product_error(x, total, product) + x * total_rest)
    return rest.astype(dtype)


def _product_error(a: Array | float, b: Array, product: Array) -> Array:
    """Return a b - product exactly, product = a b rounded to double (Dekker 1971)."""
    a_high, b_high = _high_half(a), _high_half(b)
    a_low, b_low = a - a_high, b - b_high
    error: Array = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return error


def _high_half(a: Any) -> Any:
    """Return a double rounded to 26 bits, whose products with another such are exact (Veltkamp 1968)."""
    shifted = a * (2.0**27 + 1)
    return shifted - (shifted - a)
