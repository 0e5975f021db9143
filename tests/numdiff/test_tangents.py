"""Tangents: no entry nearly unprobed, each at its own scale, and every step of the ladder exact."""

import numpy as np
import pytest

from gradcheck.numdiff.ladder import COARSE_STEPS
from gradcheck.numdiff.tangents import (
    SMALLEST_STEP,
    natural_scale,
    on_the_grid,
    random_direction,
    random_magnitudes,
    random_signs,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_random_signs_are_plus_or_minus_one_alike(rng):
    signs = random_signs(rng, (100, 100))
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 0.05  # five standard deviations of 10,000 signs


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (7, 5)])
def test_random_direction_has_the_shape_asked_for(rng, shape):
    assert random_direction(rng, shape).shape == shape


@pytest.mark.parametrize("size", [5, 2**15, 2**15 + 3, 100_001])
def test_a_direction_is_drawn_in_blocks_as_its_signs_and_magnitudes_are_in_one_go(size):
    drawn = random_direction(np.random.default_rng(3), (size,))
    rng = np.random.default_rng(3)
    assert np.array_equal(drawn, random_signs(rng, (size,)) * random_magnitudes(rng, (size,)))
    rng = np.random.default_rng(3)
    bits = np.unpackbits(np.frombuffer(rng.bytes((size + 7) // 8), np.uint8), count=size)
    assert np.array_equal(np.sign(drawn), 2.0 * bits - 1.0)


def test_a_scale_shared_by_all_is_written_down_once(rng):
    scale = natural_scale(rng.standard_normal((300, 200)))
    assert set(scale.strides) == {0}
    assert not scale.flags.writeable


def test_random_magnitudes_lie_between_a_half_and_three_halves(rng):
    magnitudes = random_magnitudes(rng, (10_000,))
    assert magnitudes.min() >= 0.5
    assert magnitudes.max() < 1.5


def test_random_magnitudes_are_not_exact_in_float32(rng):
    magnitudes = random_magnitudes(rng, (256,))
    assert not np.any(magnitudes.astype(np.float32) == magnitudes)


@pytest.mark.parametrize(
    ("x", "scale"),
    [
        ([1.0, -1.0], [1.0, 1.0]),
        ([3.0, 3.0, 3.0], [3.0, 3.0, 3.0]),
        ([0.0, 0.0], [1.0, 1.0]),
        ([1e-8, -1e-8], [1e-8, 1e-8]),
        ([1e12, -1e12], [1e12, 1e12]),
        ([], []),
    ],
    ids=["spread", "no-spread", "zeros", "tiny", "huge", "empty"],
)
def test_natural_scale_is_the_spread_or_the_size(x, scale):
    np.testing.assert_allclose(natural_scale(np.array(x)), scale, rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "of_zero"),
    [
        ([0.0, 1e-7, -1e-9, 0.5, -1.0, 2.0], 1.0),  # kinks at 0 are not to be looked at over the smallest entry's steps
        ([0.0, 1e-9, 1e-7, -1e-7, -1e-9, 0.5, -1.0, 2.0], 1.0),
        ([0.0, 1e-12, 1e-9, 1e-5, 2e-3], 2e-3),
        ([0.0, 2.0, 5e2, -1e5, 1e8], 2.0),
    ],
)
def test_zero_among_decades_has_the_scale_of_one_or_the_size_nearest_to_it(x, of_zero):
    scale = natural_scale(np.array(x))
    np.testing.assert_array_equal(scale, [of_zero, *np.abs(x[1:])])


def test_natural_scale_is_each_entry_s_own_over_18_decades():
    x = 10.0 ** np.linspace(-9, 9, 40)
    np.testing.assert_array_equal(natural_scale(-x), x)


def test_natural_scale_of_normal_numbers_is_one_for_all(rng):
    assert np.ptp(natural_scale(rng.normal(size=10_000))) == 0.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("size", [1.0, 1e-3, 300.0])
def test_every_step_of_the_ladder_is_exact_but_where_it_passes_a_power_of_two(rng, dtype, size):
    x = (size * rng.normal(size=500)).astype(dtype)
    tangent, smallest = on_the_grid(x, size * random_direction(rng, x.shape), np.dtype(dtype))
    wide = x.astype(np.float64)
    for step in (s for s in (*COARSE_STEPS, 2.0**-20, 2.0**-27, 2.0**-34) if s >= smallest):
        for shift in (step * tangent, -step * tangent):
            moved = (wide + shift).astype(dtype)
            lost = np.abs((moved.astype(np.float64) - wide) - shift)
            assert np.all(lost <= np.spacing(np.abs(moved)).astype(np.float64) / 2)
            assert not lost[np.spacing(np.abs(moved)) <= np.spacing(np.abs(x))].any()


def test_tangent_on_the_grid_moves_every_entry_and_stays_near_the_one_wanted(rng):
    x = rng.normal(size=500)
    wanted = random_direction(rng, x.shape)
    tangent, smallest = on_the_grid(x, wanted, np.dtype(np.float64))
    assert np.all(x + smallest * tangent != x)
    assert np.median(np.abs(tangent - wanted)) < 1e-3  # at most half a unit of eight at the smallest step


def test_grid_leaves_a_zero_tangent_and_an_empty_one_alone():
    for x in (np.ones(3), np.ones(0)):
        tangent, step = on_the_grid(x, np.zeros(x.shape), np.dtype(np.float64))
        assert not tangent.any()
        assert step == SMALLEST_STEP
