"""What a backward pass returned, read as gradients by name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters.spellings import spells_gradient
from gradcheck.errors import LayerFault
from gradcheck.subject import Inputs, is_differentiable


def by_name(returned: Any, inputs: Inputs) -> dict[str, Any]:
    """Name the gradients that backward returned: a dict by name, a tuple in the order of the inputs, or one array.

    A tuple may have one entry an input or one a floating input; one array belongs to the first floating input.

    Raises
    ------
    LayerFault
        `gradient-count`: a tuple of another length; `gradient-name`: a dict with a name that is no input;
        `gradient-missing`: None instead of gradients.
    """
    floating = [name for name, value in inputs.items() if is_differentiable(value)]
    if returned is None:
        raise LayerFault("gradient-missing", "backward must return gradients; it returned None.")
    if isinstance(returned, Mapping):
        return _checked_names(returned, inputs)
    if isinstance(returned, (tuple, list)) and not _is_one_array(returned, inputs[floating[0]].shape):
        return _in_order(returned, list(inputs), floating)
    return {floating[0]: returned}


def in_shape(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Return a gradient in its argument's shape, where taking it off the argument would leave that shape as it is.

    A bias of shape (1, n) is updated rightly by a gradient of shape (n,); one of shape (n, 1) would not be.
    """
    if not isinstance(gradient, np.ndarray) or gradient.shape == shape or gradient.size != np.prod(shape):
        return gradient
    try:
        fits = np.broadcast_shapes(gradient.shape, shape) == shape
    except ValueError:
        return gradient
    return gradient.reshape(shape) if fits else gradient


def reshaped(claimed: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Return the sentence that says which gradients are read in another shape than they have, if there are any."""
    odd = {n: one for n, one in claimed.items() if n in shapes and in_shape(one, shapes[n]) is not one}
    told = [f"`{n}` has the shape {np.shape(one)} and is read in its own, {shapes[n]}" for n, one in odd.items()]
    return (f"the gradient of {'; of '.join(told)}",) if told else ()


def _checked_names(returned: Mapping[Any, Any], inputs: Inputs) -> dict[str, Any]:
    spelled = {key: _spelled(str(key), inputs) for key in returned}
    unknown = [
        str(key) for key, names in spelled.items() if len(names) != 1 or (key not in inputs and names[0] in returned)
    ]
    if unknown:
        raise LayerFault(
            "gradient-name",
            f"backward must name its gradients after the inputs ({', '.join(inputs)}); "
            f"it also returned {', '.join(unknown)}.",
        )
    return {spelled[key][0]: gradient for key, gradient in returned.items()}


def _spelled(key: str, inputs: Inputs) -> list[str]:
    """Return the inputs that a key stands for: the one of this name, else those of which it is the gradient, `dx`."""
    return [key] if key in inputs else [name for name in inputs if spells_gradient((key,), (name,), exactly=True)]


def _in_order(returned: Sequence[Any], names: list[str], floating: list[str]) -> dict[str, Any]:
    for order in (names, floating):
        if len(returned) == len(order):
            return dict(zip(order, returned, strict=True))
    if len(returned) == 1:
        return {floating[0]: returned[0]}
    raise LayerFault(
        "gradient-count",
        f"backward must return one gradient an input ({len(names)}: {', '.join(names)}); it returned {len(returned)}.",
    )


def _is_one_array(returned: Sequence[Any], shape: tuple[int, ...]) -> bool:
    """Tell a gradient given as a nested Python list from a list of gradients."""
    if not isinstance(returned, list) or any(value is None or isinstance(value, np.ndarray) for value in returned):
        return False
    try:
        return bool(returned) and np.shape(returned) == shape
    except ValueError:
        return False
