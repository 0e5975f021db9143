"""Mistakes that any layer can have: a constant, a few entries, the wrong thing returned."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Pair, normal, pair, spoiled
from gradcheck.faults.specimens import CUBE, LINEAR, SINE

SMALL, MANY, ROWS = normal(x=(3, 4)), normal(x=(10, 100)), normal(x=(5, 4))
LAYER = normal(x=(5, 4), weight=(4, 3), bias=(3,))
MEAN = Pair(lambda x: np.tanh(x).mean(axis=0), lambda g, x: g / len(x) * (1 - np.tanh(x) ** 2))


def entry(change: Any, index: tuple[int, ...] = (3, 41)) -> Any:
    """Return a change of a gradient that does `change` to the one entry at `index`, where there is one."""

    def changed(gradient: Any) -> Any:
        gradient = gradient.copy()
        if all(i < n for i, n in zip(index, gradient.shape, strict=True)):
            gradient[index] = change(gradient[index])
        return gradient

    return changed


FAULTS = (
    Fault("scaling/sign", "sign", ("x",), spoiled(CUBE, np.negative), SMALL, "the gradient is negated"),
    Fault("scaling/doubled", "factor-2", ("x",), spoiled(CUBE, lambda d: 2 * d), SMALL, "the gradient is doubled"),
    Fault("scaling/halved", "factor-1/2", ("x",), spoiled(CUBE, lambda d: d / 2), SMALL, "the gradient is halved"),
    Fault(
        "scaling/times-batch",
        "factor-N",
        ("x",),
        spoiled(MEAN, lambda d: d * len(d)),
        ROWS,
        "the mean's division is left out",
    ),
    Fault(
        "scaling/divided-by-batch",
        "factor-1/N",
        ("x",),
        spoiled(CUBE, lambda d: d / max(len(d), 1)),
        ROWS,
        "divided by the batch size",
    ),
    Fault(
        "scaling/divided-by-outputs",
        "factor-1/N",
        ("x",),
        spoiled(SINE, lambda d: d / max(d.size, 1)),
        SMALL,
        "divided by the number of outputs",
    ),
    Fault(
        "scaling/learning-rate",
        "factor-learning-rate",
        ("x",),
        spoiled(SINE, lambda d: 0.001 * d),
        SMALL,
        "times a learning rate",
    ),
    Fault(
        "scaling/descent-direction",
        "factor-learning-rate",
        ("weight",),
        spoiled(LINEAR, lambda d: -0.01 * d, at=1),
        LAYER,
        "the step of gradient descent is returned: minus 0.01 times the gradient",
    ),
    Fault("scaling/zero", "zero", ("x",), spoiled(CUBE, np.zeros_like), SMALL, "the gradient is zero"),
    Fault("scaling/weight-zero", "zero", ("weight",), spoiled(LINEAR, np.zeros_like, at=1), LAYER, "never filled in"),
    Fault(
        "scaling/equals-grad-output",
        "equals-grad-output",
        ("x",),
        pair(np.sin, lambda g, _x: g.copy()),
        SMALL,
        "grad_output is returned",
    ),
    Fault(
        "scaling/grad-output-ignored",
        "grad-output-ignored",
        ("x",),
        pair(np.sin, lambda _g, x: np.cos(x)),
        SMALL,
        "the derivative is not multiplied by grad_output",
    ),
    Fault(
        "scaling/grad-output-summed",
        "grad-output-summed",
        ("x",),
        pair(np.sin, lambda g, x: g.sum() * np.cos(x)),
        SMALL,
        "the derivative is multiplied by the sum of grad_output",
    ),
    Fault(
        "scaling/grad-output-averaged",
        "grad-output-averaged",
        ("x",),
        pair(np.sin, lambda g, x: g.mean() * np.cos(x)),
        SMALL,
        "the derivative is multiplied by the mean of grad_output",
    ),
    Fault(
        "scaling/same-for-both",
        "equals-other-argument",
        ("y",),
        pair(lambda x, y: np.sin(x) * y, lambda g, x, y: (g * np.cos(x) * y, g * np.cos(x) * y)),
        normal(x=(3, 4), y=(3, 4)),
        "the first argument's gradient is returned for both",
    ),
    Fault(
        "scaling/transposed",
        "transposed",
        ("x",),
        spoiled(CUBE, lambda d: d.T.copy()),
        normal(x=(4, 4)),
        "the gradient is transposed",
    ),
    Fault(
        "scaling/reversed",
        "reversed",
        ("x",),
        spoiled(CUBE, lambda d: d[..., ::-1].copy()),
        SMALL,
        "every row is reversed",
    ),
    Fault(
        "scaling/moved-by-one",
        "shifted",
        ("x",),
        spoiled(CUBE, lambda d: np.roll(d, 1, axis=-1)),
        SMALL,
        "every row is moved by one",
    ),
    Fault(
        "scaling/constant-added",
        "offset",
        ("x",),
        spoiled(CUBE, lambda d: d + 1e-3),
        SMALL,
        "0.001 is added to every entry",
    ),
    Fault(
        "scaling/off-by-5e-4",
        "small-error",
        ("x",),
        spoiled(CUBE, lambda d: d * (1 + 5e-4)),
        SMALL,
        "a relative error of 5e-4",
    ),
    Fault(
        "scaling/off-by-1e-6",
        "small-error",
        ("x",),
        spoiled(SINE, lambda d: d * (1 - 1e-6)),
        SMALL,
        "a relative error of 1e-6",
    ),
    Fault(
        "scaling/tiny-with-wrong-sign",
        "sign",
        ("x",),
        pair(lambda x: 1e-6 * np.sin(x), lambda g, x: -1e-6 * g * np.cos(x)),
        SMALL,
        "a gradient of about 1e-6 has the wrong sign",
    ),
    Fault(
        "scaling/tiny-beside-large",
        "sign",
        ("y",),
        pair(lambda x, y: 1e3 * x + 1e-5 * np.sin(y), lambda g, _x, y: (1e3 * g, -1e-5 * g * np.cos(y))),
        normal(x=(3, 4), y=(3, 4)),
        "a small gradient beside a large one has the wrong sign",
    ),
    Fault(
        "scaling/mean-removed",
        "offset",
        ("x",),
        spoiled(CUBE, lambda d: d - d.mean()),
        SMALL,
        "the gradient's mean is subtracted",
    ),
    Fault(
        "scaling/checkerboard-added",
        "offset",
        ("x",),
        spoiled(CUBE, lambda d: d + 0.1 * (-1.0) ** np.add.outer(*map(np.arange, d.shape))),
        SMALL,
        "0.1 is added and subtracted in turns",
    ),
    Fault(
        "scaling/claim-for-what-has-no-effect",
        "other",
        ("y",),
        pair(lambda x, y: np.sin(x) + 0 * y, lambda g, x, _y: (g * np.cos(x), g.copy())),
        normal(x=(3, 4), y=(3, 4)),
        "an argument that forward does not use gets a gradient",
        also=("equals-grad-output",),
    ),
)
