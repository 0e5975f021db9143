"""Two answers of backward for one argument held against each other, in bars of what rounding explains.

Both are claims, so nothing is measured here: they may differ by the rounding of their own sums, by their response to
rounding of the inputs, and by what forward's noise leaves undetermined, the same three terms with which a claim is
held against a measurement (`comparison.compare`). Norms weigh each entry by the natural scale of its argument.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.checks.comparison import CONDITION, SUMMATION, UNSTABLE, Slack
from gradcheck.checks.instrument import usable_gradient
from gradcheck.numdiff.records import Vector, norm
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array

INFINITE = float("inf")


def shape_of(claim: Any) -> tuple[int, ...]:
    """Return the shape of what backward returned, whatever it is; of rows that differ in length the outer one."""
    try:
        return np.asarray(claim).shape
    except ValueError:
        return (len(claim),)


@dataclass(frozen=True)
class Difference:
    """How far apart two answers are for one argument: in its own size, and in bars; `shape` where it is another one."""

    argument: str
    relative: float
    bars: float
    size: float = INFINITE
    shape: tuple[int, ...] | None = None

    @property
    def words(self) -> str:
        """What is wrong with the answer, as the end of a sentence about it."""
        if self.shape is not None:
            return f"has the shape {self.shape}"
        if not np.isfinite(self.size):
            return "is not finite"
        return f"is off by {self.relative:.3g} of its size" if np.isfinite(self.relative) else "is not zero"


@dataclass(frozen=True)
class Yardstick:
    """What two answers for the argument `name` may differ by; `like` is its value, `cotangent` what both answer to."""

    name: str
    like: Array
    slack: Slack
    cotangent: Vector

    @cached_property
    def scale(self) -> Array:
        """The natural scale of each entry."""
        return natural_scale(self.like)

    @cached_property
    def condition(self) -> float:
        """What forward's noise leaves undetermined."""
        known = np.isfinite(self.slack.noise)
        return CONDITION * norm(self.cotangent[known] * self.slack.noise[known])

    def size(self, gradient: Array) -> float:
        """Return the norm of a gradient, weighed by the scale: of each entry, or of a typical one for other shapes."""
        with np.errstate(over="ignore", invalid="ignore"):
            if gradient.shape == self.scale.shape:
                return norm(gradient * self.scale)
            typical = float(np.sqrt(np.mean(self.scale**2))) if self.scale.size else 1.0
            return norm(gradient) * typical

    def between(
        self,
        claim: Any,
        right: Array,
        beside: Sequence[Array] = (),
        *,
        factor: float = 1.0,
        response: float | None = None,
    ) -> Difference | None:
        """Return how far a claim is from the right answer, or None where they are equal.

        `beside` are gradients that the right answer was computed from, whose rounding counts too; `factor` how much
        larger than `cotangent` the claim's is; `response` replaces the one measured at the given point.
        """
        seen = usable_gradient(claim, right, copy=False)
        if seen is None:
            return Difference(self.name, INFINITE, INFINITE, shape=shape_of(claim))
        if np.array_equal(seen, right):
            return None
        reach = max(self.size(gradient) for gradient in (right, *beside))
        apart = self.size(seen - right) if np.all(np.isfinite(seen)) else INFINITE
        bar = self._bar(reach, claim, right, factor=factor, response=response)
        bars = apart / bar if bar > 0 else INFINITE
        return Difference(self.name, apart / reach if reach > 0 else INFINITE, bars, apart)

    def _bar(self, reach: float, claim: Any, right: Array, *, factor: float, response: float | None) -> float:
        terms = float(np.sqrt(max(self.slack.terms, 1)))
        rounding = terms * SUMMATION * self._unit(claim) * reach
        condition = self.condition * factor
        # Sums in another order change intermediate values by more than the few ulps that the response is measured for.
        if response is None:
            answered = min(terms * self.slack.relative_response * reach, UNSTABLE * (rounding + condition))
        else:
            answered = terms * response * reach
        least = terms * self.size(np.full(right.shape, float(np.finfo(self.like.dtype).tiny)))
        return float(np.hypot(np.hypot(rounding, condition), answered)) + least

    def _unit(self, claim: Any) -> float:
        """Return the unit round-off of a claim; one in a shorter dtype (which is told elsewhere) has that dtype's.

        Where a layer of lower precision is judged in float64 it may still round to that: its buffers, or grad_output.
        """
        dtype = np.asarray(claim).dtype
        own = float(np.finfo(dtype).eps) / 2.0 if np.issubdtype(dtype, np.floating) else 0.0
        return max(self.slack.unit, own, self.slack.constants)
