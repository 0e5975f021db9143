"""Mistakes in attention, recurrence, gates and dropout."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, fixed, joined, normal, pair
from gradcheck.faults.specimens import sigmoid, softmax
from gradcheck.faults.structures import VALUES

HEADS = normal(q=(4, 3), k=(5, 3), v=(5, 2))


def attention(q: Any, k: Any, v: Any) -> Any:
    """Return scaled dot-product attention for one head."""
    return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def attention_backward(g: Any, q: Any, k: Any, v: Any, scale: Any = None) -> Any:
    """Return the gradients of attention, with another scale of the scores where one is given."""
    scale = 1 / np.sqrt(q.shape[1]) if scale is None else scale
    weights = softmax(q @ k.T / np.sqrt(q.shape[1]))
    inner = g @ v.T
    scores = weights * (inner - (inner * weights).sum(axis=1, keepdims=True)) * scale
    return scores @ k, scores.T @ q, weights.T @ g


MASK = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 0, 1], [1, 1, 0, 1, 1]])


def _attention_diagonal(g: Any, q: Any, k: Any, v: Any) -> Any:
    weights = softmax(q @ k.T / np.sqrt(q.shape[1]))
    scores = g @ v.T * weights * (1 - weights) / np.sqrt(q.shape[1])
    return scores @ k, scores.T @ q, weights.T @ g


def _recurrence(x: Any, weight: Any) -> Any:
    state = np.zeros_like(x[0])
    for each in x:
        state = np.tanh(each + state @ weight)
    return state


def _recurrence_truncated(g: Any, x: Any, weight: Any) -> Any:
    states = [np.zeros_like(x[0])]
    for each in x:
        states.append(np.tanh(each + states[-1] @ weight))
    inner = g * (1 - states[-1] ** 2)
    return np.concatenate([np.zeros_like(x[:-1]), inner[None]]), np.outer(states[-2], inner)


def _gated(x: Any, cell: Any) -> Any:
    return sigmoid(x) * np.tanh(cell)


FAULTS = (
    Fault(
        "structures/dropout/scale-forgotten",
        "factor-1/2",
        ("x",),
        pair(lambda x, mask: 2.0 * x * mask, lambda g, _x, mask: (g * mask, None)),
        joined(VALUES, fixed(mask=MASK)),
        "the survivors' scale of 2 is left out",
    ),
    Fault(
        "structures/dropout/mask-forgotten",
        "wrong-branch",
        ("x",),
        pair(lambda x, mask: 2.0 * x * mask, lambda g, _x, _mask: (2 * g, None)),
        joined(VALUES, fixed(mask=MASK)),
        "entries that were dropped get a gradient",
    ),
    Fault(
        "structures/attention/scale-forgotten",
        "factor",
        ("q", "k"),
        pair(attention, lambda g, q, k, v: attention_backward(g, q, k, v, 1.0)),
        HEADS,
        "the scores' division by the root of the width is left out",
    ),
    Fault(
        "structures/attention/softmax-diagonal",
        "softmax-diagonal",
        ("q", "k"),
        pair(attention, _attention_diagonal),
        HEADS,
        "the Jacobian of the weights is taken as diagonal",
    ),
    Fault(
        "structures/attention/keys-and-queries-exchanged",
        "equals-other-argument",
        ("q", "k"),
        pair(attention, lambda g, q, k, v: (*attention_backward(g, q, k, v)[1::-1], attention_backward(g, q, k, v)[2])),
        normal(q=(4, 3), k=(4, 3), v=(4, 2)),
        "keys get the gradient of queries and the reverse",
    ),
    Fault(
        "structures/recurrence/last-step-only",
        "path-missing",
        ("x", "weight"),
        pair(_recurrence, _recurrence_truncated),
        normal(scale=0.7, x=(4, 3), weight=(3, 3)),
        "the gradient goes back through one step only",
    ),
    Fault(
        "structures/gate/derivative-forgotten",
        "f-prime-missing",
        ("x",),
        pair(_gated, lambda g, x, c: (g * np.tanh(c), g * sigmoid(x) * (1 - np.tanh(c) ** 2))),
        normal(x=(3, 4), cell=(3, 4)),
        "the gate's derivative is left out",
    ),
)
