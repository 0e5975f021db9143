"""The adjoint identity <cotangent, J tangent> = <J^T cotangent, tangent>, one probe at a time, in error bars.

The signs of a cotangent are drawn independently of the measurement, so that by Hoeffding's inequality the measured
side errs by more than t times the root sum of squares of its bars with probability at most 2 exp(-t^2 / 2).
"""

from dataclasses import dataclass

import numpy as np

from gradcheck.numdiff.records import Derivative, Vector
from gradcheck.subject import Array

FALSE_ALARMS = 1e-9  # per check
COMPARISONS = 64  # at most so many are made in one check, further points included
THRESHOLD = float(np.sqrt(2.0 * np.log(2.0 * COMPARISONS / FALSE_ALARMS)))  # 7.2 bars

SUMMATION = 4.0  # a sum of K terms of random sign errs by about sqrt(K / 2) units of its own size, summed in order
CONDITION = 16.0  # a gradient is known no better than forward's noise allows; formulas through the output lose a digit
UNSTABLE = 1e3  # beyond this many times what condition and dtype explain, the response of backward is instability


@dataclass(frozen=True)
class Slack:
    """What the claimed side may be off by for reasons of rounding.

    `unit` is the unit round-off of the claim's dtype, `terms` the most terms that one entry can be a sum of,
    `noise` forward's noise per output in that dtype, `response` the measured relative response of backward to a
    change of its inputs by a few ulps.
    """

    unit: float
    terms: int
    noise: Vector
    response: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """One probe of one argument: both sides of the identity, and how far apart they are."""

    argument: str
    place: str
    kind: str
    claimed: float
    measured: float
    measured_bar: float
    bar: float
    reach: float
    entries: int
    shown: float
    method: str

    @property
    def discrepancy(self) -> float:
        """|claimed - measured|."""
        return abs(self.claimed - self.measured)

    @property
    def bars(self) -> float:
        """The discrepancy in error bars."""
        if self.discrepancy == 0.0:
            return 0.0
        return self.discrepancy / self.bar if self.bar > 0 else float("inf")


def inner(a: Array, b: Array) -> float:
    """Return the sum of the products of the entries, with pairwise summation."""
    return float(np.sum(np.asarray(a, dtype=np.float64) * b))


def norm(a: Array) -> float:
    """Return the root sum of squares, scaled so that tiny and huge entries neither vanish nor overflow."""
    size = np.abs(np.asarray(a, dtype=np.float64))
    largest = float(size.max()) if size.size else 0.0
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((size / largest) ** 2)))


def compare(
    name: str,
    gradient: Array,
    tangent: Array,
    derivative: Derivative,
    cotangent: Vector,
    slack: Slack,
    *,
    place: str,
    kind: str,
) -> Comparison:
    """Hold a claimed gradient against the measured derivative along `tangent`, for one cotangent.

    The bar joins the measurement's bars, the rounding of the claim's own sums, its measured response to rounding of
    its inputs, and what forward's noise leaves undetermined.
    """
    used = cotangent != 0
    values = np.where(used, derivative.value, 0.0)
    measured_bar = norm(cotangent[used] * derivative.bar[used])
    products = norm(gradient * tangent)
    condition = CONDITION * norm(cotangent[used] * slack.noise[used])
    rounding = SUMMATION * slack.unit * np.sqrt(max(slack.terms, 1)) * products
    response = min(slack.response * products, UNSTABLE * (condition + rounding))
    shown = norm(cotangent * values)
    return Comparison(
        argument=name,
        place=place,
        kind=kind,
        claimed=inner(gradient, tangent),
        measured=inner(cotangent, values),
        measured_bar=measured_bar,
        bar=float(np.hypot(np.hypot(measured_bar, rounding), np.hypot(condition, response))),
        reach=products,
        entries=max(int(np.count_nonzero(tangent)), 1),
        shown=shown,
        method=derivative.method,
    )
