"""Sums with most entries at their kinks: a claim may lie within the interval however wrong it is for the others."""

from collections import Counter

import numpy as np
import pytest

from gradcheck import Verdict, check

SUMS = {
    "relu": (lambda w: np.maximum(w, 0).sum(), lambda w: (w > 0) * 1.0),
    "square of relu": (
        lambda w: np.maximum(w, 0).mean() ** 2,
        lambda w: 2 * np.maximum(w, 0).mean() * (w > 0) / w.size,
    ),
    "absolute value": (lambda w: np.abs(w).sum(), np.sign),
}


def sparse(seed, size=20, nonzero=4):
    rng = np.random.default_rng(seed)
    w = np.zeros(size)
    w[rng.permutation(size)[:nonzero]] = rng.uniform(0.3, 2.0, nonzero)
    return w


@pytest.mark.parametrize("name", SUMS)
def test_the_right_gradient_agrees(name):
    f, slope = SUMS[name]
    for seed in range(20):
        report = check((f, lambda g, w: g * slope(w)), {"w": sparse(seed)}, seed=seed)
        assert report.verdict is Verdict.AGREES, report


@pytest.mark.parametrize("wrong", [lambda d: d[::-1], lambda d: np.roll(d, 1)], ids=["reversed", "shifted"])
@pytest.mark.parametrize("name", SUMS)
def test_a_mask_in_another_order_seldom_agrees(name, wrong):
    """Entries that are neither zero nor equal to another one are moved alone: of these the claim must be the slope."""
    f, slope = SUMS[name]
    verdicts = Counter(
        check((f, lambda g, w: g * wrong(slope(w))), {"w": sparse(seed)}, seed=seed).verdict for seed in range(20)
    )
    assert verdicts[Verdict.AGREES] <= 2
    assert verdicts[Verdict.DISAGREES] >= (0 if name == "absolute value" else 12)  # where claims of 0 and 1 are choices
