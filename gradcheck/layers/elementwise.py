"""What every activation shares: f entry by entry, delta times f' on the way back (Eqs. 8 and 20)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.layers.operands import Array, cotangent, operand, rounded

BLOCK = 16384  # entries worked on at a time: a handful of temporaries of this size stay in a core's own cache


class Elementwise(ABC):
    """An activation: o_i = f(x_i) (Eq. 8), and backwards delta_i f'(x_i), the last factor of Eqs. 20 to 22.

    A layer states `_curve` (f) and `_slope` (f'). They are called with one-dimensional blocks of float32, float64,
    longdouble, or complex numbers; a complex entry takes the branch of its real part, so that the complex step
    measures the derivative of that branch. A result too large for its dtype becomes inf without a warning.
    """

    @abstractmethod
    def _curve(self, x: Array) -> Array:
        """Return f(x) for a block of entries."""

    @abstractmethod
    def _slope(self, x: Array) -> Array:
        """Return f'(x) for a block of entries; its values at kinks are stated by each layer."""

    def forward(self, input: Array) -> Array:
        """Return f(input), of the shape and dtype of `input`."""
        with np.errstate(over="ignore", under="ignore"):
            return rounded(_over_blocks(self._curve, operand("input", input)), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return grad_output * f'(input), of the shape and dtype of `input`."""
        x = operand("input", input)
        with np.errstate(over="ignore", under="ignore"):
            return rounded(_over_blocks(self._slope, x, cotangent(grad_output, x.shape)), input)


def _over_blocks(function: Callable[[Array], Array], x: Array, factor: Array | None = None) -> Array:
    """Return function(x), times `factor` where it is given, block by block, as a new array in C order."""
    result = np.empty(x.shape, x.dtype if factor is None or factor.dtype.kind == "f" else factor.dtype)
    flat_result, flat_x = result.reshape(-1), x.reshape(-1)
    flat_factor = None if factor is None else factor.reshape(-1)
    for start in range(0, result.size, BLOCK):
        block = slice(start, start + BLOCK)
        if flat_factor is None:
            flat_result[block] = function(flat_x[block])
        else:
            np.multiply(flat_factor[block], function(flat_x[block]), out=flat_result[block], casting="same_kind")
    return result


def check_number(name: str, value: Any, *, positive: bool = False) -> None:
    """Refuse a hyperparameter that is no finite number, or not above zero where it must be."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not isfinite(value) or (positive and value <= 0):
        kind = "a finite number above 0" if positive else "a finite number"
        raise InvalidInput(f"`{name}` must be {kind}; it is {value!r}. Pass e.g. {name}=1.0.")


def magnitude(x: Array) -> Array:
    """Return |x|; for complex entries x or -x, by the sign of the real part, which is analytic on either side of 0."""
    return np.where(x.real < 0, -x, x) if x.dtype.kind == "c" else np.abs(x)


def positive_part(x: Array) -> Array:
    """Return max(x, 0), by the real part of complex entries."""
    return x * (x.real > 0) if x.dtype.kind == "c" else np.maximum(x, 0)


def negative_part(x: Array) -> Array:
    """Return min(x, 0), by the real part of complex entries."""
    return x * (x.real <= 0) if x.dtype.kind == "c" else np.minimum(x, 0)


def clip(x: Array, low: float, high: float) -> Array:
    """Return x clipped by its real part; a clipped complex entry loses its imaginary part, as its derivative is 0."""
    if x.dtype.kind == "c":
        return np.where(x.real <= low, low, np.where(x.real >= high, high, x))
    return np.clip(x, low, high)


def step(x: Array, threshold: float = 0.0) -> Array:
    """Return 1 where x > threshold and 0 elsewhere as real numbers, with which products select faster than np.where."""
    return (x.real > threshold).astype(x.real.dtype)


def log1p(x: Array) -> Array:
    """Return log(1 + x) for real parts in [0, 1], to 2 ulps, tiny ones included, also for complex entries.

    With u = 1 + x rounded, log(1 + x) = log(u) + (x - (u - 1)) / u to first order, and the second order is below
    one ulp. It takes half the time of NumPy's log1p, whose complex form returns 0 for real parts below 1e-16.
    """
    u = 1 + x
    result: Array = np.log(u) + (x - (u - 1)) / u
    return result


def expm1(x: Array) -> Array:
    """Return exp(x) - 1 for real parts up to 0, through the half-angle form 2 t / (1 - t), t = tanh(x / 2).

    Nothing cancels, as t <= 0; NumPy has a vectorised float32 tanh, but no vectorised expm1.
    """
    if x.dtype == np.float32:
        t = np.tanh(x / 2)
        result: Array = 2 * t / (1 - t)
        return result
    return np.expm1(x)
