"""Hypotheses: one of the ways from the argument to the output is left out: mean, variance, skip, second use, decay."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradcheck.checks.comparison import CONDITION, THRESHOLD
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.linearised import at_the_output
from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.scene import Probes, Scene, largest_bars, stacked
from gradcheck.subject import Array, is_floating

USES = (2, 3, 4)  # how many times an argument may be used


def probe(scene: Scene, tangents: list[Array]) -> Probes | None:
    """Measure the slopes along these directions; None where one is refused."""
    found = [scene.along(t) for t in tangents]
    kept = [s for s in found if s is not None]
    if len(kept) < len(tangents):
        return None
    return Probes(
        stacked([s.tangents[scene.name].ravel() for s in kept]),
        stacked([scene.judged(s.value) for s in kept]),
        stacked([scene.judged(s.bar) for s in kept]),
    )


def worst_of(scene: Scene, probes: Probes) -> float:
    """Return the largest discrepancy of the claims along these directions."""
    return scene.bars(along=probes)


def skip(case: Case) -> Iterator[Proof]:
    """Propose that the path around the layer is left out, or there once too often: grad_output itself is missing."""
    scene = case.scene
    if scene.claims.shape != scene.cotangents.shape:
        return
    for sign, words in ((1.0, "left out"), (-1.0, "counted once too often")):
        text = (
            f"the path around the layer (its input added to its output) is {words}: with grad_output "
            f"{'added' if sign > 0 else 'subtracted'} the claim agrees"
        )
        repair = f"grad_{scene.name} = grad_{scene.name} {'+' if sign > 0 else '-'} grad_output"
        yield from prove(
            scene,
            Proof("path-missing", text, 0.0, f"skip {sign}", repair=repair),
            claims=scene.claims + sign * scene.cotangents,
        )


def decay(case: Case) -> Iterator[Proof]:
    """Propose that a term is left out whose gradient is a multiple of the argument, or one number everywhere.

    The multiple is read off one probe; all the others have to agree, and another point as well.
    """
    scene = case.scene
    if scene.form.size > 1 or scene.value.size < 3 or not len(scene.tangents):
        return
    for words, times in (("the argument itself, as weight decay's is", True), ("one number for all entries", False)):
        direction = scene.value.ravel() if times else np.ones(scene.value.size)
        factor = _missing_factor(scene, direction)
        if factor is None:
            continue
        text = f"a term is left out whose gradient is {factor:.6g} times {words}"
        repair = f"grad_{scene.name} = grad_{scene.name} + {factor:.6g} * grad_output" + (
            f" * {scene.name}" if times else ""
        )
        proof = Proof("path-missing", text, 0.0, words, repair=repair)
        found = scene.claims + factor * scene.cotangents * direction
        if _holds_elsewhere(scene, factor, times=times):
            yield from prove(scene, proof, claims=found)


def _missing_factor(scene: Scene, direction: Array) -> float | None:
    along = scene.tangents @ direction
    missing = scene.cotangents @ scene.slopes.T - scene.claims @ scene.tangents.T
    at, upstream = int(np.argmax(np.abs(along))), float(scene.cotangents[0, 0])
    if not along[at] or not upstream:
        return None
    factor = float(missing[0, at] / (along[at] * upstream))
    return factor if factor != 0.0 and np.isfinite(factor) else None


def _holds_elsewhere(scene: Scene, factor: float, *, times: bool) -> bool:
    moved = {**scene.place.wide, scene.name: 1.25 * scene.value}
    probes = slopes_at(scene, moved, scene.tangents[:1])
    narrow = {**scene.inputs, scene.name: moved[scene.name].astype(scene.inputs[scene.name].dtype)}
    claim = scene.ask(scene.cotangents[0], narrow)
    if probes is None or claim is None:
        return False
    direction = moved[scene.name].ravel() if times else np.ones(scene.value.size)
    whole = claim[None] + factor * scene.cotangents[:1] * direction
    return largest_bars(whole, scene.cotangents[:1], probes, scene.slack) <= THRESHOLD


def uses(case: Case) -> Iterator[Proof]:
    """Propose that an argument is used several times and the gradient of some uses is left out (Euler's theorem).

    Where forward is homogeneous of degree d in the argument, J x = d y; a claim that counts k of d equal uses says
    <claim, x> = k/d <cotangent, J x>, whatever the cotangent.
    """
    scene = case.scene
    probes = probe(scene, [scene.value])
    if probes is None or scene.value.size < 2:
        return
    true = probes.slopes[0]
    base = np.where(scene.mask, scene.place.base, 0.0)
    bar = THRESHOLD * probes.bars[0] + CONDITION * scene.slack.noise
    for degree in USES:
        if not np.all(np.abs(true - degree * base) <= degree * bar) or not base.any():
            continue
        for counted in range(1, degree):
            scaled = Probes(probes.tangents, probes.slopes * (counted / degree), probes.bars)
            if worst_of(scene, scaled) <= THRESHOLD:
                text = (
                    f"forward uses `{scene.name}` {degree} times (it is homogeneous of degree {degree} "
                    f"in it), and the claim counts {counted} of them"
                )
                yield Proof(
                    "path-missing",
                    text,
                    worst_of(scene, scaled),
                    f"uses {counted}/{degree}",
                    tested="the direction of the argument itself",
                    repair="add up the gradients of every use",
                )


def multiplied(case: Case) -> Iterator[Proof]:
    """Propose that a factor is left out, or multiplied in once too often: another argument, or the output."""
    scene = case.scene
    shape = scene.shape
    known = {name: value for name, value in scene.place.wide.items() if isinstance(value, np.ndarray) and value.size}
    values = {f"`{name}`": np.asarray(value, dtype=np.float64) for name, value in known.items()}
    for label, chosen in known.items():
        if np.issubdtype(chosen.dtype, np.integer) and chosen.ndim == 1 and len(shape) == 2 and chosen.min() >= 0:
            for name, value in known.items():
                if is_floating(value) and value.ndim == 1 and chosen.max() < len(value):
                    values[f"`{name}[{label}]`"] = np.asarray(value, dtype=np.float64)[chosen][:, None]
    if np.all(np.isfinite(scene.place.base)):
        values["the output"] = scene.place.base.reshape(scene.output_shape)
    for words, value in values.items():
        try:
            factor = np.broadcast_to(value, shape).ravel()
        except ValueError:
            continue
        if not np.all(factor) or (np.ptp(factor) == 0 and value.size > 1):
            continue
        proof = Proof("other", f"the factor {words} is left out", 0.0, f"times {words}", also=("f-prime-missing",))
        left_out = list(prove(scene, proof, claims=scene.claims * factor))
        yield from left_out
        if left_out and words == "the output":
            yield from at_the_output(case)  # which that may be as well: 1 / (2 x) for 1 / (2 y)
        twice = replace(proof, sentence=f"the factor {words} is multiplied in once too often", key=f"over {words}")
        yield from prove(scene, twice, claims=scene.claims / factor)
