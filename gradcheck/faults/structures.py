"""Mistakes in layers that move entries about: look-ups, sums, reshapes, matrix functions, attention, recurrence."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, drawn, fixed, joined, normal, pair, uniform

IDS = np.array([2, 0, 2, 1, 2])
TABLE = joined(normal(table=(4, 3)), fixed(ids=IDS))
VALUES = normal(x=(3, 5))
GAINS = drawn(matrix=lambda rng: rng.standard_normal((3, 3)) + 3 * np.eye(3))


def _look_up(table: Any, ids: Any) -> Any:
    return table[ids]


def _look_up_overwritten(g: Any, table: Any, ids: Any) -> Any:
    gradient = np.zeros_like(table)
    gradient[ids] = g
    return gradient, None


def _look_up_buffered(g: Any, table: Any, ids: Any) -> Any:
    gradient = np.zeros_like(table)
    gradient[ids] += g
    return gradient, None


def _sort_backwards(g: Any, x: Any) -> Any:
    return np.take_along_axis(g, np.argsort(x, axis=1), axis=1)


def _split_wrongly(g: Any, x: Any, _y: Any) -> Any:
    n = g.shape[1] - x.shape[1]
    return g[:, n:].copy(), g[:, :n].copy()


def _determinant_without_factor(g: Any, matrix: Any) -> Any:
    return g * np.linalg.inv(matrix).T


def _inverse_sign(g: Any, matrix: Any) -> Any:
    inverse = np.linalg.inv(matrix)
    return inverse.T @ g @ inverse.T


def _inverse_not_transposed(g: Any, matrix: Any) -> Any:
    inverse = np.linalg.inv(matrix)
    return -inverse @ g @ inverse


def _circular(x: Any, kernel: Any) -> Any:
    return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), len(x))


def _circular_without_conjugate(g: Any, x: Any, kernel: Any) -> Any:
    return _circular(g, kernel), _circular(g, x)


def _wrapped_forgotten(g: Any, _x: Any) -> Any:
    return g[:, 2:-2].copy()


def _distance(a: Any, b: Any) -> Any:
    return np.sqrt(((a[:, None] - b) ** 2).sum(axis=2))


def _distance_sign(g: Any, a: Any, b: Any) -> Any:
    away = g[:, :, None] * (a[:, None] - b) / _distance(a, b)[:, :, None]
    return away.sum(axis=1), away.sum(axis=0)


FAULTS = (
    Fault(
        "structures/embedding/repeated-ids-overwritten",
        "overlap-overwritten",
        ("table",),
        pair(_look_up, _look_up_overwritten),
        TABLE,
        "a row that is looked up several times keeps the last gradient only",
    ),
    Fault(
        "structures/embedding/buffered-addition",
        "overlap-overwritten",
        ("table",),
        pair(_look_up, _look_up_buffered),
        TABLE,
        "gradient[ids] += g adds each repeated row once",
    ),
    Fault(
        "structures/sort/order-not-inverted",
        "permuted",
        ("x",),
        pair(lambda x: np.sort(x, axis=1), _sort_backwards),
        VALUES,
        "grad_output is sorted again instead of being put back",
    ),
    Fault(
        "structures/cumulative-sum/not-reversed",
        "reversed",
        ("x",),
        pair(lambda x: np.cumsum(x, axis=1), lambda g, _x: np.cumsum(g, axis=1)),
        VALUES,
        "the sum runs forwards where it runs backwards",
    ),
    Fault(
        "structures/flip/not-flipped-back",
        "reversed",
        ("x",),
        pair(lambda x: np.tanh(x[:, ::-1]), lambda g, x: g * (1 - np.tanh(x) ** 2)),
        VALUES,
        "grad_output is not flipped back",
    ),
    Fault(
        "structures/concatenate/split-in-the-wrong-order",
        "equals-other-argument",
        ("x", "y"),
        pair(lambda x, y: np.concatenate([x, y], axis=1), _split_wrongly),
        normal(x=(3, 4), y=(3, 4)),
        "the parts are handed back in the other order",
    ),
    Fault(
        "structures/transpose/wrong-inverse",
        "permuted",
        ("x",),
        pair(lambda x: np.sin(x).transpose(1, 2, 0), lambda g, x: g.transpose(1, 2, 0) * np.cos(x)),
        normal(x=(3, 3, 3)),
        "the permutation is done again instead of being undone",
    ),
    Fault(
        "structures/reshape/other-order",
        "permuted",
        ("x",),
        pair(lambda x: x.reshape(len(x), -1) * 2.0, lambda g, x: 2 * g.reshape(x.shape, order="F")),
        normal(x=(2, 3, 4)),
        "the gradient is reshaped in Fortran's order",
    ),
    Fault(
        "structures/repeat/averaged",
        "factor-1/2",
        ("x",),
        pair(lambda x: np.repeat(x, 2, axis=1), lambda g, _x: (g[:, ::2] + g[:, 1::2]) / 2),
        VALUES,
        "copies are averaged instead of added up",
    ),
    Fault(
        "structures/wrap/edges-forgotten",
        "border-only",
        ("x",),
        pair(lambda x: np.pad(x, [(0, 0), (2, 2)], mode="wrap"), _wrapped_forgotten),
        VALUES,
        "the gradients of the wrapped margins are dropped",
    ),
    Fault(
        "structures/determinant/factor-forgotten",
        "other",
        ("matrix",),
        pair(np.linalg.det, _determinant_without_factor),
        GAINS,
        "the inverse transposed without the determinant, which is that of the logarithm",
    ),
    Fault(
        "structures/inverse/sign", "sign", ("matrix",), pair(np.linalg.inv, _inverse_sign), GAINS, "minus is missing"
    ),
    Fault(
        "structures/inverse/not-transposed",
        "transposed",
        ("matrix",),
        pair(np.linalg.inv, _inverse_not_transposed),
        GAINS,
        "the inverses on both sides are not transposed",
    ),
    Fault(
        "structures/circular/conjugate-forgotten",
        "reversed",
        ("x", "kernel"),
        pair(_circular, _circular_without_conjugate),
        normal(x=(8,), kernel=(8,)),
        "a circular convolution where the correlation belongs",
    ),
    Fault(
        "structures/distance/sign-of-the-second",
        "sign",
        ("b",),
        pair(_distance, _distance_sign),
        normal(a=(3, 2), b=(4, 2)),
        "the second set of points gets the first's sign",
    ),
    Fault(
        "structures/outputs/second-ignored",
        "path-missing",
        ("x",),
        pair(lambda x: (np.sin(x), x**2), lambda grads, x: grads[0] * np.cos(x)),
        VALUES,
        "of two outputs only the first is differentiated",
    ),
    Fault(
        "structures/outputs/exchanged",
        "other",
        ("x",),
        pair(lambda x: (np.sin(x), x**2), lambda grads, x: grads[1] * np.cos(x) + grads[0] * 2 * x),
        VALUES,
        "each output's grad_output meets the other's derivative",
        also=("permuted",),
    ),
    Fault(
        "structures/rounding/straight-through",
        "equals-grad-output",
        ("x",),
        pair(np.rint, lambda g, _x: g.copy()),
        normal(scale=3.0, x=(3, 5)),
        "rounding passes grad_output on, as a straight-through estimator does on purpose: it is no gradient",
    ),
    Fault(
        "structures/rounding/straight-through-128ths",
        "equals-grad-output",
        ("x",),
        pair(lambda x: np.round(x * 128) / 128, lambda g, _x: g.copy()),
        normal(x=(4, 5)),
        "fixed-point numbers of 8 bits, which float16 has as well, pass grad_output on",
        also=("f-prime-missing",),
    ),
    Fault(
        "structures/rounding/straight-through-255ths",
        "equals-grad-output",
        ("x",),
        pair(lambda x: np.clip(np.round(x * 255), 0, 255) / 255, lambda g, _x: g.copy()),
        uniform(0.0, 1.0, x=(4, 5)),
        "a picture's numbers, rounded to 256 levels, pass grad_output on",
        also=("f-prime-missing",),
    ),
    Fault(
        "structures/rounding/straight-through-thousandths",
        "equals-grad-output",
        ("x",),
        pair(lambda x: np.round(x, 3), lambda g, _x: g.copy()),
        normal(x=(5, 6)),
        "rounding to three digits passes grad_output on",
        also=("f-prime-missing",),
    ),
)
