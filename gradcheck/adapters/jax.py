"""JAX: functions of arrays, with or without a `custom_vjp`, whose gradients `jax.vjp` is asked for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck.adapters.arguments import Held, arguments_of
from gradcheck.adapters.calling import Signature, leaves_of, signature_of
from gradcheck.adapters.frameworks import Request
from gradcheck.errors import InvalidLayer, LayerFailed, MissingExtra
from gradcheck.subject import Array, Cotangents, Inputs, Passes, Subject


def read_jax(request: Request) -> Subject:
    """Read a function of JAX arrays as a Subject: forward calls it, backward is its vjp.

    64 bits are switched on for the calls of this layer where an input has them; jax's own setting stays as it is.

    Raises
    ------
    MissingExtra
        jax is not installed.
    InvalidInput, InvalidLayer, LayerFailed
        The inputs do not fit, it is no function, or a trial run raised.
    """
    jax = _jax()
    if not callable(request.layer):
        raise InvalidLayer(f"a jax layer must be a function; it is a {type(request.layer).__name__}.")
    signature = signature_of(request.layer)
    arguments = arguments_of(request, _arrays(request.inputs), signature, Held())
    call = _call(request, signature)
    convention = "jax custom_vjp" if isinstance(request.layer, jax.custom_vjp) else "jax function"
    left_out = _left_out(call, arguments.values)

    def forward(inputs: Inputs) -> Any:
        with _precision(inputs):
            found = _outputs(call, inputs, left_out)
            return found[0] if len(found) == 1 else tuple(found)

    def backward(cotangents: Cotangents, inputs: Inputs) -> dict[str, Any]:
        with _precision(inputs):
            return _pulled_back(call, cotangents, inputs, arguments.wrt, left_out=left_out)

    return Subject(
        name=request.name or getattr(request.layer, "__name__", type(request.layer).__name__),
        inputs=arguments.values,
        fresh=lambda: Passes(forward, backward),
        wrt=arguments.wrt,
        convention=convention,
        notes=(*arguments.notes, *(f"output {i} is of dtype {kind}: left out" for i, kind in left_out.items())),
    )


def _jax() -> Any:
    try:
        import jax
        import jax.experimental
    except ImportError as err:
        raise MissingExtra("jax") from err
    return jax


@contextmanager
def _precision(inputs: Inputs) -> Iterator[None]:
    """Compute as the inputs ask for: in 64 bits where one of them has them, else as jax is set."""
    jax = _jax()
    wide = any(
        isinstance(v, (np.ndarray, np.generic)) and v.dtype in (np.float64, np.complex128) for v in inputs.values()
    )
    switch = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64  # its place before jax 0.8
    with switch(wide or bool(jax.config.jax_enable_x64)):
        yield


def _call(request: Request, signature: Signature) -> Callable[[Mapping[str, Any]], Any]:
    def call(values: Mapping[str, Any]) -> Any:
        args, kwargs = signature.placed({**values, **request.constants})
        return request.layer(*args, **kwargs)

    return call


def _outputs(call: Callable[[Mapping[str, Any]], Any], inputs: Inputs, left_out: Mapping[int, str]) -> list[Array]:
    found = leaves_of(call(_in_jax(inputs)))
    return [_array(out) for i, out in enumerate(found) if i not in left_out]


def _pulled_back(
    call: Callable[[Mapping[str, Any]], Any],
    cotangents: Cotangents,
    inputs: Inputs,
    wrt: tuple[str, ...],
    *,
    left_out: Mapping[int, str],
) -> dict[str, Any]:
    jax = _jax()
    values = _in_jax(inputs)

    def of_those(chosen: Mapping[str, Any]) -> list[Any]:
        found = leaves_of(call({**values, **chosen}))
        return [out for i, out in enumerate(found) if i not in left_out]

    _, pullback = jax.vjp(of_those, {name: values[name] for name in wrt})
    (gradients,) = pullback([jax.numpy.asarray(cotangent) for cotangent in cotangents])
    return {name: _array(gradient) for name, gradient in gradients.items()}


def _left_out(call: Callable[[Mapping[str, Any]], Any], inputs: Inputs) -> dict[int, str]:
    """Run forward once and return the outputs that are not floating, by their place."""
    try:
        with _precision(inputs):
            found = [_array(out) for out in leaves_of(call(_in_jax(inputs)))]
    except LayerFailed:
        raise
    except Exception as err:
        raise LayerFailed(f"forward raised {type(err).__name__}: {err}".rstrip(": "), stage="forward") from err
    other = {i: str(out.dtype) for i, out in enumerate(found) if out.dtype.kind not in "fc"}
    if len(other) == len(found):
        raise LayerFailed("forward must return a floating array; it returned none.", stage="forward")
    return other


def _in_jax(inputs: Inputs) -> dict[str, Any]:
    numpy = _jax().numpy
    arrays = (np.ndarray, np.generic)
    return {name: numpy.asarray(value) if isinstance(value, arrays) else value for name, value in inputs.items()}


def _array(out: Any) -> Array:
    """Return an output as an array of NumPy's own dtypes; bfloat16 as float32."""
    try:
        array = np.asarray(out)
    except Exception as err:
        raise LayerFailed(f"forward must return arrays; it returned a {type(out).__name__}.", stage="forward") from err
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _arrays(inputs: Any) -> Any:
    """Return the inputs with every JAX array as one of NumPy."""
    if isinstance(inputs, Mapping):
        return {name: _plain(value) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return [_plain(value) for value in inputs]
    return _plain(inputs)


def _plain(value: Any) -> Any:
    return np.array(value) if isinstance(value, _jax().Array) else value
