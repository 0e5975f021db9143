"""Mistakes in the gradients of losses, most of them of a scalar output."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, drawn, fixed, joined, normal, pair, uniform
from gradcheck.faults.specimens import sigmoid

PREDICTIONS = normal(x=(5, 3), target=(5, 3))
LABELS = fixed(labels=np.array([0, 2, 3, 1, 2]))
LOGITS = joined(normal(x=(5, 4)), LABELS)
BINARY = joined(normal(x=(6,)), fixed(target=np.array([0, 1, 1, 0, 1, 0])))
PROBABILITIES = joined(uniform(0.1, 0.9, p=(6,)), fixed(target=np.array([0, 1, 1, 0, 1, 0])))


TIED_SCORES = fixed(
    score=[1.0, -1.0, 1.0, -1.0, -1.16, 0.29, 0.78, 0.54, -0.96, 1.07],
    label=np.array([1, -1, -1, 1, -1, 1, 1, 1, -1, 1]),
)
TIED_TARGETS = fixed(x=[0.0, 1.0, 1.0, 3.0], target=[0.0, 2.0, 1.0, 1.0])
MOSTLY_MET = fixed(
    x=[0.3, -1.2, 0.7, 2.1, -0.4, 1.5, 0.9, -2.2, 0.1, 1.8],
    target=[0.3, -1.2, 0.7, 2.1, -0.4, 1.5, 0.9, -2.2, 1.3, -0.6],
)
HIT_TARGETS = fixed(x=[1.0, -1.0, 0.5, -2.3, 0.6, 1.6, 1.1, -1.9], target=[1.0, -1.0, 0.5, 1.1, 0.7, 0.7, 0.8, 1.1])


def _quantile(x: Any, target: Any) -> Any:
    return np.maximum(0.9 * (target - x), 0.1 * (x - target)).mean()


def _quantile_swapped(g: Any, x: Any, target: Any) -> Any:
    slope = g * np.where(target > x, 0.1, -0.9) / x.size
    return -slope, slope


def mean_square(wrong: Any) -> Make:
    """Return a maker of the mean squared error, with wrong(g, x, target) as the gradient of x."""
    return pair(
        lambda x, target: np.mean((x - target) ** 2),
        lambda g, x, target: (wrong(g, x, target), -2 * g * (x - target) / x.size),
    )


def one_hot(x: Any, labels: Any) -> Any:
    """Return 1 at each row's label."""
    return np.eye(x.shape[1])[labels]


def _hinge(x: Any, labels: Any) -> Any:
    margins = np.maximum(0, 1 + x - x[np.arange(len(x)), labels][:, None])
    margins[np.arange(len(x)), labels] = 0
    return margins.sum() / len(x)


def _hinge_without_the_right_class(g: Any, x: Any, labels: Any) -> Any:
    over = (1 + x - x[np.arange(len(x)), labels][:, None] > 0) / len(x)
    over[np.arange(len(x)), labels] = 0
    return g * over, None


def _huber(x: Any, target: Any) -> Any:
    e = np.abs(x - target)
    return np.where(e < 0.5, e**2 / 2, 0.5 * (e - 0.25)).sum()


def _cosine(x: Any, y: Any) -> Any:
    return x @ y / np.linalg.norm(x) / np.linalg.norm(y)


def _cosine_without_projection(g: Any, x: Any, y: Any) -> Any:
    length = np.linalg.norm(x) * np.linalg.norm(y)
    return g * y / length, g * (x - y * (x @ y) / (y @ y)) / length


FAULTS = (
    Fault(
        "losses/mse/mean-forgotten",
        "factor-N",
        ("x",),
        mean_square(lambda g, x, t: 2 * g * (x - t)),
        PREDICTIONS,
        "forward takes the mean and backward the derivative of the sum",
    ),
    Fault(
        "losses/mse/two-forgotten",
        "factor-1/2",
        ("x",),
        mean_square(lambda g, x, t: g * (x - t) / x.size),
        PREDICTIONS,
        "the 2 of the square is left out",
    ),
    Fault(
        "losses/mse/sign",
        "sign",
        ("x",),
        mean_square(lambda g, x, t: 2 * g * (t - x) / x.size),
        PREDICTIONS,
        "target minus prediction",
    ),
    Fault(
        "losses/mse/mean-over-batch-only",
        "factor",
        ("x",),
        mean_square(lambda g, x, t: 2 * g * (x - t) / len(x)),
        PREDICTIONS,
        "divided by the batch size where forward divides by the number of entries",
    ),
    Fault(
        "losses/mse/grad-output-ignored",
        "grad-output-ignored",
        ("x",),
        mean_square(lambda _g, x, t: 2 * (x - t) / x.size),
        PREDICTIONS,
        "backward takes itself to be the last layer and does not multiply by grad_output",
    ),
    Fault(
        "losses/mse/target-not-negated",
        "sign",
        ("target",),
        pair(lambda x, target: ((x - target) ** 2).sum(), lambda g, x, t: (2 * g * (x - t), 2 * g * (x - t))),
        PREDICTIONS,
        "the target gets the prediction's gradient",
    ),
    Fault(
        "losses/binary/probabilities-for-logits",
        "f-prime-missing",
        ("p",),
        pair(
            lambda p, target: -np.sum(np.where(target == 1, np.log(p), np.log(1 - p))),
            lambda g, p, target: (g * (p - target), None),
        ),
        PROBABILITIES,
        "the short formula for logits, given probabilities",
    ),
    Fault(
        "losses/binary/sigmoid-forgotten",
        "other",
        ("x",),
        pair(
            lambda x, target: np.sum(np.logaddexp(0, x) - target * x),
            lambda g, x, target: (g * (x - target), None),
        ),
        BINARY,
        "logits used as probabilities",
    ),
    Fault(
        "losses/binary/times-sigmoid-slope",
        "other",
        ("x",),
        pair(
            lambda x, target: np.sum(np.logaddexp(0, x) - target * x),
            lambda g, x, target: (g * (sigmoid(x) - target) * sigmoid(x) * (1 - sigmoid(x)), None),
        ),
        BINARY,
        "the sigmoid's derivative is multiplied in once too often",
    ),
    Fault(
        "losses/hinge/branch-at-0-where-margins-are-met",
        "wrong-branch",
        ("score",),
        pair(
            lambda score, label: np.maximum(0, 1 - label * score).sum(),
            lambda g, score, label: (np.where(label * score < 0, -g * label, 0.0), None),
        ),
        TIED_SCORES,
        "the branch is taken at 0, not at the margin, which some scores meet exactly",
        also=("part-zeroed",),
    ),
    Fault(
        "losses/quantile/levels-swapped-where-targets-are-met",
        "wrong-branch",
        ("x", "target"),
        pair(_quantile, _quantile_swapped),
        HIT_TARGETS,
        "the slopes of both sides are swapped, and some targets are met exactly",
        also=("path-missing", "f-prime-wrong"),
    ),
    Fault(
        "losses/absolute/target-unclaimed-where-met",
        "zero",
        ("target",),
        pair(
            lambda x, target: np.abs(x - target).sum(),
            lambda g, x, target: (g * np.sign(x - target), np.zeros_like(target)),
        ),
        TIED_TARGETS,
        "the target's gradient is zero, and half of the whole-number targets are met",
    ),
    Fault(
        "losses/absolute/sum-for-mean-where-most-are-met",
        "factor-N",
        ("x", "target"),
        pair(
            lambda x, target: np.abs(x - target).mean(),
            lambda g, x, target: (g * np.sign(x - target), g * np.sign(target - x)),
        ),
        MOSTLY_MET,
        "the division by the number of terms is forgotten, and two of ten targets are not met",
    ),
    Fault(
        "losses/absolute/target-unclaimed-where-most-are-met",
        "zero",
        ("target",),
        pair(
            lambda x, target: np.abs(x - target).mean(),
            lambda g, x, target: (g * np.sign(x - target) / x.size, np.zeros_like(target)),
        ),
        MOSTLY_MET,
        "the target's gradient is zero, and lies between the one-sided slopes along most directions",
    ),
    Fault(
        "losses/hinge/right-class-forgotten",
        "path-missing",
        ("x",),
        pair(_hinge, _hinge_without_the_right_class),
        LOGITS,
        "the right class does not get minus the number of violated margins",
    ),
    Fault(
        "losses/huber/branches-exchanged",
        "wrong-branch",
        ("x",),
        pair(
            _huber,
            lambda g, x, t: (g * np.where(np.abs(x - t) < 0.5, 0.5 * np.sign(x - t), x - t), None),
        ),
        drawn(x=lambda rng: rng.standard_normal((4, 3)), target=lambda rng: rng.integers(-2, 3, (4, 3))),
        "small errors get the constant slope and large ones the linear one",
    ),
    Fault(
        "losses/divergence/second-term-forgotten",
        "path-missing",
        ("p",),
        pair(
            lambda p, q: np.sum(p * np.log(p / q)),
            lambda g, p, q: (g * np.log(p / q), -g * p / q),
        ),
        uniform(0.2, 0.9, p=(4, 3), q=(4, 3)),
        "the + 1 of the derivative of p log p is left out",
    ),
    Fault(
        "losses/cosine/projection-forgotten",
        "variance-path-missing",
        ("x",),
        pair(_cosine, _cosine_without_projection),
        normal(x=(5,), y=(5,)),
        "the norm is taken as a constant",
        also=("path-missing",),
    ),
)
