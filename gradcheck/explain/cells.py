"""Hypotheses about single cells of the matrix: which outputs an entry's gradient is made of, against which it should.

They need the whole measured Jacobian and the whole matrix that backward stands for, so a small layer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.layout import channels, output_channels
from gradcheck.explain.matrix import discrepancy
from gradcheck.explain.proof import Case, Proof, listed
from gradcheck.subject import Array

FEWEST_CHOSEN = 6  # outputs that must choose alike before a lattice is read off them
FAR = 1e3  # how many times that cells must differ before a pattern is read from which are alike
ALIKE = 1e-6  # shares this close are the same, relative to the largest


@dataclass(frozen=True)
class Cells:
    """Measured and claimed matrix (outputs, entries), the bar of each cell, and where they differ."""

    true: Array
    claimed: Array
    bars: Array
    wrong: Array
    responds: Array
    claims: Array

    @property
    def missing(self) -> Array:
        """Cells that forward has and backward has not."""
        found: Array = self.responds & ~self.claims
        return found

    @property
    def spurious(self) -> Array:
        """Cells that backward has and forward has not."""
        found: Array = self.claims & ~self.responds
        return found


def cells_of(case: Case) -> Cells | None:
    """Return both matrices with what tells them apart, or None where one of them is not known."""
    truth, scene = case.truth, case.scene
    if truth is None or truth.claimed is None:
        return None
    size = float(np.abs(truth.claimed).max(initial=0.0))
    rounding = scene.slack.relative * size
    bars = np.hypot(truth.bars, rounding) + scene.slack.response * np.abs(truth.claimed)
    judged = scene.mask[:, None]
    wrong = judged & (np.abs(truth.claimed - truth.jacobian) > THRESHOLD * bars)
    responds = judged & (np.abs(truth.jacobian) > THRESHOLD * bars)
    claims = judged & (np.abs(truth.claimed) > THRESHOLD * bars)
    return Cells(truth.jacobian, truth.claimed, bars, wrong, responds, claims) if wrong.any() else None


def tested(cells: Cells) -> str:
    """Say what was looked at."""
    return f"all {cells.true.size} cells of the Jacobian, measured one by one"


def predicted(case: Case, matrix: Array) -> float | None:
    """Return the largest discrepancy where backward stands for this matrix, seen by all claims entry by entry."""
    if case.truth is None:
        return None
    worst = discrepancy(case.scene, case.truth, case.scene.cotangents @ matrix)
    return worst if worst <= THRESHOLD else None


def diagonal_only(case: Case) -> Iterator[Proof]:
    """Propose that the Jacobian of a layer like softmax is taken as diagonal."""
    truth = case.truth
    if truth is None or truth.jacobian.shape[0] != truth.jacobian.shape[1] or len(truth.jacobian) < 2:
        return
    worst = predicted(case, np.diag(np.diag(truth.jacobian)))
    if worst is None:
        yield from _unnormalised(case)
        return
    text = "the Jacobian is taken as diagonal: what an entry does to the other outputs is left out"
    tested = "every entry, against the diagonal of the measured Jacobian"
    symmetric = bool(np.all(np.abs(truth.jacobian - truth.jacobian.T) <= THRESHOLD * (truth.bars + truth.bars.T)))
    if symmetric:
        repair = "y * (grad_output - (grad_output * y).sum(axis=-1, keepdims=True)), for softmax"
        yield Proof("softmax-diagonal", text, worst, "diagonal", repair=repair, also=("path-missing",), tested=tested)
    else:
        text += "; grad_output is used entry by entry where a sum belongs"
        yield Proof("other", text, worst, "diagonal", also=("softmax-diagonal", "path-missing"), tested=tested)


def _unnormalised(case: Case) -> Iterator[Proof]:
    """Propose that of a softmax only the exponential is differentiated, and not the sum that it is divided by."""
    scene, y = case.scene, case.scene.place.base
    shaped = y.reshape(scene.output_shape)
    if not np.all(np.isfinite(y)) or y.min() < 0 or scene.output_shape != scene.shape:
        return
    if not any(np.all(np.abs(shaped.sum(axis=a) - 1.0) <= ALIKE) for a in range(shaped.ndim)):
        return
    worst = predicted(case, np.diag(y))
    if worst is not None:
        text = (
            "only the exponential of the softmax is differentiated; the path through its divisor, the sum, is left out"
        )
        repair = "y * (grad_output - (grad_output * y).sum(axis=-1, keepdims=True))"
        shown = "every entry, against the output itself on the diagonal"
        yield Proof("path-missing", text, worst, "diagonal", repair=repair, also=("softmax-diagonal",), tested=shown)


def centred(case: Case) -> Iterator[Proof]:
    """Propose that the gradient's own mean is subtracted from it, over all entries or along an axis."""
    truth, scene = case.truth, case.scene
    if truth is None or scene.value.size < 2:
        return
    shaped = truth.jacobian.reshape(-1, *scene.shape)
    groups = [tuple(range(len(scene.shape))), *((a,) for a in range(len(scene.shape)) if scene.shape[a] > 1)]
    for group in dict.fromkeys(groups):
        mean = shaped.mean(axis=tuple(a + 1 for a in group), keepdims=True)
        if np.abs(mean).max() <= ALIKE * np.abs(shaped).max():
            continue
        worst = predicted(case, (shaped - mean).reshape(truth.jacobian.shape))
        if worst is not None:
            over = f" over {listed(group)}" if len(group) < len(scene.shape) else ""
            also = ("batch-leak",) if group[0] == 0 and len(scene.shape) > 1 else ()
            text = f"the gradient's own mean{over} is subtracted from it"
            tested = "every entry, against the measured Jacobian less its mean"
            yield Proof(
                "offset",
                text,
                worst,
                f"centred {len(group)}",
                also=also,
                tested=tested,
                repair="return the gradient as it is",
            )
            return


def leaks(case: Case) -> Iterator[Proof]:
    """Propose that parts of a layer which have nothing to do with each other are mixed: samples, or groups."""
    cells = cells_of(case)
    scene = case.scene
    if cells is None or not cells.spurious.any():
        return
    shape, output = scene.shape, scene.output_shape
    if not shape or not output:
        return
    j, o = np.unravel_index(np.arange(cells.true.shape[1]), shape), np.unravel_index(np.arange(len(cells.true)), output)
    for a, b in ((0, 0), *((a, b) for a in channels(scene) for b in output_channels(scene) if a and b)):
        if shape[a] != output[b] or shape[a] < 2:
            continue
        for parts in (shape[a], *(p for p in (2, 3, 4, 8) if a > 0 and shape[a] % p == 0 and p < shape[a])):
            size = shape[a] // parts
            same = (o[b] // size)[:, None] == (j[a] // size)[None, :]
            if (
                np.any(cells.responds & ~same)
                or not np.any(cells.spurious & ~same)
                or not np.any(cells.responds & same)
            ):
                continue
            if a == 0:
                text = "one sample's gradient depends on grad_output of another, which forward keeps apart"
                yield Proof("batch-leak", text, 0.0, "leak", also=("other",), tested=tested(cells))
            elif parts < shape[a]:
                text = f"forward keeps {parts} groups along axis {a} apart, and backward mixes them"
                yield Proof("groups-mixed", text, 0.0, "groups", also=("path-missing",), tested=tested(cells))
            return


def per_output(case: Case) -> Iterator[Proof]:
    """Propose that each output's share is off by a factor that is a power of the output itself."""
    cells = cells_of(case)
    scene = case.scene
    if cells is None or not np.array_equal(cells.claims, cells.responds) or not np.all(np.isfinite(scene.place.base)):
        return
    y = scene.place.base[:, None]
    for power, words in (
        (1, "its division by the output is left out"),
        (2, "its division by the output squared is left out"),
        (-1, "its factor, the output itself, is left out"),
        (-2, "its factor, the output squared, is left out"),
    ):
        with np.errstate(all="ignore"):
            wanted = cells.claimed * np.where(y == 0, 0.0, y.astype(float)) ** -power
        if np.all(
            np.abs(wanted - cells.true)[cells.responds]
            <= THRESHOLD
            * cells.bars[cells.responds]
            * np.maximum(1.0, np.abs(y) ** -power).repeat(cells.true.shape[1], 1)[cells.responds]
        ):
            yield Proof(
                "other",
                f"the derivative of the outermost function is incomplete: {words}",
                0.0,
                f"y^{power}",
                also=("f-prime-missing",),
                tested=tested(cells),
            )
