"""Hypotheses about single cells of the matrix: which outputs an entry's gradient is made of, against which it should.

They need the whole measured Jacobian and the whole matrix that backward stands for, so a small layer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.comparison import SUMMATION, THRESHOLD
from gradcheck.explain.layout import output_positions, spatial_axes
from gradcheck.explain.matrix import discrepancy
from gradcheck.explain.proof import Case, Proof, listed
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array

FEWEST_CHOSEN = 6  # outputs that must choose alike before a lattice is read off them
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
    rounding = SUMMATION * scene.slack.unit * np.sqrt(max(scene.slack.terms, 1)) * size
    bars = np.hypot(truth.bars, rounding) + scene.slack.response * np.abs(truth.claimed)
    judged = scene.mask[:, None]
    wrong = judged & (np.abs(truth.claimed - truth.jacobian) > THRESHOLD * bars)
    responds = judged & (np.abs(truth.jacobian) > THRESHOLD * bars)
    claims = judged & (np.abs(truth.claimed) > THRESHOLD * bars)
    return Cells(truth.jacobian, truth.claimed, bars, wrong, responds, claims) if wrong.any() else None


def _tested(cells: Cells) -> str:
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


def overlaps(case: Case) -> Iterator[Proof]:
    """Propose that where windows or indices meet, the last or the first replaces the others instead of being added."""
    truth, scene = case.truth, case.scene
    if truth is None:
        return
    responds = truth.responds()
    for words, places in _ranks(scene):
        for order in (places, -places):
            at = np.where(responds, order[:, None], order.min() - 1)
            kept = np.where(at == at.max(axis=0)[None], truth.jacobian, 0.0)
            worst = None if np.array_equal(kept != 0, truth.jacobian != 0) else predicted(case, kept)
            if worst is not None:
                yield _overwritten(scene, words, worst)
                return
    cells = cells_of(case)
    if cells is None or np.any(cells.wrong & cells.claims) or not _selects(cells):
        return
    for words, places in _ranks(scene):
        meets = np.array([len(set(places[column])) > 1 for column in cells.responds.T])
        for order in (places, -places):
            at = np.where(cells.responds, order[:, None], order.min() - 1)
            if meets.any() and np.all((at == at.max(axis=0)[None])[cells.claims]):
                yield _overwritten(scene, words, 0.0)
                return


def _overwritten(scene: Scene, words: str, worst: float) -> Proof:
    text = f"where {words} meet, one replaces what the others brought, instead of being added to it"
    add = f"np.add.at(grad_{scene.name}, indices, grad_output)"
    repair = f"grad_{scene.name}[...] += share" if words == "windows" else add
    tested = "every entry, against the shares of the measured Jacobian"
    return Proof("overlap-overwritten", text, worst, f"last {words}", repair=repair, tested=tested)


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


def winners(case: Case) -> Iterator[Proof]:
    """Propose that a selection goes wrong: another entry gets the gradient, or several, or none."""
    cells = cells_of(case)
    if cells is None or not _selects(cells) or _diagonal(cells):
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
    elif cells.true.shape[0] == cells.true.shape[1] and np.all(count == 1) and cells.responds[rows].any(axis=1).all():
        text = (
            f"the gradients of {len(rows)} outputs go to one entry each, but not to the one that forward took them from"
        )
        yield Proof("permuted", text, 0.0, "permuted", also=("wrong-winner",), tested=tested)
    elif np.all(count <= 1) and _same_share(cells, rows):
        if _dilated(scene, cells):
            text = "the winners are looked for in windows whose cells lie next to each other, where forward leaves gaps"
            yield Proof("dilation-ignored", text, 0.0, "winner", also=("wrong-winner",), tested=tested)
            return
        text = f"{len(rows)} of {len(cells.true)} outputs give their gradient to an entry that forward did not choose"
        repair = "keep the index of the largest entry in forward and add grad_output there"
        also = ("padding-wins",) if np.any(count == 0) else ()
        yield Proof("wrong-winner", text, 0.0, "winner", repair=repair, also=also, tested=tested)
    elif _evenly(cells, rows):
        text = f"each of {len(rows)} outputs spreads its gradient evenly over {int(count.max())} entries, as in average pooling, where forward chose one"
        yield Proof("pool-kind", text, 0.0, "evenly", tested=tested)


def _diagonal(cells: Cells) -> bool:
    """Tell whether each output is a function of its own entry: nothing is chosen there."""
    off = ~np.eye(*cells.true.shape, dtype=bool)
    return cells.true.shape[0] == cells.true.shape[1] and not np.any(cells.responds & off)


def _selects(cells: Cells) -> bool:
    """Tell whether each output is one single entry, with a slope that many share: a maximum, a minimum, a subsample."""
    judged = cells.responds.any(axis=1)
    slopes = cells.true[cells.responds]
    return bool(
        judged.any()
        and np.all(cells.responds.sum(axis=1)[judged] == 1)
        and np.ptp(slopes) <= 1e-6
        and cells.true.shape[0] <= cells.true.shape[1]
    )


def _dilated(scene: Scene, cells: Cells) -> bool:
    """Tell whether all true winners lie on a lattice of their windows that the claimed ones do not keep to."""
    shape, output = scene.shape, scene.output_shape
    if len(shape) != len(output) or len(shape) < 3:
        return False
    rows = np.flatnonzero(cells.responds.any(axis=1) & cells.claims.any(axis=1))
    at = np.unravel_index(rows, output)
    true, claimed = (np.unravel_index(m[rows].argmax(axis=1), shape) for m in (cells.responds, cells.claims))
    if len(rows) < FEWEST_CHOSEN:
        return False
    return all(
        any(_keeps_to(true[a] - stride * at[b], claimed[a] - stride * at[b]) for stride in range(1, 5))
        for a, b in zip(spatial_axes(scene, scene.name), output_positions(scene), strict=True)
    )


def _keeps_to(kept: Array, broken: Array) -> bool:
    """Tell whether the one keeps to every second or third cell, and the other does not."""
    return any(len(set(kept % d)) == 1 and np.ptp(kept) >= d and len(set(broken % d)) > 1 for d in (2, 3))


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
    """Propose that an average is divided by another number of cells than in forward: padding counted, or not."""
    truth = case.truth
    if truth is None:
        return
    support = truth.responds() & case.scene.mask[:, None]
    counts = support.sum(axis=1)
    if counts.max(initial=0) < 2 or len(set(counts[counts > 0].tolist())) < 2:
        return
    rows = [truth.jacobian[row][support[row]] for row in np.flatnonzero(counts)]
    if any(np.ptp(row) > ALIKE * np.abs(row).max() for row in rows):
        return
    seen = {round(1.0 / float(row.mean())) for row in rows if row.mean() > 0}
    for number, words in (
        (counts, "the cells that lie inside"),
        (np.full_like(counts, counts.max()), "all cells, padding counted"),
    ):
        worst = predicted(case, support / np.maximum(number, 1)[:, None])
        if worst is not None:
            text = f"backward divides by the number of {words}, and forward by {', '.join(map(str, sorted(seen)))}"
            repair = "divide by the same count in both passes (count_include_pad)"
            tested = "every entry, against the windows of the measured Jacobian"
            yield Proof("pool-divisor", text, worst, "divisor", repair=repair, tested=tested)
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


def counted_in(case: Case) -> Iterator[Proof]:
    """Propose that outputs which do not depend on the argument are counted in its gradient, and nothing else is wrong."""
    cells = cells_of(case)
    if cells is None or cells.true.shape[1] >= cells.true.shape[0] or np.any(cells.wrong & cells.responds):
        return
    rows = int(cells.spurious.any(axis=1).sum())
    text = f"{rows} of {len(cells.true)} outputs that do not depend on `{case.scene.name}` are counted in its gradient"
    yield Proof(
        "wrong-branch", text, 0.0, "counted in", repair="use the same mask in both passes", tested=_tested(cells)
    )
