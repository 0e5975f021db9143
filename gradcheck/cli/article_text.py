"""The article's ledger on a terminal: a table of all claims, or one equation in full."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradcheck.article.comparison import called, conclusion, corrections, verdict
from gradcheck.article.latex import ascii_line, ascii_text, unicode_line
from gradcheck.article.misprints import misprinted
from gradcheck.article.questions import QUESTIONS, Question
from gradcheck.report.paper import Paper

Entry = Mapping[str, Any]
_COLORS = {"holds": "green", "definition": "dim", "fails": "red", "holds only if": "yellow"}
_ARRAYS = {"image": "o", "kernel": "w", "delta": "delta", "bias": "b", "curvature": "curvature of E"}
RECORDED = "recorded; needs gradcheck[proof] to rerun"


def formula(source: str, paper: Paper) -> str:
    """Return LaTeX as one line that this paper can show."""
    return unicode_line(source) if paper.unicode else ascii_line(source)


def spoken(text: str, paper: Paper) -> str:
    """Return a sentence with its signs as this paper can show them."""
    return text if paper.unicode else ascii_text(text)


def overview(rows: Sequence[Entry], paper: Paper, *, solver: bool) -> list[str]:
    """Compose the table: each claim's statement, then its readings with verdict and evidence."""
    lines: list[str] = []
    for number in dict.fromkeys(row["number"] for row in rows):
        readings = [row for row in rows if row["number"] == number]
        lines += [*_heading(readings[0], paper), *_readings(readings, paper, solver=solver), ""]
    if any(row["star"] for row in rows):
        lines += [*summary(rows, paper), ""]
    lines += paper.wrap("Readers' questions: " + ", ".join(question.label for question in QUESTIONS), rest="  ")
    return [*lines, *paper.wrap("One in full, live: gradcheck article 14, gradcheck article P4, gradcheck article Q5")]


def _heading(row: Entry, paper: Paper) -> list[str]:
    title = paper.wrap(f"{called(row['number'])}: {row['about']}", rest="    ")
    return [*(paper.paint(line, "bold") for line in title), *paper.wrap(formula(row["statement"], paper), first="    ")]


def _readings(rows: Sequence[Entry], paper: Paper, *, solver: bool) -> Iterator[str]:
    for row in rows:
        yield from paper.wrap(spoken(row["reading"], paper), first="  - ")
        for line in paper.wrap(verdict(row), first="      "):
            yield paper.paint(line, _COLORS[row["verdict"]])
        yield from paper.wrap(spoken(shown_evidence(row, solver=solver), paper), first="      ")


def shown_evidence(row: Entry, *, solver: bool) -> str:
    """Return the evidence; a recorded proof says what it needs to be run again where there is no solver."""
    evidence = str(row["evidence"])
    return evidence if solver else evidence.replace("proved for every shape", f"proved for every shape ({RECORDED})")


def summary(rows: Sequence[Entry], paper: Paper) -> list[str]:
    """Compose what follows for the article as a whole: the meanings of *, and what should read otherwise."""
    lines = [paper.paint("Together", "bold")]
    for sentence in conclusion(rows):
        lines += paper.wrap(sentence, first="  ", rest="    ")
    lines += ["", paper.paint("Misprinted", "bold")]
    for sentence in misprinted(rows):
        lines += paper.wrap(spoken(sentence, paper), first="  ", rest="    ")
    lines += ["", paper.paint("As it should read, or may as well", "bold")]
    for row in corrections(rows):
        lines += paper.wrap(f"{called(row['number'])}, {row['reading']}", first="  ")
        lines += paper.wrap(formula(row["corrected"], paper), first="    ")
    return lines


def in_full(rows: Sequence[Entry], paper: Paper, *, symbols: str, solver: bool) -> list[str]:
    """Compose one claim with all that is known of each reading."""
    lines = _heading(rows[0], paper)
    if symbols:
        lines += paper.wrap(spoken(symbols, paper), first="    ")
    for row in rows:
        lines += ["", *_readings([row], paper, solver=solver), *counterexample(row, paper), *_proof(row, paper)]
        if row["corrected"]:
            lines += paper.wrap(f"reads: {formula(row['corrected'], paper)}", first="      ")
    return lines


def counterexample(row: Entry, paper: Paper) -> list[str]:
    """Compose the counterexample of a row: shapes, the arrays that are not zero, and the two sides."""
    found = row["counterexample"]
    if found is None:
        return []
    operands = found["operands"]
    (height, width), (k1, k2) = _size(operands["image"][0]), _size(operands["kernel"][0])
    lines = [f"counterexample: H x W = {height} x {width}, k1 x k2 = {k1} x {k2}"]
    for name, symbol in _ARRAYS.items():
        array = operands[name][0] if name in ("image", "kernel") and len(operands[name]) == 1 else operands[name]
        if any(_flat(array)):
            lines.append(f"{symbol} = {array}")
    if any(operands["activation"]):
        a, b, c = operands["activation"]
        lines.append(f"f(x) = {a} x² + {b} x + {c}")
    at = f"at ({', '.join(map(str, found['at']))}): " if found["at"] else ""
    lines.append(
        f"{at}left {found['left']}, right {found['right']}" + (f" ({found['reason']})" if found["reason"] else "")
    )
    return [line for text in lines for line in paper.wrap(text, first="      ", rest="        ")]


def _proof(row: Entry, paper: Paper) -> list[str]:
    if row["proof"] is None:
        return []
    lines = []
    for one in row["proof"]["obligations"]:
        model = ", ".join(f"{name} = {value}" for name, value in one["model"].items())
        lines += paper.wrap(f"{one['outcome']}: {one['name']}" + (f" ({model})" if model else ""), first="      ")
    return lines


def answer(question: Question, paper: Paper) -> list[str]:
    """Compose a reader's question with its answer, and run its example."""
    lines = [paper.paint(line, "bold") for line in paper.wrap(f"{question.label}: {question.asked}", rest="    ")]
    lines += paper.wrap(spoken(question.answer, paper), first="    ")
    for fact in question.example():
        lines += paper.wrap(spoken(fact.sentence, paper), first=f"  {'yes' if fact.holds else 'NO'}: ")
    return lines


def _size(rows: list[list[int]]) -> tuple[int, int]:
    return len(rows), len(rows[0])


def _flat(values: Any) -> Iterator[int]:
    if isinstance(values, list):
        for value in values:
            yield from _flat(value)
    else:
        yield values
