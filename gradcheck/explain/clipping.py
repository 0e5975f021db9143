"""Hypotheses: what is returned, or grad_output, is held within bounds, or brought down to a length.

A gradient that is clipped is right for a grad_output so small that no bound is met, and from that answer the claim
follows: entry by entry where entries are bounded, as a whole where a length is.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.scaling import scaled
from gradcheck.explain.scene import Scene
from gradcheck.explain.whole import ENORMOUS, SMALL
from gradcheck.subject import Array

ASKED = 2  # grad_outputs that are asked about again, smaller
FEWEST = 2  # entries that have to meet a bound before it is one
SAME = 1e-9  # relative: numbers this close are the same but for rounding
NONLINEAR = 1e-6  # relative: how far the small answer must be from the claim before a bound is looked for


def clipped(case: Case) -> Iterator[Proof]:
    """Propose a bound on every entry of the gradient, on its length, or on every entry of grad_output."""
    scene = case.scene
    free = _unbounded(scene)
    if free is None:
        return
    yield from _entries(case, free)
    yield from _length(case, free)
    yield from _upstream(case)


def _unbounded(scene: Scene) -> Array | None:
    """Return what backward claims where no bound is met, brought to the size of the claims; None where it is linear."""
    found = []
    for row, claim in zip(scene.cotangents[:ASKED], scene.claims, strict=False):
        answer = scene.ask(SMALL * row)
        if answer is None or not np.all(np.isfinite(answer)) or not answer.any():
            return None
        found.append(answer / SMALL)
        if len(found) == 1 and np.abs(found[0] - claim).max() <= NONLINEAR * np.abs(claim).max(initial=0.0):
            return None
    return np.stack(found)


def _entries(case: Case, free: Array) -> Iterator[Proof]:
    claims = case.scene.claims
    low, high = float(claims.min()), float(claims.max())
    meets = int(np.sum(claims == low)), int(np.sum(claims == high))
    low, high = (low if meets[0] >= FEWEST else -np.inf), (high if meets[1] >= FEWEST else np.inf)
    bounded = np.clip(free, low, high)
    if low >= high or not _same(bounded, claims[: len(free)]) or _same(free, claims[: len(free)]):
        return
    said = f"held within [{low:.6g}, {high:.6g}]"
    if not np.isfinite(low) or not np.isfinite(high):
        said = f"cut off below {low:.6g}" if np.isfinite(low) else f"cut off above {high:.6g}"
    yield from _proved(case, free, f"every entry of the gradient is {said} (np.clip)", "clip")


def _length(case: Case, free: Array) -> Iterator[Proof]:
    scene = case.scene
    claims = scene.claims[: len(free)]
    size = np.sqrt(np.sum(claims**2, axis=1))
    made = free * (size / np.sqrt(np.sum(free**2, axis=1)))[:, None]
    if not _same(made, claims):
        return
    whole = np.sqrt(size**2 + sum(np.sum(other[: len(free)] ** 2, axis=1) for other in scene.others.values()))
    for lengths, words in ((size, "its length"), (whole, "the length of all gradients together")):
        if np.ptp(lengths) <= SAME * lengths.max():
            text = f"the gradient is brought down so that {words} is {lengths[0]:.6g}"
            yield from _proved(case, free, text, "clip length")
            return


def _proved(case: Case, free: Array, text: str, key: str) -> Iterator[Proof]:
    tested = (
        f"for a grad_output of {SMALL:.2g} times its size the claim agrees, and with the bound it is what is claimed"
    )
    repair = "clip where gradients are used, and not in backward"
    proof = Proof("clipped", text, 0.0, key, repair=repair, also=("not-linear",), tested=tested)
    yield from scaled(case, proof, claims=free, cotangents=case.scene.cotangents[: len(free)])


def _upstream(case: Case) -> Iterator[Proof]:
    """Propose a bound on grad_output, read off what an enormous one of the same signs gives."""
    scene = case.scene
    signs = np.sign(scene.cotangents[0])
    most, one = scene.ask(ENORMOUS * scene.cotangents[0]), scene.ask(SMALL * signs)
    if most is None or one is None or not one.any() or not np.all(np.isfinite(most)):
        return
    at = int(np.argmax(np.abs(one)))
    bound = float(most[at] / one[at]) * SMALL
    if not 0 < bound < np.abs(scene.cotangents).max() or not _same(bound / SMALL * one, most):
        return
    text = f"grad_output is held within [{-bound:.6g}, {bound:.6g}] (np.clip) before it is used"
    proof = Proof("clipped", text, 0.0, "clip grad_output", also=("not-linear",))
    proof = replace(proof, repair="use grad_output as it comes")
    yield from prove(scene, proof, cotangents=np.clip(scene.cotangents, -bound, bound))


def _same(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max(initial=0.0) <= SAME * np.abs(other).max(initial=0.0))
