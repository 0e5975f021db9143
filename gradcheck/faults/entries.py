"""Mistakes in a few entries of a gradient while the others are right."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, fixed, spoiled
from gradcheck.faults.scaling import MANY, ROWS, entry
from gradcheck.faults.specimens import CUBE, SINE


def _row(gradient: Any) -> Any:
    return np.concatenate([gradient[:2], -gradient[2:3], gradient[3:]])


def _exchanged(gradient: Any) -> Any:
    flat = gradient.copy().reshape(-1)
    if flat.size > 700:
        flat[[341, 700]] = flat[[700, 341]]
    return flat.reshape(gradient.shape)


FAULTS = (
    Fault(
        "scaling/one-of-1000-zeroed",
        "part-zeroed",
        ("x",),
        spoiled(CUBE, entry(lambda _d: 0.0)),
        MANY,
        "one entry of 1,000",
    ),
    Fault(
        "scaling/one-of-1000-off-by-1-percent",
        "part-off",
        ("x",),
        spoiled(CUBE, entry(lambda d: 1.01 * d)),
        MANY,
        "one entry of 1,000",
    ),
    Fault(
        "scaling/one-of-1000-negated",
        "part-off",
        ("x",),
        spoiled(SINE, entry(lambda d: -d)),
        MANY,
        "one entry of 1,000",
    ),
    Fault("scaling/one-row-negated", "part-off", ("x",), spoiled(CUBE, _row), ROWS, "the third row is negated"),
    Fault(
        "scaling/smallest-entry-zeroed",
        "part-zeroed",
        ("x",),
        spoiled(CUBE, entry(lambda _d: 0.0, (0,))),
        fixed(x=np.array([1e-3, 2.0, -1.5, 3.0, 0.7])),
        "the entry whose gradient is smallest by far is zeroed",
    ),
    Fault(
        "scaling/two-of-1000-exchanged",
        "permuted",
        ("x",),
        spoiled(CUBE, _exchanged),
        MANY,
        "two entries of 1,000 are exchanged",
        also=("part-off",),
    ),
    Fault(
        "scaling/last-sample-halved",
        "part-off",
        ("x",),
        spoiled(CUBE, lambda d: np.concatenate([d[:-1], d[-1:] / 2])),
        ROWS,
        "the last sample's gradient is halved",
    ),
)
