"""Hypotheses: the right numbers in the wrong order: flipped, transposed, moved, or with channels exchanged."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product
from typing import NamedTuple

import numpy as np

from gradcheck.explain.proof import listed
from gradcheck.subject import Array

MOST_ROLLED = 3  # cells by which a gradient is tried to have been moved
SHORT = 16  # an axis up to so long is tried to have been moved by any number of cells
WEIGHT_EQUATION = "Eqs. 13 and 14: the weight's gradient is a cross-correlation of the input with grad_output"
INPUT_EQUATION = "Eqs. 21 and 22: grad_output is convolved with the kernel, that is, correlated with it rotated by 180°"


class Change(NamedTuple):
    """A rearrangement of rows of arrays (K, *shape), the way back, and what to say of it."""

    code: str
    words: str
    key: str
    do: Callable[[Array], Array]
    undo: Callable[[Array], Array]
    also: tuple[str, ...] = ()
    repair: str = ""
    equation: str = ""

    def undone(self, rows: Array) -> Array:
        """Return the rows with the mistake taken back, flat."""
        return np.ascontiguousarray(self.undo(rows)).reshape(len(rows), -1)

    def done(self, rows: Array) -> Array:
        """Return the rows with the mistake made, flat."""
        return np.ascontiguousarray(self.do(rows)).reshape(len(rows), -1)


class Rows(NamedTuple):
    """What is rearranged: its name in code, its shape, and the axes that hold positions.

    `or_space` are the axes that would hold them in another layout that the lengths fit as well.
    """

    name: str
    shape: tuple[int, ...]
    space: tuple[int, ...]
    or_space: tuple[int, ...] = ()

    @property
    def long(self) -> list[int]:
        """Axes with more than one index."""
        return [a for a, n in enumerate(self.shape) if n > 1]


def changes(rows: Rows) -> Iterator[Change]:
    """Yield every rearrangement, the plainest first."""
    yield from flips(rows)
    yield from exchanges(rows)
    yield from moves(rows)
    yield from readings(rows.shape)


def flips(rows: Rows) -> Iterator[Change]:
    """Yield the reversals of one axis or of several."""
    for count in range(1, min(len(rows.long), 4) + 1):
        for axes in combinations(rows.long, count):
            kept = [tuple(a for a in space if a in rows.long) for space in (rows.space, rows.or_space)]
            change = _flip(rows.name, axes, kept[0], len(rows.shape))
            yield _in_either(change, _flip(rows.name, axes, kept[1], len(rows.shape))) if rows.or_space else change


def _in_either(change: Change, other: Change) -> Change:
    """Join what a change is called in two layouts: words that name no layout, and the classes of both."""
    if change.code == other.code:
        return change
    axes = [int(a) for a in change.key.split()[1].split("-")]
    also = tuple(code for code in dict.fromkeys((other.code, *change.also, *other.also)) if code != change.code)
    return change._replace(words=f"reversed along {listed(axes)}", also=also)


def _flip(name: str, axes: tuple[int, ...], space: tuple[int, ...], ndim: int) -> Change:
    index = ", ".join("::-1" if a in axes else ":" for a in range(ndim))
    repair = f"{name} = {name}[{index}]"
    shifted = tuple(a + 1 for a in axes)

    def do(rows: Array) -> Array:
        return np.flip(rows, axis=shifted)

    undo, key = do, f"flip {'-'.join(map(str, axes))}"
    if axes == space and len(axes) >= 2:
        return Change(
            "kernel-not-rotated",
            f"rotated by 180° (over {listed(axes)})",
            key,
            do,
            undo,
            ("reversed",),
            repair,
            WEIGHT_EQUATION,
        )
    if axes == space and ndim in (1, 3):
        words = f"reversed along its only axis of positions, {listed(axes)}"
        return Change(
            "kernel-not-rotated", words, key, do, undo, ("reversed", "kernel-flipped-axis"), repair, WEIGHT_EQUATION
        )
    if len(axes) == 1 and ndim >= 3 and axes[0] in space:
        return Change(
            "kernel-flipped-axis", f"flipped along {listed(axes)} alone", key, do, undo, ("reversed",), repair
        )
    if len(axes) == 1 and ndim >= 3:
        return Change(
            "channels-swapped",
            f"reversed along {listed(axes)}, which holds no positions",
            key,
            do,
            undo,
            ("reversed", "permuted"),
            repair,
        )
    also = ("kernel-not-rotated", "kernel-flipped-axis") if len(axes) == 1 else ("kernel-not-rotated",)
    return Change("reversed", f"reversed along {listed(axes)}", key, do, undo, also if ndim == 2 else (), repair)


def exchanges(rows: Rows) -> Iterator[Change]:
    """Yield the permutations of axes that keep the shape."""
    shape, ndim = rows.shape, len(rows.shape)
    if ndim < 2 or ndim > 5:
        return
    for order in permutations(range(ndim)):
        moved = [a for a in range(ndim) if order[a] != a]
        if not moved or tuple(shape[a] for a in order) != tuple(shape):
            continue
        inverse = tuple(int(a) for a in np.argsort(order))
        yield _exchange(rows.name, order, inverse, moved, set(rows.space))


def _exchange(name: str, order: tuple[int, ...], inverse: tuple[int, ...], moved: list[int], space: set[int]) -> Change:
    def do(rows: Array) -> Array:
        return rows.transpose(0, *(a + 1 for a in order))

    def undo(rows: Array) -> Array:
        return rows.transpose(0, *(a + 1 for a in inverse))

    repair = f"{name} = {name}.transpose({', '.join(map(str, inverse))})"
    key = f"transpose {'-'.join(map(str, order))}"
    if len(moved) > 2:
        return Change(
            "permuted",
            f"with its axes permuted as transpose({', '.join(map(str, order))}) does",
            key,
            do,
            undo,
            ("transposed",),
            repair,
        )
    if space.isdisjoint(moved):
        return Change(
            "channels-swapped",
            f"with its channels exchanged ({listed(moved)})",
            key,
            do,
            undo,
            ("transposed",),
            repair,
        )
    return Change("transposed", f"transposed: {listed(moved)} are exchanged", key, do, undo, (), repair)


def moves(rows: Rows) -> Iterator[Change]:
    """Yield the cyclic moves, by a few cells, of one axis or two, and by whole groups of channels."""
    for axis, length in enumerate(rows.shape):
        for by in _steps(length):
            yield _move(rows, {axis: by})
    for one, two in combinations(rows.space[-2:], 2):
        for a, b in product((-2, -1, 1, 2), repeat=2):
            if abs(a) < rows.shape[one] and abs(b) < rows.shape[two]:
                yield _move(rows, {one: a, two: b})
    for axis in rows.long:
        yield _reflection(rows, axis)


def _reflection(rows: Rows, axis: int) -> Change:
    """Index i becomes -i, counted round: what a circular convolution and a correlation differ by."""

    def do(array: Array) -> Array:
        return np.roll(np.flip(array, axis + 1), 1, axis + 1)

    name = rows.name
    repair = f"{name} = np.roll(np.flip({name}, {axis}), 1, {axis})"
    return Change(
        "reversed",
        f"with index -i in place of i along axis {axis}",
        f"reflect {axis}",
        do,
        do,
        ("kernel-not-rotated",),
        repair,
    )


def _steps(length: int) -> list[int]:
    most = length // 2 if length <= SHORT else MOST_ROLLED
    near = [s for k in range(1, most + 1) for s in (k, -k)]
    groups = [length // parts for parts in (2, 3, 4, 8) if length % parts == 0]
    kept: dict[int, int] = {}
    for by in (*near, *groups):
        if length > 1 and by % length and by % length not in kept:
            kept[by % length] = by
    return list(kept.values())


def _move(moved: Rows, by: dict[int, int]) -> Change:
    axes, shape, space, name = tuple(by), moved.shape, moved.space, moved.name

    def do(rows: Array) -> Array:
        return np.roll(rows, tuple(by.values()), axis=tuple(a + 1 for a in axes))

    def undo(rows: Array) -> Array:
        return np.roll(rows, tuple(-by[a] for a in axes), axis=tuple(a + 1 for a in axes))

    where = " and ".join(f"{b:+d} along axis {a}" for a, b in by.items())
    repair = f"{name} = np.roll({name}, {tuple(-b for b in by.values())}, axis={axes})"
    key = "roll " + " ".join(f"{a}:{b}" for a, b in sorted(by.items()))
    if len(axes) == 1 and len(shape) >= 3 and axes[0] not in space:
        groups = abs(by[axes[0]]) > 1 and shape[axes[0]] % abs(by[axes[0]]) == 0
        words = f"moved round by {where}"
        if groups:
            return Change(
                "groups-mixed",
                f"{words}: one group of channels has another's",
                key,
                do,
                undo,
                ("channels-swapped", "shifted"),
                repair,
            )
        return Change("channels-swapped", words, key, do, undo, ("shifted", "permuted"), repair)
    return Change("shifted", f"moved round by {where}", key, do, undo, ("permuted",) if len(shape) < 3 else (), repair)


def readings(shape: tuple[int, ...]) -> Iterator[Change]:
    """Yield what comes of reading memory in another order."""
    if sum(n > 1 for n in shape) < 2:
        return

    def read(rows: Array) -> Array:
        return np.stack([row.ravel(order="F").reshape(shape) for row in rows])

    def filled(rows: Array) -> Array:
        return np.stack([row.ravel().reshape(shape, order="F") for row in rows])

    yield Change("permuted", "filled in Fortran's order", "order fill", filled, read, ("transposed",))
    yield Change("permuted", "read in Fortran's order", "order read", read, filled, ("transposed",))
