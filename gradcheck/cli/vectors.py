"""`gradcheck vectors`: the suite of golden vectors, written, verified, listed and shown."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradcheck.cli.exits import AGREES, DISAGREES
from gradcheck.cli.progress import progress
from gradcheck.errors import InvalidInput

if TYPE_CHECKING:
    from gradcheck.oracle.case import Array, Case
    from gradcheck.oracle.suite import Suite

_HELP = """Write or verify the golden vectors: exact inputs, outputs and gradients.

Other implementations are held to them, in any language: safetensors files and one
JSON manifest. The same numbers everywhere, known by one checksum.

\b
Exit codes: 0 as expected, 1 a number differs, 2 could not run.

\b
Examples:
  gradcheck vectors write vectors/
  gradcheck vectors verify vectors/
  gradcheck vectors list --flag nondividing-stride
  gradcheck vectors show conv2d/stride-nondividing"""

_SHOWN = 24  # entries of an array that are printed; of a larger one only dtype and shape

_WORKERS = click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="Processes to share the work.  [default: one a core]"
)
_VECTORS = click.option(
    "--vectors",
    "folder",
    type=click.Path(path_type=Path),
    help="Read the suite from here.  [default: your cache folder; made once]",
)


@click.group("vectors", help=_HELP)
def command() -> None:
    """Hold the subcommands."""


@command.command("write")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@_WORKERS
def write(folder: Path, workers: int | None) -> int:
    """Make the suite and write it into DIR, which must be new or empty."""
    from gradcheck.oracle.pinned import pinned
    from gradcheck.oracle.suite import writable, write_suite

    writable(folder)
    suite = made(workers)
    write_suite(suite, folder)
    click.echo(f"{len(suite)} cases in {folder}, sha256 {suite.sha256}")
    if suite.sha256 == pinned()["sha256"]:
        return AGREES
    click.echo("this is not the checksum that this release pins: please report it, with your processor and system")
    return DISAGREES


@command.command("verify")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR", required=False)
@_WORKERS
def verify(folder: Path | None, workers: int | None) -> int:
    """Compute every case of DIR (or of your cache) anew and compare all numbers."""
    from gradcheck.oracle.kept import suite_at
    from gradcheck.oracle.pinned import pinned
    from gradcheck.oracle.verifying import differences

    _, stored = suite_at(folder, lambda: made(workers))
    found = differences(stored, made(workers))
    for line in found:
        click.echo(line)
    if stored.sha256 != pinned()["sha256"]:
        found.append("checksum")
        click.echo(f"the checksum is {stored.sha256}; this release pins {pinned()['sha256']}")
    click.echo(
        f"{len(stored)} cases, sha256 {stored.sha256}: " + ("DIFFERENT" if found else "every number as computed")
    )
    return DISAGREES if found else AGREES


@command.command("list")
@click.option("--only", multiple=True, metavar="TEXT", help="Only cases with TEXT in the name; may be repeated.")
@click.option("--flag", "flags", multiple=True, metavar="FLAG", help="Only cases that carry FLAG; may be repeated.")
@click.option("--flags", "tell_flags", is_flag=True, help="List the flags and what they mean instead.")
@_VECTORS
def list_cases(only: tuple[str, ...], flags: tuple[str, ...], tell_flags: bool, folder: Path | None) -> int:
    """List the cases: name, result class, dtypes and how many flags."""
    from gradcheck.oracle.flags import FLAGS
    from gradcheck.oracle.kept import suite_at

    _check_flags(flags)
    if tell_flags:
        click.echo("\n".join(f"{flag}: {sentence}" for flag, sentence in sorted(FLAGS.items())))
        return AGREES
    _, suite = suite_at(folder, made)
    cases = [case for case in suite if _is_chosen(case, only, flags)]
    if not cases:
        raise InvalidInput("no case is chosen: see gradcheck vectors list for all names, --flags for the flags.")
    for case in cases:
        bits = "/".join(dtype.removeprefix("float") for dtype in case.dtypes)
        click.echo(f"{case.name:<52} {case.result:<8} {bits:<9} {len(case.flags):>2} flags")
    return AGREES


@command.command("show")
@click.argument("name")
@_VECTORS
def show(name: str, folder: Path | None) -> int:
    """Show one case: hyperparameters, what it exposes, and its arrays."""
    from gradcheck.oracle.flags import FLAGS
    from gradcheck.oracle.kept import suite_at

    _, suite = suite_at(folder, made)
    case = suite.case(name)
    click.echo(f"{case.name}: {case.operation}, {case.result}, {', '.join(case.dtypes)}")
    for parameter, value in case.hyperparameters.items():
        click.echo(f"  {parameter} = {value}")
    click.echo("a wrong implementation fails it if" if case.flags else "no seeded mistake changes its numbers")
    for flag in case.flags:
        click.echo(f"  {flag}: {FLAGS[flag]}")
    for role, tensor in case.tensors.items():
        click.echo(f"{role}: {tensor.dtype} {tensor.shape}{_values(tensor)}")
    return AGREES


def made(workers: int | None = None) -> "Suite":
    """Make the suite, with a progress bar where stderr is a terminal."""
    from gradcheck.oracle.making import make_cases, make_suite, names

    wanted = names()
    cases: list[Case] = []
    with progress(wanted) as done:
        for number, case in enumerate(make_cases(wanted, workers=workers or os.cpu_count() or 1)):
            cases.append(case)
            done(number)
    return make_suite(cases)


def _check_flags(flags: Sequence[str]) -> None:
    from gradcheck.errors import did_you_mean
    from gradcheck.oracle.flags import FLAGS

    for flag in flags:
        if flag not in FLAGS:
            raise InvalidInput(f"there is no flag {flag!r}{did_you_mean(flag, FLAGS) or ': see --flags.'}")


def _is_chosen(case: "Case", only: tuple[str, ...], flags: tuple[str, ...]) -> bool:
    named = not only or any(text in case.name for text in only)
    return named and all(flag in case.flags for flag in flags)


def _values(tensor: "Array") -> str:
    return f" {tensor.tolist()}" if tensor.size <= _SHOWN else ""
