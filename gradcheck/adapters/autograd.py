"""HIPS autograd: functions of its NumPy, and primitives with a `defvjp`, differentiated by autograd itself."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.adapters.arguments import Held, arguments_of
from gradcheck.adapters.calling import Signature, leaves_of, signature_of
from gradcheck.adapters.frameworks import Request
from gradcheck.errors import InvalidLayer, LayerFailed, MissingExtra
from gradcheck.subject import Array, Cotangents, Inputs, Passes, Subject

_Call = Callable[[Mapping[str, Any]], Any]


def read_autograd(request: Request) -> Subject:
    """Read a function as a Subject: forward calls it on arrays, backward is autograd's vjp.

    Arrays are handed on as they are, so that a `defvjp` meets grad_output with its own strides.

    Raises
    ------
    MissingExtra
        autograd is not installed.
    InvalidInput, InvalidLayer, LayerFailed
        The inputs do not fit, it is no function, or a trial run raised.
    """
    _autograd()
    if not callable(request.layer):
        raise InvalidLayer(f"an autograd layer must be a function; it is a {type(request.layer).__name__}.")
    is_primitive = getattr(request.layer, "_is_autograd_primitive", False)
    signature = signature_of(request.layer.fun if is_primitive else request.layer)
    arguments = arguments_of(request, request.inputs, signature, Held())
    call = _call(request, signature)
    _try(call, arguments.values)

    def forward(inputs: Inputs) -> Any:
        found = leaves_of(call(inputs))
        return found[0] if len(found) == 1 else tuple(found)

    return Subject(
        name=request.name or getattr(request.layer, "__name__", type(request.layer).__name__),
        inputs=arguments.values,
        fresh=lambda: Passes(forward, lambda cotangents, inputs: _pulled_back(call, cotangents, inputs, arguments.wrt)),
        wrt=arguments.wrt,
        convention="autograd primitive" if is_primitive else "autograd function",
        notes=arguments.notes,
    )


def _autograd() -> Any:
    try:
        import autograd
    except ImportError as err:
        raise MissingExtra("autograd") from err
    return autograd


def _call(request: Request, signature: Signature) -> _Call:
    def call(values: Mapping[str, Any]) -> Any:
        args, kwargs = signature.placed({**values, **request.constants})
        return request.layer(*args, **kwargs)

    return call


def _pulled_back(call: _Call, cotangents: Cotangents, inputs: Inputs, wrt: tuple[str, ...]) -> dict[str, Array]:
    from autograd.builtins import tuple as boxed_tuple
    from autograd.core import make_vjp

    def of_those(chosen: Any) -> Any:
        values = {**inputs, **{name: chosen[i] for i, name in enumerate(wrt)}}
        found = leaves_of(call(values))
        return found[0] if len(found) == 1 else boxed_tuple(found)

    pullback, _ = make_vjp(of_those, tuple(inputs[name] for name in wrt))
    gradients = pullback(cotangents[0] if len(cotangents) == 1 else cotangents)
    # What autograd hands out may be grad_output itself, or one array for two arguments; it never writes into it.
    return {name: np.array(gradient) for name, gradient in zip(wrt, gradients, strict=True)}


def _try(call: _Call, inputs: Inputs) -> None:
    try:
        call({name: value.copy() if isinstance(value, np.ndarray) else value for name, value in inputs.items()})
    except Exception as err:
        raise LayerFailed(f"forward raised {type(err).__name__}: {err}".rstrip(": "), stage="forward") from err
