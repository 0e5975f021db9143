"""A small |w| beside a smooth loss: numpy.abs drops imaginary parts, and a kink hides that from real differences."""

import numpy as np
import pytest

from gradcheck import Verdict, check


def lasso(weight, *, claimed):
    def backward(g, x, w, y):
        r = x @ w - y
        return g * np.outer(r, w) / len(y), g * (x.T @ r / len(y) + claimed * np.sign(w)), -g * r / len(y)

    return lambda x, w, y: 0.5 * np.mean((x @ w - y) ** 2) + weight * np.abs(w).sum(), backward


def point(seed, zeros):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(4)
    w[:zeros] = 0
    return {"x": rng.standard_normal((6, 4)), "w": w, "y": rng.standard_normal(6)}


@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("weight", [0.05, 1e-3, 1e-4, 1e-5])
def test_the_right_gradient_of_a_penalised_loss_agrees(weight, zeros):
    for seed in range(8):
        report = check(lasso(weight, claimed=weight), point(seed, zeros), seed=seed)
        assert report.verdict is Verdict.AGREES, report


@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("weight", [0.05, 1e-3, 1e-4, 1e-5])
def test_a_penalty_that_is_forgotten_is_seen_or_below_the_resolution_that_is_told(weight, zeros):
    for seed in range(8):
        inputs = point(seed, zeros)
        right, forgotten = (lasso(weight, claimed=c)[1](1.0, **inputs)[1] for c in (weight, 0.0))
        report = check(lasso(weight, claimed=0.0), inputs, seed=seed)
        error = np.linalg.norm(right - forgotten) / np.linalg.norm(right)
        seen = report.verdict is Verdict.DISAGREES
        assert seen or report.arguments["w"].resolution > error, report
        assert seen or (zeros and weight < 1e-3)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("weight", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize(("f", "slope"), [(np.square, lambda w: 2 * w), (np.sin, np.cos)], ids=["square", "sine"])
def test_a_small_penalty_accuses_no_right_gradient(f, slope, weight, seed):
    w = np.random.default_rng(seed).standard_normal(6)
    w[:2] = 0
    layer = (lambda w: f(w).sum() + weight * np.abs(w).sum(), lambda g, w: g * (slope(w) + weight * np.sign(w)))
    assert check(layer, {"w": w}, seed=seed).verdict is not Verdict.DISAGREES
