"""Finding a few wrong entries among very many, in the probes there are, or by blocks with a ramp to jump ahead.

Discrepancies along R directions for K grad_outputs are a K x R matrix whose rows are combinations of the wrong entries'
columns of the directions, as long as these are fewer than K: an entry is wrong where its own column lies in the span
of the rows, and no other column does by chance (R. O. Schmidt's MUSIC, 1986). It costs no calls.

Where entries are wrong in proportion, as all are of a single output, blocks tell. The discrepancy of a block is linear
in its tangent, so that what is left of it without a part is the difference, and costs nothing. With a tangent
multiplied by a ramp over the block, the ratio of the two discrepancies is where a single wrong entry lies, for every
grad_output the same; where there are several, the ratios spread between and around them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.scene import Probes, Scene, bars_of, scale_of
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.subject import Array

MOST_NAMED = 4  # wrong entries that are named exactly
MOST_CALLS = 100  # of forward that may go into naming them
COUNTED = 60  # entries up to which all are looked at one by one
SAMPLE = 40  # entries looked at one by one where more are wrong
PARTS = 8  # blocks to begin with: more than MOST_NAMED of them are wrong wherever many entries are
SHORT = 4  # entries of a block up to which no ramp is worth its calls
EXACT = 0.25  # of an entry: guesses that agree so well are one entry
AROUND = 2  # entries to both sides of guesses that nearly agree


IN_SPAN = 1e-6  # relative: what a column's distance from a span may be for rounding alone
TOO_NOISY = 1e-2  # of the discrepancies; with more noise than this the span is not known well enough


@dataclass(frozen=True)
class Named:
    """One entry looked at: its flat index, claimed, measured with its bar, and whether it is wrong."""

    index: int
    claimed: float
    measured: float
    bar: float
    wrong: bool


@dataclass(frozen=True)
class _Block:
    """Entries lo..hi-1, with the discrepancy along the fixed direction for each cotangent, and its bar."""

    lo: int
    hi: int
    apart: Array
    bar: Array

    @property
    def wrong(self) -> bool:
        return bool(np.any(np.abs(self.apart) > THRESHOLD * self.bar))

    def without(self, part: "_Block", lo: int, hi: int) -> "_Block":
        """Return what is left of the block's discrepancy when that of a part is taken off."""
        return _Block(lo, hi, self.apart - part.apart, np.hypot(self.bar, part.bar))


class _Search:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.direction = scene.tangents[0]
        self.spent = 0
        self.named: dict[int, Named] = {}

    def whole(self) -> _Block:
        """Return the block of all entries, known from the first probe."""
        scene = self.scene
        bars = bars_of(scene.claims, scene.cotangents, scene.probes, scene.slack, tables=scene.tables)[:, 0]
        return _Block(0, scene.value.size, scene.apart()[:, 0], bars)

    def measured(self, lo: int, hi: int, ramp: Array | None = None) -> _Block:
        """Measure the discrepancy along a part of the direction."""
        scene = self.scene
        self.spent += scene.gauge.calls
        if self.spent > MOST_CALLS:
            raise OutOfCalls
        tangent = np.zeros(scene.value.size)
        tangent[lo:hi] = self.direction[lo:hi] if ramp is None else self.direction[lo:hi] * ramp
        probe = _probed(scene, tangent)
        if probe is None:
            raise OutOfCalls
        if hi - lo == 1:
            self.named[lo] = _single(scene, lo, probe)
        claims, along = scene.claims[:, lo:hi], probe.tangents[:, lo:hi]
        bars = _bars(scene, claims, replace(probe, tangents=along))
        apart = (claims @ along.T)[:, 0] - scene.cotangents @ probe.slopes[0]
        return _Block(lo, hi, apart, bars)

    def cut(self, block: _Block, parts: int) -> Iterator[_Block]:
        """Yield the parts of a block that disagree; the last is what the others leave."""
        bounds = np.linspace(block.lo, block.hi, parts + 1).astype(int)
        rest = block
        for lo, hi in pairwise(bounds.tolist()[:-1]):
            part = self.measured(lo, hi)
            rest = rest.without(part, hi, block.hi)
            if part.wrong:
                yield part
        if rest.wrong:
            yield rest

    def guess(self, block: _Block) -> tuple[int, int] | None:
        """Guess from a ramp where in the block the fault lies, as an interval; None where it lies all over it."""
        length = block.hi - block.lo
        sloped = self.measured(block.lo, block.hi, 1.0 + np.arange(length) / length)
        told = np.abs(block.apart) > THRESHOLD * block.bar
        at = (sloped.apart[told] / block.apart[told] - 1.0) * length
        if np.ptp(at) <= EXACT and abs(at[0] - np.rint(at[0])) <= EXACT:
            lo, hi = int(np.rint(at[0])), int(np.rint(at[0])) + 1
        else:
            lo, hi = int(np.floor(at.min())) - AROUND, int(np.ceil(at.max())) + AROUND + 1
        lo, hi = max(lo, 0) + block.lo, min(hi, length) + block.lo
        return (lo, hi) if 0 < hi - lo <= length // 2 else None

    def found(self) -> list[int]:
        """Return the entries that the search ends at; none where there are too many."""
        found: list[int] = []
        blocks: list[_Block] = []
        for part in self.cut(self.whole(), PARTS):
            blocks.append(part)
            if len(blocks) > MOST_NAMED:
                return []
        while blocks:
            block = blocks.pop()
            if block.hi - block.lo == 1:
                found.append(block.lo)
            else:
                blocks += self.split(block)
            if len(found) + len(blocks) > MOST_NAMED:
                return []
        return found

    def split(self, block: _Block) -> list[_Block]:
        """Return smaller blocks that hold the fault of this one."""
        if block.hi - block.lo > SHORT and (guess := self.guess(block)) is not None:
            near = self.measured(*guess)
            if near.wrong and not block.without(near, block.lo, block.hi).wrong:
                return [near]
        return list(self.cut(block, 2))


def narrowed(scene: Scene) -> list[Named] | None:
    """Return the wrong entries where they are at most four, each confirmed on its own; None where there are more."""
    if scene.value.size <= COUNTED or not len(scene.tangents):
        return None
    try:
        found = _spanned(scene)
        search = _Search(scene)
        found = search.found() if found is None else found
        named = [search.named.get(index) or _looked_at(scene, index, scale_of(scene)) for index in sorted(found)]
    except OutOfCalls:
        return None
    kept = [one for one in named if one is not None and one.wrong]
    return kept or None


def _spanned(scene: Scene) -> list[int] | None:
    """Return the entries whose columns span the discrepancies: none where there are too many, None if that is open."""
    apart = scene.apart()
    bars = bars_of(scene.claims, scene.cotangents, scene.probes, scene.slack, tables=scene.tables)
    noise = THRESHOLD * float(np.linalg.norm(bars))
    _, sizes, rows = np.linalg.svd(apart, full_matrices=False)
    rank = int(np.sum(sizes > noise))
    if rank == 0 or noise > TOO_NOISY * sizes[rank - 1] or rank >= len(scene.tangents) // 2:
        return None
    whole = np.sum(scene.tangents**2, axis=0)
    inside = np.sum((rows[:rank] @ scene.tangents) ** 2, axis=0)
    limit = max(IN_SPAN, float(noise / sizes[rank - 1]))
    found = np.flatnonzero((whole > 0) & (whole - inside <= limit**2 * whole))
    if len(found) == rank <= MOST_NAMED:
        return [int(index) for index in found]
    # As many independent discrepancies as questions, and not of so few entries: there are more.
    return [] if rank == len(scene.claims) else None


def sampled(scene: Scene) -> list[Named]:
    """Look at a random sample of the entries, or at all where they are few, as far as the calls reach."""
    count = scene.value.size if scene.value.size <= COUNTED else SAMPLE
    chosen = np.sort(scene.rng.permutation(scene.value.size)[:count])
    found, scale = [], scale_of(scene)
    for index in chosen:
        try:
            one = _looked_at(scene, int(index), scale)
        except OutOfCalls:
            break
        if one is not None:
            found.append(one)
    return found


def _looked_at(scene: Scene, index: int, scale: Array) -> Named | None:
    tangent = np.zeros(scene.value.size)
    tangent[index] = scale[index]
    probe = _probed(scene, tangent)
    return None if probe is None else _single(scene, index, probe)


def _probed(scene: Scene, tangent: Array) -> Probes | None:
    s = scene.along(tangent)
    if s is None:
        return None
    return Probes(s.tangents[scene.name].ravel()[None], scene.judged(s.value)[None], scene.judged(s.bar)[None])


def _bars(scene: Scene, claims: Array, probe: Probes) -> Array:
    """Return the bars of the comparisons along one direction, given the entries that it moves alone."""
    return bars_of(claims, scene.cotangents, probe, scene.slack, tables=scene.tables)[:, 0]


def _single(scene: Scene, index: int, probe: Probes) -> Named:
    moved = probe.tangents[0, index]
    alone = slice(index, index + 1)
    bars = _bars(scene, scene.claims[:, alone], replace(probe, tangents=probe.tangents[:, alone])) / abs(moved)
    measured = scene.cotangents @ probe.slopes[0] / moved
    apart = np.abs(scene.claims[:, index] - measured)
    k = int(np.argmax(apart / np.maximum(bars, np.finfo(np.float64).tiny)))
    return Named(
        index, float(scene.claims[k, index]), float(measured[k]), float(bars[k]), bool(apart[k] > THRESHOLD * bars[k])
    )
