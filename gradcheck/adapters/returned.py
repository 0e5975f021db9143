"""Whose gradients backward returned: told once by a trial run, then read by name on every call."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters.spellings import spells_gradient
from gradcheck.errors import InvalidLayer, LayerFault

Shapes = Mapping[str, tuple[int, ...]]


def order_of(returned: Any, names: tuple[str, ...], inputs: Shapes, parameters: Shapes) -> tuple[str, ...]:
    """Return the names to which the entries of a returned tuple belong; one array belongs to the first floating input.

    Parameters
    ----------
    names : tuple of str
        Forward's arguments, in its order.
    inputs, parameters : mapping of str to shape
        The floating ones among them; the parameters.

    Raises
    ------
    InvalidLayer
        The order can be told neither from the usual one (inputs, then parameters) nor from the shapes.
    """
    if returned is None:
        return ()
    known = {**inputs, **parameters}
    if isinstance(returned, Mapping):
        return tuple(name for key in returned for name in _spelled(str(key), tuple(known)))
    if not isinstance(returned, (tuple, list)) or _is_numbers(returned, len(inputs)):
        return tuple(inputs)[:1]
    shapes = [None if entry is None else np.shape(entry) for entry in returned]
    if len(shapes) <= len(names):
        return names if len(shapes) == len(names) else tuple(inputs)
    if list(known.values()) == shapes:
        return tuple(known)
    fitting = [[name for name in known if known[name] == shape] for shape in shapes]
    if all(len(found) == 1 for found in fitting) and len({found[0] for found in fitting}) == len(shapes):
        return tuple(found[0] for found in fitting)
    raise InvalidLayer(
        f"backward must return its gradients in an order that can be told: the inputs, then the parameters "
        f"({', '.join(known)}); it returned {len(shapes)} arrays of shapes {', '.join(map(str, shapes))}. "
        "Return a dict by name instead."
    )


def by_argument(returned: Any, order: tuple[str, ...], names: Sequence[str]) -> dict[str, Any]:
    """Name what backward returned.

    Raises
    ------
    LayerFault
        `gradient-count`: a tuple of another length than `order`; `gradient-name`: a dict with an unknown key.
    """
    if returned is None:
        return {}
    if isinstance(returned, Mapping):
        return {_argument(str(key), names): value for key, value in returned.items()}
    if not isinstance(returned, (tuple, list)) or _is_numbers(returned, len(order)):
        return {order[0]: returned}
    if len(returned) != len(order):
        raise LayerFault(
            "gradient-count",
            f"backward must return one gradient for each of {', '.join(order)}; it returned {len(returned)}.",
        )
    return dict(zip(order, returned, strict=True))


def _argument(key: str, names: Sequence[str]) -> str:
    spelled = _spelled(key, names)
    if len(spelled) == 1:
        return spelled[0]
    raise LayerFault(
        "gradient-name",
        f"backward must name its gradients after the arguments ({', '.join(names)}); it returned {key!r}.",
    )


def _spelled(key: str, names: Sequence[str]) -> list[str]:
    """Return the names that a key of a returned dict can stand for."""
    same = [name for name in names if name == key]
    return (
        same
        or [name for name in names if spells_gradient((key,), (name,), exactly=True)]
        or [name for name in names if spells_gradient((key,), (name,))]
    )


def _is_numbers(returned: Sequence[Any], expected: int) -> bool:
    """Tell one gradient given as a nested Python list from a list of gradients."""
    return (
        isinstance(returned, list)
        and len(returned) != expected
        and not any(isinstance(v, np.ndarray) for v in returned)
    )
