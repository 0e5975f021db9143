"""`--dry-run`: what a command would do, told and not done."""

from collections.abc import Sequence

import click

from gradcheck.cli.exits import AGREES, BROKEN
from gradcheck.cli.running import Running
from gradcheck.report import plain
from gradcheck.runner.job import Job
from gradcheck.runner.task import Answer, Task


def dry_run(jobs: Sequence[Job], running: Running) -> int:
    """Tell of each target how it is read and what would be tried; a child imports it, which runs it."""
    from gradcheck.runner.checking import refused
    from gradcheck.runner.executor import run_tasks

    targets: dict[str, list[Job]] = {}
    for job in jobs:
        targets.setdefault(job.target, []).append(job)
    told: dict[str, tuple[list[str], bool]] = {}
    tasks: list[Task] = []
    for target, mine in targets.items():
        failure = refused(mine[0])
        if failure is not None:
            told[target] = [failure.sentence], False
        else:
            tasks.append(_task(mine))
    with running.opened("dry-run", many=False) as options:
        for number, answer in run_tasks(tasks, **options):
            told[tasks[number].label] = _lines(answer)
    for target in targets:
        lines, _ = told[target]
        click.echo("\n".join([target, *(f"  {line}" for line in lines)]))
    return AGREES if all(begun for _, begun in told.values()) else BROKEN


def _task(jobs: list[Job]) -> Task:
    from gradcheck.runner.checking import task_of

    one = task_of(Job(jobs[0].target, timeout=jobs[0].timeout, memory=jobs[0].memory))
    spec = {"jobs": plain.dump(jobs)}
    return Task("dry-run", spec, label=jobs[0].target, reads=one.reads, timeout=one.timeout, memory=one.memory)


def _lines(answer: Answer) -> tuple[list[str], bool]:
    if answer.failure is not None or answer.result is None:
        return [answer.failure.sentence if answer.failure else "there was no answer"], False
    return answer.result["lines"], answer.result["begun"]
