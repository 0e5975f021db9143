"""What a finding says of a gradient, told as a diagnosis; and what would bring a gradient of the wrong shape to rights.

A gradient without its argument's shape, or with NaN in it, is not judged: the explanation says what can be said of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outcome import Outcome
from gradcheck.checks.places import draw_tangent
from gradcheck.errors import GradcheckError
from gradcheck.explain.proof import listed
from gradcheck.explain.scene import Probes, Rounding, largest_bars
from gradcheck.explain.slopes import Budget, gauge_at, slope
from gradcheck.subject import Array
from gradcheck.verdict import Argument, Diagnosis, Finding, Severity, Verdict

DIRECTIONS = 4  # fresh ones that a gradient brought to its shape has to pass
UNJUDGED = frozenset({"gradient-shape", "gradient-nonfinite", "gradient-type"})
# Findings that are a mistake by themselves: the class of it, further classes that it may be, and the repair.
MISTAKES: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "gradient-shape": ("wrong-shape", (), "return the gradient in its argument's shape"),
    "gradient-nonfinite": ("not-finite", (), "np.where(safe, formula, limit), with the limit worked out by hand"),
    "gradient-type": ("wrong-dtype", (), "return a NumPy array"),
    "gradient-dtype": ("wrong-dtype", (), "compute and return the gradient in its argument's dtype"),
    "gradient-unclaimed": ("missing", (), "return a gradient for it"),
    "accumulates": ("accumulated", (), "set the gradient in backward instead of adding to what is there"),
    "stale-state": ("stale-cache", (), "keep what backward needs anew in every forward"),
    "nondeterministic": ("nondeterministic", (), "draw random numbers in forward alone, and keep them"),
    "changes-with-calls": ("nondeterministic", ("accumulated", "stale-cache"), "leave no state behind in backward"),
    "nonlinear": ("not-linear", ("other",), "multiply by grad_output once, and do nothing else with it"),
    "nonzero-for-zero": ("zero-cotangent", ("offset", "grad-output-ignored"), "drop what is added"),
    "layout-wrong": ("strided", (), "index the array, or np.ascontiguousarray(it), instead of reading its memory"),
    "wrong-in-place": ("mutates-input", ("mutates-grad-output", "aliases"), "work on copies"),
}


def accused(instrument: Instrument, outcome: Outcome, rng: np.random.Generator, budget: Budget) -> dict[str, Argument]:
    """Return the arguments that an error among the findings speaks of, with a diagnosis.

    Those that agree where they were judged keep their verdict; those that could not be judged get DISAGREES.
    """
    found: dict[str, Argument] = {}
    for finding in outcome.findings:
        if finding.severity is not Severity.ERROR or finding.code not in MISTAKES:
            continue
        names = [finding.argument] if finding.argument else list(outcome.arguments)
        for name in names:
            argument = outcome.arguments.get(name) or _unjudged(instrument, finding, name)
            if name not in found and argument is not None and argument.diagnosis is None:
                diagnosis = _brought_to_shape(instrument, outcome, name, rng, budget) if _shaped(finding) else None
                found[name] = replace(argument, diagnosis=diagnosis or _of(finding))
    return found


def _shaped(finding: Finding) -> bool:
    return finding.code == "gradient-shape"


def _of(finding: Finding) -> Diagnosis:
    code, also, repair = MISTAKES[finding.code]
    shown = "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in finding.evidence.items())
    return Diagnosis(code, finding.sentence, repair=repair, evidence=shown, alternatives=also)


def _unjudged(instrument: Instrument, finding: Finding, name: str) -> Argument | None:
    value = instrument.subject.inputs.get(name)
    if finding.code not in UNJUDGED or not isinstance(value, np.ndarray):
        return None
    return Argument(
        name, value.shape, str(value.dtype), Verdict.DISAGREES, reason=finding.code, sentence=finding.sentence
    )


def _brought_to_shape(
    instrument: Instrument, outcome: Outcome, name: str, rng: np.random.Generator, budget: Budget
) -> Diagnosis | None:
    """Look for what makes the claim a gradient of the right shape that passes the identity."""
    if not outcome.evidences:
        return None
    place = outcome.evidences[0].place
    cotangents = outcome.evidences[0].cotangents[:2]
    budget.pay(backward=len(cotangents))
    try:
        raw = [instrument.raw_backward(place.form.cut(c), place.inputs).get(name) for c in cotangents]
        claims = [np.asarray(claim, dtype=np.float64) for claim in raw]
    except (GradcheckError, ValueError, TypeError):
        return None
    probes = _probes(instrument, outcome.evidences[0], name, rng, budget)
    shape = np.shape(place.inputs[name])
    if probes is None or not cotangents or any(claim.shape != claims[0].shape for claim in claims):
        return None
    noise = np.where(np.isfinite(place.noise), place.noise, 0.0)
    slack = Rounding(place.unit, place.base.size, noise, 0.0)
    for code, words, repair, made in _ways(claims, shape, name):
        worst = largest_bars(np.stack([m.ravel() for m in made]), np.stack(cotangents), probes, slack)
        if worst <= THRESHOLD:
            return Diagnosis(
                code,
                f"the gradient has shape {claims[0].shape} where {shape} is due: {words} it is right",
                repair=repair,
                evidence=f"{words}, the claim agrees: largest discrepancy {worst:.2g} bars over {DIRECTIONS} probes",
                alternatives=tuple(c for c in ("wrong-shape",) if c != code),
            )
    return None


def _probes(
    instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator, budget: Budget
) -> Probes | None:
    if not instrument.subject.wrt:
        return None
    gauge = gauge_at(instrument, evidence, rng, budget)
    slopes = [
        slope(instrument, gauge, {name: draw_tangent(rng, evidence.place, name)}, budget) for _ in range(DIRECTIONS)
    ]
    kept = [s for s in slopes if s is not None]
    if not kept or not np.all(np.isfinite(evidence.place.base)):
        return None
    tangents = np.stack([s.tangents[name].ravel() for s in kept])
    return Probes(tangents, np.stack([s.value for s in kept]), np.stack([s.bar for s in kept]))


def _ways(claims: list[Array], shape: tuple[int, ...], name: str) -> Iterator[tuple[str, str, str, list[Array]]]:
    """Yield a class, words, the repair and the claims in the argument's shape: summed, transposed, read anew."""
    found, grad = claims[0].shape, f"grad_{name}"
    axes = range(len(found))
    for count in range(1, len(found) + 1):
        for chosen in combinations(axes, count):
            rest = tuple(n for a, n in enumerate(found) if a not in chosen)
            kept = tuple(1 if a in chosen else n for a, n in enumerate(found))
            if shape in (rest, kept):
                code = "wrong-shape" if len(shape) != 1 else "bias-space-missing"
                code = "bias-batch-missing" if 0 in chosen and len(shape) == 1 else code
                keeps = ", keepdims=True" if shape == kept and rest != shape else ""
                repair = f"{grad} = {grad}.sum(axis={chosen if count > 1 else chosen[0]}{keeps})"
                yield code, f"summed over {listed(chosen)}", repair, [c.sum(chosen).reshape(shape) for c in claims]
    for order in permutations(axes) if len(found) <= 4 else ():
        if tuple(found[a] for a in order) == shape and list(order) != sorted(order):
            repair = f"{grad} = {grad}.transpose{order}"
            yield "transposed", f"transposed by {order}", repair, [c.transpose(order) for c in claims]
    if claims[0].size == int(np.prod(shape, dtype=np.int64)):
        yield "wrong-shape", "reshaped", f"{grad} = {grad}.reshape({shape})", [c.reshape(shape) for c in claims]
    for axis in axes:
        if found[axis] > 1 and found[:axis] + found[axis + 1 :] == shape:
            repair = f"{grad} = {grad}.mean(axis={axis})"
            yield "wrong-shape", f"averaged over axis {axis}", repair, [c.mean(axis) for c in claims]
