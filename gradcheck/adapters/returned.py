"""Whose gradients backward returned: told once by a trial run, then read by name on every call."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters.gradients import reshaped
from gradcheck.adapters.spellings import is_label, spells_gradient
from gradcheck.errors import InvalidInput, InvalidLayer, LayerFault

Shapes = Mapping[str, tuple[int, ...]]


def order_of(
    returned: Any, names: tuple[str, ...], inputs: Shapes, parameters: Shapes, *, told: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the names to which the entries of a returned tuple belong; one array belongs to the first floating input.

    Parameters
    ----------
    names : tuple of str
        Forward's arguments, in its order.
    inputs, parameters : mapping of str to shape
        The floating ones among them, those under test first; the parameters.
    told : sequence of str
        The names in order, where the caller says them.

    Raises
    ------
    InvalidLayer
        The order can be told neither from the usual one (inputs, then parameters) nor from the shapes.
    """
    known = {**inputs, **parameters}
    if told:
        return _as_told(told, known)
    if returned is None:
        return ()
    if not inputs:
        return _of_parameters(returned, parameters)
    returned = _merged(returned, tuple(inputs))
    if isinstance(returned, Mapping):
        return tuple(name for key in returned for name in _spelled(str(key), tuple(known)))
    if not isinstance(returned, (tuple, list)) or _is_numbers(returned, len(inputs)):
        return (data_input(returned, inputs),)
    return _order_of_many(returned, names, inputs, parameters)


def _of_parameters(returned: Any, parameters: Shapes) -> tuple[str, ...]:
    """Return the parameter that a single gradient belongs to, where no input has one: the only one of its shape."""
    fitting = [name for name in parameters if parameters[name] == _shape(returned)]
    return tuple(fitting) if len(fitting) == 1 and isinstance(returned, np.ndarray) else ()


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape of whatever was returned; None where its rows differ in length."""
    try:
        return tuple(np.shape(value))
    except ValueError:
        return None


def _order_of_many(
    returned: Sequence[Any], names: tuple[str, ...], inputs: Shapes, parameters: Shapes
) -> tuple[str, ...]:
    known = {**inputs, **parameters}
    shapes = [None if entry is None else _shape(entry) for entry in returned]
    usual = [names, _by_data(inputs), tuple(inputs), (*_by_data(inputs), *parameters), tuple(parameters)]
    for order in usual:
        if len(order) == len(shapes) and all(
            s is None or known.get(n) == s for n, s in zip(order, shapes, strict=True)
        ):
            return order
    fitting = [[name for name in known if known[name] == shape] for shape in shapes]
    if all(len(found) == 1 for found in fitting) and len({found[0] for found in fitting}) == len(shapes):
        return tuple(found[0] for found in fitting)
    if len(shapes) <= len(names):
        return names if len(shapes) == len(names) else tuple(inputs)
    if len(shapes) == len(known):
        return tuple(known)
    raise InvalidLayer(
        f"backward must return its gradients in an order that can be told: the inputs, then the parameters "
        f"({', '.join(known)}); it returned {len(shapes)} arrays of shapes {', '.join(map(str, shapes))}. "
        f"Say whose they are, in order: --pass returned={','.join(list(known)[: len(shapes)])}."
    )


def data_input(returned: Any, inputs: Shapes) -> str:
    """Return the input that a single gradient belongs to: the first that is no label and has its shape."""
    data = _by_data(inputs)
    fitting = [name for name in data if inputs[name] == _shape(returned)]
    return data[0] if inputs[data[0]] == _shape(returned) or len(fitting) != 1 else fitting[0]


def _by_data(inputs: Shapes) -> tuple[str, ...]:
    """Return the inputs without labels, unless all are called so."""
    return tuple(name for name in inputs if not is_label(name)) or tuple(inputs)


def without_labels(names: Sequence[str], claimed: Sequence[str]) -> tuple[str, ...]:
    """Return the names without the labels for which nothing is claimed; nobody differentiates a loss by those."""
    return tuple(name for name in names if name in claimed or not is_label(name)) or tuple(names)


def _as_told(told: Sequence[str], known: Shapes) -> tuple[str, ...]:
    for name in told:
        if name not in known:
            raise InvalidInput(
                f"--pass returned= must name inputs and parameters ({', '.join(known)}); it names `{name}`."
            )
    return tuple(told)


def by_argument(returned: Any, order: tuple[str, ...], names: Sequence[str]) -> dict[str, Any]:
    """Name what backward returned.

    Raises
    ------
    LayerFault
        `gradient-count`: a tuple of another length than `order`; `gradient-name`: a dict with an unknown key.
    """
    if returned is None or not (order or isinstance(returned, Mapping)):
        return {}  # or a gradient of what has none: integers
    returned = _merged(returned, names)
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


def _merged(returned: Any, names: Sequence[str]) -> Any:
    """Return `(dx, {"dW": ..., "db": ...})` as one dict, whose first entry is the gradient of the data."""
    if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping)):
        return returned
    data = next((name for name in names if not is_label(name)), "")
    return {data: returned[0], **returned[1]}


def odd_shapes(returned: Any, order: tuple[str, ...], held: Mapping[str, Any], shapes: Shapes) -> tuple[str, ...]:
    """Return the sentence for gradients that are read in another shape than they have, returned or `held`."""
    try:
        claimed = {**held, **by_argument(returned, order, tuple(shapes))} if order else dict(held)
    except LayerFault:  # the judge's finding, when it meets it
        return ()
    return reshaped(claimed, shapes)


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
