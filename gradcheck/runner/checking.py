"""Checks as tasks: a Job on its way to a child, and the Result on its way back."""

from dataclasses import replace

from gradcheck.errors import TargetError
from gradcheck.report import plain
from gradcheck.report.as_json import read_entry
from gradcheck.report.record import Failure, Result
from gradcheck.runner.job import Job
from gradcheck.runner.targets import parse_target
from gradcheck.runner.task import Answer, Task


def refused(job: Job) -> Failure | None:
    """Return the failure of a job whose target cannot exist, which needs no child to be seen."""
    try:
        parse_target(job.target)
    except TargetError as err:
        return Failure(target=job.target, kind="load", sentence=str(err))
    return None


def task_of(job: Job) -> Task:
    """Return the task of a job; it rests on the target's file and on the files of its inputs."""
    target = parse_target(job.target)
    specs = [spec for point in (job.inputs, *(job.points or ())) for spec in point.values()]
    reads = list(target.files)
    reads += [spec[1:] for spec in specs if spec.startswith("@")]
    return Task(
        "like" if job.like else "check",
        plain.dump(job),
        label=job.target,
        reads=tuple(reads),
        timeout=job.timeout,
        memory=job.memory,
    )


def result_of(answer: Answer) -> Result:
    """Return what came of a check: its report, or the failure in its place.

    A check that was cut off after its verdict keeps it, and says what is missing.
    """
    if answer.result is None:
        return answer.failure or Failure(target="", kind="crashed", sentence="there was no answer")
    result = read_entry(answer.result)
    if isinstance(result, Failure):
        return replace(result, printed=answer.printed)
    if answer.failure:
        cut_off = f"cut off in the {answer.failure.stage}, so that it may be missing: {answer.failure.sentence}"
        result = replace(result, notes=(*result.notes, cut_off))
    return replace(result, printed=answer.printed, seconds=answer.seconds)
