"""Mistakes in the derivatives of GELU, Swish, ELU and PReLU."""

from math import pi, sqrt
from typing import Any

import numpy as np

from gradcheck.faults.activations import VALUES, elementwise
from gradcheck.faults.records import Fault, fixed, pair
from gradcheck.faults.specimens import sigmoid


def gelu(x: Any) -> Any:
    """Return GELU in its tanh form."""
    return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))


def elu(x: Any) -> Any:
    """Return x where positive, 1.5 (exp x - 1) elsewhere."""
    return np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0)))


def _gelu_of_sigmoid(x: Any) -> Any:
    s = sigmoid(1.702 * x)
    return s + 1.702 * x * s * (1 - s)


def _prelu(x: Any, slope: Any) -> Any:
    return np.where(x > 0, x, slope * x)


FAULTS = (
    Fault(
        "activations/prelu/slope-counts-positive-values",
        "wrong-branch",
        ("slope",),
        pair(_prelu, lambda g, x, a: (g * np.where(x > 0, 1, a), np.array((g * x).sum()))),
        fixed(x=[[0.5, -1.2, 2.0], [-0.3, 1.1, -2.2]], slope=np.array(0.25)),
        "the gradient of the slope counts positive values too",
    ),
    Fault(
        "activations/prelu/slope-not-summed",
        "wrong-shape",
        ("slope",),
        pair(_prelu, lambda g, x, a: (g * np.where(x > 0, 1, a), g * np.minimum(x, 0))),
        fixed(x=[[0.5, -1.2, 2.0], [-0.3, 1.1, -2.2]], slope=np.array(0.25)),
        "the gradient of the single slope has the shape of the input",
    ),
    Fault(
        "activations/elu/alpha-forgotten",
        "f-prime-wrong",
        ("x",),
        elementwise(elu, lambda x: np.where(x > 0, 1, np.exp(x))),
        VALUES,
        "the derivative of the negative branch lacks its factor of 1.5",
    ),
    Fault(
        "activations/elu/branches-exchanged",
        "wrong-branch",
        ("x",),
        elementwise(elu, lambda x: np.where(x > 0, 1.5 * np.exp(x), 1)),
        VALUES,
        "each branch has the other's derivative",
    ),
    Fault(
        "activations/gelu/of-the-sigmoid-form",
        "small-error",
        ("x",),
        elementwise(gelu, _gelu_of_sigmoid),
        VALUES,
        "forward is the tanh form and backward the derivative of the sigmoid form: off by up to 2 %",
    ),
    Fault(
        "activations/gelu/second-term-forgotten",
        "path-missing",
        ("x",),
        elementwise(gelu, lambda x: gelu(x) / x),
        VALUES,
        "the product rule's second term is left out",
    ),
    Fault(
        "activations/swish/second-term-forgotten",
        "path-missing",
        ("x",),
        elementwise(lambda x: x * sigmoid(x), sigmoid),
        VALUES,
        "the product rule's second term is left out",
    ),
)
