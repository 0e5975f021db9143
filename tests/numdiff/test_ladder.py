"""The ladder: what Richardson's table does exactly, what its bars promise, and what it must not believe."""

import numpy as np
import pytest

from gradcheck.numdiff.ladder import COARSE_STEPS, COVERAGE, NEAR_STEPS, NEAREST_STEPS, Ladder, run_ladder

UNIT = 2.0**-53


def descend(function, x=0.0, steps=COARSE_STEPS, noise=None, tangent=1.0):
    """Run `function` down the ladder at `x`."""
    x = np.atleast_1d(np.asarray(x, dtype=float))

    def along(step):
        with np.errstate(all="ignore"):
            return np.atleast_1d(np.asarray(function(x + step * tangent), dtype=float))

    base = along(0.0)
    level = np.full(base.shape, UNIT) * np.abs(base) if noise is None else np.full(base.shape, noise)
    return run_ladder(along, base, level, steps)


def measured(function, x=0.0, **options):
    return descend(function, x, **options).derivative("Richardson extrapolation", 0)


@pytest.mark.parametrize("degree", range(3, 7))
def test_polynomials_of_degree_three_to_six_are_exact_after_three_steps(degree):
    """T_2 is free of h^2 and h^4; with dyadic numbers nothing is rounded."""
    ladder = descend(lambda x: x**degree + 3 * x, steps=(2.0**-1, 2.0**-2, 2.0**-3), noise=0.0)
    assert ladder.row[2][0] == 3.0


@pytest.mark.parametrize("degree", range(2, 6))
def test_gap_of_a_polynomial_is_extrapolated_to_zero(degree):
    """S(h) of x^2 + x^4 is 2 h + 2 h^3: the table takes both out, and keeps a kink's."""
    smooth = descend(lambda x: x**2 + x**degree, steps=(0.5, 0.25, 0.125, 0.0625), noise=0.0)
    kinked = descend(lambda x: x**2 + x**degree + 3 * np.abs(x), steps=(0.5, 0.25, 0.125, 0.0625), noise=0.0)
    assert smooth.gaps[-1][0] == pytest.approx(0.0, abs=1e-14)
    assert kinked.gaps[-1][0] == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("function", "x", "slope"),
    [
        (np.sin, 0.5, np.cos(0.5)),
        (lambda x: np.sin(50 * x), 0.5, 50 * np.cos(25.0)),
        (lambda x: np.exp(5 * x), 1.0, 5 * np.exp(5.0)),
        (lambda x: x**7, 1.5, 7 * 1.5**6),
        (lambda x: 1 / x, 0.3, -1 / 0.09),
        (np.sqrt, 0.2, 0.5 / np.sqrt(0.2)),
    ],
    ids=["sin", "sin 50x", "exp 5x", "x^7", "1/x", "sqrt"],
)
def test_bar_holds_and_is_sharp_for_smooth_functions(function, x, slope):
    d = measured(function, x)
    assert abs(d.value[0] - slope) <= d.bar[0]
    assert d.bar[0] < 1e-8 * abs(slope)
    assert not d.kinky[0]


def test_bar_is_never_below_the_noise_of_the_step_it_is_read_off():
    x = np.random.default_rng(0).normal(size=300)
    ladder = descend(lambda v: np.sin(3 * v) + v**3, x, noise=1e-12)
    assert np.all(ladder.bar >= COVERAGE * 1e-12 / ladder.best_step)


def test_bar_does_not_collapse_where_two_entries_agree_by_chance():
    """Noise of known size: a plain tableau takes the luckiest pair, and covers a tenth of the errors."""
    rng = np.random.default_rng(0)
    level = 1e-6

    def along(step):
        return step + level * rng.normal(size=4000)

    d = run_ladder(along, level * rng.normal(size=4000), np.full(4000, level), COARSE_STEPS).derivative("", 0)
    assert np.mean(np.abs(d.value - 1.0) <= d.bar) >= 0.999


def test_round_off_grows_with_the_function_away_from_the_point():
    """x^2 near 0: f(0) is exact, f(h) is rounded."""
    ladder = descend(lambda x: x * x, np.array([1.0, 1e-9]))
    assert ladder.bar[1] >= COVERAGE * UNIT * ladder.best_step[1]


@pytest.mark.parametrize("function", [np.floor, np.rint], ids=["floor", "round"])
def test_jump_in_reach_of_the_large_steps_is_not_extrapolated(function):
    d = measured(function, [0.97, 0.3, -0.03, 1.001], steps=(*COARSE_STEPS, *NEAR_STEPS[1:]), noise=UNIT)
    np.testing.assert_array_equal(d.value, 0.0)
    assert np.all(d.bar < 1e-4)
    assert not d.kinky.any()


def test_output_below_its_quanta_keeps_the_slope_of_the_larger_steps():
    d = measured(lambda x: np.round(x, 3), 0.4321, steps=(*COARSE_STEPS, *NEAR_STEPS[1:], *NEAREST_STEPS), noise=3e-4)
    assert d.value[0] == pytest.approx(1.0, abs=0.05)
    assert abs(d.value[0] - 1.0) <= d.bar[0]


@pytest.mark.parametrize("weight", [1.0, 0.5, 1e-2])
def test_kink_at_the_point_gives_the_one_sided_derivatives(weight):
    d = measured(lambda x: weight * np.abs(x) + x)
    assert d.kinky[0]
    assert sorted([d.left[0], d.right[0]]) == pytest.approx([1 - weight, 1 + weight])


def test_kink_nearer_than_the_smallest_step_is_an_interval_and_not_a_value():
    d = measured(lambda x: np.maximum(x, 0.0), 1e-9, noise=1e-16)
    assert d.kinky[0] or d.bar[0] >= 0.49


def test_kink_within_reach_is_left_behind_by_the_smaller_steps():
    d = measured(lambda x: np.maximum(x, 0.0), [1e-4, -1e-4, 1e-3], noise=1e-19)
    np.testing.assert_allclose(d.value, [1.0, 0.0, 1.0], atol=1e-9)
    assert not d.kinky.any()


def test_step_that_leaves_the_domain_is_passed_over():
    calls = []

    def along(step):
        calls.append(step)
        return None if step > 2.0**-6 else np.array([1.0 + 2.0 * step])

    d = run_ladder(along, np.ones(1), np.full(1, UNIT), COARSE_STEPS).derivative("", 0)
    assert d.value[0] == pytest.approx(2.0)
    assert -(2.0**-3) not in calls


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_finite_is_unmeasured_and_never_nan(value):
    d = measured(lambda x: np.where(x > 0, x, value), [1.0, -1.0])
    assert d.measured.tolist() == [True, False]
    assert d.bar[1] == np.inf


def test_nothing_measured_has_an_infinite_bar():
    d = run_ladder(lambda _: None, np.ones(2), np.full(2, UNIT), COARSE_STEPS).derivative("", 0)
    assert not d.measured.any()


def test_ladder_stops_when_no_output_can_gain():
    steps = []

    def along(step):
        steps.append(step)
        return np.array([3.0 * step])

    run_ladder(along, np.zeros(1), np.full(1, UNIT), COARSE_STEPS)
    assert len(steps) == 4  # a straight line is known after two steps


def test_bars_of_a_spike_finer_than_the_ladder_are_widened_by_a_closer_look():
    def spiked(x):
        return x + 1e-2 * np.tanh(1e6 * x)

    ladder = descend(spiked, 0.0)
    before = ladder.bar[0]
    step = 2.0**-24
    ladder.challenge(step, np.atleast_1d(spiked(step)), np.atleast_1d(spiked(-step)))
    assert ladder.bar[0] > 100 * min(before, 1.0)
    assert Ladder(np.zeros(1), np.zeros(1)).derivative("", 0).bar[0] == np.inf


def test_every_second_step_is_passed_over_while_they_are_far_too_large():
    taken = []

    def along(h):
        taken.append(h)
        return np.sin(1e6 * (np.array([0.3, 0.7]) + h))

    run_ladder(along, np.sin(1e6 * np.array([0.3, 0.7])), np.full(2, UNIT), COARSE_STEPS)
    assert 2 * len(COARSE_STEPS) > len(taken) >= 8
    assert taken[-1] == -COARSE_STEPS[-1]
