"""Correct rounding: a number evaluated until its digits are sure, from two formulas, and rounded once to each dtype."""

from collections.abc import Callable
from functools import cache
from math import copysign, inf, ldexp
from typing import Any

from gradcheck.errors import GradcheckError, MissingExtra

Number = Any  # an mpf of mpmath
Formula = Callable[[Any], Number]  # of the context to compute in

FIRST_DIGITS, MOST_DIGITS = 50, 800

# Bits of the significand, exponent of the smallest subnormal number, exponent of the first power of two beyond all.
SHAPES = {"float16": (11, -24, 16), "float32": (24, -149, 128), "float64": (53, -1074, 1024)}


class Unsettled(GradcheckError, ArithmeticError):
    """Two formulas, or two precisions, do not round alike: a mistake in a formula of the generator."""


@cache
def context() -> Any:
    """Return an arithmetic of mpmath of our own; its precision is set for every evaluation."""
    try:
        from mpmath import MPContext
    except ImportError as err:
        raise MissingExtra("oracle") from err
    return MPContext()


def correctly_rounded(formulas: tuple[Formula, Formula], dtypes: tuple[str, ...], *, label: str) -> dict[str, float]:
    """Return the number in each dtype; raise Unsettled, with the label, where the two formulas differ."""
    one, other = (_settled(formula, dtypes, label) for formula in formulas)
    if one != other:
        raise Unsettled(f"the two formulas of {label} must round alike; they give {one} and {other}.")
    return one


def _settled(formula: Formula, dtypes: tuple[str, ...], label: str) -> dict[str, float]:
    """Evaluate at 50 digits, and at doubled precision until two evaluations round alike in every dtype.

    What looks like a tie is believed at most digits only: x times a number just above 1/2, at the smallest x of all,
    lies above the tie by 1 part in 2^1074.
    """
    digits, (before, _) = FIRST_DIGITS, _at(formula, FIRST_DIGITS, dtypes)
    while digits < MOST_DIGITS:
        digits *= 2
        now, tied = _at(formula, digits, dtypes)
        if now == before and (not tied or digits == MOST_DIGITS):
            return now
        before = now
    raise Unsettled(f"{label} must settle within {MOST_DIGITS} digits; it does not.")


def _at(formula: Formula, digits: int, dtypes: tuple[str, ...]) -> tuple[dict[str, float], bool]:
    """Return the number in each dtype, and whether it lies halfway between two numbers of one of them."""
    arithmetic = context()
    arithmetic.dps = digits
    value = formula(arithmetic)
    return {dtype: nearest(value, dtype) for dtype in dtypes}, any(_is_tie(value, dtype) for dtype in dtypes)


def nearest(value: Number, dtype: str) -> float:
    """Return the number of `dtype` nearest to an mpf, of two equally near the even one; too large ones are infinite.

    >>> from mpmath import mpf
    >>> nearest(mpf(1) / 3, "float16"), nearest(mpf(2) ** -25, "float16"), nearest(mpf(65520), "float16")
    (0.333251953125, 0.0, inf)
    """
    bits, smallest, beyond = SHAPES[dtype]
    magnitude, exponent, length = _parts(value)
    sign = -1.0 if value < 0 else 1.0
    if magnitude == 0 or length + exponent < smallest:  # less than half of the smallest number
        return 0.0
    if length + exponent > beyond:
        return copysign(inf, sign)
    last = max(length + exponent - bits, smallest)
    whole = _shifted_to_nearest(magnitude, last - exponent)
    if whole.bit_length() + last > beyond:
        return copysign(inf, sign)
    return sign * ldexp(whole, last)


def _is_tie(value: Number, dtype: str) -> bool:
    """Tell whether an mpf lies halfway between two numbers: its last bit is the one behind those that are kept."""
    bits, smallest, beyond = SHAPES[dtype]
    magnitude, exponent, length = _parts(value)
    return magnitude != 0 and length + exponent <= beyond and exponent == max(length + exponent - bits, smallest) - 1


def _parts(value: Number) -> tuple[int, int, int]:
    """Return magnitude, exponent and bits of the magnitude, which is odd unless it is 0."""
    return abs(int(value.man)), int(value.exp), int(value.bc)


def _shifted_to_nearest(magnitude: int, shift: int) -> int:
    """Return magnitude / 2^shift rounded to nearest, ties to even."""
    if shift <= 0:
        return magnitude << -shift
    whole, rest = magnitude >> shift, magnitude & ((1 << shift) - 1)
    half = 1 << (shift - 1)
    return whole + (rest > half or (rest == half and whole & 1))
