"""Right layers that are defined, or right, only where their inputs belong: edges of domains, probabilities, masks."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Tricky, drawn, fixed, joined, normal, pair, uniform
from gradcheck.faults.specimens import log_softmax, softmax


def probabilities(rng: np.random.Generator) -> Any:
    """Return four distributions over five classes."""
    return softmax(rng.standard_normal((4, 5)))


def one_hots(rng: np.random.Generator) -> Any:
    """Return four one-hot rows of five classes, as floats."""
    return np.eye(5)[rng.integers(0, 5, 4)]


def unit_rows(rng: np.random.Generator) -> Any:
    """Return four rows of length 1."""
    rows = rng.standard_normal((4, 3))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def positive_definite(rng: np.random.Generator) -> Any:
    """Return a symmetric positive definite matrix."""
    root = rng.standard_normal((3, 3))
    return root @ root.T + np.eye(3)


def _soft_cross_entropy(x: Any, target: Any) -> Any:
    return -(target * log_softmax(x)).sum() / len(x)


def _fused(g: Any, x: Any, target: Any) -> Any:
    return g * (softmax(x) - target) / len(x), -g * log_softmax(x) / len(x)


def _fused_without_target(g: Any, x: Any, target: Any) -> Any:
    return g * (softmax(x) - target) / len(x), None


def _binary(p: Any, target: Any) -> Any:
    return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()


def _binary_backward(g: Any, p: Any, target: Any) -> Any:
    return g * np.where(target == 1, -1 / p, 1 / (1 - p)), None


def _renormalise(p: Any) -> Any:
    return p / p.sum(axis=1, keepdims=True)


def _strict_probabilities(p: Any) -> Any:
    if np.any(np.abs(p.sum(axis=1) - 1) > 1e-3):
        raise ValueError("rows must sum to 1")
    return -(p * np.log(p)).sum(axis=1)


def _interpolate(knots: Any) -> Any:
    if np.any(np.diff(np.real(knots)) <= 0):
        raise ValueError("knots must increase")
    return np.diff(knots) ** 2


def _interpolate_backward(g: Any, knots: Any) -> Any:
    pulled = 2 * g * np.diff(knots)
    return np.append(0, pulled) - np.append(pulled, 0)


def _gaps(x: Any) -> Any:
    return np.sort(x)[1:] - np.sort(x)[:-1]


def _gaps_if_sorted(g: Any, _x: Any) -> Any:
    return np.append(0, g) - np.append(g, 0)


def _cosine(x: Any, y: Any) -> Any:
    return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))


def _cosine_of_unit_rows(g: Any, x: Any, y: Any) -> Any:
    inner = (x * y).sum(axis=1, keepdims=True)
    return g[:, None] * (y - inner * x), g[:, None] * (x - inner * y)


def _log_determinant(matrix: Any) -> Any:
    return 2 * np.log(np.diag(np.linalg.cholesky(matrix))).sum()


def _lower_twice(inverse: Any) -> Any:
    return 2 * np.tril(inverse) - np.diag(np.diag(inverse))


def _masked_mean(x: Any, mask: Any) -> Any:
    return (x * mask).sum(axis=1) / mask.sum(axis=1)


def _look_up(position: Any, table: Any) -> Any:
    return table[np.rint(np.real(position)).astype(int)]


def _look_up_backward(g: Any, position: Any, table: Any) -> Any:
    gradient = np.zeros_like(table)
    np.add.at(gradient, np.rint(position).astype(int), g)
    return np.zeros_like(position), gradient


BLOCKED = np.array([[0, 0, -1e9, -1e9, -1e9], [0, 0, 0, 0, -1e9], [0, 0, 0, 0, 0]])


def _masked_softmax(x: Any, mask: Any) -> Any:
    return softmax(x + mask)


def _masked_softmax_backward(g: Any, x: Any, mask: Any) -> Any:
    shares = softmax(x + mask)
    gradient = shares * (g - (g * shares).sum(axis=1, keepdims=True))
    return gradient, gradient.copy()


def _eigenvalues_backward(g: Any, matrix: Any) -> Any:
    vectors = np.linalg.eigh(matrix)[1]
    return vectors @ np.diag(g) @ vectors.T


TRICKY = (
    Tricky(
        "tricky-domains/probabilities/fused-softmax",
        pair(_soft_cross_entropy, _fused),
        joined(normal(x=(4, 5)), drawn(target=probabilities)),
        "right only where targets sum to one",
    ),
    Tricky(
        "tricky-domains/probabilities/fused-softmax-one-hot",
        pair(_soft_cross_entropy, _fused_without_target),
        joined(normal(x=(4, 5)), drawn(target=one_hots)),
        "right only where targets sum to one; none is claimed for them",
    ),
    Tricky(
        "tricky-domains/probabilities/renormalised",
        pair(_renormalise, lambda g, p: g - (g * p).sum(axis=1, keepdims=True)),
        drawn(p=probabilities),
        "right only where rows sum to one",
    ),
    Tricky(
        "tricky-domains/probabilities/raises-off-the-simplex",
        pair(_strict_probabilities, lambda g, p: -g[:, None] * (np.log(p) + 1)),
        drawn(p=probabilities),
        "ValueError where a row does not sum to one",
    ),
    Tricky(
        "tricky-domains/probabilities/divergence",
        pair(lambda p, q: (p * np.log(p / q)).sum(), lambda g, p, q: (g * (np.log(p / q) + 1), -g * p / q)),
        drawn(p=probabilities, q=probabilities),
        "two distributions",
    ),
    Tricky(
        "tricky-domains/binary/targets-of-0-and-1",
        pair(_binary, _binary_backward),
        joined(uniform(0.1, 0.9, p=(6,)), fixed(target=[0.0, 1.0, 1.0, 0.0, 1.0, 0.0])),
        "right only where targets are 0 or 1",
    ),
    Tricky(
        "tricky-domains/binary/mask-of-floats",
        pair(_masked_mean, lambda g, _x, mask: (g[:, None] * mask / mask.sum(axis=1, keepdims=True), None)),
        joined(normal(x=(3, 5)), fixed(mask=[[1.0, 0, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 0]])),
        "a mask of floats, none is claimed for it",
    ),
    Tricky(
        "tricky-domains/binary/squared-mask",
        pair(lambda x, mask: x * mask, lambda g, _x, mask: (g * mask**2, None)),
        joined(normal(x=(3, 4)), fixed(mask=[[1.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]])),
        "a mask equals its square only where it is 0 or 1",
    ),
    Tricky(
        "tricky-domains/sorted/raises-otherwise",
        pair(_interpolate, _interpolate_backward),
        fixed(knots=[0.0, 0.4, 1.1, 1.5, 3.0]),
        "ValueError unless the entries increase",
    ),
    Tricky(
        "tricky-domains/sorted/right-only-there",
        pair(_gaps, _gaps_if_sorted),
        fixed(x=[-1.0, 0.4, 1.1, 1.5, 3.0]),
        "backward relies on the caller's order",
    ),
    Tricky(
        "tricky-domains/unit/cosine",
        pair(_cosine, _cosine_of_unit_rows),
        drawn(x=unit_rows, y=unit_rows),
        "right only where rows have length 1",
    ),
    Tricky(
        "tricky-domains/matrix/log-determinant",
        pair(_log_determinant, lambda g, matrix: g * _lower_twice(np.linalg.inv(matrix))),
        drawn(matrix=positive_definite),
        "a positive definite matrix, of which Cholesky reads the lower half only",
    ),
    Tricky(
        "tricky-domains/matrix/symmetric",
        pair(lambda matrix: np.linalg.slogdet(matrix)[1], lambda g, matrix: g * np.linalg.inv(matrix)),
        drawn(matrix=positive_definite),
        "right only where the matrix is symmetric",
    ),
    Tricky(
        "tricky-domains/matrix/eigenvalues-of-one-triangle",
        pair(np.linalg.eigvalsh, _eigenvalues_backward),
        drawn(matrix=positive_definite),
        "forward reads the lower triangle; the formula of the literature is the symmetric gradient",
    ),
    Tricky(
        "tricky-domains/integer/positions-of-floats",
        pair(_look_up, _look_up_backward),
        joined(fixed(position=[0.0, 2.0, 2.0, 1.0]), normal(table=(3, 4))),
        "whole numbers stored as floats choose rows",
    ),
    Tricky(
        "tricky-domains/attention/additive-mask",
        pair(_masked_softmax, _masked_softmax_backward),
        joined(normal(x=(3, 5)), fixed(mask=BLOCKED)),
        "a mask of 0 and minus a billion is added to the scores",
    ),
)
