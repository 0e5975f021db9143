"""The adjoint identity <cotangent, J tangent> = <J^T cotangent, tangent>, one probe at a time, in error bars.

The signs of a cotangent are drawn independently of the measurement, so that by Hoeffding's inequality the measured
side errs by more than t times the root sum of squares of its bars with probability at most 2 exp(-t^2 / 2).
"""

from dataclasses import dataclass

import numpy as np

from gradcheck.numdiff.records import (
    Derivative,
    Vector,
    blocks,
    joint_norm,
    norm,
    norm_of_product,
    norm_of_products,
    products,
)
from gradcheck.subject import Array

FALSE_ALARMS = 1e-9  # per check
COMPARISONS = 64  # at most so many are made in one check, further points included
THRESHOLD = float(np.sqrt(2.0 * np.log(2.0 * COMPARISONS / FALSE_ALARMS)))  # 7.2 bars

SUMMATION = 4.0  # a sum of K terms of random sign errs by about sqrt(K / 2) units of its own size, summed in order
CONDITION = 16.0  # a gradient is known no better than forward's noise allows; formulas through the output lose a digit
SMALLEST = float(np.finfo(np.float64).tiny)  # products below the smallest normal number lose their digits
SHARP_ANYWAY = 1e-8  # of a slope: nobody needs to tell errors smaller than this
UNSTABLE = 1e3  # beyond this many times what condition and dtype explain, the response of backward is instability


@dataclass(frozen=True)
class Slack:
    """What the claimed side may be off by for reasons of rounding.

    `unit` is the unit round-off of the claim's dtype, `terms` the most terms that one entry can be a sum of,
    `noise` forward's noise per output in that dtype. `first` is the claim for one cotangent, and `change` how it
    answered a change of its inputs by a few ulps and a scaling of its cotangent that is undone afterwards.
    `constants` is what a constant rounded to the lower precision that the layer was written for is off by, relatively,
    where it is judged in float64: a factor of 0.1 that forward rounds to float32 and backward does not is no fault
    in float32.
    """

    unit: float
    terms: int
    noise: Vector
    first: Array | None = None
    change: Array | None = None
    constants: float = 0.0

    @property
    def relative_rounding(self) -> float:
        """What a claim may be off by, relative to its size, for its own sums and the layer's constants."""
        return float(np.hypot(SUMMATION * self.unit * np.sqrt(max(self.terms, 1)), self.constants))

    @property
    def relative_response(self) -> float:
        """The size of the change beside the claim's own."""
        if self.first is None or self.change is None or norm(self.first) == 0:
            return 0.0
        return norm(self.change) / norm(self.first)

    def response_along(self, tangent: Array, reach: float) -> float:
        """Return the measured rounding of a claim of this size along `tangent`."""
        if self.first is None or self.change is None or self.first.shape != tangent.shape:
            return self.relative_response * reach
        own = norm_of_products(tangent, self.first)
        return norm_of_products(tangent, self.change) * (reach / own if own > 0 else 1.0)


@dataclass(frozen=True)
class Comparison:
    """One probe of one argument: both sides of the identity, and how far apart they are.

    `reach` is the size of the claim along the tangent, `shown` that of the measured derivative; a claim of at most
    `negligible` has slopes below a unit of rounding. `unstable` says that backward answered a change of a few ulps
    by far more than condition and dtype explain, of which the bar takes no notice. `outputs` is how many outputs were
    weighed, and `length` that of the direction, which tells it from others.
    """

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
    negligible: float = 0.0
    unstable: bool = False
    outputs: int = 0
    length: float = 0.0

    @property
    def discrepancy(self) -> float:
        """|claimed - measured|."""
        return abs(self.claimed - self.measured)

    @property
    def bars(self) -> float:
        """The discrepancy in error bars."""
        if self.discrepancy == 0.0:
            return 0.0
        if np.isnan(self.discrepancy) or not self.bar > 0:
            return float("inf")
        return self.discrepancy / self.bar


def stands_out(comparison: Comparison) -> bool:
    """Tell a discrepancy from agreement, and from one so small that only rounding unlike the given point's makes it.

    Values drawn far from the caller's can be as ill-conditioned as exp(A) for entries of 64.
    """
    size = max(comparison.reach, comparison.shown)
    return comparison.bars > THRESHOLD and comparison.discrepancy > SHARP_ANYWAY * size


def inner(a: Array, b: Array) -> float:
    """Return the sum of the products of the entries, with pairwise summation."""
    one, other = a.reshape(-1), b.reshape(-1)
    return float(np.sum([np.sum(one[at].astype(np.float64, copy=False) * other[at]) for at in blocks(one.size)]))


def _proven(derivative: Derivative, at: slice) -> Vector:
    """Return the bars to judge by: no sharper than the real differences confirm, where these are sharp anyway."""
    bar = derivative.bar[at]
    if derivative.proven is None:
        return bar
    proven = derivative.proven[at]
    sharp = proven <= SHARP_ANYWAY * np.abs(derivative.value[at])
    return np.where(sharp, np.maximum(bar, proven), bar)


def _measured_side(cotangent: Vector, derivative: Derivative) -> tuple[float, float, float]:
    """Return the sum that is measured, its bar, and the size of its terms; outputs of no weight do not count."""
    terms, bars, sizes = [], [], []
    for at in blocks(cotangent.size):
        weights = cotangent[at]
        term = products(weights, derivative.value[at])
        terms.append(float(np.sum(term)))
        sizes.append(norm(term))
        bars.append(norm_of_product(weights, _proven(derivative, at)))
    return float(np.sum(terms)), joint_norm(bars), joint_norm(sizes)


def _claimed_side(gradient: Array, tangent: Array) -> tuple[float, float]:
    """Return the sum that is claimed, and the size of its terms."""
    terms, sizes = [], []
    claim, along = gradient.reshape(-1), tangent.reshape(-1)
    for at in blocks(claim.size):
        term = claim[at] * along[at]
        terms.append(float(np.sum(term)))
        sizes.append(norm_of_product(claim[at], along[at]))
    return float(np.sum(terms)), joint_norm(sizes)


def compare(
    name: str,
    gradient: Array,
    tangent: Array,
    derivative: Derivative,
    *,
    cotangent: Vector,
    slack: Slack,
    place: str,
    kind: str,
) -> Comparison:
    """Hold a claimed gradient against the measured derivative along `tangent`, for one cotangent.

    The bar joins the measurement's bars, the rounding of the claim's own sums, its measured response to rounding of
    its inputs, what forward's noise leaves undetermined, and the rounding of a low-precision layer's constants. Each
    entry may be off by that much; the tangent's signs are drawn independently of that, so that what was said
    of the cotangent's holds of them.
    """
    measured, measured_bar, shown = _measured_side(cotangent, derivative)
    claimed, reach = _claimed_side(gradient, tangent)
    condition = CONDITION * norm_of_products(cotangent, slack.noise)
    rounding = slack.relative_rounding * reach
    answered = slack.response_along(tangent, reach)
    response = min(answered, UNSTABLE * (condition + rounding))
    length = norm(tangent)
    underflow = SMALLEST * float(np.sqrt(gradient.size + cotangent.size))
    return Comparison(
        argument=name,
        place=place,
        kind=kind,
        claimed=claimed,
        measured=measured,
        measured_bar=measured_bar,
        bar=float(np.hypot(np.hypot(measured_bar, rounding), np.hypot(condition, response))) + underflow,
        reach=reach,
        entries=max(int(np.count_nonzero(tangent)), 1),
        shown=shown,
        method=derivative.method,
        negligible=slack.unit * norm(cotangent) * length,
        unstable=answered > response > 0,
        outputs=int(np.count_nonzero(cotangent)),
        length=length,
    )
