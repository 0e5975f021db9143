"""The places inside an object where its arrays live: attributes, and one level of dicts, lists and objects below."""

import operator
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcheck.subject import Array

Path = tuple[str, ...]
_DEPTH = 3  # self.params["W"]["grad"] is the deepest spelling met in published layers
_LONGEST = 256  # a longer list is data, not a layer's parameters
_OPAQUE = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.random.Generator)


@dataclass(frozen=True)
class Slot:
    """One place that holds a floating array or number: where it is, what is there, and how to put something else."""

    path: Path
    value: Any
    put: Callable[[Any], None]

    @property
    def array(self) -> Array:
        """The value as an array."""
        return np.asarray(self.value)


def slots_of(owner: Any) -> dict[Path, Slot]:
    """Return every floating (or complex) array and NumPy number that `owner` holds, by its path."""
    return {slot.path: slot for slot in _walk(owner, (), set())}


@dataclass(frozen=True)
class Snapshot:
    """What an object's slots held: the values themselves, and copies of what was in them."""

    values: dict[Path, Any]
    contents: dict[Path, Array]


def snapshot(owner: Any) -> Snapshot:
    """Remember what is in every slot."""
    slots = slots_of(owner)
    return Snapshot(
        {path: slot.value for path, slot in slots.items()}, {path: slot.array.copy() for path, slot in slots.items()}
    )


def put_back(owner: Any, kept: Snapshot) -> None:
    """Give every slot the value and the contents that it had."""
    slots = slots_of(owner)
    for path, value in kept.values.items():
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value[...] = kept.contents[path]
        if path in slots and slots[path].value is not value:
            slots[path].put(value)


def spelled(path: Path) -> str:
    """Write a path as a person would name it: `W`, `params.W`, `weights.0`."""
    return ".".join(path)


def _walk(owner: Any, path: Path, above: set[int]) -> Iterator[Slot]:
    if len(path) >= _DEPTH or id(owner) in above:
        return
    for key, value, put in _entries(owner):
        here = (*path, key)
        if isinstance(value, (np.ndarray, np.generic)) and np.issubdtype(value.dtype, np.inexact):
            yield Slot(here, value, put)
        elif not isinstance(value, _OPAQUE):
            yield from _walk(value, here, above | {id(owner)})


def _entries(owner: Any) -> Iterator[tuple[str, Any, Callable[[Any], None]]]:
    if isinstance(owner, dict):
        for key, value in list(owner.items()):
            yield str(key), value, partial(operator.setitem, owner, key)
    elif isinstance(owner, (list, tuple)):
        for index, value in enumerate(owner[:_LONGEST]):
            yield str(index), value, partial(_put, owner, index)
    elif not isinstance(owner, (str, bytes, int, float, complex, np.ndarray, np.generic)):
        for name in _attributes(owner):
            yield name, getattr(owner, name), partial(_set, owner, name)


def _attributes(owner: Any) -> list[str]:
    slotted = [name for kind in type(owner).__mro__ for name in _slot_names(kind) if hasattr(owner, name)]
    return [*getattr(owner, "__dict__", {}), *slotted]


def _slot_names(kind: type) -> tuple[str, ...]:
    names = vars(kind).get("__slots__", ())
    return tuple(n for n in ((names,) if isinstance(names, str) else names) if n not in ("__dict__", "__weakref__"))


def _set(owner: Any, name: str, value: Any) -> None:
    try:
        setattr(owner, name, value)
    except AttributeError:  # a frozen dataclass
        object.__setattr__(owner, name, value)


def _put(owner: Any, index: int, value: Any) -> None:
    if isinstance(owner, list):
        owner[index] = value
    else:  # a tuple keeps its arrays for good; only their contents can change
        owner[index][...] = value
