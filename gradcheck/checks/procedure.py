"""The checks in their order, on one subject: what was found, before it is explained and told."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.checks.adjoint import Evidence, gather, summed_up
from gradcheck.checks.averaged import Averaged, judge_averaged
from gradcheck.checks.claims import broken_answers, judged_arguments
from gradcheck.checks.close_by import CloseBy
from gradcheck.checks.closer import NEARLY_ENOUGH, look_closer
from gradcheck.checks.comparison import stands_out
from gradcheck.checks.confirmation import look_again
from gradcheck.checks.contract import contract_findings
from gradcheck.checks.derived import KINDS, derived_inputs, larger_batch_of
from gradcheck.checks.exact import judge_exactly
from gradcheck.checks.flags import Flags, add_to, doubted_of, lost_of, wrong_of
from gradcheck.checks.instrument import CONTRACT, Instrument
from gradcheck.checks.kinks import KinkRuling, judge_entries_left, judge_kinks
from gradcheck.checks.opening import ON_A_FRESH_INSTANCE, Opening, isolation, open_check, random_forward
from gradcheck.checks.outcome import Outcome, Plan
from gradcheck.checks.places import A_LOOK, GIVEN, answers_alike
from gradcheck.checks.points import (
    CALLS,
    FEWEST,
    AtDerivedPoints,
    PointRuling,
    joined,
    judge_points,
    look_in_ordinary_places,
    price,
)
from gradcheck.checks.precision import PrecisionRuling, judge_precision
from gradcheck.checks.proving import prove
from gradcheck.checks.quick import glance
from gradcheck.checks.recall import ForwardAtRandom
from gradcheck.checks.resolution import resolution
from gradcheck.checks.ruling import A_CHOICE, AT_KINKS, NOISE, UNANSWERED, UNRESOLVED, rule
from gradcheck.checks.severities import found
from gradcheck.errors import LayerFault
from gradcheck.verdict import Argument, Finding, Severity, Verdict

# At most for each differentiated input at normal effort; the contract has its own budget.
FORWARD_CALLS, BACKWARD_CALLS = 40, 15
THOROUGH_ROUNDS = 4  # thorough effort repeats the probes and the derived points so many times, with fresh draws
LITTLE_SEEN = (NOISE[1], UNANSWERED[1])  # reasons for looking at points of ordinary size


def judge(instrument: Instrument, plan: Plan) -> Outcome:
    """Put one subject through the checks.

    Raises
    ------
    LayerFailed
        The layer raises at the given point.
    """
    try:
        outcome = _judged(instrument, plan, np.random.default_rng([plan.seed, 20160905]))
    except ForwardAtRandom:
        outcome = random_forward(instrument)
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
    several = _rounds(plan) * max(len(instrument.subject.wrt), 1)
    # A point that the caller names is judged at any price.
    dear = CALLS + (A_LOOK + 1) * len(instrument.subject.wrt)
    instrument.allowed = several * FORWARD_CALLS + dear * len(plan.points or ())
    instrument.allowed_answers, instrument.kept = several * BACKWARD_CALLS, 0
    gathered = [gather(instrument, opening.place, rng)]
    instrument.kept = 0 if plan.points is not None else price(gathered[0])
    unfit = _unfit(instrument, plan, opening, gathered[0], rng)
    return _judge_whole(instrument, plan, opening, gathered, rng) if unfit is None else unfit


def _rounds(plan: Plan) -> int:
    return THOROUGH_ROUNDS if plan.effort == "thorough" else 1


def _judge_whole(
    instrument: Instrument, plan: Plan, opening: Opening, evidences: list[Evidence], rng: np.random.Generator
) -> Outcome:
    names = instrument.subject.wrt
    also, close = AtDerivedPoints(instrument, evidences[0], rng), CloseBy(instrument, rng, wanted=plan.points is None)
    averaged = Averaged()
    if coarse := evidences[0].place.work == np.float16:  # no single probe is sharp enough
        with instrument.purpose("low precision"):
            averaged = judge_averaged(instrument, evidences[0], rng, _left_to_rounding(evidences[0], {}))
    wrong = wrong_of(averaged.flags)
    flags, kinks = _at_the_given_point(instrument, plan, evidences, rng, also=also, close=close, wrong=wrong)
    given, place = evidences[0], evidences[0].place
    precision = _in_low_precision(instrument, opening, given, rng)
    add_to(flags, precision.flags)
    if not coarse:
        with instrument.purpose("low precision"):
            averaged = judge_averaged(instrument, given, rng, _left_to_rounding(given, flags))
    add_to(flags, averaged.flags)
    blunt = [n for n, (whole, _) in averaged.resolutions.items() if whole <= resolution(given.of(n))[0]]
    hidden = plan.points is None and _noise_hides(opening, evidences, flags, but=blunt)
    further = _at_further_points(instrument, plan, given, rng, flags=flags, also=also, hidden=hidden)
    add_to(flags, further.flags)
    with instrument.purpose("exact tier"):
        exact = judge_exactly(instrument, given, rng, wrong=wrong_of(flags))
    add_to(flags, exact.flags)
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

    arguments = ruled()
    if plan.points is None:
        alone = [name for name, argument in arguments.items() if argument.reason == AT_KINKS[1]]
        kinks = judge_entries_left(instrument, given, rng, names=alone, judged=kinks)
        add_to(flags, kinks.flags)
        with instrument.purpose("further points"):
            more = _with_calls_left(
                instrument, plan, given, further, rng, arguments=arguments, flags=flags, but=blunt, close=close
            )
        add_to(flags, more.flags)
        evidences += more.evidences
        further = more = joined(further, more)
        arguments = ruled()
    if _only_elsewhere(arguments, given) and not answers_alike(instrument, place, often=True):
        return random_forward(instrument, ON_A_FRESH_INSTANCE)
    if not (_accused(arguments) or plan.prove):
        further = more = _summed_up(evidences, further, also)
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


def _in_low_precision(
    instrument: Instrument, opening: Opening, given: Evidence, rng: np.random.Generator
) -> PrecisionRuling:
    if opening.low is None:
        return PrecisionRuling()
    with instrument.purpose("low precision"):
        return judge_precision(instrument, given.place, opening.low, given.together, rng=rng)


def _at_further_points(
    instrument: Instrument,
    plan: Plan,
    given: Evidence,
    rng: np.random.Generator,
    *,
    flags: Flags,
    also: AtDerivedPoints,
    hidden: bool,
) -> PointRuling:
    """Judge at the further points, and before them at values of ordinary size where noise has `hidden` something."""
    ordinary = PointRuling()
    if hidden:
        with instrument.purpose("further points"):
            ordinary = look_in_ordinary_places(instrument, given, rng)
    seen = _further(instrument, plan, given, rng, wrong=wrong_of(flags), doubted=doubted_of(flags), also=also)
    return joined(ordinary, seen)


def _summed_up(evidences: list[Evidence], further: PointRuling, also: AtDerivedPoints) -> PointRuling:
    """Let go of the values at the places at which nobody will look again."""
    evidences[1:] = [summed_up(evidence) for evidence in evidences[1:]]
    also.seen.clear()
    return replace(further, evidences=())


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
        return random_forward(instrument, ON_A_FRESH_INSTANCE)
    return None


def _at_the_given_point(
    instrument: Instrument,
    plan: Plan,
    evidences: list[Evidence],
    rng: np.random.Generator,
    *,
    also: AtDerivedPoints,
    close: CloseBy,
    wrong: Collection[str] = (),
) -> tuple[Flags, KinkRuling]:
    """Look again at what disagrees at the given point, and at kinks there; `evidences` are completed and settled.

    At arguments that are known to be `wrong` nobody needs to look.
    """
    given = evidences[0]
    evidences += [gather(instrument, given.place, rng) for _ in range(1, _rounds(plan))]
    flags: Flags = {
        name: [f for e in evidences for f in look_again(instrument, e, name, rng, elsewhere=also)]
        for name in instrument.subject.wrt
        if name not in wrong
    }
    met = [flag.apart for found in flags.values() for flag in found if flag.apart is not None]
    given = replace(given, kinky=np.logical_or.reduce([given.kinky, *met]))
    evidences[0] = given
    with instrument.purpose("kinks"):
        known = [*wrong, *wrong_of(flags)]
        ordinary = [name for name in instrument.subject.wrt if name not in known]
        kinks = judge_kinks(instrument, given, rng, wrong=known, close=lambda: close.look(given, ordinary))
    add_to(flags, kinks.flags)
    corners = [
        flag.cornered for found in flags.values() for flag in found if flag.confirmed and flag.cornered is not None
    ]
    if corners:
        evidences[0] = replace(given, cornered=np.logical_or.reduce(corners))
    if not plan.prove:
        evidences[:] = [evidence.settled() for evidence in evidences]
        also.given = evidences[0]
    return flags, kinks


def _accused(arguments: Mapping[str, Argument]) -> bool:
    return any(argument.verdict is Verdict.DISAGREES for argument in arguments.values())


def _only_elsewhere(arguments: Mapping[str, Argument], given: Evidence) -> bool:
    """Tell whether something is accused for what was seen at other points than the given one."""
    return _accused(arguments) and not any(map(stands_out, given.comparisons))


def _left_to_rounding(given: Evidence, flags: Flags) -> list[str]:
    """Return the arguments that the rounding of a forward of low precision leaves open, however many probes follow."""
    if given.place.work == np.float64:
        return []
    wrong = wrong_of(flags)
    doubtful = {name for name, found in flags.items() if any(not (f.confirmed or f.excused) for f in found)}
    blunt = {name: resolution(given.of(name))[0] for name in given.measured}
    return [name for name in given.measured if (name in doubtful or blunt[name] > NEARLY_ENOUGH) and name not in wrong]


def _noise_hides(opening: Opening, evidences: Sequence[Evidence], flags: Flags, *, but: Collection[str]) -> bool:
    """Tell whether what was seen at the given point leaves an argument open, or without any response."""
    ruled = [rule(name, opening.original[name], evidences, flags) for name in evidences[0].measured if name not in but]
    return any(argument.reason in LITTLE_SEEN for argument in ruled)


def _with_calls_left(
    instrument: Instrument,
    plan: Plan,
    given: Evidence,
    further: PointRuling,
    rng: np.random.Generator,
    *,
    arguments: Mapping[str, Argument],
    flags: Flags,
    but: Collection[str],
    close: CloseBy,
) -> PointRuling:
    """Look closer at what kinks or noise leave open, or at one more derived point where nothing is."""
    at_kinks = [name for name, a in arguments.items() if a.reason in (AT_KINKS[1], A_CHOICE[1])]
    still_open = [name for name, a in arguments.items() if given.kinky.any() and a.verdict is Verdict.INCONCLUSIVE]
    if at_kinks or still_open:
        close.look(given, {*at_kinks, *still_open})
    seen = close.told([*at_kinks, *(name for name, a in arguments.items() if a.verdict is Verdict.AGREES)])
    if at_kinks or wrong_of(dict(seen.flags or {})):
        return seen
    little = [name for name, a in arguments.items() if a.reason in LITTLE_SEEN and name not in but]
    hidden = {name: arguments[name].resolution for name in little if arguments[name].reason == NOISE[1]}
    if hidden:
        return joined(seen, look_closer(instrument, given, further, rng, names=hidden, lost=lost_of(flags)))
    if little or plan.effort != "normal" or instrument.left() < CALLS:
        return seen
    spare = derived_inputs(instrument.subject.inputs, instrument.subject.wrt, rng, but=FEWEST)
    return joined(seen, judge_points(instrument, given, spare, rng, wrong=wrong_of(flags)))


def _contract(instrument: Instrument, given: Evidence, rng: np.random.Generator) -> list[Finding]:
    with instrument.purpose(CONTRACT):
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


def _further(
    instrument: Instrument,
    plan: Plan,
    given: Evidence,
    rng: np.random.Generator,
    *,
    wrong: Collection[str],
    doubted: Collection[str],
    also: AtDerivedPoints,
) -> PointRuling:
    """Judge at the caller's further points, or at the derived ones that are worth most, the first at any price."""
    names = instrument.subject.wrt
    with instrument.purpose("further points"):
        if plan.points is not None:
            chosen = [(f"point {i + 1} of the caller", p) for i, p in enumerate(plan.points)]
            seen = judge_points(instrument, given, chosen, rng, wrong=wrong, at_any_price=True)
            return replace(seen, findings=(*seen.findings, *(found("point-not-judged", t) for t in seen.unjudged)))
        instrument.kept, seen = 0, also.whole
        for derived in _derived(instrument, plan, also, rng):
            *rest, moderate, wide = derived
            # Where the moderate one was seen already, the other one comes with a larger batch.
            last = wide if seen.names == (moderate[0],) else moderate
            points = [*rest, *([wide] if last is moderate else [])]
            first = judge_points(
                instrument, given, points, rng, wrong=wrong, doubted=doubted, to_come=1, at_any_price=not seen.names
            )
            seen = joined(seen, first)
            for point in [*larger_batch_of([last], names, rng), last]:
                known = {*wrong, *wrong_of({n: list(f) for n, f in (seen.flags or {}).items()})}
                more = judge_points(instrument, given, [point], rng, wrong=known)
                seen = joined(seen, more)
                if more.names or more.dropped or more.findings or instrument.left() < price(given):
                    break
        return seen


def _derived(
    instrument: Instrument, plan: Plan, also: AtDerivedPoints, rng: np.random.Generator
) -> Iterator[Sequence[tuple[str, dict[str, Any]]]]:
    """Yield the derived points of every round."""
    if plan.effort != "thorough":
        yield also.points
        return
    for _ in range(THOROUGH_ROUNDS):
        yield derived_inputs(instrument.subject.inputs, instrument.subject.wrt, rng, number=len(KINDS))
