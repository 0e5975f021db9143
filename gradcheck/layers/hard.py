"""Piecewise straight stand-ins for smooth activations, and the two shrinkages."""

from dataclasses import dataclass

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import Elementwise, check_number, clip
from gradcheck.layers.operands import Array


@dataclass(frozen=True)
class HardTanh(Elementwise):
    """Clip to an interval.

    o_i = min(max(min_val, x_i), max_val); f'(x_i) = 1 strictly inside, else 0. At both kinks f' = 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-3.0, -1.0, 0.5, 1.0, 2.0])
    >>> HardTanh().forward(x).tolist()
    [-1.0, -1.0, 0.5, 1.0, 1.0]
    >>> HardTanh().backward(np.ones(5), x).tolist()
    [0.0, 0.0, 1.0, 0.0, 0.0]
    """

    min_val: float = -1.0
    max_val: float = 1.0

    def __post_init__(self) -> None:
        check_number("min_val", self.min_val)
        check_number("max_val", self.max_val)
        if self.min_val >= self.max_val:
            raise InvalidInput(
                f"`min_val` must be below `max_val`; they are {self.min_val!r} and {self.max_val!r}. Exchange them."
            )

    def _curve(self, x: Array) -> Array:
        return clip(x, self.min_val, self.max_val)

    def _slope(self, x: Array) -> Array:
        return (x.real > self.min_val) & (x.real < self.max_val)


@dataclass(frozen=True)
class HardSigmoid(Elementwise):
    """Sigmoid in three straight pieces.

    o_i = min(max(0, x_i + 3), 6) / 6; f'(x_i) = 1/6 for -3 < x_i < 3, else 0. At both kinks f' = 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-4.0, -3.0, 0.0, 3.0, 4.0])
    >>> HardSigmoid().forward(x).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    >>> HardSigmoid().backward(np.full(5, 12.0), x).tolist()
    [0.0, 0.0, 2.0, 0.0, 0.0]
    """

    def _curve(self, x: Array) -> Array:
        return clip(x + 3, 0.0, 6.0) / 6

    def _slope(self, x: Array) -> Array:
        slope: Array = ((x.real > -3) & (x.real < 3)) * x.real.dtype.type(1 / 6)
        return slope


@dataclass(frozen=True)
class HardSwish(Elementwise):
    """SiLU with the hard sigmoid in place of the sigmoid.

    o_i = x_i min(max(0, x_i + 3), 6) / 6; f'(x_i) = 0 for x_i <= -3, (2 x_i + 3) / 6 for -3 < x_i < 3, 1 for
    x_i >= 3. At the kinks f'(-3) = 0 and f'(3) = 1, the slopes from outside.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-4.0, -3.0, 0.0, 1.5, 3.0])
    >>> HardSwish().forward(x).tolist()
    [-0.0, -0.0, 0.0, 1.125, 3.0]
    >>> HardSwish().backward(np.ones(5), x).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """

    def _curve(self, x: Array) -> Array:
        near = clip(x, -3.0, np.inf)
        gate = clip(near + 3, 0.0, 6.0)
        gate /= 6
        gate *= near
        return gate

    def _slope(self, x: Array) -> Array:
        near = clip(x.real, -3.0, 3.0)
        slope = near + 1.5
        slope /= 3
        near /= 3
        np.trunc(near, out=near)  # -1, 0 or 1: below, inside or above; at its ends the line is off by half as much
        near *= 0.5
        slope -= near
        return slope


@dataclass(frozen=True)
class HardShrink(Elementwise):
    """Set what is small to zero.

    o_i = x_i for |x_i| > lambd, else 0; f'(x_i) = 1 or 0. At x_i = +-lambd, where f jumps, f' = 0.

    Examples
    --------
    >>> import numpy as np
    >>> HardShrink(lambd=1.0).forward(np.array([-2.0, 0.5, 1.0, 3.0])).tolist()
    [-2.0, 0.0, 0.0, 3.0]
    >>> HardShrink(lambd=1.0).backward(np.ones(4), np.array([-2.0, 0.5, 1.0, 3.0])).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """

    lambd: float = 0.5

    def __post_init__(self) -> None:
        _check_lambd(self.lambd)

    def _curve(self, x: Array) -> Array:
        curve: Array = x * (np.abs(x.real) > self.lambd)
        return curve

    def _slope(self, x: Array) -> Array:
        slope: Array = np.abs(x.real) > self.lambd
        return slope


@dataclass(frozen=True)
class SoftShrink(Elementwise):
    """Move every entry towards zero by a constant, and stop there.

    o_i = x_i - lambd for x_i > lambd, x_i + lambd for x_i < -lambd, else 0; f'(x_i) = 1, 1 or 0. At both kinks
    f' = 0.

    Examples
    --------
    >>> import numpy as np
    >>> SoftShrink(lambd=1.0).forward(np.array([-3.0, -1.0, 0.5, 3.0])).tolist()
    [-2.0, 0.0, 0.0, 2.0]
    >>> SoftShrink(lambd=1.0).backward(np.ones(4), np.array([-3.0, -1.0, 0.5, 3.0])).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """

    lambd: float = 0.5

    def __post_init__(self) -> None:
        _check_lambd(self.lambd)

    def _curve(self, x: Array) -> Array:
        return x - clip(x, -self.lambd, self.lambd)

    def _slope(self, x: Array) -> Array:
        slope: Array = np.abs(x.real) > self.lambd
        return slope


def _check_lambd(lambd: float) -> None:
    check_number("lambd", lambd)
    if lambd < 0:
        raise InvalidInput(f"`lambd` must be 0 or above; it is {lambd!r}. Pass e.g. lambd=0.5.")
