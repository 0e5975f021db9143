"""The derivative of a black box along one direction, by the sharpest method that proves usable for each output."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff import complex_step
from gradcheck.numdiff.ladder import (
    COARSE_STEPS,
    CONFIRMING_STEPS,
    FEWEST_FOR_A_KINK,
    KINK_STEPS,
    NEAR_STEPS,
    NEAREST_STEPS,
    SENTINEL_STEP,
    run_down,
    step_down,
)
from gradcheck.numdiff.long_ladder import LongLadder, Together
from gradcheck.numdiff.records import Derivative, Mask, Vector, blocks, joint_norm, norm

WORTHWHILE = 1e-9  # a bar below this fraction of the largest derivative is not worth another pair of evaluations
REAL = "Richardson extrapolation"
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
        return _joined(ladder, value, bar, counted, last=True)[0]
    found, broken = _joined(ladder, value, bar, counted)
    if broken:
        ladder = LongLadder(line.base, line.noise)
        run_down(along, _usable(COARSE_STEPS, line), ladder)
        found, _ = _joined(ladder, value, bar, counted)
    counted.kept.clear()
    if found.kinky.any():
        _run_to_the_kinks(along, line, ladder, found.kinky)
        found, _ = _joined(ladder, value, bar, counted)
    elif line.smallest_step <= SENTINEL_STEP < ladder.step and (value is None or _doubtful(value, found)):
        plus, minus = along(SENTINEL_STEP), along(-SENTINEL_STEP)
        if plus is not None and minus is not None:
            ladder.challenge(SENTINEL_STEP, plus, minus)
        found, _ = _joined(ladder, value, bar, counted)
    for closer in (NEAR_STEPS, NEAREST_STEPS):
        if _unsatisfactory(found, line.noise):
            further = tuple(step for step in closer if not ladder.steps_taken or step < ladder.step)
            run_down(along, _usable(further, line), ladder)
            found, _ = _joined(ladder, value, bar, counted)
    return found


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
            found = complex_step.merge(value[at], own, real, broken=refuted)
        if found.value.size == size:
            return found, contradicted > 0.5 * responding
        if together is None:
            into = (value, bar) if last and value is not None and bar is not None else None
            together = Together(ladder.noise, into)
        together.add(at, found, part)
    assert together is not None
    return together.derivative(REAL, counted.calls, carried=value is not None), contradicted > 0.5 * responding


def _unsatisfactory(found: Derivative, noise: Vector) -> bool:
    """Tell whether some output is known much worse than the typical derivative, so that smaller steps may help."""
    if found.value.size == 0:
        return False
    parts = [(at, found.part(at)) for at in blocks(found.value.size)]
    sizes = (norm(np.where(np.isfinite(part.bar), part.value, 0.0)) for _, part in parts)
    size = joint_norm(sizes) / float(np.sqrt(found.value.size))
    return any(_poorly_known(part, noise[at], size) for at, part in parts)


def _poorly_known(found: Derivative, noise: Vector, size: float) -> bool:
    limit = np.maximum(POOR * np.abs(found.value), WORTHWHILE * size)
    return bool(np.any(~found.kinky & (found.bar > np.maximum(limit, 4.0 * noise / COARSE_STEPS[-1]))))
