"""What may be given as inputs: copies by name, one clear sentence for whatever cannot be differentiated."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.subject import Passes, Subject, further_points, is_differentiable, is_floating, named_inputs

ONES = np.ones((2, 3))

REFUSED = {
    "nothing": (None, r"must hold at least one floating array to differentiate; `input0` is NoneType"),
    "no inputs": (
        {},
        r"at least one floating array to differentiate; none were given\. Pass e\.g\. np\.asarray\(x, float\)",
    ),
    "integers": ({"x": np.arange(3)}, r"at least one floating array .*; `x` is int64 of shape \(3,\)"),
    "text": ({"x": "abc", "y": 3}, r"`x` is str, `y` is int"),
    "objects": ({"x": np.array([1.0, None])}, r"`x` must be an array of numbers; its dtype is object"),
    "masked": (
        {"x": np.ma.masked_array(ONES)},
        r"`x` must be a plain array; it is a masked array\. Pass value\.filled",
    ),
    "complex": (
        {"x": ONES + 1j},
        r"`x` must be real; its dtype is complex128\. Complex layers are out of scope for now",
    ),
    "nan": ({"x": ONES * np.nan}, r"`x` must be finite to be differentiated; it holds 6 non-finite entries"),
    "infinite": (
        {"x": np.array([1.0, np.inf])},
        r"`x` must be finite to be differentiated; it holds 1 non-finite entries",
    ),
    "ragged": ({"x": [[1.0], [2.0, 3.0]]}, r"`x` must be one array; its rows differ in length"),
}


@pytest.mark.parametrize(("inputs", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_one_sentence(inputs, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        named_inputs(inputs)


NAMED = {
    "mapping": ({"b": ONES, "a": 2}, ["b", "a"]),
    "sequence": ([ONES, ONES], ["weight", "input1"]),
    "one array": (ONES, ["weight"]),
    "list of numbers": ({"x": [1.0, 2.0]}, ["x"]),
    "a float": ({"x": 1.5}, ["x"]),
    "a NumPy number": ([np.float32(1.5)], ["weight"]),
}


@pytest.mark.parametrize(("inputs", "names"), NAMED.values(), ids=NAMED)
def test_names_inputs_after_the_mapping_or_the_parameters_of_forward(inputs, names):
    assert list(named_inputs(inputs, ("weight",))) == names


def test_lists_become_arrays_and_keep_their_values():
    assert named_inputs({"x": [1.0, 2.0]})["x"].tolist() == [1.0, 2.0]


def test_a_float_is_differentiated_only_where_there_is_no_array():
    alone, beside = named_inputs({"y": 1.5})["y"], named_inputs({"x": ONES, "y": 1.5})["y"]
    assert (is_differentiable(alone), alone.shape) == (True, ())
    assert (is_differentiable(beside), beside) == (False, 1.5)


def test_constants_are_handed_on_as_they_are():
    marker = object()
    assert named_inputs({"x": ONES, "mode": "same", "key": marker})["key"] is marker


def test_arrays_are_copied_in_their_own_memory_order():
    x = np.asfortranarray(ONES)
    found = named_inputs({"x": x})["x"]
    assert not np.shares_memory(found, x)
    assert found.flags.f_contiguous


def test_subclasses_of_arrays_become_plain_arrays():
    kind = type("Tagged", (np.ndarray,), {})
    assert type(named_inputs({"x": ONES.view(kind)})["x"]) is np.ndarray


FLOATING = [
    (np.float16(1).reshape(1), True),
    (ONES, True),
    (np.arange(3), False),
    (ONES + 1j, False),
    (1.0, False),
    ([1.0], False),
]


@pytest.mark.parametrize(("value", "wanted"), FLOATING, ids=[f"{type(v).__name__}-{w}" for v, w in FLOATING])
def test_only_arrays_of_real_floating_numbers_are_differentiated(value, wanted):
    assert is_floating(value) is wanted


def test_further_points_keep_the_order_of_the_inputs_and_the_values_left_out():
    inputs = {"a": ONES, "b": 2 * ONES, "n": 3}
    first, second = further_points([{"b": 5 * ONES, "a": 4 * ONES}, [7 * ONES]], inputs)
    assert list(first) == list(second) == ["a", "b", "n"]
    assert (first["a"][0, 0], first["b"][0, 0], first["n"]) == (4, 5, 3)
    assert (second["a"][0, 0], second["b"][0, 0]) == (7, 2)


def test_a_further_point_may_change_a_constant_alone():
    (point,) = further_points([{"n": 4}], {"x": ONES, "n": 3})
    assert (point["n"], point["x"].tolist()) == (4, ONES.tolist())


WRONG_POINTS = {
    "one point": ({"x": ONES}, r"`points` must be a sequence of inputs, one a point; put a single one in a list"),
    "unknown name": ([{"x": ONES}, {"weigth": ONES}], r"point 2 names `weigth`; did you mean `weight`\?"),
    "far name": ([{"q": ONES}], r"`points` must name the inputs \(x, weight\); point 1 names `q`\.$"),
    "complex": ([{"x": ONES + 1j}], r"point 1 of `points`: `x` must be real"),
    "a number": (3, r"`points` must be a sequence of inputs, one a point"),
    "an array": (ONES, r"`points` must be a sequence of inputs, one a point"),
    "nothing": ([None], r"point 1 of `points`: `inputs` must hold at least one floating array"),
    "integers": ([{"x": np.ones((2, 2), int)}], r"point 1 .*: `x` must be a finite floating array, .*; it is int64"),
    "not finite": ([{}, {"x": ONES * np.nan}], r"point 2 .*: `x` must be a finite floating array.*not finite"),
    "one too many": ([[ONES, ONES, ONES]], r"`points` must name the inputs \(x, weight\); point 1 names `input2`"),
}


@pytest.mark.parametrize(("points", "sentence"), WRONG_POINTS.values(), ids=WRONG_POINTS)
def test_refuses_points_that_are_none(points, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        further_points(points, {"x": ONES, "weight": ONES})


def test_a_subject_at_another_point_is_otherwise_the_same():
    passes = Passes(lambda values: values["x"], lambda cotangents, values: {"x": cotangents[0]})
    subject = Subject("identity", {"x": ONES}, lambda: passes, ("x",), stateful=True)
    moved = subject.at({"x": 2 * ONES})
    assert moved.inputs["x"][0, 0] == 2
    assert (moved.name, moved.wrt, moved.stateful, moved.fresh()) == ("identity", ("x",), True, passes)
    assert subject.inputs["x"][0, 0] == 1


def test_an_array_with_infinities_is_a_constant_beside_a_finite_one():
    mask = np.array([0.0, -np.inf])
    found = named_inputs({"x": ONES, "mask": mask})
    assert np.array_equal(found["mask"], mask)
    assert [name for name, value in found.items() if is_differentiable(value)] == ["x"]
