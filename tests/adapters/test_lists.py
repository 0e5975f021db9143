"""Inputs that are lists of arrays: one list for the layer, an argument each for the judge."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.lists import heads, members, spread

RNG = np.random.default_rng(7)
A, B = RNG.standard_normal((2, 3)), RNG.standard_normal((2, 4))


class Join:
    def __init__(self, factor=1.0):
        self.factor = factor

    def forward(self, inputs):
        assert isinstance(inputs, list)
        self.sizes = [one.shape[1] for one in inputs]
        return np.concatenate(inputs, axis=1)

    def backward(self, grad):
        first, *rest = np.split(grad, np.cumsum(self.sizes)[:-1], axis=1)
        return [first, *(self.factor * one for one in rest)]


def scaled_sum(xs, scale):
    return sum(xs) * scale


def scaled_sum_backward(dout, xs, scale):
    return [dout * scale] * len(xs), np.sum(dout * sum(xs), keepdims=True).reshape(1)


@pytest.mark.parametrize(
    ("factor", "wrong"), [(1.0, []), (2.0, ["inputs.1"])], ids=["right", "wrong-in-the-second-array"]
)
def test_a_list_of_arrays_is_handed_over_as_one_and_judged_array_by_array(factor, wrong):
    report = check(Join(factor), {"inputs": [A, B]}, effort="quick")
    assert list(report.arguments) == ["inputs.0", "inputs.1"]
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong


def test_a_pair_of_functions_takes_a_list_beside_an_array():
    inputs = {"xs": (A, A + 1.0), "scale": np.array([1.5])}
    report = check((scaled_sum, scaled_sum_backward), inputs, effort="quick")
    assert report.verdict is Verdict.AGREES, str(report)
    assert set(report.arguments) == {"xs.0", "xs.1", "scale"}


def test_names_with_numbers_are_lists_only_where_they_count_from_zero():
    assert members("W", ["W.1", "W.2"]) == ()
    assert heads(["x.0", "x.1", "layer.0.W", "b"]) == ("x", "layer.0.W", "b")


def test_a_list_of_numbers_is_one_array():
    assert spread({"x": [1.0, 2.0]}) == {"x": [1.0, 2.0]}
