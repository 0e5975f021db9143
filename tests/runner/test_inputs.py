"""Input specifications: every form read, every mistake answered in a sentence."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.runner.inputs import make, parse_input


def made(text, **options):
    name, spec = parse_input(text)
    return make({name: spec}, seed=options.pop("seed", 0), **options)[name]


SHAPES = [
    ("x=2,3,8,8", (2, 3, 8, 8)),
    ("x=4", (4,)),
    ("x=()", ()),
    ("x=(2,3)", (2, 3)),
    ("x=0,3", (0, 3)),
    ("x=2,", (2,)),
]


@pytest.mark.parametrize(("text", "shape"), SHAPES, ids=[text for text, _ in SHAPES])
def test_a_shape_is_drawn_as_float64(text, shape):
    array = made(text)
    assert isinstance(array, np.ndarray)
    assert (array.shape, array.dtype) == (shape, np.float64)


def test_drawn_values_have_both_signs_and_follow_the_seed():
    array = made("x=100")
    assert array.min() < -1 < 1 < array.max()
    assert np.array_equal(array, made("x=100"))
    assert not np.array_equal(array, made("x=100", seed=1))


def test_drawn_values_do_not_depend_on_other_inputs():
    (x, of_x), (y, of_y) = parse_input("x=3"), parse_input("y=3")
    both = make({y: of_y, x: of_x}, seed=5)
    assert np.array_equal(both["x"], made("x=3", seed=5))
    assert not np.array_equal(both["x"], both["y"])


def test_labels_are_integers_between_the_bounds_included():
    labels = made("y=1000:int:2..4")
    assert labels.dtype == np.int64
    assert set(labels) == {2, 3, 4}


def test_uniform_values_lie_between_the_bounds():
    array = made("x=1000:uniform:0.5..0.75")
    assert 0.5 <= array.min() < 0.51 < 0.74 < array.max() <= 0.75


VALUES = [
    ("x=[[1,2],[3,4]]", np.array([[1.0, 2.0], [3.0, 4.0]])),
    ("x=2.5", np.array(2.5)),
    ("y=[0,2]:int", np.array([0, 2])),
    ("m=[True,False]", np.array([True, False])),
]


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[text for text, _ in VALUES])
def test_a_value_is_taken_as_written(text, expected):
    array = made(text)
    assert np.array_equal(array, expected)
    assert array.dtype == expected.dtype


@pytest.mark.parametrize("text", ["x=2,3", "x=[1,2]", "x=3:uniform:0..1", "x=()"])
def test_dtype_is_that_of_what_is_drawn_or_written(text):
    assert made(text, dtype="float32").dtype == np.float32


def test_a_file_is_read_and_integers_stay_integers(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "y.npy", np.arange(3))
    assert np.array_equal(made(f"x=@{tmp_path}/x.npy"), np.arange(6.0).reshape(2, 3))
    assert made(f"x=@{tmp_path}/x.npy", dtype="float32").dtype == np.float32
    assert made(f"y=@{tmp_path}/y.npy", dtype="float32").dtype == np.int64


def test_a_pickled_array_is_never_read(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput, match="objects are pickled, and never read"):
        made(f"x=@{tmp_path}/x.npy")


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"not an array")
    with pytest.raises(InvalidInput, match=r"must come from a \.npy file of numbers"):
        made(f"x=@{tmp_path}/x.npy")


WRONG = [
    ("x", "NAME=SPEC, for instance x=2,3,8,8; it is 'x'"),
    ("=2,3", "NAME=SPEC"),
    ("1x=2", "NAME=SPEC"),
    ("x=", "`x` must be a shape"),
    ("x=2x3", "`x` must be a shape .* it is '2x3'"),
    ("x=-1,3", r"sizes of at least 0; it is \(-1, 3\)"),
    ("x=4:int", r"must be normal, distinct, int:LOW..HIGH, whole:LOW..HIGH or uniform:LOW..HIGH"),
    ("x=4:int:9..0", "LOW..HIGH"),
    ("x=4:poisson:1..2", "they are 'poisson:1..2'"),
    ("x=[1,2]:float", "after a value only :int can come"),
    ("x=@nothere.npy", r"a file that exists; there is no 'nothere\.npy'"),
    ("x=@x.npz", r"must come from a \.npy file, .*'x\.npz'.*Save the one array you need with np\.save"),
    ("x=@x.csv", r"must come from a \.npy file"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_specification_is_answered(text, words):
    with pytest.raises(InvalidInput, match=words):
        parse_input(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [("x=[[1,2],[3]]", "rows of equal length"), ("x=['a']", "made of numbers")],
    ids=["ragged", "text"],
)
def test_a_value_that_is_no_array_is_answered(text, words):
    with pytest.raises(InvalidInput, match=words):
        made(text)
