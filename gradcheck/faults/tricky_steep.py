"""Right layers that are steep, oscillate, or stand next to a pole."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.records import Tricky, fixed, normal, pair, uniform
from gradcheck.faults.tricky_scales import VALUES

RECIPROCAL = elementwise(lambda x: 1 / x, lambda x: -1 / x**2)


def _deep(x: Any) -> Any:
    for _ in range(20):
        x = np.tanh(1.5 * x)
    return x


def _deep_backward(g: Any, x: Any) -> Any:
    for _ in range(20):
        x = np.tanh(1.5 * x)
        g = g * 1.5 * (1 - x**2)
    return g


def _logistic_map(x: Any) -> Any:
    for _ in range(10):
        x = 3.9 * x * (1 - x)
    return x


def _logistic_map_backward(g: Any, x: Any) -> Any:
    for _ in range(10):
        g = g * 3.9 * (1 - 2 * x)
        x = 3.9 * x * (1 - x)
    return g


def _products(x: Any) -> Any:
    return np.cumprod(x, axis=1)


def _products_backward(g: Any, x: Any) -> Any:
    return np.cumsum((g * _products(x))[:, ::-1], axis=1)[:, ::-1] / x


def _slope_of_a_step(x: Any) -> Any:
    return 1e6 / np.cosh(np.minimum(np.abs(1e6 * x), 350)) ** 2


TRICKY = (
    Tricky(
        "tricky-scales/steep/sin-50x",
        elementwise(lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x)),
        VALUES,
        "oscillates within any usual step",
    ),
    Tricky(
        "tricky-scales/steep/sin-1000x",
        elementwise(lambda x: np.sin(1000 * x), lambda x: 1000 * np.cos(1000 * x)),
        VALUES,
        "oscillates 160 times between 0 and 1",
    ),
    Tricky(
        "tricky-scales/steep/exp-5x",
        elementwise(lambda x: np.exp(5 * x), lambda x: 5 * np.exp(5 * x)),
        normal(scale=2.0, x=(3, 4)),
        "outputs over ten decades",
    ),
    Tricky(
        "tricky-scales/steep/seventh-power",
        elementwise(lambda x: x**7, lambda x: 7 * x**6),
        normal(scale=3.0, x=(3, 4)),
        "outputs over many decades",
    ),
    Tricky(
        "tricky-scales/steep/reciprocal-near-zero",
        RECIPROCAL,
        uniform(0.03, 0.07, x=(3, 4)),
        "a pole at a distance of 0.05",
    ),
    Tricky(
        "tricky-scales/steep/reciprocal-very-near",
        RECIPROCAL,
        fixed(x=[1e-4, -2e-4, 1.0]),
        "a pole at a distance of 1e-4",
    ),
    Tricky(
        "tricky-scales/steep/exp-of-300",
        elementwise(np.exp, np.exp),
        uniform(200.0, 300.0, x=(3, 4)),
        "outputs up to 1e130",
    ),
    Tricky("tricky-scales/steep/twenty-layers", pair(_deep, _deep_backward), VALUES, "a chain of twenty tanh"),
    Tricky(
        "tricky-scales/steep/logistic-map",
        pair(_logistic_map, _logistic_map_backward),
        uniform(0.1, 0.9, x=(3, 4)),
        "a polynomial of degree 1024",
    ),
    Tricky(
        "tricky-scales/steep/product",
        pair(_products, _products_backward),
        uniform(0.5, 3.0, x=(3, 8)),
        "running products",
    ),
    Tricky(
        "tricky-scales/steep/sin-million-x",
        elementwise(lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 * x)),
        VALUES,
        "oscillates 160,000 times between 0 and 1",
    ),
    Tricky(
        "tricky-scales/steep/tanh-million-x-at-zero",
        elementwise(lambda x: np.tanh(1e6 * x), _slope_of_a_step),
        fixed(x=np.zeros(4)),
        "a step as wide as 1e-6, at a point that gives no scale",
    ),
)
