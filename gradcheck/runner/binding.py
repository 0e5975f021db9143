"""Hyperparameters of a call, filled in once: a function, or an object's two passes, that only inputs are left for."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def bind(function: Callable[..., Any], constants: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function with those constants filled in that it takes; the rest is passed by position, in order.

    Examples
    --------
    >>> bind(lambda x, stride, w: (x, stride, w), {"stride": 2, "other": 0})(1, 3)
    (1, 2, 3)
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return function
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    filled = {name: value for name, value in constants.items() if anything or name in parameters}
    if not filled:
        return function

    def bound(*inputs: Any) -> Any:
        waiting, positional, rest = list(inputs), [], dict(filled)
        for name, parameter in parameters.items():
            if parameter.kind not in _POSITIONAL or not waiting:
                break
            positional.append(rest.pop(name) if name in rest else waiting.pop(0))
        return function(*positional, *waiting, **rest)

    left = [parameter for name, parameter in parameters.items() if name not in filled]
    bound.__signature__ = inspect.Signature(left)  # type: ignore[attr-defined]  # read by inspect.signature
    bound.__name__ = getattr(function, "__name__", "bound")
    return bound


class BoundLayer:
    """A layer whose forward and backward have constants filled in; made by `bind_layer`, one class a layer."""

    def __init__(self, layer: Any, constants: Mapping[str, Any]) -> None:
        self.layer = layer
        self._constants = dict(constants)

    @property
    def forward(self) -> Callable[..., Any]:
        """The layer's forward, for the inputs alone."""
        return bind(self.layer.forward, self._constants)

    @property
    def backward(self) -> Callable[..., Any]:
        """The layer's backward, likewise."""
        return bind(self.layer.backward, self._constants)


def bind_layer(layer: Any, constants: Mapping[str, Any]) -> Any:
    """Return the layer itself, or where there are constants a stand-in of the same name that can be copied like it."""
    if not constants:
        return layer
    return type(type(layer).__name__, (BoundLayer,), {})(layer, constants)
