"""Finding a few wrong entries among very many: halve the block that disagrees, with a ramp to jump ahead.

The discrepancy of a block is linear in its tangent, so that the second half's is the difference, and costs nothing.
With a tangent multiplied by a ramp over the block, the ratio of the two discrepancies is where a single wrong entry
lies (the centre of gravity where there are several), which a window around it then confirms or not.
"""

from dataclasses import dataclass

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.scene import Probes, Scene, bars_of, scale_of
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.numdiff.tangents import random_direction
from gradcheck.subject import Array

MOST_NAMED = 4  # wrong entries that are named exactly
MOST_CALLS = 100  # of forward that may go into naming them
COUNTED = 60  # entries up to which all are looked at one by one
SAMPLE = 40  # entries looked at one by one where more are wrong
WINDOW = 8  # entries around a guess that are looked at together


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
        self.direction = random_direction(scene.rng, (scene.value.size,)) * scale_of(scene)
        self.spent = 0
        self.blocks = [self.measured(0, scene.value.size)]

    def measured(self, lo: int, hi: int, ramp: Array | None = None) -> _Block:
        """Measure the discrepancy along a part of the direction."""
        scene = self.scene
        self.spent += scene.gauge.calls
        if self.spent > MOST_CALLS:
            raise OutOfCalls
        tangent = np.zeros(scene.value.size)
        tangent[lo:hi] = self.direction[lo:hi] if ramp is None else self.direction[lo:hi] * ramp
        s = scene.along(tangent)
        if s is None:
            raise OutOfCalls
        moved = s.tangents[scene.name].ravel()[None]
        value, bar = np.where(scene.mask, s.value, 0.0)[None], np.where(scene.mask, s.bar, 0.0)[None]
        bars = bars_of(scene.claims, scene.cotangents, Probes(moved, value, bar), scene.slack)[:, 0]
        return _Block(lo, hi, (scene.claims @ moved.T - scene.cotangents @ value.T)[:, 0], bars)

    def window(self, block: _Block) -> tuple[int, int] | None:
        """Guess from a ramp where in the block the fault lies."""
        length = block.hi - block.lo
        ramp = 1.0 + np.arange(length) / length
        sloped = self.measured(block.lo, block.hi, ramp)
        k = int(np.argmax(np.abs(block.apart) / block.bar))
        position = (sloped.apart[k] / block.apart[k] - 1.0) * length
        if not 0 <= position < length:
            return None
        lo = min(max(block.lo + round(float(position)) - WINDOW // 2, block.lo), block.hi - WINDOW)
        return lo, lo + WINDOW

    def split(self, block: _Block) -> list[_Block]:
        """Return smaller blocks that hold the fault of this one."""
        if block.hi - block.lo > 4 * WINDOW and (guess := self.window(block)) is not None:
            near = self.measured(*guess)
            if near.wrong and not block.without(near, block.lo, block.hi).wrong:
                return [near]
        middle = (block.lo + block.hi) // 2
        left = self.measured(block.lo, middle)
        right = block.without(left, middle, block.hi)
        return [half for half in (left, right) if half.wrong]


def narrowed(scene: Scene) -> list[Named] | None:
    """Return the wrong entries where they are at most four, each confirmed on its own; None where there are more."""
    if scene.value.size <= COUNTED:
        return None
    try:
        search = _Search(scene)
        found: list[int] = []
        while search.blocks:
            block = search.blocks.pop()
            if block.hi - block.lo == 1:
                found.append(block.lo)
            else:
                search.blocks += search.split(block)
            if len(found) + len(search.blocks) > MOST_NAMED:
                return None
        named = [_looked_at(scene, index) for index in sorted(found)]
    except OutOfCalls:
        return None
    kept = [one for one in named if one is not None and one.wrong]
    return kept or None


def sampled(scene: Scene) -> list[Named]:
    """Look at a random sample of the entries, or at all where they are few, as far as the calls reach."""
    count = scene.value.size if scene.value.size <= COUNTED else SAMPLE
    chosen = np.sort(scene.rng.permutation(scene.value.size)[:count])
    found = []
    for index in chosen:
        try:
            one = _looked_at(scene, int(index))
        except OutOfCalls:
            break
        if one is not None:
            found.append(one)
    return found


def _looked_at(scene: Scene, index: int) -> Named | None:
    tangent = np.zeros(scene.value.size)
    tangent[index] = scale_of(scene)[index]
    s = scene.along(tangent)
    if s is None:
        return None
    moved = s.tangents[scene.name].ravel()[None]
    value, bar = np.where(scene.mask, s.value, 0.0)[None], np.where(scene.mask, s.bar, 0.0)[None]
    bars = bars_of(scene.claims, scene.cotangents, Probes(moved, value, bar), scene.slack)[:, 0] / abs(moved[0, index])
    measured = (scene.cotangents @ value.T)[:, 0] / moved[0, index]
    apart = np.abs(scene.claims[:, index] - measured)
    k = int(np.argmax(apart / np.maximum(bars, np.finfo(np.float64).tiny)))
    return Named(
        index, float(scene.claims[k, index]), float(measured[k]), float(bars[k]), bool(apart[k] > THRESHOLD * bars[k])
    )
