"""The contract: an object with `forward(*inputs)` and `backward(grad_output, *inputs)`, or the same two as a pair."""

import copy
import inspect
import sys
from collections.abc import Callable
from typing import Any

from gradcheck.adapters.gradients import by_name
from gradcheck.adapters.spellings import bound_flag, is_cache, is_input_shape, is_optimizer, is_rate, is_upstream
from gradcheck.errors import GradcheckError, LayerFailed
from gradcheck.subject import Cotangents, Inputs, Passes

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def unpacked(cotangents: Cotangents) -> Any:
    """Return what backward gets as grad_output: the array of a single output, the tuple of several."""
    return cotangents[0] if len(cotangents) == 1 else cotangents


def passes_of(forward: Callable[..., Any], backward: Callable[..., Any]) -> Passes:
    """Bind a forward and a backward of the contract; inputs are handed over by position, in their order."""
    return Passes(
        forward=lambda inputs: forward(*inputs.values()),
        backward=lambda cotangents, inputs: by_name(backward(unpacked(cotangents), *inputs.values()), inputs),
    )


def fresh_layer(layer: Any, factory: Callable[[], Any] | None) -> tuple[Callable[[], Any], bool]:
    """Return a maker of independent instances and whether they really are independent.

    The caller's object is copied once, before the first call, so that it is never changed.
    """
    if factory is not None:
        return lambda: _made_by(factory), True
    try:
        kept = copied(layer)
        copies = type(copied(kept)) is type(kept) is type(layer)
    except Exception:  # noqa: BLE001 - any object may refuse to be copied, in any way it likes
        copies = False
    if not copies:
        return lambda: layer, False
    return lambda: copied(kept), True


def copied(layer: Any) -> Any:
    """Return a deep copy; modules that it holds (`self.xp = np`), which refuse to be copied, are shared."""
    return copy.deepcopy(layer, {id(module): module for module in list(sys.modules.values())})


def _made_by(factory: Callable[[], Any]) -> Any:
    try:
        return factory()
    except GradcheckError:
        raise
    except Exception as err:
        raise LayerFailed(f"The factory raised {type(err).__name__}: {err}", stage="factory") from err


def parameter_names(forward: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of forward's positional parameters, or () where they cannot be told."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(p.name for p in parameters if p.kind in _POSITIONAL)


def accepts_inputs(backward: Callable[..., Any], names: tuple[str, ...], of_forward: tuple[str, ...] = ()) -> bool:
    """Tell whether backward can be called with grad_output and the inputs of these names.

    It can where its arguments after the first are those `of_forward`, whatever the caller calls the inputs. Else a
    learning rate is no input, and neither is a parameter with a default unless it bears an input's name; nor is the
    gradient from above first where the first argument bears an input's name.
    """
    try:
        parameters = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):
        return True
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return True
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    if len(positional) == len(parameters) and tuple(p.name for p in positional[1:]) == of_forward != ():
        return len(of_forward) == len(names)
    if positional and positional[0].name in names and len(positional) > 1:
        return False
    spare = positional[1:]
    required = [p for p in spare if p.default is inspect.Parameter.empty]
    needs_more = any(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is p.empty for p in parameters)
    if needs_more or len(parameters) == 0 or not len(required) <= len(names) <= len(spare):
        return False
    taken = spare[: len(names)]
    return all(p.name in names or (p in required and not _is_special(p.name)) for p in taken)


def _is_special(name: str) -> bool:
    """Tell whether an argument of this name is anything but an input."""
    flag = bound_flag(name, inspect.Parameter.empty, required=True) is not None
    return flag or any(kind(name) for kind in (is_rate, is_upstream, is_cache, is_optimizer, is_input_shape))


def needs_defaults(forward: Callable[..., Any], backward: Callable[..., Any], names: tuple[str, ...]) -> bool:
    """Tell whether backward asks for something that forward takes besides the inputs: `backward(dout, x, f, s)`."""
    if len(parameter_names(forward)) == len(names):
        return False
    return bool(set(parameter_names(forward)) & set(parameter_names(backward)) - set(names))


def says_nothing(backward: Callable[..., Any], names: tuple[str, ...]) -> bool:
    """Tell whether neither of a backward's two arguments has a name that says which of them is the gradient."""
    told = parameter_names(backward)
    return len(told) == len(names) + 1 == 2 and not is_upstream(told[0]) and told[1] not in names


def order_by_signature(inputs: Inputs, names: tuple[str, ...]) -> dict[str, Any]:
    """Put named inputs into forward's order where every name is one of its parameters; otherwise keep their order."""
    if inputs and all(name in names for name in inputs):
        return {name: inputs[name] for name in names if name in inputs}
    return dict(inputs)
