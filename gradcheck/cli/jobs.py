"""From the options of a command line to jobs: every target with every combination of a sweep."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gradcheck.errors import InvalidInput
from gradcheck.runner.arguments import parse_pair
from gradcheck.runner.inputs import parse_input
from gradcheck.runner.job import NO_POINTS, Job
from gradcheck.runner.sweeps import MOST, letters_in, sweep


def jobs_of(
    targets: Sequence[str],
    *,
    inputs: Sequence[str],
    args: Sequence[str],
    dims: Sequence[str] = (),
    max_configs: int = MOST,
    grads: Sequence[str],
    points: Sequence[str],
    dtype: str | None,
    **settings: Any,
) -> list[Job]:
    """Return one job for each target and each combination of repeated options.

    Raises
    ------
    InvalidInput
        An option cannot be read; nothing has been started then.
    """
    job = Job(
        target="",
        grads=dict(parse_pair(text, "a gradient", "W=dW") for text in grads),
        points=tuple(point for text in points for point in _points(text)) if points else None,
        dtype=dtype or "",
        **settings,
    )
    found = sweep(
        [_checked_input(text) for text in inputs],
        [parse_pair(text) for text in args],
        [parse_pair(text, "a dimension", "H=4..7") for text in dims],
        most=max_configs,
        seed=job.seed,
    )
    if found.note:
        click.echo(f"note: {found.note}", err=True)
    several = len(found.configurations) > 1
    return [
        replace(job, target=target, inputs=one.inputs, args=one.args, swept=several)
        for target in targets
        for one in found.configurations
    ]


def swept(jobs: Sequence[Job]) -> frozenset[str]:
    """Return the names whose values differ between the jobs."""
    return frozenset(
        name
        for kind in ("inputs", "args")
        for job in jobs
        for name, value in getattr(job, kind).items()
        if getattr(jobs[0], kind).get(name) != value
    )


def _checked_input(text: str) -> tuple[str, str]:
    name, _, spec = text.partition("=")
    if not letters_in(spec):
        name, _ = parse_input(text)
    return name.strip(), spec.strip()


def _points(text: str) -> list[dict[str, str]]:
    """Read `x=2,3; w=3,4`, `none`, or a JSON file that holds a list of points: objects of specifications by name."""
    if text == NO_POINTS:
        return []
    if not text.endswith(".json"):
        return [dict(_checked_input(part) for part in text.split(";") if part.strip())]
    try:
        listed = json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InvalidInput(f"--points must name a JSON file that can be read; {text!r}: {err}") from err
    if not isinstance(listed, list) or not all(isinstance(point, dict) for point in listed):
        raise InvalidInput(
            f'--points must name a file with a list of points, [{{"x": "2,3"}}, ...]; {text!r} holds none.'
        )
    return [dict(_checked_input(f"{name}={_spec(value)}") for name, value in point.items()) for point in listed]


def _spec(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
