"""The complex step: taken where it is right, and never believed where abs, max, branches or casts break it."""

import numpy as np
import pytest

from gradcheck.numdiff.complex_step import RELATIVE_BAR, STEP, bar_of, confirmed, merge, refuted, take_step
from gradcheck.numdiff.records import Derivative

UNIT = 2.0**-53


def carried(function, x):
    return lambda step: np.atleast_1d(np.asarray(function(np.atleast_1d(x) + 1j * step)))


def real(value, bar, kinky=False, half=0.0):
    """A measured derivative of one output."""
    value, bar = np.atleast_1d(float(value)), np.atleast_1d(float(bar))
    return Derivative(
        value=value,
        bar=bar,
        left=value - half,
        right=value + half,
        kinky=np.array([kinky]),
        noise=np.full(1, UNIT),
        response=np.abs(value),
        method="Richardson extrapolation",
        evaluations=6,
        steps=np.full(1, 2.0**-9),
    )


@pytest.mark.parametrize(
    ("function", "x", "slope"),
    [
        (np.exp, 1.0, np.e),
        (lambda z: 1 / z, 0.05, -400.0),
        (lambda z: z**7, 2.0, 448.0),
        (np.tanh, 20.0, 1 / np.cosh(20.0) ** 2),
        (np.sqrt, 1e-12, 5e5),
    ],
    ids=["exp", "1/x", "x^7", "saturated tanh", "sqrt near 0"],
)
def test_complex_step_is_exact_to_a_few_ulps(function, x, slope):
    value = take_step(carried(function, x), np.atleast_1d(function(x)), np.full(1, UNIT))
    assert abs(value[0] - slope) <= RELATIVE_BAR * abs(slope)


def test_complex_step_is_refused_where_the_real_part_is_another_function():
    assert take_step(carried(np.conj, 1.0), np.array([1.0 + 1e-9]), np.full(1, UNIT)) is None


@pytest.mark.parametrize("outputs", [None, np.array([1.0 + 0j, 2.0]), np.array([np.nan + 0j])])
def test_complex_step_is_refused_where_outputs_are_missing_misshapen_or_not_finite(outputs):
    assert take_step(lambda _: outputs, np.ones(1), np.full(1, UNIT)) is None


def test_step_is_so_small_that_its_square_vanishes():
    assert 1.0 + STEP**2 == 1.0
    assert STEP**2 < UNIT**2


def test_bar_is_at_least_a_few_tens_of_ulps_of_the_value():
    bar = bar_of(np.array([2.0]), None, np.full(1, UNIT), None)
    assert bar[0] == 2.0 * RELATIVE_BAR


def test_bar_follows_the_response_to_a_few_ulps():
    bar = bar_of(np.array([1.0]), np.array([1.0 + 1e-9]), np.full(1, UNIT), None)
    assert bar[0] == pytest.approx(1e-9 / 0.6745, rel=1e-6)


def test_bar_of_a_lucky_output_is_its_neighbours():
    again = np.ones(9) + 1e-9
    again[0] = 1.0
    bar = bar_of(np.ones(9), again, np.full(9, UNIT), None)
    assert bar[0] >= 1e-9


def test_bar_covers_noise_that_a_few_ulps_do_not_show():
    """A cast to complex64 answers a few ulps with silence, and errs by 1e-8."""
    bar = bar_of(np.ones(1), np.ones(1), np.full(1, 1e-8), np.full(1, 1e-8))
    assert bar[0] >= 1e-8


def test_value_is_confirmed_by_a_real_difference_of_three_digits():
    assert confirmed(np.array([1.0]), real(1.0005, 1e-3))[0]


@pytest.mark.parametrize(
    ("value", "difference", "bar"),
    [(0.0, 0.0, 1e-12), (1e-17, 0.0, 1e-12), (1.0, 1.01, 1e-3), (1.0, 1.0, 1e-2)],
    ids=["both zero", "below the bar", "apart", "too wide a bar"],
)
def test_value_is_not_confirmed(value, difference, bar):
    assert not confirmed(np.array([value]), real(difference, bar))[0]


def test_confirmed_value_keeps_its_own_bar():
    merged = merge(np.array([1.0]), np.array([1e-15]), real(1.0 + 1e-10, 1e-9))
    assert (merged.value[0], merged.bar[0]) == (1.0, 1e-15)
    assert merged.method == "complex step"
    assert merged.steps[0] == 0.0


def test_saturated_tail_keeps_the_complex_value_and_the_real_difference_s_bar():
    """In the tail both read nothing: the noisy one must not throw the exact one away, nor the bar be believed."""
    merged = merge(np.array([1e-17]), np.array([1e-31]), real(3e-14, 5e-14))
    assert merged.value[0] == 1e-17
    assert merged.bar[0] >= 5e-14


@pytest.mark.parametrize(
    ("broken", "slope"),
    [(0.0, 1.0), (1.0, 2.0), (0.5, -0.5)],
    ids=["imaginary part dropped", "x |x|", "a branch"],
)
def test_broken_complex_step_is_refuted_by_the_real_difference(broken, slope):
    d = real(slope, 1e-9)
    assert refuted(np.array([broken]), d)[0]
    merged = merge(np.array([broken]), np.array([1e-15]), d)
    assert merged.value[0] == slope
    assert merged.bar[0] >= 1e-9
    assert merged.method == "Richardson extrapolation"


def test_complex_step_within_the_interval_of_a_kink_does_not_decide_it():
    merged = merge(np.array([1.0]), np.array([1e-15]), real(0.5, 1e-9, kinky=True, half=0.5))
    assert merged.kinky[0]
    assert (merged.left[0], merged.right[0]) == (0.0, 1.0)
