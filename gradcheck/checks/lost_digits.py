"""Is a discrepancy what backward loses by rounding? Where p is nearly one, p - 1 keeps few of its digits, or none.

Forward may be exact there all the same: log(1 + exp(-x)) is, and its gradient written as sigmoid(x) - 1 is 0 from 37
on. The rounding of such a difference cannot be seen from the claim's own size, nor by its answer to a few ulps: it
moves in steps, and between them not at all. So the steps are measured: fifth differences of the claim are free of what
is smooth. Where it does not move at all, or other terms do in its place, they do not show; so all values are brought
nearer to zero, where the same difference still has digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import CONDITION, THRESHOLD, Comparison, compare, inner
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import Form
from gradcheck.checks.probes import Measured, measure, steps_near
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.numdiff.records import Derivative, Mask, Vector, norm, norm_of_products, typical_size
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array, Inputs

FLOAT64 = 2.0**-53  # its unit of rounding
SPACING = 2.0**-14  # in float64: its fifth power is below rounding, and its square moves by many steps
POINTS = (0, -3, -2, -1, 1, 2, 3)  # two fifth differences: one alone may be small by chance
FIFTH_DIFFERENCE = 252.0**0.5  # sqrt(1 + 25 + 100 + 100 + 25 + 1): its gain on independent roundings
ONCE_MORE = 0.9  # times as near: another place with as many digits
NEAREST = 2.0**-6  # of all values: sigmoid(x) - 1 has half its digits at 18, whatever x was


@dataclass(frozen=True)
class Answer:
    """A claim that disagreed: the cotangent that it was asked for, and the direction that it was held against."""

    comparison: Comparison
    cotangent: Vector
    claim: Array
    along: Measured
    ways: Array  # the direction relative to the natural scale

    @property
    def name(self) -> str:
        """The argument."""
        return self.comparison.argument

    @property
    def tangent(self) -> Array:
        """The direction."""
        return self.along.tangents[self.name]


def are_lost(
    instrument: Instrument,
    evidence: Evidence,
    worst: Comparison,
    *,
    among: Sequence[Evidence] | None = None,
    others: bool = False,
) -> bool | None:
    """Tell whether backward's own steps explain a disagreement.

    Only a discrepancy below the rounding of a claim with slopes of one is asked about, or, `among` other places where
    the argument agrees, of a claim as large as there. Backward answers 7 times as a rule, and 7 more where the
    steps explain its size, and not where it is: of integers both differences are zero in a few cases of a hundred.
    Entries that lose no digits must agree for themselves, or where answers are few be off by no more than the step of
    another one. Where `others` of the claims here are known to lose digits nothing is
    asked any more. None where the answers left do not suffice to tell.
    """
    answer = answer_of(evidence, worst)
    if answer is None:
        return False
    slopes, slack = _unit_slopes(answer), evidence.slacks[worst.argument]
    small = worst.discrepancy <= THRESHOLD * slack.relative_rounding * slopes
    if among is not None:
        slopes = max((_slope_there(e, answer) for e in among), default=0.0)
        # What is small anyway was asked about.
        small = not small and worst.discrepancy <= THRESHOLD * slack.relative_rounding * slopes
    if not small or others:
        return small
    question = Question(evidence.place.inputs, evidence.place.form, answer.cotangent, answer.name, answer.ways)
    factor = nearer(worst.discrepancy / slopes, slack.unit)
    steps, kept, one_more = np.zeros(answer.claim.shape), None, 0.0
    for nearness in (factor, ONCE_MORE * factor):
        if instrument.answers_left() < len(POINTS):
            if kept is not None and kept.discrepancy <= THRESHOLD * float(np.hypot(kept.bar, one_more)):
                return True
            instrument.left_out.append("telling lost digits of backward from a mistake")
            return None
        found = steps_nearer(instrument, question, answer.claim, unit=slack.unit, factor=nearness)
        steps = steps if found is None else np.maximum(steps, found)
        if worst.discrepancy > THRESHOLD * float(np.hypot(worst.bar, norm_of_products(steps, answer.tangent))):
            break
        kept = _without(instrument, evidence, answer, steps > 0)
        one_more = typical_size(steps[steps > 0]) * typical_size(np.abs(answer.tangent))
        if kept is None or kept.bars <= THRESHOLD:
            return True
    return False


def may_be_lost(evidence: Evidence, worst: Comparison) -> bool:
    """Tell whether a discrepancy is below the rounding of a claim with slopes of one, without asking anybody."""
    answer = answer_of(evidence, worst)
    rounding = evidence.slacks[worst.argument].relative_rounding
    return answer is not None and worst.discrepancy <= THRESHOLD * rounding * _unit_slopes(answer)


def _unit_slopes(answer: Answer) -> float:
    return norm(answer.cotangent) * norm(answer.tangent)


def nearer(relative: float, unit: float) -> float:
    """Return what all values are taken times, for a claim that is so small `relative` to slopes of one to have digits.

    Where it vanishes as exp(-|x|) does, it is the root of the unit of rounding there: half of its digits are left.
    """
    smallest = log2(unit) / 2.0
    return float(np.clip(smallest / log2(relative), NEAREST, 1.0)) if 0.0 < relative < 1.0 else 1.0


@dataclass(frozen=True)
class Question:
    """What backward is asked at a place and nearer to zero: which argument's gradient, and in what ways it moves.

    The ways are relative to the natural scale. Their magnitudes keep two entries from moving alike, in which a
    difference of them would stand still.
    """

    inputs: Inputs
    form: Form
    cotangent: Vector
    name: str
    ways: Array


def steps_nearer(
    instrument: Instrument, question: Question, first: Array, *, unit: float, factor: float
) -> Array | None:
    """Return the size of the claim's steps, entry by entry, with all values taken times a factor.

    Zero where they are no more than the claim's last digits. None where backward refuses such values, or claims the
    `first` again. Precisions other than float64 get its spacing in proportion to their digits.
    """
    spacing = 2.0 ** round(log2(SPACING) * log2(unit) / log2(FLOAT64))
    inputs = dict(question.inputs)
    for name in instrument.subject.wrt:
        inputs[name] = np.asarray(factor * inputs[name], dtype=inputs[name].dtype)
    x = inputs[question.name]
    change = spacing * question.ways * np.where(x == 0, 1.0, np.abs(x))
    seen: dict[int, Array] = {}
    for k in POINTS:
        there = {**inputs, question.name: np.asarray(x + k * change, dtype=x.dtype)}
        try:
            claim = instrument.gradients(question.cotangent, there, question.form).get(question.name)
        except (GradcheckError, LayerFault):
            return None
        if claim is None or not np.all(np.isfinite(claim)):
            return None
        seen[k] = claim
        if k == 0 and factor != 1.0 and np.array_equal(claim, first):
            return None
    fifth = np.diff(np.stack([seen[k] for k in sorted(seen)]), n=5, axis=0) / FIFTH_DIFFERENCE
    steps: Array = np.sqrt(np.mean(fifth**2, axis=0))
    return np.where(steps > CONDITION * unit * np.abs(seen[0]), steps, 0.0)


def answer_of(evidence: Evidence, worst: Comparison) -> Answer | None:
    """Find what a comparison was made of; None where it was a confirming one."""
    for cotangent, claims in zip(evidence.cotangents, evidence.gradients, strict=True):
        claim = claims.get(worst.argument)
        for along in evidence.measured[worst.argument]:
            tangent = along.tangents[worst.argument]
            if claim is not None and inner(claim, tangent) == worst.claimed:
                ways = tangent / natural_scale(evidence.place.wide[worst.argument])
                return Answer(worst, cotangent, claim, along, ways)
    return None


def _slope_there(there: Evidence, answer: Answer) -> float:
    """Return the size of the slopes at another place, along a direction as long as this one."""
    found = there.measured.get(answer.name)
    if not found or answer.name not in found[0].tangents:
        return 0.0  # of very many outputs no vectors are kept
    derivative, own = found[0].derivative, norm(found[0].tangents[answer.name])
    length = norm(answer.tangent) / own if own > 0 else 0.0
    return length * _largest(derivative, answer.cotangent)


def _largest(derivative: Derivative, cotangent: Vector) -> float:
    told = np.where(derivative.measured, np.abs(derivative.value), 0.0)
    if told.shape == cotangent.shape:
        return norm_of_products(cotangent, told)
    return norm(cotangent) * float(np.max(told, initial=0.0))


def _without(instrument: Instrument, evidence: Evidence, answer: Answer, lost: Mask) -> Comparison | None:
    """Hold the claim against the same direction without the entries that lose digits; None where no other is left."""
    name, place = answer.name, evidence.place
    if np.all(lost | (answer.tangent == 0)):
        return None
    found = answer.along.derivative
    steps = steps_near(found.step, few=found.carried)
    along = measure(instrument, replace(place, looked=None), {name: np.where(lost, 0.0, answer.tangent)}, steps=steps)
    told = along.derivative.measured & ~along.derivative.kinky
    if np.any(~told & (answer.cotangent != 0)):
        return answer.comparison  # the claim is for these outputs too
    return compare(
        name,
        answer.claim,
        along.tangents[name],
        along.derivative,
        cotangent=answer.cotangent,
        slack=evidence.slacks[name],
        place=place.name,
        kind=answer.comparison.kind,
    )
