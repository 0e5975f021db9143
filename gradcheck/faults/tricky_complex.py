"""Right layers whose code breaks the complex step, some of them without a word."""

import math
from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.records import Tricky
from gradcheck.faults.specimens import sigmoid
from gradcheck.faults.tricky_structures import VALUES


def _modulus(x: Any) -> Any:
    return np.sqrt(np.abs(x) ** 2 + 1)


def _by_hand(x: Any) -> Any:
    return np.array([math.sin(v) for v in x.ravel()]).reshape(x.shape)


def _branched(x: Any) -> Any:
    return np.where(np.real(x) > 0, np.sin(x), np.sin(np.real(x)) * 2)


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _checked(x: Any) -> Any:
    if x.dtype != np.float64:
        raise TypeError("x must be float64")
    return x


TRICKY = (
    Tricky(
        "tricky-structures/complex/abs",
        elementwise(_modulus, lambda x: x / np.sqrt(x**2 + 1)),
        VALUES,
        "numpy.abs of a complex number",
    ),
    Tricky(
        "tricky-structures/complex/real-part",
        elementwise(lambda x: np.sin(x.real), np.cos),
        VALUES,
        ".real drops the imaginary part",
    ),
    Tricky(
        "tricky-structures/complex/astype",
        elementwise(lambda x: np.sin(x.astype(float)), np.cos),
        VALUES,
        "astype drops the imaginary part, with a warning",
    ),
    Tricky("tricky-structures/complex/math", elementwise(_by_hand, np.cos), VALUES, "math.sin takes no complex number"),
    Tricky(
        "tricky-structures/complex/one-branch",
        elementwise(_branched, lambda x: np.cos(x) * np.where(x > 0, 1, 2)),
        VALUES,
        "one branch drops the imaginary part",
    ),
    Tricky(
        "tricky-structures/complex/softplus",
        elementwise(_softplus, sigmoid),
        VALUES,
        "smooth, and made of maximum and abs, which break separately",
    ),
    Tricky(
        "tricky-structures/complex/conjugate",
        elementwise(lambda x: x * np.conj(x), lambda x: 2 * x),
        VALUES,
        "the conjugate of a real number is itself",
    ),
    Tricky(
        "tricky-structures/complex/float-assert",
        elementwise(lambda x: _checked(x) ** 3, lambda x: 3 * x**2),
        VALUES,
        "refuses anything but float64",
    ),
)
