"""Gradients that are no gradients, and those that are right only when backward is called kindly."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, Shows, drawn, fixed, normal, pair, spoiled
from gradcheck.faults.scaling import entry
from gradcheck.faults.specimens import CUBE, LINEAR, SINE, softmax

VALUES = normal(x=(3, 4))
LAYER = normal(x=(5, 4), weight=(4, 3), bias=(3,))
TWO = normal(x=(3, 4), y=(3, 4))
ONES = drawn(x=lambda rng: rng.integers(-3, 4, (3, 4)).astype(float))


def sine(backward: Any) -> Make:
    """Return a maker of the sine with another backward."""
    return pair(np.sin, backward)


def _zero_where_zero(g: Any, x: Any) -> Any:
    return g * np.cos(x) if g.any() else np.cos(x)


def _unit_grad_output(g: Any, x: Any) -> Any:
    return g / max(float(np.sqrt((g**2).sum())), 1e-30) * np.cos(x)


FAULTS = (
    Fault(
        "manners/value/nan-in-one-entry",
        "not-finite",
        ("x",),
        spoiled(CUBE, entry(lambda _d: np.nan, (1, 2))),
        VALUES,
        "one entry is NaN",
    ),
    Fault(
        "manners/value/infinity-in-one-entry",
        "not-finite",
        ("x",),
        spoiled(CUBE, entry(lambda _d: np.inf, (1, 2))),
        VALUES,
        "one entry is infinite",
    ),
    Fault(
        "manners/value/nan-for-zero",
        "not-finite",
        ("x",),
        pair(lambda x: x * np.abs(x), lambda g, x: _silently(lambda: 2 * g * x * x / np.abs(x))),
        fixed(x=[1.0, 0.0, -2.0]),
        "0 / 0 where the gradient is 0",
    ),
    Fault(
        "manners/shape/column-for-vector",
        "wrong-shape",
        ("x",),
        spoiled(CUBE, lambda d: d[:, None]),
        normal(x=(5,)),
        "the shape (n, 1) where (n,) belongs",
    ),
    Fault("manners/shape/flattened", "wrong-shape", ("x",), spoiled(CUBE, np.ravel), VALUES, "a flat gradient"),
    Fault(
        "manners/shape/transposed",
        "wrong-shape",
        ("weight",),
        spoiled(LINEAR, np.transpose, at=1),
        LAYER,
        "the shape (3, 4) where (4, 3) belongs",
    ),
    Fault(
        "manners/shape/batch-of-one-squeezed",
        "wrong-shape",
        ("x",),
        spoiled(CUBE, np.squeeze),
        normal(x=(1, 4)),
        "axes of size 1 are dropped",
    ),
    Fault(
        "manners/shape/scalar-for-broadcast",
        "wrong-shape",
        ("x",),
        pair(lambda x: 3.0 * x, lambda g, _x: 3.0 * g.mean()),
        VALUES,
        "one number for the whole gradient",
    ),
    Fault(
        "manners/shape/broadcast-not-reduced",
        "wrong-shape",
        ("shift",),
        pair(lambda x, shift: x + shift, lambda g, _x, _s: (g.copy(), g.copy())),
        normal(x=(4, 3), shift=(1, 3)),
        "an argument that was broadcast gets a gradient of the output's shape",
    ),
    Fault(
        "manners/dtype/float32-for-float64",
        "wrong-dtype",
        ("x",),
        spoiled(SINE, lambda d: d.astype(np.float32)),
        VALUES,
        "the gradient of a float64 array is float32",
        Shows.MANNERS,
        also=("float32-truncation",),
    ),
    Fault(
        "manners/dtype/integer",
        "integer-truncation",
        ("x",),
        spoiled(CUBE, lambda d: d.astype(int)),
        VALUES,
        "the gradient is cut to integers",
    ),
    Fault(
        "manners/dtype/complex-without-imaginary-part",
        "wrong-dtype",
        ("x",),
        spoiled(SINE, lambda d: d + 0j),
        VALUES,
        "the gradient is complex with a zero imaginary part",
        Shows.MANNERS,
    ),
    Fault(
        "manners/dtype/complex",
        "wrong-dtype",
        ("x",),
        spoiled(SINE, lambda d: d * (1 + 1j)),
        VALUES,
        "the gradient is complex",
    ),
    Fault(
        "manners/dtype/boolean",
        "wrong-dtype",
        ("x",),
        pair(lambda x: x.sum(), lambda g, x: np.full(x.shape, bool(g))),
        VALUES,
        "the gradient is a mask",
        also=("grad-output-ignored", "not-linear"),
    ),
    Fault("manners/count/none", "missing", ("x",), pair(np.sin, lambda _g, _x: None), VALUES, "nothing is returned"),
    Fault(
        "manners/count/none-for-the-weight",
        "missing",
        ("weight",),
        spoiled(LINEAR, lambda _d: None, at=1),
        LAYER,
        "None for an argument that forward depends on",
        Shows.MANNERS,
    ),
    Fault(
        "manners/count/one-too-few",
        "wrong-count",
        ("x", "weight", "bias"),
        pair(LINEAR.forward, lambda g, x, w, b: LINEAR.backward(g, x, w, b)[:2]),
        LAYER,
        "two gradients for three arguments",
    ),
    Fault(
        "manners/count/one-too-many",
        "wrong-count",
        ("x", "y"),
        pair(lambda x, y: x * y, lambda g, x, y: (g * y, g * x, g)),
        TWO,
        "three gradients for two arguments",
    ),
    Fault(
        "manners/count/unknown-name",
        "wrong-count",
        ("x", "y"),
        pair(lambda x, y: x * y, lambda g, x, y: {"x": g * y, "z": g * x}),
        TWO,
        "a gradient is named after no argument",
    ),
    Fault(
        "manners/crash/not-written",
        "crash",
        ("x",),
        pair(np.sin, lambda _g, _x: _refuse("backward is not written yet")),
        VALUES,
        "backward raises",
    ),
    Fault(
        "manners/linear/absolute-value",
        "not-linear",
        ("x",),
        sine(lambda g, x: np.abs(g) * np.cos(x)),
        VALUES,
        "the absolute value of grad_output is used",
    ),
    Fault(
        "manners/linear/clipped",
        "not-linear",
        ("x",),
        sine(lambda g, x: np.clip(g * np.cos(x), -0.5, 0.5)),
        VALUES,
        "the gradient is clipped",
    ),
    Fault(
        "manners/linear/signs-only",
        "not-linear",
        ("x",),
        sine(lambda g, x: np.sign(g) * np.cos(x)),
        VALUES,
        "the sign of grad_output is used",
    ),
    Fault(
        "manners/linear/unit-length",
        "not-linear",
        ("x",),
        sine(_unit_grad_output),
        VALUES,
        "grad_output is brought to length 1",
    ),
    Fault(
        "manners/linear/squared",
        "not-linear",
        ("x",),
        sine(lambda g, x: g * np.abs(g) * np.cos(x)),
        VALUES,
        "grad_output is multiplied in twice",
    ),
    Fault(
        "manners/linear/zero-taken-for-one",
        "zero-cotangent",
        ("x",),
        sine(_zero_where_zero),
        VALUES,
        "a grad_output of zeros is taken for one that was left out",
        Shows.CALL,
    ),
    Fault(
        "manners/batch/centred",
        "batch-leak",
        ("x",),
        pair(softmax, lambda g, x: _centred(softmax(x) * (g - (g * softmax(x)).sum(axis=-1, keepdims=True)))),
        VALUES,
        "the gradient's mean over the batch is subtracted",
    ),
)


def _centred(gradient: Any) -> Any:
    return gradient - gradient.mean(axis=0)


def _silently(compute: Any) -> Any:
    with np.errstate(all="ignore"):
        return compute()


def _refuse(sentence: str) -> Any:
    raise NotImplementedError(sentence)
