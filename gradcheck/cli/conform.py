"""`gradcheck conform`: an implementation of convolution, pooling and activations held to the golden vectors."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck import __version__
from gradcheck.cli.exits import AGREES, DISAGREES
from gradcheck.cli.running import Running, running_options
from gradcheck.cli.values import read_size

if TYPE_CHECKING:
    from gradcheck.oracle.case import Case
    from gradcheck.oracle.expectations import Expectation
    from gradcheck.oracle.judging import Outcome

_HELP = """Hold an implementation to the golden vectors.

IMPLEMENTATION is torch, jax, tensorflow or numpy (our own layers), or a function
of yours as module:function or path.py:function, which takes (operation,
hyperparameters, inputs, grad_output) and returns (output, gradients); --program
names another program, asked over its stdin and stdout. docs/vectors.md has both
protocols.

\b
Exit codes: 0 all as expected, 1 a case is wrong or crashed, or passed although
--xfail says that it fails; 2 could not run.

\b
Examples:
  gradcheck conform numpy --only 'conv2d/*'
  gradcheck conform torch --dtype float32 --xfail known.txt
  gradcheck conform mine.py:run --jobs 2
  gradcheck conform --program './conv --fast' --only 'conv*'"""

_FILE = click.Path(dir_okay=False, path_type=Path)
_DTYPES = ("float32", "float64", "float16")
_SHOWN = 20  # deviations listed one by one; --json has them all


@click.command("conform", help=_HELP, context_settings={"max_content_width": 80})
@click.argument("implementation", required=False, metavar="[IMPLEMENTATION]")
@click.option("--program", metavar="COMMAND", default="", help="A program that speaks the protocol.")
@click.option(
    "--dtype", "dtypes", type=click.Choice(_DTYPES), multiple=True, help="May be repeated.  [default: float32, float64]"
)
@click.option("--device", metavar="NAME", default="", help="Where a framework computes.  [default: its CPU]")
@click.option("--only", multiple=True, metavar="PATTERN", help="Only cases that match, as 'conv2d/*'; may be repeated.")
@click.option("--skip", multiple=True, metavar="PATTERN", help="No case that matches; may be repeated.")
@click.option("--xfail", type=_FILE, metavar="FILE", help="Known deviations: lines PATTERN [DTYPE]: SENTENCE.")
@click.option(
    "--ulps",
    type=click.FloatRange(min=0),
    help="The most that a rounded number may be off.  [default: half its digits]",
)
@click.option(
    "--vectors",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="A suite that was written before.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=120.0, show_default=True, help="Seconds for a group of cases."
)
@click.option(
    "--memory", type=read_size, metavar="SIZE", help="Memory a child may use.  [default: most of what is free]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write a JUnit report too.")
@click.option("-q", "--quiet", is_flag=True, help="Print the table alone.")
@running_options
def command(implementation: str | None, program: str, running: Running, **options: Any) -> int:
    """Run the cases and return the exit code."""
    from gradcheck.cli.vectors import made
    from gradcheck.oracle.claim import claim
    from gradcheck.oracle.conforming import Conformance
    from gradcheck.oracle.expectations import is_deviation, read_expectations
    from gradcheck.oracle.kept import suite_at

    if bool(implementation) == bool(program):
        raise click.UsageError("name one IMPLEMENTATION, or a --program.")
    expectations = read_expectations(options["xfail"]) if options["xfail"] else ()
    folder, suite = suite_at(options["vectors"], made)
    chosen = _chosen(suite.cases, options)
    asked = Conformance(
        suite=str(folder),
        implementation=implementation or "",
        program=program,
        device=options["device"],
        limit=options["ulps"],
        timeout=options["timeout"],
        memory=options["memory"],
        sha256=suite.sha256,
    )
    outcomes = _run(asked, chosen, running)
    told = _told(asked, suite.sha256)
    told["claim"] = claim(
        outcomes, suite, f"gradcheck.layers {__version__}" if implementation == "numpy" else _name(told)
    )
    _show(outcomes, {case.name: case for case, _ in chosen}, expectations, options, told=told)
    return DISAGREES if any(is_deviation(outcome, expectations) for outcome in outcomes) else AGREES


def _chosen(cases: "Sequence[Case]", options: dict[str, Any]) -> "list[tuple[Case, str]]":
    only, skip = options["only"], options["skip"]
    named = [
        case
        for case in cases
        if (not only or any(fnmatchcase(case.name, p) for p in only))
        and not any(fnmatchcase(case.name, p) for p in skip)
    ]
    dtypes = options["dtypes"] or _DTYPES[:2]
    chosen = [(case, dtype) for dtype in dtypes for case in named if dtype in case.dtypes]
    if not chosen:
        raise click.UsageError(f"--only, --skip and --dtype must leave some case; of {len(cases)} they leave none.")
    return chosen


def _run(asked: Any, chosen: "list[tuple[Case, str]]", running: Running) -> "list[Outcome]":
    from gradcheck.cli.progress import progress
    from gradcheck.oracle.conforming import conform

    place = {(case.name, dtype): number for number, (case, dtype) in enumerate(chosen)}
    found: dict[int, Any] = {}
    labels = [f"{case.name} {dtype}" for case, dtype in chosen]
    with running.opened("conform") as options, progress(labels) as done:
        for outcome in conform(asked, chosen, **options):
            number = place[outcome.case, outcome.dtype]
            found[number] = outcome
            done(number)
    return [found[number] for number in sorted(found)]


def _name(told: dict[str, str]) -> str:
    """Say what conforms; the implementation `numpy` is our layers."""
    ours = told["implementation"] == "numpy"
    return f"gradcheck.layers {__version__}" if ours else f"{told['implementation']} {told['version']}".strip()


def _told(asked: Any, sha256: str) -> dict[str, str]:
    """Say what was held to what, and where: the implementation with its version, the suite, the machine."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    name = asked.implementation or asked.program
    try:
        of = version("tensorflow-cpu" if name == "tensorflow" and not _installed("tensorflow") else name)
    except (PackageNotFoundError, ValueError):
        of = ""
    return {
        "implementation": name,
        "version": of,
        "device": asked.device or "cpu",
        "suite": sha256,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def _installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _show(
    outcomes: "Sequence[Outcome]",
    cases: "dict[str, Case]",
    expectations: "Sequence[Expectation]",
    options: dict[str, Any],
    *,
    told: dict[str, str],
) -> None:
    from gradcheck.cli import conform_faces as faces

    if options["junit"]:
        options["junit"].write_text(faces.junit(outcomes, expectations), encoding="utf-8")
    if options["as_json"]:
        click.echo(faces.document(outcomes, expectations, cases, told=told), nl=False)
        return
    click.echo("\n".join(faces.text(outcomes, expectations, cases, told=told, shown=0 if options["quiet"] else _SHOWN)))
