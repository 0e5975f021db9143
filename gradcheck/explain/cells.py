"""Hypotheses about single cells of the matrix: which outputs an entry's gradient is made of, against which it should.

They need the whole measured Jacobian and the whole matrix that backward stands for, so a small layer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.comparison import SUMMATION, THRESHOLD
from gradcheck.explain.layout import output_positions
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array


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
    rounding = SUMMATION * scene.slack.unit * np.sqrt(max(scene.slack.terms, 1)) * size
    bars = np.hypot(truth.bars, rounding) + scene.slack.response * np.abs(truth.claimed)
    judged = scene.mask[:, None]
    wrong = judged & (np.abs(truth.claimed - truth.jacobian) > THRESHOLD * bars)
    responds = judged & (np.abs(truth.jacobian) > THRESHOLD * bars)
    claims = judged & (np.abs(truth.claimed) > THRESHOLD * bars)
    return Cells(truth.jacobian, truth.claimed, bars, wrong, responds, claims) if wrong.any() else None


def _tested(cells: Cells) -> str:
    return f"all {cells.true.size} cells of the Jacobian, measured one by one"


def diagonal_only(case: Case) -> Iterator[Proof]:
    """Propose that the Jacobian of a layer like softmax is taken as diagonal."""
    cells = cells_of(case)
    if cells is None or cells.true.shape[0] != cells.true.shape[1]:
        return
    diagonal = np.eye(len(cells.true), dtype=bool)
    if (
        not np.any(cells.claims & ~diagonal)
        and np.any(cells.responds & ~diagonal)
        and not np.any(cells.wrong & diagonal)
    ):
        text = "the Jacobian is taken as diagonal: its diagonal is right, and what an entry does to the other outputs is left out"
        repair = "y * (grad_output - (grad_output * y).sum(axis=-1, keepdims=True)), for softmax"
        yield Proof(
            "softmax-diagonal", text, 0.0, "diagonal", repair=repair, also=("path-missing",), tested=_tested(cells)
        )


def overlaps(case: Case) -> Iterator[Proof]:
    """Propose that where windows or indices meet, the last replaces the others instead of being added."""
    cells = cells_of(case)
    if cells is None or np.any(cells.wrong & cells.claims):
        return
    scene = case.scene
    for words, places in _ranks(scene):
        kept, last = _survivors(cells, places)
        if kept == last and any(len(group) > 1 for group in _places(cells, places)):
            text = f"where {words} meet, the last one replaces what the others brought, instead of being added to it"
            repair = (
                f"grad_{scene.name}[...] += share"
                if words == "windows"
                else f"np.add.at(grad_{scene.name}, indices, grad_output)"
            )
            yield Proof("overlap-overwritten", text, 0.0, f"last {words}", repair=repair, tested=_tested(cells))
            return


def _ranks(scene: Scene) -> Iterator[tuple[str, Array]]:
    shape = scene.output_shape
    if not shape:
        return
    where = np.unravel_index(np.arange(scene.form.size), shape)
    space = output_positions(scene) if len(shape) >= 3 else ()
    if space:
        yield "windows", np.ravel_multi_index([where[a] for a in space], [shape[a] for a in space])
    yield "indices", where[0]
    yield "outputs", np.arange(scene.form.size)


def _places(cells: Cells, places: Array) -> list[set[int]]:
    return [set(places[np.flatnonzero(cells.responds[:, j])].tolist()) for j in range(cells.true.shape[1])]


def _survivors(cells: Cells, places: Array) -> tuple[list[set[int]], list[set[int]]]:
    """Return, for each entry, the places that still bring something, and the last place that should."""
    kept = [set(places[np.flatnonzero(cells.claims[:, j])].tolist()) for j in range(cells.true.shape[1])]
    last = [{max(group)} if group else set() for group in _places(cells, places)]
    return kept, last


def winners(case: Case) -> Iterator[Proof]:
    """Propose that a selection goes wrong: another entry gets the gradient, or several, or none."""
    cells = cells_of(case)
    if cells is None or not _selects(cells):
        return
    scene, tested = case.scene, _tested(cells)
    rows = np.flatnonzero(cells.wrong.any(axis=1))
    count = cells.claims[rows].sum(axis=1)
    if np.all(count == 0):
        border = _on_the_border(scene, rows)
        also = ("padding-wins", "part-zeroed") if border else ("part-zeroed", "tie-no-winner")
        text = f"{len(rows)} of {len(cells.true)} outputs give their gradient to no entry at all"
        code, more = (
            ("padding-wins", "; all of them lie at the border, where padding seems to be taken for the winner")
            if border
            else ("wrong-winner", "")
        )
        yield Proof(code, text + more, 0.0, "no winner", also=tuple(c for c in also if c != code), tested=tested)
    elif np.all(count <= 1) and _same_share(cells, rows):
        text = f"{len(rows)} of {len(cells.true)} outputs give their gradient to an entry that forward did not choose"
        repair = "keep the index of the largest entry in forward and add grad_output there"
        also = ("padding-wins",) if np.any(count == 0) else ()
        yield Proof("wrong-winner", text, 0.0, "winner", repair=repair, also=also, tested=tested)
    elif _evenly(cells, rows):
        text = f"each of {len(rows)} outputs spreads its gradient evenly over {int(count.max())} entries, as in average pooling, where forward chose one"
        yield Proof("pool-kind", text, 0.0, "evenly", tested=tested)


def _selects(cells: Cells) -> bool:
    """Tell whether each output is one single entry, with a slope that many share: a maximum, a minimum, a subsample."""
    judged = cells.responds.any(axis=1)
    slopes = cells.true[cells.responds]
    return bool(
        judged.any()
        and np.all(cells.responds.sum(axis=1)[judged] == 1)
        and np.ptp(slopes) <= 1e-6
        and cells.true.shape[0] < cells.true.shape[1]
    )


def _same_share(cells: Cells, rows: Array) -> bool:
    got = cells.claimed[rows].sum(axis=1)
    due = cells.true[rows].sum(axis=1)
    return bool(np.all((np.abs(got - due) <= 1e-6 * np.abs(due)) | (got == 0)))


def _evenly(cells: Cells, rows: Array) -> bool:
    for row in rows:
        share = cells.claimed[row][cells.claims[row]]
        if (
            share.size < 2
            or np.ptp(share) > 1e-9 * np.abs(share).max()
            or abs(share.sum() - cells.true[row].sum()) > 1e-6
        ):
            return False
    return True


def _on_the_border(scene: Scene, rows: Array) -> bool:
    shape = scene.output_shape
    space = output_positions(scene) if len(shape) >= 3 else ()
    where = np.unravel_index(rows, shape)
    inner = np.ones(len(rows), dtype=bool)
    for a in space:
        inner &= (where[a] > 0) & (where[a] < shape[a] - 1)
    return bool(space) and not inner.any()


def divisors(case: Case) -> Iterator[Proof]:
    """Propose that an average is divided by another number of cells than in forward."""
    cells = cells_of(case)
    if cells is None or not np.array_equal(cells.claims, cells.responds):
        return
    pairs = set()
    for row in np.flatnonzero(cells.responds.any(axis=1)):
        due, got = cells.true[row][cells.responds[row]], cells.claimed[row][cells.claims[row]]
        if np.ptp(due) > 1e-6 * np.abs(due).max() or np.ptp(got) > 1e-6 * np.abs(got).max():
            return
        forward, backward = 1.0 / due.mean(), 1.0 / got.mean()
        if abs(forward - round(forward)) > 1e-5 or abs(backward - round(backward)) > 1e-5:
            return
        pairs.add((round(forward), round(backward)))
    if len(pairs) > 1 and any(f != b for f, b in pairs):
        told = ", ".join(f"{b} for {f}" for f, b in sorted(pairs) if f != b)
        text = f"averages are divided by another number of cells than in forward ({told}): padding is counted in the one and not in the other"
        repair = "divide by the same count in both passes (count_include_pad)"
        yield Proof("pool-divisor", text, 0.0, "divisor", repair=repair, tested=_tested(cells))


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
    for a, b in ((0, 0), *((a, b) for a in range(1, len(shape)) for b in range(1, len(output)))):
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
                yield Proof("batch-leak", text, 0.0, "leak", tested=_tested(cells))
            elif parts < shape[a]:
                text = f"forward keeps {parts} groups along axis {a} apart, and backward mixes them"
                yield Proof("groups-mixed", text, 0.0, "groups", also=("path-missing",), tested=_tested(cells))
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
                tested=_tested(cells),
            )
