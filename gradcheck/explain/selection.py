"""Hypotheses about layers that choose or lay down: maxima, subsamples, look-ups, overlapping windows, averages."""

from collections.abc import Iterator

import numpy as np

from gradcheck.explain.cells import ALIKE, FAR, Cells, cells_of, predicted, tested
from gradcheck.explain.layout import output_positions, spatial_axes
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array

FEWEST_CHOSEN = 6  # outputs that must choose alike before a lattice is read off them


def winners(case: Case) -> Iterator[Proof]:
    """Propose that a selection goes wrong: another entry gets the gradient, or several, or none."""
    cells = cells_of(case)
    if cells is None or not _selects(cells) or _diagonal(cells):
        return
    scene, shown = case.scene, tested(cells)
    rows = np.flatnonzero(cells.wrong.any(axis=1))
    count = cells.claims[rows].sum(axis=1)
    if np.all(count == 0):
        text = f"{len(rows)} of {len(cells.true)} outputs give their gradient to no entry at all"
        if _on_the_border(scene, rows):
            text += "; all of them lie at the border, where padding seems to be taken for the winner"
            yield Proof("padding-wins", text, 0.0, "no winner", also=("part-zeroed",), tested=shown)
        else:
            also = ("overlap-overwritten", "wrong-winner", "padding-wins", "tie-no-winner")
            yield Proof("part-zeroed", text, 0.0, "no winner", also=also, tested=shown)
    elif cells.true.shape[0] == cells.true.shape[1] and np.all(count == 1) and cells.responds[rows].any(axis=1).all():
        text = (
            f"the gradients of {len(rows)} outputs go to one entry each, but not to the one that forward took them from"
        )
        yield Proof("permuted", text, 0.0, "permuted", also=("wrong-winner",), tested=shown)
    elif np.all(count <= 1) and _same_share(cells, rows):
        if _dilated(scene, cells):
            text = "the winners are looked for in windows whose cells lie next to each other, where forward leaves gaps"
            yield Proof("dilation-ignored", text, 0.0, "winner", also=("wrong-winner",), tested=shown)
            return
        text = f"{len(rows)} of {len(cells.true)} outputs give their gradient to an entry that forward did not choose"
        repair = "keep the index of the largest entry in forward and add grad_output there"
        lost = ("padding-wins",) if np.any(count == 0) else ()
        yield Proof("wrong-winner", text, 0.0, "winner", repair=repair, also=lost, tested=shown)
    elif _whole(cells, rows):
        text = f"each of {len(rows)} outputs gives its whole gradient to every one of {int(count.max())} entries"
        text += ", where forward chose one"
        yield Proof("pool-kind", text, 0.0, "whole", also=("tie-all-winners", "factor-kernel-area"), tested=shown)
    elif _evenly(cells, rows):
        text = (
            f"each of {len(rows)} outputs spreads its gradient evenly over {int(count.max())} entries, "
            "as in average pooling, where forward chose one"
        )
        yield Proof("pool-kind", text, 0.0, "evenly", tested=shown)


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


def _whole(cells: Cells, rows: Array) -> bool:
    """Tell whether each output's whole due is given to several entries."""
    due = cells.true[rows].sum(axis=1, keepdims=True)
    several = cells.claims[rows].sum(axis=1) > 1
    return bool(
        several.all() and np.all(np.abs(cells.claimed[rows] - due)[cells.claims[rows]] <= ALIKE * np.abs(due).max())
    )


def misplaced(case: Case) -> Iterator[Proof]:
    """Propose that each output's shares are the right ones, at the wrong entries; or all of them at one entry."""
    cells = cells_of(case)
    if cells is None or _diagonal(cells) or cells.true.shape[1] < 2:
        return
    rows = np.flatnonzero(cells.wrong.any(axis=1))
    due, got = cells.true[rows], cells.claimed[rows]
    limit = ALIKE * np.abs(cells.true).max()
    if np.abs(due - got).max() <= FAR * limit:
        return
    counts, chosen = cells.responds[rows].sum(axis=1), cells.claims[rows].sum(axis=1)
    if np.all(np.abs(np.sort(due, axis=1) - np.sort(got, axis=1)) <= limit):
        text = (
            f"the shares of {len(rows)} of {len(cells.true)} outputs are the right ones, laid down at the wrong entries"
        )
        also = ("shifted", "wrong-winner") if np.all(counts == 1) else ("shifted",)
        repair = "np.repeat, and not np.tile, undoes a reduction over neighbours"
        yield Proof("permuted", text, 0.0, "misplaced", also=also, repair=repair, tested=tested(cells))
    elif np.all(chosen == 1) and np.all(counts > 1) and np.all(np.abs(due.sum(axis=1) - got.sum(axis=1)) <= limit):
        if _only_own(cells.claims):
            return  # what is taken for a function of each entry alone chooses nothing
        text = f"each of {len(rows)} outputs gives its gradient to one entry, as in max pooling; forward uses several"
        yield Proof("pool-kind", text, 0.0, "one for all", tested=tested(cells))


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
    # Where there is no inner output, lying at the border says nothing.
    return bool(space) and not inner.any() and all(shape[a] > 2 for a in space)


def _diagonal(cells: Cells) -> bool:
    """Tell whether each output is a function of its own entry: nothing is chosen there."""
    return _only_own(cells.responds)


def _only_own(there: Array) -> bool:
    """Tell whether each output has to do with its own entry alone."""
    return there.shape[0] == there.shape[1] and not np.any(there & (np.eye(len(there)) == 0))


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
                yield _overwritten(scene, words, worst, last=order is places)
                return
    cells = cells_of(case)
    if cells is None or np.any(cells.wrong & cells.claims) or not _selects(cells):
        return
    left = cells.claims.any(axis=0)  # entries of which all is gone were not overwritten by one of these outputs
    for words, places in _ranks(scene):
        meets = np.array([len(set(places[column])) > 1 for column in cells.responds.T])
        for order in (places, -places):
            at = np.where(cells.responds, order[:, None], order.min() - 1)
            if np.any(meets & left) and np.all((at == at.max(axis=0)[None])[cells.claims]):
                yield _overwritten(scene, words, 0.0, last=order is places)
                return


def _overwritten(scene: Scene, words: str, worst: float, *, last: bool) -> Proof:
    # A loop leaves the last; where the first is left, the others may not have been looked at.
    also: tuple[str, ...] = () if last else ("path-missing", "part-zeroed")
    text = f"where {words} meet, one replaces what the others brought, instead of being added to it"
    add = f"np.add.at(grad_{scene.name}, indices, grad_output)"
    repair = f"grad_{scene.name}[...] += share" if words == "windows" else add
    shown = "every entry, against the shares of the measured Jacobian"
    # Along an axis of steps, what came through the others is a path of its own (that of the state carried on).
    also += () if words == "windows" else ("path-missing",)
    also = tuple(dict.fromkeys(also))
    key = f"last {words}" if last else f"last {words}, from behind"
    return Proof("overlap-overwritten", text, worst, key, repair=repair, also=also, tested=shown)


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
            shown = "every entry, against the windows of the measured Jacobian"
            yield Proof("pool-divisor", text, worst, "divisor", repair=repair, tested=shown)
            return


def counted_in(case: Case) -> Iterator[Proof]:
    """Propose that outputs which do not depend on the argument are counted in its gradient, and no more is wrong."""
    cells = cells_of(case)
    if cells is None or cells.true.shape[1] >= cells.true.shape[0] or np.any(cells.wrong & cells.responds):
        return
    counted = cells.spurious.any(axis=1)
    rows, name = int(counted.sum()), case.scene.name
    text = f"{rows} of {len(cells.true)} outputs that do not depend on `{name}` are counted in its gradient"
    if np.any(cells.responds[counted]):
        text = f"{rows} of {len(cells.true)} outputs are counted at entries of `{name}` that they do not depend on here"
    yield Proof(
        "wrong-branch",
        text,
        0.0,
        "counted in",
        repair="use the same mask in both passes",
        also=("f-prime-missing",),
        tested=tested(cells),
    )
