"""Tell a wrong claim at a kink from a choice of branch, by slopes along lines nearby.

Along a line that runs nearby in some direction the kinks that a move in that direction meets at once are met one
after another. Let the slope of kink j jump by v_j there. Whatever slope between its two a kink claims, the sum is at
most half of all |v_j| away from the middle of the one-sided derivatives; kinks that claim 2 in place of 0 or 1 are
thrice as far away as they may be. Where no more than one jump is met, the claim must lie between the two slopes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradcheck.checks.comparison import THRESHOLD, Comparison
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import Answer
from gradcheck.checks.lines import (
    ALONE,
    BETWEEN,
    BRIEF,
    FEWEST,
    INNER,
    OUTER,
    STRAIGHT,
    WHOLE,
    LineNearby,
    evenly,
    line_nearby,
)
from gradcheck.checks.places import Place
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.records import Vector

PAIR = 2  # calls of forward that one direction costs
LINES = 2  # nearby; that one hides a second kink has a probability of a few per cent
MORE_LINES = 4  # where several entries move, the last ones briefly: a median of three beside a kink is hard to see
# Of the slopes over these every line is looked at that no kink may meet: of medians all miss one in a thousand.
REACHES = (INNER, OUTER) * 3
LOOK = WHOLE + PAIR  # calls of forward before anybody is accused where several kinks are met, at least
LOOK_WELL = 3 * (BETWEEN + 1) + PAIR  # and along three lines whole, each with two points far out
# Times as much as jumps of the slope add up to along 2, 3 and 4 lines: of mixed ones these hide more once in 500 times.
HIDDEN = (2.5, 1.75, 1.5)
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
    def beside(self) -> float:
        """How far the claim is from the middle of the one-sided derivatives."""
        return abs(self.comparisons[0].claimed / float(self.answer.cotangent[self.output]) - sum(self.ends) / 2.0)

    @property
    def outside(self) -> float:
        """The same, in units of how far a right claim may be."""
        half = abs(self.ends[1] - self.ends[0]) / 2.0
        return self.beside / half if half > 0 else float("inf")

    @property
    def kinky(self) -> bool:
        """Whether the output has a kink along the direction."""
        return bool(self.measured.derivative.kinky[self.output])


class _Slopes(NamedTuple):
    """The slopes of one output along a line nearby, and how far they may stand apart without a kink."""

    values: Vector
    room: float


class Nearby:
    """Lines nearby in the directions that stand out; what was seen along one is not evaluated again."""

    def __init__(self, instrument: Instrument, place: Place, rng: np.random.Generator) -> None:
        self.instrument, self.place, self.rng = instrument, place, rng
        self._lines: list[tuple[Measured, list[LineNearby]]] = []

    def line(self, measured: Measured, number: int) -> LineNearby:
        """Return one of the lines in a direction, which is drawn where it was not."""
        lines = next((lines for known, lines in self._lines if known is measured), None)
        if lines is None:
            lines = []
            self._lines.append((measured, lines))
        while len(lines) <= number:
            lines.append(line_nearby(self.instrument, self.place, measured, self.rng))
        return lines[number]

    def lines(self, measured: Measured) -> Sequence[LineNearby]:
        """Return the lines drawn in a direction, or a first one."""
        self.line(measured, 0)
        return next(lines for known, lines in self._lines if known is measured)

    def moves_one(self, one: Seen, *, lines: int = MORE_LINES) -> bool:
        """Tell whether a direction moves one kink of its output alone, or none (12 calls, or 16 to 20 of several)."""
        if not one.kinky:
            return self._moves_none(one)
        for number in range(LINES if one.entries == 1 else lines):
            brief = number >= LINES
            affordable = self.instrument.left(settling=number > 0) >= (BRIEF if brief else ALONE) + PAIR
            if not affordable or not self.line(one.measured, number).meets_one(one.output, brief=brief):
                return False
        return True

    def _moves_none(self, one: Seen) -> bool:
        """Tell whether along lines nearby an output has everywhere the slope that it has at the place (12 calls)."""
        for number, reach in enumerate(REACHES):
            affordable = self.instrument.left(settling=number > 0) >= STRAIGHT + PAIR
            if not affordable or not self.line(one.measured, number).straight(reach)[one.output]:
                return False
        return True

    def look(self, one: Seen, *, one_sign: bool) -> tuple[bool, bool]:
        """Tell by lines nearby whether a claim outside is wrong, and whether choices of branch explain it.

        Where one kink is met alone, or none, 12 to 21 calls tell, and else 7 to 60 more.
        """
        if self.moves_one(one):
            return True, False
        lines: list[_Slopes] = []
        for number in range(LINES + len(HIDDEN) - 1 if one.entries == 1 else LINES):
            places = int(min(BETWEEN, self.instrument.left(settling=True) - PAIR + 1))
            if places < FEWEST:
                break
            line, points = self.line(one.measured, number), evenly(places)
            if places == BETWEEN and self.instrument.left(settling=True) >= len(points) + ALONE + PAIR:
                line.look_far_out()
            slopes = line.slopes(points)
            if slopes is None:
                break
            lines.append(_Slopes(slopes[:, one.output], float(line.room(points)[one.output])))
            if not _wrong(one, lines, one_sign=one_sign) and _explained(one, lines):
                return False, True
            if len(lines) >= LINES and _wrong(one, lines, one_sign=one_sign):
                return True, False
            if (len(lines) >= LINES or not one_sign) and one.beside <= min(HIDDEN) * _half(lines):
                break  # more lines can only add to it
        if not lines:
            self.instrument.left_out.append("telling whether a claim at a kink is a choice of branch")
        return bool(lines) and _wrong(one, lines, one_sign=one_sign), False

    def kink_alone(self, seen: Sequence[Seen]) -> bool:
        """Tell whether an entry that passes, the widest of one argument, moves a kink alone: then choices are right."""
        by_width = sorted(seen, key=lambda s: abs(s.ends[1] - s.ends[0]))
        widest = {s.names: s for s in by_width if s.kinky and s.entries == 1}
        for one in widest.values():
            if self.instrument.left(settling=True) < ALONE:
                return False
            if self.line(one.measured, 0).meets_one(one.output):
                return True
        return False


def _explained(one: Seen, lines: Sequence[_Slopes]) -> bool:
    """Tell whether jumps of the slope add up to so much that choices at the kinks can make this claim."""
    return one.beside <= _half(lines) + lines[0].room


def _wrong(one: Seen, lines: Sequence[_Slopes], *, one_sign: bool) -> bool:
    """Tell whether no choice of branch explains a claim outside of the interval, by the slopes along lines nearby."""
    low, high, room = min(one.ends), max(one.ends), lines[0].room
    whole = sum(len(line.values) >= BETWEEN for line in lines)
    if whole >= LINES and one.entries == 1 and one.beside > HIDDEN[whole - LINES] * _half(lines) + room:
        return True
    upward = 1.0 if one.ends[1] >= one.ends[0] else -1.0
    convex = all(bool(np.all(upward * np.diff(line.values) >= -room)) for line in lines)
    return one_sign and convex and one.beside > (0.5 + FAR_OUTSIDE) * (high - low) + room


def _half(lines: Sequence[_Slopes]) -> float:
    """Half of what the jumps of the slope along a line add up to, where they add up to most."""
    return max(float(np.sum(np.abs(np.diff(line.values)))) for line in lines) / 2.0
