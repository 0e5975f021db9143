"""Right layers that look wrong: domains that hold at one side only, masks, zeros, numbers without axes, ties."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.entropies import (
    BINARY,
    PROBABILITIES,
    ZEROS_AMONG,
    clipped_entropy,
    grad_p,
    grad_t,
    soft_entropy,
    strict_entropy,
)
from gradcheck.faults.records import HONEST, Tricky, drawn, fixed, joined, normal, pair
from gradcheck.faults.specimens import log_softmax

MASK = drawn(mask=lambda _rng: np.where(np.tri(4) > 0, 0.0, -1e9))
SIZES = np.array([3.0, 3.0, 3.0, 1.0, 2.0])


def _masked_softmax(s: Any, mask: Any) -> Any:
    z = s + mask
    e = np.exp(z - np.max(z.real, axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _through_softmax(g: Any, p: Any) -> Any:
    return p * (g - (g * p).sum(axis=1, keepdims=True))


def _others(x: Any) -> Any:
    """The product of the other entries of the row."""
    columns = [np.prod(np.delete(x, j, axis=-1), axis=-1) for j in range(x.shape[-1])]
    return np.stack(columns, axis=-1).reshape(x.shape)


def _length(x: Any) -> Any:
    return np.sqrt((x * x).sum(axis=1, keepdims=True))


def _normalised(x: Any) -> Any:
    return x / np.maximum(_length(x), 1e-12)


def _normalised_backward(g: Any, x: Any) -> Any:
    length = np.maximum(_length(x), 1e-12)
    along = np.where(_length(x) > 1e-12, (g * x).sum(axis=1, keepdims=True), 0.0)
    return g / length - x * along / length**3


def _sorted_backward(g: Any, x: Any) -> Any:
    grad = np.zeros_like(x)
    np.put_along_axis(grad, np.argsort(x, axis=0, kind="stable"), g, 0)
    return grad


def _pooled(x: Any) -> Any:
    return x.reshape(2, 2, 2, 2, 2, 2).max(axis=(3, 5))


def _pooled_backward(g: Any, x: Any) -> Any:
    windows = x.reshape(2, 2, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 2, 2, 2, 4)
    shares = np.zeros(windows.shape)
    np.put_along_axis(shares, windows.argmax(-1)[..., None], g[..., None], -1)
    return shares.reshape(2, 2, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)


def _gathered(z: Any, label: Any) -> Any:
    return z[np.arange(len(z)), label.real.astype(int)]


def _gathered_backward(g: Any, z: Any, label: Any) -> Any:
    grad = np.zeros_like(z)
    grad[np.arange(len(z)), label.astype(int)] = g
    return grad, None


def _first_maximum(g: Any, x: Any) -> Any:
    grad = np.zeros_like(x)
    grad[x.argmax(axis=0), np.arange(x.shape[1])] = g
    return grad


TRICKY = (
    Tricky(
        "tricky-adversary/domain/soft-targets-fused",
        pair(soft_entropy, lambda g, z, t: (g * (np.exp(log_softmax(z)) - t) / len(z), None)),
        joined(normal(z=(5, 4)), drawn(t=lambda rng: rng.dirichlet(np.ones(4), 5))),
        "softmax minus target is right where targets sum to one, and they must not be rounded either",
    ),
    Tricky(
        "tricky-adversary/domain/clipped-entropy",
        pair(clipped_entropy, lambda g, p, t: (grad_p(g, p, t), None)),
        joined(PROBABILITIES, BINARY),
        "forward clips probabilities, backward does not: right between the ends",
    ),
    Tricky(
        "tricky-adversary/domain/strict-entropy",
        pair(strict_entropy, lambda g, p, t: (grad_p(g, p, t), grad_t(g, p))),
        joined(PROBABILITIES, BINARY),
        "every change of the targets leaves their domain on one side",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/domain/float-labels",
        pair(_gathered, _gathered_backward),
        joined(normal(z=(3, 4)), fixed(label=[0.0, 3.0, 1.0])),
        "labels are floating numbers that forward truncates",
    ),
    Tricky(
        "tricky-adversary/domain/hinge-of-signs",
        pair(lambda z, y: ((y * z - 1) ** 2).sum(), lambda g, z, y: (g * 2 * (z - y), None)),
        joined(normal(z=(6,)), fixed(y=[1.0, -1.0, 1.0, 1.0, -1.0, -1.0])),
        "backward uses that the square of a sign is one",
    ),
    Tricky(
        "tricky-adversary/domain/lengths",
        pair(
            lambda x, n: x.sum(axis=1) / n,
            lambda g, x, n: (np.repeat((g / n)[:, None], x.shape[1], axis=1), -g * x.sum(axis=1) / n**2),
        ),
        joined(normal(x=(5, 4)), fixed(n=SIZES)),
        "counts given as floating numbers, differentiated like any other",
    ),
    Tricky(
        "tricky-adversary/mask/additive-unclaimed",
        pair(_masked_softmax, lambda g, s, mask: (_through_softmax(g, _masked_softmax(s, mask)), None)),
        joined(normal(s=(4, 4)), MASK),
        "a mask of -1e9 beside scores of size one",
    ),
    Tricky(
        "tricky-adversary/mask/additive-claimed",
        pair(
            _masked_softmax,
            lambda g, s, mask: (
                _through_softmax(g, _masked_softmax(s, mask)),
                _through_softmax(g, _masked_softmax(s, mask)),
            ),
        ),
        joined(normal(s=(4, 4)), MASK),
        "the gradient of an additive mask is that of the scores, whatever the mask's own scale",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/zeros/product-with-a-zero",
        pair(lambda x: x.prod(axis=1), lambda g, x: g[:, None] * _others(x)),
        ZEROS_AMONG,
        "an output that is exactly zero and yet responds",
    ),
    Tricky(
        "tricky-adversary/zeros/pool-of-zeros",
        pair(_pooled, _pooled_backward),
        fixed(x=np.zeros((2, 2, 4, 4))),
        "a square of zeros is symmetric, too",
    ),
    Tricky(
        "tricky-adversary/zeros/unit-length-at-zero",
        pair(_normalised, _normalised_backward),
        fixed(x=[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
        "the slope at a zero row is 1e12, for steps of at most 1e-12",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/scalar/relu-at-zero",
        elementwise(lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0)),
        fixed(x=np.array(0.0)),
        "one number without axes, at a kink",
    ),
    Tricky(
        "tricky-adversary/scalar/cube",
        elementwise(lambda x: x**3, lambda x: 3 * x**2),
        fixed(x=np.array(1.7)),
        "NumPy turns results without axes into scalars, which warn where arrays wrap",
    ),
    Tricky(
        "tricky-adversary/scalar/maximum-split",
        pair(
            lambda a, b: np.maximum(a.real, b.real),
            lambda g, a, b: (g * ((a > b) + 0.5 * (a == b)), g * ((b > a) + 0.5 * (a == b))),
        ),
        fixed(a=np.array(2.0), b=np.array(2.0)),
        "a tie of two numbers without axes",
    ),
    Tricky(
        "tricky-adversary/tie/sort-of-a-constant",
        pair(lambda x: np.sort(x.real, axis=0), _sorted_backward),
        fixed(x=np.ones((5, 4))),
        "order statistics of more than two ties are neither convex nor concave",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/tie/first-maximum-over-the-batch",
        pair(lambda x: x.real.max(axis=0), _first_maximum),
        drawn(x=lambda rng: rng.integers(0, 3, (5, 4)).astype(float)),
        "another order of the samples has another first winner",
    ),
)
