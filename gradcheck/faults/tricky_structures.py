"""Right layers that move entries about, solve, recur, or use code that breaks the complex step without a word."""

from typing import Any

import numpy as np

from gradcheck.faults.convolution import GROUPED, GROUPS, IMAGES, STRIDED, UNEVENLY_DILATED
from gradcheck.faults.networks import HEADS, attention, attention_backward
from gradcheck.faults.records import Pair, Tricky, drawn, fixed, joined, normal, pair, uniform
from gradcheck.faults.specimens import sigmoid
from gradcheck.faults.structures import GAINS, TABLE

VALUES = normal(x=(3, 5))
VECTOR = normal(x=(7,))


def _look_up_backward(g: Any, table: Any, ids: Any) -> Any:
    gradient = np.zeros_like(table)
    np.add.at(gradient, ids, g)
    return gradient, None


def _scatter(values: Any, ids: Any) -> Any:
    output = np.zeros((4, values.shape[1]), values.dtype)
    np.add.at(output, ids, values)
    return output


def _circular(x: Any, kernel: Any) -> Any:
    return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), len(x))


def _correlate(g: Any, kernel: Any) -> Any:
    return np.fft.irfft(np.fft.rfft(g) * np.conj(np.fft.rfft(kernel)), len(g))


def _inverse_backward(g: Any, matrix: Any) -> Any:
    inverse = np.linalg.inv(matrix)
    return -inverse.T @ g @ inverse.T


def _solve_backward(g: Any, matrix: Any, right: Any) -> Any:
    pulled = np.linalg.solve(matrix.T, g)
    return -np.outer(pulled, np.linalg.solve(matrix, right)), pulled


def _lstm_gates(x: Any, h: Any, weight: Any) -> Any:
    i, f, o, n = np.split(np.concatenate([x, h], axis=1) @ weight, 4, axis=1)
    return sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(n)


def _lstm(x: Any, h: Any, c: Any, weight: Any) -> Any:
    i, f, o, n = _lstm_gates(x, h, weight)
    cell = f * c + i * n
    return o * np.tanh(cell), cell


def _lstm_backward(grads: Any, x: Any, h: Any, c: Any, weight: Any) -> Any:
    grad_h, grad_cell = grads
    i, f, o, n = _lstm_gates(x, h, weight)
    t = np.tanh(f * c + i * n)
    inner = grad_cell + grad_h * o * (1 - t**2)
    gates = inner * n * i * (1 - i), inner * c * f * (1 - f), grad_h * t * o * (1 - o), inner * i * (1 - n**2)
    joint = np.concatenate(gates, axis=1)
    both = joint @ weight.T
    return both[:, : x.shape[1]], both[:, x.shape[1] :], inner * f, np.concatenate([x, h], axis=1).T @ joint


def _recurrence(x: Any, weight: Any) -> Any:
    states = [np.zeros_like(x[0])]
    for each in x:
        states.append(np.tanh(each + states[-1] @ weight))
    return np.stack(states[1:])


def _recurrence_backward(g: Any, x: Any, weight: Any) -> Any:
    states = np.concatenate([np.zeros_like(x[:1]), _recurrence(x, weight)])
    carried, grad_x, grad_weight = np.zeros_like(x[0]), np.zeros_like(x), np.zeros_like(weight)
    for t in reversed(range(len(x))):
        grad_x[t] = (g[t] + carried) * (1 - states[t + 1] ** 2)
        carried, grad_weight = grad_x[t] @ weight.T, grad_weight + np.outer(states[t], grad_x[t])
    return grad_x, grad_weight


def _top_two(x: Any) -> Any:
    return np.sort(x, axis=1)[:, -2:].sum(axis=1)


def _top_two_backward(g: Any, x: Any) -> Any:
    return g[:, None] * (x >= np.sort(x, axis=1)[:, -2:-1])


def _interpolate(x: Any, heights: Any) -> Any:
    return np.interp(x, np.arange(len(heights)), heights)


def _interpolate_backward(g: Any, x: Any, heights: Any) -> Any:
    left = np.clip(np.floor(x).astype(int), 0, len(heights) - 2)
    share, inside = np.clip(x - left, 0, 1), (x > 0) & (x < len(heights) - 1)
    grad_heights = np.zeros_like(heights)
    np.add.at(grad_heights, left, g * (1 - share))
    np.add.at(grad_heights, left + 1, g * share)
    return g * np.diff(heights)[left] * inside, grad_heights


def _third_of_sum(x: Any) -> Any:
    return (x[:-2] + x[1:-1] + x[2:]) * (1 / 3)


def _upper(g: Any, kernel: int = 3) -> Any:
    return np.convolve(g, np.full(kernel, 1 / 3))


CIRCULAR = Pair(_circular, lambda g, x, k: (_correlate(g, k), _correlate(g, x)))
STATES = normal(x=(2, 3), h=(2, 2), c=(2, 2), weight=(5, 8))


def _cumulative_product_backward(g: Any, x: Any) -> Any:
    rest = np.array(
        [[np.prod(np.delete(x[: j + 1], i)) if i <= j else 0.0 for j in range(len(x))] for i in range(len(x))]
    )
    return rest.reshape(len(x), len(x)) @ g


TRICKY = (
    Tricky(
        "tricky-structures/index/embedding",
        pair(lambda table, ids: table[ids], _look_up_backward),
        TABLE,
        "repeated ids add up, one row is never read",
    ),
    Tricky(
        "tricky-structures/index/scatter",
        pair(_scatter, lambda g, _v, ids: (g[ids], None)),
        joined(normal(values=(5, 3)), fixed(ids=np.array([2, 0, 2, 1, 2]))),
        "several rows are added into one",
    ),
    Tricky(
        "tricky-structures/index/top-two",
        pair(_top_two, _top_two_backward),
        VALUES,
        "which entries count depends on the values",
    ),
    Tricky(
        "tricky-structures/index/argmax",
        pair(
            lambda x, y: y[np.arange(len(y)), np.real(x).argmax(axis=1)],
            lambda g, x, y: (np.zeros_like(x), g[:, None] * (np.arange(y.shape[1]) == x.argmax(axis=1)[:, None])),
        ),
        normal(x=(3, 5), y=(3, 5)),
        "one argument only chooses, and its gradient is zero",
    ),
    Tricky(
        "tricky-structures/index/interpolation",
        pair(_interpolate, _interpolate_backward),
        joined(uniform(0.1, 3.9, x=(6,)), normal(heights=(5,))),
        "piecewise linear",
    ),
    Tricky(
        "tricky-structures/sum/cumulative",
        pair(lambda x: np.cumsum(x, axis=1), lambda g, _x: np.cumsum(g[:, ::-1], axis=1)[:, ::-1]),
        VALUES,
        "the gradient is a view with a negative stride",
    ),
    Tricky(
        "tricky-structures/sum/third-by-reciprocal",
        pair(_third_of_sum, lambda g, _x: _upper(g)),
        VECTOR,
        "an average that multiplies by a rounded reciprocal",
    ),
    Tricky(
        "tricky-structures/sum/norm",
        pair(np.linalg.norm, lambda g, x: g * x / np.linalg.norm(x)),
        VALUES,
        "numpy.linalg.norm takes absolute values",
    ),
    Tricky(
        "tricky-structures/sum/variance",
        pair(lambda x: x.var(), lambda g, x: 2 * g * (x - x.mean()) / x.size),
        VALUES,
        "a scalar in which every entry counts twice",
    ),
    Tricky(
        "tricky-structures/convolution/fft",
        pair(*CIRCULAR),
        normal(x=(16,), kernel=(16,)),
        "rounding noise everywhere, and complex numbers are cut",
    ),
    Tricky("tricky-structures/convolution/grouped", pair(GROUPED.forward, GROUPED.backward), GROUPS, "two groups"),
    Tricky(
        "tricky-structures/convolution/strided",
        pair(STRIDED.forward, STRIDED.backward),
        IMAGES,
        "rows and columns that no window covers",
    ),
    Tricky(
        "tricky-structures/convolution/dilated",
        pair(UNEVENLY_DILATED.forward, UNEVENLY_DILATED.backward),
        normal(x=(2, 3, 6, 7), weight=(4, 3, 3, 2), bias=(4,)),
        "gaps along one axis",
    ),
    Tricky("tricky-structures/matrix/inverse", pair(np.linalg.inv, _inverse_backward), GAINS, "an inverse"),
    Tricky(
        "tricky-structures/matrix/determinant",
        pair(np.linalg.det, lambda g, m: g * np.linalg.det(m) * np.linalg.inv(m).T),
        GAINS,
        "a determinant",
    ),
    Tricky(
        "tricky-structures/matrix/solve",
        pair(np.linalg.solve, _solve_backward),
        drawn(matrix=lambda rng: rng.standard_normal((3, 3)) + 3 * np.eye(3), right=lambda rng: rng.standard_normal(3)),
        "a linear system",
    ),
    Tricky(
        "tricky-structures/matrix/nearly-singular",
        pair(np.linalg.inv, _inverse_backward),
        fixed(matrix=[[1.0, 2.0], [2.0, 4.0001]]),
        "an inverse with a condition of 250,000",
    ),
    Tricky(
        "tricky-structures/network/attention",
        pair(attention, attention_backward),
        HEADS,
        "three arguments of three shapes",
    ),
    Tricky("tricky-structures/network/lstm", pair(_lstm, _lstm_backward), STATES, "two outputs that share their path"),
    Tricky(
        "tricky-structures/network/recurrence",
        pair(_recurrence, _recurrence_backward),
        normal(scale=0.7, x=(6, 3), weight=(3, 3)),
        "six steps with a shared weight",
    ),
    Tricky(
        "tricky-structures/product/cumulative-with-a-zero",
        pair(np.cumprod, _cumulative_product_backward),
        fixed(x=[1.0, 0.0, 2.0, 3.0]),
        "a zero in front hides the order of the entries from the outputs",
    ),
)
