"""One formula, two arithmetics: NumPy's floats, which are put to the test, and 100 decimal digits, which are the truth.

A function under test is written once, as `formula(m, x)`, with `m` one of the two and integers for constants, so that
both compute the same function of the same numbers. Roundings that only the float side does (`to_float32`, `rounded`)
are the identity on the decimal side: they are noise, and not part of the function.
"""

from collections.abc import Callable
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np

DIGITS = 100
SMALL_STEP = Decimal(10) ** -33  # its square and 10^-100 over it both stay near 10^-66
GUARD = 30  # digits beyond DIGITS for the sine's argument, which is taken modulo 2 pi


def _to_float32(x):
    """Round to float32 or complex64, and answer in the wider type."""
    narrow, wide = (np.complex64, np.complex128) if np.iscomplexobj(x) else (np.float32, np.float64)
    return x.astype(narrow).astype(wide)


class Floats:
    """NumPy, in whatever precision the argument has; carries complex numbers wherever NumPy does."""

    exp, log, sqrt, sin, cos, tanh = np.exp, np.log, np.sqrt, np.sin, np.cos, np.tanh
    floor, rint, abs, maximum, where = np.floor, np.rint, np.abs, np.maximum, np.where
    rounded, real, to_float32 = np.round, np.real, staticmethod(_to_float32)

    @staticmethod
    def array(values):
        """Return constants as an array."""
        return np.array(values, dtype=np.float64)


def _pi() -> Decimal:
    """Return pi to the context's precision by Machin's formula, 16 arctan(1/5) - 4 arctan(1/239)."""

    def arctan_of_inverse(n: int) -> Decimal:
        term, total, k = Decimal(1) / n, Decimal(0), 1
        while total + term / k != total:
            total += term / k
            term, k = -term / (n * n), k + 2
        return total

    return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)


with localcontext() as _context:
    _context.prec = DIGITS + GUARD
    PI = _pi()


def _sin(x: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS + GUARD
        x = x - 2 * PI * (x / (2 * PI)).to_integral_value(ROUND_HALF_EVEN)
        term, total, k = x, x, 1
        while total + term != total:
            term = -term * x * x / ((k + 1) * (k + 2))
            total, k = total + term, k + 2
    return +total


def _cos(x: Decimal) -> Decimal:
    return _sin(x + PI / 2)


def _tanh(x: Decimal) -> Decimal:
    shrunk = (-2 * abs(x)).exp()
    size = (1 - shrunk) / (1 + shrunk)
    return size if x >= 0 else -size


def _lifted(function: Callable[[Decimal], Decimal]) -> Callable:
    return np.frompyfunc(function, 1, 1)


class Digits:
    """Decimals in object arrays."""

    exp, log, sqrt = _lifted(Decimal.exp), _lifted(Decimal.ln), _lifted(Decimal.sqrt)
    sin, cos, tanh, abs = _lifted(_sin), _lifted(_cos), _lifted(_tanh), _lifted(abs)
    floor = _lifted(lambda x: x.to_integral_value(ROUND_FLOOR))
    rint = _lifted(lambda x: x.to_integral_value(ROUND_HALF_EVEN))
    maximum = np.frompyfunc(max, 2, 1)

    @staticmethod
    def where(condition, yes, no):
        """Choose entry by entry; the condition may be an object array of truth values."""
        return np.where(np.asarray(condition, dtype=bool), yes, no)

    @staticmethod
    def rounded(x, digits):
        """Leave `x` alone."""
        return x

    @staticmethod
    def real(x):
        """Leave `x` alone."""
        return x

    @staticmethod
    def to_float32(x):
        """Leave `x` alone."""
        return x

    @staticmethod
    def array(values):
        """Return constants as decimals."""
        return exactly(np.array(values, dtype=np.float64))


def exactly(x):
    """Return floats as the decimals that they are."""
    return np.frompyfunc(Decimal, 1, 1)(np.asarray(x, dtype=np.float64).astype(object))


def true_derivatives(formula: Callable, x, tangent):
    """Return the first and second derivative of `formula` at `x` along `tangent`, flat, beyond float64's digits."""
    with localcontext() as context:
        context.prec = DIGITS
        centre, step = exactly(x), SMALL_STEP * exactly(tangent)
        plus, base, minus = (formula(Digits, centre + shift) for shift in (step, 0 * step, -step))
        return _floats((plus - minus) / (2 * SMALL_STEP)), _floats((plus - 2 * base + minus) / SMALL_STEP**2)


def _floats(values):
    return np.array([float(value) for value in np.asarray(values, dtype=object).ravel()])
