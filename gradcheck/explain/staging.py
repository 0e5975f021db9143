"""Setting the scene: fresh questions to backward for all arguments at once, fresh directions for each."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.checks.adjoint import EQUALISED, SET_APART, Evidence
from gradcheck.checks.comparison import THRESHOLD, Slack
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.probes import draw_cotangent, equalising_weights
from gradcheck.explain.answers import Claims
from gradcheck.explain.scene import Rounding, Scene, with_probes
from gradcheck.explain.slopes import Budget, gauge_at
from gradcheck.numdiff.records import Mask, Vector, norm
from gradcheck.subject import Array

KINDS = ("random", "joint", EQUALISED, SET_APART)
COTANGENTS = 4  # fresh questions to backward
TANGENTS = {False: 16, True: 64}  # fresh directions; the larger number where thorough


def set_up(
    instrument: Instrument,
    evidence: Evidence,
    names: Sequence[str],
    *,
    rng: np.random.Generator,
    budget: Budget,
    thorough: bool = False,
) -> Iterator[Scene]:
    """Yield the scene of each argument in `names`; the questions to backward serve all of them."""
    gauge = gauge_at(instrument, evidence, rng, budget)
    mask, weights = _asked_of(evidence, names)
    # Others may be judged together for an argument along which they have no kink.
    bent = [m.derivative.kinky for n in names for m in evidence.measured.get(n, [])]
    for kinky in bent:
        mask = mask & ~kinky if kinky.shape == mask.shape else mask
    # Rounding in the outputs' dtype keeps a cotangent what backward will see.
    questions = np.empty((COTANGENTS, mask.size))
    for row in questions:
        row[:] = draw_cotangent(rng, evidence.place.form, mask, weights=weights)
    budget.pay(backward=len(questions))
    claimed = _stacked(instrument, evidence, questions)
    answered: dict[bytes, Claims] = {}
    for name in names:
        if not mask.any() or name not in claimed:
            continue
        others = {other: rows for other, rows in claimed.items() if other != name}
        blank = np.zeros((0, evidence.place.base.size))
        flat_claims = claimed[name]
        scene = Scene(
            instrument,
            evidence,
            gauge,
            name,
            rounding_of(evidence.slacks[name], mask),
            mask,
            rng,
            budget,
            questions,
            flat_claims,
            np.zeros((0, flat_claims.shape[1])),
            blank,
            blank,
            others,
            answered,
        )
        yield with_probes(scene, TANGENTS[thorough])


def _stacked(instrument: Instrument, evidence: Evidence, questions: Array) -> dict[str, Array]:
    """Return the claims for each argument as flat rows, of those that are claimed for every question."""
    place = evidence.place
    rows: dict[str, Array] = {}
    missing: set[str] = set()
    for number, flat in enumerate(questions):
        for name, claim in instrument.gradients(flat, place.inputs, place.form).items():
            if claim is None:
                missing.add(name)
                continue
            if name not in rows:
                rows[name] = np.empty((len(questions), claim.size))
            rows[name][number] = claim.ravel()
    return {name: found for name, found in rows.items() if name not in missing}


def _asked_of(evidence: Evidence, names: Sequence[str]) -> tuple[Mask, Vector | None]:
    """Return the outputs to ask about, and weights that let them count alike where only that shows the fault."""
    derivatives = [m.derivative for found in evidence.measured.values() for m in found]
    worst = {
        kind: max((c.bars for n in names for c in evidence.of(n) if c.kind == kind), default=0.0) for kind in KINDS
    }
    if max(worst["random"], worst["joint"], worst[EQUALISED]) <= THRESHOLD < worst[SET_APART]:
        mask = np.isfinite(evidence.place.base) & ~evidence.together & ~evidence.kinky
        for d in derivatives:
            mask &= d.measured
        return mask, None
    if worst[EQUALISED] > max(worst["random"], worst["joint"], THRESHOLD):
        return evidence.together, equalising_weights(derivatives, evidence.together, evidence.place.form)
    return evidence.together, None


def rounding_of(slack: Slack, mask: Mask) -> Rounding:
    """Read a slack as plain numbers, without the noise of outputs that are not judged."""
    noise = np.where(mask & np.isfinite(slack.noise), slack.noise, 0.0)
    response = 0.0
    if slack.first is not None and slack.change is not None and norm(slack.first) > 0:
        response = norm(slack.change) / norm(slack.first)
    return Rounding(slack.unit, slack.terms, noise, response if np.isfinite(response) else 0.0, slack.constants)
