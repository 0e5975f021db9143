import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.adapters.reading import subject_of
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import Form
from gradcheck.checks.places import draw_tangent, survey, with_noise
from gradcheck.checks.probes import (
    claim_unit,
    draw_cotangent,
    equalising_weights,
    judged_together,
    kinky_anywhere,
    measure,
    measure_arguments,
)
from gradcheck.numdiff.records import Derivative
from gradcheck.numdiff.tangents import natural_scale, on_the_grid, random_direction, random_magnitudes, random_signs

RNG = np.random.default_rng(27)
X = RNG.standard_normal((3, 4))
SEEDS = st.integers(0, 2**32)
SHAPES = st.lists(st.integers(0, 5), max_size=3).map(tuple)


@given(SHAPES, SEEDS)
def test_directions_have_magnitudes_between_a_half_and_three_halves(shape, seed):
    drawn = random_direction(np.random.default_rng(seed), shape)
    assert drawn.shape == shape
    assert np.all((np.abs(drawn) >= 0.5) & (np.abs(drawn) < 1.5 + 1 / 256))


@given(SHAPES, SEEDS)
def test_signs_are_plus_or_minus_one_and_magnitudes_positive(shape, seed):
    rng = np.random.default_rng(seed)
    assert np.all(np.abs(random_signs(rng, shape)) == 1)
    assert np.all(random_magnitudes(rng, shape) > 0)


def test_signs_are_fair():
    drawn = random_signs(np.random.default_rng(0), (10_000,))
    assert abs(drawn.sum()) < 5 * 100  # five standard deviations


@given(SHAPES, SEEDS, st.sampled_from(["f2", "f4", "f8"]))
def test_cotangents_are_zero_outside_the_mask_and_within_bounds_in_their_own_dtype(shape, seed, dtype):
    rng = np.random.default_rng(seed)
    form = Form((shape,), (np.dtype(dtype),))
    mask = rng.random(form.size) < 0.5
    drawn = draw_cotangent(rng, form, mask)
    assert np.all(drawn[~mask] == 0)
    assert np.all((np.abs(drawn[mask]) >= 0.5 * (1 - 2.0**-10)) & (np.abs(drawn[mask]) < 1.51))
    assert np.array_equal(drawn.astype(dtype).astype(np.float64), drawn)


def place_of(forward, x):
    instrument = Instrument(subject_of((forward, lambda g, x: g), {"x": x}))
    return instrument, with_noise(instrument, survey(instrument, {"x": x}))


@given(SEEDS, st.integers(-12, 12))
def test_tangents_are_within_bounds_of_the_arguments_own_scale(seed, power):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, 4)) * 10.0**power
    _, place = place_of(lambda x: x, x)
    tangent = draw_tangent(rng, place, "x") / natural_scale(x)
    assert np.all((np.abs(tangent) >= 0.5) & (np.abs(tangent) < 1.51))


@given(SEEDS, st.sampled_from([np.float64, np.float32, np.float16]))
def test_every_step_of_the_ladder_moves_along_one_direction_to_half_a_unit_of_rounding(seed, dtype):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, 4)).astype(dtype)
    exact = x.astype(np.float64)
    tangent, smallest = on_the_grid(x, random_direction(rng, x.shape) * natural_scale(x), np.dtype(dtype))
    steps = [2.0**-power for power in range(3, 35) if 2.0**-power >= smallest]
    assert len(steps) >= 2
    for step in steps:
        moved = (exact + step * tangent).astype(dtype)
        rounding = np.maximum(np.spacing(np.abs(moved)), np.spacing(np.abs(x))).astype(np.float64) / 2
        assert np.all(np.abs(moved.astype(np.float64) - exact - step * tangent) <= rounding)


def test_a_direction_on_the_grid_is_exact_where_no_binade_is_crossed():
    x = 1.0 + np.random.default_rng(0).random(50) / 2
    tangent, smallest = on_the_grid(x, random_direction(np.random.default_rng(1), x.shape) / 2, x.dtype)
    for step in (2.0**-3, 2.0**-20, smallest):
        assert np.array_equal((x + step * np.abs(tangent)) - x, step * np.abs(tangent))


# Slopes of f at X along any tangent t, known exactly
KNOWN = {
    "square": (lambda x: x * x, lambda t: 2 * X * t),
    "sine": (np.sin, lambda t: np.cos(X) * t),
    "sine that carries no complex numbers": (lambda x: np.sin(np.real(x)), lambda t: np.cos(X) * t),
    "in float32": (lambda x: np.float64(np.sin(np.float32(np.real(x)))), lambda t: np.cos(X) * t),
}


@pytest.mark.parametrize(("forward", "slope"), KNOWN.values(), ids=KNOWN)
def test_measured_slopes_lie_within_a_few_bars_of_the_known_ones(forward, slope):
    instrument, place = place_of(forward, X)
    measured = measure(instrument, place, {"x": draw_tangent(np.random.default_rng(1), place, "x")})
    apart = np.abs(measured.derivative.value - slope(measured.tangents["x"]).ravel())
    assert np.all(apart <= 4 * measured.derivative.bar)
    assert np.all(measured.derivative.bar < 1e-2)


def test_every_argument_is_measured_along_a_direction_of_its_own():
    layer = (lambda a, b, n: a * b, lambda g, a, b, n: (g * b, g * a, None))
    instrument = Instrument(subject_of(layer, {"a": X, "b": X, "n": np.arange(3)}))
    place = with_noise(instrument, survey(instrument, instrument.subject.inputs))
    found = measure_arguments(instrument, place, ("a", "b"), np.random.default_rng(0))
    assert all(list(m.tangents) == [name] for name, (m,) in found.items())
    assert list(found) == ["a", "b"]


def derivative(value, bar, kinky=None):
    value, bar = np.asarray(value, dtype=float), np.asarray(bar, dtype=float)
    kinky = np.zeros(value.shape, dtype=bool) if kinky is None else np.asarray(kinky)
    return Derivative(value, bar, value, value, kinky, 0 * value, np.abs(value), "", 1)


OUTPUTS = [0.0, 0.0, 0.0, 0.0]
TOGETHER = {
    "all alike": ([1, 1, 1, 1], [1e-9] * 4, None, OUTPUTS, [True] * 4),
    "one kinky": ([1, 1, 1, 1], [1e-9] * 4, [False, True, False, False], OUTPUTS, [True, False, True, True]),
    "one not measured": ([1, 1, 1, 1], [1e-9, np.inf, 1e-9, 1e-9], None, OUTPUTS, [True, False, True, True]),
    "one not finite": ([1, 1, 1, 1], [1e-9] * 4, None, [0, np.nan, 0, 0], [True, False, True, True]),
    "one that would blur the others": (
        [1, 1, 1, 1],
        [1e-9, 1e-3, 1e-9, 1e-9],
        None,
        OUTPUTS,
        [True, False, True, True],
    ),
    "one known less well but negligibly so": ([1, 1, 1, 1], [1e-14, 1e-10, 1e-14, 1e-14], None, OUTPUTS, [True] * 4),
}


@pytest.mark.parametrize(("value", "bar", "kinky", "base", "wanted"), TOGETHER.values(), ids=TOGETHER)
def test_one_sum_judges_outputs_that_do_not_blur_each_other(value, bar, kinky, base, wanted):
    assert judged_together([derivative(value, bar, kinky)], np.asarray(base, dtype=float)).tolist() == wanted


def test_an_output_is_kinky_where_any_direction_says_so():
    one, other = (
        derivative([1.0, 1.0, 1.0], [1e-9] * 3, kinky) for kinky in ([True, False, True], [False, False, True])
    )
    assert kinky_anywhere([one, other], np.array([0.0, 0.0, np.nan])).tolist() == [True, False, False]


def test_slopes_that_span_decades_are_weighed_to_count_alike():
    form = Form(((3,),), (np.dtype(np.float64),))
    mask = np.ones(3, dtype=bool)
    slopes = np.array([1e-6, 1.0, 1e6])
    weights = equalising_weights([derivative(slopes, [0.0] * 3)], mask, form)
    assert np.allclose(weights * slopes, 1.0)
    assert equalising_weights([derivative([1.0, 2.0, 100.0], [0.0] * 3)], mask, form) is None
    assert equalising_weights([derivative([0.0, 0.0, 0.0], [0.0] * 3)], mask, form) is None
    assert equalising_weights([], mask, form) is None


@pytest.mark.parametrize(("dtype", "unit"), [("f8", 2.0**-53), ("f4", 2.0**-24), ("f2", 2.0**-11)])
def test_a_claim_is_held_to_the_precision_of_its_dtype(dtype, unit):
    instrument, place = place_of(lambda x: x * x, X.astype(dtype))
    assert claim_unit(instrument, place) == unit
