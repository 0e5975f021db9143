"""The options of every command that runs many tasks: how many at a time, where, and how a killed run goes on.

A command takes them with `@running_options`, which hands it `running: Running`, and opens them around its run:

    with running.opened("fuzz") as options:
        for number, answer in run_tasks(tasks, **options):
"""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gradcheck.runner.journal import Journal


@dataclass(frozen=True)
class Running:
    """What the options say: children at a time, the Dask scheduler, the journal and whether to go on with it."""

    jobs: int | None = None
    scheduler: str = ""
    journal: Path | None = None
    resume: bool = False

    @contextmanager
    def opened(self, command: str, *, many: bool = True) -> "Iterator[dict[str, Any]]":
        """Open the journal and give the options of `run_tasks`.

        Without `--journal` there is one for each command and folder among the user's caches, as long as a run of
        `many` tasks is not done; a run that came to its end leaves nothing to go on with.
        """
        options = {"workers": self.jobs or os.cpu_count() or 1, "scheduler": self.scheduler}
        if self.journal is None and not many and not self.resume:
            yield {**options, "journal": None}
            return
        with _kept(self, command) as journal:
            yield {**options, "journal": journal}
        if self.journal is None and journal is not None:
            journal.path.unlink(missing_ok=True)


def running_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which is handed them as `running`."""

    @click.option("--jobs", type=click.IntRange(min=1), default=None, help="Children at a time.  [default: one a core]")
    @click.option(
        "--scheduler", metavar="ADDRESS", default="", help="Run on the workers of this Dask scheduler (extra `dask`)."
    )
    @click.option(
        "--journal",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Record results here as they come, and keep the file.",
    )
    @click.option("--resume", is_flag=True, help="Go on where the last run of this command here was killed.")
    @functools.wraps(function)
    def command(jobs: int | None, scheduler: str, journal: Path | None, resume: bool, **options: Any) -> Any:
        return function(running=Running(jobs, scheduler, journal, resume), **options)

    return command


def default_journal(command: str, folder: Path) -> Path:
    """Return where the journal of a command in a folder is, if no other is named."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(caches) / "gradcheck" / f"{command}-{name}.jsonl"


@contextmanager
def _kept(running: Running, command: str) -> "Iterator[Journal | None]":
    from gradcheck.errors import InvalidInput
    from gradcheck.runner.journal import Journal

    path = running.journal or default_journal(command, Path.cwd())
    if running.journal and path.exists() and path.stat().st_size and not running.resume:
        raise InvalidInput(f"a new journal must be a new file; {str(path)!r} exists. Go on with it by --resume.")
    try:
        if running.journal is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        journal = Journal(path, resume=running.resume)
    except (OSError, InvalidInput):
        if running.journal or running.resume:
            raise
        yield None  # no place among the caches, or another run of this command here holds it
        return
    with journal:
        if running.resume:
            click.echo(f"{journal.count} recorded in {journal.path}", err=True)
        yield journal
