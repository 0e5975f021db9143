"""Backward passes that go wrong over calls or through memory: state that is kept, arrays that are written or shared."""

from typing import Any

import numpy as np

from gradcheck.faults.keepers import (
    Accumulating,
    DrawsAgain,
    KeepsTheFirst,
    KeepsTheLast,
    ReusedBuffer,
    ShrinksEachCall,
    SlightlyRandom,
)
from gradcheck.faults.records import Fault, Shows, normal, pair

VALUES = normal(x=(3, 4))
LAYER = normal(x=(5, 4), weight=(4, 3))
TWO = normal(x=(3, 4), y=(3, 4))


def as_c_code_reads(array: Any) -> Any:
    """Return what a pointer to the memory would read: entries in the order of memory, strides not looked at."""
    if array.flags.c_contiguous:
        return array
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    return np.resize(base.ravel(order="K"), array.shape)


def _scale_in_place(g: Any, x: Any) -> Any:
    g *= np.cos(x)
    return g


def _spoil_before_use(g: Any, x: Any, y: Any) -> Any:
    grad_x = np.multiply(g, y, out=g)
    return grad_x, g * x


def _spoil_afterwards(g: Any, x: Any) -> Any:
    gradient = g * np.cos(x)
    g[...] = 0
    return gradient


def _cos_in_place(g: Any, x: Any) -> Any:
    return g * np.cos(x, out=x)


def _exp_in_place(x: Any) -> Any:
    return np.exp(x, out=x).copy()


def _flat_memory(g: Any, x: Any) -> Any:
    return g.ravel(order="K").reshape(g.shape) * np.cos(x)


def _strides_ignored_for_weight(g: Any, x: Any, weight: Any) -> Any:
    return g @ weight.T, x.T @ as_c_code_reads(g)


FAULTS = (
    Fault(
        "states/calls/accumulates",
        "accumulated",
        ("weight",),
        Accumulating,
        LAYER,
        "the weight's gradient adds up over calls",
        Shows.CALL,
    ),
    Fault(
        "states/calls/keeps-the-first-input",
        "stale-cache",
        ("x",),
        KeepsTheFirst,
        VALUES,
        "backward uses the first input ever seen",
        Shows.CALL,
    ),
    Fault(
        "states/calls/keeps-the-last-input",
        "stale-cache",
        ("x",),
        KeepsTheLast,
        VALUES,
        "backward uses the input of the last forward in place of the one it is handed",
        Shows.MANNERS,
    ),
    Fault(
        "states/calls/scale-decays",
        "nondeterministic",
        ("x",),
        ShrinksEachCall,
        VALUES,
        "only the first call returns the gradient",
        Shows.CALL,
    ),
    Fault(
        "states/calls/draws-a-mask-in-backward",
        "nondeterministic",
        ("x",),
        DrawsAgain,
        VALUES,
        "backward draws a dropout mask that forward does not know",
    ),
    Fault(
        "states/calls/slightly-random",
        "nondeterministic",
        ("x",),
        SlightlyRandom,
        VALUES,
        "a relative 1e-4 of noise",
        also=("small-error",),
    ),
    Fault(
        "states/memory/buffer-reused",
        "aliases",
        ("x",),
        ReusedBuffer,
        VALUES,
        "a call changes what an earlier call returned",
        Shows.MANNERS,
    ),
    Fault(
        "states/memory/grad-output-returned",
        "aliases",
        ("x", "y"),
        pair(np.add, lambda g, _x, _y: (g, g)),
        TWO,
        "both gradients are grad_output itself",
        Shows.MANNERS,
    ),
    Fault(
        "states/memory/grad-output-scaled-in-place",
        "mutates-grad-output",
        ("x",),
        pair(np.sin, _scale_in_place),
        VALUES,
        "grad_output is multiplied in place and returned",
        Shows.MANNERS,
    ),
    Fault(
        "states/memory/grad-output-zeroed-afterwards",
        "mutates-grad-output",
        ("x",),
        pair(np.sin, _spoil_afterwards),
        VALUES,
        "grad_output is set to zero after use",
        Shows.MANNERS,
    ),
    Fault(
        "states/memory/grad-output-overwritten-before-use",
        "mutates-grad-output",
        ("y",),
        pair(np.multiply, _spoil_before_use),
        TWO,
        "the second gradient is computed from a grad_output that the first has overwritten",
    ),
    Fault(
        "states/memory/input-overwritten-by-backward",
        "mutates-input",
        ("x",),
        pair(np.sin, _cos_in_place),
        VALUES,
        "the cosine is written into the input, so that a second backward is wrong",
        Shows.MANNERS,
    ),
    Fault(
        "states/memory/input-overwritten-by-forward",
        "mutates-input",
        ("x",),
        pair(_exp_in_place, lambda g, x: g * np.exp(x)),
        VALUES,
        "forward writes its output into the input that backward needs",
        Shows.MANNERS,
    ),
    Fault(
        "states/memory/strides-of-grad-output-ignored",
        "strided",
        ("x",),
        pair(np.sin, lambda g, x: as_c_code_reads(g) * np.cos(x)),
        VALUES,
        "grad_output is read as if it were contiguous",
        Shows.CALL,
    ),
    Fault(
        "states/memory/order-of-grad-output-ignored",
        "strided",
        ("x",),
        pair(np.sin, _flat_memory),
        VALUES,
        "grad_output is flattened in the order of its memory",
        Shows.CALL,
    ),
    Fault(
        "states/memory/strides-ignored-for-the-weight",
        "strided",
        ("weight",),
        pair(np.matmul, _strides_ignored_for_weight),
        LAYER,
        "the weight's gradient reads grad_output as if it were contiguous",
        Shows.CALL,
    ),
    Fault(
        "states/memory/strides-of-input-ignored",
        "strided",
        ("x",),
        pair(np.sin, lambda g, x: g * np.cos(as_c_code_reads(x))),
        VALUES,
        "backward reads its input as if it were contiguous",
        Shows.CALL,
    ),
    Fault(
        "states/shape/empty-batch",
        "crash",
        ("x",),
        pair(np.sin, lambda g, x: g * np.cos(x) * (1 + 0 * np.max(np.abs(g)))),
        VALUES,
        "backward raises for an empty batch, which forward accepts",
        Shows.MANNERS,
    ),
    Fault(
        "states/shape/size-one",
        "wrong-shape",
        ("x",),
        pair(np.sin, lambda g, x: np.squeeze(g * np.cos(x))),
        VALUES,
        "axes of size 1 are dropped, which shows for a batch of one",
        Shows.MANNERS,
    ),
    Fault(
        "states/shape/zero-dimensional",
        "crash",
        ("x",),
        pair(np.sin, lambda g, x: g * np.cos(x) * (1 + 0 * len(g))),
        VALUES,
        "backward raises for an array without axes, which forward accepts",
        Shows.MANNERS,
    ),
)
