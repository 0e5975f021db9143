"""Layers that cast to a lower precision by hand are judged by many probes at once."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks.averaged import ALARM, threshold_of, understated

X = np.random.default_rng(5).normal(size=(4, 5))


def by_hand(dtype, *, slope=np.cos, factor=1.0):
    """sin in `dtype` whatever it is given; its backward is off by a factor."""

    def backward(g, x):
        return (factor * (g.astype(dtype) * slope(x.astype(dtype)))).astype(x.dtype)

    return (lambda x: np.sin(x.astype(dtype)).astype(x.dtype), backward)


@pytest.mark.parametrize("degrees", [3, 6, 40])
def test_threshold_solves_the_bound_on_both_sides(degrees):
    for below in (False, True):
        r = threshold_of(degrees, ALARM, below=below)
        assert (r < 1) == below
        assert degrees * (r - 1 - np.log(r)) / 2 == pytest.approx(ALARM, rel=1e-6)


def test_bound_holds_for_squares_of_normal_numbers():
    squares = (np.random.default_rng(0).normal(size=(100_000, 6)) ** 2).mean(axis=1)
    for rate in (1e-1, 1e-2, 1e-3):
        assert np.mean(squares > threshold_of(6, -np.log(rate))) <= rate


def test_deviation_of_more_samples_is_understated_by_less_and_never_beyond_a_bars_own_coverage():
    found = [understated(n) for n in (1, 16, 64, 256, 4096)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 3.0
    assert 1.0 < found[-1] < 1.1


@pytest.mark.parametrize("factor", [1.5, 2.0, 0.0, -1.0])
@pytest.mark.parametrize("given", [np.float64, np.float16])
def test_catches_a_factor_in_float16(factor, given):
    report = check(by_hand(np.float16, factor=factor), {"x": X.astype(given)})
    assert report.verdict is Verdict.DISAGREES
    assert report.arguments["x"].verdict is Verdict.DISAGREES


@pytest.mark.parametrize("seed", range(3))
def test_does_not_accuse_what_is_right_in_float16(seed):
    report = check(by_hand(np.float16), {"x": X}, seed=seed)
    assert report.verdict is not Verdict.DISAGREES
    assert report.arguments["x"].resolution < 0.2


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.AGREES), (1.01, Verdict.DISAGREES)])
def test_judges_float32_by_hand_to_a_per_cent(factor, verdict):
    for seed in range(3):
        assert check(by_hand(np.float32, factor=factor), {"x": X}, seed=seed).verdict is verdict


def test_asks_linearity_of_float16_by_hand_within_its_range():
    def logistic(x):
        return 1 / (1 + np.exp(-x.astype(np.float16)))

    layer = (
        lambda x: logistic(x).astype(x.dtype),
        lambda g, x: (g.astype(np.float16) * logistic(x) * (1 - logistic(x))).astype(x.dtype),
    )
    for seed in range(3):
        report = check(layer, {"x": 6 * X}, seed=seed)
        assert "nonlinear" not in {finding.code for finding in report.findings}
        assert report.verdict is not Verdict.DISAGREES
