"""What a measurement along a direction returns."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rung:
    """One step of a ladder, summed over the outputs: the two parts of the bar, as root sums of squares."""

    step: float
    truncation_error: float
    roundoff_error: float


@dataclass(frozen=True)
class Derivative:
    """J·tangent, measured: one value and one error bar an output entry.

    `left` and `right` are the one-sided derivatives; they differ from `value` where `kinky` is set: there the
    function has a kink at the point itself, or closer to it than any usable step. `bar` is finite where the output
    could be measured at all, `inf` elsewhere. `noise` is the rounding noise of the function itself. `method` names
    what most of the entries were measured by; `carried` says that the function carries complex numbers.
    """

    value: Vector
    bar: Vector
    left: Vector
    right: Vector
    kinky: Mask
    noise: Vector
    method: str
    evaluations: int
    step: float = 0.0
    carried: bool = False
    rungs: tuple[Rung, ...] = field(default=())

    @property
    def measured(self) -> Mask:
        """Where a finite bar was found."""
        return np.isfinite(self.bar)
