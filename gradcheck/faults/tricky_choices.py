"""Right layers at kinks of either sign that meet: what each claims is a choice, and their sum is in no interval."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.faults.records import HONEST, Make, Tricky, fixed, pair


def weighted_relus(weights: Sequence[float], claims: Sequence[float]) -> Make:
    """Return a maker of a weighted sum of ReLUs a row, each with a slope of its own at 0."""
    w, at_zero = np.asarray(weights), np.asarray(claims)
    return pair(
        lambda x: np.maximum(x, 0) @ w,
        lambda g, x: g[:, None] * w * np.where(x == 0, at_zero, x > 0),
    )


def _halves_less(x: Any) -> Any:
    return x[:, :2].max(axis=1) - x[:, 2:].max(axis=1)


def _halves_backward(g: Any, x: Any) -> Any:
    grad = np.zeros_like(x)
    rows = np.arange(len(x))
    grad[rows, x[:, :2].argmax(axis=1)] = g
    grad[rows, 3 - x[:, :1:-1].argmax(axis=1)] = -g
    return grad


def _between_quartiles(x: Any) -> Any:
    return np.asarray(np.sort(x)[4] - np.sort(x)[1])


def _quartiles_backward(g: Any, x: Any) -> Any:
    grad = np.zeros_like(x)
    order = np.argsort(x, kind="stable")
    grad[order[[1, 4]]] = -g, g
    return grad


def _median_and_relu(x: Any) -> Any:
    return np.asarray(np.median(x[:3]) + np.maximum(x[3], 0))


def _median_and_relu_backward(g: Any, x: Any) -> Any:
    grad = np.zeros_like(x)
    grad[np.argsort(x[:3], kind="stable")[1]] = g
    grad[3] = g * (x[3] >= 0)
    return grad


def _second_backward(g: Any, x: Any) -> Any:
    grad = np.zeros_like(x)
    grad[np.arange(len(x)), np.argsort(x, axis=1, kind="stable")[:, 1]] = g
    return grad


def _split_evenly(g: Any, x: Any) -> Any:
    ties = np.isclose(x, x.max(axis=1, keepdims=True))
    return g[:, None] * ties / ties.sum(axis=1, keepdims=True)


TRICKY = (
    Tricky(
        "tricky-kinks/max/ties-within-a-tolerance",
        pair(lambda x: x.max(axis=1), _split_evenly),
        fixed(x=[[0.7, 0.7, -0.3], [1.1, 1.1, 1.1], [-0.2, 0.4, 0.4]]),
        "np.isclose decides what is tied, so that next to a tie the gradient is that of the tie",
    ),
    Tricky(
        "tricky-kinks/absolute/mostly-met",
        pair(
            lambda x, target: np.abs(x - target).mean(),
            lambda g, x, target: (g * np.sign(x - target) / x.size, g * np.sign(target - x) / x.size),
        ),
        fixed(x=[0.3, -1.2, 0.7, 2.1, -0.4], target=[0.3, -1.2, 0.7, 2.1, 1.4]),
        "four of five targets are met, so that one output has four kinks in either argument",
    ),
    Tricky(
        "tricky-kinks/choice/hundred-relus-less-one",
        weighted_relus([100.0, -1.0], [0.0, 1.0]),
        fixed(x=np.zeros((5, 2))),
        "the second claims another slope than the first, and hardly counts",
    ),
    Tricky(
        "tricky-kinks/choice/five-relus-less-one",
        weighted_relus([1.0] * 5 + [-1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
        fixed(x=np.zeros((6, 6))),
        "five claim 1 and the one that is taken from them 0: their sum is beyond its interval",
        HONEST,
    ),
    Tricky(
        "tricky-kinks/choice/largest-less-largest",
        pair(_halves_less, _halves_backward),
        fixed(x=np.zeros((5, 4))),
        "the first of one pair wins, and the last of the other",
    ),
    Tricky(
        "tricky-kinks/choice/second-smallest-of-four",
        pair(lambda x: np.sort(x, axis=1)[:, 1], _second_backward),
        fixed(x=np.zeros((5, 4))),
        "of four tied entries the second in order takes the gradient",
        HONEST,
    ),
    Tricky(
        "tricky-kinks/choice/between-the-quartiles",
        pair(_between_quartiles, _quartiles_backward),
        fixed(x=np.zeros(6)),
        "one output, straight along the two entries that claim everything, and bent nearby",
        HONEST,
    ),
    Tricky(
        "tricky-kinks/choice/median-and-relu",
        pair(_median_and_relu, _median_and_relu_backward),
        fixed(x=np.zeros(4)),
        "a kink, and beside it a median, whose choice no direction shows",
        HONEST,
    ),
)
