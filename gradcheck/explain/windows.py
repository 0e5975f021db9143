"""Hypotheses about sliding windows: each output's share is right, and laid down (or read) in the wrong place.

Row o of the measured Jacobian is the picture of output o. A mistaken stride, dilation or padding lays the same picture
down elsewhere: (b - f) o cells off for a stride b in place of f, tap by tap for a dilation, by one and the same number
for a padding. What backward should then claim follows from the measured rows, wherever they are in sight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.layout import is_kernel, output_positions, spatial_axes
from gradcheck.explain.matrix import Truth, entry_bars
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.subject import Array

FARTHEST = 3  # cells by which a padding is tried to have been missed
MOST = 4  # strides and dilations that are tried
MOST_ASKED = 6  # grad_outputs that strides are told apart by
LEAST_SEEN = 0.1  # the share of the entries that a prediction has to speak of

Cell = tuple[int, ...]


@dataclass(frozen=True)
class Setting:
    """A stride or dilation of forward, and the one that backward may have used in its place."""

    what: str
    forward: Cell
    backward: Cell
    code: str

    @property
    def sentence(self) -> str:
        """What to say of it."""
        if self.code.endswith("ignored"):
            return f"the {self.what}, {_read(self.forward)} in forward, is taken as 1 in backward"
        read = f"{_read(self.forward)} in forward and {_read(self.backward)} in backward"
        return f"the {self.what} is exchanged between the axes: {read}"


def _read(cell: Cell) -> str:
    return str(cell[0]) if len(cell) == 1 else str(cell)


def settings(axes: int) -> Iterator[Setting]:
    """Yield every stride and dilation with what may have been taken in its place."""
    for what in ("stride", "dilation"):
        for forward in product(range(1, MOST + 1), repeat=axes):
            if max(forward) > 1:
                yield Setting(what, forward, (1,) * axes, f"{what}-ignored")
                if forward[::-1] != forward:
                    yield Setting(what, forward, forward[::-1], f"{what}-swapped")


def laid_down(case: Case) -> Iterator[Proof]:
    """Propose a stride, a dilation or a padding that differs from forward's."""
    scene, truth = case.scene, case.truth
    if truth is None or not 3 <= len(scene.shape) <= 5 or len(scene.output_shape) != len(scene.shape):
        return
    space, out = spatial_axes(scene, scene.name), output_positions(scene)
    if not space or len(space) != len(out):
        return
    grid = _Grid(scene, truth, space, out)
    kernel = is_kernel(scene, scene.name)
    found = [s for s in settings(len(space)) if (grid.reads(s) if kernel else grid.lays(s))]
    tested = "the measured Jacobian's rows, laid down so, give what is claimed wherever they are in sight"
    for setting in found[:1]:
        also = tuple(dict.fromkeys(s.code for s in found if s.code != setting.code))
        yield Proof(
            setting.code,
            setting.sentence,
            0.0,
            "setting",
            also=also,
            tested=tested,
            repair=f"use the {setting.what} of forward",
        )
    if not found:
        yield from _padded(grid, tested)


def _padded(grid: "_Grid", tested: str) -> Iterator[Proof]:
    near = sorted(product(range(-FARTHEST, FARTHEST + 1), repeat=len(grid.sizes)), key=lambda by: sum(map(abs, by)))
    for by in near:
        if not any(by) or not grid.moved(by):
            continue
        where = ", ".join(f"{b:+d}" for b in by)
        if not grid.comes_in(by):
            yield Proof(
                "shifted",
                f"the gradient lies {where} cells off, and what falls over the edge is lost",
                0.0,
                "moved",
                tested=tested,
            )
            return
        text = (
            f"the gradient lies {where} cells off, and holds at the edge what belongs to the padding: "
            "the padding is not "
            "cut off, or not put on, where forward has it"
        )
        also = ("padding-off-by-one", "shifted") if max(map(abs, by)) == 1 else ("shifted",)
        yield Proof(
            "padding-one-side",
            text,
            0.0,
            "moved",
            also=also,
            tested=tested,
            repair="grad_padded[..., p:p + height, q:q + width]",
        )
        return


class _Grid:
    """The measured matrix as (positions of outputs, positions of entries, rest of outputs, rest of entries)."""

    def __init__(self, scene: Scene, truth: Truth, space: Cell, out: Cell) -> None:
        self.scene, self.truth, self.space, self.out = scene, truth, space, out
        self.sizes, self.out_sizes = tuple(scene.shape[a] for a in space), tuple(scene.output_shape[a] for a in out)
        n = len(scene.output_shape)
        rest = [a for a in range(n) if a not in out]
        left = [n + a for a in range(len(scene.shape)) if a not in space]
        self.order = [*out, *(n + a for a in space), *rest, *left]
        whole = truth.jacobian.reshape(*scene.output_shape, *scene.shape).transpose(self.order)
        self.rows = whole
        self.seen = np.abs(whole).max(axis=tuple(range(len(out) + len(space), whole.ndim))) > 0
        self.answers: dict[bytes, Array | None] = {}

    def lays(self, s: Setting) -> bool:
        """Tell whether windows laid down in the other setting give the claim."""
        made = np.full(self.rows.shape, np.nan)
        for o in np.ndindex(*self.out_sizes):
            picture = (
                self._redilated(o, s)
                if s.what == "dilation"
                else self._moved(o, tuple((b - f) * i for f, b, i in zip(s.forward, s.backward, o, strict=True)))
            )
            if picture is None:
                return False
            made[o] = picture
        if s.what == "stride" and not self._steps(s.forward):
            return False
        return self._holds(made)

    def moved(self, by: Cell) -> bool:
        """Tell whether every picture moved by so many cells gives the claim."""
        made = np.full(self.rows.shape, np.nan)
        for o in np.ndindex(*self.out_sizes):
            made[o] = self._moved(o, by)
        return self._holds(made)

    def _moved(self, o: Cell, by: Cell) -> Array:
        """Return an output's picture moved by so many cells; NaN where it is out of sight."""
        picture: Array = np.full(self.rows[o].shape, np.nan)
        source = tuple(slice(max(0, -b), max(0, min(n, n - b))) for b, n in zip(by, self.sizes, strict=True))
        target = tuple(slice(max(0, b), max(0, min(n, n + b))) for b, n in zip(by, self.sizes, strict=True))
        picture[target] = self.rows[o][source]
        return picture

    def _redilated(self, o: Cell, s: Setting) -> Array | None:
        taps = np.argwhere(self.seen[o])
        if not len(taps):
            return None
        corner = taps.min(axis=0)
        if np.any((taps - corner) % s.forward):
            return None
        made: Array = np.zeros_like(self.rows[o])
        for tap, place in zip(taps, corner + (taps - corner) // s.forward * s.backward, strict=True):
            if np.all(place < self.sizes):
                made[tuple(place)] = self.rows[o][tuple(tap)]
        return made

    def _steps(self, stride: Cell) -> bool:
        """Tell whether forward's windows really move by this stride: a neighbour's picture is the same, moved."""
        first = tuple(n // 2 - (n > 1 and n % 2 == 0) for n in self.out_sizes)
        for axis, s in enumerate(stride):
            if self.out_sizes[axis] < 2:
                continue
            by = tuple(s * (a == axis) for a in range(len(stride)))
            other = tuple(i + (a == axis) for a, i in enumerate(first))
            if other[axis] >= self.out_sizes[axis]:
                first, other = tuple(i - (a == axis) for a, i in enumerate(first)), first
            wanted, found = self._moved(first, by), self.rows[other]
            told = np.isfinite(wanted)
            if np.any(np.abs(wanted - found)[told] > 1e-6 * np.abs(self.rows).max()):
                return False
        return True

    def _holds(self, made: Array) -> bool:
        """Compare the claims with what the made-up rows say, at entries of which all outputs are in sight."""
        back = made.transpose(np.argsort(self.order)).reshape(self.truth.jacobian.shape)
        known = np.isfinite(back).all(axis=0)
        if np.mean(known) < LEAST_SEEN or not back[:, known].any():
            return False
        wanted = self.scene.cotangents @ np.nan_to_num(back[:, known])
        bars = entry_bars(self.scene, self.truth, self.scene.claims, self.scene.cotangents).max()
        return bool(np.all(np.abs(wanted - self.scene.claims[:, known]) <= THRESHOLD * bars))

    def comes_in(self, by: Cell) -> bool:
        """Tell whether the cells at the edge that a move uncovers hold anything."""
        inner = np.zeros(self.sizes, dtype=bool)
        inner[tuple(slice(max(0, b), min(n, n + b)) for b, n in zip(by, self.sizes, strict=True))] = True
        claims = np.moveaxis(self.scene.shaped(self.scene.claims), [a + 1 for a in self.space], range(len(self.space)))
        return bool(np.any(claims[~inner]))

    def reads(self, s: Setting) -> bool:
        """For a kernel: tell whether the input read in the other setting gives the claim, where that can be told.

        Output p then multiplies what output q should (stride), or tap p what tap q should (dilation), backward p =
        forward q. For a stride only such outputs get a grad_output, in a question of their own.
        """
        if s.what == "stride" and not self._reads_by(s.forward):
            return False
        places = np.ndindex(*(self.out_sizes if s.what == "stride" else self.sizes))
        pairs = {p: q for p in places if (q := self._source(p, s)) is not None}
        if not any(p != q for p, q in pairs.items()):
            return False
        made = np.full(self.rows.shape, np.nan)
        tap: tuple[slice, ...] = (slice(None),) * len(self.out_sizes) if s.what == "dilation" else ()
        for p, q in pairs.items():
            made[tap + p] = self.rows[tap + q]
        if s.what == "dilation":
            return self._holds(made)
        back = made.transpose(np.argsort(self.order)).reshape(self.truth.jacobian.shape)
        cotangent = self.scene.cotangents[0] * np.isfinite(back).all(axis=1)
        key = np.isfinite(back).all(axis=1).tobytes()
        if key not in self.answers:
            self.answers[key] = self._asked(cotangent)
        claim = self.answers[key]
        if claim is None:
            return False
        bars = entry_bars(self.scene, self.truth, claim[None], cotangent[None]).max()
        return bool(np.all(np.abs(cotangent @ np.nan_to_num(back) - claim) <= THRESHOLD * bars))

    def _asked(self, cotangent: Array) -> Array | None:
        """Ask backward, where calls are left: without an answer the setting is not proved, and others still may be."""
        try:
            return self.scene.ask(cotangent) if cotangent.any() and len(self.answers) < MOST_ASKED else None
        except OutOfCalls:
            return None

    def _reads_by(self, stride: Cell) -> bool:
        """For a kernel: tell whether the next output may have read its taps so many cells further on."""
        count = len(self.out_sizes)
        limit = 1e-6 * np.abs(self.rows).max()
        for axis, s in enumerate(stride):
            later = np.moveaxis(self.rows, (axis, count + axis), (0, 1))
            if s >= self.sizes[axis] or self.out_sizes[axis] < 2:
                continue
            told = [
                np.abs(later[1:, : -s // d] - later[:-1, s // d :]).max() <= limit
                for d in range(1, MOST + 1)
                if s % d == 0
            ]
            if not any(told):
                return False
        return True

    def _source(self, p: Cell, s: Setting) -> Cell | None:
        scaled = [b * i for b, i in zip(s.backward, p, strict=True)]
        if any(n % f for n, f in zip(scaled, s.forward, strict=True)):
            return None
        q = tuple(n // f for n, f in zip(scaled, s.forward, strict=True))
        sizes = self.out_sizes if s.what == "stride" else self.sizes
        return q if all(i < n for i, n in zip(q, sizes, strict=True)) else None
