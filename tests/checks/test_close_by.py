"""Where kinks alone speak for a gradient, or not clearly, it is judged close by, with ties broken."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks.contract import MOST_CALLS
from gradcheck.checks.derived import AWAY, CLOSE_BY, close_by
from gradcheck.checks.procedure import FORWARD_CALLS
from gradcheck.numdiff.tangents import natural_scale

RNG = np.random.default_rng(26)


def met(number, of):
    """Predictions and targets of which so many are met."""
    x = RNG.standard_normal(of)
    t = np.where(np.arange(of) < number, x, x + RNG.standard_normal(of))
    return {"x": x, "t": t}


def absolute(x, t):
    return np.mean(np.abs(x - t))


def quantile(x, t):
    return np.mean(np.maximum(0.9 * (t - x), -0.1 * (t - x)))


def absolute_backward(g, x, t):
    return g * np.sign(x - t) / x.size, g * np.sign(t - x) / x.size


def quantile_backward(g, x, t):
    grad = g * np.where(t > x, 0.9, -0.1) / x.size
    return -grad, grad


MISTAKES = {
    "twice": lambda gx, gt: (2 * gx, 2 * gt),
    "negated": lambda gx, gt: (-gx, -gt),
    "sum for mean": lambda gx, gt: (gx.size * gx, gx.size * gt),
    "targets unclaimed": lambda gx, gt: (gx, 0 * gt),
    "targets as predictions": lambda gx, gt: (gx, gx),
    "1 % too large": lambda gx, gt: (1.01 * gx, 1.01 * gt),
}
POINTS = {"two of 3": met(2, 3), "three of 3": met(3, 3), "three of 4": met(3, 4), "eight of 10": met(8, 10)}


@pytest.mark.parametrize("inputs", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize(
    "loss", [(absolute, absolute_backward), (quantile, quantile_backward)], ids=["abs", "quantile"]
)
def test_a_loss_of_which_most_targets_are_met_agrees(loss, inputs):
    for seed in range(4):
        report = check(loss, inputs, seed=seed)
        assert report.verdict is Verdict.AGREES, report


@pytest.mark.parametrize("inputs", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize(
    "loss", [(absolute, absolute_backward), (quantile, quantile_backward)], ids=["abs", "quantile"]
)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_wrong_besides_never_agrees_by_its_kinks(loss, mistake, inputs):
    forward, backward = loss
    found = []
    for seed in range(4):
        report = check((forward, lambda g, x, t: MISTAKES[mistake](*backward(g, x, t))), inputs, seed=seed)
        spent = [cost for cost in report.evaluations.spent if cost.purpose != "explaining"]
        assert sum(cost.forward for cost in spent) <= FORWARD_CALLS * len(inputs) + MOST_CALLS
        assert report.verdict is not Verdict.AGREES, report
        found.append(report.verdict)
    assert found.count(Verdict.DISAGREES) >= 2


def split_evenly(g, x):
    ties = np.isclose(x, x.max(axis=1, keepdims=True))
    return g[:, None] * ties / ties.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(12))
def test_ties_within_a_tolerance_are_not_told_apart_close_by(seed):
    x = 0.7 * np.random.default_rng(seed).integers(0, 2, (5, 4))
    assert check((lambda x: x.max(axis=1), split_evenly), {"x": x}, seed=seed).verdict is Verdict.AGREES


def moved_of(x):
    ((name, inputs),) = close_by({"x": x, "other": 3}, ["x"], np.random.default_rng(0)) or [("", {"x": None})]
    assert name in ("", CLOSE_BY)
    return inputs["x"]


@pytest.mark.parametrize(
    ("x", "holds"),
    [
        (np.array([1.0, 1.0, -2.0]), lambda m: len(np.unique(m)) == 3),
        (np.array([0.5, 0.5, 0.25, 0.0]), lambda m: np.all(m >= 0) and len(np.unique(m)) == 4),
        (np.array([0.0, 0.0, 3.0]), lambda m: np.all(m > 0)),
        (np.array([[0.25, 0.75], [0.5, 0.5]]), lambda m: np.allclose(m.sum(axis=1), 1.0, rtol=1e-14)),
        (np.array([[0.6, 0.8], [-0.8, -0.6]]), lambda m: np.allclose(np.linalg.norm(m, axis=1), 1.0, rtol=1e-14)),
        (np.array([1.0, 2.0, 3.0]), lambda m: np.all(np.diff(m) > 0)),
        (np.array([1e-9, -1e9, 1.0], dtype=np.float64), lambda m: np.all(np.sign(m) == [1, -1, 1])),
        (np.array([1.0, 1.0], dtype=np.float32), lambda m: m.dtype == np.float32),
    ],
)
def test_values_are_moved_by_little_and_keep_what_holds_of_them(x, holds):
    moved = moved_of(x)
    assert np.all(np.abs(moved - x) <= 2.0 * AWAY * natural_scale(x))
    assert np.all(moved != x)
    assert holds(moved)


@pytest.mark.parametrize(
    "x",
    [
        np.array([0.0, 1.0, 1.0]),  # a mask
        np.array([-1.0, 1.0, 1.0]),  # labels
        np.array([[1.0, 2.0], [2.0, 1.0]]),  # symmetric
        np.array([[0.6, -0.8], [0.8, 0.6]]),  # a rotation
        np.zeros(0),
    ],
)
def test_what_could_not_be_moved_by_little_stays(x):
    assert moved_of(x) is None


@pytest.mark.parametrize("seed", range(40))
def test_all_winners_of_rows_that_are_tied_are_found_whatever_is_drawn(seed):
    """Along equal changes they move no kink, which is told for few calls and comes first."""
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, 1.0, -1.0]])
    layer = (lambda x: x.max(axis=1), lambda g, x: g[:, None] * (x == x.max(axis=1, keepdims=True)))
    assert check(layer, {"x": x}, seed=seed).verdict is Verdict.DISAGREES


def test_only_the_caller_s_points_are_looked_at_where_these_are_given():
    inputs = POINTS["two of 3"]
    wrong = check((absolute, lambda g, x, t: (absolute_backward(g, x, t)[0], 0 * t)), inputs, points=[])
    assert CLOSE_BY not in wrong.points


def test_a_mistake_seen_close_by_is_explained_where_steps_need_not_be_small():
    x = np.array([0.3, -1.2, 0.7, 2.1, -0.4, 1.5, 0.9, -2.2, 0.1, 1.8])
    t = np.where(np.arange(10) < 8, x, -x)
    report = check((absolute, lambda g, x, t: (g * np.sign(x - t), g * np.sign(t - x))), {"x": x, "t": t})
    assert {a.diagnosis.code for a in report.arguments.values()} == {"factor-N"}
    assert CLOSE_BY in report.points
    assert all(a.point != CLOSE_BY for a in report.arguments.values())
    assert sum(cost.forward for cost in report.evaluations.spent if cost.purpose == "close by") >= 5
