"""Telling apart what predicts the same gradient here: the hypotheses are asked again with one sample more."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.checks.derived import larger_batch
from gradcheck.checks.outputs import Form
from gradcheck.checks.places import survey
from gradcheck.checks.probes import draw_cotangent
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.explain.proof import Case, Family, Proof
from gradcheck.explain.scene import Scene, with_probes
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.subject import Inputs

PROBES, QUESTIONS = 3, 2  # enough to tell one exact candidate from another


def told_apart(scene: Scene, found: Sequence[Proof], row: Sequence[Family]) -> list[Proof]:
    """Return the proofs that hold on another batch as well; all of them where the layer takes none, or none does."""
    if len({proof.key for proof in found}) < 2:
        return list(found)
    for _, inputs in larger_batch(scene.inputs, scene.instrument.subject.wrt, scene.rng):
        try:
            other = at_other_shapes(scene, inputs)
            if other is None:
                continue
            keys = {proof.key for family in row for proof in family(Case(other))}
        except (OutOfCalls, GradcheckError, LayerFault):
            continue
        kept = [proof for proof in found if proof.key in keys]
        if kept:
            return kept
    return list(found)


def at_other_shapes(scene: Scene, inputs: Inputs) -> Scene | None:
    """Set the scene for the same argument at inputs of other shapes, with a few probes; None where that cannot be."""
    scene.budget.pay(forward=2)
    place = survey(scene.instrument, inputs, name="another batch", like=scene.evidence.place)
    if np.shape(inputs[scene.name]) == scene.shape and place.base.size == scene.place.base.size:
        return None
    if not np.all(np.isfinite(place.base)):
        return None
    place = replace(place, form=Form(place.form.shapes, scene.form.dtypes), carries_complex=scene.gauge.carried)
    mask = np.ones(place.base.shape, dtype=bool)
    relative = np.full(place.base.shape, float(scene.gauge.relative_error.max(initial=0.0)))
    gauge = replace(scene.gauge, place=place, relative_error=relative)
    other = replace(scene, gauge=gauge, mask=mask, slack=replace(scene.slack, noise=place.noise), answered={}, reach={})
    questions = [draw_cotangent(scene.rng, place.form, mask) for _ in range(QUESTIONS)]
    answers = [other.ask_all(flat) for flat in questions]
    rows = {name: [answer.get(name) for answer in answers] for name in scene.instrument.subject.wrt}
    told = {name: [g.ravel() for g in row if g is not None] for name, row in rows.items()}
    known = {name: np.stack(row) for name, row in told.items() if len(row) == len(questions)}
    claims = known.pop(scene.name, None)
    if claims is None:
        return None
    blank = np.zeros((0, place.base.size))
    other = replace(
        other,
        cotangents=np.stack(questions),
        claims=claims,
        others=known,
        tangents=np.zeros((0, claims.shape[1])),
        slopes=blank,
        slope_bars=blank,
    )
    return with_probes(other, PROBES)
