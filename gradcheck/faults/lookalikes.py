"""Mistakes whose gradients look like another mistake's: a bound like a rounding, a mask like whole numbers."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, fixed, normal, pair, spoiled
from gradcheck.faults.specimens import CUBE, LINEAR, SINE, Conv2d, Pool2d, first_winner, log_softmax, softmax

CONV = Conv2d(padding=(1, 1))
CONV_POINT = normal(x=(2, 2, 5, 5), weight=(3, 2, 3, 3), bias=(3,))
LINEAR_POINT = normal(x=(5, 4), weight=(4, 3), bias=(3,))
HALVES = Pool2d()
ATTENTION = softmax(np.arange(25).reshape(5, 5) % 7 / 2)  # how much each row attends to each other, not symmetric


def _brought_to_length_one(gradient: Any) -> Any:
    return gradient / max(1.0, np.linalg.norm(gradient))


def batch_norm(variance: float = 1.0, mean: float = 1.0) -> Make:
    """Return a maker of batch normalisation that counts the paths through variance and mean so many times."""

    def parts(x: Any) -> tuple[Any, Any]:
        centred = x - x.mean(axis=0)
        spread = np.sqrt((centred**2).mean(axis=0) + 1e-5)
        return centred / spread, spread

    def backward(g: Any, x: Any) -> Any:
        y, spread = parts(x)
        return (g - mean * g.mean(axis=0) - variance * y * (g * y).mean(axis=0)) / spread

    return pair(lambda x: parts(x)[0], backward)


def cross_entropy(own: float = 1.0, shift: int = 0) -> Make:
    """Return a maker of softmax and cross-entropy for three classes, with labels of its own."""
    labels = np.array([0, 2, 1, 2, 0])
    rows = np.arange(len(labels))

    def backward(g: Any, x: Any) -> Any:
        gradient = softmax(x)
        gradient[rows, (labels + shift) % 3] -= own
        return g * gradient / len(labels)

    return pair(lambda x: -log_softmax(x)[rows, labels].mean(), backward)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "lookalikes/clipped/to-one-half",
        "clipped",
        ("x",),
        spoiled(CONV, lambda gradient: np.clip(gradient, -0.5, 0.5)),
        CONV_POINT,
        "clipped so tightly that nearly every entry is a bound, and so a number of one decimal",
    ),
    Fault(
        "lookalikes/clipped/to-five",
        "clipped",
        ("weight",),
        spoiled(CONV, lambda gradient: np.clip(gradient, -5.0, 5.0), 1),
        CONV_POINT,
        "clipped where few entries meet the bound",
    ),
    Fault(
        "lookalikes/clipped/below-alone",
        "clipped",
        ("x",),
        spoiled(SINE, lambda gradient: np.maximum(gradient, -0.2)),
        normal(x=(4, 3)),
        "cut off at one side",
    ),
    Fault(
        "lookalikes/clipped/by-length",
        "clipped",
        ("weight",),
        spoiled(LINEAR, _brought_to_length_one, 1),
        LINEAR_POINT,
        "brought down to length 1, as an optimiser would",
    ),
    Fault(
        "lookalikes/clipped/grad-output",
        "clipped",
        ("x",),
        pair(CUBE.forward, lambda g, x: CUBE.backward(np.clip(g, -0.7, 0.7), x)),
        normal(x=(4, 3)),
        "grad_output is clipped before it is used",
    ),
    Fault(
        "lookalikes/whole-numbers/the-mask-of-a-pool",
        "grad-output-ignored",
        ("x",),
        pair(
            lambda x: HALVES.windows(x, -np.inf).max(axis=0),
            lambda _g, x: HALVES.spread(first_winner(HALVES.windows(x, -np.inf)).astype(float), x),
        ),
        normal(x=(2, 2, 4, 4)),
        "the mask of the winners, whole numbers all, without grad_output",
    ),
    Fault(
        "lookalikes/whole-numbers/signs-alone",
        "not-linear",
        ("weight",),
        spoiled(LINEAR, np.sign, 1),
        LINEAR_POINT,
        "signs of the gradient, as signSGD sends them",
    ),
    Fault(
        "lookalikes/grid/sixty-fourths",
        "small-error",
        ("weight",),
        spoiled(LINEAR, lambda gradient: np.round(gradient * 64) / 64, 1),
        LINEAR_POINT,
        "quantised, whose few binary places a float16 has as well",
        also=("not-linear",),
    ),
    Fault(
        "lookalikes/grid/grad-output-to-one-decimal",
        "not-linear",
        ("x",),
        pair(CUBE.forward, lambda g, x: CUBE.backward(np.round(g, 1), x)),
        normal(x=(4, 3)),
        "grad_output is rounded to a decimal, and no float16",
        also=("small-error",),
    ),
    Fault(
        "lookalikes/single/negated-as-well",
        "sign",
        ("x",),
        spoiled(CUBE, lambda gradient: -gradient.astype(np.float32).astype(float)),
        normal(x=(4, 3)),
        "computed in float32 and negated",
        also=("float32-truncation",),
    ),
    Fault(
        "lookalikes/normalisation/variance-path-negated",
        "sign",
        ("x",),
        batch_norm(variance=-1.0),
        normal(x=(6, 4)),
        "the path through the variance has the wrong sign, and is not left out",
        also=("other",),
    ),
    Fault(
        "lookalikes/normalisation/mean-of-the-gradient-summed",
        "factor-N",
        ("x",),
        batch_norm(mean=6.0),
        normal(x=(6, 4)),
        "a sum over the batch stands where its mean belongs in the path through the mean",
        also=("other",),
    ),
    Fault(
        "lookalikes/transposed/attention-of-the-values",
        "transposed",
        ("values",),
        pair(lambda values: ATTENTION @ values, lambda g, _values: ATTENTION @ g),
        normal(values=(5, 2)),
        "the values' gradient is weighted by what each row attends to, not by what attends to it",
    ),
    Fault(
        "lookalikes/largest/one-row-tied",
        "other",
        ("x",),
        pair(lambda x: np.abs(x).max(axis=1), lambda g, x: g[:, None] * np.sign(x)),
        fixed(x=[[1.5, -1.5, 0.2], [0.3, -0.7, 0.1], [2.0, 0.4, -1.1], [-0.9, 0.6, 0.5]]),
        "the largest size's gradient goes to every entry; the first row is at a kink, and says nothing of batches",
        also=("pool-kind", "wrong-branch", "tie-all-winners"),
    ),
    Fault(
        "lookalikes/labels/one-not-subtracted",
        "path-missing",
        ("x",),
        cross_entropy(own=0.0),
        normal(x=(5, 3)),
        "the softmax alone: the label's own entry is left out",
        also=("part-off",),
    ),
    Fault(
        "lookalikes/labels/one-subtracted-beside",
        "label-shifted",
        ("x",),
        cross_entropy(shift=1),
        normal(x=(5, 3)),
        "one is subtracted at the class after the label's",
    ),
    Fault(
        "lookalikes/gate/carried-state-forgotten",
        "path-missing",
        ("h",),
        pair(
            lambda h, weight: 0.5 * h**2 + np.tanh(h @ weight),
            lambda g, h, weight: (
                (g * (1 - np.tanh(h @ weight) ** 2)) @ weight.T,
                h.T @ (g * (1 - np.tanh(h @ weight) ** 2)),
            ),
        ),
        normal(scale=0.6, h=(4, 3), weight=(3, 3)),
        "what carries the state on by itself is left out, which is no plain skip",
    ),
    Fault(
        "lookalikes/gate/derivative-of-tanh-to-the-first-power",
        "f-prime-wrong",
        ("x", "weight"),
        pair(
            lambda x, weight: np.tanh(x @ weight),
            lambda g, x, weight: (
                (g * (1 - np.tanh(x @ weight))) @ weight.T,
                x.T @ (g * (1 - np.tanh(x @ weight))),
            ),
        ),
        normal(scale=0.6, x=(4, 3), weight=(3, 3)),
        "1 - y for 1 - y squared, behind a dense layer",
    ),
)
