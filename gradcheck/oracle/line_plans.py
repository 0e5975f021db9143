"""Which softmaxes, cross-entropies and p-norms the suite holds."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.oracle.case import DTYPES, Array
from gradcheck.oracle.drawing import integers, permutation, signed
from gradcheck.oracle.lines import Plan, binary_formulas, entropy_formulas, norm_formulas, softmax_formulas
from gradcheck.oracle.operations import layer_for
from gradcheck.oracle.places import windows_of

WIDE, DOUBLE = ("float32", "float64"), ("float64",)

# name, rows of logits or a shape to draw, axis
LOGITS: tuple[tuple[str, Any, int], ...] = (
    ("moderate", (4, 5), 1),
    ("first-axis", (5, 3), 0),
    ("image", (2, 3, 2, 2), 1),
    ("two-classes", (6, 2), 1),
    ("one-class", (3, 1), 1),
    ("equal", [[0.0] * 4, [-3.0] * 4], 1),
    ("confident", [[20.0, 0.0, -1.0], [0.0, 40.0, 1.0], [2.0, -60.0, 3.0]], 1),
    (
        "subnormal-weights",
        [[0.0, -12.0, -17.0, -90.0, -103.0, -710.0, -744.0], [-5.0, 4.0, -9.0, -88.0, -101.0, 3.0, -740.0]],
        1,
    ),
    ("huge", [[60000.0, 59999.0, -60000.0], [-60000.0, -59968.0, -60001.0], [1000.0, 1001.0, 999.0]], 1),
    ("shifted", [[1024.0, 1025.0, 1023.0, 1022.0], [-900.0, -901.0, -900.5, -899.0]], 1),
)

# name, logits, labels
CLASSES: tuple[tuple[str, Any, Any], ...] = (
    ("moderate", (4, 5), [0, 4, 2, 2]),
    ("three-samples", (3, 4), [3, 0, 1]),
    ("one-sample", (1, 3), [1]),
    ("image", (2, 3, 2, 2), [[[0, 1], [2, 0]], [[1, 1], [0, 2]]]),
    ("two-classes", (6, 2), [0, 1, 1, 0, 0, 1]),
    ("one-class", (3, 1), [0, 0, 0]),
    ("equal", [[0.0] * 4, [-3.0] * 4], [1, 3]),
    ("confident-right", [[20.0, 0.0, -1.0], [0.0, 40.0, 1.0], [-700.0, 2.0, -750.0]], [0, 1, 1]),
    ("confident-wrong", [[20.0, 0.0, -1.0], [0.0, 40.0, 1.0], [-700.0, 2.0, -750.0]], [2, 0, 2]),
    ("huge", [[60000.0, 59999.0, -60000.0], [-60000.0, -59968.0, -60001.0]], [1, 0]),
)

# name, logits, targets
BINARY: tuple[tuple[str, Any, Any], ...] = (
    ("moderate", (12,), (0, 1)),
    ("matrix", (3, 4), (0, 1)),
    ("soft-targets", (12,), (0.25, 0.5, 0.75)),
    ("one-entry", (1,), (1,)),
    ("three-entries", (3,), (0, 1)),
    ("right", [-20.0, 20.0, -90.0, 95.0, -710.0, 740.0], [0, 1, 0, 1, 0, 1]),
    ("wrong", [-20.0, 20.0, -90.0, 95.0, -710.0, 740.0], [1, 0, 1, 0, 1, 0]),
    ("huge", [-60000.0, 60000.0, 50000.0, -50000.0], [0, 1, 0, 1]),
)

# name, p, size, kernel, stride, padding, ceil_mode, scale (a power of two, by its exponent), dtypes
NORMS: tuple[tuple[str, float, tuple[int, ...], int, int, int, bool, int, tuple[str, ...]], ...] = (
    ("square", 2, (6, 4), 2, 2, 0, False, 0, DTYPES),
    ("square-line", 2, (9,), 3, 3, 0, False, 0, DTYPES),
    ("square-volume", 2, (4, 2, 4), 2, 2, 0, False, 0, DTYPES),
    ("square-overlap", 2, (5, 4), 3, 1, 0, False, 0, DTYPES),
    ("square-padded", 2, (4, 4), 3, 2, 1, False, 0, DTYPES),
    ("square-ceil-mode", 2, (5, 5), 2, 2, 0, True, 0, DTYPES),
    ("square-zeros", 2, (4, 4), 2, 2, 0, False, 0, DTYPES),
    ("square-large", 2, (4, 4), 2, 2, 0, False, 12, DTYPES),
    ("square-huge", 2, (4, 4), 2, 2, 0, False, 100, WIDE),
    ("square-tiny", 2, (4, 4), 2, 2, 0, False, -100, WIDE),
    ("square-huge-double", 2, (4, 4), 2, 2, 0, False, 1000, DOUBLE),
    ("square-tiny-double", 2, (4, 4), 2, 2, 0, False, -1000, DOUBLE),
    ("cube", 3, (6, 4), 2, 2, 0, False, 0, DTYPES),
    ("cube-overlap", 3, (5, 4), 3, 1, 0, False, 0, DTYPES),
    ("fourth", 4, (6, 4), 2, 2, 0, False, 0, DTYPES),
    ("three-halves", 1.5, (6, 4), 2, 2, 0, False, 0, DTYPES),
)


def plans() -> Iterator[Plan]:
    """Yield all plans."""
    yield from _softmaxes()
    yield from _entropies()
    yield from _binary()
    yield from _norms()


def _logits(wanted: Any, name: str) -> Array:
    if isinstance(wanted, tuple):
        return (signed(f"{name}/input", wanted, 24) / 8).astype(np.float16)
    return np.array(wanted, np.float16)


def _softmaxes() -> Iterator[Plan]:
    for operation in ("softmax", "log_softmax"):
        for label, wanted, axis in LOGITS:
            name = f"{operation}/{label}"
            x = _logits(wanted, name)
            error = permutation(f"{name}/grad_output", x.shape, -3).astype(np.int8)
            formulas = softmax_formulas(x, error, axis, logarithm=operation == "log_softmax")
            yield Plan(name, operation, {"axis": axis}, {"input": x}, error, formulas)


def _entropies() -> Iterator[Plan]:
    for label, wanted, labels in CLASSES:
        for reduction in ("mean", "sum", "none"):
            name = f"cross_entropy/{label}-{reduction}"
            x, target = _logits(wanted, f"cross_entropy/{label}"), np.array(labels, np.int8)
            error = _error(name, target.shape, reduction)
            formulas = entropy_formulas(x, target, error, reduction)
            yield Plan(name, "cross_entropy", {"reduction": reduction}, {"input": x, "target": target}, error, formulas)


def _binary() -> Iterator[Plan]:
    for label, wanted, targets in BINARY:
        for reduction in ("mean", "sum", "none"):
            name = f"binary_cross_entropy/{label}-{reduction}"
            x = _logits(wanted, f"binary_cross_entropy/{label}")
            drawn = integers(f"binary_cross_entropy/{label}/target", x.shape, 0, len(targets) - 1).astype(int)
            target = np.array(targets, np.float16)
            target = target[drawn] if isinstance(targets, tuple) else target
            error = _error(name, x.shape, reduction)
            inputs = {"input": x, "target": target}
            formulas = binary_formulas(x, target, error, reduction)
            yield Plan(name, "binary_cross_entropy", {"reduction": reduction}, inputs, error, formulas)


def _error(name: str, shape: tuple[int, ...], reduction: str) -> Array:
    """Return grad_output: an entry a loss, or one of all; never 1, which a wrong layer may take for granted."""
    wanted = shape if reduction == "none" else ()
    return (2 * signed(f"{name}/grad_output", wanted, 2)).astype(np.int8)


def _norms() -> Iterator[Plan]:
    """Errors are positive, so that the shares of overlapping windows never cancel."""
    for label, p, size, kernel, stride, padding, ceil_mode, scale, dtypes in NORMS:
        rank = len(size)
        name = f"lp_pool{rank}d/{label}"
        hyperparameters = {
            "kernel_size": [kernel] * rank,
            "stride": [stride] * rank,
            "padding": [[padding, padding]] * rank,
            "ceil_mode": ceil_mode,
            "p": p,
        }
        yield _norm_plan(name, "lp_pool", hyperparameters, (2, 2, *size), scale, dtypes)
    for p in (2, 3):
        for rank in (1, 2, 3):
            name = f"global_lp_pool{rank}d/order-{p}"
            yield _norm_plan(name, "global_lp_pool", {"p": p}, (2, 2, *(5, 3, 2)[:rank]), 0, DTYPES)


def _norm_plan(
    name: str,
    operation: str,
    hyperparameters: dict[str, Any],
    shape: tuple[int, ...],
    scale: int,
    dtypes: tuple[str, ...],
) -> Plan:
    layer = layer_for(operation, hyperparameters)
    x = np.ldexp(signed(f"{name}/input", shape, 9), scale).astype(dtypes[0])
    if name.endswith("zeros"):
        x[:, :, :2] = 0
    output = layer.forward(np.ones(shape))
    error = integers(f"{name}/grad_output", output.shape, 1, 5).astype(np.int8)
    formulas = norm_formulas(x, error, windows_of(layer, shape), hyperparameters["p"])
    return Plan(name, operation, hyperparameters, {"input": x}, error, formulas, dtypes)
