"""Numbers for people: as many digits as the error bar justifies, and short exponents."""

import math
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from gradcheck.verdict import Measured

_IN_FULL = 1e5  # up to here a number is easier to read without an exponent
_DOUBLE_DIGITS = 17  # enough decimal digits to tell any two float64 apart


def short(value: float, digits: int = 2) -> str:
    """Write a number with that many significant digits, those before the point in full: 1.2e6, 137, 0.25."""
    if not math.isfinite(value):
        return str(float(value))
    if 10**digits <= abs(value) < _IN_FULL:
        return f"{value:.0f}"
    return _squeeze(f"{value:.{digits}g}")


def percent(fraction: float) -> str:
    """Write a fraction as a percentage where it is one a person can read, else as a number; infinity as a dash."""
    if fraction == math.inf:
        return "-"
    return f"{short(100 * fraction)} %" if 1e-4 <= fraction < 10 else short(fraction, 1)


def with_bar(measured: Measured) -> str:
    """Write value ± bar, the bar rounded up to one digit and the value to the same decimal place."""
    value, bar = measured.value, measured.error_bar
    if bar == 0:
        return f"{to_bar(value, bar)} (exact)"
    if not math.isfinite(bar):
        return f"{to_bar(value, bar)} ± {short(bar)}"
    exact = _decimal(bar)
    rounded = exact.quantize(_unit(exact.adjusted()), ROUND_CEILING)
    return f"{to_bar(value, bar)} ± {short(float(rounded), 1)}"


def to_bar(value: float, bar: float) -> str:
    """Write a value to the decimal place of the bar's first digit, in all its digits where the bar says nothing."""
    if not math.isfinite(value) or not math.isfinite(bar) or bar <= 0 or value == 0:
        return _squeeze(f"{value:.{_DOUBLE_DIGITS - 2}g}")
    exact = _decimal(value)
    place = max(_decimal(bar).adjusted(), exact.adjusted() - _DOUBLE_DIGITS + 1)
    rounded = exact.quantize(_unit(place), ROUND_HALF_EVEN)
    if not rounded:
        return "0"
    if -4 <= rounded.adjusted() < 7:
        return f"{rounded:f}"
    return _squeeze(f"{rounded:.{max(rounded.adjusted() - place, 0)}e}")


def whole(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: "1 entry", "3 entries"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _decimal(value: float) -> Decimal:
    """Read the shortest decimal that stands for the number: 0.1, not its binary expansion."""
    return Decimal(repr(float(value)))


def _unit(place: int) -> Decimal:
    return Decimal((0, (1,), place))


def _squeeze(number: str) -> str:
    """Drop what an exponent does not need: 1.2e+09 becomes 1.2e9."""
    mantissa, mark, exponent = number.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else number
