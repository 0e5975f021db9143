"""The whole Jacobian of a small layer, measured column by column, and the whole matrix that backward stands for.

Axes along which a layer is separable (a sample's outputs depend on that sample alone) are measured all at once, so
that an elementwise layer costs one slope and a convolution as many as one sample has entries (Curtis, Powell and Reid
1974, with the pattern found by asking).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from gradcheck.checks.comparison import CONDITION, SUMMATION, THRESHOLD, UNSTABLE
from gradcheck.explain.scene import Scene, scale_of
from gradcheck.subject import Array

MOST_CELLS = 2_000_000  # of a matrix that is worth keeping
LINEAR_ENOUGH = 1e4  # units of rounding by which a matrix may miss backward's answers to other questions


@dataclass(frozen=True)
class Truth:
    """The measured Jacobian (outputs, entries) with its bars, and the pairs of axes along which it is separable.

    `claimed` is the matrix in the same order that backward stands for, where it could be asked for and backward is
    linear; `separable` holds (axis of the argument, axis of the output).
    """

    jacobian: Array
    bars: Array
    separable: tuple[tuple[int, int], ...]
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
    rounding = SUMMATION * slack.unit * np.sqrt(max(slack.terms, 1)) * size
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
    calls = scene.gauge.calls
    separable = _separable_axes(scene, most_forward // calls)
    for pairs in dict.fromkeys((separable, ())):
        columns = _rest(scene.shape, [a for a, _ in pairs])
        if len(columns) * calls > min(most_forward, scene.budget.forward):
            continue
        truth = _columns(scene, pairs, columns)
        if truth is not None and _fits(scene, truth):
            return Truth(truth.jacobian, truth.bars, pairs, _claimed(scene, pairs, most_backward))
    return None


def _separable_axes(scene: Scene, most_columns: int) -> tuple[tuple[int, int], ...]:
    """Find axes whose first index moves nothing but the first index of an axis of the output of the same length."""
    found: list[tuple[int, int]] = []
    taken: set[int] = set()
    for a, length in enumerate(scene.shape):
        candidates = [b for b, n in enumerate(scene.output_shape) if n == length and length > 1 and b not in taken]
        if not candidates or len(_rest(scene.shape, [p for p, _ in found])) <= min(2, most_columns):
            continue
        tangent = np.zeros(scene.shape)
        tangent[(slice(None),) * a + (0,)] = 1.0
        s = scene.along(tangent * scale_of(scene).reshape(scene.shape))
        if s is None:
            continue
        moved = np.abs(s.value) > THRESHOLD * s.bar
        for b in candidates:
            elsewhere = np.delete(moved.reshape(scene.output_shape), 0, axis=b)
            if not elsewhere.any() and moved.any():
                found.append((a, b))
                taken.add(b)
                break
    return tuple(found)


def _rest(shape: tuple[int, ...], apart: list[int]) -> list[tuple[int | slice, ...]]:
    """Return an index for each combination of the axes that are not in `apart`, with whole slices there."""
    return list(product(*([slice(None)] if a in apart else range(n) for a, n in enumerate(shape))))


def _columns(scene: Scene, pairs: tuple[tuple[int, int], ...], columns: list[tuple[int | slice, ...]]) -> Truth | None:
    outputs = scene.form.size
    jacobian, bars = np.zeros((outputs, scene.value.size)), np.zeros((outputs, scene.value.size))
    scale = scale_of(scene).reshape(scene.shape)
    rows = np.arange(outputs)
    places = np.unravel_index(rows, scene.output_shape) if scene.output_shape else ()
    for column in columns:
        tangent = np.zeros(scene.shape)
        tangent[column] = scale[column]
        s = scene.along(tangent)
        if s is None:
            return None
        index = [np.zeros(outputs, dtype=int) if isinstance(i, slice) else np.full(outputs, i) for i in column]
        for a, b in pairs:
            index[a] = places[b]
        entries = np.ravel_multi_index(index, scene.shape) if index else np.zeros(outputs, dtype=int)
        moved = s.tangents[scene.name].ravel()[entries]
        with np.errstate(all="ignore"):
            told = scene.mask & (moved != 0)
            jacobian[rows, entries] = np.where(told, s.value / moved, 0.0)
            bars[rows, entries] = np.where(told, s.bar / np.abs(moved), 0.0)
    return Truth(jacobian, bars, pairs)


def _fits(scene: Scene, truth: Truth) -> bool:
    """Tell whether the matrix says of the fresh directions what was measured along them."""
    predicted = scene.tangents @ truth.jacobian.T
    bars = np.sqrt(scene.tangents**2 @ (truth.bars**2).T) + scene.slope_bars
    condition = CONDITION * scene.slack.noise
    return bool(np.all(np.abs(predicted - scene.slopes) <= THRESHOLD * bars + condition))


def _claimed(scene: Scene, pairs: tuple[tuple[int, int], ...], most_backward: int) -> Array | None:
    """Ask backward for its matrix, one combination of the axes that are not separable at a time."""
    rows = _rest(scene.output_shape, [b for _, b in pairs])
    if len(rows) > min(most_backward, scene.budget.backward):
        return None
    matrix = np.zeros((scene.form.size, scene.value.size))
    entries = np.arange(scene.value.size)
    places = np.unravel_index(entries, scene.shape) if scene.shape else ()
    for row in rows:
        cotangent = np.zeros(scene.output_shape)
        cotangent[row] = 1.0
        answer = scene.ask(cotangent.ravel() * scene.mask)
        if answer is None:
            return None
        index = [np.zeros(entries.size, dtype=int) if isinstance(i, slice) else np.full(entries.size, i) for i in row]
        for a, b in pairs:
            index[b] = places[a]
        outputs = np.ravel_multi_index(index, scene.output_shape) if index else np.zeros(entries.size, dtype=int)
        matrix[outputs, entries] = answer
    return matrix if _linear(scene, matrix) else None


def _linear(scene: Scene, matrix: Array) -> bool:
    apart = np.sqrt(np.sum((scene.cotangents @ matrix - scene.claims) ** 2, axis=1))
    size = np.sqrt(np.sum((scene.cotangents**2) @ (matrix**2), axis=1))
    limit = LINEAR_ENOUGH * (scene.slack.unit + scene.slack.response) * np.maximum(size, 1e-300)
    return bool(np.all(np.isfinite(matrix)) and np.all(apart <= limit))
