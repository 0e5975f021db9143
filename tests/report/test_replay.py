"""The replay line can be copied from the report and run."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.report.paper import Paper
from gradcheck.report.replay import replay_lines

WORDS = st.lists(st.text("ab c'\"=-,", min_size=1, max_size=30), min_size=1, max_size=12)


def copied(lines):
    text = "\n".join(lines).removeprefix("replay").lstrip()
    return shlex.split(text.replace("\\\n", ""))


@given(WORDS, st.integers(30, 100))
def test_broken_shell_command_reads_back_as_the_same_words(words, width):
    assert copied(replay_lines(shlex.join(["gradcheck", *words]), Paper(width))) == ["gradcheck", *words]


@pytest.mark.parametrize(("width", "lines"), [(80, 1), (40, 3)])
def test_command_is_broken_only_where_it_must_be(width, lines):
    command = "gradcheck check net.py:Conv --input x=2,3,8,8 --seed 0"
    assert len(replay_lines(command, Paper(width))) == lines


def test_option_stays_with_its_value():
    command = "gradcheck check net.py:Conv --input x=2,3,8,8 --input weight=2,3,3,3 --strict --arg stride=1,2"
    assert replay_lines(command, Paper(48)) == [
        "replay",
        "gradcheck check net.py:Conv --input x=2,3,8,8 \\",
        "  --input weight=2,3,3,3 --strict \\",
        "  --arg stride=1,2",
    ]


def test_no_replay_line_prints_nothing():
    assert replay_lines("", Paper()) == []
