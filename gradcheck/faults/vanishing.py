"""Gradients that vanish by construction, sums over winners so far, and parameters that act on one side of a kink."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Tricky, fixed, joined, normal, pair

DENSE = normal(x=(8, 4), weight=(4, 3), bias=(3,))
DIRECTION = normal(direction=(3, 4), length=(3, 1))
SLOPED = joined(normal(x=(4, 5)), normal(slope=(5,)))


def _normalised(x: Any, weight: Any, bias: Any) -> Any:
    z = x @ weight + bias
    return (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)


def _normalised_backward(g: Any, x: Any, weight: Any, bias: Any, *, grad_bias: Any = None) -> Any:
    z = x @ weight + bias
    size = np.sqrt(z.var(axis=0) + 1e-5)
    unit = (z - z.mean(axis=0)) / size
    inner = (g - g.mean(axis=0) - unit * (g * unit).mean(axis=0)) / size
    return inner @ weight.T, x.T @ inner, inner.sum(axis=0) if grad_bias is None else grad_bias(g)


def _weight_norm(direction: Any, length: Any) -> Any:
    return length * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def _weight_norm_backward(g: Any, direction: Any, length: Any) -> Any:
    size = np.linalg.norm(direction, axis=1, keepdims=True)
    unit = direction / size
    along = (g * unit).sum(axis=1, keepdims=True)
    return length * (g - along * unit) / size, along


def _weight_norm_unprojected(g: Any, direction: Any, length: Any) -> Any:
    size = np.linalg.norm(direction, axis=1, keepdims=True)
    return length * g / size, (g * direction / size).sum(axis=1, keepdims=True)


def _highest_so_far(x: Any) -> Any:
    return np.maximum.accumulate(x, axis=1)


def _highest_backward(g: Any, x: Any) -> Any:
    gradient = np.zeros_like(x)
    for row, values in enumerate(x):
        winner = 0
        for column in range(len(values)):
            winner = column if values[column] > values[winner] else winner
            gradient[row, winner] += g[row, column]
    return gradient


def _highest_overwritten(g: Any, x: Any) -> Any:
    gradient = np.zeros_like(x)
    for row, values in enumerate(x):
        winner = 0
        for column in range(len(values)):
            winner = column if values[column] > values[winner] else winner
            gradient[row, winner] = g[row, column]
    return gradient


def _sloped(x: Any, slope: Any) -> Any:
    return np.where(x > 0, x, slope * x)


def _sloped_backward(g: Any, x: Any, slope: Any) -> Any:
    return g * np.where(x > 0, 1.0, slope), (g * np.where(x > 0, 0.0, x)).sum(axis=0)


def _sloped_everywhere(g: Any, x: Any, slope: Any) -> Any:
    return g * np.where(x > 0, 1.0, slope), (g * x).sum(axis=0)


FAULTS = (
    Fault(
        "vanishing/bias/before-a-normalisation",
        "other",
        ("bias",),
        pair(_normalised, lambda g, x, w, b: _normalised_backward(g, x, w, b, grad_bias=lambda g: g.sum(axis=0))),
        DENSE,
        "the normalisation takes the bias out again, and the gradient is the one without it",
    ),
    Fault(
        "vanishing/weight-norm/projection-forgotten",
        "variance-path-missing",
        ("direction",),
        pair(_weight_norm, _weight_norm_unprojected),
        DIRECTION,
        "the direction is divided by its length, which depends on it too",
    ),
    Fault(
        "vanishing/highest-so-far/overwritten",
        "overlap-overwritten",
        ("x",),
        pair(_highest_so_far, _highest_overwritten),
        normal(x=(3, 6)),
        "a winner that stays for several columns gets the last one's gradient alone",
    ),
    Fault(
        "vanishing/slope/on-both-sides",
        "wrong-branch",
        ("slope",),
        pair(_sloped, _sloped_everywhere),
        SLOPED,
        "the slope acts on negative values alone",
    ),
)

TRICKY = (
    Tricky(
        "tricky-vanishing/bias/before-a-normalisation",
        pair(_normalised, _normalised_backward),
        DENSE,
        "the true gradient is zero; the claim is a sum of terms that cancel",
    ),
    Tricky(
        "tricky-vanishing/bias/before-a-normalisation-claims-zero",
        pair(
            _normalised, lambda g, x, w, b: _normalised_backward(g, x, w, b, grad_bias=lambda g: np.zeros(g.shape[1]))
        ),
        DENSE,
        "the true gradient is zero, and so is the claim",
    ),
    Tricky(
        "tricky-vanishing/weight-norm/along-itself",
        pair(_weight_norm, _weight_norm_backward),
        DIRECTION,
        "the gradient is orthogonal to its argument",
    ),
    Tricky(
        "tricky-vanishing/highest-so-far/with-ties",
        pair(_highest_so_far, _highest_backward),
        fixed(x=[[1.0, 1.0, 0.5, 2.0], [0.0, -1.0, 0.0, 0.0]]),
        "ties with the winner so far",
    ),
    Tricky(
        "tricky-vanishing/slope/at-zeros",
        pair(_sloped, _sloped_backward),
        fixed(x=[[0.0, 1.0, -1.0], [2.0, 0.0, -0.5]], slope=[0.25, -0.5, 0.1]),
        "kinks for one argument that the other does not feel",
    ),
)
