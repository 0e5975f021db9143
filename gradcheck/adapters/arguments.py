"""The arguments of a framework's layer: what the caller gives and what the layer holds itself, in one dtype."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.adapters.calling import Signature
from gradcheck.adapters.frameworks import Request
from gradcheck.adapters.reading import chosen
from gradcheck.errors import InvalidInput
from gradcheck.subject import Array, Passes, Variant, is_floating, named_inputs

ALONE = 8  # so many arguments are asked for one by one, which is more than any layer met in the field takes


@dataclass(frozen=True)
class Held:
    """The parameters that a layer holds itself, by name, and which of them want no gradient."""

    state: Mapping[str, Array] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Arguments:
    """Every argument's value, the names under test, and what was done on the way."""

    values: Mapping[str, Any]
    wrt: tuple[str, ...]
    notes: tuple[str, ...] = ()


def arguments_of(request: Request, given: Any, signature: Signature, held: Held) -> Arguments:
    """Join the caller's inputs, as arrays, with what the layer holds itself.

    Floating inputs are brought to the dtype of the layer's parameters, where it has any: frameworks demand it of their
    callers, and the judge measures a float32 layer in float64 by itself.

    Raises
    ------
    InvalidInput
        An argument is missing, unknown or of another shape than the parameter it replaces; or `wrt` names none.
    """
    if isinstance(given, Mapping):
        signature.check({**given, **request.constants}, extra=tuple(held.state))
    named = named_inputs(given, signature.names)
    values = _in_order({**held.state, **named}, (*signature.names, *held.state))
    values, notes = _of_one_dtype(values, held.state)
    if request.wrt is not None:
        return Arguments(values, chosen(request.wrt, values), notes)
    return Arguments(values, tuple(n for n in chosen(None, values) if n not in held.frozen), notes)


def subsets(wrt: tuple[str, ...], held: Held, passes: Callable[[tuple[str, ...]], Passes]) -> tuple[Variant, ...]:
    """Return the ways a graph asks for some gradients alone: each argument's, or the inputs' and the parameters'."""
    inputs = tuple(name for name in wrt if name not in held.state)
    own = tuple(name for name in wrt if name in held.state)
    groups = [inputs, own] if own else [(name,) for name in wrt[:ALONE]]

    def variant(group: tuple[str, ...]) -> Variant:
        return Variant(f"when only {_spoken(group)} a gradient", lambda: passes(group), group)

    return tuple(variant(group) for group in groups if group and group != wrt)


def _in_order(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {n: values[n] for n in (*(n for n in names if n in values), *(n for n in values if n not in names))}


def _of_one_dtype(values: dict[str, Any], state: Mapping[str, Array]) -> tuple[dict[str, Any], tuple[str, ...]]:
    for name, own in state.items():
        if np.shape(values[name]) != own.shape:
            raise InvalidInput(
                f"`{name}` must have the shape of the layer's own, {own.shape}; it has {np.shape(values[name])}."
            )
    dtypes = [own.dtype for own in state.values() if is_floating(own)]
    if not dtypes:
        return values, ()
    other = [n for n, v in values.items() if is_floating(v) and v.dtype != dtypes[0]]
    given = [f"`{name}`" for name in other if name not in state]
    said = f"{', '.join(given)} taken in {dtypes[0]}, as the layer's parameters are"
    return {**values, **{n: values[n].astype(dtypes[0]) for n in other}}, (said,) if given else ()


def _spoken(names: tuple[str, ...]) -> str:
    if len(names) > 3:
        return f"`{names[0]}` and {len(names) - 1} others require"
    return f"{' and '.join(f'`{name}`' for name in names)} {'requires' if len(names) == 1 else 'require'}"
