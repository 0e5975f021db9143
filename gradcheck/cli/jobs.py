"""From the options of a command line to settings and jobs."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gradcheck.errors import InvalidInput
from gradcheck.runner.arguments import parse_pair
from gradcheck.runner.config import SWEPT, Config, find_config
from gradcheck.runner.job import NO_POINTS, Job
from gradcheck.runner.planning import Planned, plan, read_spec


def jobs_of(targets: Sequence[str], **options: Any) -> list[Job]:
    """Return one job for each target and each combination of repeated options.

    Raises
    ------
    InvalidInput
        An option cannot be read; nothing has been started then.
    """
    settings = settings_of(**options)
    return announced(plan(target, **settings) for target in targets)


def announced(plans: Iterable[Planned]) -> list[Job]:
    """Return all the jobs, and say once each what should be said of them."""
    told = list(plans)
    for note in dict.fromkeys(one.note for one in told if one.note):
        click.echo(f"note: {note}", err=True)
    return [job for one in told for job in one.jobs]


def project() -> Config:
    """Read the configuration of the project that the current folder belongs to.

    Raises
    ------
    UsageError
        There is none.
    """
    config = find_config(Path.cwd())
    if config is None:
        raise click.UsageError(
            "Missing argument 'TARGET...', and no pyproject.toml here or above has a [tool.gradcheck] with `targets`."
        )
    return config


def overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that were given on this command line, in the form of a configuration's."""
    context = click.get_current_context()
    given = [name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    settings = settings_of(**{name: options[name] for name in given if name != "targets"})
    return {name: _by_name(value) if name in SWEPT else value for name, value in settings.items()}


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name] = (*values.get(name, ()), value)
    return values


def settings_of(**options: Any) -> dict[str, Any]:
    """Turn the options that are texts into what `plan` takes; the others stay as they are."""
    return {name: _READERS[name](value) if name in _READERS else value for name, value in options.items()}


def _points(text: str) -> list[dict[str, str]]:
    """Read `x=2,3; w=3,4`, `none`, or a JSON file that holds a list of points: objects of specifications by name."""
    if text == NO_POINTS:
        return []
    if not text.endswith(".json"):
        parts = [part for part in text.split(";") if part.strip()]
        if not parts or not all("=" in part for part in parts):
            raise InvalidInput(
                f"--points must give one point, 'x=2,3; w=3,4', name a .json file of several, or be {NO_POINTS}; "
                f"it is {text!r}."
            )
        return [dict(read_spec(part) for part in parts)]
    try:
        listed = json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InvalidInput(f"--points must name a JSON file that can be read; {text!r}: {err}") from err
    if not isinstance(listed, list) or not all(isinstance(point, dict) for point in listed):
        raise InvalidInput(
            f'--points must name a file with a list of points, [{{"x": "2,3"}}, ...]; {text!r} holds none.'
        )
    return [dict(read_spec(f"{name}={_spec(value)}") for name, value in point.items()) for point in listed]


def _spec(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_READERS: dict[str, Any] = {
    "inputs": lambda texts: [read_spec(text) for text in texts],
    "args": lambda texts: [parse_pair(text) for text in texts],
    "dims": lambda texts: [parse_pair(text, "a dimension", "H=4..7") for text in texts],
    "grads": lambda texts: dict(parse_pair(text, "a gradient", "W=dW") for text in texts),
    "passing": lambda texts: dict(parse_pair(text, "what is passed", "dvalues=output") for text in texts),
    "scale": lambda text: text or "",
    "points": lambda texts: tuple(point for text in texts for point in _points(text)) if texts else None,
    "dtype": lambda text: text or "",
    "like": lambda text: text or "",
}
