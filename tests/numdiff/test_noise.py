"""Forward's noise: a few ulps, quanta that they do not show, kinks that are no noise, and the working precision."""

import numpy as np
import pytest

from gradcheck.numdiff.noise import (
    Row,
    few_ulps,
    forward_noise,
    hidden_noise,
    look_around,
    quantisation_noise,
    working_dtype,
)
from gradcheck.numdiff.steps import may_be_steps, may_lie_on_steps, on_steps

DOUBLE, SINGLE, HALF = (np.dtype(t) for t in (np.float64, np.float32, np.float16))
UNIT = 2.0**-53


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=200)


def noise_of(function, x, dtype=DOUBLE):
    """Noise as a survey measures it: a few ulps, then quanta along the line of ones."""

    def along(step):
        return function(x + step)

    base = function(x)
    row = look_around(along, base, 0.0)
    shown, calls = forward_noise(lambda inputs: function(inputs["x"]), {"x": x}, ("x",), base, dtype=dtype)
    assert calls <= 2
    return quantisation_noise(along, base, shown, row, smallest=0.0)[0], base


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE, HALF], ids=str)
def test_few_ulps_change_every_entry_by_one_or_two(x, dtype):
    narrow = x.astype(dtype)
    change = np.abs(few_ulps(narrow, 0, dtype).astype(float) - narrow.astype(float))
    ulps = change / np.spacing(np.abs(narrow)).astype(float)
    assert set(np.unique(ulps)) <= {1.0, 2.0}


def test_few_ulps_keep_ties_and_zeros():
    changed = few_ulps(np.array([1.5, 0.0, 1.5, -0.0]), 3, DOUBLE)
    assert changed[0] == changed[2] != 1.5
    assert not changed[[1, 3]].any()


def test_few_ulps_differ_from_sample_to_sample(x):
    assert np.any(few_ulps(x, 0, DOUBLE) != few_ulps(x, 1, DOUBLE))


@pytest.mark.parametrize("shape", [(), (0,), (1, 1)])
def test_few_ulps_keep_shape_and_dtype(shape):
    changed = few_ulps(np.ones(shape, dtype=np.float32), 0, SINGLE)
    assert changed.shape == shape
    assert changed.dtype == np.float32


def test_noise_is_at_least_the_rounding_of_the_output(x):
    noise, base = noise_of(np.sin, x)
    assert np.all(noise >= UNIT * np.abs(base))
    assert np.median(noise) < 1e-15


def test_noise_is_found_in_a_function_that_works_in_float32(x):
    noise, base = noise_of(lambda v: np.exp(np.tanh(v).astype(np.float32).astype(np.float64)), x)
    assert np.median(noise / np.abs(base)) > 2.0**-28


def test_noise_is_found_in_an_output_rounded_to_six_places(x):
    noise, _ = noise_of(lambda v: np.round(np.sin(v), 6), x)
    assert 1e-7 < np.median(noise) < 1e-5


@pytest.mark.parametrize("distance", [1e-7, 1e-9])
def test_noise_does_not_take_a_near_kink_for_quanta(x, distance):
    x[::10] = distance
    noise, _ = noise_of(lambda v: np.maximum(v, 0.0) + v, x)
    assert np.median(noise) < 1e-15


def test_noise_of_a_lucky_output_is_its_neighbours():
    steady = np.ones(64)
    steady[0] = 0.0
    samples = iter([np.ones(64) + 1e-10 * steady])
    noise, _ = forward_noise(lambda _: next(samples), {"x": np.ones(64)}, ("x",), np.ones(64), dtype=DOUBLE)
    np.testing.assert_allclose(noise, 1e-10 / 0.6745, rtol=1e-3)


def test_noise_of_an_exact_zero_is_the_others_rounding():
    base = np.array([0.0, 4.0, 4.0])
    noise, _ = forward_noise(lambda _: base, {"x": np.ones(3)}, ("x",), base, dtype=DOUBLE)
    assert noise[0] == 4.0 * UNIT


def test_noise_in_float16_is_never_below_its_smallest_number():
    base = np.array([1e-7, 1.0])
    noise, _ = forward_noise(lambda _: base, {"x": np.ones(2)}, ("x",), base, dtype=HALF)
    assert noise[0] >= float(np.finfo(np.float16).smallest_subnormal)


def test_noise_counts_the_input_s_rounding_as_the_output_feels_it():
    base = np.array([1.0, 1.0])
    slope = np.array([100.0, 0.0])
    noise, _ = forward_noise(lambda _: base, {"x": np.ones(2)}, ("x",), base, dtype=DOUBLE, slope=slope)
    np.testing.assert_array_equal(noise, [100.0 * UNIT, UNIT])


def test_noise_survives_a_forward_that_refuses_the_moved_point():
    noise, _ = forward_noise(lambda _: None, {"x": np.ones(2)}, ("x",), np.ones(2), dtype=DOUBLE)
    np.testing.assert_array_equal(noise, UNIT)


def test_third_difference_vanishes_for_quadratics_and_has_unit_gain_on_noise():
    at = np.array([0.0, -1.0, 1.0, 2.0])
    base, before, after, beyond = (3 * at**2 + at - 2).reshape(4, 1)
    assert Row(1.0, before, after, beyond).third_difference(base)[0] == 0.0
    base, before, after, beyond = np.random.default_rng(1).normal(size=(4, 20_000))
    rms = np.sqrt(np.mean(Row(1.0, before, after, beyond).third_difference(base) ** 2))
    assert rms == pytest.approx(1.0, rel=0.03)  # 20,000 samples know it to 0.5 %


def test_hidden_noise_is_none_where_a_few_ulps_show_all():
    assert hidden_noise(np.ones(3), np.ones(3), np.ones(3)) is None


def test_hidden_noise_of_most_outputs_is_taken_for_all():
    hidden = hidden_noise(np.zeros(4), np.array([1.0, 2.0, 3.0, 0.0]), np.array([1.0, 1.0, 1.0, 8.0]))
    np.testing.assert_array_equal(hidden, [1.0, 2.0, 3.0, 8.0])


def test_hidden_noise_of_a_few_outputs_stays_theirs():
    hidden = hidden_noise(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]), np.ones(4))
    np.testing.assert_array_equal(hidden, [1.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("dtype", [SINGLE, HALF], ids=str)
def test_working_dtype_is_seen_in_the_outputs(x, dtype):
    assert working_dtype(np.sin(x).astype(dtype).astype(float), DOUBLE) == dtype


def test_working_dtype_is_seen_beside_many_round_outputs(x):
    outputs = np.concatenate([np.ones(500), x[:2].astype(np.float32).astype(float)])
    assert working_dtype(outputs, DOUBLE) == SINGLE


@pytest.mark.parametrize(
    "outputs",
    [np.sin(np.arange(1.0, 9.0)), np.arange(9.0), np.zeros(3), np.ones(0), np.array([np.inf, np.nan])],
    ids=["float64", "small integers", "zeros", "empty", "not finite"],
)
def test_working_dtype_is_the_declared_one_where_outputs_tell_nothing(outputs):
    assert working_dtype(outputs, DOUBLE) == DOUBLE


def test_look_around_gives_up_where_the_function_refuses_a_point():
    assert look_around(lambda step: None if step > 0 else np.ones(2), np.ones(2), 0.0) is None


def test_fine_structure_is_no_noise_but_stays_suspect():
    """Sin(3e6 x) is rough at 2^-24 and smooth at 2^-34; a complex step may well count it."""
    x = np.random.default_rng(0).normal(size=200)

    def along(step):
        return np.sin(3e6 * (x + step))

    base = along(0.0)
    shown = np.full(x.shape, 1e-9)
    noise, suspected = quantisation_noise(
        along, base, shown, Row(2.0**-24, *(along(k * 2.0**-24) for k in (-1, 1, 2))), smallest=0.0
    )
    assert np.median(noise) == 1e-9
    assert np.all(suspected >= noise)


def mixed(x):
    """A residual connection around an operation in float32, output by output at its own point."""
    return x + np.tanh(3 * x).astype(np.float32)


def test_quanta_added_to_something_smooth_are_noise_though_it_answers_the_smallest_steps():
    x = np.linspace(-1.0, 1.0, 40)
    noise, _ = noise_of(mixed, x)
    quantum = np.spacing(np.abs(np.tanh(3 * x)).astype(np.float32))
    assert np.all(noise > quantum / 64)
    assert np.all(noise < 8 * quantum.max())
    smooth, _ = noise_of(lambda x: x + np.tanh(3 * x), x)
    assert smooth.max() < 1e-14


def test_kinks_within_the_spacing_are_no_quanta_of_a_sum():
    x = np.linspace(-1.5, 1.5, 7) * 2.0**-24
    noise, _ = noise_of(lambda x: 3 * x + np.abs(x) + np.sin(x), x)
    assert noise.max() < 1e-14


@pytest.mark.parametrize("offset", [1e8, 1e10, 1e12])
def test_working_dtype_is_not_read_off_differences_of_large_numbers(offset):
    x = np.random.default_rng(3).standard_normal(20) + offset
    grid = float(np.spacing(np.max(x)))
    assert working_dtype(x - x.mean(), DOUBLE, grid=grid) == DOUBLE
    assert working_dtype(np.sin(x).astype(np.float32).astype(float), DOUBLE, grid=grid) == SINGLE


ROUNDED = {
    "small": (1e-5 * np.random.default_rng(0).standard_normal(40), HALF),
    "differences": (np.float32(np.random.default_rng(0).uniform(1, 2, 40)).astype(float) - 1.0, SINGLE),
    "far apart": (np.float32(np.random.default_rng(0).uniform(1000, 1001, 40)).astype(float) - 1000.0, SINGLE),
}
STEPS = {
    "floor": np.floor(300 * np.random.default_rng(0).standard_normal(40)),
    "sixty-fourths": np.round(64 * np.random.default_rng(0).standard_normal(40)) / 64,
    "of 1/256": np.round(256 * np.random.default_rng(0).standard_normal(40)) / 256,
}


@pytest.mark.parametrize(("outputs", "dtype"), ROUNDED.values(), ids=ROUNDED)
def test_working_dtype_is_read_off_numbers_that_share_a_grid_for_another_reason(outputs, dtype):
    """Subnormal numbers have one unit, and differences that cancel that of their terms."""
    assert working_dtype(outputs.astype(dtype).astype(float), DOUBLE) == dtype


@pytest.mark.parametrize("outputs", STEPS.values(), ids=STEPS)
def test_working_dtype_is_not_read_off_whole_numbers_and_large_steps(outputs):
    assert working_dtype(outputs, DOUBLE) == DOUBLE
    assert working_dtype(outputs, DOUBLE, steps=False) == HALF
    assert on_steps(outputs, work=DOUBLE)


@pytest.mark.parametrize("parts", [3, 100, 255, 999.9])
@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_steps_of_any_height_are_told(x, parts, offset):
    assert on_steps(np.round(x * parts) / parts + offset, work=DOUBLE)


NO_STEPS = {
    "smooth": np.sin,
    "float16, by a factor": lambda x: 0.37 * np.float16(x).astype(float),
    "float32, by a factor": lambda x: 0.37 * np.float32(x).astype(float),
    "fine": lambda x: np.round(x * 20000) / 20000,
    "all but one": lambda x: np.where(x == x[7], np.sin(x), np.round(100 * x) / 100),
    "two heights": lambda x: np.round(x * 100) / 100 + np.where(x > 1, np.pi, 0.0),
    "equal": np.ones_like,
    "zero": np.zeros_like,
    "not finite": lambda x: x / 0.0,
    "saturated": lambda x: 1 / (1 + np.exp(-20 * x)),
    "as large as those of float16": lambda x: np.round(1000 + 100 * x[:8]),
}


@pytest.mark.parametrize("function", NO_STEPS.values(), ids=NO_STEPS)
def test_what_has_no_large_steps_is_not_taken_for_steps(x, function):
    with np.errstate(all="ignore"):
        outputs = function(x)
    assert not on_steps(outputs, work=DOUBLE)
    assert not on_steps(outputs[:0], work=DOUBLE)


@pytest.mark.parametrize("parts", [37.0, 256.0, 1000.0])
def test_steps_stay_the_same_close_by(x, parts):
    def moves(function):
        base = function(x)
        return may_be_steps(base, look_around(lambda step: function(x + step), base, 0.0), DOUBLE)

    assert moves(lambda x: np.round(parts * x) / parts)
    assert not moves(lambda x: np.round(parts * x) / parts + 0.001 * x)
    assert not may_be_steps(np.round(parts * x) / parts, None, DOUBLE)


def test_steps_are_told_in_float32_too(x):
    levels = (np.round(255 * x).astype(np.float32) / np.float32(255)).astype(float)
    assert on_steps(levels, work=SINGLE)
    assert not on_steps(levels, work=DOUBLE)
    assert not on_steps(np.sin(x).astype(np.float32).astype(float), work=SINGLE)
    saturated = np.float32(1) / (np.float32(1) + np.exp(-20 * x.astype(np.float32)))
    assert not on_steps(saturated.astype(float), work=SINGLE)
    assert [may_lie_on_steps(np.sin(x[:n]).astype(np.float32).astype(float), SINGLE) for n in (1, 40)] == [True, False]
    assert may_lie_on_steps(levels[:3], SINGLE)


def test_what_a_clip_leaves_at_its_edges_is_no_step():
    levels = np.array([-1.0, 1.0, -1.0, 0.25, 0.5, -0.5, 0.75])
    along = {
        "flat": lambda step: levels + 0.0 * step,
        "an edge": lambda step: levels - np.where(levels == 1.0, np.maximum(step, 0.0), 0.0),
        "jumps": lambda step: levels - np.where(levels == 1.0, 0.25 * (step > 0), 0.0),
    }
    moves = {name: may_be_steps(levels, look_around(way, levels, 0.0), DOUBLE) for name, way in along.items()}
    assert moves == {"flat": True, "an edge": False, "jumps": True}
    assert not on_steps(np.array([-1.0, 1.0, -1.0, 1.0, 0.0]), work=DOUBLE)
    assert not on_steps(np.array([-1.0, 1.0, 0.5, 0.5, 0.0]), work=DOUBLE)
