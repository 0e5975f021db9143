"""`gradcheck fuzz`: shapes, hyperparameters and values drawn, the smallest failure remembered."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gradcheck.cli.check import FILE
from gradcheck.cli.exits import exit_code
from gradcheck.cli.failures import Failures
from gradcheck.cli.jobs import settings_of
from gradcheck.cli.progress import progress
from gradcheck.cli.running import Running, running_options
from gradcheck.cli.showing import Faces, check_files, show
from gradcheck.cli.values import read_size
from gradcheck.errors import TargetError
from gradcheck.oracle.fuzz_asking import task_of_fuzz
from gradcheck.oracle.like.names import KIND_NAMES
from gradcheck.report.as_json import read_entry
from gradcheck.report.record import Failure, Result
from gradcheck.runner.inputs import DTYPES
from gradcheck.runner.task import TIMEOUT, Answer, Task

_HELP = """Look for a case at which a TARGET's backward pass is wrong, and shrink it.

Draws the sizes of the letters in the inputs' shapes, the hyperparameters, and
the values, and tries up to --max-examples cases; the smallest failure is told
with the line that replays it, remembered in .gradcheck/failures.json here, and
tried first the next time. With --like, shapes and hyperparameters of that kind
of layer are drawn, and outputs are held to our own layer, too.

\b
Examples:
  gradcheck fuzz layers.py:Conv --input x=NCHW --input w=KCRS --arg stride=1..3
  gradcheck fuzz layers.py:Conv --like conv2d --max-examples 300
  gradcheck fuzz layers.py:relu,back --input x=N --dim N=1..9"""

_BY_TASK = ("targets", "inputs", "dims", "args", "max_examples")


@click.command("fuzz", help=_HELP, context_settings={"max_content_width": 80})
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--input", "inputs", multiple=True, metavar="NAME=SPEC", help="An input; letters are drawn: x=N,3,H,W.")
@click.option(
    "--dim", "dims", multiple=True, metavar="LETTER=SIZES", help="The sizes of a letter, 1..6 or 1,3.  [default: 1..4]"
)
@click.option("--arg", "args", multiple=True, metavar="NAME=VALUE", help="A hyperparameter; repeat, or give 1..3.")
@click.option("--like", type=click.Choice(KIND_NAMES), default=None, help="The kind of layer that it is.")
@click.option("--no-like-error", is_flag=True, help="Let a layer compute something else than it is held to.")
@click.option("--wrt", multiple=True, metavar="NAME", help="Check the gradient of this argument only; may be repeated.")
@click.option("--grad", "grads", multiple=True, metavar="NAME=ATTRIBUTE", help="Where a gradient is kept, if unclear.")
@click.option("--max-examples", type=click.IntRange(min=1), default=100, show_default=True, help="Cases to try.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of everything drawn.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Searches of each target, each a task with a seed of its own.",
)
@click.option("--dtype", type=click.Choice(DTYPES), default=None, help="Type of the inputs.  [default: float64]")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=TIMEOUT, show_default=True, help="Seconds a target.")
@click.option(
    "--memory", type=read_size, metavar="SIZE", default=None, help="Memory a target may use, for instance 2G."
)
@click.option("--forget", is_flag=True, help="Neither try remembered failures nor remember new ones.")
@running_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write a JUnit report too.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a self-contained HTML report too.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the layer printed.")
@click.option("-q", "--quiet", is_flag=True, help="Print one line a target.")
@click.option("--no-color", is_flag=True, help="No colours, even on a terminal.")
def command(
    as_json: bool, junit: Path | None, html: Path | None, running: Running, forget: bool, seeds: int, **options: Any
) -> int:
    """Fuzz the targets and return the exit code."""
    quiet, verbose, color = options.pop("quiet"), options.pop("verbose"), not options.pop("no_color")
    faces = Faces(as_json=as_json, junit=junit, html=html, verbose=verbose, quiet=quiet, color=color)
    check_files(faces)
    settings = settings_of(**options)
    chosen = {name: settings.pop(name) for name in _BY_TASK}
    failures = Failures(None if forget else Path(".gradcheck") / "failures.json")
    results: dict[int, Result] = {}
    tasks: list[tuple[int, Task]] = []
    for number, target in enumerate(chosen.pop("targets")):
        try:
            for seed in range(settings["seed"], settings["seed"] + seeds):
                asked = {**settings, "seed": seed}
                tasks.append((number, task_of_fuzz(target, known=failures.known, settings=asked, **chosen)))
        except TargetError as err:
            results[number] = Failure(target=target, kind="load", sentence=str(err))
    _run(tasks, results, failures, running)
    ordered = [results[number] for number in sorted(results)]
    show(ordered, faces)
    return exit_code(ordered)


def _run(tasks: list[tuple[int, Task]], results: dict[int, Result], failures: Failures, running: Running) -> None:
    from gradcheck.runner.executor import run_tasks

    answers: dict[int, list[tuple[Task, Answer]]] = {}
    with running.opened("fuzz", many=len(tasks) > 1) as options, progress([t.label for _, t in tasks]) as done:
        for index, answer in run_tasks([task for _, task in tasks], **options):
            number, task = tasks[index]
            answers.setdefault(number, []).append((task, answer))
            done(index)
    for number, told in answers.items():
        task, answer = min(told, key=lambda one: _rank(*one))
        results[number] = _result(answer, others=len(told) - 1)
        if answer.failure is None:
            failures.keep(task.spec["remembered"], answer.result["case"])


def _rank(task: Task, answer: Answer) -> tuple[int, int, int]:
    """Order the searches of one target: failing cases first, the smallest of them, then by their seeds."""
    case = answer.result["case"] if answer.failure is None and answer.result else None
    size = sum(value for name, value in (case or {}).items() if isinstance(value, int) and name != "seed")
    failing = 0 if case is not None else 1 if answer.failure is not None else 2
    return failing, size, task.spec["job"]["seed"]


def _result(answer: Answer, *, others: int = 0) -> Result:
    """Return what came of a search; `others` are further ones of the same target, none of them worse."""
    if answer.failure or answer.result is None:
        return answer.failure or Failure(target="", kind="crashed", sentence="there was no answer")
    result = read_entry({**answer.result["entry"], "printed": answer.printed})
    if others and answer.result["case"] is None and result.sentence:
        result = replace(result, sentence=f"{result.sentence}, and none in {others} more searches")
    return result
