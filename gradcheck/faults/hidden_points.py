"""Mistakes that show only far from the caller's values, or that a domain or a narrow bend hides."""

from typing import Any

import numpy as np

from gradcheck.faults.entropies import (
    BINARY,
    PROBABILITIES,
    clipped_entropy,
    grad_p,
    grad_t,
    soft_entropy,
    strict_entropy,
)
from gradcheck.faults.records import Fault, Shows, drawn, fixed, joined, normal, pair
from gradcheck.faults.specimens import log_softmax, sigmoid, softmax
from gradcheck.faults.tricky_blind import THOUSANDS, softmax_backward


def _narrow(x: Any) -> Any:
    return np.where(np.abs(x.real) < 1e-3, x.real**2 / 2e-3, np.abs(x.real) - 5e-4)


FAULTS = (
    Fault(
        "adversary/scalar/beyond-four",
        "part-zeroed",
        ("x",),
        pair(lambda x: x * x, lambda g, x: g * np.where(np.abs(x) > 4, 0.0, 2 * x)),
        fixed(x=np.array(0.7)),
        "wrong above 4, with one number without axes to try it on",
        Shows.ELSEWHERE,
        also=("zero",),
    ),
    Fault(
        "adversary/scalar/negative",
        "part-zeroed",
        ("x",),
        pair(lambda x: x * x, lambda g, x: g * np.where(x < 0, 0.0, 2 * x)),
        fixed(x=[0.7]),
        "wrong below 0, with one positive number to try it on",
        Shows.ELSEWHERE,
        also=("zero",),
    ),
    Fault(
        "adversary/interval/below-one-twentieth",
        "part-off",
        ("p",),
        pair(np.sqrt, lambda g, p: g * np.where(p < 0.05, 0.45, 0.5) / np.sqrt(p)),
        fixed(p=[0.3, 0.5, 0.9, 0.7]),
        "wrong at one end of [0, 1], with four numbers to try it on",
        Shows.ELSEWHERE,
        also=("f-prime-wrong", "wrong-branch", "factor"),
    ),
    Fault(
        "adversary/far/sigmoid-below-minus-four",
        "part-zeroed",
        ("x",),
        pair(sigmoid, lambda g, x: g * np.where(x < -4, 0.0, sigmoid(x) * (1 - sigmoid(x)))),
        normal(x=(3, 4)),
        "the slope of the left tail is left out",
        Shows.ELSEWHERE,
    ),
    Fault(
        "adversary/far/parabola-below-minus-four",
        "part-zeroed",
        ("x",),
        pair(lambda x: x * x, lambda g, x: g * np.where(x < -4, 0.0, 2 * x)),
        normal(x=(6,)),
        "wrong below -4, on six entries",
        Shows.ELSEWHERE,
    ),
    Fault(
        "adversary/far/second-argument",
        "part-zeroed",
        ("w",),
        pair(lambda x, w: x @ (w * w), lambda g, x, w: (g @ (w * w).T, np.where(w < -2, 0.0, 2 * w) * (x.T @ g))),
        joined(normal(x=(4, 5)), normal(0.3, w=(5, 3))),
        "wrong where a weight is below -2",
        Shows.ELSEWHERE,
    ),
    Fault(
        "adversary/domain/entropy-of-strict-probabilities",
        "sign",
        ("p",),
        pair(strict_entropy, lambda g, p, t: (-grad_p(g, p, t), grad_t(g, p))),
        joined(PROBABILITIES, BINARY),
        "one argument at the edge of its domain must not hide the other's sign",
    ),
    Fault(
        "adversary/domain/epsilon-in-the-denominator",
        "small-error",
        ("p",),
        pair(clipped_entropy, lambda g, p, t: (g * (p - t) / (p * (1 - p) + 1e-7) / p.size, grad_t(g, p))),
        joined(PROBABILITIES, BINARY),
        "backward adds an epsilon that forward does not have",
    ),
    Fault(
        "adversary/domain/one-hot-targets-claim-zero",
        "zero",
        ("t",),
        pair(soft_entropy, lambda g, z, t: (g * (np.exp(log_softmax(z)) - t) / len(z), np.zeros_like(t))),
        joined(normal(z=(5, 4)), drawn(t=lambda rng: np.eye(4)[rng.integers(4, size=5)])),
        "targets are said to have no influence",
    ),
    Fault(
        "adversary/batch/four-hard-coded",
        "factor",
        ("x",),
        pair(lambda x: (x**2).sum() / len(x), lambda g, x: g * 2 * x / 4),
        normal(x=(4, 5)),
        "the batch size of the example is written into backward",
        Shows.ELSEWHERE,
    ),
    Fault(
        "adversary/narrow/huber-as-absolute-value",
        "f-prime-wrong",
        ("x",),
        pair(_narrow, lambda g, x: g * np.sign(x)),
        fixed(x=[1e-4, 5e-4, -9e-4, 0.5]),
        "the parabola of a Huber loss with delta 0.001 is left out",
        also=("wrong-branch",),
    ),
    Fault(
        "adversary/narrow/smooth-absolute-value",
        "f-prime-wrong",
        ("x",),
        pair(lambda x: np.sqrt(x * x + 1e-12), lambda g, x: g * np.sign(x)),
        fixed(x=[0.0, 1e-7, -1e-6, 1.0]),
        "the rounded corner of sqrt(x^2 + 1e-12) is left out",
    ),
    Fault(
        "adversary/narrow/sine-cardinal-at-zero",
        "part-off",
        ("x",),
        pair(
            lambda x: np.sinc(x / np.pi),
            lambda g, x: g * np.where(x == 0, 1.0, (np.cos(x) - np.sinc(x / np.pi)) / np.where(x == 0, 1.0, x)),
        ),
        fixed(x=[0.0, 1.0, 2.0, -0.5]),
        "the value is taken for the slope at zero",
    ),
    Fault(
        "adversary/saturated/half-of-a-softmax-of-thousands",
        "factor-1/2",
        ("x",),
        pair(softmax, lambda g, x: softmax_backward(g, x) / 2),
        THOUSANDS,
        "half the gradient, which is zero at the caller's values and at all of their size",
        Shows.ELSEWHERE,
    ),
)
