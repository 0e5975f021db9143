"""Hypotheses: samples or groups that forward keeps apart are mixed in backward; told by moving or asking one alone."""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.places import widened
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.layout import channels, output_channels
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import TELLING, Scene
from gradcheck.explain.slopes import Slope
from gradcheck.subject import Array, is_floating

PARTS = (2, 3, 4, 8)  # numbers of groups that are tried
MOSTLY = 0.75  # of the outputs of a part have to move with it: a saturated layer keeps nothing apart
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


def kept_apart(case: Case) -> Iterator[Proof]:
    """Propose that a part of the argument gets something for outputs of another part, which it does not reach."""
    scene = case.scene
    shape, output = scene.shape, scene.output_shape
    for a, b in ((a, b) for a in channels(scene) for b in output_channels(scene) if (a == 0) == (b == 0)):
        both = [p for p in PARTS if shape[a] % p == 0 and output[b] % p == 0 and p < max(shape[a], output[b])]
        for parts in dict.fromkeys(([shape[a]] if 1 < shape[a] == output[b] else []) + (both if a > 0 else [])):
            own, due = _first(shape, a, parts), _first(output, b, parts)
            s = _reaches_only(scene, own, due)
            if s is None:
                continue
            others = scene.cotangents[0] * ~due
            answer = scene.ask(others)
            if answer is None or np.abs(answer[own]).max() <= FELT * np.abs(answer).max():
                continue
            # What is claimed has to stand out of what forward may do unseen, in a tail or below its noise.
            claimed = abs(float(answer[own] @ s.tangents[scene.name].ravel()[own]))
            if claimed <= TELLING * float(np.linalg.norm(others * s.bar)):
                continue
            yield _mixed(a, parts, grouped=parts < shape[a])
            return


def _mixed(axis: int, parts: int, *, grouped: bool) -> Proof:
    tested = "a grad_output that is zero for the first part alone, which forward does not let reach the others"
    if axis == 0:
        text = "one sample's gradient depends on grad_output of another, which forward keeps apart"
        return Proof("batch-leak", text, 0.0, "kept apart", also=("other",), tested=tested)
    what = f"{parts} groups" if grouped else f"{parts} channels"
    text = f"forward keeps {what} along axis {axis} apart, and backward mixes them"
    return Proof("groups-mixed", text, 0.0, "kept apart", also=("path-missing", "channels-swapped"), tested=tested)


def _first(shape: tuple[int, ...], axis: int, parts: int) -> Array:
    """Return which entries, flat, belong to the first of so many parts of an axis."""
    found = np.zeros(shape, dtype=bool)
    found[(slice(None),) * axis + (slice(0, shape[axis] // parts),)] = True
    return found.ravel()


def _reaches_only(scene: Scene, own: Array, due: Array) -> Slope | None:
    """Return the slope of the part alone where it moves outputs of its own, most of them, and no others."""
    if not len(scene.tangents) or not (scene.mask & ~due).any():
        return None
    s = scene.along(scene.tangents[0] * own)
    if s is None:
        return None
    moved = scene.mask & (np.abs(s.value) > THRESHOLD * s.bar)
    most = moved[scene.mask & due].mean() >= MOSTLY if (scene.mask & due).any() else False
    return s if most and not np.any(moved & ~due) else None
