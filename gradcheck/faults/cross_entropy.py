"""Mistakes in the gradient of the cross entropy of logits."""

from typing import Any

import numpy as np

from gradcheck.faults.losses import LOGITS, one_hot
from gradcheck.faults.records import Fault, Make, fixed, joined, normal, pair
from gradcheck.faults.specimens import softmax


def cross_entropy(wrong: Any) -> Make:
    """Return a maker of the mean cross entropy of logits with labels, with wrong(g, x, labels) as the gradient."""
    return pair(_cross_entropy, lambda g, x, labels: (wrong(g, x, labels), None))


def _cross_entropy(x: Any, labels: Any) -> Any:
    shifted = x - x.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(x)), labels])


def _weighted(x: Any, labels: Any, weights: Any) -> Any:
    return -(weights[labels] * np.log(softmax(x))[np.arange(len(x)), labels]).mean()


def _ignoring(x: Any, labels: Any) -> Any:
    kept = labels >= 0
    return -np.log(softmax(x))[np.arange(len(x)), labels][kept].sum()


FAULTS = (
    Fault(
        "losses/cross-entropy/labels-off-by-one",
        "label-shifted",
        ("x",),
        cross_entropy(lambda g, x, y: g * (softmax(x) - one_hot(x, y - 1)) / len(x)),
        LOGITS,
        "labels counted from 1",
    ),
    Fault(
        "losses/cross-entropy/mean-forgotten",
        "factor-N",
        ("x",),
        cross_entropy(lambda g, x, y: g * (softmax(x) - one_hot(x, y))),
        LOGITS,
        "not divided by the batch size",
    ),
    Fault(
        "losses/cross-entropy/sign",
        "sign",
        ("x",),
        cross_entropy(lambda g, x, y: g * (one_hot(x, y) - softmax(x)) / len(x)),
        LOGITS,
        "target minus prediction",
    ),
    Fault(
        "losses/cross-entropy/softmax-twice",
        "other",
        ("x",),
        cross_entropy(lambda g, x, y: g * (softmax(softmax(x)) - one_hot(x, y)) / len(x)),
        LOGITS,
        "softmax is done to probabilities",
    ),
    Fault(
        "losses/cross-entropy/target-forgotten",
        "path-missing",
        ("x",),
        cross_entropy(lambda g, x, _y: g * softmax(x) / len(x)),
        LOGITS,
        "the one at the label is not subtracted",
    ),
    Fault(
        "losses/cross-entropy/label-entry-only",
        "path-missing",
        ("x",),
        cross_entropy(lambda g, x, y: g * one_hot(x, y) * (softmax(x) - 1) / len(x)),
        LOGITS,
        "only the entry of the right class gets a gradient",
    ),
    Fault(
        "losses/cross-entropy/softmax-over-batch",
        "batch-leak",
        ("x",),
        cross_entropy(lambda g, x, y: g * (softmax(x.T).T - one_hot(x, y)) / len(x)),
        LOGITS,
        "softmax runs over the batch instead of the classes",
    ),
    Fault(
        "losses/cross-entropy/temperature-forgotten",
        "factor-2",
        ("x",),
        pair(
            lambda x, labels: _cross_entropy(x / 2, labels),
            lambda g, x, y: (g * (softmax(x / 2) - one_hot(x, y)) / len(x), None),
        ),
        LOGITS,
        "forward divides the logits by 2 and backward does not",
    ),
    Fault(
        "losses/cross-entropy/class-weights-forgotten",
        "other",
        ("x",),
        pair(_weighted, lambda g, x, y, _w: (g * (softmax(x) - one_hot(x, y)) / len(x), None, None)),
        joined(LOGITS, fixed(weights=np.array([1, 2, 3, 4]))),
        "forward weights the classes and backward does not",
        also=("part-off",),
    ),
    Fault(
        "losses/cross-entropy/ignored-rows-counted",
        "other",
        ("x",),
        pair(_ignoring, lambda g, x, y: (g * (softmax(x) - one_hot(x, y)), None)),
        joined(normal(x=(5, 4)), fixed(labels=np.array([0, -1, 3, 1, -1]))),
        "rows with the label -1 are left out by forward and not by backward",
        also=("part-off",),
    ),
)
