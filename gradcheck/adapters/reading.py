"""From anything a caller may hand to `check` to a Subject: the one place that chooses the convention."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gradcheck.adapters.contract import accepts_inputs, fresh_layer, order_by_signature, parameter_names, passes_of
from gradcheck.adapters.frameworks import Request, framework_of, known_framework, read_framework, read_tape
from gradcheck.adapters.slots import slots_of
from gradcheck.adapters.stateful import read_stateful
from gradcheck.errors import InvalidInput, InvalidLayer
from gradcheck.subject import Passes, Subject, is_differentiable, named_inputs


def subject_of(
    layer: Any,
    inputs: Any,
    *,
    wrt: Sequence[str] | None = None,
    factory: Callable[[], Any] | None = None,
    name: str = "",
    wrap: Any = None,
    grad_attr: str = "grad",
) -> Subject:
    """Read `layer` as a Subject at the point `inputs`.

    Parameters
    ----------
    layer : object, pair or Subject
        An object with `forward` and `backward`, a pair of callables `(forward, backward)`, or a Subject.
    inputs : mapping, sequence or array
        The point; copied.
    wrt : sequence of str, optional
        The arguments under test; all floating inputs by default.
    factory : callable, optional
        Returns a fresh instance of the layer (or a fresh pair); without it the layer is deep-copied.
    wrap : callable or str, optional
        Makes a node of a tape of one's own from an array; or the name of the framework that `layer` is written for.
    grad_attr : str
        Where such a node has its gradient.

    Raises
    ------
    InvalidLayer
        `layer` is none of these.
    InvalidInput
        `inputs` or `wrt` cannot be used.
    """
    if isinstance(layer, Subject):
        found = named_inputs(inputs if inputs is not None else layer.inputs)
        return replace(layer.at(found), name=name or layer.name, wrt=layer.wrt if wrt is None else chosen(wrt, found))
    if callable(wrap):
        return read_tape(Request(layer, inputs, wrt=wrt, factory=factory, name=name), wrap, grad_attr)
    framework = known_framework(wrap) if wrap else framework_of(layer, inputs)
    if framework:
        return read_framework(framework, Request(layer, inputs, wrt=wrt, factory=factory, name=name))
    forward, backward = _two_passes(layer)
    names = parameter_names(forward)
    found = order_by_signature(named_inputs(inputs, names), names)
    if isinstance(layer, (tuple, list)):
        return _pair(forward, backward, found, wrt=wrt, factory=factory, name=name)
    takes_inputs = accepts_inputs(backward, tuple(found))
    notes: tuple[str, ...] = ()
    if not takes_inputs or slots_of(layer):
        subject = read_stateful(layer, found, wrt=wrt, factory=factory, name=name)
        if not takes_inputs or subject.inputs.keys() != found.keys():
            return subject
        notes = subject.notes
    make, isolated = fresh_layer(layer, factory)

    def fresh() -> Passes:
        return passes_of(*_two_passes(make()))

    return Subject(
        name=name or type(layer).__name__,
        inputs=found,
        fresh=fresh,
        wrt=chosen(wrt, found),
        convention="contract",
        isolated=isolated,
        notes=notes,
    )


def _pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: dict[str, Any],
    *,
    wrt: Sequence[str] | None,
    factory: Callable[[], Any] | None,
    name: str,
) -> Subject:
    if not accepts_inputs(backward, tuple(inputs)):
        raise InvalidLayer(
            f"backward must take grad_output and then forward's inputs ({', '.join(inputs)}); "
            f"it takes {', '.join(parameter_names(backward)) or 'nothing'}."
        )
    make, isolated = fresh_layer((forward, backward), factory)
    return Subject(
        name=name or getattr(forward, "__name__", "pair"),
        inputs=inputs,
        fresh=lambda: passes_of(*_two_passes(make())),
        wrt=chosen(wrt, inputs),
        convention="pair of functions",
        isolated=isolated,
    )


def chosen(wrt: Sequence[str] | None, inputs: dict[str, Any]) -> tuple[str, ...]:
    """Return the names under test: `wrt`, or every floating input."""
    floating = tuple(name for name, value in inputs.items() if is_differentiable(value))
    if wrt is None:
        return floating
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    if not names:
        raise InvalidInput(f"`wrt` must name at least one of the floating inputs ({', '.join(floating)}); it is empty.")
    for name in names:
        if name not in floating:
            raise InvalidInput(f"`wrt` must name floating inputs ({', '.join(floating)}); it names {name!r}.")
    return names


def _two_passes(layer: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    if isinstance(layer, (tuple, list)) and len(layer) == 2 and callable(layer[0]) and callable(layer[1]):
        return layer[0], layer[1]
    forward, backward = getattr(layer, "forward", None), getattr(layer, "backward", None)
    if callable(forward) and callable(backward) and not isinstance(layer, type):
        return forward, backward
    kind = f"the class {layer.__name__}; pass an instance" if isinstance(layer, type) else f"a {type(layer).__name__}"
    raise InvalidLayer(
        "`layer` must have the methods forward(*inputs) and backward(grad_output, *inputs), "
        f"or be a pair of such functions; it is {kind}."
    )
