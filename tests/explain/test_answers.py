"""Answers that are multiples of known claims are kept as such, and come back to the bit."""

import numpy as np
import pytest

from gradcheck.explain.answers import Multiple, kept
from gradcheck.numdiff.long_ladder import REMEMBERED

SIZE = REMEMBERED + 5
COTANGENTS = np.random.default_rng(0).standard_normal((2, SIZE))
CLAIMS = {"x": 3.0 * COTANGENTS, "b": COTANGENTS.sum(axis=1, keepdims=True)}


@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0**50, 2.0**-10, 0.0])
@pytest.mark.parametrize("row", [0, 1])
def test_a_multiple_comes_back_to_the_bit(factor, row):
    answer = {"x": (factor * CLAIMS["x"][row]).reshape(1, SIZE), "b": factor * CLAIMS["b"][row]}
    found = kept(factor * COTANGENTS[row], answer, COTANGENTS, CLAIMS)
    assert isinstance(found, Multiple)
    assert set(found) == {"x", "b"}
    assert len(found) == 2
    for name, claim in answer.items():
        assert found[name].shape == claim.shape
        assert np.array_equal(found[name], claim)


def test_an_answer_that_is_no_multiple_is_kept_as_it_is():
    answer = {"x": 2.0 * CLAIMS["x"][0], "b": 2.0 * CLAIMS["b"][0]}
    answer["x"][77] *= 1.0 + 2.0**-52
    assert kept(2.0 * COTANGENTS[0], answer, COTANGENTS, CLAIMS) is answer
    unclaimed = {"x": 2.0 * CLAIMS["x"][0], "b": None}
    assert kept(2.0 * COTANGENTS[0], unclaimed, COTANGENTS, CLAIMS) is unclaimed


def test_a_small_answer_and_none_are_kept_as_they_are():
    few = {"x": 2.0 * CLAIMS["x"][0, :9]}
    assert kept(2.0 * COTANGENTS[0, :9], few, COTANGENTS[:, :9], {"x": CLAIMS["x"][:, :9]}) is few
    assert kept(COTANGENTS[0], {}, COTANGENTS, CLAIMS) == {}
