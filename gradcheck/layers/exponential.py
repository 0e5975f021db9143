"""Exponential linear units: a straight line above zero, an exponential that saturates below."""

from dataclasses import dataclass

import numpy as np

from gradcheck.layers.elementwise import Elementwise, check_number, expm1, negative_part, positive_part, step
from gradcheck.layers.operands import Array

SELU_ALPHA = 1.6732632423543772848170429916717  # Klambauer et al. 2017, the fixed point of mean 0 and variance 1
SELU_SCALE = 1.0507009873554804934193349852946


@dataclass(frozen=True)
class ELU(Elementwise):
    """Exponential linear unit (Clevert et al. 2015).

    o_i = x_i for x_i > 0, else a (exp(x_i) - 1), a = alpha; f'(x_i) = 1 or a exp(x_i). At x_i = 0, a kink unless
    a = 1, f'(0) = a, the slope from the left.

    Examples
    --------
    >>> import numpy as np
    >>> ELU(alpha=2.0).forward(np.array([-np.inf, 0.0, 3.0])).tolist()
    [-2.0, 0.0, 3.0]
    >>> ELU(alpha=2.0).backward(np.ones(3), np.array([-800.0, 0.0, 3.0])).tolist()
    [0.0, 2.0, 1.0]
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha)

    def _curve(self, x: Array) -> Array:
        return positive_part(x) + self.alpha * expm1(negative_part(x))

    def _slope(self, x: Array) -> Array:
        return _pieces(x, 1.0, self.alpha)


@dataclass(frozen=True)
class SELU(Elementwise):
    """Self-normalising exponential linear unit (Klambauer et al. 2017).

    o_i = s x_i for x_i > 0, else s a (exp(x_i) - 1), with a = 1.6733 and s = 1.0507; f'(x_i) = s or s a exp(x_i).
    At the kink f'(0) = s a, the slope from the left.

    Examples
    --------
    >>> import numpy as np
    >>> SELU().forward(np.array([-800.0, 0.0, 1.0])).round(4).tolist()
    [-1.7581, 0.0, 1.0507]
    >>> SELU().backward(np.ones(3), np.array([-800.0, 0.0, 1.0])).round(4).tolist()
    [0.0, 1.7581, 1.0507]
    """

    def _curve(self, x: Array) -> Array:
        return SELU_SCALE * positive_part(x) + SELU_SCALE * SELU_ALPHA * expm1(negative_part(x))

    def _slope(self, x: Array) -> Array:
        return _pieces(x, SELU_SCALE, SELU_SCALE * SELU_ALPHA)


@dataclass(frozen=True)
class CELU(Elementwise):
    """Exponential linear unit whose slope is continuous for every alpha (Barron 2017).

    o_i = x_i for x_i > 0, else a (exp(x_i / a) - 1), a = alpha > 0; f'(x_i) = 1 or exp(x_i / a), f'(0) = 1. Where
    a is no power of two, the rounding of x_i / a costs |x_i / a| / 2 ulps of f'.

    Examples
    --------
    >>> import numpy as np
    >>> CELU(alpha=2.0).forward(np.array([-2000.0, 0.0, 3.0])).tolist()
    [-2.0, 0.0, 3.0]
    >>> CELU(alpha=2.0).backward(np.ones(3), np.array([-2000.0, 0.0, 3.0])).tolist()
    [0.0, 1.0, 1.0]
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, positive=True)

    def _curve(self, x: Array) -> Array:
        return positive_part(x) + self.alpha * expm1(negative_part(x) / self.alpha)

    def _slope(self, x: Array) -> Array:
        return np.exp(negative_part(x) / self.alpha)


def _pieces(x: Array, above: float, below: float) -> Array:
    """Return `above` for x > 0, else below * exp(x)."""
    upper = step(x)
    slope = np.exp(negative_part(x))
    slope *= below
    slope *= 1 - upper
    upper *= above
    slope += upper
    return slope
