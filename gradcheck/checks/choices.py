"""Tell a wrong claim at a kink from a choice of branch, by slopes along lines nearby.

Along a line that runs nearby in some direction the kinks that a move in that direction meets at once are met one
after another. Let the slope of kink j jump by v_j there. Whatever slope between its two a kink claims, the sum is at
most half of all |v_j| away from the middle of the one-sided derivatives; kinks that claim 2 in place of 0 or 1 are
thrice as far away as they may be. Where no more than one jump is met, the claim must lie between the two slopes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcheck.checks.branches import NEARBY, room_beside
from gradcheck.checks.comparison import THRESHOLD, Comparison
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import Answer
from gradcheck.checks.places import Place, line_along
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.records import Vector
from gradcheck.numdiff.tangents import natural_scale

PAIR = 2  # calls of forward that one direction costs
BETWEEN = 16  # places, all as likely, in which a line may meet a kink
LINES = 2  # nearby; two kinks fall between the same two points of one with probability 1/16
# Where a line meets a kink is a quotient of two numbers of random sign: these split its distribution evenly, if normal.
POINTS = np.tan(np.pi * (np.arange(1, BETWEEN) / BETWEEN - 0.5))
LOOK = LINES * len(POINTS) + PAIR  # calls of forward before anybody is accused
HIDDEN = 1.5  # times as much as jumps of the slope add up to: some may hide each other between the same two points
FAR_OUTSIDE = 2.0**-4  # of an interval: four jumps the other way, each too small to be told from a bend


class Seen(NamedTuple):
    """One direction, one answer of backward for one output, and how both compare, for every argument moved."""

    measured: Measured
    answer: Answer
    comparisons: tuple[Comparison, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments moved."""
        return tuple(c.argument for c in self.comparisons)

    @property
    def entries(self) -> int:
        """How many entries are moved."""
        return sum(int(np.count_nonzero(tangent)) for tangent in self.measured.tangents.values())

    @property
    def bars(self) -> float:
        """The discrepancy in error bars."""
        return self.comparisons[0].bars

    @property
    def stands_out(self) -> bool:
        """Whether it is beyond the threshold."""
        return self.bars > THRESHOLD

    @property
    def output(self) -> int:
        """The output that is judged."""
        return int(np.flatnonzero(self.answer.cotangent)[0])

    @property
    def ends(self) -> tuple[float, float]:
        """The one-sided derivatives of the output."""
        return float(self.measured.derivative.left[self.output]), float(self.measured.derivative.right[self.output])

    @property
    def kinky(self) -> bool:
        """Whether the output has a kink along the direction."""
        return bool(self.measured.derivative.kinky[self.output])

    def room(self, place: Place) -> float:
        """How far a slope nearby may lie from an end of the interval and still be meant by it."""
        return float(room_beside(place, self.measured)[self.output])


def look_nearby(
    instrument: Instrument, place: Place, one: Seen, rng: np.random.Generator, *, one_sign: bool
) -> tuple[bool, bool]:
    """Tell by lines nearby whether a claim outside is wrong, and whether choices of branch explain it."""
    if instrument.left(open_question=True) < LOOK:
        instrument.left_out.append("telling whether a claim at a kink is a choice of branch")
        return False, False
    lines: list[Vector] = []
    while len(lines) < LINES and (line := _slopes_along(instrument, place, one, rng)) is not None:
        lines.append(line)
        if not _wrong(place, one, lines, one_sign=one_sign) and _explained(place, one, lines):
            return False, True
    return bool(lines) and _wrong(place, one, lines, one_sign=one_sign), False


def kink_alone(instrument: Instrument, place: Place, seen: Sequence[Seen], rng: np.random.Generator) -> bool:
    """Tell whether an entry that passes, the widest of some argument, moves one kink alone: then choices are right."""
    widest = {s.names: s for s in sorted(seen, key=lambda s: abs(s.ends[1] - s.ends[0])) if s.kinky and s.entries == 1}
    for one in widest.values():
        if instrument.left(open_question=True) < len(POINTS):
            return False
        line = _slopes_along(instrument, place, one, rng)
        if line is not None and _of_both(place, one, line):
            return True
    return False


def _explained(place: Place, one: Seen, lines: Sequence[Vector]) -> bool:
    """Tell whether jumps of the slope add up to so much that choices at the kinks can make this claim."""
    return _beside(one) <= _half(lines) + one.room(place)


def _wrong(place: Place, one: Seen, lines: Sequence[Vector], *, one_sign: bool) -> bool:
    """Tell whether no choice of branch explains a claim outside of the interval, by the slopes along lines nearby."""
    low, high, room = min(one.ends), max(one.ends), one.room(place)
    if all(_of_both(place, one, line) for line in lines):
        return True
    if one.entries == 1 and _beside(one) > HIDDEN * _half(lines) + room:
        return True
    upward = 1.0 if one.ends[1] >= one.ends[0] else -1.0
    convex = all(bool(np.all(upward * np.diff(line) >= -room)) for line in lines)
    return one_sign and convex and _beside(one) > (0.5 + FAR_OUTSIDE) * (high - low) + room


def _of_both(place: Place, one: Seen, line: Vector) -> bool:
    """Tell whether every slope along a line is one of the two at the place: one kink alone, or none.

    Between the two points that have the kink between them it is something in the middle.
    """
    (low, high), room = sorted(one.ends), one.room(place)
    between = (line > low + room) & (line < high - room)
    return bool(np.all((line >= low - room) & (line <= high + room)) and np.count_nonzero(between) <= 1)


def _beside(one: Seen) -> float:
    """How far the claim is from the middle of the one-sided derivatives."""
    return abs(one.comparisons[0].claimed / float(one.answer.cotangent[one.output]) - sum(one.ends) / 2.0)


def _half(lines: Sequence[Vector]) -> float:
    """Half of what the jumps of the slope along a line add up to, where they add up to most."""
    return max(float(np.sum(np.abs(np.diff(line)))) for line in lines) / 2.0


def _slopes_along(instrument: Instrument, place: Place, one: Seen, rng: np.random.Generator) -> Vector | None:
    """Return the slopes between points of a line nearby, from one end to the other, None where forward refuses one."""
    moved = dict(place.wide)
    for name in instrument.subject.wrt:
        x = place.wide[name]
        moved[name] = x + NEARBY * rng.standard_normal(x.shape) * natural_scale(x)
    line = line_along(instrument, replace(place, wide=moved), dict(one.measured.tangents))
    steps = NEARBY * POINTS
    outputs = [line.along(float(step)) for step in steps]
    values = np.array([found[one.output] for found in outputs if found is not None])
    if len(values) < len(steps):
        return None
    return np.concatenate([one.ends[:1], np.diff(values) / np.diff(steps), one.ends[1:]])
