"""Hypothesis: one sample's gradient depends on the others, which forward keeps apart. Told by changing the others."""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.places import widened
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array, is_floating

FELT = 1e-6  # how much a claim has to change, relative, before it is said to feel the other samples


def crosstalk(case: Case) -> Iterator[Proof]:
    """Propose that backward mixes samples: the first's gradient changes with the others' values, its slope does not."""
    scene = case.scene
    samples = _samples(scene)
    if samples < 2:
        return
    moved = _others_changed(scene, samples)
    single = len(scene.output_shape) > 0 and scene.output_shape[0] == samples
    cotangent = scene.cotangents[0].copy()
    if single:
        cotangent.reshape(scene.output_shape)[1:] = 0.0
    here, there = scene.ask(cotangent), scene.ask(cotangent, moved)
    if here is None or there is None or not np.all(np.isfinite(there)):
        return
    if scene.shape and scene.shape[0] == samples:
        first: Array = np.zeros(scene.shape, dtype=bool)
        first[0] = True
        here, there = here[first.ravel()], there[first.ravel()]
    elif not single:
        return
    size = float(np.abs(here).max(initial=0.0))
    if np.abs(here - there).max(initial=0.0) <= FELT * size or size == 0.0:
        return
    if _slope_unchanged(scene, moved, cotangent, samples):
        text = (
            "one sample's gradient depends on the values of the others, which forward keeps apart: "
            "with the other samples "
            "changed the claim for the first one changes, and its slope does not"
        )
        tested = "the first sample, with the others as they are and changed"
        if _sums_to_nothing(scene, samples):
            text = (
                "backward treats a mean over the batch as if it moved with the input, and forward "
                "keeps it: every gradient "
                "claimed sums to zero over the batch, and one sample's depends on the others"
            )
            yield Proof("other", text, 0.0, "crosstalk", also=("batch-leak",), tested=tested)
            return
        yield Proof("batch-leak", text, 0.0, "crosstalk", also=("other",), tested=tested)


def _sums_to_nothing(scene: Scene, samples: int) -> bool:
    """Tell whether the claims add up to zero over the batch, which the true gradients do not."""
    if not scene.shape or scene.shape[0] != samples:
        return False
    claims = scene.shaped(scene.claims)
    return bool(np.all(np.abs(claims.sum(axis=1)) <= 1e-9 * np.abs(claims).max()))


def _samples(scene: Scene) -> int:
    """Return the number of samples: the first length of the first floating argument with at least two axes, else 1."""
    for value in scene.inputs.values():
        if is_floating(value) and value.ndim >= 2:
            return int(value.shape[0])
    return 1


def _others_changed(scene: Scene, samples: int) -> dict[str, object]:
    moved: dict[str, object] = dict(scene.inputs)
    for name, value in scene.inputs.items():
        if is_floating(value) and value.ndim >= 2 and value.shape[0] == samples:
            changed = value.copy()
            changed[1:] = 1.5 * value[1:] + 0.25 * np.abs(value).max()
            moved[name] = changed
    return moved


def _slope_unchanged(scene: Scene, moved: dict[str, object], cotangent: Array, samples: int) -> bool:
    tangent = scene.tangents[:1].copy()
    if scene.shape and scene.shape[0] == samples:
        tangent.reshape(scene.shape)[1:] = 0.0
    here = slopes_at(scene, scene.place.wide, tangent)
    there = slopes_at(scene, widened(moved), tangent)
    if here is None or there is None:
        return False
    apart = abs(float(cotangent @ here.slopes[0] - cotangent @ there.slopes[0]))
    bar = np.sqrt(np.sum((cotangent * here.bars[0]) ** 2) + np.sum((cotangent * there.bars[0]) ** 2))
    rounding = 1e-6 * np.sqrt(np.sum((cotangent * here.slopes[0]) ** 2))
    return bool(apart <= THRESHOLD * bar + rounding)
