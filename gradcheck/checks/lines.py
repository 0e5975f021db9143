"""Lines that run close by a place: the kinks that meet there are met one after another along them.

A function with kinks at a place has, at points close by, its branches one by one. Along a line in the direction t that
passes the place at a small distance the slope begins as the one-sided derivative along -t and ends as that along t; in
between it jumps where the line crosses a kink. Of a convex function it never falls, of a concave one it never rises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, line_along
from gradcheck.checks.probes import Measured
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.records import Mask, Vector
from gradcheck.numdiff.tangents import natural_scale

NEARBY = 2.0**-18  # of the natural scale: four times the step of the one-sided derivatives, so that both meet the same
COARSE_NEARBY = 2.0**-12  # for a forward that works in float32 or float16
BETWEEN, FEWEST = 16, 8  # places, all as likely, in which a line may meet a kink; fewer where calls are few
FAR = 2.0**3  # times the distance: a kink lies beyond with probability 2 / (8 pi), or 8 %
BESIDE = 2.0**-4  # of the distance, on both sides of where a kink must be: of several with mixed jumps none are there
SAME_POINT = 2.0**-20  # of the distance: rounding alone tells points closer than that from each other
MOST_CURVED = 2.0**4  # times its slope and scale: what curves more is taken for several kinks, which accuses nobody


def evenly(places: int) -> tuple[float, ...]:
    """Return points between any two of which a line meets a kink with the same probability.

    It does so at a quotient of two numbers of random sign, which is distributed as a tangent where both are normal.
    """
    return tuple(float(step) for step in np.tan(np.pi * (np.arange(1, places) / places - 0.5)))


# Steps beside a line's nearest point, in units of the distance, among those of evenly(8) and evenly(16). Several kinks
# along a random direction show best over the inner one, those of a single entry over the outer one.
INNER, OUTER = float(np.tan(np.pi / 8)), float(np.tan(5 * np.pi / 16))
ALONE, BRIEF, STRAIGHT = 6, 4, 2  # calls of forward: one kink told from several, the same less well, and none
WHOLE = ALONE + FEWEST - 1  # and what, where there are several, their slopes take at least


@dataclass
class LineNearby:
    """Forward along a line close by, `distance` away (of the natural scale), in the direction of `measured`."""

    measured: Measured
    along: Callable[[float], Vector | None]
    distance: float
    noise: Vector
    seen: dict[float, Vector | None] = field(default_factory=dict)

    def _at(self, step: float) -> Vector | None:
        """Evaluate forward at a step; one seen next to it serves: between the two nothing but noise would show."""
        seen = next((known for known in self.seen if abs(known - step) <= SAME_POINT * self.distance), step)
        if seen not in self.seen:
            self.seen[seen] = self.along(seen)
        return self.seen[seen]

    def look_at(self, points: Sequence[float]) -> None:
        """Evaluate these points, in units of the distance, where they were not."""
        for point in points:
            self._at(self.distance * point)

    def look_far_out(self) -> None:
        """Evaluate the points far out, where they were not (2 calls)."""
        for step in (-FAR * self.distance, FAR * self.distance):
            self._at(step)

    def slopes(self, points: Sequence[float]) -> NDArray[np.float64] | None:
        """Return the slopes of all outputs from one end to the other, or None where forward refuses a point.

        They are the one-sided derivative, the quotients between neighbours among these `points` and those far out that
        were evaluated before, and the other one-sided derivative. Shape (number of points + 1, outputs).
        """
        steps = self._steps(points)
        values = [value for step in steps if (value := self._at(step)) is not None]
        if len(values) < len(steps):
            return None
        d = self.measured.derivative
        with np.errstate(all="ignore"):
            between = np.diff(np.stack(values), axis=0) / np.diff(steps)[:, None]
        slopes: NDArray[np.float64] = np.concatenate([d.left[None], between, d.right[None]])
        return slopes

    def rise_and_fall(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Outputs whose slopes rise somewhere along the line, and those whose slopes fall, as far as it was evaluated.

        All outputs do both where forward refused a point.
        """
        d, steps = self.measured.derivative, sorted(self.seen)
        values = [value for step in steps if (value := self.seen[step]) is not None]
        if len(values) < len(steps):
            everywhere = np.ones(self.noise.shape, dtype=bool)
            return everywhere, everywhere
        rise, fall = np.zeros(self.noise.shape, dtype=bool), np.zeros(self.noise.shape, dtype=bool)
        steepest = np.maximum(np.abs(d.left), np.abs(d.right))
        before, blurred = d.left, THRESHOLD * d.bar
        for i in range(len(steps)):
            last = i + 1 == len(steps)
            wide = np.inf if last else steps[i + 1] - steps[i]
            with np.errstate(all="ignore"):
                after = d.right if last else (values[i + 1] - values[i]) / wide
                blur = THRESHOLD * d.bar if last else 2.0 * COVERAGE * self.noise / wide
                room = blurred + blur + MOST_CURVED * (steps[-1] - steps[0]) * steepest
                rise |= after - before > room
                fall |= before - after > room
            before, blurred = after, blur
        return rise, fall

    def _steps(self, points: Sequence[float]) -> list[float]:
        far = FAR * self.distance
        return sorted([*(self.distance * point for point in points), *({-far, far} & set(self.seen))])

    def room(self, points: Sequence[float]) -> Vector:
        """How far slopes of a function without kinks may stand apart: by noise, by the ends' bars, and as it curves."""
        d, steps = self.measured.derivative, self._steps(points)
        noise = 2.0 * COVERAGE * self.noise / float(min(np.diff(steps)))
        steepest = np.maximum(np.abs(d.left), np.abs(d.right))
        room: Vector = noise + THRESHOLD * d.bar + MOST_CURVED * (steps[-1] - steps[0]) * steepest
        return room

    def straight(self, reach: float) -> Mask:
        """Outputs whose slope over a step so long to both sides, in units of the distance, is the place's (2 calls)."""
        d, step = self.measured.derivative, reach * self.distance
        before, after = self._at(-step), self._at(step)
        if before is None or after is None:
            return np.zeros(self.noise.shape, dtype=bool)
        with np.errstate(all="ignore"):
            gap = np.abs(after - before - step * (d.left + d.right))
            straight: Mask = np.isfinite(d.bar) & ~d.kinky & (gap <= self._room_over(step))
        return straight

    def meets_one(self, output: int, *, brief: bool = False) -> bool:
        """Tell whether one output meets one kink along the line (6 calls, 4 where `brief`), or none where it has none.

        From far out on both sides the slopes are known, and the two lines of a single kink meet where it is. Several
        kinks with the jumps v_j at s_j are, from far out, one at sum(v_j s_j) / sum(v_j). Between there and where they
        are the values are others than those of one kink; so they are on one side of that place, or, where that lies
        between the kinks, in it. Of an odd function, as a median is, nothing shows far out; there the slope over a
        shorter step than the line is far away is another. A `brief` look is at that alone.
        """
        d, far = self.measured.derivative, FAR * self.distance
        left, right = float(d.left[output]), float(d.right[output])
        if not d.kinky[output]:
            return bool(self.straight(INNER)[output])
        before, after = self._at(-far), self._at(far)
        if before is None or after is None:
            return False
        a, b = float(before[output]), float(after[output])
        room = float(self._room_over(far)[output])
        if abs(left - right) * BESIDE * self.distance <= 2.0 * room:
            return False  # where such a kink lies is not known well enough to tell on which of its sides a value is
        at = (b - a - far * (left + right)) / (left - right)
        if abs(at) >= far - room / abs(left - right):
            # It lies further out: of several none would lie just there.
            return abs(at) <= far + room / abs(left - right) and self._is_straight(output, left if at > 0 else right)
        aside, corner = BESIDE * self.distance, a + left * (at + far)
        inner = (-INNER * self.distance, INNER * self.distance)
        for step in inner if brief else (at - aside, at + aside, *inner):
            there, expected = self._at(step), corner + (left if step < at else right) * (step - at)
            if there is None or abs(float(there[output]) - expected) > room:
                return False
        return True

    def _is_straight(self, output: int, slope: float) -> bool:
        """Tell whether four points, two of them far out, lie on one line with this slope."""
        first = -FAR * self.distance
        start = self._at(first)
        for step in (-INNER * self.distance, INNER * self.distance, -first):
            there = None if start is None else self._at(step)
            if start is None or there is None:
                return False
            gap = float(there[output]) - float(start[output]) - (step - first) * slope
            if abs(gap) > float(self._room_over(-first)[output]):
                return False
        return True

    def _room_over(self, step: float) -> Vector:
        """How far values may be from where one kink or none puts them, as noise, the ends' bars and curving go."""
        d = self.measured.derivative
        curved = MOST_CURVED * step**2 * np.maximum(np.abs(d.left), np.abs(d.right))
        room: Vector = 4.0 * COVERAGE * self.noise + 2.0 * step * d.bar + curved
        return room


def line_nearby(instrument: Instrument, place: Place, measured: Measured, rng: np.random.Generator) -> LineNearby:
    """Draw a line close by, in the direction measured."""
    distance = NEARBY if place.work == np.float64 else COARSE_NEARBY
    moved = dict(place.wide)
    for name in instrument.subject.wrt:
        x = place.wide[name]
        moved[name] = (x + distance * rng.standard_normal(x.shape) * natural_scale(x)).astype(x.dtype)
    there = replace(place, wide=moved, looked=None)
    return LineNearby(measured, line_along(instrument, there, dict(measured.tangents)).along, distance, place.noise)
