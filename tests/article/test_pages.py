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


def test_the_pages_are_up_to_date(capsys):
    assert pages.main(["check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    assert pages.main(["check"]) == 1
    assert "docs/article.md is not what the ledger says" in capsys.readouterr().out
    assert pages.main([]) == 0
    assert pages.main(["check"]) == 0


def test_the_html_page_needs_no_network_and_no_script():
    text = pages.page(stored_ledger())
    assert not re.search(r"<script|<link|src=|href=\"http|@import|url\(", text)
    assert text.count("<math ") >= 22 + 10


@pytest.mark.parametrize("number", range(1, 23))
def test_every_equation_is_on_both_pages(number):
    ledger = stored_ledger()
    assert f"### Eq. {number}: " in pages.markdown(ledger)
    assert f'id="claim-{number}"' in pages.page(ledger)
