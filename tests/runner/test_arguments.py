"""Hyperparameters: literals, sweeps, and who gets them."""

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.runner.arguments import Takes, distribute, parse_pair, parse_value, takes

VALUES = [
    ("2", 2),
    ("1,2", (1, 2)),
    ("same", "same"),
    ("'2'", "2"),
    ("None", None),
    ("True", True),
    ("{'pad': 1}", {"pad": 1}),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_a_value_is_a_literal_or_else_a_text(text, value):
    assert parse_value(text) == value


@pytest.mark.parametrize("text", ["stride", "=2", "a b=2"])
def test_a_pair_needs_a_name(text):
    with pytest.raises(InvalidInput, match="an argument must be NAME=VALUE, for instance stride=2; it is "):
        parse_pair(text)


INIT, CALL = Takes(("stride", "mode")), Takes(("x", "mode", "train"))
SHARES = [
    ({"stride": "2"}, {"stride": 2}, {}),
    ({"train": "True"}, {}, {"train": True}),
    ({"mode": "same"}, {"mode": "same"}, {}),
    ({"init.mode": "a", "call.mode": "b"}, {"mode": "a"}, {"mode": "b"}),
]


@pytest.mark.parametrize(("args", "init", "call"), SHARES, ids=["constructor", "call", "both-take-it", "said-which"])
def test_an_argument_goes_to_the_constructor_then_to_the_call(args, init, call):
    assert distribute(args, INIT, CALL) == (init, call)


UNKNOWN = [
    ({"stride_": "2"}, r"nothing takes `stride_`: the constructor takes stride, mode, .*did you mean `stride`\?"),
    ({"call.stride": "2"}, "nothing takes `stride`: forward takes x, mode, train"),
    ({"other.stride": "2"}, "NAME, init.NAME or call.NAME"),
]


@pytest.mark.parametrize(("args", "words"), UNKNOWN, ids=["near", "call", "prefix"])
def test_an_argument_that_nothing_takes_is_answered(args, words):
    with pytest.raises(InvalidInput, match=words):
        distribute(args, INIT, CALL)


def test_keyword_arguments_of_any_name_are_given_to_who_takes_them():
    def anything(x, **options):
        return x, options

    assert distribute({"pad": "1"}, Takes(), takes(anything)) == ({}, {"pad": 1})
