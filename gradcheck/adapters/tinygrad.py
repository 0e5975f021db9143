"""tinygrad: functions and objects that are called with Tensors, whose gradients `Tensor.gradient` is asked for."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.adapters.arguments import Held, arguments_of
from gradcheck.adapters.calling import Signature, leaves_of, signature_of
from gradcheck.adapters.frameworks import Request
from gradcheck.errors import InvalidLayer, LayerFailed, MissingExtra
from gradcheck.subject import Array, Cotangents, Inputs, Passes, Subject

_Call = Callable[[Mapping[str, Any]], Any]


def read_tinygrad(request: Request) -> Subject:
    """Read a function of Tensors, or an object that is called with them, as a Subject.

    The Tensors that an object holds (`tinygrad.nn.state.get_state_dict`) are arguments like forward's own.

    Raises
    ------
    MissingExtra
        tinygrad is not installed.
    InvalidInput, InvalidLayer, LayerFailed
        The inputs do not fit, it cannot be called, or a trial run raised.
    """
    _tinygrad()
    if not callable(request.layer):
        raise InvalidLayer(f"a tinygrad layer must be callable; it is a {type(request.layer).__name__}.")
    signature = signature_of(request.layer)
    held = _held(request.layer)
    arguments = arguments_of(request, _arrays(request.inputs), signature, held)
    call = _call(request, signature, tuple(held.state))
    _try(call, arguments.values)

    def forward(inputs: Inputs) -> Any:
        found = [_array(out) for out in leaves_of(call(_tensors(inputs)))]
        return found[0] if len(found) == 1 else tuple(found)

    return Subject(
        name=request.name or getattr(request.layer, "__name__", type(request.layer).__name__),
        inputs=arguments.values,
        fresh=lambda: Passes(forward, lambda cotangents, inputs: _pulled_back(call, cotangents, inputs, arguments.wrt)),
        wrt=arguments.wrt,
        convention="tinygrad function" if not held.state else "tinygrad object",
        notes=arguments.notes,
    )


def _tinygrad() -> Any:
    try:
        import tinygrad
    except ImportError as err:
        raise MissingExtra("tinygrad") from err
    return tinygrad


def _held(layer: Any) -> Held:
    return Held({name: _array(tensor) for name, tensor in _state(layer).items()})


def _state(layer: Any) -> dict[str, Any]:
    from tinygrad.nn.state import get_state_dict

    if not hasattr(layer, "__dict__") or hasattr(layer, "__code__"):
        return {}
    return {name: tensor for name, tensor in get_state_dict(layer).items() if tensor.is_floating_point()}


def _call(request: Request, signature: Signature, own: tuple[str, ...]) -> _Call:
    layer = copy.deepcopy(request.layer) if own else request.layer

    def call(values: Mapping[str, Any]) -> Any:
        for name, tensor in _state(layer).items() if own else ():
            tensor.replace(values[name])
        rest = {name: value for name, value in values.items() if name not in own}
        args, kwargs = signature.placed({**rest, **request.constants})
        return layer(*args, **kwargs)

    return call


def _pulled_back(call: _Call, cotangents: Cotangents, inputs: Inputs, wrt: tuple[str, ...]) -> dict[str, Array | None]:
    tensors = _tensors(inputs)
    leaves = [tensors[name] for name in wrt]
    found: list[Array | None] = [None] * len(wrt)
    for out, cotangent in zip(leaves_of(call(tensors)), cotangents, strict=True):
        gradients = out.gradient(*leaves, gradient=_tinygrad().Tensor(np.ascontiguousarray(cotangent)))
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                before = found[i]
                found[i] = _array(gradient) if before is None else before + _array(gradient)
    return dict(zip(wrt, found, strict=True))


def _try(call: _Call, inputs: Inputs) -> None:
    try:
        found = leaves_of(call(_tensors(inputs)))
        for out in found:
            _array(out)
    except LayerFailed:
        raise
    except Exception as err:
        raise LayerFailed(f"forward raised {type(err).__name__}: {err}".rstrip(": "), stage="forward") from err


def _tensors(inputs: Inputs) -> dict[str, Any]:
    """Return copies as Tensors: tinygrad lays its own buffers out, so that strides do not reach it."""
    tensor = _tinygrad().Tensor
    return {
        name: tensor(np.array(value, order="C")) if isinstance(value, (np.ndarray, np.generic)) else value
        for name, value in inputs.items()
    }


def _array(out: Any) -> Array:
    if not isinstance(out, _tinygrad().Tensor):
        raise LayerFailed(f"forward must return Tensors; it returned a {type(out).__name__}.", stage="forward")
    array: Array = out.numpy()
    return array


def _arrays(inputs: Any) -> Any:
    """Return the inputs with every Tensor as an array."""
    if isinstance(inputs, Mapping):
        return {name: _plain(value) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return [_plain(value) for value in inputs]
    return _plain(inputs)


def _plain(value: Any) -> Any:
    return _array(value) if isinstance(value, _tinygrad().Tensor) else value
