"""Layers one after another, as a layer: the chain rule from the last to the first."""

import inspect
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradcheck.errors import InvalidInput

Array = NDArray[Any]
_PASSES = ("forward", "backward")


@dataclass(frozen=True)
class Sequential:
    """Feed each layer's output to the next; the parameters of all layers are further inputs, in layer order.

    Parameters
    ----------
    layers : tuple of layers
        Objects with forward(input, *parameters) and backward(grad_output, input, *parameters), the latter returning
        one array or a tuple; at least one. A `Sequential` is such a layer, and a loss may come last.
    parameter_counts : tuple of int, optional
        How many parameters each layer takes. By default all that its forward names after the input, optional ones
        (a bias) included, so give the counts where an optional one is left out.

    Notes
    -----
    With o_0 the input, o_k = f_k(o_{k-1}, w_k) and the delta d_n = `grad_output`: (d_{k-1}, dE/dw_k) is f_k's backward
    of d_k at (o_{k-1}, w_k). Backward repeats the forward pass but for the last layer and keeps the inputs of all
    layers. `input_names` are the inputs' names, "input", "0.weight", "0.bias", "2.weight", ..., by the
    layer's place; those of a `Sequential` within read "1.0.weight".

    Examples
    --------
    >>> import numpy as np
    >>> from gradcheck.layers.linear import Linear
    >>> from gradcheck.layers.losses import HalfSquaredError
    >>> model = Sequential((Linear(), HalfSquaredError()))
    >>> model.input_names
    ('input', '0.weight', '0.bias', '1.target')
    >>> x, w, b, t = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([1.0]), np.array([[10.0]])
    >>> model.forward(x, w, b, t)
    array(2.)
    >>> model.backward(np.array(1.0), x, w, b, t)[1]
    array([[2., 4.]])
    """

    layers: tuple[Any, ...]
    parameter_counts: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.layers, (tuple, list)) or not self.layers:
            raise InvalidInput(
                f"`layers` must be a tuple of at least one layer; it is {self.layers!r}. Pass e.g. (ReLU(),)."
            )
        object.__setattr__(self, "layers", tuple(self.layers))
        for layer in self.layers:
            if isinstance(layer, type) or not all(callable(getattr(layer, name, None)) for name in _PASSES):
                raise InvalidInput(
                    f"`layers` must hold objects with forward and backward; {layer!r} is none. Pass e.g. ReLU()."
                )
        if self.parameter_counts is not None and len(self.parameter_counts) != len(self.layers):
            raise InvalidInput(
                f"`parameter_counts` must hold one int for each of the {len(self.layers)} layers; it is "
                f"{self.parameter_counts!r}. Pass {len(self.layers)} of them, or leave it out."
            )

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in the order in which forward takes them."""
        own = (f"{place}.{name}" for place, names in enumerate(self._parameter_names()) for name in names)
        return ("input", *own)

    def forward(self, input: Array, *parameters: Any) -> Array:
        """Return the last layer's output."""
        output: Array = input
        for layer, own in zip(self.layers, self._split(parameters), strict=True):
            output = layer.forward(output, *own)
        return output

    def backward(self, grad_output: Array, input: Array, *parameters: Any) -> Array | tuple[Array | None, ...]:
        """Return the gradients of the input and of each parameter; one array if no layer has any."""
        owned = self._split(parameters)
        values: list[Any] = [input]
        for layer, own in zip(self.layers[:-1], owned[:-1], strict=True):
            values.append(layer.forward(values[-1], *own))
        gradients: tuple[Array | None, ...] = ()
        delta: Any = grad_output
        for layer, value, own in zip(reversed(self.layers), reversed(values), reversed(owned), strict=True):
            claimed = layer.backward(delta, value, *own)
            delta, *of_parameters = claimed if isinstance(claimed, tuple) else (claimed,)
            gradients = (*of_parameters, *gradients)
        return (delta, *gradients) if parameters else delta

    def _parameter_names(self) -> list[tuple[str, ...]]:
        names = [_names_of(layer) for layer in self.layers]
        if self.parameter_counts is None:
            return names
        spare = [tuple(f"parameter{i}" for i in range(count)) for count in self.parameter_counts]
        return [(known + unknown[len(known) :])[: len(unknown)] for known, unknown in zip(names, spare, strict=True)]

    def _split(self, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Return the parameters layer by layer."""
        counts = [len(names) for names in self._parameter_names()]
        if sum(counts) != len(parameters):
            raise InvalidInput(
                f"the layers take {sum(counts)} parameters, {', '.join(self.input_names[1:]) or 'none'}; "
                f"{len(parameters)} came. Pass all of them in this order, or state `parameter_counts`."
            )
        ends = [sum(counts[: place + 1]) for place in range(len(counts))]
        return [parameters[end - count : end] for count, end in zip(counts, ends, strict=True)]


def _names_of(layer: Any) -> tuple[str, ...]:
    """Return the names of what a layer's forward takes after its input."""
    if isinstance(layer, Sequential):
        return layer.input_names[1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(layer.forward).parameters.values()
    return tuple(p.name for p in parameters if p.kind in positional)[1:]
