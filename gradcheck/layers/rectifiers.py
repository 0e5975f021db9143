"""Rectifiers: ReLU and its kin, straight lines that meet at a kink."""

from dataclasses import dataclass

import numpy as np

from gradcheck.layers.elementwise import Elementwise, check_number, clip, positive_part, step
from gradcheck.layers.operands import Array


@dataclass(frozen=True)
class ReLU(Elementwise):
    """Rectified linear unit, the article's non-saturating activation.

    o_i = max(0, x_i) (Eq. 8); f'(x_i) = 1 for x_i > 0, else 0, as it enters Eqs. 20 to 22. At the kink f'(0) = 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-2.0, 0.0, 3.0])
    >>> ReLU().forward(x).tolist()
    [0.0, 0.0, 3.0]
    >>> ReLU().backward(np.array([5.0, 5.0, 5.0]), x).tolist()
    [0.0, 0.0, 5.0]
    """

    def _curve(self, x: Array) -> Array:
        return positive_part(x)

    def _slope(self, x: Array) -> Array:
        return x.real > 0


@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """Rectifier with a small slope below zero.

    o_i = x_i for x_i > 0, else a x_i (a = negative_slope, any finite number); f'(x_i) = 1 or a. At the kink
    f'(0) = a, the slope from the left.

    Examples
    --------
    >>> import numpy as np
    >>> layer = LeakyReLU(negative_slope=0.5)
    >>> layer.forward(np.array([-2.0, 3.0])).tolist()
    [-1.0, 3.0]
    >>> layer.backward(np.array([4.0, 4.0, 4.0]), np.array([-2.0, 0.0, 3.0])).tolist()
    [2.0, 2.0, 4.0]
    """

    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        check_number("negative_slope", self.negative_slope)

    def _curve(self, x: Array) -> Array:
        return x * self._slope(x)

    def _slope(self, x: Array) -> Array:
        above = step(x)
        return above + self.negative_slope * (1 - above)


@dataclass(frozen=True)
class ReLU6(Elementwise):
    """Rectifier that saturates at 6.

    o_i = min(max(0, x_i), 6); f'(x_i) = 1 for 0 < x_i < 6, else 0. At the kinks f'(0) = f'(6) = 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-1.0, 0.0, 5.0, 6.0, 7.0])
    >>> ReLU6().forward(x).tolist()
    [0.0, 0.0, 5.0, 6.0, 6.0]
    >>> ReLU6().backward(np.ones(5), x).tolist()
    [0.0, 0.0, 1.0, 0.0, 0.0]
    """

    def _curve(self, x: Array) -> Array:
        return clip(x, 0.0, 6.0)

    def _slope(self, x: Array) -> Array:
        return (x.real > 0) & (x.real < 6)


@dataclass(frozen=True)
class Threshold(Elementwise):
    """Pass what is above a threshold, and put a constant in place of the rest.

    o_i = x_i for x_i > threshold, else value; f'(x_i) = 1 or 0. At the threshold, where f jumps unless both
    parameters are equal, f' = 0.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Threshold(threshold=1.0, value=20.0)
    >>> layer.forward(np.array([0.0, 1.0, 2.0])).tolist()
    [20.0, 20.0, 2.0]
    >>> layer.backward(np.array([3.0, 3.0, 3.0]), np.array([0.0, 1.0, 2.0])).tolist()
    [0.0, 0.0, 3.0]
    """

    threshold: float = 0.0
    value: float = 0.0

    def __post_init__(self) -> None:
        check_number("threshold", self.threshold)
        check_number("value", self.value)

    def _curve(self, x: Array) -> Array:
        curve = clip(x, self.threshold, np.inf)
        above = step(x, self.threshold)
        curve *= above
        curve += self.value * (1 - above)
        return curve

    def _slope(self, x: Array) -> Array:
        return x.real > self.threshold
