"""PyTorch: autograd Functions, modules, functions and custom ops, whose gradients torch.autograd is asked for.

Tensors share the memory and the strides of the arrays that the judge hands over, so that a backward meets the
grad_output of a transposed or expanded output, and what it writes into it is seen.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck.adapters.arguments import Held, arguments_of, subsets
from gradcheck.adapters.calling import Signature, leaves_of, signature_of
from gradcheck.adapters.frameworks import Request
from gradcheck.errors import InvalidInput, InvalidLayer, LayerFailed, MissingExtra
from gradcheck.subject import Array, Cotangents, Inputs, Passes, Subject, Variant

_IN_PLACE = "leaf Variable that requires grad"  # torch's words where forward writes into its own input


@dataclass(frozen=True)
class _Target:
    """How one kind of target is called: `call` takes tensors and constants by name, `held` is what it has itself."""

    convention: str
    signature: Signature
    call: Callable[..., Any]
    held: Held = field(default_factory=Held)
    notes: tuple[str, ...] = ()
    copies: bool = False


def read_torch(request: Request) -> Subject:
    """Read a Function, a module, a function of tensors or a custom op as a Subject.

    Its inputs are forward's arguments, and the parameters of a module under their names in `named_parameters`. Every
    backward asks torch.autograd, after a forward that builds the graph; random draws come from a stream of their own,
    and torch's global state stays as it is.

    Raises
    ------
    MissingExtra
        torch is not installed.
    InvalidInput, InvalidLayer, LayerFailed
        The inputs do not fit, it is a class that must be constructed first, or a trial run raised.
    """
    target = _target(request.layer)
    arguments = arguments_of(request, _arrays(request.inputs), target.signature, target.held)
    constants = {name: _constant(value) for name, value in request.constants.items()}
    make, isolated = _maker(request, target.signature, constants)
    stream = _Stream()
    target, left_out = _tried(target, make, arguments.values, arguments.wrt, stream=stream)

    def passes(requiring: tuple[str, ...] = arguments.wrt, *, graph: bool = True) -> Passes:
        run = _Run(replace(target, call=make()), requiring, left_out, stream, graph=graph)
        return Passes(run.forward, run.backward)

    return Subject(
        name=request.name or _name_of(request.layer),
        inputs=arguments.values,
        fresh=passes,
        wrt=arguments.wrt,
        convention=target.convention,
        stateful=True,
        isolated=isolated,
        notes=(*target.notes, *arguments.notes, *_said(left_out)),
        variants=(
            Variant("under torch.no_grad()", lambda: passes(graph=False)),
            *subsets(arguments.wrt, target.held, passes),
        ),
    )


class _Stream:
    """The random numbers that a layer draws: a stream of their own, so that torch's global state is left alone."""

    def __init__(self) -> None:
        self._state = _torch().Generator().manual_seed(0).get_state()

    @contextmanager
    def drawn(self) -> Iterator[None]:
        torch = _torch()
        before = torch.get_rng_state()
        torch.set_rng_state(self._state)
        try:
            yield
        finally:
            self._state = torch.get_rng_state()
            torch.set_rng_state(before)


class _Run:
    """One living instance: forward keeps its graph until backward asks for the gradients."""

    def __init__(
        self,
        target: _Target,
        requiring: tuple[str, ...],
        left_out: Mapping[int, str],
        stream: _Stream,
        *,
        graph: bool = True,
    ) -> None:
        self._target, self._requiring, self._left_out = target, requiring, left_out
        self._stream, self._graph = stream, graph
        self._leaves: dict[str, Any] = {}
        self._outputs: list[Any] = []

    def forward(self, inputs: Inputs) -> Any:
        self._outputs = [out for i, out in enumerate(self.outputs(inputs)) if i not in self._left_out]
        arrays = tuple(_array(out) for out in self._outputs)
        return arrays[0] if len(arrays) == 1 else arrays

    def outputs(self, inputs: Inputs) -> list[Any]:
        """Return every tensor that forward returns, with its graph."""
        torch = _torch()
        for name, value in self._target.held.state.items():
            if np.shape(inputs[name]) != value.shape:  # kernels count on a module's own shapes; some crash on others
                raise LayerFailed(f"`{name}` must keep its shape {value.shape}; it has {np.shape(inputs[name])}.")
        # A module's own parameters are plain arrays; torch's kernels count on that (batch_norm's backward does).
        own = {n: np.require(v, requirements="C") for n, v in inputs.items() if n in self._target.held.state}
        values = {name: _tensor(own.get(name, value)) for name, value in inputs.items()}
        required = [n for n in self._requiring if self._graph and values[n].is_floating_point()]
        self._leaves = {name: values[name].requires_grad_() for name in required}
        if self._target.copies:
            values |= {name: leaf.clone() for name, leaf in self._leaves.items()}
        with self._stream.drawn(), torch.set_grad_enabled(self._graph):
            return [_checked(out) for out in leaves_of(self._target.call(values))]

    def backward(self, cotangents: Cotangents, inputs: Inputs) -> dict[str, Any]:
        torch = _torch()
        pairs = [(o, _tensor(c)) for o, c in zip(self._outputs, cotangents, strict=True) if o.requires_grad]
        if not pairs:
            return dict.fromkeys(inputs)
        with self._stream.drawn():
            found = torch.autograd.grad(
                [out for out, _ in pairs],
                list(self._leaves.values()),
                [cotangent for _, cotangent in pairs],
                allow_unused=True,
                retain_graph=True,
            )
        return {name: None if g is None else _array(g).copy() for name, g in zip(self._leaves, found, strict=True)}


def _torch() -> Any:
    try:
        import torch
    except ImportError as err:
        raise MissingExtra("torch") from err
    return torch


def _target(layer: Any) -> _Target:
    torch, kind = _torch(), layer if isinstance(layer, type) else None
    if kind is not None:
        if issubclass(kind, torch.autograd.Function):
            return _Target("torch.autograd.Function", _of_function(layer), layer.apply)
        raise InvalidLayer(f"a torch class must be an autograd.Function, or be constructed; it is {layer.__name__}.")
    if isinstance(layer, torch.nn.Module):
        return _of_module(layer)
    schema = getattr(getattr(layer, "_opoverload", None), "_schema", None)
    if schema is not None:
        return _Target("torch custom op", _of_schema(layer), layer)
    return _Target("torch function", signature_of(layer), layer)


def _of_function(kind: Any) -> Signature:
    """Return the parameters of forward, without `ctx` where setup_context does not take it over."""
    base = _torch().autograd.Function.setup_context
    return signature_of(kind.forward, skip=0 if kind.setup_context is not base else 1)


def _of_schema(op: Any) -> Signature:
    return signature_of(getattr(op, "_init_fn", op))


def _of_module(module: Any) -> _Target:
    signature = signature_of(module.forward)
    named = dict(module.named_parameters())
    state = {_own_name(name, signature): value.detach() for name, value in named.items()}
    away = {str(p.device) for p in (*named.values(), *module.buffers()) if p.device.type != "cpu"}
    frozen = {_own_name(name, signature) for name, value in named.items() if not value.requires_grad}
    notes = (
        *([f"held on {', '.join(sorted(away))}: a copy on the CPU is checked"] if away else []),
        *([f"in training mode, with buffers as they are: {_listed(module)}"] if _training(module) else []),
    )
    return _Target(
        "torch.nn.Module",
        signature,
        module,
        Held({name: _array(value).copy() for name, value in state.items()}, frozenset(frozen)),
        notes=notes,
    )


def _own_name(name: str, signature: Signature) -> str:
    return f"self.{name}" if name in signature.names else name


def _training(module: Any) -> bool:
    return bool(module.training) and any(True for _ in module.buffers())


def _listed(module: Any) -> str:
    return ", ".join(f"`{name}`" for name, _ in module.named_buffers())


def _maker(request: Request, signature: Signature, constants: Mapping[str, Any]) -> tuple[Callable[[], Any], bool]:
    """Return a maker of independent calls by name, and whether they really are independent."""
    layer: Any = request.layer
    if isinstance(layer, _torch().nn.Module):
        return _module_maker(request, constants)
    is_function = isinstance(layer, type)

    def call(values: Mapping[str, Any]) -> Any:
        args, kwargs = signature.placed({**values, **constants}, positional=is_function)
        return layer.apply(*args) if is_function else layer(*args, **kwargs)

    return lambda: call, True


def _module_maker(request: Request, constants: Mapping[str, Any]) -> tuple[Callable[[], Any], bool]:
    torch = _torch()
    isolated = True
    try:
        kept = copy.deepcopy(request.layer)
    except Exception:  # noqa: BLE001 - any object may refuse to be copied, in any way it likes
        kept, isolated = request.layer, False

    def fresh() -> Any:
        if request.factory is not None:
            return request.factory().cpu()
        return copy.deepcopy(kept).cpu() if isolated else kept

    def make() -> Callable[[Mapping[str, Any]], Any]:
        module = fresh()
        signature = signature_of(module.forward)
        names = {_own_name(name, signature): name for name, _ in module.named_parameters()}

        def call(values: Mapping[str, Any]) -> Any:
            state = {names[name]: value for name, value in values.items() if name in names}
            dtype = next((v.dtype for v in state.values() if v.is_floating_point()), None)
            # A copy for each call, in the precision of this call: what a training step does to them must not last.
            buffers = {n: _as_dtype(b.clone(), dtype) for n, b in module.named_buffers()}
            rest = {name: value for name, value in values.items() if name not in names}
            args, kwargs = signature.placed({**rest, **constants})
            return torch.func.functional_call(module, {**state, **buffers}, tuple(args), kwargs)

        return call

    return make, isolated or request.factory is not None


def _as_dtype(tensor: Any, dtype: Any) -> Any:
    return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor


def _tried(
    target: _Target, make: Callable[[], Any], inputs: Inputs, wrt: tuple[str, ...], *, stream: _Stream
) -> tuple[_Target, dict[int, str]]:
    """Run forward once, to see whether it writes into its inputs and which outputs have no gradient."""

    def outputs(copies: bool) -> list[Any]:
        own = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in inputs.items()}
        return _Run(replace(target, call=make(), copies=copies), wrt, {}, stream).outputs(own)

    try:
        try:
            found = outputs(False)
        except RuntimeError as err:
            if _IN_PLACE not in str(err):
                raise
            found = outputs(True)
            said = "forward works in place, on a copy of its inputs"
            target = replace(target, copies=True, notes=(*target.notes, said))
    except (InvalidInput, LayerFailed):
        raise
    except Exception as err:
        raise LayerFailed(f"forward raised {type(err).__name__}: {err}".rstrip(": "), stage="forward") from err
    if not found:
        raise LayerFailed("forward must return a tensor or several; it returned none.", stage="forward")
    numbers = {i: f"of dtype {_short(out)}" for i, out in enumerate(found) if not out.is_floating_point()}
    marked = {i: "without a gradient" for i, out in enumerate(found) if i not in numbers and not out.requires_grad}
    if len(numbers) == len(found):
        raise LayerFailed("forward must return a floating tensor; it returned none.", stage="forward")
    # Where nothing has a gradient, that is for the judge to say.
    return target, numbers | (marked if len(numbers) + len(marked) < len(found) else {})


def _short(out: Any) -> str:
    return str(out.dtype).removeprefix("torch.")


def _said(left_out: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(f"output {i} is {what}: left out" for i, what in left_out.items())


def _name_of(layer: Any) -> str:
    return str(getattr(layer, "__name__", None) or getattr(layer, "_name", None) or type(layer).__name__)


def _arrays(inputs: Any) -> Any:
    """Return the inputs with every tensor as an array."""
    if isinstance(inputs, Mapping):
        return {name: _constant_array(value) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return [_constant_array(value) for value in inputs]
    return _constant_array(inputs)


def _constant_array(value: Any) -> Any:
    return _array(value).copy() if isinstance(value, _torch().Tensor) else value


def _constant(value: Any) -> Any:
    return _tensor(value) if isinstance(value, np.ndarray) else value


def _checked(out: Any) -> Any:
    torch = _torch()
    if not isinstance(out, torch.Tensor):
        out = torch.as_tensor(out) if isinstance(out, (bool, int, float)) else out
    if not isinstance(out, torch.Tensor):
        raise LayerFailed(f"forward must return tensors; it returned a {type(out).__name__}.", stage="forward")
    return out


def _array(tensor: Any) -> Array:
    """Return a tensor's values as an array that shares its memory; bfloat16, which NumPy lacks, as float32."""
    torch = _torch()
    plain = tensor.detach().cpu()
    plain = plain.to_dense() if plain.layout is not torch.strided else plain
    plain = plain.float() if plain.dtype == torch.bfloat16 else plain
    array: Array = plain.resolve_conj().resolve_neg().numpy()
    return array


def _tensor(value: Any) -> Any:
    """Return an array as a tensor of the same memory and strides; negative strides, which torch lacks, as a copy."""
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    torch, value = _torch(), np.asarray(value)
    if any(stride < 0 for stride in value.strides) or not value.dtype.isnative:
        return torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="), order="C"))
    if value.flags.writeable:
        return torch.from_numpy(value)
    # torch knows no read-only memory, and warns; a broadcast array keeps its strides of 0, which it does know.
    held = value.view()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.from_numpy(held)
