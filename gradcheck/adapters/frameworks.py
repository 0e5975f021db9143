"""Which framework an object belongs to, told without importing any: by its type's module, or by what its code names."""

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.subject import Subject

# The first part of a module's name, and the framework (which is also its extra) whose adapter reads what it defines.
FRAMEWORKS: Mapping[str, str] = {
    "torch": "torch",
    "jax": "jax",
    "jaxlib": "jax",
    "autograd": "autograd",
    "tinygrad": "tinygrad",
}
_CODE_DEPTH = 6  # functions calling functions of the same file; a layer that hides its framework deeper is not met


@dataclass(frozen=True)
class Request:
    """What shall be read as a Subject.

    Parameters
    ----------
    layer : object
        A function, class or object of the framework.
    inputs : mapping, sequence or array
        The point, as the caller gave it: arrays, or tensors of the framework.
    wrt : sequence of str, or None
        The arguments under test.
    constants : mapping
        Hyperparameters of the call by name, filled in as they are.
    factory : callable, optional
        Makes a fresh object.
    name : str
        How the report calls it.
    """

    layer: Any
    inputs: Any
    wrt: Sequence[str] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    factory: Callable[[], Any] | None = None
    name: str = ""


def framework_of(layer: Any, inputs: Any = None) -> str | None:
    """Return the framework that `layer` is written for, or None where it is none of them or more than one.

    A class or object is known by the modules of its bases, an object also by what it holds, a function by what its code
    names: `torch.sin`, say, or another function of the same file that does. Where that says nothing, the inputs tell,
    or what the function's file imports. An object with a forward and a backward of its own is nobody else's.

    Examples
    --------
    >>> framework_of(len), framework_of(dict)
    (None, None)
    """
    if isinstance(layer, (Subject, tuple, list)):
        return None
    kinds = layer.__mro__ if isinstance(layer, type) else type(layer).__mro__
    found = {_framework(kind.__module__) for kind in kinds} - {None}
    if found or isinstance(layer, type) or not callable(layer) or _has_both_passes(layer):
        return _only(found)
    told = {_framework(getattr(layer, "__module__", None))} - {None}
    for sources in (told, _named(layer, set(), _CODE_DEPTH), _held(layer), _given(inputs), _imported(layer)):
        found = set(sources)
        if found:
            return _only(found)
    return None


def must_be_constructed(layer: Any) -> bool:
    """Tell whether it is a class whose instances are the layers; torch's autograd Functions are used as classes."""
    if not isinstance(layer, type):
        return False
    return not any(base.__module__ == "torch.autograd.function" for base in layer.__mro__)


def known_framework(name: str) -> str:
    """Return the framework of this name.

    Raises
    ------
    InvalidInput
        There is none.
    """
    if name not in FRAMEWORKS:
        known = tuple(dict.fromkeys(FRAMEWORKS.values()))
        near = did_you_mean(str(name), known) or "."
        raise InvalidInput(f"`wrap` must be a callable or one of {', '.join(known)}; it is {name!r}{near}")
    return FRAMEWORKS[name]


def read_tape(request: Request, wrap: Callable[..., Any], grad_attr: str) -> Subject:
    """Read the request as a layer on a tape of one's own."""
    from gradcheck.adapters import tape

    return tape.read_tape(request, wrap, grad_attr)


def read_framework(framework: str, request: Request) -> Subject:
    """Read the request by the framework's own adapter, which is loaded only now."""
    if framework == "torch":
        from gradcheck.adapters.torch import read_torch

        return read_torch(request)
    if framework == "jax":
        from gradcheck.adapters.jax import read_jax

        return read_jax(request)
    if framework == "autograd":
        from gradcheck.adapters.autograd import read_autograd

        return read_autograd(request)
    from gradcheck.adapters.tinygrad import read_tinygrad

    return read_tinygrad(request)


def _only(found: set[str | None]) -> str | None:
    return found.pop() if len(found) == 1 else None


def _has_both_passes(layer: Any) -> bool:
    return all(callable(getattr(layer, name, None)) for name in ("forward", "backward"))


def _held(layer: Any) -> Iterator[str]:
    if not isinstance(layer, types.FunctionType):
        yield from (one for value in getattr(layer, "__dict__", {}).values() if (one := _of_object(value)))


def _given(inputs: Any) -> Iterator[str]:
    values = (
        inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, (tuple, list)) else [inputs]
    )
    yield from (one for value in values if (one := _of_object(value)))


def _imported(function: Any) -> Iterator[str]:
    for value in list(getattr(function, "__globals__", {}).values()):
        framework = _framework(value.__name__) if isinstance(value, types.ModuleType) else _of_object(value)
        if framework:
            yield framework


def _framework(module: Any) -> str | None:
    return FRAMEWORKS.get(module.partition(".")[0]) if isinstance(module, str) else None


def _named(function: Any, seen: set[int], depth: int) -> Iterator[str]:
    """Yield the frameworks of everything that a function's code names, and the functions it calls."""
    function = getattr(function, "__wrapped__", getattr(function, "__func__", function))
    code, scope = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    if code is None or id(code) in seen or depth == 0:
        return
    seen.add(id(code))
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=False)
    closed = {name: cell.cell_contents for name, cell in cells if not _is_empty(cell)}
    annotations = getattr(function, "__annotations__", {})
    values = [*(scope[name] for name in _names(code) if name in scope), *closed.values(), *annotations.values()]
    for value in values:
        framework = _framework(value.__name__) if isinstance(value, types.ModuleType) else _of_object(value)
        if framework:
            yield framework
        elif isinstance(value, types.FunctionType):
            yield from _named(value, seen, depth - 1)


def _of_object(value: Any) -> str | None:
    kind = value if isinstance(value, type) else type(value)
    found = (_framework(base.__module__) for base in kind.__mro__)
    return next((one for one in found if one), _framework(getattr(value, "__module__", None)))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _is_empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:  # a name that its function has not bound yet
        return True
