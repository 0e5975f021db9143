"""The derivative of a black box along one direction, by the sharpest method that proves usable for each output."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff import complex_step, long_ladder
from gradcheck.numdiff.ladder import (
    COARSE_STEPS,
    CONFIRMING_STEPS,
    CONTRADICTED,
    COVERAGE,
    FEWEST_FOR_A_KINK,
    KINK_STEPS,
    NEAR_STEPS,
    NEAREST_STEPS,
    SENTINEL_STEP,
    run_down,
    step_down,
)
from gradcheck.numdiff.long_ladder import LongLadder, Together, put_back
from gradcheck.numdiff.records import Derivative, Mask, Vector, blocks, joint_norm, norm

WORTHWHILE = 1e-9  # a bar below this fraction of the largest derivative is not worth another pair of evaluations
REAL = "Richardson extrapolation"
A_FEW = 0.25  # of very many outputs, that are worth a ladder of their own
POOR = 1e-4  # an output whose bar is above this fraction of the typical derivative deserves smaller steps


@dataclass(frozen=True)
class Line:
    """A function seen along one direction: `along(h)` = f(x + h t) as a flat vector, None where f refuses the point.

    `carried(h)` is the same at the complex point x + i h t, or None where that is not to be tried. `base` = f(x),
    `noise` is f's rounding noise, `hidden` the part of it that a few ulps' change does not show; `smallest_step` is the
    smallest h at which x + h t still differs from x as it should.
    `close` says that all steps are so close to the point that two of them tell a kink.
    """

    along: Callable[[float], Vector | None]
    base: Vector
    noise: Vector
    carried: Callable[[float], NDArray[np.complex128] | None] | None = None
    carried_again: Callable[[float], NDArray[np.complex128] | None] | None = None
    smallest_step: float = 0.0
    hidden: Vector | None = None
    close: bool = False


class _Counted:
    """Counts evaluations, and keeps those that a second ladder would repeat."""

    def __init__(self) -> None:
        self.calls = 0
        self.kept: dict[float, Vector | None] = {}

    def count(self, along: Callable[[float], Vector | None]) -> Callable[[float], Vector | None]:
        def counted(step: float) -> Vector | None:
            if step in self.kept:
                return self.kept[step]
            self.calls += 1
            outputs = along(step)
            if abs(step) in CONFIRMING_STEPS:
                self.kept[step] = outputs
            return outputs

        return counted


def differentiate(line: Line, *, steps: tuple[float, ...] | None = None) -> Derivative:
    """Measure the derivative of every output along `line`, with an error bar each.

    The complex step is taken first where the function carries complex numbers; real differences on a ladder of steps
    confirm it or take its place. Without it the ladder starts at coarse steps. Outputs that are still poorly known
    (a kink nearby, a steep function) get the fine steps. With `steps` given the ladder is these alone.

    Cost: 1 or 2 complex evaluations and 6 real ones where the complex step is confirmed, 8 to 18 real ones elsewhere,
    and 4 or 8 more where some outputs are poorly known.
    """
    counted = _Counted()
    value, bar = _complex_value(line, counted)
    along, fewest = counted.count(line.along), 2 if line.close else FEWEST_FOR_A_KINK
    ladder = LongLadder(line.base, line.noise, fewest=fewest)
    run_down(along, _usable(steps or (COARSE_STEPS if value is None else CONFIRMING_STEPS), line), ladder)
    if steps is not None:
        found, broken = _joined(ladder, value, bar, counted, last=True)
        return _joined(ladder, None, None, counted)[0] if broken else found
    found, broken = _joined(ladder, value, bar, counted)
    if broken:
        value = bar = None  # some of many broken values agree with a difference to three digits, by chance
        ladder = LongLadder(line.base, line.noise)
        run_down(along, _usable(COARSE_STEPS, line), ladder)
        found, _ = _joined(ladder, value, bar, counted)
    counted.kept.clear()
    descent = _Descent(line, along, ladder, value, bar, counted)
    return among_many(descent, found) if line.base.size > long_ladder.REMEMBERED else _look_closer(descent, found)


@dataclass(frozen=True)
class _Descent:
    """A ladder on its way, and what it stands beside."""

    line: Line
    along: Callable[[float], Vector | None]
    ladder: LongLadder
    value: Vector | None
    bar: Vector | None
    counted: _Counted

    def joined(self) -> Derivative:
        """Join what was seen so far."""
        return _joined(self.ladder, self.value, self.bar, self.counted)[0]

    def sentinel(self, found: Derivative) -> tuple[Vector, Vector] | None:
        """Look once, much closer, where the ladder alone speaks for the outputs; None without need or where refused."""
        line = self.line
        if not line.smallest_step <= SENTINEL_STEP < self.ladder.step:
            return None
        if self.value is not None and not _doubtful(self.value, found):
            return None
        plus, minus = self.along(SENTINEL_STEP), self.along(-SENTINEL_STEP)
        return None if plus is None or minus is None else (plus, minus)

    def narrowed(self, chosen: NDArray[np.intp]) -> "_Descent":
        """Return the descent of some of very many outputs."""

        def along(step: float) -> Vector | None:
            outputs = self.along(step)
            return None if outputs is None else outputs[chosen]

        value, bar = (None if whole is None else whole[chosen] for whole in (self.value, self.bar))
        line = replace(self.line, base=self.line.base[chosen], noise=self.line.noise[chosen])
        return _Descent(line, along, self.ladder.narrowed(chosen), value, bar, self.counted)

    def finer(self, found: Derivative, size: float) -> Derivative:
        """Take the near steps, and the nearest, as long as some output is poorly known."""
        for closer in (NEAR_STEPS, NEAREST_STEPS):
            if any(np.any(poor) for poor in _poorly_known(found, self.line.noise, size)):
                ladder = self.ladder
                further = tuple(step for step in closer if not ladder.steps_taken or step < ladder.step)
                run_down(self.along, _usable(further, self.line), ladder)
                found = self.joined()
        return found


def _look_closer(descent: _Descent, found: Derivative) -> Derivative:
    """Take smaller steps where an output has a kink, or is doubtful or poorly known."""
    if found.kinky.any():
        _run_to_the_kinks(descent.along, descent.line, descent.ladder, found.kinky)
        found = descent.joined()
    elif (seen := descent.sentinel(found)) is not None:
        descent.ladder.challenge(SENTINEL_STEP, *seen)
        found = descent.joined()
    return descent.finer(found, _typical_size(found))


def among_many(descent: _Descent, found: Derivative) -> Derivative:
    """Take smaller steps with those of very many outputs that have a kink, or are doubtful or poorly known.

    The others are what they would be, but for what smaller steps taken for the sake of those might have shown.
    """
    line, size = descent.line, _typical_size(found)
    still_open = found.kinky | np.concatenate(list(_poorly_known(found, line.noise, size)))
    seen = None if found.kinky.any() else descent.sentinel(found)
    if seen is not None:
        still_open |= np.concatenate([_shaken(line, found, at, seen) for at in blocks(line.base.size)])
    chosen = np.flatnonzero(still_open)
    if chosen.size == 0:
        return found
    if chosen.size > A_FEW * line.base.size:
        if seen is None:
            return _look_closer(descent, found)
        descent.ladder.challenge(SENTINEL_STEP, *seen)
        return descent.finer(descent.joined(), size)
    part = descent.narrowed(chosen)
    if found.kinky.any():
        _run_to_the_kinks(part.along, part.line, part.ladder, found.kinky[chosen])
    elif seen is not None:
        part.ladder.challenge(SENTINEL_STEP, seen[0][chosen], seen[1][chosen])
    return put_back(found, part.finer(part.joined(), size), chosen)


def _shaken(line: Line, found: Derivative, at: slice, seen: tuple[Vector, Vector]) -> Mask:
    """Outputs that a look much closer may contradict, however well they are known."""
    plus, minus = seen[0][at], seen[1][at]
    with np.errstate(all="ignore"):
        noise = CONTRADICTED * COVERAGE * line.noise[at] / SENTINEL_STEP
        off = np.abs((plus - minus) / (2.0 * SENTINEL_STEP) - found.value[at])
        gap = np.abs((plus - line.base[at]) + (minus - line.base[at])) / SENTINEL_STEP
        shaken: Mask = (off > noise + CONTRADICTED * gap / 2.0) | (gap > noise)
    return shaken


def _run_to_the_kinks(along: Callable[[float], Vector | None], line: Line, ladder: LongLadder, kinky: Mask) -> None:
    """Look whether the kinks seen are at the point, or so close by that smaller steps are free of them.

    The first of the steps leaves out what is further away than 2^-24; two steps on the near side measure what has a
    kink at 2^-23, one more tells whether it is at the point.
    """
    for step in _usable(KINK_STEPS[:1], line):
        step_down(along, step, ladder)
    at_the_point = np.concatenate([part.kinky for _, part in ladder.parts()])
    rest = KINK_STEPS[1:] if np.any(kinky & ~at_the_point) else KINK_STEPS[-1:]
    for step in _usable(rest, line):
        step_down(along, step, ladder)


def _doubtful(value: Vector, found: Derivative) -> bool:
    return any(np.any(complex_step.refuted(value[at], found.part(at))) for at in blocks(value.size))


def _usable(steps: tuple[float, ...], line: Line) -> tuple[float, ...]:
    return tuple(step for step in steps if step >= line.smallest_step)


def _complex_value(line: Line, counted: _Counted) -> tuple[Vector | None, Vector | None]:
    if line.carried is None:
        return None, None
    counted.calls += 1
    value = complex_step.take_step(line.carried, line.base, line.noise)
    if value is None:
        return None, None
    again = None
    if line.carried_again is not None:
        counted.calls += 1
        outputs = line.carried_again(complex_step.STEP)
        again = outputs.imag / complex_step.STEP if outputs is not None and np.all(np.isfinite(outputs)) else None
    return value, complex_step.bar_of(value, again, line.noise, line.hidden)


def _joined(
    ladder: LongLadder, value: Vector | None, bar: Vector | None, counted: _Counted, *, last: bool = False
) -> tuple[Derivative, bool]:
    """Join the complex step and the real differences.

    Tells besides whether the real differences contradict the complex step for most outputs that respond. The `last`
    time the vectors of the complex step are overwritten.
    """
    size = ladder.base.size
    together = None
    responding = contradicted = 0
    for at, part in ladder.parts():
        found = real = part.derivative(REAL, counted.calls)
        if value is not None and bar is not None:
            told = (np.abs(real.value) > real.bar) & ~real.kinky
            refuted = complex_step.refuted(value[at], real)
            responding += int(np.count_nonzero(told))
            contradicted += int(np.count_nonzero(told & refuted))
            own = np.maximum(bar[at], complex_step.MOVED * part.curvature)
            found = complex_step.merge(value[at], own, real, broken=refuted, gapped=part.gapped, mixed=part.mixed)
        if found.value.size == size:
            return found, contradicted > 0.5 * responding
        if together is None:
            into = (value, bar) if last and value is not None and bar is not None else None
            together = Together(ladder.noise, into)
        together.add(at, found, part)
    assert together is not None
    return together.derivative(REAL, counted.calls), contradicted > 0.5 * responding


def _typical_size(found: Derivative) -> float:
    """Return the root mean square of the derivatives that were measured."""
    parts = (found.part(at) for at in blocks(found.value.size))
    sizes = (norm(np.where(np.isfinite(part.bar), part.value, 0.0)) for part in parts)
    return joint_norm(sizes) / float(np.sqrt(max(found.value.size, 1)))


def _poorly_known(found: Derivative, noise: Vector, size: float) -> Iterator[Mask]:
    """Yield, block by block, which outputs are known much worse than the typical derivative of this size.

    Smaller steps may help them.
    """
    for at in blocks(found.value.size):
        limit = np.maximum(POOR * np.abs(found.value[at]), WORTHWHILE * size)
        yield ~found.kinky[at] & (found.bar[at] > np.maximum(limit, 4.0 * noise[at] / COARSE_STEPS[-1]))
