"""A pair of functions: the contract, a cached pair, a function and its derivative, a loss and its gradient."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters.contract import (
    accepts_inputs,
    fresh_layer,
    needs_defaults,
    parameter_names,
    passes_of,
    says_nothing,
)
from gradcheck.adapters.gradients import in_shape
from gradcheck.adapters.lists import heads
from gradcheck.adapters.living import Living, Way
from gradcheck.adapters.returned import by_argument, odd_shapes, order_of, without_labels
from gradcheck.adapters.roles import parameters_of
from gradcheck.adapters.spellings import is_derivative
from gradcheck.adapters.trial import copies, cotangents_of, quietly, run_backward, run_forward
from gradcheck.adapters.upstream import times
from gradcheck.adapters.ways import Found, Given, find_way
from gradcheck.errors import InvalidLayer
from gradcheck.subject import Cotangents, Inputs, Passes, Subject, is_differentiable

Pair = tuple[Callable[..., Any], Callable[..., Any]]
_NAMES = {
    "number": "loss and its gradient",
    "sum": "loss and its gradient",
    "elementwise": "function and its derivative",
}


def read_pair(
    pair: Pair,
    inputs: Inputs,
    *,
    wrt: Sequence[str] = (),
    factory: Callable[[], Any] | None = None,
    name: str = "",
    constants: Mapping[str, Any] | None = None,
    passing: Mapping[str, str] | None = None,
) -> Subject:
    """Read two functions as a Subject: what backward gets is told by the names of its arguments, and by a trial run.

    Where backward takes grad_output and then the inputs, in whatever words, no trial is needed. `wrt` are the inputs to
    which a single returned gradient belongs first; the Subject's own `wrt` is every floating input.

    Raises
    ------
    InvalidLayer
        An argument of backward could be anything.
    LayerFailed
        One of the functions raised in the trial run.
    """
    make, isolated = fresh_layer(pair, factory)
    name = name or getattr(pair[0], "__name__", "pair")
    floating = tuple(key for key, value in inputs.items() if is_differentiable(value))
    names = tuple(inputs)
    plainly = (
        heads(inputs) == names
        and not needs_defaults(*pair, names)
        and accepts_inputs(pair[1], names, parameter_names(pair[0]))
    )
    plainly = plainly and not says_nothing(pair[1], names)
    if plainly and not constants and not passing and not is_derivative(getattr(pair[1], "__name__", "")):
        return Subject(
            name=name,
            inputs=inputs,
            fresh=lambda: passes_of(*_two(make())),
            wrt=floating,
            convention="pair of functions",
            isolated=isolated,
        )
    if parameters_of(pair[1]) == ():
        raise InvalidLayer(
            f"backward must take grad_output and then forward's inputs ({', '.join(inputs)}); it takes nothing."
        )
    asked = Given(make, lambda owner, _way: _two(owner), inputs, constants or {}, passing or {})
    found = find_way(asked, [Way("", "")])
    order, odd = _order(asked, found, inputs, wrt)
    cached = found.way.asks("cache")
    convention = "cached pair of functions" if cached else _NAMES.get(found.way.kind, "pair of functions")
    return Subject(
        name=name,
        inputs=inputs,
        isolated=isolated,
        wrt=without_labels(floating, order),
        fresh=lambda: _passes(asked.living(found.way), order),
        convention=convention,
        stateful=cached or found.way.asks("output") or not (found.way.asks("input") or found.way.asks("list")),
        notes=(*found.notes, *_belongs(order, inputs), *odd),
    )


def _two(pair: Any) -> Pair:
    return pair[0], pair[1]


def _order(given: Given, found: Found, inputs: Inputs, wrt: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell from one trial whose gradients backward returns, and the sentence for shapes that are not the arguments'."""
    living, values = given.living(found.way), copies(inputs)
    with quietly():
        returned = run_backward(living, cotangents_of(run_forward(living, values)), values)
    told = tuple(name.strip() for name in given.passing.get("returned", "").split(",") if name.strip())
    floating = [name for name, value in inputs.items() if is_differentiable(value)]
    shapes = {name: np.shape(inputs[name]) for name in sorted(floating, key=lambda name: name not in wrt)}
    order = order_of(returned, tuple(inputs), shapes, {}, told=told)
    return order, odd_shapes(returned, order, {}, shapes)


def _belongs(order: tuple[str, ...], inputs: Inputs) -> tuple[str, ...]:
    """Say whose gradients are returned, where that is not simply the inputs in their order."""
    usual = [name for name in inputs if name in order]
    if list(order) == usual and (len(order) != 1 or next(iter(inputs)) == order[0]):
        return ()
    return (f"backward returns the gradient of {', '.join(f'`{name}`' for name in order)}",)


def _passes(living: Living, order: tuple[str, ...]) -> Passes:
    def backward(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
        named = by_argument(living.backward(cotangents, values), order, tuple(values))
        claimed = {n: in_shape(one, np.shape(values[n])) for n, one in named.items()}
        return times(cotangents, claimed) if living.way.multiplies else claimed

    return Passes(forward=living.forward, backward=backward)
