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
    from gradcheck.article.claims import Claim
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
@click.option("--search", is_flag=True, help="Decide anew, and look for the counterexamples anew, too.")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Decide anew, and write the ledger to a file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the entries as one JSON list instead of text.")
def command(  # the options of a command line
    numbers: tuple[str, ...], rerun: bool, examples: int | None, search: bool, save: Path | None, as_json: bool
) -> int:
    """Show the ledger, or some of its claims in full; compare what was decided now with what is stored."""
    from gradcheck.article.comparison import deviations

    stored = stored_entries()
    wanted = _wanted(numbers)
    chosen = [row for row in stored if not numbers or str(row["number"]) in wanted]
    rerun = rerun or search or save is not None or examples is not None
    shown, started = chosen, time.perf_counter()
    if rerun or numbers:
        drawn = examples or (_EXAMPLES if rerun else _FEW_EXAMPLES)
        shown = _decided(_claims(numbers), drawn, stored=() if search else chosen, quiet=not rerun)
        shown = shown if find_spec("z3") else _with_recorded_proofs(shown, chosen)
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


def _claims(numbers: tuple[str, ...]) -> list["Claim"]:
    """Return the claims of these numbers, or all; raise InvalidInput for a number that the article does not have."""
    from gradcheck.article.ledger import CLAIMS
    from gradcheck.article.questions import QUESTIONS

    wanted = _wanted(numbers)
    known = {str(claim.number) for claim in CLAIMS} | {question.label for question in QUESTIONS}
    for number in sorted(wanted - known):
        raise InvalidInput(f"the article has no {number!r}. Pass 1 to 22, P1 to P10 or Q1 to Q{len(QUESTIONS)}.")
    return [claim for claim in CLAIMS if not numbers or str(claim.number) in wanted]


def _decided(
    claims: Sequence["Claim"], examples: int, *, stored: Sequence[dict[str, Any]], quiet: bool
) -> list[dict[str, Any]]:
    """Decide the claims now, with a progress bar on stderr unless `quiet`."""
    from gradcheck.article.ledger import entries

    found = entries(claims, examples=examples, stored=stored, proofs=find_spec("z3") is not None)
    return list(found) if quiet else _watched(found, len(claims))


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
