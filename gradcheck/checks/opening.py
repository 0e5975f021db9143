"""The opening of a check: forward surveyed, backward's first answer read, and what is to be judged settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.checks.claims import claim_findings, first_claim, judged_arguments
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.labels import labels
from gradcheck.checks.outcome import Outcome, Plan
from gradcheck.checks.outputs import Form
from gradcheck.checks.places import A_LITTLE, GIVEN, REPEATABLE, Place, survey, with_noise
from gradcheck.checks.precision import is_low, runs_wide
from gradcheck.checks.probes import claim_unit, draw_cotangent
from gradcheck.checks.severities import found
from gradcheck.checks.triangles import finding_on, mirrored_arguments
from gradcheck.errors import LayerFault
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Inputs, Subject, is_floating
from gradcheck.verdict import Argument, Finding, Severity, Verdict

# What a layer is trained through: a gradient left out is a fault there; of a target or a mask it may be meant.
PARAMETERS = frozenset(
    {"weight", "weights", "w", "kernel", "kernels", "filter", "filters", "bias", "biases", "gamma", "beta"}
)

ROUNDED = 1.0 / float(np.sqrt(6.0))  # units that a number is off by when rounded, in root mean square over mantissas


@dataclass(frozen=True)
class Opening:
    """What the judgement starts from.

    `place` is the given point as it is judged; `original` are the caller's inputs, and differ from the place's where
    a low-precision layer is judged in float64: `low` is the same point as the caller's dtypes have it. `aside` are the
    results for arguments that need no judging.
    """

    place: Place
    original: Inputs
    findings: tuple[Finding, ...]
    low: Place | None
    aside: Mapping[str, Argument] = field(default_factory=dict)


def open_check(instrument: Instrument, plan: Plan, rng: np.random.Generator) -> Opening | Outcome:
    """Survey forward, read backward's first answer, and narrow the instrument's subject to what can be judged.

    Returns an Outcome where there is nothing to judge: a forward that is random or nowhere finite, or an answer that
    is no set of gradients.

    Raises
    ------
    LayerFailed
        The layer raises at the given point.
    """
    subject = instrument.subject
    place = survey(instrument, subject.inputs)
    if place.random > REPEATABLE:
        return random_forward(instrument, apart=place.random)
    if place.base.size and not np.any(np.isfinite(place.base)):
        text = "no output of forward is finite at the given point; give another one."
        return _undecided(instrument, "forward-nonfinite", text)
    cotangent = draw_cotangent(rng, place.form, np.isfinite(place.base))
    try:
        claims = first_claim(instrument, cotangent, subject.inputs, place.form)
    except LayerFault as fault:
        return Outcome(findings=(Finding(fault.code, str(fault), argument=fault.argument),), points=(place.name,))
    findings = claim_findings(claims, subject.inputs, subject, asked=plan.asked)
    if undefined := _undefined(instrument, place, findings):
        return undefined
    weighed = tuple(_weighed(instrument, place, finding) for finding in findings)
    instrument.subject = judged_arguments(claims, findings, subject)
    aside = labels(instrument, place, claims)
    left = tuple(name for name in instrument.subject.wrt if name not in aside)
    instrument.subject = replace(instrument.subject, wrt=left)
    place = replace(with_noise(instrument, place), mirrored=mirrored_arguments(instrument, place, claims))
    if place.mirrored:
        place = replace(place, looked=None)  # that direction is not symmetric
    weighed += tuple(map(finding_on, place.mirrored))
    if not (
        is_low(instrument.subject)
        and _runs_finer(instrument, place)
        and runs_wide(instrument, instrument.subject, place, rng)
    ):
        return Opening(place, subject.inputs, weighed, low=None, aside=aside)
    low = replace(place, looked=None)
    double = Form(place.form.shapes, (np.dtype(np.float64),) * len(place.form.shapes))
    wide = replace(place, inputs=place.wide, form=double, narrow=ROUNDED * claim_unit(instrument, place))
    instrument.subject = instrument.subject.at(place.wide)
    return Opening(wide, subject.inputs, weighed, low=low, aside=aside)


def _undefined(instrument: Instrument, place: Place, findings: list[Finding]) -> Outcome | None:
    """Return the outcome where neither forward nor a gradient is finite everywhere: which is to blame is not told."""
    broken = [f"`{finding.argument}`" for finding in findings if finding.code == "gradient-nonfinite"]
    outputs = int(np.count_nonzero(~np.isfinite(place.base)))
    if not (broken and outputs):
        return None
    text = (
        f"{outputs} of forward's {place.base.size} outputs are not finite at the given point, and neither is the "
        f"gradient of {', '.join(broken)}; give another point."
    )
    return _undecided(instrument, "forward-nonfinite", text)


def isolation(subject: Subject) -> tuple[Finding, ...]:
    """Say where every call went to the caller's own object, because no copy of it could be made."""
    if subject.isolated:
        return ()
    text = "The layer cannot be deep-copied, so every call went to this one object; pass factory= to have fresh ones."
    return (found("state-not-isolated", text),)


def _runs_finer(instrument: Instrument, place: Place) -> bool:
    """Tell whether forward, given float64, works more precisely than in the caller's dtype: in float32 for float16."""
    wide = all(value.dtype == np.float64 for value in place.wide.values() if is_floating(value))
    coarsest = max(float(np.finfo(place.inputs[name].dtype).eps) for name in instrument.subject.wrt)
    return wide and float(np.finfo(place.work).eps) < coarsest


def _weighed(instrument: Instrument, place: Place, finding: Finding) -> Finding:
    """Make a missing gradient a warning where forward does respond to the argument, an error for a parameter."""
    if finding.code != "gradient-unclaimed" or finding.severity is Severity.ERROR or finding.argument is None:
        return finding
    x = place.wide[finding.argument]
    moved = {**place.wide, finding.argument: x + (A_LITTLE * natural_scale(x)).astype(x.dtype)}
    outputs = instrument.evaluate(moved, place.form)
    if outputs is None or np.array_equal(outputs, place.base, equal_nan=True):
        return finding
    text = f"backward claims no gradient for `{finding.argument}`, though forward responds to it; it was not judged."
    named = finding.argument.rsplit(".", 1)[-1].lower() in PARAMETERS
    return replace(finding, sentence=text, severity=Severity.ERROR if named else Severity.WARNING)


AGAIN = "forward returns different outputs for the same inputs; fix its random state to have it judged."
ON_A_FRESH_INSTANCE = (
    "forward on a fresh instance returns different outputs for the same inputs; "
    "fix the random state from which it draws, or pass factory= that makes a finished layer."
)


def random_forward(instrument: Instrument, text: str = AGAIN, *, apart: float | None = None) -> Outcome:
    """Return the outcome of a layer whose forward cannot be relied on to answer twice alike."""
    evidence = {} if apart is None else {"apart in units of rounding": apart}
    finding = Finding("random-forward", text, Severity.WARNING, evidence=evidence)
    outcome = _undecided(instrument, "random-forward", text, of_each="forward is random")
    return replace(outcome, findings=(finding,))


def _undecided(instrument: Instrument, reason: str, text: str, *, of_each: str = "") -> Outcome:
    arguments = {
        name: Argument(name, x.shape, str(x.dtype), Verdict.INCONCLUSIVE, reason, of_each or text)
        for name in instrument.subject.wrt
        for x in [instrument.subject.inputs[name]]
    }
    return Outcome(arguments, points=(GIVEN,), reason=reason, sentence=text)
