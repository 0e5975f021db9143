"""Run jobs and show their results: text or one JSON document on stdout, files beside it, everything else on stderr."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck.cli.annotations import annotations
from gradcheck.cli.progress import progress
from gradcheck.cli.running import Running
from gradcheck.cli.terminal import Terminal, terminal
from gradcheck.errors import InvalidInput
from gradcheck.runner.job import Job
from gradcheck.runner.planning import labels

if TYPE_CHECKING:
    from gradcheck.report.record import Result
    from gradcheck.runner.waivers import Waiver


@dataclass(frozen=True)
class Faces:
    """How results are shown: as text, verbose or quiet, or as JSON; and the files written besides."""

    as_json: bool = False
    junit: Path | None = None
    html: Path | None = None
    verbose: bool = False
    quiet: bool = False
    color: bool = True
    annotate: bool = False


def run_and_show(
    jobs: Sequence[Job], faces: Faces, running: Running, waivers: "Sequence[Waiver]" = ()
) -> list["Result"]:
    """Run the jobs and show what came of them, in their order, as the waivers leave it."""
    check_files(faces)
    results: dict[int, Result] = {}
    try:
        _run(jobs, results, running, waivers)
    except KeyboardInterrupt:
        if not faces.as_json:
            _show_text(_ordered(results), faces)
        raise
    show(_ordered(results), faces)
    return _ordered(results)


def check_files(faces: Faces) -> None:
    """Refuse files in folders that are not there, before anything runs."""
    for file in (faces.junit, faces.html):
        if file is not None and not file.parent.is_dir():
            raise InvalidInput(f"a report must be written into a folder that exists; there is no {str(file.parent)!r}.")


def _ordered(results: dict[int, "Result"]) -> list["Result"]:
    return [results[number] for number in sorted(results)]


def _run(jobs: Sequence[Job], results: dict[int, "Result"], running: Running, waivers: "Sequence[Waiver]") -> None:
    """Keep each result as it comes, with a bar that says what is being checked where stderr is a terminal."""
    from gradcheck.runner.executor import check_jobs
    from gradcheck.runner.waivers import waived

    names = labels(jobs)
    with running.opened("check", many=len(jobs) > 1) as options, progress(names) as done:
        for number, result in check_jobs(jobs, **options):
            own = result.target.removeprefix(jobs[number].target)  # what a sweep of a kind adds
            job = jobs[number]
            results[number] = waived(
                replace(result, target=names[number] + own),
                job.target,
                waivers,
                allow_inconclusive=job.allow_inconclusive,
            )
            done(number)


def show(results: Sequence["Result"], faces: Faces) -> None:
    """Show results in the faces that are asked for."""
    from gradcheck import __version__
    from gradcheck.report import as_html, as_json, as_junit

    if faces.junit:
        faces.junit.write_text(as_junit.documents(results, __version__), encoding="utf-8")
    if faces.html:
        faces.html.write_text(as_html.documents(results, __version__), encoding="utf-8")
    if faces.annotate:
        for line in annotations(results):
            print(line, file=sys.stderr if faces.as_json else sys.stdout)
    if faces.as_json:
        sys.stdout.write(as_json.documents(results, __version__))
    else:
        _show_text(results, faces)


def _show_text(results: Sequence["Result"], faces: Faces) -> None:
    from gradcheck import __version__
    from gradcheck.report import as_text
    from gradcheck.report.headline import headline
    from gradcheck.report.headline import label as verdict_label
    from gradcheck.report.paper import Paper

    screen = terminal(color=faces.color)
    if faces.quiet:
        paper = Paper(screen.width, False, screen.unicode)
        lines = [paper.clean(f"{verdict_label(result)}  {headline(result)}") for result in results]
        _print("\n".join(lines))
        return
    shown = [_without_printing(result) for result in results]
    brief = not faces.verbose and any(" (" in result.target for result in results)  # a sweep
    _print(
        as_text.documents(
            shown, __version__, width=screen.width, color=screen.color, unicode=screen.unicode, brief=brief
        )
    )
    if faces.verbose:
        for result in results:
            _show_printing(result, screen)


def _without_printing(result: "Result") -> "Result":
    """Leave out what a layer printed while all went well; --verbose shows it in full."""
    from gradcheck.report.record import Failure

    return result if isinstance(result, Failure) else replace(result, printed="")


def _show_printing(result: "Result", screen: Terminal) -> None:
    from gradcheck.report.paper import Paper, without_escapes

    lines = Paper(screen.width, False, screen.unicode).verbatim(without_escapes(result.printed), indent="  ")
    if lines:
        _print("\n".join([f"\nprinted by {result.target}:", *lines]))


def _print(text: str) -> None:
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
