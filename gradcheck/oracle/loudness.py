"""What a mistake of a smooth layer is, and how much it costs: the record, and the measure in ulps."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.oracle.case import Array
from gradcheck.oracle.mistakes import Mistake, Results, Scene

LOUD = 1024  # ulps of float64: of 53 bits, ten are wrong
EVERY_CASE = "*"


class Named(Protocol):
    """A case, or the plan of one."""

    @property
    def name(self) -> str:
        """The case's name."""

    @property
    def operation(self) -> str:
        """What it computes."""


@dataclass(frozen=True)
class SmoothEntry:
    """A row of the table: the flag, the operation, the mistake, and the cases that it fails.

    A mistake is tried in float64. It must cost more than `LOUD` ulps in the cases whose labels (what follows the
    slash of their names) are listed, and in no others; what is listed is what the suite holds, since the last digits
    of a wrong formula depend on the machine.
    """

    flag: str
    operation: str
    mistake: Mistake
    labels: str

    def is_carried_by(self, case: Named) -> bool:
        """Tell whether a case is listed."""
        label = case.name.split("/")[1]
        return case.operation == self.operation and (self.labels == EVERY_CASE or label in self.labels.split())


def loss_in_ulps(scene: Scene, mistake: Mistake) -> float:
    """Return the largest error of what a mistake changes, in ulps of the right numbers.

    It is infinite for what is not finite, and for an implementation that ends in an exception.
    """
    try:
        with np.errstate(all="ignore"):
            results = mistake(scene)
    except (GradcheckError, ValueError, IndexError):
        return np.inf  # a shape that does not fit
    losses = [0.0]
    for name, result in results.items():
        right = scene.vector.output if name == "output" else scene.vector.gradients[name]
        if np.shape(result) != right.shape:
            return np.inf
        losses.append(float(np.max(ulps(np.asarray(result), right), initial=0.0)))
    return max(losses)


def ulps(result: Array, right: Array) -> Array:
    """Return |result - right| in ulps of `right`; 0 for equal infinities, infinite for other results not finite."""
    with np.errstate(all="ignore"):
        distance = np.abs(result - right) / np.spacing(np.abs(right))
        return np.where(result == right, 0.0, np.where(np.isfinite(distance), distance, np.inf))


def subnormals_flushed(scene: Scene) -> Results:
    """Take every result below the smallest normal number for 0, as a processor in flush-to-zero mode does."""
    tiny = np.finfo(float).tiny
    right = {"output": scene.vector.output, **scene.vector.gradients}
    return {name: np.where(np.abs(values) < tiny, 0, values) for name, values in right.items()}
