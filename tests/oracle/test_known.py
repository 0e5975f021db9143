"""docs/known: each deviation of a framework stands there by its exact name and dtype, with what explains it."""

import re
from pathlib import Path

import pytest

from gradcheck.oracle.expectations import read_expectations
from gradcheck.oracle.making import names

DOCS = Path(__file__).resolve().parents[2] / "docs"
FRAMEWORKS = ("torch", "jax", "tensorflow")


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return request.param


def lines_of(framework):
    return read_expectations(DOCS / "known" / f"{framework}.txt")


def test_every_line_names_one_case_in_one_dtype_and_none_twice(framework):
    lines = lines_of(framework)
    assert {line.pattern for line in lines} <= set(names())
    assert {line.dtype for line in lines} == {"float32", "float64"}
    assert len({(line.pattern, line.dtype) for line in lines}) == len(lines) > 0


def test_every_sentence_says_whether_it_is_a_bug_a_loss_of_accuracy_or_a_convention(framework):
    assert all(re.match(r"(bug|accuracy|convention): \S", line.sentence) for line in lines_of(framework))


def test_every_bug_has_a_program_that_shows_it_and_the_page_tells_all(framework):
    shown = (DOCS / "known" / f"{framework}.md").read_text(encoding="utf-8")
    page = (DOCS / "conformance.md").read_text(encoding="utf-8")
    titles = re.findall(r"^#### (.+)\n\n```python\n", shown, re.MULTILINE)
    for sentence in {line.sentence for line in lines_of(framework)}:
        kind, words = sentence.split(": ", 1)
        assert words in page
        assert kind != "bug" or any(words.startswith(title) for title in titles), sentence


def test_the_page_holds_what_each_program_printed(framework):
    shown = (DOCS / "known" / f"{framework}.md").read_text(encoding="utf-8")
    page = (DOCS / "conformance.md").read_text(encoding="utf-8")
    for program in re.findall(r"^```python\n.*?^```\n", shown, re.MULTILINE | re.DOTALL):
        assert re.match(r"\n```text\n(.+\n)+```\n", page.partition(program)[2]), program
