"""Write docs/article.md and docs/article.html from the ledger that comes with the package.

python docs/article_pages.py          write both
python docs/article_pages.py check    exit with 1 where one of them is not what the ledger says
"""

import html
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradcheck.article.comparison import STARS, called, conclusion, corrections, cross_table, verdict
from gradcheck.article.equations import EQUATIONS
from gradcheck.article.latex import mathml
from gradcheck.article.misprints import misprinted
from gradcheck.article.questions import QUESTIONS
from gradcheck.cli.article import stored_ledger
from gradcheck.cli.article_text import counterexample
from gradcheck.report.markup import element, safe, table
from gradcheck.report.page_style import STYLE
from gradcheck.report.paper import Paper

FOLDER = Path(__file__).resolve().parent
TITLE = "The article, proved"
INTRODUCTION = (
    'The equations and claims of "Backpropagation in Convolutional Neural Networks" (Jefkine Kafunah, 2016), each in '
    "every reading of its symbols, with a verdict that a machine found.",
    "A claim holds if both sides are equal, exactly, for all operands; where it fails, the smallest counterexample "
    "found is shown; where it holds under a condition, it was shown to fail whenever the condition is not met. "
    '"Proved for every shape" means that an SMT solver found the sets of products on both sides to be the same for '
    "all sizes of map and kernel. The verdicts on this page are written from the ledger.",
    "What exactly was proved: along one axis, with H >= k >= 1 and all indices as symbols, every product of two "
    "entries that stands on one side stands on the other, and none stands twice; an index that a reading leaves "
    "undefined is never read. No such relation mixes the axes, so that it holds in two dimensions as well; the "
    "conditions of rotation, which do mix them, were proved on both axes together. A factor f' and a term b that "
    "stand on both sides are left out. Where an equation is no sum of products of two entries, its evidence says what "
    "was done instead.",
)
HOW = "`gradcheck article 14` shows one equation and runs its proofs now, `gradcheck article --rerun` runs all."
PAGE_STYLE = STYLE + (
    ".gradcheck math { font-size: 1.15em; overflow-x: auto; padding: .3rem 0; text-align: left; }\n"
    "@media (max-width: 36rem) { .gradcheck article td.free { display: block; min-width: 0; }\n"
    "  .gradcheck article td.free:first-child { border-bottom: none; font-weight: 600; padding-top: .6rem; } }\n"
)

Entry = Mapping[str, Any]
_BADGES = {"holds": "green", "definition": "dim", "fails": "red", "holds only if": "yellow"}


def grouped(rows: Sequence[Entry]) -> Iterator[tuple[int | str, list[Entry]]]:
    """The rows of each number, in order."""
    for number in dict.fromkeys(row["number"] for row in rows):
        yield number, [row for row in rows if row["number"] == number]


def shown_counterexample(row: Entry) -> str:
    """One line for a counterexample; empty where there is none."""
    lines = counterexample(row, Paper(10_000))
    return "; ".join(line.strip() for line in lines)


def provenance(ledger: Entry) -> str:
    """How the ledger came about."""
    told = ledger["provenance"]
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items() if number)
    return f"Decided with {versions}, Python {told['python']}; {told['examples']} drawn cases a reading."


def markdown(ledger: Entry) -> str:
    """Return the page for a site that renders TeX."""
    rows = ledger["entries"]
    parts = [f"# {TITLE}", *INTRODUCTION, HOW, "## What follows", _list(conclusion(rows)), _cross_markdown(rows)]
    parts += ["## Misprinted", _list(_cell(sentence) for sentence in misprinted(rows))]
    parts += ["## As it should read, or may as well"]
    for row in corrections(rows):
        parts += [f"{called(row['number'])}, {_cell(row['reading'])}:", _formula(row["corrected"])]
    parts += ["## Equations and claims"]
    symbols = {one.number: one.symbols for one in EQUATIONS}
    for number, readings in grouped(rows):
        parts += [f"### {called(number)}: {readings[0]['about']}", _formula(readings[0]["statement"])]
        parts += [f"{symbols[number]}."] if number in symbols else []
        lines = [f"| {_cell(one['reading'])} | {_cell(verdict(one))} | {_cell(one['evidence'])} |" for one in readings]
        parts += ["\n".join(["| reading | verdict | evidence |", "|---|---|---|", *lines])]
        found = [f"{_cell(one['reading'])}: {shown_counterexample(one)}" for one in readings if one["counterexample"]]
        parts += [_list(f"`{line.replace('counterexample: ', '')}`" for line in found)] if found else []
    parts += ["## Readers' questions"]
    for question in QUESTIONS:
        parts += [f"### {question.asked}", question.answer, _list(fact.sentence for fact in question.example())]
    parts += ["## Beyond the article", "With H, k, stride, dilation and padding as symbols:"]
    parts += [_list(f"{row['claim']}: {_outcome(row)}" for row in ledger["beyond"]), "---", provenance(ledger)]
    return "\n\n".join(parts) + "\n"


def _cross_markdown(rows: Sequence[Entry]) -> str:
    lines = [
        f"| {called(n)} | " + " | ".join(cells[star] for star in STARS) + " |" for n, cells in cross_table(rows).items()
    ]
    return "\n".join(["| | * as convolution | * as cross-correlation |", "|---|---|---|", *lines])


def _formula(source: str) -> str:
    return f"$$\n{source}\n$$"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _list(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _outcome(row: Entry) -> str:
    outcomes = sorted({one["outcome"] for one in row["obligations"]})
    return ", ".join(outcomes)


def page(ledger: Entry) -> str:
    """Return the page that opens by itself in a browser, offline: MathML, no scripts."""
    rows = ledger["entries"]
    parts = [element("h1", safe(TITLE)), *(element("p", safe(text)) for text in INTRODUCTION)]
    parts += [element("p", safe(HOW.replace("`", ""))), element("h2", "What follows")]
    parts += [element("p", safe(sentence)) for sentence in conclusion(rows)]
    cells = [(called(number), *(row[star] for star in STARS)) for number, row in cross_table(rows).items()]
    parts += [table(("", "* as convolution", "* as cross-correlation"), cells)]
    told = [element("li", safe(sentence)) for sentence in misprinted(rows)]
    parts += [element("h2", "Misprinted"), element("ul", *told)]
    parts += [element("h2", safe("As it should read, or may as well"))]
    for row in corrections(rows):
        parts += [element("p", safe(f"{called(row['number'])}, {row['reading']}:")), mathml(row["corrected"])]
    parts += [element("h2", "Equations and claims"), *(_card(number, readings) for number, readings in grouped(rows))]
    parts += [element("h2", safe("Readers' questions")), *map(_question, QUESTIONS)]
    parts += [element("h2", "Beyond the article"), element("p", "With H, k, stride, dilation and padding as symbols:")]
    parts += [table(("claim", "outcome"), [(row["claim"], _outcome(row)) for row in ledger["beyond"]])]
    parts += [element("p", safe(provenance(ledger)), class_="muted")]
    return _document("".join(f"{part}\n" for part in parts))


def _document(body: str) -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", safe(TITLE)),
        element("style", PAGE_STYLE),
    )
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n<body class="gradcheck"><main>\n{body}</main></body></html>\n'


def _card(number: int | str, readings: list[Entry]) -> str:
    symbols = {one.number: one.symbols for one in EQUATIONS}.get(number, "")
    title = element("h3", safe(f"{called(number)}: {readings[0]['about']}"))
    told = [element("p", safe(symbols), class_="muted")] if symbols else []
    rows = [_row(one) for one in readings]
    listed = element("div", element("table", element("tbody", *rows)), class_="scroll")
    return element("article", title, mathml(readings[0]["statement"]), *told, listed, id=f"claim-{number}")


def _row(one: Entry) -> str:
    badge = element("span", safe(one["verdict"]), class_=f"badge {_BADGES[one['verdict']]}")
    said = [element("p", badge + safe(one["condition"] or ""))]
    said += [element("p", safe(one["evidence"]), class_="muted")]
    if one["counterexample"]:
        said.append(element("p", element("code", safe(shown_counterexample(one)))))
    return element("tr", element("td", safe(one["reading"]), class_="free"), element("td", *said, class_="free"))


def _question(question: Any) -> str:
    facts = [
        element("li", safe(("shown: " if fact.holds else "NOT shown: ") + fact.sentence)) for fact in question.example()
    ]
    asked = element("h3", safe(f"{question.label}. {question.asked}"))
    return element("article", asked, element("p", html.escape(question.answer)), element("ul", *facts))


PAGES = {"article.md": markdown, "article.html": page}


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or compare them with what would be written."""
    ledger, stale = stored_ledger(), []
    for name, write in PAGES.items():
        text, path = write(ledger), FOLDER / name
        if arguments == ["check"]:
            stale += [name] if not path.exists() or path.read_text(encoding="utf-8") != text else []
        else:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/{name} is not what the ledger says: run python docs/article_pages.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
