"""`gradcheck selftest`: the zoo of faults and tricky layers through the judge, and the catch matrix."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from gradcheck.cli.exits import AGREES, DISAGREES
from gradcheck.cli.running import Running, running_options
from gradcheck.errors import GradcheckError

if TYPE_CHECKING:
    from gradcheck.faults.records import Fault, Tricky
    from gradcheck.faults.selftest import Trial

_TOGETHER = 40  # cases that a child takes at a time; fewer in all are not worth one
_PATIENCE = 15.0  # seconds that a case may take on average; a second on the slowest machine met so far

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
@running_options
@click.option("-q", "--quiet", is_flag=True, help="Print deviations and totals only.")
def command(only: tuple[str, ...], seed: int, quiet: bool, running: Running) -> int:
    """Run the zoo and return the exit code."""
    trials = []
    for trial in _trials(_chosen(only), seed, running):
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


def _trials(cases: "Sequence[Fault | Tricky]", seed: int, running: Running) -> "Iterator[Trial]":
    """Yield a trial for each case, in order; many go to children, some at a time."""
    if len(cases) <= _TOGETHER and not running.scheduler:
        from gradcheck.examine import check
        from gradcheck.faults.selftest import try_case

        yield from (try_case(check, case, seed=seed) for case in cases)
        return
    from gradcheck.oracle.trying import trials_of
    from gradcheck.runner.executor import run_tasks
    from gradcheck.runner.task import Task

    chunks = [cases[start : start + _TOGETHER] for start in range(0, len(cases), _TOGETHER)]
    tasks = [
        Task(
            "trials",
            {"names": [c.name for c in chunk], "seed": seed},
            label=chunk[0].name,
            timeout=_PATIENCE * len(chunk),
        )
        for chunk in chunks
    ]
    early: dict[int, list[Trial]] = {}
    awaited = 0
    with running.opened("selftest") as options:
        for number, answer in run_tasks(tasks, **options):
            if answer.failure is not None or answer.result is None:
                why = answer.failure.sentence if answer.failure else "there was no answer"
                raise GradcheckError(f"the cases from {chunks[number][0].name} on could not be tried: {why}")
            early[number] = trials_of(chunks[number], answer.result)
            while awaited in early:
                yield from early.pop(awaited)
                awaited += 1


def _chosen(only: tuple[str, ...]) -> "list[Fault | Tricky]":
    from gradcheck.oracle.trying import zoo

    cases = [c for c in zoo() if not only or any(text in c.name for text in only)]
    if not cases:
        raise click.UsageError(f"no case has {' or '.join(only)} in its name.")
    return cases


def _column(code: str) -> str:
    return code if code in {"gradient", "elsewhere"} else "contract"
