"""Mistakes in attention, recurrence, gates and dropout."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, fixed, joined, normal, pair
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


def with_loss(at_zero: float, *, squared: bool = False) -> Make:
    """Return the sum, or the mean square, of two linear layers with a ReLU between that claims `at_zero` at 0."""

    def forward(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        out = np.maximum(x @ w1 + b1, 0) @ w2 + b2
        return np.asarray((out**2).mean() if squared else out.sum())

    def backward(g: Any, x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        z = x @ w1 + b1
        hidden = np.maximum(z, 0)
        out = hidden @ w2 + b2
        d_out = g * (2 * out / out.size if squared else np.ones_like(out))
        d_z = (d_out @ w2.T) * np.where(z == 0, at_zero, z > 0)
        return d_z @ w1.T, x.T @ d_z, d_z.sum(axis=0), hidden.T @ d_out, d_out.sum(axis=0)

    return pair(forward, backward)


OUT = np.array([1.0, -2.0, 1.0, 3.0])
NETWORK = normal(x=(1, 4), w1=(4, 5), b1=(5,), w2=(5, 2), b2=(2,))
NO_INPUT = joined(NETWORK, fixed(x=np.zeros((1, 4)), b1=np.zeros(5)))
NO_WEIGHTS = joined(NETWORK, fixed(w1=np.zeros((4, 5)), b1=np.zeros(5)))
OF_EIGHT = joined(NETWORK, normal(x=(8, 4)), fixed(w1=np.zeros((4, 5)), b1=np.zeros(5)))


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
    Fault(
        "kinks/network/claims-2-without-input",
        "outside-subdifferential",
        ("x", "w1", "b1"),
        with_loss(2.0),
        NO_INPUT,
        "behind weights of either sign every unit of a network claims the slope 2 at 0",
        # Along central differences, which show the slope 1/2 at every unit, it is exactly four times as much.
        also=("other", "factor-2", "part-off", "factor", "factor-N"),
    ),
    Fault(
        "kinks/network/claims-minus-1-without-weights",
        "outside-subdifferential",
        ("x", "w1", "b1"),
        with_loss(-1.0, squared=True),
        NO_WEIGHTS,
        "behind a mean square every unit of a network claims the slope -1 at 0",
        also=("other", "sign", "part-off"),
    ),
    Fault(
        "kinks/network/claims-2-in-a-batch",
        "outside-subdifferential",
        ("x", "w1", "b1"),
        with_loss(2.0, squared=True),
        OF_EIGHT,
        "every unit claims the slope 2 at 0 for each of eight samples",
        also=("other", "factor-2", "part-off"),
    ),
    Fault(
        "kinks/network/maximum-given-to-both",
        "tie-all-winners",
        ("a", "b"),
        pair(
            lambda a, b: np.asarray(np.maximum(a, b) @ OUT),
            lambda g, a, b: (g * OUT * (a >= b), g * OUT * (b >= a)),
        ),
        fixed(a=[1.0, 2.0, 3.0, 4.0], b=[1.0, 2.0, 5.0, 0.0]),
        "behind weights of either sign both arguments of a maximum get the gradient of a tie",
    ),
)
