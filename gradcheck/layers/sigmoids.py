"""Smooth activations made of the logistic function s(x) = 1 / (1 + exp(-x)) and its relatives."""

from dataclasses import dataclass
from math import inf

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import (
    Elementwise,
    check_number,
    clip,
    log1p,
    magnitude,
    negative_part,
    positive_part,
)
from gradcheck.layers.logistic import logistic, logistic_slope
from gradcheck.layers.operands import Array


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """Logistic function.

    o_i = s(x_i) = 1 / (1 + exp(-x_i)); f'(x_i) = s(x_i) s(-x_i) = e / (1 + e)^2 with e = exp(-|x_i|). Unlike
    s (1 - s) this keeps its relative precision in both tails.

    Examples
    --------
    >>> import numpy as np
    >>> Sigmoid().forward(np.array([-1e300, 0.0, 1e300])).tolist()
    [0.0, 0.5, 1.0]
    >>> Sigmoid().backward(np.array([8.0, 8.0]), np.array([0.0, 1e300])).tolist()
    [2.0, 0.0]
    """

    def _curve(self, x: Array) -> Array:
        return logistic(x)

    def _slope(self, x: Array) -> Array:
        return logistic_slope(x)


@dataclass(frozen=True)
class LogSigmoid(Elementwise):
    """Logarithm of the logistic function.

    o_i = log s(x_i) = min(x_i, 0) - log(1 + exp(-|x_i|)); f'(x_i) = s(-x_i).

    Examples
    --------
    >>> import numpy as np
    >>> LogSigmoid().forward(np.array([-1e300, 0.0, 1e300])).round(4).tolist()
    [-1e+300, -0.6931, 0.0]
    >>> LogSigmoid().backward(np.array([8.0, 8.0]), np.array([-1e300, 0.0])).tolist()
    [8.0, 4.0]
    """

    def _curve(self, x: Array) -> Array:
        return negative_part(x) - log1p(np.exp(-magnitude(x)))

    def _slope(self, x: Array) -> Array:
        return logistic(-x)


@dataclass(frozen=True)
class Tanh(Elementwise):
    """Hyperbolic tangent.

    o_i = tanh(x_i); f'(x_i) = 1 / cosh(x_i)^2 = 4 e / (1 + e)^2 with e = exp(-2 |x_i|). Unlike 1 - tanh^2 this keeps
    its relative precision in both tails.

    Examples
    --------
    >>> import numpy as np
    >>> Tanh().forward(np.array([-1e300, 0.0, 1e300])).tolist()
    [-1.0, 0.0, 1.0]
    >>> Tanh().backward(np.array([5.0, 5.0]), np.array([0.0, 1e300])).tolist()
    [5.0, 0.0]
    """

    def _curve(self, x: Array) -> Array:
        return np.tanh(x)

    def _slope(self, x: Array) -> Array:
        return 4 * logistic_slope(2 * x)


@dataclass(frozen=True)
class Softplus(Elementwise):
    """Smooth rectifier.

    o_i = log(1 + exp(b x_i)) / b = max(x_i, 0) + log(1 + exp(-|b x_i|)) / b, b = beta > 0; f'(x_i) = s(b x_i). Where
    b x_i > threshold, o_i = x_i and f' = 1. This formula needs no threshold to be stable, so that none is the
    default; PyTorch's is 20, where f then jumps by 2e-9 / b. Where b is no power of two, the rounding of b x_i costs
    |b x_i| / 2 ulps in the left tail.

    Examples
    --------
    >>> import numpy as np
    >>> Softplus().forward(np.array([-1e300, 0.0, 1e300])).round(4).tolist()
    [0.0, 0.6931, 1e+300]
    >>> Softplus(beta=2.0).backward(np.array([8.0, 8.0]), np.array([0.0, 1e300])).tolist()
    [4.0, 8.0]
    """

    beta: float = 1.0
    threshold: float = inf

    def __post_init__(self) -> None:
        check_number("beta", self.beta, positive=True)
        if self.threshold != inf:
            check_number("threshold", self.threshold)
            if self.threshold < 0:
                raise InvalidInput(f"`threshold` must be 0 or above; it is {self.threshold!r}. Pass e.g. threshold=20.")

    def _curve(self, x: Array) -> Array:
        scaled = self.beta * x
        curve = positive_part(x) + log1p(np.exp(-magnitude(scaled))) / self.beta
        return curve if self.threshold == inf else np.where(scaled.real > self.threshold, x, curve)

    def _slope(self, x: Array) -> Array:
        scaled = self.beta * x
        slope = logistic(scaled)
        return slope if self.threshold == inf else np.where(scaled.real > self.threshold, 1, slope)


@dataclass(frozen=True)
class Softsign(Elementwise):
    """Rational sigmoid.

    o_i = x_i / (1 + |x_i|); f'(x_i) = 1 / (1 + |x_i|)^2, f'(0) = 1 from both sides.

    Examples
    --------
    >>> import numpy as np
    >>> Softsign().forward(np.array([-3.0, 0.0, 1e300])).tolist()
    [-0.75, 0.0, 1.0]
    >>> Softsign().backward(np.array([16.0, 16.0]), np.array([-3.0, 0.0])).tolist()
    [1.0, 16.0]
    """

    def _curve(self, x: Array) -> Array:
        largest = float(np.finfo(x.real.dtype).max)
        near = clip(x, -largest, largest)  # infinity over infinity would be no number
        curve: Array = near / (1 + magnitude(near))
        return curve

    def _slope(self, x: Array) -> Array:
        root = 1 / (1 + magnitude(x))
        return root * root


@dataclass(frozen=True)
class TanhShrink(Elementwise):
    """What tanh takes away.

    o_i = x_i - tanh(x_i); f'(x_i) = tanh(x_i)^2. Below 1, where the difference would cancel, o = x c / (1 + c) with
    the continued fraction c = x^2 / (3 + x^2 / (5 + x^2 / (7 + ...))), all of whose terms are positive.

    Examples
    --------
    >>> import numpy as np
    >>> TanhShrink().forward(np.array([-1e300, 0.0, 3e-5])).tolist()
    [-1e+300, 0.0, 8.99999999676e-15]
    >>> TanhShrink().backward(np.array([5.0, 5.0]), np.array([0.0, 1e300])).tolist()
    [0.0, 5.0]
    """

    def _curve(self, x: Array) -> Array:
        curve = x - np.tanh(x)
        small = np.abs(x.real) < 1
        if small.any():
            curve[small] = _small_shrink(x[small])
        return curve

    def _slope(self, x: Array) -> Array:
        return np.tanh(x) ** 2


# Odd numbers of the continued fraction of tanh, from the innermost: cut here, it errs by less than 1e-21 up to |x| = 1.
CONTINUED_FRACTION = (19, 17, 15, 13, 11, 9, 7, 5, 3)


def _small_shrink(x: Array) -> Array:
    """Return x - tanh(x) for |x| < 1."""
    square = x * x
    c = square / 21
    for odd in CONTINUED_FRACTION:
        c += odd
        np.divide(square, c, out=c)
    return x * (c / (1 + c))
