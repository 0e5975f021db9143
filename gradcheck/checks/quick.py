"""Quick effort: one joint direction in all arguments, one cotangent, at the given point alone.

At most 6 forward and 3 backward calls where everything agrees: f(x), one complex step, two pairs of real differences;
one or two answers of backward. Noise is not measured but taken to be a few units of rounding, so that a disagreement
is always looked at again by the whole procedure before it is said.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradcheck.checks.adjoint import JOINT, Evidence
from gradcheck.checks.claims import claim_findings, first_claim, judged_arguments
from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, compare
from gradcheck.checks.instrument import Instrument, usable_gradient
from gradcheck.checks.outcome import Outcome, Plan
from gradcheck.checks.places import GIVEN, Place, draw_tangent
from gradcheck.checks.probes import Measured, claim_unit, draw_cotangent, judged_together, measure
from gradcheck.checks.proving import prove
from gradcheck.checks.ruling import rule
from gradcheck.errors import LayerFault
from gradcheck.numdiff.noise import working_dtype
from gradcheck.numdiff.records import Mask, Vector, joined_flat, norm_of_products
from gradcheck.subject import Array, is_floating
from gradcheck.verdict import Finding

MOST_ANSWERS = 3  # of backward: each is one more independent probe of the direction measured
ASSUMED_NOISE = 8.0  # units of rounding of the largest output
STEPS = (2.0**-8, 2.0**-11)
COARSE_STEPS = (2.0**-4, 2.0**-6)


def glance(instrument: Instrument, plan: Plan, rng: np.random.Generator) -> Outcome | None:
    """Judge the joint adjoint identity at the given point; None where the whole procedure must decide."""
    place, subject = _place(instrument), instrument.subject
    if place.base.size == 0 or any(subject.inputs[name].size == 0 for name in subject.wrt):
        return None
    steps = STEPS if place.work == np.float64 else COARSE_STEPS
    tangents = {name: draw_tangent(rng, place, name) for name in subject.wrt}
    joint = measure(instrument, place, tangents, steps=steps, repeated=False)
    together = judged_together([joint.derivative], place.base)
    cotangent = draw_cotangent(rng, place.form, together)
    try:
        claims = first_claim(instrument, cotangent, subject.inputs, place.form, thrifty=True)
    except LayerFault as fault:
        return Outcome(findings=(Finding(fault.code, str(fault), argument=fault.argument),), points=(place.name,))
    findings = claim_findings(claims, subject.inputs, subject, asked=plan.asked)
    narrowed = judged_arguments(claims, findings, subject)
    if narrowed.wrt != subject.wrt or 2 * np.count_nonzero(together) < together.size:
        return None
    unit = claim_unit(instrument, place)
    terms = max([place.base.size, *(v.size for v in subject.inputs.values() if is_floating(v))])
    slack = Slack(unit, terms, place.noise * max(1.0, unit / place.unit))
    seen = Evidence(
        place,
        (),
        {name: [joint] for name in subject.wrt},
        np.isfinite(place.base),
        joint.derivative.kinky,
        slacks=dict.fromkeys(subject.wrt, slack),
        joint=True,
    )
    for _ in range(MOST_ANSWERS):
        gradients = {name: usable_gradient(claims.get(name), subject.inputs[name]) for name in subject.wrt}
        seen = replace(
            seen,
            comparisons=(*seen.comparisons, *_joint(gradients, joint, cotangent, slack)),
            cotangents=(*seen.cotangents, cotangent),
            gradients=(*seen.gradients, gradients),
        )
        if any(c.bars > THRESHOLD for c in seen.comparisons):
            return None
        outcome = _ruled(instrument, seen, findings=findings, together=together)
        if outcome is not None:
            return replace(outcome, proof=prove([seen], outcome.arguments) if plan.prove else ())
        cotangent = draw_cotangent(rng, place.form, together)
        claims = instrument.raw_backward(place.form.cut(cotangent), subject.inputs)
    return None


def _joint(gradients: Mapping[str, Array | None], joint: Measured, cotangent: Vector, slack: Slack) -> list[Comparison]:
    kept = {name: g for name, g in gradients.items() if g is not None}
    flat, moved = joined_flat(list(kept.values())), joined_flat([joint.tangents[name] for name in kept])
    whole = compare("", flat, moved, joint.derivative, cotangent=cotangent, slack=slack, place=GIVEN, kind=JOINT)
    own = {name: norm_of_products(g, joint.tangents[name]) for name, g in kept.items()}
    return [replace(whole, argument=n, reach=own[n], shown=own[n], entries=g.size) for n, g in kept.items()]


def _ruled(instrument: Instrument, evidence: Evidence, *, findings: list[Finding], together: Mask) -> Outcome | None:
    """Return the outcome where everything agrees sharply enough, None where something stays open."""
    subject, finite = instrument.subject, evidence.together
    arguments = {name: rule(name, subject.inputs[name], [evidence], {}) for name in subject.wrt}
    if any(argument.reason is not None for argument in arguments.values()):
        return None
    left_out = int(np.count_nonzero(finite & ~together))
    if left_out:
        text = f"{left_out} of {finite.size} outputs, at a kink or too near one for quick effort, were not judged"
        arguments = {name: replace(argument, sentence=text) for name, argument in arguments.items()}
    return Outcome(arguments, tuple(findings), (evidence,), (evidence.place.name,))


def _place(instrument: Instrument) -> Place:
    inputs = instrument.subject.inputs
    form, base = instrument.answer(inputs, collect=True)
    base = base.real
    # Whole numbers may be float16's: then the whole procedure decides.
    work = working_dtype(base, form.coarsest, steps=False)
    unit = float(np.finfo(work).eps) / 2.0
    noise = np.full(base.shape, ASSUMED_NOISE * unit * float(np.max(np.abs(base), initial=0.0)))
    return Place(GIVEN, dict(inputs), dict(inputs), form, base, noise, work)
