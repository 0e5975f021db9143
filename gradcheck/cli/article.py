"""`gradcheck article`: the article's equations, each reading with its verdict, and what the verdict rests on."""

import json
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.cli.terminal import terminal
from gradcheck.errors import InvalidInput

if TYPE_CHECKING:
    from gradcheck.report.paper import Paper

_HELP = """Show what is true of the article's equations, and why.

Each of the 22 equations, and each claim of the prose (P1, P2, ...), is tried in every reading of its symbols; the
verdicts were found by machine. With numbers, show these in full and run their proofs and counterexamples now; Q1, Q2,
... are the readers' questions.

\b
Examples:
  gradcheck article
  gradcheck article 14
  gradcheck article --rerun --examples 200
  gradcheck article --json

\b
Exit codes: 0 as stored, 1 a verdict differs from the stored one, 2 could not run."""

_EXAMPLES = 200
_FEW_EXAMPLES = 40
_LEDGER = "ledger.json"
_PACKAGES = ("gradcheck", "numpy", "scipy", "hypothesis", "z3-solver")


@click.command("article", help=_HELP)
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@click.option("--rerun", is_flag=True, help="Decide everything anew, replaying the stored counterexamples.")
@click.option(
    "--examples", type=click.IntRange(min=1), help=f"Cases to draw for each reading with --rerun [{_EXAMPLES}]."
)
@click.option("--search", is_flag=True, help="With --rerun: look for the counterexamples anew, too.")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="With --rerun: write the ledger to a file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the entries as one JSON list instead of text.")
def command(  # the options of a command line
    numbers: tuple[str, ...], rerun: bool, examples: int | None, search: bool, save: Path | None, as_json: bool
) -> int:
    """Show the ledger, or some of its claims in full; compare what was decided now with what is stored."""
    from gradcheck.article.comparison import deviations

    stored = stored_entries()
    chosen = [row for row in stored if not numbers or str(row["number"]) in _wanted(numbers)]
    _refuse_unknown(numbers, stored)
    shown, started = chosen, time.perf_counter()
    if rerun or (chosen and numbers):
        default = _EXAMPLES if rerun else _FEW_EXAMPLES
        shown = _decided(chosen, examples or default, search=search, quiet=not rerun)
    if save is not None:
        save.write_text(_ledger(shown, time.perf_counter() - started, examples or _EXAMPLES), encoding="utf-8")
    _write(shown, numbers, as_json=as_json)
    differences = deviations(chosen, shown)
    for line in differences:
        click.echo(line, err=True)
    return 1 if differences else 0


def stored_ledger() -> dict[str, Any]:
    """Return the ledger that comes with the package: entries, what is proved beyond the article, provenance."""
    path = resources.files("gradcheck.article") / _LEDGER
    ledger: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return ledger


def stored_entries() -> list[dict[str, Any]]:
    """Return the entries of the ledger that comes with the package."""
    entries: list[dict[str, Any]] = stored_ledger()["entries"]
    return entries


def _wanted(numbers: tuple[str, ...]) -> set[str]:
    return {number.upper().removeprefix("EQ.").strip() for number in numbers}


def _refuse_unknown(numbers: tuple[str, ...], stored: Sequence[dict[str, Any]]) -> None:
    from gradcheck.article.questions import QUESTIONS

    known = {str(row["number"]) for row in stored} | {question.label for question in QUESTIONS}
    for number in sorted(_wanted(numbers) - known):
        raise InvalidInput(f"the article has no {number!r}. Pass 1 to 22, P1 to P10 or Q1 to Q{len(QUESTIONS)}.")


def _decided(chosen: Sequence[dict[str, Any]], examples: int, *, search: bool, quiet: bool) -> list[dict[str, Any]]:
    """Decide the chosen claims now, with a progress bar on stderr."""
    from gradcheck.article.ledger import CLAIMS, entries

    numbers = {row["number"] for row in chosen}
    claims = [claim for claim in CLAIMS if claim.number in numbers or not chosen]
    solver = find_spec("z3") is not None
    found = entries(claims, examples=examples, stored=() if search else chosen, proofs=solver)
    rows = list(found) if quiet else _watched(found, len(claims))
    return rows if solver else _with_recorded_proofs(rows, chosen)


def _watched(found: Iterable[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    with click.progressbar(found, length=count, label="deciding", file=sys.stderr) as bar:
        return list(bar)


def _with_recorded_proofs(rows: list[dict[str, Any]], stored: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take the proofs, and what they add to the evidence, from the stored entries."""
    kept = {(row["number"], row["reading"]): row for row in stored}
    for row in rows:
        before = kept.get((row["number"], row["reading"]))
        if before is not None and before["proof"] is not None:
            row["proof"], row["evidence"] = before["proof"], before["evidence"]
    return rows


def _write(rows: list[dict[str, Any]], numbers: tuple[str, ...], *, as_json: bool) -> None:
    from gradcheck.report.paper import Paper

    screen = terminal()
    paper = Paper(screen.width, screen.color, screen.unicode)
    if as_json:
        text = json.dumps(rows, indent=1, ensure_ascii=not screen.unicode)
    elif numbers:
        text = "\n\n".join("\n".join(lines) for lines in _in_full(rows, numbers, paper))
    else:
        from gradcheck.cli.article_text import overview

        text = "\n".join(overview(rows, paper, solver=find_spec("z3") is not None))
    sys.stdout.write(text + "\n")


def _in_full(rows: list[dict[str, Any]], numbers: tuple[str, ...], paper: "Paper") -> Iterable[list[str]]:
    from gradcheck.article.equations import EQUATIONS
    from gradcheck.article.questions import QUESTIONS
    from gradcheck.cli.article_text import answer, in_full

    symbols = {one.number: one.symbols for one in EQUATIONS}
    solver = find_spec("z3") is not None
    for number in dict.fromkeys(row["number"] for row in rows):
        readings = [row for row in rows if row["number"] == number]
        yield in_full(readings, paper, symbols=symbols.get(number, ""), solver=solver)
    for question in QUESTIONS:
        if question.label in _wanted(numbers):
            yield answer(question, paper)


def _ledger(rows: list[dict[str, Any]], seconds: float, examples: int) -> str:
    """Return the file of the ledger: the entries, and how they came about."""
    from gradcheck.article.ledger import SCHEMA, beyond

    provenance = {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "examples": examples,
        "seconds": round(seconds, 1),
    }
    whole = {"schema": SCHEMA, "provenance": provenance, "entries": rows, "beyond": beyond()}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
