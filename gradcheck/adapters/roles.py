"""What each argument of a pass is given: an input, the gradient from above, a cache, a rate, a constant, or nothing."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck.adapters.lists import heads, members
from gradcheck.adapters.spellings import (
    bound_flag,
    is_cache,
    is_input_shape,
    is_optimizer,
    is_output,
    is_rate,
    is_upstream,
    plain,
)
from gradcheck.errors import InvalidInput, InvalidLayer

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
WORDS = ("grad", "output", "cache", "rate", "optimizer", "shape")

Parameters = tuple[inspect.Parameter, ...]


@dataclass(frozen=True)
class Role:
    """What one argument gets.

    `kind` is input, list, grad, cache, output, shape, rate, optimizer, constant or attribute; `of` is the input's or
    attribute's name, the names of a list's arrays, the number of the output or cache (None for all of them), or the
    constant.
    """

    kind: str
    of: Any = None


Roles = Mapping[str, Role]


@dataclass(frozen=True)
class Known:
    """What backward's arguments can refer to.

    `inputs` are the names of forward's, `defaults` what its other arguments are where nobody says it, `outputs` and
    `caches` how many it returned, `attributes` the owner's; with `derivative`, backward's own name says that it takes
    no gradient from above.
    """

    inputs: tuple[str, ...]
    outputs: int = 1
    caches: int = 0
    attributes: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = frozenset()  # type: ignore[assignment]  # nothing is in it
    passing: Mapping[str, str] = frozenset()  # type: ignore[assignment]  # nothing is in it
    derivative: bool = False
    defaults: Mapping[str, Any] = frozenset()  # type: ignore[assignment]  # nothing is in it


def parameters_of(function: Callable[..., Any]) -> Parameters | None:
    """Return a function's named parameters; None where it has no signature or takes any number by position."""
    try:
        parameters = tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    return tuple(p for p in parameters if p.kind not in _VARIABLE)


def call(function: Callable[..., Any], parameters: Parameters, values: Mapping[str, Any]) -> Any:
    """Call a function with values by name, by position as far as there is no gap."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in values:
            continue
        if parameter.kind in _POSITIONAL and len(positional) == parameters.index(parameter):
            positional.append(values[parameter.name])
        else:
            named[parameter.name] = values[parameter.name]
    return function(*positional, **named)


def is_required(parameter: inspect.Parameter) -> bool:
    """Tell whether a call must give this parameter a value."""
    return parameter.default is inspect.Parameter.empty


def forward_roles(parameters: Parameters, inputs: Sequence[str], constants: Mapping[str, Any]) -> dict[str, Role]:
    """Give forward its inputs by name (by position where no name fits), the constants, and training mode."""
    roles = {p.name: Role("constant", constants[p.name]) for p in parameters if p.name in constants}
    known = {name: _given(name, inputs) for name in heads(inputs)}
    roles |= {p.name: known[p.name] for p in parameters if p.name in known}
    free = [p for p in parameters if p.name not in roles and _flag(p) is None]
    left = [role for role in known.values() if role not in roles.values()]
    if len(left) == len(known):
        roles |= {p.name: role for p, role in zip(free, left, strict=False)}
    elif len(left) == sum(map(is_required, free)):
        needed = [p.name for p in free if is_required(p)]
        roles |= dict(zip(needed, left, strict=True))
    return roles | {
        p.name: Role("constant", _flag(p)) for p in parameters if p.name not in roles and _flag(p) is not None
    }


def _given(name: str, inputs: Sequence[str]) -> Role:
    found = members(name, inputs)
    return Role("list", found) if found else Role("input", name)


def unplaced(roles: Roles, inputs: Sequence[str]) -> tuple[str, ...]:
    """Return the inputs that no argument gets."""
    placed = {
        name
        for role in roles.values()
        for name in (role.of if role.kind == "list" else (role.of,))
        if role.kind in ("input", "list")
    }
    return tuple(name for name in inputs if name not in placed)


def flags_set(parameters: Parameters, roles: Roles, constants: Mapping[str, Any]) -> str:
    """Write what was set without being asked: `training=True`."""
    set_here = [p.name for p in parameters if _flag(p) is not None and p.name not in constants]
    return ", ".join(f"{name}={roles[name].of}" for name in set_here if roles[name].kind == "constant")


def _flag(parameter: inspect.Parameter) -> object | None:
    return bound_flag(parameter.name, parameter.default, required=is_required(parameter))


def backward_roles(parameters: Parameters, known: Known) -> dict[str, Role]:
    """Say what each argument of backward gets: by the caller's word, by its name, and the rest by its place.

    Raises
    ------
    InvalidLayer
        An argument without a default remains that nothing is known of.
    """
    _check_passing(parameters, known)
    roles = {p.name: role for p in parameters if (role := _by_name(p, known)) is not None}
    upstream = [p.name for p in parameters if is_upstream(p.name) and p.name not in roles]
    if len(upstream) == known.outputs > 1:
        roles |= {name: Role("grad", number) for number, name in enumerate(upstream)}
    elif upstream and not any(role.kind == "grad" for role in roles.values()):
        roles[upstream[0]] = Role("grad")
    left = [p.name for p in parameters if p.name not in roles and is_required(p)]
    roles |= _by_place(left, roles, known)
    missing = [name for name in left if name not in roles]
    if missing:
        raise InvalidLayer(_question(missing, known))
    return {p.name: roles[p.name] for p in parameters if p.name in roles}


def _by_name(parameter: inspect.Parameter, known: Known) -> Role | None:
    name = parameter.name
    if name in known.passing:
        return _told(known.passing[name], known)
    if name in known.constants:
        return Role("constant", known.constants[name])
    if name in heads(known.inputs):
        return _given(name, known.inputs)
    if is_required(parameter) and name in known.defaults:
        return Role("constant", known.defaults[name])
    same = [one for one in known.inputs if plain(one) == plain(name)]
    if len(same) == 1 and not is_upstream(name):
        return Role("input", same[0])
    open_to = not is_upstream(name) and (is_required(parameter) or is_rate(name))
    return _by_kind(name, known) if open_to else None


def _by_kind(name: str, known: Known) -> Role | None:
    kinds = (
        (known.caches > 0 and is_cache(name), Role("cache", None if known.caches > 1 else 0)),
        (is_cache(name) and name in known.attributes, Role("attribute", name)),
        (is_rate(name), Role("rate")),
        (is_optimizer(name), Role("optimizer")),
        (is_input_shape(name), Role("shape", known.inputs[0] if known.inputs else None)),
        (is_output(name), Role("output")),
        (_training(name) is not None, Role("constant", _training(name))),
    )
    return next((role for fits, role in kinds if fits), None)


def _by_place(left: list[str], roles: Roles, known: Known) -> dict[str, Role]:
    """Give what no name tells: the gradient first, then what forward kept, or the inputs in their order."""
    every = [_given(name, known.inputs) for name in heads(known.inputs)]
    free = [role for role in every if role not in roles.values()]
    inputs = dict(zip(left, free, strict=False))
    kept = known.caches if not any(role.kind == "cache" for role in roles.values()) else 0
    if not left or known.derivative or any(role.kind == "grad" for role in roles.values()):
        if kept and len(left) == kept:
            return _numbered(left, "cache")
        return inputs if len(left) <= len(free) else {}
    first, rest = {left[0]: Role("grad")}, left[1:]
    if len(left) == known.outputs:
        return _numbered(left, "grad") if rest else first
    if kept and len(rest) == kept:
        return first | _numbered(rest, "cache")
    if len(rest) <= len(free):
        return first | dict(zip(rest, free, strict=False))
    return {}


def _numbered(names: list[str], kind: str) -> dict[str, Role]:
    return {name: Role(kind, number) for number, name in enumerate(names)}


def _training(name: str) -> object | None:
    return bound_flag(name, inspect.Parameter.empty, required=True)


def unnamed(parameters: Parameters, known: Known) -> list[str]:
    """Return the arguments without a default, besides the gradient, whose names tell nothing."""
    left = [p.name for p in parameters if is_required(p) and _by_name(p, known) is None]
    upstream = [name for name in left if is_upstream(name)]
    return [name for name in left if name not in upstream] if upstream else left[1:]


def by_place(parameters: Parameters, roles: Roles, known: Known) -> dict[str, str]:
    """Return the arguments that got an input though their names do not say so: argument to input."""
    named = {p.name for p in parameters if _by_name(p, known) is not None}
    return {name: role.of for name, role in roles.items() if role.kind == "input" and name not in named}


def _told(what: str, known: Known) -> Role:
    if what in known.inputs:
        return Role("input", what)
    kept = known.caches > 0 and what == "cache"
    if what in WORDS and (kept or what not in known.attributes & {"output", "cache", "shape"}):
        first = known.inputs[0] if known.inputs else None
        return Role(what, {"cache": 0, "shape": first}.get(what))
    if what in known.attributes:
        return Role("attribute", what)
    raise InvalidInput(
        f"--pass must give an argument {', '.join(WORDS)}, an input ({', '.join(known.inputs)}) or an attribute of the "
        f"layer; it gives `{what}`."
    )


def _check_passing(parameters: Parameters, known: Known) -> None:
    names = [p.name for p in parameters]
    for name, what in known.passing.items():
        if (
            name not in names
            and name not in ("output", "returned")
            and not (what == "grad" and name in known.attributes)
        ):
            raise InvalidInput(f"--pass must name an argument of backward ({', '.join(names)}); it names `{name}`.")


def _question(missing: list[str], known: Known) -> str:
    shown = " and ".join(f"`{name}`" for name in missing)
    return (
        f"every argument of backward must be known; {shown} could be anything. Say it with --pass {missing[0]}=WHAT, "
        f"where WHAT is {', '.join(WORDS)}, an input ({', '.join(known.inputs)}) or an attribute, or give it a value: "
        f"--arg {missing[0]}=VALUE."
    )
