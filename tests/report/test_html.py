"""The page is self-contained, says what the text says, and runs nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gradcheck.report import as_html

VOID = {"meta", "rect", "path", "line", "polyline"}


class Outline(HTMLParser):
    """Collects tags, attributes and text, and refuses a page whose tags do not close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(page):
    outline = Outline()
    outline.feed(page)
    outline.close()
    assert outline.open == []
    return outline


def test_page_loads_nothing_and_runs_nothing(disagreement, failure):
    outline = read(as_html.documents([disagreement, failure], "0.1.0"))
    assert not {"script", "link", "iframe", "object", "img", "base"} & set(outline.tags)
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name == "src"]
    assert all(value.startswith("#") for name, value in outline.attributes if name == "href")
    assert not re.search(r"url\(|@import|https?:", as_html.documents([disagreement], ""))


def test_page_says_verdict_diagnosis_and_replay(disagreement):
    words = " ".join(read(disagreement.to_html()).words)
    for said in (
        "DISAGREES",
        "grad_weight is wrong (3 of 18 entries)",
        "grad_weight[0, 0, 2, 1]",
        "2.000000000 ± 3e-9",
        "8.6e8 error bars apart (threshold 7.1)",
        "grad_weight is rotated by 180°",
        "grad_weight = correlate(input, grad_output)",
        "seen only at a further point: negated",
        "stale-state",
        "12 outputs at kinks set apart",
        "step 7",
        disagreement.replay,
    ):
        assert said in words


def test_failing_argument_is_drawn_claimed_measured_difference_and_step_curve(disagreement):
    assert read(disagreement.to_html()).tags.count("svg") == 4


def test_agreement_is_not_drawn(agreement):
    assert "svg" not in read(agreement.to_html()).tags


def test_page_follows_the_reader_to_dark_and_to_a_narrow_window(agreement):
    page = agreement.to_html()
    assert "@media (prefers-color-scheme: dark)" in page
    assert "@media (max-width: 36rem)" in page
    assert 'name="viewport"' in page


def test_many_results_have_a_table_that_leads_to_their_cards(disagreement, agreement, failure):
    outline = read(as_html.documents([disagreement, agreement, failure], "0.1.0"))
    ids = {value for name, value in outline.attributes if name == "id"}
    assert [value for name, value in outline.attributes if name == "href"] == ["#result-1", "#result-2", "#result-3"]
    assert ids == {"result-1", "result-2", "result-3"}
    assert "3 targets: disagrees 1; agrees 1; raised 1" in outline.words


def test_empty_document_is_a_page():
    assert "0 targets: none" in read(as_html.documents([], "0.1.0")).words


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "]]></style>", "\x1b[2J"]
)
def test_names_of_a_user_are_text_everywhere(disagreement, failure, name):
    weight = replace(disagreement.arguments["weight"], name=name, point=name, dtype=name)
    finding = replace(disagreement.findings[0], code=name, sentence=name, argument=name, evidence={name: name})
    nasty = replace(
        disagreement,
        target=name,
        replay=name,
        witness=name,
        printed=name,
        arguments={name: weight},
        findings=(finding,),
    )
    page = as_html.documents([nasty, replace(failure, target=name, traceback=name, printed=name)], name)
    outline = read(page)
    assert not {"script", "img"} & set(outline.tags)
    assert "\x1b" not in page
    assert page.count("</style>") == 1


def test_notebook_gets_a_fragment_with_its_own_style(agreement):
    fragment = agreement._repr_html_()
    assert set(read(fragment).tags) >= {"div", "style", "article"}
    assert "<html" not in fragment
