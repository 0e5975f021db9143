"""No claim that is a choice of branch is accused, where outputs are neither convex nor concave."""

import numpy as np
import pytest

from gradcheck import Verdict, check

WEIGHTS = np.random.default_rng(3).standard_normal((6, 5))
SIGNED = np.random.default_rng(4).standard_normal(6)

NEITHER = {
    "ReLU less ReLU": (lambda x: np.maximum(x[:, 0], 0) - np.maximum(x[:, 1], 0), (5, 2)),
    "ten times ReLU less ReLU": (lambda x: 10 * np.maximum(x[:, 0], 0) - np.maximum(x[:, 1], 0), (5, 2)),
    "largest less largest": (lambda x: x[:, :2].max(axis=1) - x[:, 2:].max(axis=1), (5, 4)),
    "second of four": (lambda x: np.sort(x, axis=1)[:, 1], (5, 4)),
    "a network": (lambda x: np.maximum(x @ WEIGHTS.T, 0) @ SIGNED, (5, 5)),
    "a hundred times ReLU less ReLU": (lambda x: 100 * np.maximum(x[:, 0], 0) - np.maximum(x[:, 1], 0), (5, 2)),
    "five ReLUs less one": (lambda x: np.maximum(x[:, :5], 0).sum(axis=1) - np.maximum(x[:, 5], 0), (6, 6)),
    "size less size and size": (lambda x: np.abs(x[:, 0]) - np.abs(x[:, 1]) + np.abs(x[:, 2]), (4, 3)),
    "largest less the second": (lambda x: np.max(x, axis=1) - np.sort(x, axis=1)[:, 1], (4, 4)),
    "a loss of a network": (lambda x: (np.maximum(x @ WEIGHTS.T, 0) @ SIGNED).sum(keepdims=True), (1, 5)),
}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("forward", "shape"), NEITHER.values(), ids=NEITHER)
def test_nobody_is_accused_of_a_choice_of_branch(forward, shape, seed):
    # All functions are homogeneous and piecewise linear: their branches are those at any distance.
    near = np.round(64 * np.random.default_rng([seed, 5]).standard_normal(shape)) / 64 + (1 + np.arange(shape[1])) / 512

    def backward(g, x):
        at, steps = np.where(x == 0, near, x), 2.0**-12 * np.eye(shape[1])
        slopes = [(forward(at + step) - forward(at - step)) * 2.0**11 for step in steps]
        return g[:, None] * np.stack(slopes, axis=1)

    report = check((forward, backward), {"x": np.zeros(shape)}, seed=seed, points=[])
    assert report.verdict is not Verdict.DISAGREES, str(report)
