"""How small an error of a gradient a few comparisons would have seen."""

from collections.abc import Sequence

import numpy as np

from gradcheck.checks.comparison import THRESHOLD, Comparison

ENOUGH = 1e-2  # AGREES needs the resolution of the whole gradient to be 1 % or better
SHARP = 1e-6  # of a slope: a ten-thousandth of what an agreement promises
MISSED = 1e-3  # the resolution is what would have been seen with probability 99.9 %
SMALLEST_MAGNITUDE = 0.5  # of a tangent's or cotangent's entry


def resolution(comparisons: Sequence[Comparison]) -> tuple[float, float]:
    """Return the smallest relative error of the whole gradient, and of one typical entry, that would have been seen.

    An error of the whole gradient in an unknown direction contributes a nearly normal number Z times its size to each
    of k probes; all k are missed with probability (0.8 z)^k where |Z| < z, so that z = 0.001^(1/k) / 0.8 holds 99.9 %.
    Of probes with bars of different sizes the sharpest k count, for the k that gives the best figure. A single entry
    is never cancelled: its tangent is at least half its scale. Of a single output a second cotangent asks nothing new.
    """
    told = [c for c in comparisons if max(c.reach, c.shown) > 0]
    if not told:
        return float("inf"), float("inf")
    told.sort(key=lambda c: c.bar / max(c.reach, c.shown))
    asked = {("one", c.length) if c.outputs == 1 else ("many", i): c for i, c in reversed([*enumerate(told)])}
    shares = sorted(c.bar / max(c.reach, c.shown) for c in asked.values())
    entries = told[0].entries
    whole = min(THRESHOLD * share / _quantile(k, entries) for k, share in enumerate(shares, start=1))
    single = THRESHOLD * shares[0] * float(np.sqrt(entries)) / SMALLEST_MAGNITUDE
    return whole, single


def _quantile(probes: int, entries: int) -> float:
    return SMALLEST_MAGNITUDE if entries == 1 else min(float(MISSED ** (1.0 / probes)) / 0.8, 1.0)
