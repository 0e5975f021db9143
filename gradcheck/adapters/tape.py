"""A tape of one's own: a class that records what is done to it, with the gradient in an attribute after backward().

Whole arrays are wrapped where the class takes them; a class of single numbers (micrograd's Value) gets one object an
entry, in nested lists.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from gradcheck.adapters.arguments import Held, arguments_of
from gradcheck.adapters.calling import Signature, leaves_of, signature_of
from gradcheck.adapters.contract import copied, fresh_layer
from gradcheck.adapters.frameworks import Request
from gradcheck.errors import InvalidInput, InvalidLayer, LayerFailed
from gradcheck.subject import Array, Cotangents, Inputs, Passes, Subject, is_floating

# How published tapes call the array in a node, the flag that makes a node record, and what backward starts from.
_DATA = ("data", "value", "val", "array", "_data", "_value", "numpy")
_FLAGS = ("requires_grad", "autograd", "needs_grad", "track_grad", "requires_gradient")
_SEEDS = (
    "grad",
    "gradient",
    "grad_output",
    "output_grad",
    "out_grad",
    "upstream",
    "upstream_grad",
    "dout",
    "g",
    "seed",
)
_OWN = "parameters"  # the one argument that holds all single numbers of an object
_DEPTH = 6  # attributes of attributes: a network of blocks of layers of neurons


@dataclass(frozen=True)
class _Tape:
    """How a class of nodes is used: made by `wrap`, read at `data` and `grad`, one node an array or one an entry."""

    wrap: Callable[[Any], Any]
    kind: type
    data: str
    grad: str
    single: bool = False

    def nodes(self, value: Any) -> Any:
        """Wrap an array, or every entry of it."""
        if not self.single:
            return self.wrap(np.asarray(value))
        return _nested(np.vectorize(self.wrap, otypes=[object])(value)) if np.size(value) else []

    def records(self, node: Any) -> bool:
        """Tell a node, which may be of a base class, from a plain number or array."""
        return isinstance(node, self.kind) or (hasattr(node, self.data) and hasattr(type(node), "backward"))

    def values(self, node: Any) -> Array:
        """Return what a node holds; a number that is no node is itself."""
        held = getattr(node, self.data) if self.records(node) else node
        return np.asarray(held() if callable(held) else held)

    def gradient(self, node: Any) -> Any:
        """Return the gradient in a node, or None where there is none."""
        held = getattr(node, self.grad, None)
        return None if held is None else self.values(held)


def read_tape(request: Request, wrap: Callable[..., Any], grad_attr: str = "grad") -> Subject:
    """Read a function of nodes, or an object that is called with them, as a Subject.

    Parameters
    ----------
    wrap : callable
        Makes a node from an array or a number: the class, usually.
    grad_attr : str
        Where a node has its gradient after `backward()`.

    Raises
    ------
    InvalidInput, InvalidLayer, LayerFailed
        The inputs do not fit, `wrap` makes no node that can be read, or a trial run raised.
    """
    if not callable(request.layer):
        raise InvalidLayer(f"a layer on a tape must be callable; it is a {type(request.layer).__name__}.")
    tape = _tape_of(wrap, grad_attr)
    signature = signature_of(request.layer)
    tape, own = _tried(tape, request, signature)
    arguments = arguments_of(request, request.inputs, signature, Held(own))
    make, isolated = fresh_layer(request.layer, request.factory)
    is_object = bool(own)

    def fresh() -> Passes:
        layer = make() if is_object else request.layer
        run = _Run(tape, layer, signature, dict(request.constants), tuple(own))
        return Passes(run.forward, run.backward)

    return Subject(
        name=request.name or getattr(request.layer, "__name__", type(request.layer).__name__),
        inputs=arguments.values,
        fresh=fresh,
        wrt=arguments.wrt,
        convention=f"tape of {tape.kind.__name__}",
        stateful=True,
        isolated=isolated or not is_object,
        notes=(*arguments.notes, *_said(tape)),
    )


class _Run:
    """One living instance: forward keeps its nodes until backward asks them for gradients."""

    def __init__(
        self, tape: _Tape, layer: Any, signature: Signature, constants: dict[str, Any], own: tuple[str, ...]
    ) -> None:
        self._tape, self._layer, self._signature = tape, layer, signature
        self._constants, self._own = constants, own
        self._nodes: dict[str, Any] = {}
        self._outputs: list[Any] = []
        self._asked = True

    def forward(self, inputs: Inputs) -> Any:
        tape, self._asked = self._tape, False
        given = {n: v for n, v in inputs.items() if n not in self._own}
        self._nodes = {n: tape.nodes(v) if _is_number(v) else v for n, v in given.items()}
        held = _held_nodes(self._layer, tape) if self._own else {}
        self._nodes |= _put(tape, held, {n: inputs[n] for n in self._own})
        args, kwargs = self._signature.placed({**{n: self._nodes[n] for n in given}, **self._constants})
        returned = self._layer(*args, **kwargs)
        self._outputs = leaves_of(returned)
        arrays = tuple(tape.values(out) for out in self._outputs)
        if tape.single and isinstance(returned, (list, tuple)):
            return np.array(arrays, dtype=float)
        return arrays[0] if len(arrays) == 1 else arrays

    def backward(self, cotangents: Cotangents, inputs: Inputs) -> dict[str, Any]:
        tape = self._tape
        if self._asked:  # a tape adds to its gradients, and is played back once
            self.forward(inputs)
        self._asked = True
        single = tape.single and len(self._outputs) != len(cotangents)
        shares = list(np.ravel(cotangents[0])) if single else list(cotangents)
        factor = _start(tape, [(out, c) for out, c in zip(self._outputs, shares, strict=True)])
        found = {name: _gradients(tape, node) for name, node in self._nodes.items() if is_floating(inputs[name])}
        return {
            n: None if g is None else np.reshape(np.array(g) * factor, _shape(g, inputs[n])) for n, g in found.items()
        }


def _shape(gradient: Any, like: Any) -> tuple[int, ...]:
    """Return the argument's shape where only the number of entries must fit: single numbers have lost it."""
    return np.shape(like) if np.size(gradient) == np.size(like) and np.ndim(gradient) <= 1 else np.shape(gradient)


def _start(tape: _Tape, pairs: list[tuple[Any, Any]]) -> float:
    """Call backward on the outputs, and return what its gradients must still be multiplied by."""
    nodes: list[tuple[Any, Any]] = [(out, c) for out, c in pairs if tape.records(out)]
    if not nodes:
        return 1.0
    out, cotangent = nodes[0]
    seeded = _takes_seed(tape.kind)
    if len(nodes) == 1 and seeded:
        _seeded(tape, out, cotangent)
        return 1.0
    if len(nodes) == 1 and np.size(cotangent) == 1:
        out.backward()
        return float(np.ravel(cotangent)[0])
    weighed = [node * (float(c) if tape.single else tape.wrap(np.array(c))) for node, c in nodes]
    total: Any = reduce(
        add, [term if tape.single or np.size(tape.values(term)) == 1 else term.sum() for term in weighed]
    )
    total.backward()
    return 1.0


def _seeded(tape: _Tape, out: Any, cotangent: Any) -> None:
    """Hand backward an array where it takes one, else a node: a few tapes want their own class."""
    annotated = next(iter(_seeds(tape.kind)), None)
    wants_node = annotated is not None and tape.kind.__name__ in str(annotated.annotation)
    out.backward(tape.wrap(cotangent) if wants_node else cotangent)


def _takes_seed(kind: type) -> bool:
    return any(True for _ in _seeds(kind))


def _seeds(kind: type) -> Iterator[inspect.Parameter]:
    parameters = signature_of(kind.backward, skip=1).parameters[:1]  # type: ignore[attr-defined]  # looked up before
    return (p for p in parameters if p.name.strip("_").lower() in _SEEDS or p.default is p.empty)


def _tape_of(wrap: Callable[..., Any], grad_attr: str) -> _Tape:
    flag = next((name for name in _FLAGS if name in signature_of(wrap).names), None)

    def wrapped(value: Any) -> Any:
        return wrap(value, **{flag: True}) if flag else wrap(value)

    try:
        node = wrapped(np.ones(()))
        data = next(name for name in _DATA if hasattr(node, name))
    except Exception as err:
        raise InvalidInput(
            f"`wrap` must make a node from an array, with its values in one of {', '.join(_DATA[:4])}; "
            f"{getattr(wrap, '__name__', wrap)!r} does not: {type(err).__name__}: {err}".rstrip(": ")
        ) from err
    if not callable(getattr(node, "backward", None)):
        raise InvalidInput(f"a node must have a method backward; {type(node).__name__} has none.")
    if not hasattr(node, grad_attr):
        has = ", ".join(name for name in getattr(node, "__dict__", {}) if not name.startswith("_"))
        kind = type(node).__name__
        raise InvalidInput(f"`grad_attr` must be where a {kind} has its gradient; it has {has}, and no {grad_attr!r}.")
    return _Tape(wrapped, type(node), data, grad_attr)


def _tried(tape: _Tape, request: Request, signature: Signature) -> tuple[_Tape, dict[str, Array]]:
    """Call forward on whole arrays and, where that fails or cannot be weighed, on single numbers."""
    held = {} if inspect.isroutine(request.layer) else _held_nodes(request.layer, tape)
    own = {name: tape.values(node).astype(float) for name, node in held.items()}
    singles = (
        {_OWN: np.array([float(v) for v in own.values()])} if own and all(v.ndim == 0 for v in own.values()) else own
    )
    reasons = []
    for one, state in ((tape, own), (replace(tape, single=True), singles)):
        try:
            values = arguments_of(request, request.inputs, signature, Held(state)).values
            layer = copied(request.layer) if own else request.layer
            run = _Run(one, layer, signature, dict(request.constants), tuple(state))
            outputs = run.forward(values)
            parts = outputs if isinstance(outputs, tuple) else (outputs,)
            run.backward(tuple(np.ones(np.shape(part)) for part in parts), values)
        except InvalidInput:
            raise
        except Exception as err:  # noqa: BLE001 - the second way is tried then, and both reasons are told
            reasons.append(f"{type(err).__name__}: {err}".rstrip(": "))
        else:
            return one, state
    raise LayerFailed(
        f"forward or backward raised on {tape.kind.__name__} of whole arrays ({reasons[0]}) and on one for each entry "
        f"({reasons[1]})",
        stage="forward",
    )


def _held_nodes(owner: Any, tape: _Tape) -> dict[str, Any]:
    """Return the nodes that an object holds, by their paths through attributes, dicts and lists."""
    return dict(_walk(owner, (), tape, set()))


def _walk(owner: Any, path: tuple[str, ...], tape: _Tape, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if len(path) > _DEPTH or id(owner) in seen:
        return
    seen.add(id(owner))
    if tape.records(owner):
        yield ".".join(path), owner
    elif isinstance(owner, dict):
        for key, value in owner.items():
            yield from _walk(value, (*path, str(key)), tape, seen)
    elif isinstance(owner, (list, tuple)):
        for index, value in enumerate(owner):
            yield from _walk(value, (*path, str(index)), tape, seen)
    elif not isinstance(owner, type):
        for name, value in getattr(owner, "__dict__", {}).items():
            yield from _walk(value, (*path, name), tape, seen)


def _put(tape: _Tape, held: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Write values into the nodes of an object, and what a new node has for a gradient."""
    if tape.single and _OWN in values and _OWN not in held:
        spread = dict(zip(held, np.asarray(values[_OWN]), strict=True))
        _put(replace(tape, single=False), held, {name: value.item() for name, value in spread.items()})
        return {_OWN: list(held.values())}
    for name, value in values.items():
        setattr(held[name], tape.data, value)
        setattr(held[name], tape.grad, getattr(tape.wrap(value), tape.grad))
    return {name: held[name] for name in values}


def _gradients(tape: _Tape, nodes: Any) -> Any:
    """Return the gradient in a node, or those in nested lists of nodes as one array."""
    if isinstance(nodes, list):
        found = [_gradients(tape, node) for node in nodes]
        return None if any(one is None for one in found) else np.array(found, dtype=float)
    return tape.gradient(nodes)


def _nested(nodes: Any) -> Any:
    return nodes.tolist() if isinstance(nodes, np.ndarray) else nodes


def _is_number(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"


def _said(tape: _Tape) -> tuple[str, ...]:
    kind, notes = tape.kind.__name__, []
    if tape.single:
        notes.append(f"one {kind} for each entry of the inputs, in nested lists")
    if not _takes_seed(tape.kind):
        notes.append(
            f"{kind}.backward takes no gradient: several outputs are weighed and added by the class's own * and + first"
        )
    return tuple(notes)
