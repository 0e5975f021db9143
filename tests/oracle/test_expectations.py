"""Known deviations: how the file is read, and what counts as expected."""

import pytest

from gradcheck.errors import InvalidInput
from gradcheck.oracle.expectations import Expectation, is_deviation, read_expectations
from gradcheck.oracle.judging import Outcome


def written(tmp_path, text):
    path = tmp_path / "known.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_have_a_pattern_a_dtype_and_a_sentence(tmp_path):
    text = "# ours\n\nlp_pool*: adds up signs\ngelu/* float32: cancels in the tail: 1e-7\n"
    assert read_expectations(written(tmp_path, text)) == (
        Expectation("lp_pool*", "", "adds up signs"),
        Expectation("gelu/*", "float32", "cancels in the tail: 1e-7"),
    )


@pytest.mark.parametrize("line", ["lp_pool*", "lp_pool*:", "lp_pool* float32", "lp_pool* double: why"])
def test_a_line_without_its_sentence_is_refused(tmp_path, line):
    with pytest.raises(InvalidInput, match="must be PATTERN: SENTENCE or PATTERN DTYPE: SENTENCE; line 1 is"):
        read_expectations(written(tmp_path, line))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="--xfail must name a text file that can be read"):
        read_expectations(tmp_path / "nothing.txt")


@pytest.mark.parametrize(
    ("status", "known", "deviates"),
    [
        ("bit-exact", False, False),
        ("ulps", False, False),
        ("wrong", False, True),
        ("crashed", False, True),
        ("unsupported", False, False),
        ("bit-exact", True, True),
        ("reciprocal", True, True),
        ("wrong", True, False),
        ("crashed", True, False),
        ("unsupported", True, False),
    ],
)
def test_a_deviation_is_an_unexpected_failure_or_an_unexpected_pass(status, known, deviates):
    outcome = Outcome("gelu/tail", "gelu", "float32", status)
    assert is_deviation(outcome, [Expectation("gelu/*", "float32", "why")] if known else []) is deviates
    assert is_deviation(outcome, [Expectation("gelu/*", "float64", "why")]) is (status in ("wrong", "crashed"))
