"""From anything a caller may hand to `check` to a Subject: the one place that chooses the convention."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck.adapters.case import returns_case
from gradcheck.adapters.contract import (
    accepts_inputs,
    fresh_layer,
    needs_defaults,
    order_by_signature,
    parameter_names,
    passes_of,
    says_nothing,
)
from gradcheck.adapters.frameworks import Request, framework_of, known_framework, read_framework, read_tape
from gradcheck.adapters.functions import read_pair
from gradcheck.adapters.lists import heads, spread
from gradcheck.adapters.means import scaled
from gradcheck.adapters.methods import entry_of, methods_of
from gradcheck.adapters.preparing import initialisers
from gradcheck.adapters.single import read_single
from gradcheck.adapters.slots import slots_of
from gradcheck.adapters.stateful import read_stateful
from gradcheck.adapters.trial import copies, quietly
from gradcheck.errors import InvalidInput, InvalidLayer
from gradcheck.subject import Passes, Subject, is_differentiable, named_inputs


@dataclass(frozen=True)
class Hints:
    """What a caller says where the convention does not tell.

    `grads` is the attribute that holds a parameter's gradient, by parameter; `constants` are arguments of the passes
    that are no inputs; `passing` what an argument of backward gets (see `adapters/roles.py`); `scale` is "mean" where
    gradients are divided by the batch size by design.
    """

    grads: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    passing: Mapping[str, str] = field(default_factory=dict)
    scale: str = ""

    def __bool__(self) -> bool:
        return bool(self.grads or self.constants or self.passing)


NO_HINTS = Hints()


def subject_of(
    layer: Any,
    inputs: Any,
    *,
    wrt: Sequence[str] | None = None,
    factory: Callable[[], Any] | None = None,
    name: str = "",
    wrap: Any = None,
    grad_attr: str = "grad",
    hints: Hints = NO_HINTS,
) -> Subject:
    """Read `layer` as a Subject at the point `inputs`.

    Parameters
    ----------
    layer : object, pair, function or Subject
        An object with the two passes as methods, in any spelling of `adapters/spellings.py`; a pair of callables; one
        function that returns `(output, pullback)` or `(loss, gradient)`, or has a flag for its derivative; a Subject.
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
    hints : Hints
        What the caller says of the convention.

    Raises
    ------
    InvalidLayer
        `layer` is none of these.
    InvalidInput
        `inputs` or `wrt` cannot be used.
    """
    if isinstance(layer, Subject):
        found = named_inputs(inputs if inputs is not None else layer.inputs)
        wrt = layer.wrt if wrt is None else chosen(wrt, found)
        return scaled(replace(layer.at(found), name=name or layer.name, wrt=wrt), hints.scale)
    if callable(wrap):
        return read_tape(Request(layer, inputs, wrt=wrt, factory=factory, name=name), wrap, grad_attr)
    framework = known_framework(wrap) if wrap else framework_of(layer, inputs)
    if framework and (wrap or not returns_case(layer, inputs, hints.constants)):
        request = Request(layer, inputs, wrt=wrt, constants=hints.constants, factory=factory, name=name)
        return read_framework(framework, request)
    return read_plain(layer, inputs, wrt=wrt, factory=factory, name=name, hints=hints)


def read_plain(
    layer: Any,
    inputs: Any,
    *,
    wrt: Sequence[str] | None = None,
    factory: Callable[[], Any] | None = None,
    name: str = "",
    hints: Hints = NO_HINTS,
) -> Subject:
    """Read what is written with arrays, whatever it uses inside: a class, a pair or a single function.

    Raises
    ------
    InvalidLayer, InvalidInput
        As `subject_of`.
    """
    forward, inputs = _forward(layer), spread(inputs)
    names = parameter_names(forward)
    holds = not _is_pair(layer) and bool(slots_of(layer))  # an embedding has nothing but its weights to differentiate
    found = order_by_signature(named_inputs(inputs, names, floating=not holds), names)
    first = (wrt,) if isinstance(wrt, str) else tuple(wrt or ())
    known = {"constants": hints.constants, "passing": hints.passing}
    if _is_pair(layer):
        subject = read_pair(tuple(layer), found, wrt=first, factory=_pairs(factory), name=name, **known)
    elif not methods_of(layer):
        subject = read_single(layer, found, wrt=first, name=name, **known)
    else:
        return scaled(_object(layer, found, wrt=wrt, factory=factory, name=name, hints=hints), hints.scale)
    subject = subject if wrt is None else replace(subject, wrt=chosen(wrt, found))
    return scaled(subject, hints.scale)


def _object(
    layer: Any,
    inputs: dict[str, Any],
    *,
    wrt: Sequence[str] | None,
    factory: Callable[[], Any] | None,
    name: str,
    hints: Hints,
) -> Subject:
    """Read an object: as the contract where it is that and keeps no parameters, else as a stateful class."""
    backward = getattr(layer, "backward", None)
    pure = callable(getattr(layer, "forward", None)) and not hints
    names = tuple(inputs)
    pure = pure and callable(backward) and heads(names) == names and not needs_defaults(layer.forward, backward, names)
    takes_inputs = False
    if pure and callable(backward) and not says_nothing(backward, names):
        takes_inputs = accepts_inputs(backward, names, parameter_names(layer.forward))
    notes: tuple[str, ...] = ()
    takes_inputs = takes_inputs and not (initialisers(layer) and not _runs(layer, inputs, factory))
    if not takes_inputs or slots_of(layer):
        subject = read_stateful(
            layer,
            inputs,
            wrt=wrt,
            factory=factory,
            name=name,
            grads=hints.grads,
            constants=hints.constants,
            passing=hints.passing,
        )
        if not takes_inputs or subject.inputs.keys() != inputs.keys():
            return subject
        notes = subject.notes
    make, isolated = fresh_layer(layer, factory)

    def fresh() -> Passes:
        made = make()
        _check(made)
        return passes_of(made.forward, made.backward)

    return Subject(
        name=name or type(layer).__name__,
        inputs=inputs,
        fresh=fresh,
        wrt=chosen(wrt, inputs),
        convention="contract",
        isolated=isolated,
        notes=notes,
    )


def _runs(layer: Any, inputs: dict[str, Any], factory: Callable[[], Any] | None) -> bool:
    """Tell whether a forward that gets its inputs by position runs; one that fails may want to be prepared first."""
    made = fresh_layer(layer, factory)[0]()
    _check(made)
    try:
        with quietly():
            made.forward(*copies(inputs).values())
    except Exception:  # noqa: BLE001 - whatever it raises is told where it is read otherwise, or judged
        return False
    return True


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


def _is_pair(layer: Any) -> bool:
    return isinstance(layer, (tuple, list)) and len(layer) == 2 and callable(layer[0]) and callable(layer[1])


def _pairs(factory: Callable[[], Any] | None) -> Callable[[], Any] | None:
    """Return the factory of a pair, which must make pairs."""

    def made() -> Any:
        pair = factory() if factory else None
        _check(pair)
        return pair

    return made if factory else None


def _forward(layer: Any) -> Callable[..., Any]:
    """Return what takes the inputs."""
    _check(layer)
    forward: Callable[..., Any] = layer[0] if _is_pair(layer) else layer
    return getattr(layer, entry_of(layer), forward) if methods_of(layer) else forward


def _check(layer: Any) -> None:
    if _is_pair(layer) or (not isinstance(layer, type) and (methods_of(layer) or inspect.isroutine(layer))):
        return
    kind = f"the class {layer.__name__}; pass an instance" if isinstance(layer, type) else f"a {type(layer).__name__}"
    raise InvalidLayer(
        "`layer` must have the methods forward(*inputs) and backward(grad_output, *inputs), "
        f"or be a pair of such functions; it is {kind}."
    )
