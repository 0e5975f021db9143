"""Right layers in unusual dress: odd shapes, kinds of inputs and results, state that is kept properly."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Tricky, fixed, joined, normal, pair
from gradcheck.faults.specimens import CUBE, LINEAR, SINE, sigmoid

VALUES = normal(x=(3, 4))
LAYER = normal(x=(5, 4), weight=(4, 3), bias=(3,))
TWO = normal(x=(3, 4), y=(3, 4))


def _read_only(g: Any, x: Any) -> Any:
    gradient = g * np.cos(x)
    gradient.flags.writeable = False
    return gradient


def _every_other(g: Any, x: Any) -> Any:
    roomy = np.zeros((*x.shape, 2), x.dtype)
    roomy[..., 0] = g * np.cos(x)
    return roomy[..., 0]


def _two_outputs_backward(grads: Any, x: Any) -> Any:
    first, second = grads
    return first * np.cos(x) - second[0] * np.sin(x)


def _split_backward(grads: Any, x: Any) -> Any:
    return np.concatenate(grads, axis=1).astype(x.dtype)


def _extremes_backward(grads: Any, x: Any) -> Any:
    high, total = grads
    return high * (x == x.max()) + total * np.ones_like(x)


def _guarded_log(x: Any) -> Any:
    with_warning = np.log(np.where(x > 0, x, 0))
    return np.where(x > 0, with_warning, 0.0)


def _guarded_log_backward(g: Any, x: Any) -> Any:
    return g * np.where(x > 0, 1 / np.where(x > 0, x, 1), 0)


def _chosen(x: Any, mode: Any) -> Any:
    return np.sin(x) if mode == "sine" else np.cos(x)


def _chosen_backward(g: Any, x: Any, mode: Any) -> Any:
    return (g * np.cos(x) if mode == "sine" else -g * np.sin(x)), None


def _largest_backward(grads: Any, x: Any) -> Any:
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, x.argmax(axis=1)[:, None], grads[0][:, None], axis=1)
    return gradient


TRICKY = (
    Tricky("tricky-manners/shape/zero-dimensional", pair(*SINE), fixed(x=np.array(0.7)), "a 0-d input and output"),
    Tricky(
        "tricky-manners/shape/scalar-loss",
        pair(lambda x: float((x**2).sum()), lambda g, x: 2 * g * x),
        VALUES,
        "forward returns a Python float",
    ),
    Tricky(
        "tricky-manners/shape/scalar-parameter",
        pair(
            lambda x, scale: scale * np.tanh(x), lambda g, x, s: (s * g * (1 - np.tanh(x) ** 2), (g * np.tanh(x)).sum())
        ),
        joined(VALUES, fixed(scale=np.array(1.3))),
        "a NumPy scalar for a 0-d argument",
    ),
    Tricky(
        "tricky-manners/shape/empty-batch",
        pair(*LINEAR),
        fixed(x=np.zeros((0, 4)), weight=np.ones((4, 3)), bias=np.ones(3)),
        "no sample at all",
    ),
    Tricky(
        "tricky-manners/shape/size-one",
        pair(*LINEAR),
        normal(x=(1, 1), weight=(1, 1), bias=(1,)),
        "every axis has size 1",
    ),
    Tricky("tricky-manners/shape/one-entry", pair(*CUBE), fixed(x=[1.7]), "a single number"),
    Tricky("tricky-manners/shape/five-axes", pair(*SINE), normal(x=(2, 1, 3, 1, 2)), "five axes"),
    Tricky(
        "tricky-manners/outputs/two",
        pair(lambda x: (np.sin(x), np.cos(x).sum(keepdims=True)[0]), _two_outputs_backward),
        VALUES,
        "a tuple of outputs of different shapes",
    ),
    Tricky(
        "tricky-manners/outputs/list",
        pair(lambda x: [x[:, :1] * 1.0, x[:, 1:] * 1.0], _split_backward),
        VALUES,
        "a list of outputs",
    ),
    Tricky(
        "tricky-manners/outputs/scalars",
        pair(lambda x: (x.max(), x.sum()), _extremes_backward),
        VALUES,
        "two scalar outputs",
    ),
    Tricky(
        "tricky-manners/outputs/view-of-input",
        pair(lambda x: x.T, lambda g, _x: g.T),
        VALUES,
        "output and gradient are views",
    ),
    Tricky(
        "tricky-manners/outputs/tuple-of-one",
        pair(lambda x: (np.sin(x),), lambda g, x: (g * np.cos(x),)),
        VALUES,
        "a tuple with one output",
    ),
    Tricky(
        "tricky-manners/constants/integer-labels",
        pair(lambda x, labels: x[np.arange(len(x)), labels], lambda g, x, labels: (_placed(g, x, labels), None)),
        joined(VALUES, fixed(labels=np.array([1, 3, 0]))),
        "integers are constants",
    ),
    Tricky(
        "tricky-manners/constants/boolean-mask",
        pair(lambda x, keep: np.where(keep, x**2, 0), lambda g, x, keep: (2 * g * x * keep, None)),
        joined(VALUES, fixed(keep=np.eye(3, 4, dtype=bool))),
        "a mask of truth values",
    ),
    Tricky(
        "tricky-manners/constants/left-out",
        pair(lambda x, keep: x * keep, lambda g, _x, keep: (g * keep,)),
        joined(VALUES, fixed(keep=np.eye(3, 4, dtype=bool))),
        "one gradient for the one floating argument",
    ),
    Tricky(
        "tricky-manners/constants/word",
        pair(_chosen, _chosen_backward),
        joined(VALUES, fixed(mode="sine")),
        "a constant that is no array",
    ),
    Tricky(
        "tricky-manners/constants/first",
        pair(lambda power, x: x**power, lambda g, power, x: (None, g * power * x ** (power - 1))),
        joined(fixed(power=3), VALUES),
        "a constant before the array",
    ),
    Tricky("tricky-manners/result/read-only", pair(np.sin, _read_only), VALUES, "a gradient that cannot be written to"),
    Tricky(
        "tricky-manners/result/fortran",
        pair(np.sin, lambda g, x: np.asfortranarray(g * np.cos(x))),
        VALUES,
        "a gradient in Fortran's order",
    ),
    Tricky("tricky-manners/result/strided", pair(np.sin, _every_other), VALUES, "a gradient with gaps in memory"),
    Tricky(
        "tricky-manners/result/broadcast",
        pair(lambda x: x.sum(axis=1), lambda g, x: np.broadcast_to(g[:, None], x.shape)),
        VALUES,
        "a gradient that repeats memory",
    ),
    Tricky("tricky-manners/result/list", pair(np.multiply, lambda g, x, y: [g * y, g * x]), TWO, "a list of gradients"),
    Tricky(
        "tricky-manners/result/dict",
        pair(np.multiply, lambda g, x, y: {"y": g * x, "x": g * y}),
        TWO,
        "a dict in another order",
    ),
    Tricky(
        "tricky-manners/result/none-for-float-constant",
        pair(lambda x, scale: x * 3 + 0 * scale, lambda g, _x, _s: (3 * g, None)),
        joined(VALUES, fixed(scale=np.array(2.0))),
        "None where forward does not respond",
    ),
    Tricky(
        "tricky-manners/warnings/log-of-zero",
        pair(_guarded_log, _guarded_log_backward),
        fixed(x=[0.5, -1.0, 2.0]),
        "NumPy warns of a value that is not used",
    ),
    Tricky(
        "tricky-manners/warnings/overflow",
        pair(sigmoid, lambda g, x: g * sigmoid(x) * (1 - sigmoid(x))),
        fixed(x=[-800.0, 0.5, 1.0]),
        "exp overflows, and the sigmoid is 0 all the same",
    ),
    Tricky(
        "tricky-manners/batch/bias-of-zeros-as-long-as-the-batch",
        pair(
            lambda x, weight, bias: x @ weight + bias,
            lambda g, x, weight, _bias: (g @ weight.T, (x.swapaxes(1, 2) @ g).sum(axis=0), g.sum(axis=(0, 1))),
        ),
        joined(normal(x=(2, 4, 3), weight=(3, 2)), fixed(bias=[0.0, 0.0])),
        "half of the bias broadcasts, and is no sample of a batch",
    ),
    Tricky(
        "tricky-manners/outputs/integers-beside",
        pair(lambda x: (x.max(axis=1), x.argmax(axis=1)), _largest_backward),
        VALUES,
        "the places of the maxima come as a second output, of integers",
    ),
    Tricky(
        "tricky-manners/outputs/identity", pair(lambda x: x, lambda g, _x: g), VALUES, "the input itself is returned"
    ),
    Tricky(
        "tricky-manners/outputs/read-only",
        pair(lambda x: np.broadcast_to(x.sum(), (3,)), lambda g, x: np.full(x.shape, g.sum())),
        VALUES,
        "an output that repeats memory and cannot be written to",
    ),
)


def _placed(g: Any, x: Any, labels: Any) -> Any:
    gradient = np.zeros_like(x)
    gradient[np.arange(len(x)), labels] = g
    return gradient
