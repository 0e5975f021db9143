"""Sweeps: repeated options, ranges, and shapes in letters."""

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.runner.sweeps import Configuration, letters_in, read_dims, sweep, with_sizes

SHAPES = [
    ("NCHW", "NCHW", "2,3,5,6"),
    ("N,3,H,W", "NHW", "2,3,5,6"),
    ("N:int:0..9", "N", "2:int:0..9"),
    ("3H:uniform:0..1", "H", "3,5:uniform:0..1"),
    ("2,3", "", "2,3"),
    ("@NCHW.npy", "", "@NCHW.npy"),
    ("[[1,2]]", "", "[[1,2]]"),
]


@pytest.mark.parametrize(("spec", "letters", "drawn"), SHAPES, ids=[spec for spec, _, _ in SHAPES])
def test_letters_of_a_shape_get_their_sizes(spec, letters, drawn):
    assert letters_in(spec) == tuple(letters)
    assert with_sizes(spec, {"N": 2, "C": 3, "H": 5, "W": 6}) == drawn


def test_sizes_are_ranges_lists_and_single_numbers_and_add_up():
    dims = [("N", "1..2"), ("H", "1,3..5,9"), ("C", "3"), ("C", "1")]
    assert read_dims(dims) == {"N": (1, 2), "H": (1, 3, 4, 5, 9), "C": (3, 1)}


def test_every_combination_of_repeated_names_is_a_configuration_the_last_changing_fastest():
    found = sweep([("x", "2"), ("x", "3")], [("a", "1"), ("a", "2"), ("b", "7")])
    assert found.configurations == tuple(
        Configuration({"x": x}, {"a": a, "b": "7"}) for x in ("2", "3") for a in ("1", "2")
    )
    assert (found.total, found.note) == (4, "")


def test_nothing_given_is_one_configuration():
    assert sweep([], []).configurations == (Configuration({}, {}),)


def test_a_letter_is_one_size_in_all_inputs_of_a_configuration():
    found = sweep([("x", "NC"), ("w", "CK")], [], [("N", "2"), ("C", "3..4"), ("K", "5")])
    assert [one.inputs for one in found.configurations] == [
        {"x": "2,3", "w": "3,5"}, {"x": "2,4", "w": "4,5"},
    ]  # fmt: skip


def test_a_range_of_whole_numbers_sweeps_an_argument_and_other_texts_do_not():
    found = sweep([], [("stride", "1..3"), ("mode", "a..b")])
    assert [one.args["stride"] for one in found.configurations] == ["1", "2", "3"]
    assert {one.args["mode"] for one in found.configurations} == {"a..b"}


def test_a_letter_that_only_one_of_two_shapes_has_makes_no_copies():
    found = sweep([("x", "N"), ("x", "5")], [], [("N", "2..4")])
    assert [one.inputs["x"] for one in found.configurations] == ["2", "3", "4", "5"]
    assert found.note == ""


def test_too_many_configurations_are_sampled_by_the_seed_and_that_is_said():
    def drawn(seed):
        return sweep([("x", "AB")], [], [("A", "1..40"), ("B", "1..40")], most=10, seed=seed)

    found = drawn(3)
    assert found == drawn(3) != drawn(4)
    shapes = [one.inputs["x"] for one in found.configurations]
    assert len(set(shapes)) == 10
    assert (shapes[0], shapes[-1]) == ("1,1", "40,40")
    assert found.note == (
        "1600 configurations: 10 of them are checked, the first, the last and others drawn from the seed; "
        "all with --max-configs 1600"
    )


REFUSED = [
    (([("x", "NH")], [("N", "1")]), "every letter of a shape must have its sizes; H of x=NH has none"),
    (([("x", "N")], [("N", "1"), ("H", "1")]), "--dim must name a letter of an input's shape; none has H"),
    (([("x", "N")], [("n", "1")]), "--dim must be LETTER=SIZES with one capital letter, for instance H=4..7"),
    (([("x", "N")], [("N", "7..4")]), "a range 4..7, a list 1,3,5 or one size, none below 0; '7..4' is none"),
    (([("x", "N")], [("N", "-1")]), "none below 0; '-1' is none"),
]


@pytest.mark.parametrize(("asked", "words"), REFUSED, ids=[words[:30] for _, words in REFUSED])
def test_dims_that_do_not_fit_are_refused(asked, words):
    inputs, dims = asked
    with pytest.raises(InvalidInput) as refused:
        sweep(inputs, [], dims)
    assert words in str(refused.value)
