"""`--like`, performed here and now: a target held to our layer of a kind over a sweep. Runs in the child."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.examine import check
from gradcheck.oracle.like.form import fitted
from gradcheck.oracle.like.kinds import KINDS, Kind
from gradcheck.oracle.like.matching import match
from gradcheck.oracle.like.search import Found, find_form
from gradcheck.oracle.like.setting import Setting, told
from gradcheck.oracle.like.sweeping import (
    AGREES,
    DISAGREES,
    NOT_TAKEN,
    RAISED,
    RANK,
    REJECTED,
    UNLIKE,
    Tried,
    compare_setting,
    settings_of,
    shrink,
    try_setting,
)
from gradcheck.oracle.like.telling import mapping_lines, tally
from gradcheck.oracle.like.trial import Bench
from gradcheck.report import plain
from gradcheck.report.as_json import entry
from gradcheck.report.record import Report, Result
from gradcheck.runner.building import load_target
from gradcheck.runner.describing import describe
from gradcheck.runner.failing import failure_of
from gradcheck.runner.job import Job, command
from gradcheck.runner.seeding import seed_global_states
from gradcheck.verdict import Finding, Severity, Verdict

# Of the time that a target may take: for the sweep, and for shrinking; the rest is left to the report in full.
_SWEEP, _SHRINK = 0.7, 0.85


def perform_like(spec: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Hold the target of a job in plain data to its kind; return the report or the failure in plain data."""
    job: Job = plain.load(Job, spec)
    try:
        return entry(hold(job, tell))
    except BaseException as err:  # noqa: BLE001 - whatever the target raises, SystemExit included, is its answer
        return entry(failure_of(job.target, err, swept=True))


def hold(job: Job, tell: Callable[..., None]) -> Result:
    """Find out how the target is to be called, sweep, shrink the worst, and report it."""
    started, kind = time.monotonic(), kind_of(job)
    seed_global_states(job.seed)
    tell("import")
    loaded = load_target(job)
    target = describe(loaded)
    bench = Bench(replace(job, args={}), loaded, kind, match(kind, target, job.args))
    tell("layouts")
    found = find_form(bench)
    settings = settings_of(bench, found.form)
    tried: list[Tried] = []
    for number, setting in enumerate(settings, 1):
        if tried and time.monotonic() - started > _SWEEP * job.timeout:
            break
        tell(f"configuration {number} of {len(settings)}, {told(setting, kind.output)}")
        tried.append(try_setting(bench, found.form, setting))
    worst = min(tried, key=lambda one: (RANK.index(one.outcome), one.setting.weight))
    if worst.outcome in (DISAGREES, UNLIKE, RAISED):
        worst = _smallest(bench, found, worst, until=started + _SHRINK * job.timeout, tell=tell)
    elif worst.outcome == AGREES:
        choose = max if len(tried) == len(settings) else min  # what took so long must not take the rest of the time too
        worst = choose((one for one in tried if one.outcome == AGREES), key=lambda one: one.setting.weight)
    tell(f"check, {told(worst.setting, kind.output)}")
    notes = (mapping_lines(bench, found), tally(tried, len(settings), kind))
    return report_of(job, bench, worst, notes)


def kind_of(job: Job) -> Kind:
    """Return the kind that a job names.

    Raises
    ------
    InvalidInput
        There is no such kind.
    """
    if job.like not in KINDS:
        near = did_you_mean(job.like, KINDS) or "."
        raise InvalidInput(f"`like` must be one of {', '.join(KINDS)}; it is {job.like!r}{near}")
    return KINDS[job.like]


def _smallest(bench: Bench, found: Found, worst: Tried, *, until: float, tell: Callable[..., None]) -> Tried:
    """Return the smallest setting with the same outcome that can be reached by making one thing smaller at a time."""
    known: dict[Setting, Tried] = {}
    by_comparison = worst.apart is not None and (worst.outcome == UNLIKE) == (worst.apart.what == "output")
    simply = worst.seen is None or by_comparison
    one_try = compare_setting if simply else try_setting

    def attempt(setting: Setting) -> Tried | None:
        possible = fitted(bench.kind, bench.matched, found.form, setting)
        if possible is None or possible != setting or time.monotonic() > until:
            return None
        if setting not in known:
            tell(f"shrinking, {told(setting, bench.kind.output)}")
            known[setting] = one_try(bench, found.form, setting)
        return known[setting]

    smallest = worst
    for smaller in shrink(worst, attempt):
        smallest = smaller
    judged = try_setting(bench, found.form, smallest.setting)
    return judged if judged.outcome == worst.outcome else worst


def report_of(
    job: Job, bench: Bench, worst: Tried, notes: tuple[tuple[str, ...], tuple[str, ...]], *, replay: str = ""
) -> Result:
    """Report the setting that decides, with how the target was read and what came of the others."""
    mapping, counts = notes
    name = f"{job.target} like {job.like} ({told(worst.setting, bench.kind.output)})"
    if worst.seen is None:
        kind = "rejected" if worst.outcome in (REJECTED, NOT_TAKEN) else "raised"
        failure = failure_of(job.target, worst.error or InvalidInput(worst.sentence))
        return replace(failure, target=name, kind=kind, sentence=f"{failure.sentence} ({counts[0]})")
    report = check(
        worst.seen.subject,
        seed=job.seed,
        effort=job.effort,
        prove=job.prove,
        strict=job.strict,
        errors=job.errors,
        replay=replay or command(job),
    )
    report = replace(report, target=name, notes=(*mapping, *counts, *report.notes))
    return _with_difference(job, worst, report) if worst.apart else report


def _with_difference(job: Job, worst: Tried, report: Report) -> Report:
    assert worst.apart is not None
    unlike = worst.outcome == UNLIKE
    agrees = unlike and report.verdict is Verdict.AGREES
    finding = Finding(
        f"not-like-{job.like}",
        f"{worst.apart.sentence}, for a {told(worst.setting, kind_of(job).output)}.",
        Severity.ERROR if unlike and not job.no_like_error else Severity.WARNING,
        argument=None if worst.apart.what == "output" else worst.apart.what.removeprefix("grad_"),
        evidence=worst.apart.evidence,
    )
    sentence = report.sentence or (
        f"its gradient is right, but it computes something else than {job.like}: {worst.apart.sentence}"
        if agrees
        else ""
    )
    return replace(report, findings=(finding, *report.findings), sentence=sentence)
