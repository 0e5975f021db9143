"""The references as an implementation: `gradcheck conform tests/oracle/by_reference.py:run`, from the repository."""

import importlib.util
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def _beside(name):
    """A module of this folder, which is no package that could be imported from elsewhere."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_whole, _decimal = _beside("recomputed"), _beside("decimals")

# What is computed in 400 digits; the rest is whole numbers, which doubles hold.
ROUNDED = {
    *("sigmoid", "log_sigmoid", "tanh", "tanh_shrink", "softplus", "softsign", "elu", "selu", "celu", "gelu", "silu"),
    *("mish", "hard_sigmoid", "hard_swish", "softmax", "log_softmax", "cross_entropy", "binary_cross_entropy"),
}


def run(operation, hyperparameters, inputs, grad_output):
    """Compute in decimals, or in float64 what is whole, and round once."""
    wide = {name: value if value.dtype.kind == "i" else value.astype("float64") for name, value in inputs.items()}
    vector = SimpleNamespace(inputs=wide, grad_output=grad_output.astype("float64"))
    case = SimpleNamespace(operation=operation, hyperparameters=hyperparameters, vector=lambda _: vector)
    if operation in ROUNDED or hyperparameters.get("p", 1) != 1:
        found = _decimal.recomputed_in_decimals(case, vector, _whole.axes_of)
    else:
        found = next(_whole.recomputed(case))
    rounded = {name: nearest(value, grad_output.dtype) for name, value in found.items() if name in ("output", *inputs)}
    return rounded.pop("output"), rounded


def nearest(values, dtype):
    """Round decimals once: to float64 by the rule "to odd" before a narrower dtype, which then rounds as if at once."""
    values = np.asarray(values)
    if values.dtype != object:
        return values.astype(dtype)
    toward = float if dtype == np.float64 else _to_odd
    with np.errstate(over="ignore"):
        return np.array([toward(value) for value in values.ravel()]).reshape(values.shape).astype(dtype)


def _to_odd(value):
    """The float64 that is `value`, or of the two around it the one whose last bit is set."""
    near = float(value)
    if not np.isfinite(near) or Decimal(near) == value or np.float64(near).view(np.int64) & 1:
        return near
    return float(np.nextafter(near, np.inf if Decimal(near) < value else -np.inf))
