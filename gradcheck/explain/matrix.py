"""The whole Jacobian of a small layer, measured column by column, and the whole matrix that backward stands for.

Entries that reach no output in common are measured at once (`colouring`), so that an elementwise layer costs one slope
and a convolution about as many as its kernel has weights.
"""

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checks.comparison import CONDITION, THRESHOLD, UNSTABLE
from gradcheck.explain.colouring import (
    Asking,
    Palette,
    Responds,
    count,
    groups,
    palettes_of,
    plain,
)
from gradcheck.explain.scene import Scene, scale_of
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.subject import Array

MOST_CELLS = 2_000_000  # of a matrix that is worth keeping
FEW = 4  # entries that are asked about one by one without looking for a shorter way
NOTHING = 1e-12  # of the largest entry claimed; less is rounding
LINEAR_ENOUGH = 1e4  # units of rounding by which a matrix may miss backward's answers to other questions


@dataclass(frozen=True)
class Truth:
    """The measured Jacobian (outputs, entries) with its bars.

    `claimed` is the matrix in the same order that backward stands for, where it could be asked for and backward is
    linear.
    """

    jacobian: Array
    bars: Array
    claimed: Array | None = None

    def gradient(self, cotangents: Array) -> Array:
        """Return the true gradients for rows of cotangents."""
        found: Array = cotangents @ self.jacobian
        return found

    def responds(self) -> Array:
        """Return where an output truly depends on an entry."""
        found: Array = np.abs(self.jacobian) > THRESHOLD * self.bars
        return found


def entry_bars(scene: Scene, truth: Truth, claims: Array, cotangents: Array) -> Array:
    """Return the bar of every entry of rows of gradients."""
    slack = scene.slack
    measured = np.sqrt(cotangents**2 @ truth.bars**2)
    size = np.maximum(np.abs(claims), np.sqrt(np.mean(claims**2, axis=1, keepdims=True)))
    rounding = slack.relative * size
    condition = CONDITION * np.sqrt(cotangents**2 @ slack.noise**2)[:, None] / scale_of(scene)
    response = np.minimum(slack.response * size, UNSTABLE * (condition + rounding))
    found: Array = np.sqrt(measured**2 + rounding**2 + condition**2 + response**2)
    return found


def discrepancy(scene: Scene, truth: Truth, predicted: Array, claims: Array | None = None) -> float:
    """Return how far predicted gradients stand from the claims, in bars, at the worst entry."""
    claimed = scene.claims if claims is None else claims
    bars = entry_bars(scene, truth, claimed, scene.cotangents).max(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        apart = np.abs(predicted - claimed)
        return float(np.max(np.where(apart == 0, 0.0, apart / bars), initial=0.0))


def measure_truth(scene: Scene, *, most_forward: int, most_backward: int) -> Truth | None:
    """Measure the whole Jacobian where it can be had for that many calls, and backward's matrix likewise."""
    if scene.value.size * scene.form.size > MOST_CELLS or not len(scene.tangents):
        return None
    copied = copies(scene)
    if copied is not None and _fits(scene, copied):
        return replace(copied, claimed=_claimed(scene, most_backward))
    last = scene.budget.forward - min(most_forward, scene.budget.forward)
    for together in (True, False):
        most = (scene.budget.forward - last) // scene.gauge.calls
        palettes = _palettes(scene, most) if together else plain(scene.shape)
        if palettes is None or count(palettes) > (scene.budget.forward - last) // scene.gauge.calls:
            continue
        truth = _columns(scene, palettes)
        if truth is not None and _fits(scene, truth):
            return replace(truth, claimed=_claimed(scene, most_backward))
    return None


def copies(scene: Scene) -> Truth | None:
    """Read the Jacobian off the outputs where each that responds is an entry of its own value; no calls.

    So it is in a maximum, a look-up, padding or a rearrangement, where the entries are all different.
    """
    base, value = scene.place.base, scene.value.ravel()
    order = np.argsort(value)
    ordered = value[order]
    if not value.size or not np.all(np.isfinite(base)) or np.any(ordered[1:] == ordered[:-1]):
        return None
    at = np.minimum(np.searchsorted(ordered, base), value.size - 1)
    same = scene.mask & (ordered[at] == base)
    still = np.all(np.abs(scene.slopes) <= THRESHOLD * scene.slope_bars, axis=0)
    if not same.any() or np.any(scene.mask & ~same & ~still):
        return None
    jacobian = np.zeros((base.size, value.size))
    jacobian[np.flatnonzero(same), order[at[same]]] = 1.0
    return Truth(jacobian, np.zeros_like(jacobian))


def _palettes(scene: Scene, most: int) -> tuple[Palette, ...] | None:
    """Find entries that can be measured together, for at most half of the calls; None where they are few.

    What was learnt of an axis is kept, so that to ask again with more calls at hand costs what is new alone.
    """
    if scene.value.size <= FEW:
        return None
    asking = Asking(_felt(scene), most // 2, scene.rng, guesses=True, known=scene.reach)
    return palettes_of(scene.shape, scene.output_shape, asking)


def _felt(scene: Scene) -> Responds:
    """Tell which outputs move along a direction, given in units of each entry's own scale."""

    def responds(weights: Array) -> Array | None:
        s = scene.along(weights * scale_of(scene).reshape(scene.shape))
        return None if s is None else np.asarray(scene.mask & (np.abs(s.value) > THRESHOLD * s.bar))

    return responds


def _columns(scene: Scene, palettes: tuple[Palette, ...]) -> Truth | None:
    outputs = scene.form.size
    jacobian, bars = np.zeros((outputs, scene.value.size)), np.zeros((outputs, scene.value.size))
    scale = scale_of(scene).reshape(scene.shape)
    for group in groups(palettes, scene.output_shape):
        tangent = np.zeros(scene.shape)
        tangent[group.index] = scale[group.index]
        s = scene.along(tangent)
        if s is None:
            return None
        moved = s.tangents[scene.name].ravel()[group.owner]
        told = np.flatnonzero(scene.mask & (group.owner >= 0) & (moved != 0))
        jacobian[told, group.owner[told]] = s.value[told] / moved[told]
        bars[told, group.owner[told]] = s.bar[told] / np.abs(moved[told])
    return Truth(jacobian, bars)


def _fits(scene: Scene, truth: Truth) -> bool:
    """Tell whether the matrix says of the fresh directions what was measured along them."""
    predicted = scene.tangents @ truth.jacobian.T
    bars = np.sqrt(scene.tangents**2 @ (truth.bars**2).T) + scene.slope_bars
    condition = CONDITION * scene.slack.noise
    return bool(np.all(np.abs(predicted - scene.slopes) <= THRESHOLD * bars + condition))


def _claimed(scene: Scene, most_backward: int) -> Array | None:
    """Ask backward for its matrix, for outputs together that it keeps apart; None where that takes too many calls."""
    most = min(most_backward, scene.budget.backward)
    asking = Asking(_claims(scene), most // 2, scene.rng)
    try:
        if scene.form.size <= FEW:
            palettes = plain(scene.output_shape)
        else:
            palettes = palettes_of(scene.output_shape, scene.shape, asking)
        return _asked(scene, palettes) if count(palettes) <= most - asking.spent else None
    except OutOfCalls:
        return None


def _claims(scene: Scene) -> Responds:
    """Tell which entries get something for a grad_output."""

    def responds(weights: Array) -> Array | None:
        answer = scene.ask(weights.ravel() * scene.mask)
        return None if answer is None else np.abs(answer) > NOTHING * np.abs(answer).max(initial=0.0)

    return responds


def _asked(scene: Scene, palettes: tuple[Palette, ...]) -> Array | None:
    matrix = np.zeros((scene.form.size, scene.value.size))
    for group in groups(palettes, scene.shape):
        cotangent = np.zeros(scene.output_shape)
        cotangent[group.index] = 1.0
        answer = scene.ask(cotangent.ravel() * scene.mask)
        if answer is None:
            return None
        told = np.flatnonzero(group.owner >= 0)
        matrix[group.owner[told], told] = answer[told]
    return matrix if _linear(scene, matrix) else None


def _linear(scene: Scene, matrix: Array) -> bool:
    apart = np.sqrt(np.sum((scene.cotangents @ matrix - scene.claims) ** 2, axis=1))
    size = np.sqrt(np.sum((scene.cotangents**2) @ (matrix**2), axis=1))
    limit = LINEAR_ENOUGH * (scene.slack.unit + scene.slack.response) * np.maximum(size, 1e-300)
    return bool(np.all(np.isfinite(matrix)) and np.all(apart <= limit))
