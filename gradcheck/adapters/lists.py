"""Inputs that are lists of arrays: an argument each for the judge, `xs.0` and `xs.1`, and one list for the layer."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def spread(inputs: Any) -> Any:
    """Give each array in a list an input of its own: `{"xs": [a, b]}` becomes `{"xs.0": a, "xs.1": b}`."""
    if not isinstance(inputs, Mapping) or not any(map(_is_list, inputs.values())):
        return inputs
    found: dict[str, Any] = {}
    for name, value in inputs.items():
        found |= {f"{name}.{i}": one for i, one in enumerate(value)} if _is_list(value) else {name: value}
    return found


def members(name: str, inputs: Iterable[str]) -> tuple[str, ...]:
    """Return the inputs that are the arrays of the list of this name, in order; none where it is no list.

    Examples
    --------
    >>> members("xs", ["xs.0", "xs.1", "w"]), members("w", ["xs.0", "xs.1", "w"])
    (('xs.0', 'xs.1'), ())
    """
    known = set(inputs)
    count = 0
    while f"{name}.{count}" in known:
        count += 1
    return tuple(f"{name}.{i}" for i in range(count))


def heads(inputs: Iterable[str]) -> tuple[str, ...]:
    """Return the names as arguments of a call: that of a list once, in place of its arrays.

    Examples
    --------
    >>> heads(["xs.0", "xs.1", "w"])
    ('xs', 'w')
    """
    names = tuple(inputs)
    return tuple(dict.fromkeys(head_of(name, names) for name in names))


def head_of(name: str, inputs: tuple[str, ...]) -> str:
    """Return the name of the list that an input is an array of, or its own."""
    head, _, number = name.rpartition(".")
    return head if number.isdigit() and name in members(head, inputs) else name


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(one, np.ndarray) for one in value)
