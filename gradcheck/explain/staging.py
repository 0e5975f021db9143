"""Setting the scene: fresh questions to backward for all arguments at once, fresh directions for each."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck.checks.adjoint import EQUALISED, SET_APART, Evidence
from gradcheck.checks.comparison import THRESHOLD, Slack
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.probes import draw_cotangent, equalising_weights
from gradcheck.explain.scene import Rounding, Scene, with_probes
from gradcheck.explain.slopes import Budget, gauge_at
from gradcheck.numdiff.records import Mask, Vector, norm

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
    # Rounding in the outputs' dtype keeps a cotangent what backward will see.
    questions = [draw_cotangent(rng, evidence.place.form, mask, weights=weights) for _ in range(COTANGENTS)]
    budget.pay(backward=len(questions))
    answers = [instrument.gradients(flat, evidence.place.inputs, evidence.place.form) for flat in questions]
    answered: dict[bytes, dict[str, Any]] = {}
    for name in names:
        claims = [answer.get(name) for answer in answers]
        if not mask.any() or any(claim is None for claim in claims):
            continue
        others = {
            other: np.stack([np.asarray(answer[other]).ravel() for answer in answers])
            for other in answers[0]
            if other != name and all(answer.get(other) is not None for answer in answers)
        }
        blank = np.zeros((0, evidence.place.base.size))
        flat_claims = np.stack([np.asarray(claim, dtype=np.float64).ravel() for claim in claims])
        scene = Scene(
            instrument,
            evidence,
            gauge,
            name,
            rounding_of(evidence.slacks[name], mask),
            mask,
            rng,
            budget,
            np.stack(questions),
            flat_claims,
            np.zeros((0, flat_claims.shape[1])),
            blank,
            blank,
            others,
            answered,
        )
        yield with_probes(scene, TANGENTS[thorough])


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
