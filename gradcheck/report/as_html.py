"""The HTML face: one self-contained page of cards, without scripts and without the network."""

from collections.abc import Sequence

from gradcheck.report.as_text import color_of
from gradcheck.report.card import badge, card
from gradcheck.report.digits import whole
from gradcheck.report.headline import headline, label
from gradcheck.report.markup import element, safe
from gradcheck.report.page_style import STYLE
from gradcheck.report.record import Result

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # the page can load nothing, whatever is in it


def documents(results: Sequence[Result], version: str) -> str:
    """Write a page with a card for each result, below a table of them where there are two or more."""
    title = f"gradcheck: {results[0].target}" if len(results) == 1 else f"gradcheck: {len(results)} targets"
    many = len(results) > 1
    cards = [
        card(result, anchor=f"result-{number}", folded=many and color_of(result) == "green")
        for number, result in enumerate(results, 1)
    ]
    by = element("p", safe(f"gradcheck {version}"), class_="muted") if version else ""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", safe(title)),
        element("style", STYLE),
    )
    body = element("body", element("main", _summary(results), *cards, by), class_="gradcheck")
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n{body}</html>\n'


def fragment(result: Result) -> str:
    """Write one card with its style, to stand inside another page (a notebook)."""
    return element("div", element("style", STYLE), card(result), class_="gradcheck")


def _summary(results: Sequence[Result]) -> str:
    if len(results) == 1:
        return ""
    counts: dict[str, int] = {}
    for result in results:
        counts[label(result)] = counts.get(label(result), 0) + 1
    tally = "; ".join(f"{word.lower()} {count}" for word, count in counts.items()) or "none"
    rows = [_row(result, number) for number, result in enumerate(results, 1)]
    shown = element("div", element("table", element("tbody", *rows)), class_="scroll") if rows else ""
    return element("h1", safe(f"{whole(len(results), 'target')}: {tally}")) + shown


def _row(result: Result, number: int) -> str:
    link = element("a", safe(headline(result)), href=f"#result-{number}")
    return element("tr", element("td", badge(result)), element("td", link, class_="free"))
