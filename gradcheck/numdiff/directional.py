"""The derivative of a black box along one direction, by the sharpest method that proves usable for each output."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff import complex_step
from gradcheck.numdiff.ladder import (
    COARSE_STEPS,
    CONFIRMING_STEPS,
    FEWEST_FOR_A_KINK,
    NEAR_STEPS,
    NEAREST_STEPS,
    SENTINEL_STEP,
    Ladder,
    run_ladder,
)
from gradcheck.numdiff.records import Derivative, Vector, root_mean_square

WORTHWHILE = 1e-9  # a bar below this fraction of the largest derivative is not worth another pair of evaluations
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
    def __init__(self) -> None:
        self.calls = 0

    def count(self, along: Callable[[float], Vector | None]) -> Callable[[float], Vector | None]:
        def counted(step: float) -> Vector | None:
            self.calls += 1
            return along(step)

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
    wanted = steps or (COARSE_STEPS if value is None else CONFIRMING_STEPS)
    ladder = Ladder(line.base, line.noise, fewest=2 if line.close else FEWEST_FOR_A_KINK)
    run_ladder(counted.count(line.along), line.base, line.noise, _usable(wanted, line), ladder=ladder)
    if value is not None and steps is None and _broken(value, ladder):
        ladder = run_ladder(counted.count(line.along), line.base, line.noise, _usable(COARSE_STEPS, line))
    found = _joined(ladder, value, bar, counted)
    doubtful = value is None or bool(np.any(complex_step.refuted(value, found)))
    if doubtful and steps is None and line.smallest_step <= SENTINEL_STEP < ladder.step:
        along = counted.count(line.along)
        plus, minus = along(SENTINEL_STEP), along(-SENTINEL_STEP)
        if plus is not None and minus is not None:
            ladder.challenge(SENTINEL_STEP, plus, minus)
    found = _joined(ladder, value, bar, counted)
    for closer in (NEAR_STEPS, NEAREST_STEPS):
        if steps is None and _unsatisfactory(found, line.noise):
            further = tuple(step for step in closer if not ladder.steps_taken or step < ladder.step)
            run_ladder(counted.count(line.along), line.base, line.noise, _usable(further, line), ladder=ladder)
            found = _joined(ladder, value, bar, counted)
    return found


def _broken(value: Vector, ladder: Ladder) -> bool:
    """Tell whether the real differences contradict the complex step for most outputs that respond."""
    real = ladder.derivative("", 0)
    told = (np.abs(real.value) > real.bar) & ~real.kinky
    return bool(told.any() and np.mean(complex_step.refuted(value, real)[told]) > 0.5)


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


def _joined(ladder: Ladder, value: Vector | None, bar: Vector | None, counted: _Counted) -> Derivative:
    real = ladder.derivative("Richardson extrapolation", counted.calls)
    if value is None or bar is None:
        return real
    bar = np.maximum(bar, complex_step.MOVED * ladder.curvature)
    return replace(complex_step.merge(value, bar, real), evaluations=counted.calls)


def _unsatisfactory(found: Derivative, noise: Vector) -> bool:
    """Tell whether some output is known much worse than the typical derivative, so that smaller steps may help."""
    if found.value.size == 0:
        return False
    size = root_mean_square(np.where(np.isfinite(found.bar), found.value, 0.0))
    limit = np.maximum(POOR * np.abs(found.value), WORTHWHILE * size)
    return bool(np.any(found.kinky | (found.bar > np.maximum(limit, 4.0 * noise / COARSE_STEPS[-1]))))
