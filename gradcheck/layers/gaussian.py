"""GELU, exact and in its tanh approximation."""

from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import Elementwise, clip, magnitude, step
from gradcheck.layers.gaussian_tail import bell, scaled_tail
from gradcheck.layers.logistic import logistic, logistic_slope
from gradcheck.layers.operands import Array

FAR = 100.0  # in every dtype of NumPy, exp(-FAR^2 / 2) and exp(-2 * 0.0356 * FAR^3) are 0
LINEAR = 2 * sqrt(2 / pi)
CUBIC = LINEAR * 0.044715  # Hendrycks and Gimpel 2016


@dataclass(frozen=True)
class GELU(Elementwise):
    """Gaussian error linear unit (Hendrycks and Gimpel 2016).

    o_i = x_i F(x_i), F the distribution function of the standard normal, p its density; f'(x_i) = F(x_i) + x_i p(x_i).
    With approximate="tanh": o_i = x_i s(v_i), v_i = 2 sqrt(2/pi) (x_i + 0.044715 x_i^3), s the logistic function
    (0.5 (1 + tanh(v/2)) = s(v)); f'(x_i) = s(v_i) + x_i s(v_i) s(-v_i) dv_i/dx_i.

    The exact form keeps a few ulps in both tails: F(x) below 0 comes from the scaled complement of erf, not as 1 + erf.
    In the tanh form the rounding of v costs |v| ulps in the left tail, where |f| is below 1e-3. Where f' passes through
    0, near x = -0.752, its error is an absolute one of an ulp.

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
        gate = _distribution(x, bell(x)) if self.approximate == "none" else logistic(_cubic(x))
        gate *= clip(x, -FAR, np.inf)
        return gate

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
        return logistic(v) + logistic_slope(v) * bend


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
