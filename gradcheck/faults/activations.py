"""Mistakes in the derivatives of elementwise functions."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, fixed, normal, pair
from gradcheck.faults.specimens import sigmoid

VALUES = normal(scale=2.0, x=(4, 6))
POSITIVE = fixed(x=[[0.3, 1.7, 2.2], [0.9, 4.1, 0.6]])
SLOPE = 0.1


def elementwise(function: Any, slope: Any) -> Make:
    """Return a maker of a layer with an elementwise function and the factor that its backward gives grad_output."""
    return pair(function, lambda g, x: g * slope(x))


def relu(x: Any) -> Any:
    """Return the positive part."""
    return np.maximum(x, 0)


def leaky(x: Any) -> Any:
    """Return x where positive, SLOPE times x elsewhere."""
    return np.where(x > 0, x, SLOPE * x)


def _tanh_slope(x: Any) -> Any:
    return 1 - np.tanh(x) ** 2


FAULTS = (
    Fault(
        "activations/relu/f-prime-missing",
        "f-prime-missing",
        ("x",),
        pair(relu, lambda g, _x: g * 1.0),
        VALUES,
        "grad_output is passed on where the unit is off",
    ),
    Fault(
        "activations/relu/mask-inverted",
        "wrong-branch",
        ("x",),
        elementwise(relu, lambda x: x < 0),
        VALUES,
        "the mask of the other branch",
    ),
    Fault(
        "activations/relu/mask-of-grad-output",
        "wrong-branch",
        ("x",),
        pair(relu, lambda g, _x: relu(g)),
        VALUES,
        "ReLU is done to grad_output instead of its derivative being multiplied with it",
    ),
    Fault(
        "activations/relu/mask-starts-at-one",
        "wrong-branch",
        ("x",),
        elementwise(relu, lambda x: x > 1),
        VALUES,
        "the mask begins at 1",
    ),
    Fault(
        "activations/leaky-relu/slope-on-the-wrong-side",
        "slope-wrong-side",
        ("x",),
        elementwise(leaky, lambda x: np.where(x > 0, SLOPE, 1.0)),
        VALUES,
        "positive values get the small slope",
    ),
    Fault(
        "activations/leaky-relu/slope-forgotten",
        "wrong-branch",
        ("x",),
        elementwise(leaky, lambda x: x > 0),
        VALUES,
        "negative values get no gradient, as in a plain ReLU",
    ),
    Fault(
        "activations/sigmoid/f-prime-missing",
        "f-prime-missing",
        ("x",),
        pair(sigmoid, lambda g, _x: g.copy()),
        VALUES,
        "the derivative is left out",
    ),
    Fault(
        "activations/sigmoid/at-the-output",
        "f-prime-at-output",
        ("x",),
        elementwise(sigmoid, lambda x: sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x)))),
        VALUES,
        "the derivative is evaluated at the output",
    ),
    Fault(
        "activations/sigmoid/at-the-input",
        "f-prime-at-input",
        ("x",),
        elementwise(sigmoid, lambda x: x * (1 - x)),
        VALUES,
        "y (1 - y) with the input for y",
    ),
    Fault(
        "activations/tanh/at-the-output",
        "f-prime-at-output",
        ("x",),
        elementwise(np.tanh, lambda x: _tanh_slope(np.tanh(x))),
        VALUES,
        "the derivative is evaluated at the output",
    ),
    Fault(
        "activations/tanh/at-the-input",
        "f-prime-at-input",
        ("x",),
        elementwise(np.tanh, lambda x: 1 - x**2),
        VALUES,
        "1 - y squared with the input for y",
    ),
    Fault(
        "activations/tanh/square-forgotten",
        "f-prime-wrong",
        ("x",),
        elementwise(np.tanh, lambda x: 1 - np.tanh(x)),
        VALUES,
        "1 - y where 1 - y squared belongs",
    ),
    Fault(
        "activations/tanh/derivative-of-sigmoid",
        "f-prime-wrong",
        ("x",),
        elementwise(np.tanh, lambda x: sigmoid(x) * (1 - sigmoid(x))),
        VALUES,
        "the derivative of the sigmoid",
    ),
    Fault(
        "activations/softplus/derivative-is-exp",
        "f-prime-wrong",
        ("x",),
        elementwise(lambda x: np.log1p(np.exp(x)), np.exp),
        VALUES,
        "exp(x) where the sigmoid belongs",
    ),
    Fault(
        "activations/hard-sigmoid/slope-forgotten",
        "factor",
        ("x",),
        elementwise(lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: np.abs(x) < 3),
        VALUES,
        "the slope of 1/6 is taken as 1",
    ),
    Fault(
        "activations/abs/sign-forgotten",
        "f-prime-missing",
        ("x",),
        pair(np.abs, lambda g, _x: g + 0),
        VALUES,
        "the derivative of |x| is taken as 1 everywhere",
    ),
    Fault(
        "activations/sine/sign",
        "sign",
        ("x",),
        elementwise(np.sin, lambda x: -np.cos(x)),
        VALUES,
        "minus the cosine",
    ),
    Fault(
        "activations/sqrt/doubled",
        "factor-2",
        ("x",),
        elementwise(np.sqrt, lambda x: 1 / np.sqrt(x)),
        POSITIVE,
        "the factor of one half is left out",
    ),
    Fault(
        "activations/log1p/derivative-of-log",
        "f-prime-wrong",
        ("x",),
        elementwise(np.log1p, lambda x: 1 / x),
        POSITIVE,
        "the derivative of log x",
    ),
)
