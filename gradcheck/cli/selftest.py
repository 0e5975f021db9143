"""`gradcheck selftest`: the zoo of faults and tricky layers through the judge, and the catch matrix."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from gradcheck.cli.exits import AGREES, DISAGREES

if TYPE_CHECKING:
    from gradcheck.faults.records import Fault, Tricky
    from gradcheck.faults.selftest import Trial

_TOGETHER = 16  # cases that a worker takes at a time; fewer in all are not worth a second process

_HELP = """Prove the judge on layers whose answer is known.

Checks every wrong layer of the zoo, and every one that is right where the
question is hard. Prints the catch matrix: each fault, and the checks that caught
it (gradient: at the given point; elsewhere: at a derived one; or the code of a
finding).

\b
Exit codes: 0 all as expected, 1 a fault missed, a right layer accused or another
deviation, 2 nothing to run.

\b
Examples:
  gradcheck selftest
  gradcheck selftest --only convolution/ --only tricky-kinks/
  gradcheck selftest --quiet"""


@click.command("selftest", help=_HELP)
@click.option("--only", multiple=True, metavar="TEXT", help="Only cases with TEXT in the name; may be repeated.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the inputs drawn.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="Processes to share the work.  [default: one a core]"
)
@click.option("-q", "--quiet", is_flag=True, help="Print deviations and totals only.")
def command(only: tuple[str, ...], seed: int, workers: int | None, quiet: bool) -> int:
    """Run the zoo and return the exit code."""
    trials = []
    for trial in _trials(_chosen(only), seed, workers or os.cpu_count() or 1):
        trials.append(trial)
        if trial.deviation or not quiet:
            click.echo(line(trial))
    click.echo("\n".join(totals(trials)))
    return DISAGREES if any(t.deviation for t in trials) else AGREES


def line(trial: "Trial") -> str:
    """Return one row of the catch matrix."""
    answer = "raised" if trial.verdict is None else str(trial.verdict)
    mark = f"  << {trial.deviation}" if trial.deviation else ""
    seen = ", ".join(trial.caught_by) or "-"
    return f"{trial.case.name:<62} {answer:<12} {seen}{mark}" + (f": {trial.raised}" if trial.deviation else "")


def totals(trials: Sequence["Trial"]) -> list[str]:
    """Return the matrix summed up by group, and the bottom line."""
    from gradcheck.faults.records import Fault

    faults = [t for t in trials if isinstance(t.case, Fault)]
    tricky = [t for t in trials if not isinstance(t.case, Fault)]
    rows = (
        [f"{'group':<22}{'faults':>7}{'caught':>8}{'gradient':>10}{'elsewhere':>11}{'contract':>10}"] if faults else []
    )
    for group in dict.fromkeys(t.case.group for t in faults):
        mine = [t for t in faults if t.case.group == group]
        checks = Counter(column for t in mine for column in {_column(code) for code in t.caught_by})
        caught = sum(t.deviation not in {"missed", "undecided", "raised"} for t in mine)
        counts = (checks["gradient"], checks["elsewhere"], checks["contract"])
        rows.append(f"{group:<22}{len(mine):>7}{caught:>8}{counts[0]:>10}{counts[1]:>11}{counts[2]:>10}")
    caught = sum(t.deviation not in {"missed", "undecided", "raised"} for t in faults)
    alarms = sum(t.deviation == "false alarm" for t in tricky)
    return [
        "",
        *rows,
        *explained(faults),
        f"{caught} of {len(faults)} faults caught, {alarms} false alarms on {len(tricky)} right layers; "
        f"{sum(bool(t.deviation) for t in trials)} deviations",
    ]


def explained(faults: Sequence["Trial"]) -> list[str]:
    """Return the line on diagnoses: how many faults got one, of all and of those with a wrong gradient.

    A fault of manners alone leaves the gradient right: there is nothing to explain but what the finding says already.
    """
    from gradcheck.faults.records import Fault, Shows

    if not faults:
        return []
    gradients = [t for t in faults if isinstance(t.case, Fault) and t.case.shows is not Shows.MANNERS]
    parts = [
        f"{sum(bool(t.diagnoses) for t in some)} of {len(some)} {of}"
        for some, of in ((faults, "faults diagnosed"), (gradients, "whose gradient is wrong"))
    ]
    wrong = sum(t.deviation == "wrong diagnosis" for t in faults)
    return [f"{', '.join(parts)}; {wrong} diagnosed as something else"]


def _trials(cases: "Sequence[Fault | Tricky]", seed: int, workers: int) -> "Iterator[Trial]":
    """Yield a trial for each case, in order, from so many processes as there is work for."""
    from gradcheck.faults.selftest import Trial

    workers = min(workers, -(-len(cases) // _TOGETHER))
    if workers == 1:
        yield from (_try(case, seed) for case in cases)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        answers = pool.map(partial(_answers, seed=seed), [c.name for c in cases], chunksize=_TOGETHER)
        yield from (Trial(case, **answer) for case, answer in zip(cases, answers, strict=True))


def _answers(name: str, seed: int) -> dict[str, Any]:
    """Try a case in a worker; return all of its trial but the case, whose functions no process can hand to another."""
    (case,) = (c for c in _zoo() if c.name == name)
    return {field: value for field, value in vars(_try(case, seed)).items() if field != "case"}


def _try(case: "Fault | Tricky", seed: int) -> "Trial":
    from gradcheck.examine import check
    from gradcheck.faults.selftest import try_case

    return try_case(check, case, seed=seed)


def _zoo() -> "list[Fault | Tricky]":
    from gradcheck.faults.zoo import FAULTS, TRICKY

    return [*FAULTS, *TRICKY]


def _chosen(only: tuple[str, ...]) -> "list[Fault | Tricky]":
    cases = [c for c in _zoo() if not only or any(text in c.name for text in only)]
    if not cases:
        raise click.UsageError(f"no case has {' or '.join(only)} in its name.")
    return cases


def _column(code: str) -> str:
    return code if code in {"gradient", "elsewhere"} else "contract"
