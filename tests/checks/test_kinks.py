import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks.intervals import interval
from gradcheck.numdiff.records import Derivative

RNG = np.random.default_rng(23)
ZEROS = np.array([0.0, 1.0, -2.0, 0.0, 3.0])
MANY = np.concatenate([np.zeros(1000), [1.0, -1.0]])
TIES = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 1.0], [0.0, 1.0, 2.0, 3.0]])


def rectifier(at_zero):
    return (lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x == 0, at_zero, x > 0))


def row_maximum(weights):
    """Backward of the maximum of each row, the winners weighted by `weights(winners)`."""
    return (lambda x: x.max(1), lambda g, x: g[:, None] * weights(x == x.max(1, keepdims=True)))


def first(winners):
    return winners & (np.cumsum(winners, axis=1) == 1)


def last(winners):
    return first(winners[:, ::-1])[:, ::-1]


def evenly(winners):
    return winners / winners.sum(axis=1, keepdims=True)


def none_of_a_tie(winners):
    return winners * (winners.sum(axis=1, keepdims=True) == 1)


def both_halves(share):
    """The maximum of two arguments; `share` goes to each of both where they are equal."""
    return (
        np.maximum,
        lambda g, a, b: (g * np.where(a == b, share, a > b), g * np.where(a == b, share, b > a)),
    )


def length(at_zero):
    def backward(g, x):
        size = np.linalg.norm(x, axis=1, keepdims=True)
        return g[:, None] * np.where(size == 0, at_zero, x / np.where(size == 0, 1.0, size))

    return (lambda x: np.sqrt((x * x).sum(axis=1)), backward)


VECTORS = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]])
SAME = np.array([1.0, 2.0, 3.0])
OTHER = np.array([1.0, 5.0, 3.0])

RIGHT = {
    "ReLU claiming 0 at 0": (rectifier(0.0), {"x": ZEROS}),
    "ReLU claiming 1/2 at 0": (rectifier(0.5), {"x": ZEROS}),
    "ReLU claiming 1 at 0": (rectifier(1.0), {"x": ZEROS}),
    "ReLU at a thousand zeros": (rectifier(0.0), {"x": MANY}),
    "|x| at 0": ((np.abs, lambda g, x: g * np.sign(x)), {"x": ZEROS}),
    "leaky ReLU": ((lambda x: np.where(x > 0, x, 0.1 * x), lambda g, x: g * np.where(x > 0, 1.0, 0.1)), {"x": ZEROS}),
    "clip at its edges": (
        (lambda x: np.clip(x, -1, 1), lambda g, x: g * ((x >= -1) & (x <= 1))),
        {"x": np.array([-1.0, 1.0, 0.3, 5.0, -7.0])},
    ),
    "maximum, the first of a tie": (row_maximum(first), {"x": TIES}),
    "maximum, the last of a tie": (row_maximum(last), {"x": TIES}),
    "maximum, a tie split evenly": (row_maximum(evenly), {"x": TIES}),
    "maximum of two arguments, shared": (both_halves(0.5), {"a": SAME, "b": OTHER}),
    "length at 0": (length(0.0), {"x": VECTORS}),
    "near the kink": (rectifier(0.0), {"x": np.array([1e-7, -1e-7, 1e-9, -1e-9, 1.0])}),
}


@pytest.mark.parametrize(("layer", "inputs"), RIGHT.values(), ids=RIGHT)
def test_accepts_every_subgradient(layer, inputs):
    report = check(layer, inputs)
    assert report.verdict is Verdict.AGREES, str(report)


WRONG = {
    "ReLU claiming 2 at 0": (rectifier(2.0), {"x": ZEROS}),
    "ReLU claiming -1/2 at 0": (rectifier(-0.5), {"x": ZEROS}),
    "ReLU claiming 2 at a thousand zeros": (rectifier(2.0), {"x": MANY}),
    "ReLU claiming 2 at one zero of a thousand": (
        (lambda x: np.maximum(x, 0), lambda g, x: g * np.where(np.arange(x.size) == 5, 2.0 * (x == 0), x > 0)),
        {"x": MANY},
    ),
    "|x| claiming 2 at 0": ((np.abs, lambda g, x: g * np.where(x == 0, 2.0, np.sign(x))), {"x": ZEROS}),
    "maximum, all winners of a tie": (row_maximum(lambda winners: winners), {"x": TIES}),
    "maximum, no winner of a tie": (row_maximum(none_of_a_tie), {"x": TIES}),
    "maximum of two arguments, given to both": (both_halves(1.0), {"a": SAME, "b": OTHER}),
    "length claiming 2 at 0": (length(np.array([2.0, 0.0, 0.0])), {"x": VECTORS}),
}


@pytest.mark.parametrize(("layer", "inputs"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("seed", [0, 1])
def test_catches_claims_that_are_no_subgradients(layer, inputs, seed):
    report = check(layer, inputs, seed=seed)
    assert report.verdict is Verdict.DISAGREES, str(report)


def test_kinky_outputs_are_counted():
    assert check(rectifier(0.0), {"x": ZEROS}).arguments["x"].set_apart == 2
    assert check(rectifier(0.0), {"x": np.array([1.0, -2.0, 3.0])}).arguments["x"].set_apart == 0


def test_a_point_of_kinks_alone_is_not_vacuous():
    argument = check((np.abs, lambda g, x: g * np.sign(x)), {"x": np.zeros(5)}, points=[]).arguments["x"]
    assert (argument.verdict, argument.reason, argument.set_apart) == (Verdict.AGREES, "kinks-only", 5)
    assert argument.sentence == "judged at its kinks alone: the claim lies between the one-sided derivatives"


def test_a_rectifier_network_with_a_scalar_loss_is_judged():
    w = RNG.standard_normal((4, 8))

    def loss(x):
        return np.sum(np.maximum(x @ w, 0) ** 2)

    def backward(factor):
        return lambda g, x: factor * g * 2 * np.maximum(x @ w, 0) @ w.T

    x = RNG.standard_normal((3, 4))
    assert check((loss, backward(1.0)), {"x": x}).verdict is Verdict.AGREES
    assert check((loss, backward(1.01)), {"x": x}).verdict is Verdict.DISAGREES


def test_the_interval_adds_up_whatever_the_sign_of_the_weights():
    zero = np.zeros(3)
    kinky = np.array([True, True, False])
    left, right = np.array([-1.0, 0.0, 5.0]), np.array([1.0, 1.0, 5.0])
    derivative = Derivative(zero, np.full(3, 0.1), left, right, kinky, zero, zero, "", 0)
    low, high, bar = interval(derivative, np.array([1.0, 2.0, 0.0]))
    assert (low, high) == (-1.0, 3.0)
    assert bar == pytest.approx(0.3)
    assert interval(derivative, np.array([-1.0, 0.0, 0.0]))[:2] == (-1.0, 1.0)


@pytest.mark.parametrize("seed", range(6))
def test_all_winners_of_ties_in_several_rows_are_seen_again_whichever_outputs_are_taken_singly(seed):
    x = np.random.default_rng(11).integers(0, 3, (5, 6)).astype(float)
    winners = (lambda x: x.max(axis=1), lambda g, x: g[:, None] * (x == x.max(axis=1, keepdims=True)))
    assert check(winners, {"x": x}, seed=seed).verdict is Verdict.DISAGREES


@pytest.mark.parametrize("outputs", [4, 5, 20])
def test_many_outputs_of_a_network_at_its_kinks_are_judged_by_some_of_them(outputs):
    """Neither convex nor concave, and more than are judged one by one as a rule."""
    weight = np.random.default_rng(7).standard_normal((4, outputs))

    def layer(at_zero):
        def backward(g, bias, weight):
            return (g @ weight.T) * np.where(bias == 0, at_zero, bias > 0), np.outer(np.maximum(bias, 0), g)

        return lambda bias, weight: np.maximum(bias, 0) @ weight, backward

    for seed in range(4):
        inputs = {"bias": np.zeros(4), "weight": weight}
        for slope in (2.0, -1.0):
            assert check(layer(slope), inputs, seed=seed).verdict is Verdict.DISAGREES
        for slope in (0.0, 0.5, 1.0):
            assert check(layer(slope), inputs, seed=seed).verdict is Verdict.AGREES


def test_every_winner_and_loser_of_a_range_with_the_whole_gradient_is_found():
    """The rounding of equal changes moves them by next to nothing, which stands out as well."""
    x = np.array([[1.0, 1.0, 0.0, 0.0], [2.0, 5.0, 2.0, 5.0]])

    def backward(g, x):
        return g[:, None] * ((x == x.max(1, keepdims=True)) * 1.0 - (x == x.min(1, keepdims=True)))

    for seed in range(4):
        assert check((lambda x: x.max(1) - x.min(1), backward), {"x": x}, seed=seed).verdict is Verdict.DISAGREES


def test_a_distance_between_sorted_values_is_seldom_accused_at_ties():
    """Most lines nearby meet none of its kinks, but backward claims one branch after another there."""

    def forward(a, b):
        return np.abs(np.sort(a) - np.sort(b)).mean()

    def backward(g, a, b):
        i, j = np.argsort(a, kind="stable"), np.argsort(b, kind="stable")
        slope = g * np.sign(a[i] - b[j]) / a.size
        at_a, at_b = np.zeros(a.size), np.zeros(b.size)
        at_a[i], at_b[j] = slope, -slope
        return at_a, at_b

    tied = {"a": np.array([1.0, 1.0, 2.0, 0.0]), "b": np.array([1.0, 3.0, 3.0, 0.0])}
    accused = [check((forward, backward), tied, seed=seed).verdict is Verdict.DISAGREES for seed in range(20)]
    assert sum(accused) <= 3
