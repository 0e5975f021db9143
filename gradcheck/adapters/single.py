"""A single function: a case, a loss with its gradient, or a function with a flag for its derivative."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.adapters.case import read_case
from gradcheck.adapters.functions import read_pair
from gradcheck.adapters.returned import by_argument, order_of, without_labels
from gradcheck.adapters.roles import Parameters, Role, call, flags_set, forward_roles, parameters_of
from gradcheck.adapters.spellings import DERIVATIVE_FLAGS, plain
from gradcheck.adapters.trial import copies, quietly
from gradcheck.adapters.upstream import times
from gradcheck.errors import InvalidLayer, LayerFailed, described
from gradcheck.subject import Cotangents, Inputs, Passes, Subject, is_differentiable


def read_single(
    function: Callable[..., Any],
    inputs: Inputs,
    *,
    wrt: Sequence[str] = (),
    name: str = "",
    constants: Mapping[str, Any] | None = None,
    passing: Mapping[str, str] | None = None,
) -> Subject:
    """Read one function as a Subject, by what it returns: `(output, pullback)`, `(loss, gradient)`; or by its flag.

    Raises
    ------
    InvalidLayer
        It is none of these.
    LayerFailed
        It raised in the trial run.
    """
    name = name or getattr(function, "__name__", "function")
    parameters = parameters_of(function)
    flag = _flag(parameters, constants or {})
    if flag:
        return _with_flag(function, inputs, flag, name=name, constants=constants or {}, passing=passing or {})
    bound, notes = _bound(function, parameters, inputs, constants or {})
    returned = _tried(bound, inputs)
    if isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1]):
        return read_case(bound, inputs, name=name)
    if isinstance(returned, tuple) and len(returned) == 2 and np.size(returned[0]) == 1 and _is_gradient(returned[1]):
        return _loss(bound, inputs, returned[1], name=name, wrt=wrt, notes=notes)
    raise InvalidLayer(
        "a single function must be a case, which returns (output, pullback), or a loss that returns (loss, gradient), "
        f"or have a flag such as deriv=True; {name} returned {_shown(returned)}. For a pair of functions name both: "
        f"FILE:{name},BACKWARD."
    )


def _flag(parameters: Parameters | None, constants: Mapping[str, Any]) -> str:
    found = [p.name for p in parameters or () if plain(p.name) in DERIVATIVE_FLAGS and p.name not in constants]
    return found[0] if len(found) == 1 and len(parameters or ()) > 1 else ""


def _with_flag(
    function: Callable[..., Any],
    inputs: Inputs,
    flag: str,
    *,
    name: str,
    constants: Mapping[str, Any],
    passing: Mapping[str, str],
) -> Subject:
    """Read `f(x, deriv=False)` and `f(x, deriv=True)` as a function and its derivative."""
    pair = partial(function, **{flag: False}), partial(function, **{flag: True})
    bound = [_without(one, flag) for one in pair]
    subject = read_pair((bound[0], bound[1]), inputs, name=name, constants=constants, passing=passing)
    return _noted(subject, f"with {flag}=True it is read as the derivative")


def _without(function: partial[Any], flag: str) -> Callable[..., Any]:
    """Return the function without its flag in the signature; it bears a derivative's name."""
    parameters = [p for p in parameters_of(function.func) or () if p.name != flag]

    def prime(*arguments: Any, **named: Any) -> Any:
        return function(**dict(zip([p.name for p in parameters], arguments, strict=False)), **named)

    prime.__signature__ = inspect.Signature([p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in parameters])  # type: ignore[attr-defined]  # read by inspect
    return prime


def _noted(subject: Subject, note: str) -> Subject:
    return replace(subject, notes=(*subject.notes, note))


def _bound(
    function: Callable[..., Any], parameters: Parameters | None, inputs: Inputs, constants: Mapping[str, Any]
) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """Return the function of the inputs alone, and what was said on the way."""
    if parameters is None:
        return partial(function, **constants), ()
    roles = forward_roles(parameters, tuple(inputs), constants)

    def bound(**values: Any) -> Any:
        given = {name: _value(role, values) for name, role in roles.items()}
        return call(function, parameters, given)

    flags = flags_set(parameters, roles, constants)
    return bound, ((f"it is called in training mode: {flags}",) if flags else ())


def _value(role: Role, values: Inputs) -> Any:
    if role.kind == "list":
        return [values[one] for one in role.of]
    return values[role.of] if role.kind == "input" else role.of


def _tried(function: Callable[..., Any], inputs: Inputs) -> Any:
    try:
        with quietly():
            return function(**copies(inputs))
    except (Exception, SystemExit) as err:
        raise LayerFailed(f"the function raised {described(err)}", stage="forward") from err


def _is_gradient(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    many = value if isinstance(value, (tuple, list)) else (value,)
    return bool(many) and all(isinstance(one, (np.ndarray, np.generic, float)) for one in many)


def _loss(
    function: Callable[..., Any],
    inputs: Inputs,
    gradient: Any,
    *,
    name: str,
    wrt: Sequence[str],
    notes: tuple[str, ...],
) -> Subject:
    """Read `(loss, gradient)`: the gradient is that of one number, and belongs to the input of its shape."""
    floating = tuple(key for key, value in inputs.items() if is_differentiable(value))
    shapes = {key: np.shape(inputs[key]) for key in sorted(floating, key=lambda key: key not in wrt)}
    order = order_of(gradient, tuple(inputs), shapes, {})

    def backward(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
        return times(cotangents, by_argument(function(**values)[1], order, tuple(values)))

    whose = ", ".join(f"`{one}`" for one in order)
    return Subject(
        name=name,
        inputs=inputs,
        fresh=lambda: Passes(forward=lambda values: function(**values)[0], backward=backward),
        wrt=without_labels(floating, order),
        convention="loss with its gradient",
        notes=(*notes, f"its second result is read as the gradient of {whose}"),
    )


def _shown(returned: Any) -> str:
    if isinstance(returned, tuple):
        return f"a tuple of {', '.join(type(one).__name__ for one in returned)}"
    return type(returned).__name__
