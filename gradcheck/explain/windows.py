"""Hypotheses about sliding windows: each output's share of the gradient is right, and laid down in the wrong place.

Row o of the Jacobian is the share of output o. If backward's row is the same picture moved by a displacement that
depends on the output's position alone, the displacement says what was forgotten: (1 - s) o for a stride s taken as 1,
one and the same number for a padding that was cut off wrongly.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from gradcheck.explain.cells import Cells, cells_of
from gradcheck.explain.layout import is_kernel, output_positions, spatial_axes
from gradcheck.explain.proof import Case, Proof
from gradcheck.subject import Array

FARTHEST = 3  # cells by which a padding is tried to have been missed
MOST_STRIDE = 4


def laid_down(case: Case) -> Iterator[Proof]:
    """Propose a stride, a dilation or a padding that differs from forward's."""
    cells, scene = cells_of(case), case.scene
    if cells is None or len(scene.shape) < 3 or len(scene.output_shape) != len(scene.shape):
        return
    space, out = spatial_axes(scene, scene.name), output_positions(scene)
    if not space or len(space) != len(out):
        return
    grid = _Grid(cells, scene.shape, scene.output_shape, space, out)
    tested = f"all {cells.true.size} cells of the Jacobian, measured one by one"
    kernel = is_kernel(scene, scene.name)
    settings = (grid.read_apart(),) if kernel else (grid.strides(), grid.dilations())
    for proof in (grid.padding(), *settings):
        if proof is not None:
            yield Proof(proof.code, proof.sentence, 0.0, "laid down", repair=proof.repair, also=proof.also, tested=tested)
            return


class _Grid:
    """Both matrices with the positions of outputs and entries apart from everything else."""

    def __init__(self, cells: Cells, shape: tuple[int, ...], output: tuple[int, ...], space: tuple[int, ...], out: tuple[int, ...]) -> None:
        self.sizes, self.out_sizes = [shape[a] for a in space], [output[a] for a in out]
        self.bar = 16.0 * float(cells.bars.max()) + 1e-9 * float(np.abs(cells.true).max())
        self.true = _positions_first(cells.true, shape, output, space, out)
        self.claimed = _positions_first(cells.claimed, shape, output, space, out)
        self.outputs = list(np.ndindex(*self.out_sizes))

    def moved(self, o: tuple[int, ...], by: tuple[int, ...]) -> bool | None:
        """Tell whether the claimed picture of an output is the true one moved by so many cells; None if out of sight."""
        source = tuple(slice(max(0, -b), min(n, n - b)) for b, n in zip(by, self.sizes, strict=True))
        target = tuple(slice(max(0, b), min(n, n + b)) for b, n in zip(by, self.sizes, strict=True))
        if any(s.start >= s.stop for s in source):
            return None
        return bool(np.all(np.abs(self.true[o][source] - self.claimed[o][target]) <= self.bar))

    def explained(self, by: "dict[tuple[int, ...], tuple[int, ...]]") -> bool:
        """Tell whether displacements by output explain all claims, with something seen to have moved."""
        seen = [self.moved(o, by[o]) for o in self.outputs]
        return all(s is not False for s in seen) and sum(s is True and any(by[o]) for s, o in zip(seen, self.outputs, strict=True)) > 0

    def padding(self) -> Proof | None:
        near = sorted(product(range(-FARTHEST, FARTHEST + 1), repeat=len(self.sizes)), key=lambda b: sum(map(abs, b)))
        for by in near:
            if not any(by) or not self.explained(dict.fromkeys(self.outputs, by)):
                continue
            where = ", ".join(f"{b:+d}" for b in by)
            if self._comes_in(by):
                also = ("padding-off-by-one",) if max(map(abs, by)) == 1 else ()
                text = f"the gradient lies {where} cells off, and at the edge holds what belongs to the padding: the padding is not cut off as forward put it on"
                return Proof("padding-one-side", text, 0.0, "", repair="grad_input = grad_padded[..., p:p + height, q:q + width]", also=(*also, "shifted"))
            return Proof("shifted", f"the gradient lies {where} cells off, and what falls over the edge is lost", 0.0, "")
        return None

    def _comes_in(self, by: tuple[int, ...]) -> bool:
        """Tell whether the cells at the edge that the move uncovers hold anything."""
        target = tuple(slice(max(0, b), min(n, n + b)) for b, n in zip(by, self.sizes, strict=True))
        inner = np.zeros(self.sizes, dtype=bool)
        inner[target] = True
        return any(bool(np.any(np.abs(self.claimed[o][~inner]) > self.bar)) for o in self.outputs)

    def strides(self) -> Proof | None:
        seen = range(1, MOST_STRIDE + 1)
        for forward in product(seen, repeat=len(self.sizes)):
            for backward, code in _others(forward, "stride"):
                by = {o: tuple((b - f) * i for f, b, i in zip(forward, backward, o, strict=True)) for o in self.outputs}
                if self.explained(by) and self._steps(forward):
                    word = "1" if code == "stride-ignored" else "exchanged between the axes"
                    text = f"the stride, {forward} in forward, is taken as {word} in backward: each window's share is right and laid down at {backward} times its index"
                    return Proof(code, text, 0.0, "", repair="lay the window of output (i, j) down at (i * stride, j * stride)")
        return None

    def _steps(self, stride: tuple[int, ...]) -> bool:
        """Tell whether forward's windows really move by this stride: neighbours' pictures are each other's, moved."""
        first = tuple(0 for _ in self.sizes)
        for axis, s in enumerate(stride):
            if self.out_sizes[axis] < 2:
                continue
            other = tuple(int(a == axis) for a in range(len(stride)))
            a, b = self.true[first], self.true[other]
            if self.sizes[axis] <= s:
                return False
            if np.any(np.abs(np.take(a, range(self.sizes[axis] - s), axis) - np.take(b, range(s, self.sizes[axis]), axis)) > self.bar):
                return False
        return True

    def dilations(self) -> Proof | None:
        for forward in product(range(1, MOST_STRIDE), repeat=len(self.sizes)):
            for backward, code in _others(forward, "dilation"):
                if self._redilated(forward, backward):
                    word = "1" if code == "dilation-ignored" else "exchanged between the axes"
                    text = f"the dilation, {forward} in forward, is taken as {word} in backward: each tap's share is right and lies {backward} instead of {forward} cells from the next"
                    return Proof(code, text, 0.0, "", repair="lay tap (m, n) down at (m * dilation, n * dilation)")
        return None

    def _redilated(self, forward: tuple[int, ...], backward: tuple[int, ...]) -> bool:
        for o in self.outputs:
            taps = np.argwhere(np.abs(self.true[o]).reshape(*self.sizes, -1).max(axis=-1) > self.bar)
            if not len(taps):
                return False
            corner = taps.min(axis=0)
            if np.any((taps - corner) % forward):
                return False
            places = corner + (taps - corner) // forward * backward
            wanted = np.zeros_like(self.claimed[o])
            for tap, place in zip(taps, places, strict=True):
                if np.all(place < self.sizes):
                    wanted[tuple(place)] = self.true[o][tuple(tap)]
            if np.any(np.abs(wanted - self.claimed[o]) > self.bar):
                return False
        return True


    def read_apart(self) -> Proof | None:
        """For a kernel: what it is multiplied with is read at another stride or dilation."""
        seen = range(1, MOST_STRIDE + 1)
        for forward in product(seen, repeat=len(self.sizes)):
            for what, places in (("stride", self.outputs), ("dilation", list(np.ndindex(*self.sizes)))):
                for backward, code in _others(forward, what):
                    if self._read(places, forward, backward, by_output=what == "stride"):
                        word = "1" if code.endswith("ignored") else "exchanged between the axes"
                        text = f"the {what}, {forward} in forward, is taken as {word} when the input is read for the weight's gradient"
                        return Proof(code, text, 0.0, "", repair=f"read the input at the {what} of forward")
        return None

    def _read(
        self, places: list[tuple[int, ...]], forward: tuple[int, ...], backward: tuple[int, ...], *, by_output: bool
    ) -> bool:
        """Tell whether claimed cells are the true ones of the place that reads the same input: backward p = forward q."""
        apart = 0
        for p in places:
            scaled = [b * i for b, i in zip(backward, p, strict=True)]
            if any(n % f for n, f in zip(scaled, forward, strict=True)):
                continue
            q = tuple(n // f for n, f in zip(scaled, forward, strict=True))
            if q not in places:
                continue
            one, other = (self.claimed[p], self.true[q]) if by_output else (self._tap(self.claimed, p), self._tap(self.true, q))
            if np.any(np.abs(one - other) > self.bar):
                return False
            apart += p != q
        return apart > 0

    def _tap(self, whole: Array, place: tuple[int, ...]) -> Array:
        found: Array = whole[(slice(None),) * len(self.out_sizes) + place]
        return found


def _others(forward: tuple[int, ...], what: str) -> Iterator[tuple[tuple[int, ...], str]]:
    if max(forward) > 1:
        yield (1,) * len(forward), f"{what}-ignored"
        if forward[::-1] != forward:
            yield forward[::-1], f"{what}-swapped"


def _positions_first(matrix: Array, shape: tuple[int, ...], output: tuple[int, ...], space: tuple[int, ...], out: tuple[int, ...]) -> Array:
    """Return the matrix as (output positions, entry positions, everything else)."""
    whole = matrix.reshape(*output, *shape)
    n = len(output)
    order = [*out, *(n + a for a in space)]
    rest = [a for a in range(whole.ndim) if a not in order]
    turned = whole.transpose(*order, *rest)
    return turned.reshape(*turned.shape[: len(order)], -1)
