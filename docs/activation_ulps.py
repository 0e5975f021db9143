"""How many ulps the gradients of activations are off, over all floats: `python docs/activation_ulps.py torch jax`.

Prints the tables that docs/conformance.md holds. What is due is evaluated with mpmath, by a formula of the golden
vectors that does not cancel, until twice the digits round alike; each implementation computes in a process of its own.
"""

import multiprocessing
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from gradcheck.errors import MissingExtra
from gradcheck.oracle.case import Array
from gradcheck.oracle.correct import SHAPES, correctly_rounded
from gradcheck.oracle.formulas import FORMULAS, logistic
from gradcheck.oracle.judging import ulps_apart

DTYPES = ("float32", "float64")
NAMES = {"numpy": "our layers", "torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}

WHAT = """The largest error of a gradient for `grad_output` 1, from the correctly rounded one in units of its last
place, and the input where it is; of several the one nearest to 0. An error of 1.7e7 (float32) or 9e15 (float64) is that
of a 0 where another number is due: no digit is right.
"""


@dataclass(frozen=True)
class Activation:
    """A row of the tables."""

    label: str
    operation: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)

    def slope(self, x: float, m: Any) -> Any:
        """Return the gradient for the error 1 in the arithmetic `m`; of log-softmax, that of the first entry."""
        if self.operation == "log_softmax":
            return logistic(m, -m.mpf(x))
        return FORMULAS[self.operation].slope[0](m, m.mpf(x), **self.hyperparameters)


ACTIVATIONS = (
    Activation("sigmoid", "sigmoid"),
    Activation("tanh", "tanh"),
    Activation("GELU, exact", "gelu", {"approximate": "none"}),
    Activation("GELU, tanh", "gelu", {"approximate": "tanh"}),
    Activation("SiLU", "silu"),
    Activation("softplus", "softplus", {"beta": 1, "threshold": None}),
    Activation("mish", "mish"),
    Activation("ELU", "elu", {"alpha": 1}),
    Activation("SELU", "selu"),
    Activation("log-softmax of (x, 0)", "log_softmax", {"axis": 1}),
)


def inputs(dtype: str) -> Array:
    """Return numbers of every magnitude that the dtype has, and a fine grid where exponentials leave its range."""
    _, smallest, beyond = SHAPES[dtype]
    powers = np.ldexp(np.array([[1.0], [1.625]]), np.arange(smallest, beyond)).ravel()
    fine = np.arange(1, 16 * 128) / 16
    far = np.arange(256, 1600) / 2 if dtype == "float64" else fine[:0]
    positive = np.unique(np.concatenate([powers, fine, far]).astype(dtype))
    return np.concatenate([-positive[::-1], positive])  # zero is left out: SELU has a kink there


def due(activation: Activation, dtype: str, x: Sequence[float]) -> list[float]:
    """Return the gradients at some inputs, rounded once."""
    return [
        correctly_rounded((slope, slope), (dtype,), label=f"{activation.label} at {v!r}")[dtype]
        for v in x
        for slope in [partial(activation.slope, v)]
    ]


def all_due() -> dict[tuple[str, str], Array]:
    """Return what is due for each (activation, dtype), from as many processes as there are cores."""
    context = multiprocessing.get_context("spawn")
    found = {}
    with ProcessPoolExecutor(mp_context=context) as pool:
        for dtype in DTYPES:
            parts = np.array_split(inputs(dtype), 64)
            for activation in ACTIVATIONS:
                numbers = pool.map(partial(due, activation, dtype), [part.tolist() for part in parts])
                found[activation.label, dtype] = np.concatenate([np.array(part, dtype) for part in numbers])
    return found


def computed(name: str) -> dict[tuple[str, str], Array]:
    """Return the gradients that an implementation computes; run in a process of its own."""
    from gradcheck.oracle.implementation import implementation

    run, found = implementation(name), {}
    for dtype in DTYPES:
        x = inputs(dtype)
        for activation in ACTIVATIONS:
            try:
                found[activation.label, dtype] = _gradient(run, activation, x)
            except NotImplementedError:
                continue
    return found


def _gradient(run: Any, activation: Activation, x: Array) -> Array:
    row = activation.operation == "log_softmax"
    given = np.stack([x, np.zeros_like(x)], axis=1) if row else x
    error = np.stack([np.ones_like(x), np.zeros_like(x)], axis=1) if row else np.ones_like(x)
    _, gradients = run(activation.operation, activation.hyperparameters, {"input": given}, error)
    gradient = np.asarray(gradients["input"])
    return gradient[:, 0] if row else gradient


def tables(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table over all inputs, and of one over those whose gradient is no subnormal number."""
    right = all_due()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        given = dict(zip(names, pool.map(computed, names), strict=True))
    counts = " and ".join(f"{len(inputs(dtype))} in {dtype}" for dtype in DTYPES)
    yield f"Over all inputs ({counts}, of every magnitude and both signs):\n"
    yield from _table(names, right, given, smallest=0.0)
    yield "Without inputs whose gradient is a subnormal number, which some libraries take for zero:\n"
    yield from _table(names, right, given, smallest=1.0)


def _table(
    names: Sequence[str],
    right: Mapping[tuple[str, str], Array],
    given: Mapping[str, Mapping[tuple[str, str], Array]],
    *,
    smallest: float,
) -> Iterator[str]:
    """Leave out what is below so many times the smallest normal number, and not zero."""
    columns = [f"{NAMES[name]} {dtype}" for name in names for dtype in DTYPES]
    yield "| activation | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for activation in ACTIVATIONS:
        cells = [_cell(given[name], right, activation.label, (dtype, smallest)) for name in names for dtype in DTYPES]
        yield f"| {activation.label} | " + " | ".join(cells) + " |"
    yield ""


def _cell(
    given: Mapping[tuple[str, str], Array], right: Mapping[tuple[str, str], Array], label: str, which: tuple[str, float]
) -> str:
    dtype, smallest = which
    if (label, dtype) not in given:
        return ""
    got, wanted, x = given[label, dtype], right[label, dtype], inputs(dtype)
    counted = (wanted == 0) | (np.abs(wanted) >= smallest * np.finfo(dtype).tiny)
    off = np.where(counted, ulps_apart(got, wanted), 0.0)
    at = min(np.flatnonzero(off == off.max()).tolist(), key=lambda i: abs(float(x[i])))
    if not off[at]:
        return "0"
    return (f"{off[at]:.2g}" if np.isfinite(got[at]) else str(got[at])) + f" at {x[at]:.5g}"


def section(names: Sequence[str]) -> Iterator[str]:
    """Yield what the page says: what is counted, the tables, and how they came about."""
    yield "## Gradients of activations, in ulps\n"
    yield WHAT
    yield from tables(names)
    yield f"{provenance(names)} Reprint with `python docs/activation_ulps.py {' '.join(names)}`.\n"


def provenance(names: Sequence[str]) -> str:
    """Say which versions compute here, on what."""
    versions = [f"{NAMES[name]} {_version(name)}" for name in (*names, "numpy") if name != "numpy"]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{', '.join(versions)}, NumPy {np.__version__}, Python {platform.python_version()}; {machine}."


def _version(name: str) -> str:
    for package in (name, f"{name}-cpu"):
        with suppress(PackageNotFoundError):
            return version(package)
    raise MissingExtra(name)


if __name__ == "__main__":
    print("\n".join(section(sys.argv[1:] or list(NAMES))))
