"""`gradcheck fuzz`, performed here and now: a target tried at drawn cases. Runs in the child."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck.errors import GradcheckError, LayerFailed
from gradcheck.examine import check, verdict_of
from gradcheck.fuzzing import (
    AGREES,
    DISAGREES,
    INCONCLUSIVE,
    RAISED,
    REJECTED,
    Case,
    Search,
    drawn_spec,
    in_one_line,
    search,
    told,
)
from gradcheck.oracle.like.fuzzed import LikeSpace
from gradcheck.oracle.like.sweeping import UNLIKE
from gradcheck.report import plain
from gradcheck.report.as_json import entry
from gradcheck.report.record import Failure, Report, Result
from gradcheck.runner.building import build, load_target
from gradcheck.runner.failing import failure_of
from gradcheck.runner.job import Job, command
from gradcheck.runner.refusals import is_refusal
from gradcheck.runner.seeding import seed_global_states
from gradcheck.subject import Subject
from gradcheck.verdict import Verdict

_SEARCH = 0.7  # of the time that a target may take; the rest is left to the report in full


@dataclass(frozen=True)
class Fuzz:
    """What is asked.

    Parameters
    ----------
    job : Job
        The target, its input specifications with letters for sizes, and what else a check needs.
    axes : mapping of str to tuple of str
        The values of each letter and each hyperparameter that is drawn, unparsed.
    letters : tuple of str
        Which of the axes are letters.
    max_examples : int
        Examples to try.
    known : tuple of mapping
        Cases to try first.
    replay : str
        The command line that does it again.
    """

    job: Job
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    letters: tuple[str, ...] = ()
    max_examples: int = 100
    known: tuple[Mapping[str, str | int | float | bool | None], ...] = ()
    replay: str = ""


def perform_fuzz(spec: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Fuzz a target; return its report or failure, and the case to remember, in plain data."""
    asked: Fuzz = plain.load(Fuzz, spec)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder  # nothing of Hypothesis is left in the user's project
        try:
            result, case = look(asked, tell)
        except BaseException as err:  # noqa: BLE001 - whatever the target raises, SystemExit included, is its answer
            result, case = failure_of(asked.job.target, err), None
    return {"entry": entry(result), "case": plain.dump(case)}


def look(asked: Fuzz, tell: Callable[..., None]) -> tuple[Result, Case | None]:
    """Search for a failing case; return what is told of the smallest, or of none, and the case itself."""
    started, job = time.monotonic(), asked.job
    seed_global_states(job.seed)
    tell("import")
    loaded = load_target(job)
    space: LikeSpace | TargetSpace
    space = LikeSpace.of(job, loaded) if job.like else TargetSpace(asked, loaded)

    def attempt(case: Case) -> str:
        tell(f"example {', '.join(f'{name} {value}' for name, value in case.items())}")
        return space.outcome(case)

    def searched(failing: tuple[str, ...]) -> Search:
        return search(
            space.axes,
            attempt,
            max_examples=asked.max_examples,
            seed=job.seed,
            known=asked.known,
            failing=failing,
            stop=lambda: time.monotonic() - started > _SEARCH * job.timeout,
        )

    found = searched((DISAGREES, UNLIKE))
    if found.case is None and RAISED in found.tally:
        found = replace(searched((RAISED,)), tally=found.tally)
    tell("report")
    if found.case is None:
        return _nothing_found(asked, space, found.tally), None
    return space.told(found.case, told(found.tally), asked.replay), found.case


def _nothing_found(asked: Fuzz, space: "LikeSpace | TargetSpace", tally: Mapping[str, int]) -> Result:
    if not set(tally) & {AGREES, INCONCLUSIVE}:
        sentence = f"the layer took none of them ({told(tally)}); give other sizes with --dim, or values with --arg"
        return Failure(target=asked.job.target, kind="rejected", sentence=sentence)
    agrees = AGREES in tally
    return Report(
        target=asked.job.target,
        convention=space.convention,
        verdict=Verdict.AGREES if agrees else Verdict.INCONCLUSIVE,
        reason=None if agrees else "nothing-decided",
        sentence=f"no failure in {told(tally)}",
        seed=asked.job.seed,
        effort=asked.job.effort,
        replay=asked.replay,
    )


class TargetSpace:
    """The cases of a target whose inputs are given by shapes in letters."""

    def __init__(self, asked: Fuzz, loaded: tuple[Any, ...]) -> None:
        self._asked, self._loaded = asked, loaded
        self.convention = ""
        numbers = {name: [int(text) for text in asked.axes[name]] for name in asked.letters}
        self.axes: dict[str, Any] = {name: numbers.get(name, list(texts)) for name, texts in asked.axes.items()}
        if asked.job.inputs:
            from gradcheck.fuzzing import SEEDS, VALUES

            self.axes |= {"values": VALUES, "seed": range(SEEDS)}

    def outcome(self, case: Case) -> str:
        """Try a case and say what came of it."""
        try:
            subject = self._subject(case)
            return str(verdict_of(subject, seed=self._asked.job.seed, effort=self._asked.job.effort))
        except GradcheckError as err:
            cause = err.__cause__ if isinstance(err, LayerFailed) and err.__cause__ else err
            place = self._asked.job.target.rpartition(":")[0]
            return REJECTED if is_refusal(cause, getattr(err, "stage", ""), place) else RAISED

    def told(self, case: Case, tally: str, _: str) -> Result:
        """Report a failing case in full."""
        job = self._job(case)
        try:
            subject = self._subject(case)
            report = check(subject, seed=job.seed, prove=job.prove, errors=job.errors, replay=command(job))
        except GradcheckError as err:
            failure = failure_of(job.target, err)
            return replace(failure, sentence=f"{failure.sentence} ({tally}; {command(job)})")
        line = in_one_line(subject, {name: job.args[name] for name in job.args}, report)
        return replace(report, target=job.target, sentence=line, notes=(tally, *report.notes))

    def _job(self, case: Case) -> Job:
        job = self._asked.job
        sized = {name: drawn_spec(spec, case) for name, spec in job.inputs.items()}
        args = {name: str(case[name]) for name in self._asked.axes if name not in self._asked.letters}
        return replace(
            job, inputs=sized, args={**job.args, **args}, seed=int(case.get("seed", job.seed)), effort="normal"
        )

    def _subject(self, case: Case) -> Subject:
        job = self._job(case)
        seed_global_states(job.seed)
        subject = build(job, self._loaded).subject
        self.convention = subject.convention
        return subject
