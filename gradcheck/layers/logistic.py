"""The logistic function s(x) = 1 / (1 + exp(-x)), and the two activations that gate their input by it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gradcheck.layers.elementwise import Elementwise, clip, magnitude
from gradcheck.layers.operands import Array

FAR = 12000.0  # exp(-FAR) is 0 in every floating dtype of NumPy, longdouble included


def logistic(x: Array) -> Array:
    """Return s(x), to a few ulps in both tails."""
    s = 1 / (1 + np.exp(-_within_reach(x)))
    return _with_left_tail(s, x, np.exp)


def logistic_slope(x: Array) -> Array:
    """Return s(x) s(-x) = e / (1 + e)^2, e = exp(-|x|), to a few ulps in both tails."""
    e = np.exp(-magnitude(x))
    square = 1 + e
    square *= square
    e /= square
    return e


@dataclass(frozen=True)
class SiLU(Elementwise):
    """Sigmoid linear unit, or swish.

    o_i = x_i s(x_i); f'(x_i) = s(x_i) (1 + x_i s(-x_i)), s(-x) = exp(-x) s(x). f' is 0 at x_i = -1.278 and has an
    absolute error of an ulp around it, a few ulps elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> SiLU().forward(np.array([-1e300, 0.0, 1e300])).tolist()
    [-0.0, 0.0, 1e+300]
    >>> SiLU().backward(np.array([8.0, 8.0, 8.0]), np.array([-1e300, 0.0, 1e300])).tolist()
    [-0.0, 4.0, 8.0]
    """

    def _curve(self, x: Array) -> Array:
        near = clip(x, -FAR, np.inf)
        gated = near / (1 + np.exp(-_within_reach(near)))
        return _with_left_tail(gated, x, lambda far: far * np.exp(far))

    def _slope(self, x: Array) -> Array:
        near = clip(x, -_reach(x.real.dtype), FAR)
        e = np.exp(-near)
        s = 1 / (1 + e)
        e *= s
        e *= near
        e += 1
        e *= s
        return _with_left_tail(e, x, lambda far: (1 + far) * np.exp(far))


@dataclass(frozen=True)
class Mish(Elementwise):
    """Self-regularised gate (Misra 2019).

    o_i = x_i g(x_i), g(x) = tanh(log(1 + exp(x))) = n / (n + 2) with w = exp(x), n = w (w + 2); f'(x_i) = g(x_i) +
    x_i g'(x_i), g'(x) = 4 w (w + 1) / (n + 2)^2. Beyond x = 40, where 1 - g < 1e-34, x in w is taken as 40. f' is 0
    at x_i = -1.192 and has an absolute error of an ulp around it, a few ulps elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> Mish().forward(np.array([-1e300, 0.0, 1e300])).tolist()
    [-0.0, 0.0, 1e+300]
    >>> Mish().backward(np.array([5.0, 5.0, 5.0]), np.array([-1e300, 0.0, 1e300])).tolist()
    [0.0, 3.0, 5.0]
    """

    def _curve(self, x: Array) -> Array:
        w = np.exp(clip(x, -FAR, 40.0))
        n = w * (w + 2)
        curve: Array = np.maximum(x, -FAR) * (n / (n + 2))
        return curve

    def _slope(self, x: Array) -> Array:
        near = clip(x, -FAR, 40.0)
        w = np.exp(near)
        n = w * (w + 2)
        half = 2 / (n + 2)
        slope: Array = n / (n + 2) + near * (half * (half * (w * (w + 1))))
        return slope


@lru_cache(maxsize=8)
def _reach(dtype: np.dtype[Any]) -> float:
    """Return how far exp(x) stays finite in `dtype`, less one: 87.7 in float32, 708.8 in float64."""
    return float(np.log(np.finfo(dtype).max)) - 1


def _within_reach(x: Array) -> Array:
    """Return complex entries no further left than exp(-x) is finite; a real exp may overflow, 1 / inf being 0."""
    return np.maximum(x, -_reach(x.real.dtype)) if x.dtype.kind == "c" else x


def _with_left_tail(y: Array, x: Array, tail: Callable[[Array], Array]) -> Array:
    """Return y with tail(x) wherever x lies so far left that exp(-x) is not finite; x is cut where exp(x) is 0."""
    far = x.real < -_reach(x.real.dtype)
    if far.any():
        y[far] = tail(np.maximum(x[far], -FAR))
    return y
