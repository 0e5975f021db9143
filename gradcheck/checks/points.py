"""Further points: derived from the caller's, so that a fault which shows only elsewhere is met."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.checks.adjoint import JOINT, SET_APART, Evidence, gather, resolved
from gradcheck.checks.claims import broken_answers
from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, compare, stands_out
from gradcheck.checks.confirmation import flag
from gradcheck.checks.derived import CLOSE_BY, FAR_OUT, KINDS, derived_inputs, natural_centre, ordinary_inputs
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import A_POINT, Place, answers_alike, draw_tangent, survey
from gradcheck.checks.probes import Measured, draw_cotangent, judged_together, measure, slack_of
from gradcheck.checks.resolution import ENOUGH
from gradcheck.checks.ruling import Flag
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.numdiff.records import Vector, joined_flat, norm_of_products
from gradcheck.subject import Array, Inputs, is_floating
from gradcheck.verdict import Finding, Severity

STEPS_WITH_COMPLEX = (2.0**-9, 2.0**-12)
STEPS_ALONE = (2.0**-8, 2.0**-11)
COARSE_STEPS_ALONE = (2.0**-5, 2.0**-7)  # for a forward that works in float32 or float16
STEPS_CLOSE_BY = (2.0**-20, 2.0**-22)  # of two values moved apart by `derived.AWAY` they join one pair in a thousand
MUCH_SMALLER = 2.0**-4  # two rungs of the ladder: a best step that is one off may be so by chance
ANSWERS = 2  # of backward, that a derived point costs as a rule
CALLS = A_POINT + 1  # of forward, that a derived point costs with the complex step
FEWEST = 2  # derived points that are worth most: with opposite signs, so that every entry meets both


@dataclass(frozen=True)
class PointRuling:
    """What was seen at the further points: evidence, confirmed or doubtful flags by argument, and the points' names.

    `dropped` counts those at which forward has structure finer than can be measured; `findings` are on gradients that
    are not finite where forward is; `unjudged` says of points that they were not judged, and why.
    """

    evidences: tuple[Evidence, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] | None = None
    names: tuple[str, ...] = ()
    dropped: int = 0
    findings: tuple[Finding, ...] = ()
    unjudged: tuple[str, ...] = ()


def judge_points(
    instrument: Instrument,
    given: Evidence,
    points: Sequence[tuple[str, Inputs]],
    rng: np.random.Generator,
    *,
    wrong: Collection[str] = (),
    doubted: Collection[str] = (),
    to_come: int = 0,
    at_any_price: bool = False,
) -> PointRuling:
    """Judge the joint adjoint identity at further points, in the arguments that are not yet known to be `wrong`.

    Where calls do not suffice for a second look at all of them those come first that claim nothing, and then those that
    are `doubted` already.
    The complex step is taken where the calls left suffice for it, here and at the points that are still `to_come`.

    A point that forward refuses is dropped, and so is one where it has structure finer than can be measured. One for
    which the calls left do not suffice is left out, unless `at_any_price`.
    """
    seen = PointRuling()
    for name, inputs in points:
        confirmed = (n for n, flags in (seen.flags or {}).items() if any(f.confirmed for f in flags))
        known = {*wrong, *confirmed}
        open_names = sorted((n for n in instrument.subject.wrt if n not in known), key=lambda n: n not in doubted)
        if not open_names:
            break
        left = instrument.left()
        affordable = left >= price(given) and instrument.answers_left() >= ANSWERS
        if not affordable and not at_any_price:
            instrument.left_out.append(f"a derived point ({name})")
            break
        try:
            affordable = left >= (price(given) + 1) * (1 + to_come)
            look = partial(_look, instrument, given, (name, inputs), open_names, rng=rng, carries=affordable)
            evidence = look()
            with instrument.borrowing(at_any_price):
                seen = joined(seen, _weighed(instrument, given, (name, evidence), open_names, rng=rng))
        except (GradcheckError, LayerFault) as err:
            seen = joined(seen, PointRuling(unjudged=(f"At {name} nothing was judged: {err}",)))
    return seen


def _weighed(
    instrument: Instrument,
    given: Evidence,
    seen: tuple[str, Evidence | None],
    names: Sequence[str],
    *,
    rng: np.random.Generator,
) -> PointRuling:
    """Look again at what stands out at one point, and tell what came of it."""
    name, evidence = seen
    if evidence is None:
        return PointRuling(unjudged=(f"At {name} nothing was judged: forward has no finite, smooth output there.",))
    if broken := broken_answers(evidence.gradients, names, when=f"; seen at another point: {name}"):
        far = name.endswith(FAR_OUT)  # such an answer tells nothing of the values
        findings = tuple(replace(f, severity=Severity.WARNING) if far else f for f in broken)
        return PointRuling(findings=findings if np.all(np.isfinite(evidence.place.base)) else ())
    flags: dict[str, list[Flag]] = {}
    if any(stands_out(c) for c in evidence.comparisons):
        if not answers_alike(instrument, evidence.place):
            return PointRuling(unjudged=(f"At {name} nothing was judged: forward answers by what it has seen before.",))
        flags, unseen = _as_far_as_calls_reach(instrument, evidence, names, rng, given=given)
        if unseen:
            instrument.left_out.append(f"a second look at what {name} shows")
        if flags and all(f.unmeasurable for found in flags.values() for f in found):
            text = f"At {name} nothing was judged: forward has structure finer than can be measured."
            return PointRuling(dropped=1, unjudged=(text,))
        flags |= _doubtful(evidence, unseen)
    return PointRuling((evidence.settled(),), {n: tuple(f) for n, f in flags.items()}, (name,))


def _as_far_as_calls_reach(
    instrument: Instrument, evidence: Evidence, names: Sequence[str], rng: np.random.Generator, *, given: Evidence
) -> tuple[dict[str, list[Flag]], list[str]]:
    """Look again at all arguments, or at one after the other, and return those that calls did not suffice for.

    What claims nothing comes first then: it may be what is missing.
    """
    a_look = evidence.place.a_look
    if instrument.left(settling=True) >= a_look * len(names):
        return _closer(instrument, evidence, names, rng, given=given), []
    flags: dict[str, list[Flag]] = {}
    unseen = sorted(names, key=lambda n: any(c.reach > 0 for c in evidence.of(n)))
    while unseen and instrument.left(settling=True) >= a_look:
        flags |= _closer(instrument, evidence, [unseen.pop(0)], rng, given=given)
    return flags, unseen


def price(given: Evidence) -> int:
    """Return the calls of forward that a derived point costs at least.

    One more where forward runs wider than the caller's inputs are, and one where the complex step is needed.
    """
    place = given.place
    wider = any(is_floating(v) and v.dtype != place.wide[n].dtype for n, v in place.inputs.items())
    return A_POINT + int(wider) + int(_carries(given) and not _sharp_anyway(given))


class AtDerivedPoints:
    """What is seen of arguments at derived points, where no value is equal to another, once it is asked for."""

    def __init__(self, instrument: Instrument, given: Evidence, rng: np.random.Generator) -> None:
        self.instrument, self.given, self.rng = instrument, given, rng
        self.seen: dict[str, list[Evidence]] = {}
        self._drawn_by = deepcopy(rng)
        rng.integers(2**63)  # what the points were drawn by is not drawn again

    @property
    def points(self) -> list[tuple[str, dict[str, Any]]]:
        """The points, drawn each time alike: nobody keeps them."""
        return self._drawn()

    def _drawn(self, *, but: int = 0) -> list[tuple[str, dict[str, Any]]]:
        subject = self.instrument.subject
        return derived_inputs(subject.inputs, subject.wrt, deepcopy(self._drawn_by), number=FEWEST, but=but)

    @property
    def whole(self) -> PointRuling:
        """What was seen at the first of them, where all arguments moved and none disagreed: it need not be again."""
        wrt = self.instrument.subject.wrt
        known = self.seen.get(wrt[0], []) if len(wrt) == 1 else []
        seen = [e for e in known if e.place.name == KINDS[-FEWEST][0]]
        agree = [e.settled() for e in seen if all(c.bars <= THRESHOLD for c in e.comparisons)]
        return PointRuling(tuple(agree), {}, tuple(e.place.name for e in agree))

    def disagrees(self, name: str, *, to_come: int = 0) -> bool:
        """Tell whether the argument disagrees at the first of them."""
        return any(c.bars > THRESHOLD for seen in self.agreeing(name, to_come=to_come) for c in seen.comparisons)

    def agreeing(self, name: str, *, to_come: int = 0) -> list[Evidence]:
        """Return what is seen at the first of them, as far as calls reach; it is looked at once.

        Without the complex step where that would leave less than what is still `to_come`.
        """
        if name in self.seen:
            return self.seen[name]
        if len(self.instrument.subject.wrt) == 1:
            self.instrument.kept = 0  # it is the one that calls are kept for
        if self.instrument.left() < price(self.given):
            return []
        found = None
        with suppress(GradcheckError, LayerFault), self.instrument.purpose("further points"):
            carries = self.instrument.left() > price(self.given) + to_come
            (first,) = self._drawn(but=FEWEST - 1)
            found = _look(self.instrument, self.given, first, [name], rng=self.rng, carries=carries)
        return self.seen.setdefault(name, [] if found is None else [found])


@dataclass(frozen=True)
class AtTheGivenPoint:
    """What was seen of arguments at the given point, for a look at another one: those wrong there are not looked at."""

    given: Evidence

    def disagrees(self, name: str, *, to_come: int = 0) -> bool:  # noqa: ARG002 - asked of every place
        """Return False."""
        return False

    def agreeing(self, name: str, *, to_come: int = 0) -> list[Evidence]:  # noqa: ARG002 - asked of every place
        """Return the evidence."""
        return [self.given]


def look_in_ordinary_places(instrument: Instrument, given: Evidence, rng: np.random.Generator) -> PointRuling:
    """Judge at a point of ordinary size, where the caller's values lie far from one and may saturate the layer."""
    inputs, names = instrument.subject.inputs, instrument.subject.wrt
    if all(natural_centre(inputs[n]) == 1.0 for n in names):
        return PointRuling()
    return judge_points(instrument, given, ordinary_inputs(inputs, names, rng), rng)


def joined(one: PointRuling, other: PointRuling) -> PointRuling:
    """Return what two rulings saw together."""
    flags = dict(one.flags or {})
    for name, found in (other.flags or {}).items():
        flags[name] = (*flags.get(name, ()), *found)
    return PointRuling(
        one.evidences + other.evidences,
        flags,
        one.names + other.names,
        one.dropped + other.dropped,
        _worst_of_each((*one.findings, *other.findings)),
        one.unjudged + other.unjudged,
    )


def _worst_of_each(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Keep one finding an argument: the first error, or else the first."""
    order = sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)
    return tuple({finding.argument: finding for finding in reversed(order)}.values())


def _look(
    instrument: Instrument,
    given: Evidence,
    point: tuple[str, Inputs],
    names: Sequence[str],
    *,
    rng: np.random.Generator,
    carries: bool = True,
) -> Evidence | None:
    """One joint direction in `names`, one cotangent, one backward; one more for outputs that would blur."""
    carries = _carries(given) and (carries or not _sharp_anyway(given)) and point[0] != CLOSE_BY
    like = replace(given.place, carries_complex=carries)
    place = survey(instrument, point[1], name=point[0], like=like)
    if place.base.size == 0 or np.mean(np.isfinite(place.base)) < 0.5:
        return None
    tangents = {n: draw_tangent(rng, place, n) for n in names}
    joint = measure(instrument, place, tangents, steps=_steps(given, place))
    together = judged_together([joint.derivative], place.base)
    if not together.any():
        return None
    asked = [(draw_cotangent(rng, place.form, together), JOINT)]
    apart = np.isfinite(place.base) & joint.derivative.measured & ~joint.derivative.kinky & ~together
    if apart.any():
        asked.append((draw_cotangent(rng, place.form, apart), SET_APART))
    claims = [instrument.gradients(cotangent, place.inputs, place.form) for cotangent, _ in asked]
    slacks = {n: replace(s, noise=place.noise * max(1.0, s.unit / place.unit)) for n, s in given.slacks.items()}

    def compared() -> list[Comparison]:
        return [
            replace(found, kind=kind)
            for (cotangent, kind), claim in zip(asked, claims, strict=True)
            for found in joint_comparisons(claim, joint, cotangent, slacks, place=place)
        ]

    comparisons = compared()
    measured = {n: [replace(joint, tangents={n: joint.tangents[n]})] for n in tangents}
    if any(c.bars > THRESHOLD for c in comparisons):
        # Backward's own response to rounding may be larger here than where it was measured.
        slacks |= slack_of(instrument, place, measured, claims[0], cotangent=asked[0][0])
        comparisons = compared()
    return Evidence(
        place,
        tuple(comparisons),
        measured,
        together,
        joint.derivative.kinky,
        tuple(cotangent for cotangent, _ in asked),
        tuple(claims),
        slacks,
        joint=True,
    )


def _carries(given: Evidence) -> bool:
    return all(found[0].derivative.carried for found in given.measured.values())


def _sharp_anyway(given: Evidence) -> bool:
    """Tell whether real differences were sharp at the given point, so that they may do elsewhere."""
    return all(found[0].facts.sharp for found in given.measured.values())


def _steps(given: Evidence, place: Place) -> tuple[float, ...]:
    """Return two steps, near those that were found best at the given point where these are much smaller than usual.

    What is not well known there found no step.
    """
    if place.name == CLOSE_BY:
        return STEPS_CLOSE_BY
    usual = STEPS_ALONE if place.work == np.float64 else COARSE_STEPS_ALONE
    usual = STEPS_WITH_COMPLEX if place.carries_complex else usual
    found = {name: seen[0].derivative.step for name, seen in given.measured.items() if resolved(given, name) <= ENOUGH}
    best = min((step for step in found.values() if step > 0), default=usual[-1])
    return (4.0 * best, best) if best < MUCH_SMALLER * usual[-1] else usual


def joint_comparisons(
    claims: Mapping[str, Array | None],
    measured: Measured,
    cotangent: Vector,
    slacks: Mapping[str, Slack],
    *,
    place: Place,
) -> list[Comparison]:
    """Compare the sum over all arguments; every argument gets the joint numbers beside its own reach."""
    tangents, derivative = measured.tangents, measured.derivative
    used = {n: claim for n in tangents if (claim := claims.get(n)) is not None}
    if not used:
        return []
    slack = max((slacks[n] for n in used), key=lambda s: (s.unit, s.relative_response))
    flat, moved = joined_flat(list(used.values())), joined_flat([tangents[n] for n in used])
    joint = compare("", flat, moved, derivative, cotangent=cotangent, slack=slack, place=place.name, kind=JOINT)
    own = {n: norm_of_products(claim, tangents[n]) for n, claim in used.items()}
    return [replace(joint, argument=n, reach=own[n], shown=own[n], entries=max(used[n].size, 1)) for n in used]


def _doubtful(evidence: Evidence, names: Sequence[str]) -> dict[str, list[Flag]]:
    """Return flags without a second look, for which no calls are left."""
    worst = [max(evidence.of(name), key=lambda c: c.bars) for name in names if evidence.of(name)]
    return {c.argument: [Flag(c, None)] for c in worst if stands_out(c)}


def _closer(
    instrument: Instrument, evidence: Evidence, names: Sequence[str], rng: np.random.Generator, *, given: Evidence
) -> dict[str, list[Flag]]:
    """Something is wrong at this point: measure every argument on its own, and look again at what stands out.

    Where one argument alone was moved it was measured on its own already.
    """
    full = evidence
    if len(names) > 1:
        (joint, *_), *_ = evidence.measured.values()
        steps = tuple(rung.step for rung in joint.derivative.rungs)
        full = gather(instrument, evidence.place, rng, names=names, steps=steps)
    found: dict[str, list[Flag]] = {}
    for name in names:
        worst = max(full.of(name), key=lambda c: c.bars, default=None)
        if worst is not None and stands_out(worst):
            found[name] = [flag(instrument, full, worst, rng, elsewhere=AtTheGivenPoint(given))]
    return found
