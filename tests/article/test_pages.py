"""docs/article.md and docs/article.html are what the ledger says."""

import importlib.util
import re
from pathlib import Path

import pytest

from gradcheck.cli.article import stored_ledger

SOURCE = Path(__file__).resolve().parents[2] / "docs" / "article_pages.py"
SPEC = importlib.util.spec_from_file_location("article_pages", SOURCE)
pages = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pages)


@pytest.fixture(scope="module")
def written():
    """Both pages, written once: the readers' examples run for each of them."""
    ledger = stored_ledger()
    return {name: write(ledger) for name, write in pages.PAGES.items()}


@pytest.fixture(autouse=True)
def write_once(monkeypatch, written):
    monkeypatch.setattr(pages, "PAGES", {name: lambda _, name=name: written[name] for name in written})


def test_the_pages_are_up_to_date(capsys):
    assert pages.main(["check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    assert pages.main(["check"]) == 1
    assert "docs/article.md is not what the ledger says" in capsys.readouterr().out
    assert pages.main([]) == 0
    assert pages.main(["check"]) == 0


def test_the_html_page_needs_no_network_and_no_script(written):
    text = written["article.html"]
    assert not re.search(r"<script|<link|src=|href=\"http|@import|url\(", text)
    assert text.count("<math ") >= 22 + 10


def test_every_equation_is_on_both_pages(written):
    for number in range(1, 23):
        assert f"### Eq. {number}: " in written["article.md"]
        assert f'id="claim-{number}"' in written["article.html"]


def test_both_pages_say_what_is_misprinted(written):
    for text in written.values():
        assert "rot180 stands around the whole sum in place of around w. As printed it holds only if delta" in text
