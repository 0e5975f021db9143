"""What is held to the suite: a driver of ours for a framework, somebody's function, or another program.

The whole protocol of a function:

    def run(operation, hyperparameters, inputs, grad_output):
        return output, gradients

`operation` and `hyperparameters` (plain JSON data) say what to compute: docs/vectors.md has the list. `inputs` is a
dict of NumPy arrays by name, in their order; labels are integers. `output` is an array of the shape and dtype of
`grad_output`, `gradients` a dict by the names of the floating inputs. `raise NotImplementedError("a sentence")` says
that an operation or setting is not supported; whatever else is raised counts as a crash. A function that has an
argument `device` is handed `--device`.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.oracle.case import Array
from gradcheck.runner.targets import load, parse_target

Results = tuple[Any, Mapping[str, Any]]
Run = Callable[[str, Mapping[str, Any], Mapping[str, Array], Array], Results]

DRIVERS = {
    "numpy": "gradcheck.oracle.drivers.ours",
    "torch": "gradcheck.oracle.drivers.torch",
    "jax": "gradcheck.oracle.drivers.jax",
    "tensorflow": "gradcheck.oracle.drivers.tensorflow",
}


def implementation(name: str, *, device: str = "") -> Run:
    """Return the function that computes a case: of a driver, or somebody's `module:function` or `path.py:function`.

    Raises
    ------
    InvalidInput
        It is neither, or is no function of the protocol.
    MissingExtra
        The framework is not installed.
    """
    if name in DRIVERS:
        run: Run = import_module(DRIVERS[name]).open_device(device)
        return run
    if ":" not in name:
        raise InvalidInput(
            f"an implementation must be one of {', '.join(DRIVERS)}, or module:function; it is {name!r}"
            f"{did_you_mean(name, DRIVERS) or '.'}"
        )
    target = parse_target(name)
    (function,) = load(target) if len(target.names) == 1 else (None,)
    if not callable(function):
        raise InvalidInput(
            "an implementation must be one function run(operation, hyperparameters, inputs, grad_output); "
            f"{name} is not."
        )
    return partial(function, device=device) if device and _takes_device(function) else function


def _takes_device(function: Callable[..., Any]) -> bool:
    try:
        return "device" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
