"""The checks in their order, on one subject: what was found, before it is explained and told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.checks.adjoint import Evidence, confirm, gather
from gradcheck.checks.claims import claim_findings, first_claim, judged_arguments
from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.exact import ExactRuling, judge_exactly
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.kinks import judge_kinks
from gradcheck.checks.outputs import Form
from gradcheck.checks.places import A_LITTLE, REPEATABLE, Place, survey
from gradcheck.checks.points import PointRuling, derived_inputs, joined, judge_points, larger_batch
from gradcheck.checks.precision import PrecisionRuling, is_low, judge_precision, runs_wide
from gradcheck.checks.probes import draw_cotangent
from gradcheck.checks.ruling import Flag, rule
from gradcheck.errors import LayerFault
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import is_floating, named_inputs
from gradcheck.verdict import Argument, Finding, Severity, Verdict


@dataclass(frozen=True)
class Outcome:
    """What the checks found: arguments, findings, and the evidence that an explanation can start from."""

    arguments: Mapping[str, Argument] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    evidences: tuple[Evidence, ...] = ()
    points: tuple[str, ...] = ()
    reason: str | None = None
    sentence: str = ""
    exact: str = ""


@dataclass(frozen=True)
class Plan:
    """What one check is to do: its seed and effort, and whether the caller named arguments or points."""

    seed: int = 0
    effort: str = "normal"
    asked: bool = False
    points: Sequence[object] | None = None


def judge(instrument: Instrument, plan: Plan) -> Outcome:
    """Put one subject through the checks.

    Raises
    ------
    LayerFailed
        The layer raises at the given point.
    """
    rng = np.random.default_rng([plan.seed, 20160905])
    subject = instrument.subject
    place = survey(instrument, subject.inputs)
    if place.random > REPEATABLE:
        return _random_forward(instrument, place)
    cotangent = draw_cotangent(rng, place.form, np.isfinite(place.base))
    try:
        claims = first_claim(instrument, cotangent, subject.inputs, place.form)
    except LayerFault as fault:
        return Outcome(findings=(Finding(fault.code, str(fault), argument=fault.argument),))
    findings = claim_findings(claims, subject.inputs, subject, place.form, asked=plan.asked)
    findings = [_weighed(instrument, place, finding) for finding in findings]
    instrument.subject = judged_arguments(claims, findings, subject)
    low = is_low(instrument.subject) and _widest(place) and runs_wide(instrument, instrument.subject, rng)
    if low:
        instrument.subject = instrument.subject.at(place.wide)
        main = replace(
            place, inputs=place.wide, form=Form(place.form.shapes, (np.dtype(np.float64),) * len(place.form.shapes))
        )
    else:
        main = place
    given = gather(instrument, main, rng, quick=plan.effort == "quick")
    flags = {name: _flags(instrument, given, name, rng) for name in instrument.subject.wrt}
    with instrument.purpose("kinks"):
        _add(flags, judge_kinks(instrument, given, rng).flags)
    precision = PrecisionRuling()
    if low:
        with instrument.purpose("low precision"):
            precision = judge_precision(instrument, main, subject.inputs, given.together, rng)
        _add(flags, precision.flags)
    further = _further(instrument, plan, given, rng)
    _add(flags, further.flags)
    exact = ExactRuling()
    if plan.effort != "quick":
        with instrument.purpose("exact tier"):
            exact = judge_exactly(instrument, given, rng)
        _add(flags, exact.flags)
    evidences = [given, *further.evidences]
    arguments = {
        name: rule(
            name, subject.inputs[name], evidences, flags, low=[c for c in precision.comparisons if c.argument == name]
        )
        for name in instrument.subject.wrt
    }
    arguments = {n: replace(a, exact_bound=exact.bounds.get(n)) for n, a in arguments.items()}
    return Outcome(arguments, tuple(findings), tuple(evidences), (place.name, *further.names), exact=exact.sentence)


def _add(flags: dict[str, list[Flag]], more: Mapping[str, Sequence[Flag]] | None) -> None:
    for name, found in (more or {}).items():
        flags[name] = [*flags.get(name, []), *found]


def _widest(place: Place) -> bool:
    """Tell whether forward runs in float64 here."""
    wide = all(value.dtype == np.float64 for value in place.wide.values() if is_floating(value))
    return wide and place.work == np.float64


def _weighed(instrument: Instrument, place: Place, finding: Finding) -> Finding:
    """Make a missing gradient a warning where forward does respond to the argument."""
    if finding.code != "gradient-unclaimed" or finding.severity is Severity.ERROR or finding.argument is None:
        return finding
    x = place.wide[finding.argument]
    outputs = instrument.evaluate(
        {**place.wide, finding.argument: x + A_LITTLE * natural_scale(x).astype(x.dtype)}, place.form
    )
    if outputs is None or np.array_equal(outputs, place.base, equal_nan=True):
        return finding
    text = f"backward claims no gradient for `{finding.argument}`, though forward responds to it; it was not judged."
    return replace(finding, sentence=text, severity=Severity.WARNING)


def _further(instrument: Instrument, plan: Plan, given: Evidence, rng: np.random.Generator) -> PointRuling:
    """Judge at the caller's further points, or at derived ones; quick effort stays at the given point."""
    if plan.points is None and plan.effort == "quick":
        return PointRuling()
    inputs = instrument.subject.inputs
    if plan.points is None:
        points = derived_inputs(inputs, instrument.subject.wrt, rng)
        batches = larger_batch(inputs, rng)
    else:
        points = [(f"point {i + 1} of the caller", named_inputs(p, tuple(inputs))) for i, p in enumerate(plan.points)]
        batches = []
    with instrument.purpose("further points"):
        found = judge_points(instrument, given, points, rng)
        for batch in batches:
            more = judge_points(instrument, given, [batch], rng)
            if more.names:
                return joined(found, more)
    return found


def _flags(instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator) -> list[Flag]:
    """Look again at the worst discrepancy of each kind that is beyond the threshold."""
    flags = []
    for kind in dict.fromkeys(c.kind for c in evidence.of(name)):
        worst = max((c for c in evidence.of(name) if c.kind == kind), key=lambda c: c.bars)
        if worst.bars > THRESHOLD:
            flags.append(Flag(worst, *confirm(instrument, evidence, name, rng, kind=kind)))
    return flags


def _random_forward(instrument: Instrument, place: Place) -> Outcome:
    text = "forward returns different outputs for the same inputs; fix its random state to have it judged."
    finding = Finding("random-forward", text, Severity.WARNING, evidence={"apart in noise": place.random})
    arguments = {
        name: Argument(
            name,
            place.inputs[name].shape,
            str(place.inputs[name].dtype),
            Verdict.INCONCLUSIVE,
            "random-forward",
            "forward is random",
        )
        for name in instrument.subject.wrt
    }
    return Outcome(arguments, (finding,), (), (place.name,), "random-forward", text)
