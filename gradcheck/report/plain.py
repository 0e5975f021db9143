"""Records to plain data and back, guided by the type hints of frozen dataclasses.

Plain data is what JSON can hold: strings, finite numbers, true, false, null, lists and objects. A number that is
not finite becomes one of the strings "nan", "inf" and "-inf".
"""

import math
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def dump(value: Any) -> Any:
    """Turn a record, or anything made of records, mappings, sequences and scalars, into plain data."""
    if value is None or isinstance(value, bool | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(float(value))
    if is_dataclass(value):
        return {field.name: dump(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    return [dump(item) for item in value]


def load(hint: Any, value: Any) -> Any:
    """Make the value that the type hint asks for, out of plain data or out of a value that is nearly right.

    Lists become tuples, NumPy scalars Python numbers, mappings records. Fields that a record does not have are left
    out and fields that are missing take their defaults: documents may gain fields within a major version.

    Raises
    ------
    TypeError, ValueError
        If the value is not what the hint asks for, or a field without a default is missing.
    """
    return _loader(hint)(value)


@cache
def _loader(hint: Any) -> Callable[[Any], Any]:
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if origin in (Union, types.UnionType):
        return _loader_of_union(parts)
    if origin is tuple:
        return _loader_of_tuple(parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _loader(parts[1])
        return lambda value: {str(key): item(one) for key, one in value.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return _loader_of_record(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    raise TypeError(f"no plain form is known for {hint!r}")


def _loader_of_union(parts: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Read `X | None` as X or None, and a union of several types as free-form plain data."""
    kinds = [part for part in parts if part is not type(None)]
    if len(kinds) > 1:
        return _free
    inner = _loader(kinds[0])
    return lambda value: None if value is None else inner(value)


def _loader_of_tuple(parts: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(parts) == 2 and parts[1] is Ellipsis:
        item = _loader(parts[0])
        return lambda value: tuple(item(one) for one in _sequence(value))
    items = [_loader(part) for part in parts]
    return lambda value: tuple(item(one) for item, one in zip(items, _sequence(value), strict=True))


def _loader_of_record(record: type) -> Callable[[Any], Any]:
    loaders: dict[str, Callable[[Any], Any]] = {field.name: _loader(cast(Any, field.type)) for field in fields(record)}

    def load_record(value: Any) -> Any:
        if isinstance(value, record):
            return record(**{name: loader(getattr(value, name)) for name, loader in loaders.items()})
        if not isinstance(value, Mapping):
            raise TypeError(f"expected the fields of a {record.__name__}, got {type(value).__name__}")
        return record(**{name: loader(value[name]) for name, loader in loaders.items() if name in value})

    return load_record


def _sequence(value: Any) -> Any:
    if isinstance(value, str | Mapping):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type(value).__name__}")
    return str(value)


def _free(value: Any) -> Any:
    """Read a value without a hint: numbers, strings, None, and sequences and mappings of them."""
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        return _NOT_FINITE.get(value, str(value))
    if isinstance(value, Mapping):
        return {str(key): _free(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # a NumPy array or scalar, told without importing NumPy
        return _free(value.tolist())
    if isinstance(value, Sequence):
        return tuple(_free(item) for item in value)
    return str(value)


_SCALARS: dict[Any, Callable[[Any], Any]] = {str: _string, bool: bool, int: operator.index, float: float}
