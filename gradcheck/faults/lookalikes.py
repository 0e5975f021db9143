"""Mistakes whose gradients look like another mistake's: a bound like a rounding, a mask like whole numbers."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, normal, pair, spoiled
from gradcheck.faults.specimens import CUBE, LINEAR, SINE, Conv2d, Pool2d, first_winner

CONV = Conv2d(padding=(1, 1))
CONV_POINT = normal(x=(2, 2, 5, 5), weight=(3, 2, 3, 3), bias=(3,))
LINEAR_POINT = normal(x=(5, 4), weight=(4, 3), bias=(3,))
HALVES = Pool2d()


def _brought_to_length_one(gradient: Any) -> Any:
    return gradient / max(1.0, np.linalg.norm(gradient))


FAULTS: tuple[Fault, ...] = (
    Fault(
        "lookalikes/clipped/to-one-half",
        "clipped",
        ("x",),
        spoiled(CONV, lambda gradient: np.clip(gradient, -0.5, 0.5)),
        CONV_POINT,
        "clipped so tightly that nearly every entry is a bound, and so a number of one decimal",
    ),
    Fault(
        "lookalikes/clipped/to-five",
        "clipped",
        ("weight",),
        spoiled(CONV, lambda gradient: np.clip(gradient, -5.0, 5.0), 1),
        CONV_POINT,
        "clipped where few entries meet the bound",
    ),
    Fault(
        "lookalikes/clipped/below-alone",
        "clipped",
        ("x",),
        spoiled(SINE, lambda gradient: np.maximum(gradient, -0.2)),
        normal(x=(4, 3)),
        "cut off at one side",
    ),
    Fault(
        "lookalikes/clipped/by-length",
        "clipped",
        ("weight",),
        spoiled(LINEAR, _brought_to_length_one, 1),
        LINEAR_POINT,
        "brought down to length 1, as an optimiser would",
    ),
    Fault(
        "lookalikes/clipped/grad-output",
        "clipped",
        ("x",),
        pair(CUBE.forward, lambda g, x: CUBE.backward(np.clip(g, -0.7, 0.7), x)),
        normal(x=(4, 3)),
        "grad_output is clipped before it is used",
    ),
    Fault(
        "lookalikes/whole-numbers/the-mask-of-a-pool",
        "grad-output-ignored",
        ("x",),
        pair(
            lambda x: HALVES.windows(x, -np.inf).max(axis=0),
            lambda _g, x: HALVES.spread(first_winner(HALVES.windows(x, -np.inf)).astype(float), x),
        ),
        normal(x=(2, 2, 4, 4)),
        "the mask of the winners, whole numbers all, without grad_output",
    ),
    Fault(
        "lookalikes/whole-numbers/signs-alone",
        "not-linear",
        ("weight",),
        spoiled(LINEAR, np.sign, 1),
        LINEAR_POINT,
        "signs of the gradient, as signSGD sends them",
    ),
    Fault(
        "lookalikes/grid/sixty-fourths",
        "small-error",
        ("weight",),
        spoiled(LINEAR, lambda gradient: np.round(gradient * 64) / 64, 1),
        LINEAR_POINT,
        "quantised, whose few binary places a float16 has as well",
        also=("not-linear",),
    ),
    Fault(
        "lookalikes/grid/grad-output-to-one-decimal",
        "small-error",
        ("x",),
        pair(CUBE.forward, lambda g, x: CUBE.backward(np.round(g, 1), x)),
        normal(x=(4, 3)),
        "grad_output is rounded to a decimal, and no float16",
        also=("not-linear",),
    ),
    Fault(
        "lookalikes/single/negated-as-well",
        "sign",
        ("x",),
        spoiled(CUBE, lambda gradient: -gradient.astype(np.float32).astype(float)),
        normal(x=(4, 3)),
        "computed in float32 and negated",
        also=("float32-truncation",),
    ),
)
