"""From settings to jobs: a target with every combination of what is swept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck.runner.inputs import parse_input, spread
from gradcheck.runner.job import Job, label
from gradcheck.runner.sweeps import MOST, letters_in, sweep

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Planned:
    """The jobs of one target, and what should be said of them; empty where there is nothing to say."""

    jobs: tuple[Job, ...]
    note: str = ""


def plan(
    target: str,
    *,
    inputs: Pairs = (),
    args: Pairs = (),
    dims: Pairs = (),
    max_configs: int = MOST,
    **settings: Any,
) -> Planned:
    """Return a job for each combination of names that are given several times; `settings` are fields of Job.

    Raises
    ------
    InvalidInput
        An input or a size cannot be read.
    """
    specs = [_checked_input(name, spec) for name, spec in inputs]
    axes = dict(specs) if settings.get("like") else {}  # letters without sizes, which the sweep of a kind chooses
    found = sweep(
        [] if axes else specs,
        args,
        dims,
        most=max_configs,
        seed=settings.get("seed", 0),
    )
    several = len(found.configurations) > 1
    jobs = [Job(target, one.inputs or axes, one.args, swept=several, **settings) for one in found.configurations]
    return Planned(tuple(jobs), found.note)


def labels(jobs: Sequence[Job]) -> list[str]:
    """Name each job: its target, with whatever differs from the other jobs of that target."""
    together: dict[str, list[Job]] = {}
    for job in jobs:
        together.setdefault(job.target, []).append(job)
    differing = {target: _differing(mine) for target, mine in together.items()}
    return [label(job, differing[job.target]) for job in jobs]


def _differing(jobs: Sequence[Job]) -> frozenset[str]:
    pairs: list[set[tuple[str, str]]] = [{*job.inputs.items(), *job.args.items()} for job in jobs]
    return frozenset(name for name, _ in set().union(*pairs) - pairs[0].intersection(*pairs))


def read_spec(text: str) -> tuple[str, str]:
    """Split `NAME=SPEC` and see that it can be read.

    Raises
    ------
    InvalidInput
        It has no name, or the specification is none of the forms.
    """
    name, equals, spec = text.partition("=")
    if not letters_in(spec):
        for one, part in spread({name: spec}).items():
            parse_input(f"{one}{equals}{part}")
    return name.strip(), spec.strip()


def _checked_input(name: str, spec: str) -> tuple[str, str]:
    return read_spec(f"{name}={spec}")
