"""`--dry-run`, performed here and now: how a target is read, what goes where, and what would be tried. In the child."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.checks.contract import MOST_CALLS
from gradcheck.checks.procedure import FORWARD_CALLS, THOROUGH_ROUNDS
from gradcheck.oracle.like.matching import match
from gradcheck.oracle.like.performing import kind_of
from gradcheck.oracle.like.search import find_form
from gradcheck.oracle.like.setting import told
from gradcheck.oracle.like.sweeping import settings_of
from gradcheck.oracle.like.telling import mapping_lines
from gradcheck.oracle.like.trial import Bench
from gradcheck.report import plain
from gradcheck.runner.building import build, load_target
from gradcheck.runner.describing import Description, Parameter, describe
from gradcheck.runner.failing import failure_of
from gradcheck.runner.job import Job
from gradcheck.runner.seeding import seed_global_states
from gradcheck.subject import Subject

_LISTED = 20  # configurations; more are counted
_QUICK_CALLS = (6, 3)  # of a quick check that agrees: see checks/quick.py


@dataclass(frozen=True)
class DryRun:
    """The jobs of one target."""

    jobs: tuple[Job, ...]


def perform_dry_run(spec: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Return the lines that say what a check of these jobs would do, and whether it could be begun."""
    asked: DryRun = plain.load(DryRun, spec)
    job = asked.jobs[0]
    try:
        tell("import")
        seed_global_states(job.seed)
        loaded = load_target(job)
        lines = like_plan(job, loaded) if job.like else check_plan(asked.jobs, loaded)
    except BaseException as err:  # noqa: BLE001 - whatever the target raises, SystemExit included, is its answer
        failure = failure_of(job.target, err)
        return {"lines": [failure.sentence, *failure.traceback.splitlines()], "begun": False}
    return {"lines": lines, "begun": True}


def check_plan(jobs: Sequence[Job], loaded: tuple[Any, ...]) -> list[str]:
    """Say how the first configuration is read, and list them all."""
    job = jobs[0]
    subject = build(job, loaded).subject
    lines = [f"read as: {subject.convention}", *_parameters(describe(loaded), job)]
    for name, value in subject.inputs.items():
        what = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
        role = "gradient checked" if name in subject.wrt else "held constant"
        lines.append(f"input {name}: {what}, {role}{'' if name in job.inputs else ', kept by the layer'}")
    lines += [f"note: {note}" for note in subject.notes]
    lines.append(f"{len(jobs)} configuration{'s' if len(jobs) > 1 else ''}, {_calls(subject, job.effort)} each")
    lines += [f"  {_configuration(one)}" for one in jobs[:_LISTED]]
    return lines + ([f"  and {len(jobs) - _LISTED} more"] if len(jobs) > _LISTED else [])


def like_plan(job: Job, loaded: tuple[Any, ...]) -> list[str]:
    """Say what was found out about the target, and list the sweep."""
    kind = kind_of(job)
    bench = Bench(replace(job, args={}), loaded, kind, match(kind, describe(loaded), job.args))
    found = find_form(bench)
    settings = settings_of(bench, found.form)
    calls = "one forward and one backward call each, a judgement where one differs, and one check in full"
    lines = [*mapping_lines(bench, found), f"{len(settings)} configurations, {calls}"]
    return lines + [f"  {told(one, kind.output)}{f': {one.why}' if one.why else ''}" for one in settings]


def _parameters(target: Description, job: Job) -> list[str]:
    """Say what each callable takes, and what each parameter is given."""
    given = {name.rpartition(".")[2]: value for name, value in (*job.args.items(), *job.inputs.items())}
    rows = (("constructor", target.constructor), ("forward", target.forward), ("backward", target.backward))
    return [f"{what} takes {', '.join(_given(p, given) for p in taken)}" for what, taken in rows if taken]


def _given(parameter: Parameter, given: Mapping[str, str]) -> str:
    if parameter.name in given:
        return f"{parameter.name}={given[parameter.name]}"
    return parameter.name if parameter.required else f"{parameter.name} (default {parameter.default!r})"


def _calls(subject: Subject, effort: str) -> str:
    """Say about how many calls a check makes, by the budgets of the checks."""
    if effort == "quick":
        return f"about {_QUICK_CALLS[0]} forward and {_QUICK_CALLS[1]} backward calls"
    rounds = THOROUGH_ROUNDS if effort == "thorough" else 1
    forward = rounds * FORWARD_CALLS * max(1, len(subject.wrt)) + MOST_CALLS
    return f"at most about {forward} forward calls, and half as many backward,"


def _configuration(job: Job) -> str:
    inputs = [f"--input {name}={spec}" for name, spec in job.inputs.items()]
    return " ".join([*inputs, *(f"--arg {name}={value}" for name, value in job.args.items())])
