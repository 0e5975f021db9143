"""Which entries of one side of a layer can be asked about at once: those that reach nothing in common on the other.

An axis is asked, index by index, which indices of the other side's axes it reaches; indices without a common one get
the same colour (Curtis, Powell and Reid 1974). An axis of samples needs one colour, positions under a sliding window
about as many as the window is long, however large the image is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from gradcheck.explain.sliding import pattern
from gradcheck.subject import Array

WORTH = 3  # so many groups must be saved from, for one question, before an axis is asked about index by index
LEAST_ASKED = 2  # indices of an axis before a window is guessed
FEWEST = 3  # indices that an axis must have to be worth asking

Responds = Callable[[Array], Array | None]  # weights of one side's shape -> where the other side responds, or no answer


@dataclass(frozen=True)
class Palette:
    """The colours of one axis: the indices of each, and whom each index of the axis `other` belongs to, else -1.

    Where the axis could not be told apart, `other` is None, every colour has one index, and owns everything.
    """

    axis: int
    members: tuple[Array, ...]
    other: int | None = None
    owners: tuple[Array, ...] = ()


@dataclass
class Asking:
    """Who is asked, and how often at most; `rng` draws the weights, so that responses do not cancel.

    With `guesses` what a few indices reach may stand for the others, where a sliding window explains it.
    """

    responds: Responds
    most: int
    rng: np.random.Generator
    spent: int = 0
    guesses: bool = False
    known: dict[tuple[int, int], list[Array]] = field(default_factory=dict)

    def reached(self, shape: tuple[int, ...], axis: int, index: int, other: tuple[int, ...]) -> list[Array] | None:
        """Return for every axis of the other side which of its indices one index of this side reaches."""
        if (axis, index) in self.known:
            return self.known[axis, index]
        self.spent += 1
        weights = np.zeros(shape)
        part = (slice(None),) * axis + (index,)
        signs = self.rng.choice([-1.0, 1.0], size=weights[part].shape)
        weights[part] = signs * self.rng.uniform(0.5, 1.5, size=signs.shape)
        moved = self.responds(weights)
        if moved is None:
            return None
        shaped, axes = moved.reshape(other), range(len(other))
        found = [np.asarray(shaped.any(axis=tuple(x for x in axes if x != b))) for b in axes]
        self.known[axis, index] = found
        return found


@dataclass(frozen=True)
class Group:
    """Entries that are asked about at once: their index, and for each entry of the other side whose it is, or -1."""

    index: tuple[Array, ...]
    owner: Array


def plain(shape: tuple[int, ...]) -> tuple[Palette, ...]:
    """Return palettes that ask about every entry on its own."""
    return tuple(Palette(a, tuple(np.array([i]) for i in range(n))) for a, n in enumerate(shape))


def matched(axis: int, length: int, other: int) -> Palette:
    """Return the palette of an axis that goes index by index with one of the other side."""
    whole = np.arange(length)
    return Palette(axis, (whole,), other, (whole,))


def palettes_of(shape: tuple[int, ...], other: tuple[int, ...], asking: Asking) -> tuple[Palette, ...]:
    """Ask every axis for its colours, but for one whose middle index reaches all of every axis.

    `shape` is that of the side which is asked about, `other` that of the one which responds.
    """
    found = list(plain(shape))
    for a, n in enumerate(shape):
        if asking.spent >= asking.most or (n < FEWEST and not (n > 1 and n in other)):
            continue
        middle = asking.reached(shape, a, n // 2, other)
        if middle is None:
            continue
        same = [b for b, m in enumerate(other) if m == n and np.array_equal(np.flatnonzero(middle[b]), [n // 2])]
        narrow = any(touched.any() and not touched.all() for touched in middle)
        if same:
            found[a] = matched(a, n, same[0])
        elif narrow and count(tuple(found)) > WORTH:
            found[a] = (_slid(shape, a, other, asking) if asking.guesses else None) or found[a]
            if found[a].other is None and n <= min(asking.most - asking.spent, count(tuple(found)) // WORTH):
                found[a] = _coloured(shape, a, other, asking) or found[a]
    return tuple(found)


def groups(palettes: tuple[Palette, ...], other: tuple[int, ...]) -> Iterator[Group]:
    """Yield every combination of the axes' colours."""
    shape = tuple(sum(len(m) for m in p.members) for p in palettes)
    for colours in product(*(range(len(p.members)) for p in palettes)):
        index = np.ix_(*(p.members[c] for p, c in zip(palettes, colours, strict=True)))
        rows = [_spread(p, c, other) for p, c in zip(palettes, colours, strict=True)]
        lost = np.logical_or.reduce([row < 0 for row in rows]) if rows else np.zeros(other, dtype=bool)
        flat = np.ravel_multi_index([np.maximum(row, 0) for row in rows], shape) if rows else np.zeros(other, dtype=int)
        yield Group(index, np.where(lost, -1, flat).ravel())


def count(palettes: tuple[Palette, ...]) -> int:
    """Return how many groups there are."""
    return int(np.prod([len(p.members) for p in palettes], dtype=np.int64))


def _spread(palette: Palette, colour: int, other: tuple[int, ...]) -> Array:
    if palette.other is None:
        return np.full(other, palette.members[colour][0])
    row = palette.owners[colour].reshape([-1 if b == palette.other else 1 for b in range(len(other))])
    return np.broadcast_to(row, other)


def _slid(shape: tuple[int, ...], axis: int, other: tuple[int, ...], asking: Asking) -> Palette | None:
    """Return the colours of an axis that a window slides along, as far as a few indices tell."""
    n = shape[axis]
    asked: list[int] = []
    for index in dict.fromkeys((n // 2, n // 2 + 1, 0, n - 1)):
        if index >= n or (asking.spent >= asking.most and (axis, index) not in asking.known):
            continue
        rows = asking.reached(shape, axis, index, other)
        if rows is None:
            return None
        asked.append(index)
        if len(asked) < LEAST_ASKED:
            continue
        for b, m in enumerate(other):
            reached = {i: asking.known[axis, i][b] for i in asked}
            if all(row.all() for row in reached.values()):
                continue
            found = pattern((n, m), reached)
            if found is not None and found.any(axis=1).all():
                return _greedy(axis, b, found)
    return None


def _coloured(shape: tuple[int, ...], axis: int, other: tuple[int, ...], asking: Asking) -> Palette | None:
    rows = [asking.reached(shape, axis, i, other) for i in range(shape[axis])]
    told = [row for row in rows if row is not None]
    if len(told) < len(rows):
        return None
    found = [_greedy(axis, b, np.stack([row[b] for row in told])) for b in range(len(other))]
    return min(found, key=lambda palette: len(palette.members))


def _greedy(axis: int, other: int, pattern: Array) -> Palette:
    """Give every index the first colour whose indices reach nothing that it reaches."""
    members: list[list[int]] = []
    taken: list[Array] = []
    for i, reach in enumerate(pattern):
        colour = next((c for c, seen in enumerate(taken) if not np.any(seen & reach)), len(taken))
        if colour == len(taken):
            members.append([])
            taken.append(np.zeros_like(reach))
        members[colour].append(i)
        taken[colour] = taken[colour] | reach
    owners = []
    for indices in members:
        owner = np.full(pattern.shape[1], -1)
        for i in indices:
            owner[pattern[i]] = i
        owners.append(owner)
    return Palette(axis, tuple(np.array(m) for m in members), other, tuple(owners))
