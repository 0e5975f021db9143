"""A number is shown with the digits that its error bar justifies."""

import math

import pytest

from gradcheck.report.digits import percent, short, to_bar, whole, with_bar
from gradcheck.verdict import Measured


@pytest.mark.parametrize(
    ("value", "bar", "shown"),
    [
        (2.00000000012, 2.1e-9, "2.000000000 ± 3e-9"),  # the bar is rounded up, never down
        (2.0, 3e-9, "2.000000000 ± 3e-9"),
        (2.0, 0.0, "2 (exact)"),
        (1 / 3, 0.0, "0.333333333333333 (exact)"),
        (-1234.56, 50.0, "-1230 ± 50"),
        (1234567.0, 0.5, "1234567.0 ± 0.5"),
        (1.23456789e12, 1e7, "1.23457e12 ± 1e7"),
        (1.23456e-8, 1e-12, "1.2346e-8 ± 1e-12"),
        (0.001, 5.0, "0 ± 5"),
        (0.0, 1e-12, "0 ± 1e-12"),
        (9.96, 0.1, "10.0 ± 0.1"),
        (1.0, 0.96, "1.0 ± 1"),
        (1.0, 1e-300, "1.0000000000000000 ± 1e-300"),  # no more digits than a double has
        (1e300, 1e290, "1.0000000000e300 ± 1e290"),
        (5e-324, 5e-324, "5e-324 ± 5e-324"),
        (1.5, math.inf, "1.5 ± inf"),
        (math.nan, 1.0, "nan ± 1"),
        (math.inf, math.nan, "inf ± nan"),
    ],
)
def test_measured_value_stops_at_the_first_digit_of_its_bar(value, bar, shown):
    assert with_bar(Measured(value, bar)) == shown


@pytest.mark.parametrize(
    ("value", "bar", "shown"),
    [
        (1.5, 3e-9, "1.500000000"),
        (0.0, 3e-9, "0"),
        (1e-12, 1e-3, "0"),
        (0.1, math.nan, "0.1"),
        (-math.inf, 1.0, "-inf"),
    ],
)
def test_claimed_value_takes_the_digits_of_the_bar(value, bar, shown):
    assert to_bar(value, bar) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.2e9, "1.2e9"),
        (3e-9, "3e-9"),
        (0.42, "0.42"),
        (7.1, "7.1"),
        (137.4, "137"),
        (123456.0, "1.2e5"),
        (-2048.0, "-2048"),
        (0.0, "0"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_short_number_has_two_digits_and_a_short_exponent(value, shown):
    assert short(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04, "4 %"),
        (3e-4, "0.03 %"),
        (2e-10, "2e-10"),
        (math.inf, "-"),
        (0.0, "0"),
        (math.nan, "nan"),
        (1.0, "100 %"),
        (9.0, "900 %"),
    ],
)
def test_percent_is_used_where_a_person_reads_it(value, shown):
    assert percent(value) == shown


def test_whole_counts_one_and_many():
    assert whole(1, "entry", "entries") == "1 entry"
    assert whole(3, "entry", "entries") == "3 entries"
    assert whole(0, "target") == "0 targets"
