"""Mistakes that hide behind something larger, in a tie, in a symmetry, or in a small part of grad_output."""

from typing import Any

import numpy as np

from gradcheck.faults.entropies import ZEROS_AMONG
from gradcheck.faults.records import Fault, Shows, fixed, joined, normal, pair
from gradcheck.faults.specimens import softmax


def _passed_through(g: Any, x: Any) -> Any:
    return g * np.ones_like(x)


def _by_division(g: Any, x: Any) -> Any:
    safe = np.where(x == 0, 1.0, x)
    return np.where(x == 0, 0.0, g[:, None] * x.prod(axis=1)[:, None] / safe)


def _length(x: Any) -> Any:
    return np.sqrt((x * x).sum(axis=1, keepdims=True))


def _recurrence(x: Any, w: Any, u: Any) -> Any:
    h, states = np.zeros((x.shape[1], len(u))), []
    for row in x:
        h = np.tanh(row @ w + h @ u)
        states.append(h)
    return np.stack(states)


def _cut_every_third_step(g: Any, x: Any, w: Any, u: Any) -> Any:
    states = _recurrence(x, w, u)
    grads = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u)
    later = np.zeros_like(states[0])
    for t in reversed(range(len(x))):
        d = (g[t] + later) * (1 - states[t] ** 2)
        grads[0][t] = d @ w.T
        grads[1][...] += x[t].T @ d
        grads[2][...] += (states[t - 1] if t else np.zeros_like(d)).T @ d
        later = d @ u.T if t % 3 else np.zeros_like(d)
    return grads


FAULTS = (
    Fault(
        "adversary/hidden/behind-a-large-constant",
        "factor",
        ("x",),
        pair(lambda x: np.tanh(x) + 1e8, lambda g, x: -5 * g * (1 - np.tanh(x) ** 2)),
        normal(x=(3, 4)),
        "minus five times the truth, beside a constant of 1e8 that leaves it eight digits",
    ),
    Fault(
        "adversary/hidden/product-by-division",
        "part-zeroed",
        ("x",),
        pair(lambda x: x.prod(axis=1), _by_division),
        ZEROS_AMONG,
        "a product divided by its factor, guarded by zero where the factor is zero",
    ),
    Fault(
        "adversary/hidden/straight-through-floor-at-integers",
        "equals-grad-output",
        ("x",),
        pair(lambda x: np.floor(x.real), _passed_through),
        fixed(x=np.arange(-3.0, 4.0)),
        "the gradient of a step passed straight through, tried where it jumps and has none",
        Shows.ELSEWHERE,
        also=("f-prime-missing",),
    ),
    Fault(
        "adversary/hidden/straight-through-round-at-integers",
        "equals-grad-output",
        ("x",),
        pair(lambda x: np.round(x.real), _passed_through),
        fixed(x=np.arange(-3.0, 4.0)),
        "the gradient of a step passed straight through, where the step is flat",
        also=("f-prime-missing",),
    ),
    Fault(
        "adversary/tie/zero-row-claims-ones",
        "outside-subdifferential",
        ("x",),
        pair(
            lambda x: np.sqrt((x.real**2).sum(axis=1)),
            lambda g, x: (
                g[:, None] * np.where((x == 0).all(axis=1, keepdims=True), 1.0, x / np.maximum(_length(x), 1e-300))
            ),
        ),
        fixed(x=[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
        "a vector of ones is longer than any subgradient of a norm at zero",
    ),
    Fault(
        "adversary/tie/shares-of-minus-one-half",
        "outside-subdifferential",
        ("x",),
        pair(lambda x: x.real.max(axis=1), lambda g, x: g[:, None] * np.array([1.5, -0.5, 0.0]) * np.ones_like(x)),
        fixed(x=np.ones((4, 3))),
        "the shares of a tie sum to one, but one of them is negative",
    ),
    Fault(
        "adversary/tie/both-at-a-scalar-tie",
        "tie-all-winners",
        ("a", "b"),
        pair(lambda a, b: np.maximum(a.real, b.real), lambda g, a, b: (g * (a >= b), g * (b >= a))),
        fixed(a=np.array(2.0), b=np.array(2.0)),
        "both of two equal numbers without axes get all",
    ),
    Fault(
        "adversary/tie/absolute-difference-with-one-sign",
        "outside-subdifferential",
        ("a", "b"),
        pair(
            lambda a, b: np.abs(a.real - b.real).sum(),
            lambda g, a, b: (g * np.where(a >= b, 1.0, -1.0), -g * np.where(a > b, 1.0, -1.0)),
        ),
        fixed(a=[1.0, 2.0, 3.0, 0.0], b=[1.0, 5.0, 3.0, -1.0]),
        "where both are equal both gradients have the same sign",
    ),
    Fault(
        "adversary/matrix/symmetric-upstream-assumed",
        "path-missing",
        ("x",),
        pair(lambda x: x.T @ x, lambda g, x: 2 * x @ g),
        normal(x=(4, 5)),
        "right only for a symmetric grad_output",
    ),
    Fault(
        "adversary/matrix/square-not-transposed",
        "transposed",
        ("a",),
        pair(lambda a, x: a @ x, lambda g, a, x: (x @ g.T, a.T @ g)),
        joined(normal(a=(4, 4)), normal(x=(4, 4))),
        "the transposed gradient fits where everything is square",
    ),
    Fault(
        "adversary/matrix/axis-of-softmax",
        "other",
        ("x",),
        pair(softmax, lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(axis=0, keepdims=True))),
        normal(x=(4, 4)),
        "the sum runs along the other axis of a square",
        also=("batch-leak",),
    ),
    Fault(
        "adversary/recurrence/cut-every-third-step",
        "path-missing",
        ("x", "w", "u"),
        pair(_recurrence, _cut_every_third_step),
        joined(normal(x=(6, 2, 3)), normal(w=(3, 4)), normal(0.5, u=(4, 4))),
        "backpropagation through time is cut off every three steps",
        also=("part-off",),
    ),
    Fault(
        "adversary/output/second-ignored",
        "path-missing",
        ("x",),
        pair(lambda x: (np.sin(x), np.cos(x)), lambda g, x: g[0] * np.cos(x)),
        normal(x=(3,)),
        "the gradient through the second output is left out",
    ),
    Fault(
        "adversary/output/tiny-beside-huge",
        "sign",
        ("x",),
        pair(lambda x: (1e8 * np.sin(x), 1e-8 * np.sin(x)), lambda g, x: (1e8 * g[0] - 1e-8 * g[1]) * np.cos(x)),
        normal(x=(3,)),
        "the sign is wrong for an output sixteen decades smaller",
    ),
    Fault(
        "adversary/decades/smallest-of-eighteen",
        "part-off",
        ("x",),
        pair(lambda x: x**3, lambda g, x: g * 3 * x**2 * np.where(np.abs(x) == np.abs(x).min(), -1, 1)),
        fixed(x=np.logspace(-9, 9, 12)),
        "the smallest of entries that span eighteen decades",
    ),
    Fault(
        "adversary/upstream/small-values-flushed",
        "not-linear",
        ("x",),
        pair(np.tanh, lambda g, x: np.where(np.abs(g) < 1e-4, 0.0, g) * (1 - np.tanh(x) ** 2)),
        normal(x=(4, 5)),
        "small entries of grad_output are dropped",
        Shows.CALL,
    ),
    Fault(
        "adversary/upstream/almost-linear",
        "not-linear",
        ("x",),
        pair(np.tanh, lambda g, x: g * np.abs(g) ** 0.001 * (1 - np.tanh(x) ** 2)),
        normal(x=(4, 5)),
        "grad_output is taken to the power 1.001",
    ),
    Fault(
        "adversary/upstream/one-billionth-added",
        "offset",
        ("x",),
        pair(np.tanh, lambda g, x: (g + 1e-9) * (1 - np.tanh(x) ** 2)),
        normal(x=(4, 5)),
        "a billionth is added to grad_output",
    ),
)
