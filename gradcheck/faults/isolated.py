"""One entry among ordinary ones: flat, at the edge of forward's domain, or at a kink beside other kinks."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.records import HONEST, Fault, Tricky, fixed, normal, pair, uniform

FLAT = fixed(x=[0.3, -1.1, 0.7, 0.0, 1.9, -0.4, 0.9])
EDGE = fixed(x=[0.7, 1.3, 0.4, 1e-2, 1.9, 0.25])
SMALL = fixed(x=[1.7e-4, 0.3, -1.1, 0.7, 1.9, -0.4, 0.9])
MANY, FEW = 60, 3


def _fourth(right: Any, factor: float) -> Any:
    """Return a derivative with its fourth entry times a factor."""
    return lambda x: right(x) * np.where(np.arange(x.size) == 3, factor, 1.0)


def _beside_differences(x: Any) -> Any:
    """ReLUs of the first entries, and ReLUs less ReLUs of the others."""
    y = np.maximum(x, 0)
    return np.concatenate([y[:MANY], y[MANY : MANY + FEW] - y[MANY + FEW :]])


def _claiming(at_zero: float) -> Any:
    def backward(g: Any, x: Any) -> Any:
        slopes = np.where(x == 0, np.where(np.arange(x.size) < MANY, at_zero, 1.0), x > 0)
        return slopes * np.concatenate([g, -g[MANY:]])

    return backward


def _sine_over(x: Any) -> Any:
    return np.sin(x) / x


def _sine_over_prime(x: Any) -> Any:
    small = -x / 3 + x**3 / 30 - x**5 / 840
    return np.where(np.abs(x) < 0.05, small, (x * np.cos(x) - np.sin(x)) / x**2)


FAULTS = (
    Fault(
        "isolated/flat/bell-claims-one-at-zero",
        "part-off",
        ("x",),
        elementwise(lambda x: 1 / (1 + x * x), lambda x: np.where(x == 0, 1.0, -2 * x / (1 + x * x) ** 2)),
        FLAT,
        "the slope at the top of a bell is claimed to be 1",
        also=("other",),
    ),
    Fault(
        "isolated/edge/logarithm-doubled",
        "part-off",
        ("x",),
        elementwise(np.log, _fourth(lambda x: 1 / x, 2.0)),
        EDGE,
        "twice the slope of the one entry that is close to the edge of the domain",
    ),
    Fault(
        "isolated/edge/pole-negated",
        "part-off",
        ("x",),
        elementwise(lambda x: 1 / x, _fourth(lambda x: -1 / x**2, -1.0)),
        fixed(x=[0.7, 1.3, 0.4, 1e-3, 1.9, 0.25]),
        "the sign of the one entry that is close to a pole",
    ),
    Fault(
        "isolated/kink/relu-claims-2-beside-differences",
        "outside-subdifferential",
        ("x",),
        pair(_beside_differences, _claiming(2.0)),
        fixed(x=np.zeros(MANY + 2 * FEW)),
        "ReLUs claim 2 at 0, and beside them are kinks of either sign",
    ),
    Fault(
        "adversary/tie/median-gives-all",
        "tie-all-winners",
        ("x",),
        pair(lambda x: np.asarray(np.median(x)), lambda g, x: g * (x == np.median(x))),
        fixed(x=[1.0, 1.0, 0.0, 2.0, 1.0]),
        "each of three entries that are the median gets the whole gradient, and no direction shows a kink",
        also=("outside-subdifferential", "factor"),
    ),
    Fault(
        "isolated/kink/clip-claims-2-at-both-edges",
        "outside-subdifferential",
        ("x",),
        elementwise(lambda x: np.clip(x, -1, 1), lambda x: np.where(np.abs(x) == 1, 2.0, np.abs(x) < 1)),
        fixed(x=[1.0, -1.0, 0.3, -2.1, 0.7, 2.9, -0.4, 1.9]),
        "two kinks among smooth entries",
    ),
)

TRICKY = (
    Tricky(
        "tricky-kinks/mixed/relu-beside-differences",
        pair(_beside_differences, _claiming(0.0)),
        fixed(x=np.zeros(MANY + 2 * FEW)),
        "kinks of one sign, and beside them choices of branch",
    ),
    Tricky(
        "tricky-isolated/flat/sine-over-its-argument",
        elementwise(_sine_over, _sine_over_prime),
        SMALL,
        "the complex step cancels at one small entry, and answers a few ulps with silence",
    ),
    Tricky(
        "tricky-isolated/steps/floor",
        elementwise(np.floor, np.zeros_like),
        normal(x=(10,)),
        "constant close by, and a slope of one from afar",
    ),
    Tricky(
        "tricky-isolated/steps/floor-of-hundreds",
        elementwise(np.floor, np.zeros_like),
        normal(scale=100.0, x=(10,)),
        "whole numbers that fit into float16, and are no rounding to it",
        HONEST,
    ),
    Tricky(
        "tricky-isolated/steps/whole-cents",
        elementwise(lambda x: np.round(x, 2), np.zeros_like),
        uniform(1.0, 500.0, x=(10,)),
        "steps so small beside the values that they look like noise",
        HONEST,
    ),
    Tricky(
        "tricky-isolated/steps/sum-of-floors",
        pair(lambda x: np.asarray(np.floor(20 * x).sum()), lambda _g, x: np.zeros_like(x)),
        normal(x=(10,)),
        "a single output, and a whole number",
        HONEST,
    ),
)
