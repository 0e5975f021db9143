"""The checks in their order, on one subject: what was found, before it is explained and told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.checks.adjoint import Evidence, gather
from gradcheck.checks.averaged import judge_averaged
from gradcheck.checks.claims import broken_answers, judged_arguments
from gradcheck.checks.comparison import stands_out
from gradcheck.checks.confirmation import look_again
from gradcheck.checks.contract import contract_findings
from gradcheck.checks.derived import KINDS, derived_inputs, larger_batch_of
from gradcheck.checks.exact import ExactRuling, judge_exactly
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.kinks import KinkRuling, judge_kinks
from gradcheck.checks.opening import ON_A_FRESH_INSTANCE, Opening, isolation, open_check, random_forward
from gradcheck.checks.outcome import Outcome, Plan
from gradcheck.checks.places import GIVEN, answers_alike
from gradcheck.checks.points import (
    CALLS,
    FEWEST,
    NEARLY_ENOUGH,
    AtDerivedPoints,
    PointRuling,
    joined,
    judge_points,
    look_closer,
    look_in_ordinary_places,
)
from gradcheck.checks.precision import PrecisionRuling, judge_precision
from gradcheck.checks.proving import prove
from gradcheck.checks.quick import glance
from gradcheck.checks.ruling import NOISE, UNANSWERED, UNRESOLVED, Flag, resolution, rule
from gradcheck.checks.severities import found
from gradcheck.errors import LayerFault
from gradcheck.verdict import Argument, Finding, Severity, Verdict

FORWARD_CALLS = 40  # aimed at for each differentiated input at normal effort; the contract has its own budget
THOROUGH_ROUNDS = 4  # thorough effort repeats the probes and the derived points so many times, with fresh draws
LITTLE_SEEN = (NOISE[1], UNANSWERED[1])  # reasons for looking at points of ordinary size

Flags = dict[str, list[Flag]]


def judge(instrument: Instrument, plan: Plan) -> Outcome:
    """Put one subject through the checks.

    Raises
    ------
    LayerFailed
        The layer raises at the given point.
    """
    try:
        outcome = _judged(instrument, plan, np.random.default_rng([plan.seed, 20160905]))
    except LayerFault as fault:  # after a first answer that was a set of gradients
        outcome = Outcome(findings=(Finding(fault.code, str(fault), argument=fault.argument),), points=(GIVEN,))
    return replace(outcome, findings=(*isolation(instrument.subject), *outcome.findings))


def _judged(instrument: Instrument, plan: Plan, rng: np.random.Generator) -> Outcome:
    if plan.effort == "quick" and (outcome := glance(instrument, plan, rng)) is not None:
        return outcome
    opening = open_check(instrument, plan, rng)
    if isinstance(opening, Outcome):
        return opening
    return _judge_from(instrument, plan, opening, rng)


def _judge_from(instrument: Instrument, plan: Plan, opening: Opening, rng: np.random.Generator) -> Outcome:
    instrument.allowed = _rounds(plan) * FORWARD_CALLS * max(len(instrument.subject.wrt), 1)
    gathered = [gather(instrument, opening.place, rng)]
    unfit = _unfit(instrument, plan, opening, gathered[0], rng)
    return _judge_whole(instrument, plan, opening, gathered, rng) if unfit is None else unfit


def _rounds(plan: Plan) -> int:
    return THOROUGH_ROUNDS if plan.effort == "thorough" else 1


def _judge_whole(
    instrument: Instrument, plan: Plan, opening: Opening, evidences: list[Evidence], rng: np.random.Generator
) -> Outcome:
    names, rounds = instrument.subject.wrt, _rounds(plan)
    flags, kinks = _at_the_given_point(instrument, plan, evidences, rng, rounds=rounds)
    given, place = evidences[0], evidences[0].place
    precision, exact = PrecisionRuling(), ExactRuling()
    if opening.low is not None:
        with instrument.purpose("low precision"):
            precision = judge_precision(instrument, place, opening.low, given.together, rng=rng)
        _add(flags, precision.flags)
    with instrument.purpose("low precision"):
        averaged = judge_averaged(instrument, given, rng, _left_to_rounding(given, flags))
    _add(flags, averaged.flags)
    further = _further(instrument, plan, given, rng, wrong=_wrong(flags))
    _add(flags, further.flags)
    with instrument.purpose("exact tier"):
        exact = judge_exactly(instrument, given, rng, wrong=_wrong(flags))
    _add(flags, exact.flags)
    evidences += further.evidences

    def ruled() -> dict[str, Argument]:
        return {
            name: rule(
                name,
                opening.original[name],
                evidences,
                flags,
                low=[c for c in precision.comparisons if c.argument == name],
                kinks=[c for c in kinks.comparisons if c.argument == name],
                chosen=name in kinks.chosen,
                averaged=averaged.resolutions.get(name, UNRESOLVED),
                exact_bound=exact.bounds.get(name),
            )
            for name in names
        }

    def take(more: PointRuling) -> None:
        nonlocal further, evidences
        _add(flags, more.flags)
        evidences += more.evidences
        further = joined(further, more)

    arguments = ruled()
    coarse = [n for n, (whole, _) in averaged.resolutions.items() if whole <= resolution(given.of(n))[0]]
    if plan.points is None:
        with instrument.purpose("further points"):
            if any(a.reason in LITTLE_SEEN and n not in coarse for n, a in arguments.items()):
                take(look_in_ordinary_places(instrument, given, rng))
                hidden = {
                    name: a.resolution for name, a in ruled().items() if a.reason == NOISE[1] and name not in coarse
                }
                if hidden:
                    take(look_closer(instrument, given, further, rng, names=hidden, lost=_lost(flags)))
            elif plan.effort == "normal" and instrument.left() >= CALLS:
                spare = derived_inputs(instrument.subject.inputs, names, rng)[:-FEWEST]
                take(judge_points(instrument, given, spare, rng, wrong=_wrong(flags)))
        arguments = ruled()
    if _accused(arguments) and not any(map(stands_out, given.comparisons)) and not answers_alike(instrument, place):
        return random_forward(instrument, place, ON_A_FRESH_INSTANCE)
    all_of = {**opening.aside, **arguments}
    return Outcome(
        arguments={name: all_of[name] for name in opening.original if name in all_of},
        findings=(
            *opening.findings,
            *further.findings,
            *_unstable(given),
            *_contract(instrument, given, rng),
            *_left_out(instrument),
        ),
        evidences=tuple(evidences),
        points=(place.name, *further.names),
        exact=exact.sentence,
        proof=prove(evidences, arguments) if plan.prove else (),
    )


def _unfit(
    instrument: Instrument, plan: Plan, opening: Opening, given: Evidence, rng: np.random.Generator
) -> Outcome | None:
    """Return the outcome where the evidence is none: an answer that is not finite, or a forward that draws anew."""
    names = instrument.subject.wrt
    broken = broken_answers(given.gradients, names, when="; seen for another grad_output than the first")
    if broken:
        instrument.subject = judged_arguments(given.gradients[0], broken, instrument.subject)
        return _judge_from(instrument, plan, replace(opening, findings=(*opening.findings, *broken)), rng)
    if any(stands_out(c) for c in given.comparisons) and not answers_alike(instrument, given.place):
        return random_forward(instrument, given.place, ON_A_FRESH_INSTANCE)
    return None


def _at_the_given_point(
    instrument: Instrument, plan: Plan, evidences: list[Evidence], rng: np.random.Generator, *, rounds: int
) -> tuple[Flags, KinkRuling]:
    """Look again at what disagrees at the given point, and at kinks there; `evidences` are completed and settled."""
    given = evidences[0]
    evidences += [gather(instrument, given.place, rng) for _ in range(1, rounds)]
    also = AtDerivedPoints(instrument, given, rng)
    flags: Flags = {
        name: [f for e in evidences for f in look_again(instrument, e, name, rng, elsewhere=also)]
        for name in instrument.subject.wrt
    }
    with instrument.purpose("kinks"):
        kinks = judge_kinks(instrument, given, rng, wrong=_wrong(flags))
    _add(flags, kinks.flags)
    if not plan.prove:
        evidences[:] = [evidence.settled() for evidence in evidences]
    return flags, kinks


def _wrong(flags: Flags) -> list[str]:
    """Return the arguments known to be wrong, at which nothing more needs to be looked."""
    return [name for name, found in flags.items() if any(flag.confirmed for flag in found)]


def _lost(flags: Flags) -> list[str]:
    """Return the arguments of which backward loses digits somewhere."""
    return [name for name, found in flags.items() if any(flag.lost for flag in found)]


def _accused(arguments: Mapping[str, Argument]) -> bool:
    return any(argument.verdict is Verdict.DISAGREES for argument in arguments.values())


def _left_to_rounding(given: Evidence, flags: Flags) -> list[str]:
    """Return the arguments that the rounding of a forward of low precision leaves open, however many probes follow."""
    if given.place.work == np.float64:
        return []
    wrong = _wrong(flags)
    doubtful = {name for name, found in flags.items() if any(not (f.confirmed or f.excused) for f in found)}
    blunt = {name: resolution(given.of(name))[0] for name in given.measured}
    return [name for name in given.measured if (name in doubtful or blunt[name] > NEARLY_ENOUGH) and name not in wrong]


def _contract(instrument: Instrument, given: Evidence, rng: np.random.Generator) -> list[Finding]:
    with instrument.purpose("the contract"):
        return contract_findings(instrument, given, rng)


def _left_out(instrument: Instrument) -> list[Finding]:
    """Say what calls no longer sufficed for."""
    if not instrument.left_out:
        return []
    what = "; ".join(dict.fromkeys(instrument.left_out))
    return [Finding("calls-spent", f"Left out, for the calls of this effort were spent: {what}.", Severity.NOTE)]


def _unstable(given: Evidence) -> list[Finding]:
    """Tell of a backward that answers a few ulps wildly where forward has no kink to excuse it."""
    if given.kinky.any():
        return []
    names = dict.fromkeys(c.argument for c in given.comparisons if c.unstable)
    said = "changes under a change of its inputs by a few ulps far more than condition and dtype explain"
    return [
        Finding(
            "unstable-backward",
            f"The gradient of `{n}` {said}.",
            Severity.WARNING,
            n,
            {"relative change": given.slacks[n].relative_response},
        )
        for n in names
    ]


def _add(flags: Flags, more: Mapping[str, Sequence[Flag]] | None) -> None:
    for name, others in (more or {}).items():
        flags[name] = [*flags.get(name, []), *others]


def _further(
    instrument: Instrument, plan: Plan, given: Evidence, rng: np.random.Generator, *, wrong: Collection[str]
) -> PointRuling:
    """Judge at the caller's further points, or at the derived ones that are worth any price."""
    inputs, names = instrument.subject.inputs, instrument.subject.wrt
    with instrument.purpose("further points"):
        if plan.points is not None:
            chosen = [(f"point {i + 1} of the caller", p) for i, p in enumerate(plan.points)]
            seen = judge_points(instrument, given, chosen, rng, wrong=wrong)
            return replace(seen, findings=(*seen.findings, *(found("point-not-judged", t) for t in seen.unjudged)))
        seen = PointRuling()
        for _ in range(_rounds(plan)):
            number = len(KINDS) if plan.effort == "thorough" else FEWEST
            *rest, moderate, wide = derived_inputs(inputs, names, rng, number=number)
            points = [*rest, wide]
            seen = joined(seen, judge_points(instrument, given, points, rng, wrong=wrong, to_come=1))
            for point in [*larger_batch_of([moderate], names, rng), moderate]:
                known = {*wrong, *_wrong({n: list(f) for n, f in (seen.flags or {}).items()})}
                more = judge_points(instrument, given, [point], rng, wrong=known)
                if more.names or more.dropped or more.findings:
                    seen = joined(seen, more)
                    break
        return seen
