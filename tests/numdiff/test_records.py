import numpy as np
import pytest

from gradcheck.numdiff.records import identical, joined_flat, norm, norm_of_products, products, sampled


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-20, 1.0, 1e20, 1e160, 1e300])
def test_norm_neither_vanishes_nor_overflows(scale):
    assert norm(scale * np.array([3.0, -4.0])) == pytest.approx(5.0 * scale, rel=1e-15)


def test_norm_of_nothing_is_zero_and_of_an_infinity_infinite():
    assert norm(np.zeros(0)) == norm(np.zeros(3)) == 0.0
    assert norm(np.array([1.0, -np.inf])) == np.inf


def test_a_zero_silences_what_is_not_finite_beside_it():
    silenced = products(np.array([0.0, 2.0]), np.array([np.inf, 3.0]))
    assert silenced.tolist() == [0.0, 6.0]
    assert norm_of_products(np.array([0.0, 0.0, 2.0]), np.array([np.inf, np.nan, 3.0])) == 6.0
    assert norm_of_products(np.array([1.0, 2.0]), np.array([np.inf, 3.0])) == np.inf


def test_identical_takes_nan_for_nan_and_nothing_else():
    assert identical(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    assert not identical(np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    assert not identical(np.zeros(2), np.zeros(3))


def test_one_part_is_read_where_it_lies_and_several_are_joined():
    part = np.arange(4.0).reshape(2, 2)
    assert np.shares_memory(joined_flat([part]), part)
    assert joined_flat([part, np.array([9.0])]).tolist() == [0.0, 1.0, 2.0, 3.0, 9.0]


def test_a_sample_of_very_many_meets_every_place_of_a_row():
    assert {int(i) % 64 for i in sampled(np.arange(2**18))} == set(range(64))
