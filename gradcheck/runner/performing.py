"""One check, performed here and now: its Report, or the Failure that says why there is none. Runs in the child."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gradcheck.examine import check
from gradcheck.report import plain
from gradcheck.report.as_json import entry
from gradcheck.report.record import Report, Result
from gradcheck.runner.building import build
from gradcheck.runner.failing import failure_of
from gradcheck.runner.job import Job, command
from gradcheck.runner.seeding import seed_global_states


def perform_check(spec: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Check the target of a job in plain data; return the report or the failure in plain data."""
    return entry(perform(plain.load(Job, spec), tell))


def perform(job: Job, enter: Callable[..., None]) -> Result:
    """Check the job's target; `enter` is told each stage as it begins, with the report as far as it is known.

    The global random states are seeded, so that a layer that draws its own weights can be replayed.
    """
    seed_global_states(job.seed)
    try:
        enter("import")
        built = build(job)
        enter("check")
        report: Report = check(
            built.subject,
            seed=job.seed,
            effort=job.effort,
            points=built.points,
            prove=job.prove,
            strict=job.strict,
            errors=job.errors,
            replay=command(job),
            judged=lambda report: enter("explanation", entry(replace(report, target=job.target))),
        )
    except BaseException as err:  # noqa: BLE001 - whatever the target raises, SystemExit included, is its answer
        return failure_of(job.target, err, swept=job.swept)
    return replace(report, target=job.target)
