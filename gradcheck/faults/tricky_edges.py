"""Right layers near the edge of their domain, and networks whose units are at their kinks."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.networks import NO_INPUT, NO_WEIGHTS, with_loss
from gradcheck.faults.records import Tricky, fixed, joined, normal, pair, uniform


def _strict_log(x: Any) -> Any:
    if np.any(np.real(x) <= 0):
        raise ValueError("x must be positive")
    return np.log(x)


TRICKY = (
    Tricky(
        "tricky-domains/edge/sqrt",
        elementwise(np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        fixed(x=[1e-6, 1e-3, 2.0]),
        "the domain ends at 1e-6 from an entry",
    ),
    Tricky(
        "tricky-domains/edge/log",
        elementwise(np.log, lambda x: 1 / x),
        fixed(x=[1e-8, 1e-4, 3.0]),
        "the domain ends at 1e-8 from an entry",
    ),
    Tricky(
        "tricky-domains/edge/x-log-x",
        elementwise(lambda x: x * np.log(x), lambda x: np.log(x) + 1),
        fixed(x=[1e-10, 0.1, 2.0]),
        "finite values, steep at the edge",
    ),
    Tricky(
        "tricky-domains/edge/arcsin",
        elementwise(np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x))),
        fixed(x=[0.99999, -0.9999, 0.1]),
        "two edges",
    ),
    Tricky(
        "tricky-domains/edge/logit",
        elementwise(lambda p: np.log(p / (1 - p)), lambda p: 1 / (p * (1 - p))),
        fixed(p=[1e-7, 0.5, 1 - 1e-5]),
        "probabilities next to 0 and 1",
    ),
    Tricky(
        "tricky-domains/edge/arccosh",
        elementwise(np.arccosh, lambda x: 1 / np.sqrt(x - 1) / np.sqrt(x + 1)),
        fixed(x=[1.0001, 1.5, 20.0]),
        "defined above 1",
    ),
    Tricky(
        "tricky-domains/edge/power",
        pair(np.power, lambda g, x, y: (g * y * x ** (y - 1), g * x**y * np.log(x))),
        joined(uniform(0.1, 3.0, x=(3, 4)), normal(y=(3, 4))),
        "the base must be positive",
    ),
    Tricky(
        "tricky-domains/edge/raises-on-negatives",
        elementwise(_strict_log, lambda x: 1 / x),
        uniform(0.05, 2.0, x=(3, 4)),
        "ValueError outside the domain",
    ),
    Tricky(
        "tricky-domains/edge/raises-near-the-edge",
        elementwise(_strict_log, lambda x: 1 / x),
        fixed(x=[1e-7, 0.5, 2.0]),
        "ValueError at a distance of 1e-7",
    ),
    Tricky(
        "tricky-domains/angle/arctan2",
        pair(np.arctan2, lambda g, y, x: (g * x / (x**2 + y**2), -g * y / (x**2 + y**2))),
        fixed(y=[1e-9, -1e-9, 1.0], x=[-1.0, -1.0, 2.0]),
        "on both sides of the cut at minus pi",
    ),
    *(
        Tricky(
            f"tricky-kinks/network/{name}-claiming-{said}",
            with_loss(at_zero, squared=squared),
            inputs,
            "units behind weights of either sign are at their kinks",
        )
        for name, inputs, squared in (("no-input", NO_INPUT, False), ("no-weights", NO_WEIGHTS, True))
        for said, at_zero in (("0", 0.0), ("half", 0.5), ("1", 1.0))
    ),
)
