"""Mistakes in the gradients of softmax and log-softmax."""

from typing import Any

import numpy as np

from gradcheck.faults.normalisation import ROWS
from gradcheck.faults.records import Fault, pair, spoiled
from gradcheck.faults.specimens import SOFTMAX, softmax


def _log_softmax(x: Any) -> Any:
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


FAULTS = (
    Fault(
        "normalisation/softmax/diagonal",
        "softmax-diagonal",
        ("x",),
        pair(softmax, lambda g, x: g * softmax(x) * (1 - softmax(x))),
        ROWS,
        "the Jacobian is taken as diagonal",
    ),
    Fault(
        "normalisation/softmax/sum-over-batch",
        "batch-leak",
        ("x",),
        pair(softmax, lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(axis=0))),
        ROWS,
        "the sum runs over the batch instead of the classes",
    ),
    Fault(
        "normalisation/softmax/outer-factor-forgotten",
        "other",
        ("x",),
        pair(softmax, lambda g, x: g - (g * softmax(x)).sum(axis=1, keepdims=True)),
        ROWS,
        "the factor y in front is left out",
    ),
    Fault(
        "normalisation/softmax/sign",
        "sign",
        ("x",),
        spoiled(SOFTMAX, np.negative),
        ROWS,
        "the gradient is negated",
    ),
    Fault(
        "normalisation/log-softmax/sum-forgotten",
        "path-missing",
        ("x",),
        pair(_log_softmax, lambda g, x: g - softmax(x) * 0),
        ROWS,
        "the path through the logarithm of the sum is left out",
    ),
    Fault(
        "normalisation/log-softmax/grad-output-not-summed",
        "softmax-diagonal",
        ("x",),
        pair(_log_softmax, lambda g, x: g - softmax(x) * g),
        ROWS,
        "the Jacobian is taken as diagonal: softmax times grad_output instead of its sum",
    ),
)
