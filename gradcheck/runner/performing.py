"""One job, performed here and now: its Report, or the Failure that says why there is none. Runs in the child."""

import random
from collections.abc import Callable
from dataclasses import replace
from traceback import format_exception

import numpy as np

from gradcheck.errors import GradcheckError, InvalidInput, InvalidLayer, LayerFailed, TargetError
from gradcheck.examine import check
from gradcheck.report.record import Failure, Report, Result
from gradcheck.runner.building import build
from gradcheck.runner.job import Job, command
from gradcheck.runner.tracebacks import trimmed

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (TargetError, "load"),
    (LayerFailed, "raised"),
    (InvalidInput, "usage"),
    (InvalidLayer, "usage"),
    (GradcheckError, "usage"),
    (MemoryError, "memory"),
)


def perform(job: Job, enter: Callable[[str], None]) -> Result:
    """Check the job's target; `enter` is told each stage as it begins.

    The global random states are seeded, so that a layer that draws its own weights can be replayed.
    """
    random.seed(job.seed)
    np.random.seed(job.seed % 2**32)  # noqa: NPY002 - what the target's own code draws from, not ours
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
        )
    except BaseException as err:  # noqa: BLE001 - whatever the target raises, SystemExit included, is its answer
        return _failure(job, err)
    return replace(report, target=job.target)


def _failure(job: Job, error: BaseException) -> Failure:
    kind = next((kind for of, kind in _KINDS if isinstance(error, of)), "raised")
    cause = error.__cause__ if isinstance(error, LayerFailed) and error.__cause__ else error
    stage = getattr(error, "stage", "")
    shown = getattr(error, "traceback", "") or (trimmed(cause) if kind == "raised" else "")
    if isinstance(cause, MemoryError):
        kind = "memory"
    if kind == "raised" and stage == "import":
        kind = "load"
    sentence = _sentence(error)
    if not shown and not isinstance(error, (GradcheckError, SystemExit, MemoryError)):
        sentence, shown = f"gradcheck itself failed: {sentence}; please report it", "".join(format_exception(error))
    return Failure(target=job.target, kind=kind, sentence=sentence, traceback=shown, stage=stage)


def _sentence(error: BaseException) -> str:
    if isinstance(error, GradcheckError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the layer called sys.exit({error.code!r})"
    if isinstance(error, MemoryError):
        return f"out of memory: {error}".rstrip(": ")
    return f"{type(error).__name__}: {error}".rstrip(": ")
