"""Labels, lengths and indices that are stored as floating numbers, and what only looks like them."""

import numpy as np
import pytest

from gradcheck import Verdict, check

X = np.random.default_rng(3).standard_normal((5, 4))
LABELS = np.array([0.0, 3.0, 3.0, 1.0, 2.0])


def gather(x, index):
    return x[index.astype(int)]


def added_up(g, x, index):
    gradient = np.zeros_like(x)
    np.add.at(gradient, index.astype(int), g)
    return gradient, np.zeros_like(index)


def rounded_down(x, depth):
    return x * np.floor(depth)[:, None]


def rounded_up(x, depth):
    return x * np.ceil(depth)[:, None]


@pytest.mark.parametrize(
    "layer",
    [
        (gather, added_up),
        (rounded_down, lambda g, x, depth: (g * np.floor(depth)[:, None], np.zeros_like(depth))),
        (rounded_up, lambda g, x, depth: (g * np.ceil(depth)[:, None], np.zeros_like(depth))),
    ],
    ids=["cast", "floor", "ceil"],
)
def test_whole_numbers_that_are_cast_are_no_question(layer):
    report = check(layer, {"x": X, "labels": LABELS})
    assert report.verdict is Verdict.AGREES
    assert list(report.arguments) == ["x", "labels"]
    labels = report.arguments["labels"]
    assert (labels.verdict, labels.reason) == (Verdict.AGREES, "vacuous")
    assert labels.sentence == "forward jumps at its whole numbers and is constant beside them, and nothing was claimed"
    assert not report.vacuous
    assert report.arguments["x"].resolution < 1e-9


def test_the_other_gradients_are_judged_all_the_same():
    report = check((gather, lambda g, x, i: (2 * added_up(g, x, i)[0], np.zeros_like(i))), {"x": X, "labels": LABELS})
    assert (report.verdict, report.arguments["x"].verdict) == (Verdict.DISAGREES, Verdict.DISAGREES)


@pytest.mark.parametrize(
    "forward",
    [
        lambda x, depth: x * depth[:, None],
        lambda x, depth: x * (np.floor(depth) + depth / 10)[:, None],
        lambda x, depth: x * np.maximum(depth, 1.0)[:, None],
    ],
    ids=["plain", "sloping beside a jump", "kink"],
)
def test_a_zero_claimed_for_whole_numbers_that_matter_is_wrong(forward):
    def backward(g, x, depth):
        return g * forward(np.ones_like(x), depth), np.zeros_like(depth)

    report = check((forward, backward), {"x": X, "depth": LABELS})
    assert report.verdict is Verdict.DISAGREES
    assert report.arguments["x"].verdict is not Verdict.DISAGREES


def test_whole_numbers_alone_are_judged_and_nobody_is_accused_of_a_jump():
    assert check((np.floor, lambda g, x: np.zeros_like(x)), {"x": LABELS}).verdict is not Verdict.DISAGREES
    assert check((np.floor, lambda g, x: g.copy()), {"x": LABELS}).verdict is Verdict.DISAGREES


def relu(x):
    return np.maximum(x, 0)


KINKS = {
    "no winner of a tie": (
        (np.maximum, lambda g, a, b: (g * (a > b), g * (a < b))),
        {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 5.0, 3.0])},
    ),
    "a gate without a gradient": (
        (lambda x, a: x * relu(a), lambda g, x, a: (g * relu(a), 0 * a)),
        {"x": X[:, :3], "a": np.zeros(3)},
    ),
    "a bias without a gradient": (
        (lambda x, b: relu(x + b), lambda g, x, b: (g * (x + b > 0), 0 * b)),
        {"x": np.zeros((3, 4)), "b": np.zeros(4)},
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("layer", "inputs"), KINKS.values(), ids=KINKS)
def test_a_kink_at_whole_numbers_is_no_cast(layer, inputs, seed):
    assert check(layer, inputs, seed=seed).verdict is Verdict.DISAGREES
