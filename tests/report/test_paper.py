"""What is written on a terminal stays on its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.report.paper import Paper, columns, printable, without_escapes


@given(st.text(), st.integers(20, 100))
def test_wrapped_text_keeps_its_words_and_its_width(text, width):
    paper = Paper(width)
    lines = paper.wrap(text, first="first: ", rest="  ")
    assert max(map(columns, lines)) <= width
    joined = "".join("".join(lines).removeprefix("first:").split())
    assert joined == "".join(paper.clean(text).split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\r\nb", "a  b"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\ud800", "\\ud800"),
        ("名前 ± ½", "名前 ± ½"),
    ],
)
def test_controls_become_visible_and_letters_stay(text, shown):
    assert printable(text) == shown


def test_ascii_paper_has_a_stand_in_for_every_character():
    assert Paper(unicode=False).clean("1 ± 2 \N{MULTIPLICATION SIGN} 3° → ∞ 名") == "1 +- 2 x 3 degrees -> inf \\u540d"


def test_wide_characters_take_two_columns_and_combining_ones_none():
    assert columns("名a") == 3
    assert columns("e\u0301") == 1


def test_code_is_never_broken():
    line = "x" * 200
    assert Paper(40).verbatim(f"{line}\n\ty\x07", indent="  ") == [f"  {line}", "      y\\x07"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b[2J\x1b[1;1Hb", "ab"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bplain \x1b7\x1b8text", "plain text"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_escapes_of_a_terminal_are_taken_out_and_their_text_is_kept(text, kept):
    assert without_escapes(text) == kept


def test_a_long_path_is_cut_behind_its_separators():
    path = "packages/networks/convolutional/layers/two_dimensional/convolution.py:Conv2D,conv2d_backward"
    lines = Paper(40).wrap(f"AGREES {path}")
    assert "".join(lines).replace(" ", "") == f"AGREES{path}"
    assert lines[1:] == [
        "packages/networks/convolutional/layers/",
        "two_dimensional/convolution.py:Conv2D,",
        "conv2d_backward",
    ]
    assert Paper(20).wrap("x" * 45) == ["x" * 20, "x" * 20, "x" * 5]
