"""Odd sizes that forward accepts: an empty batch, axes of size 1, no axes at all."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.checks.answers import shape_of
from gradcheck.checks.batches import Group, groups
from gradcheck.checks.bench import Bench, Parts
from gradcheck.checks.instrument import copied, usable_gradient
from gradcheck.checks.outputs import form_of
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.subject import Array, Inputs
from gradcheck.verdict import Finding

SAME = 8.0  # ulps that one entry may round otherwise alone than among others, in vectorised code


def sizes(bench: Bench) -> Iterator[Finding]:
    """Yield where backward refuses a size that forward accepts, or returns gradients of another shape."""
    for group in groups(bench) or _leading(bench):
        empty = {n: v[:0] if n in group else v for n, v in bench.inputs.items()}
        if all(bench.inputs[n].size == 0 for n in group):
            break
        parts = bench.accepts(empty)
        if parts is not None:
            yield from _asked(bench, empty, parts, code="empty", words="an empty batch")
            break
    if bench.instrument.subject.stateful:
        return  # the layer keeps parameters, whose sizes are its own affair
    for code, words, change in (("size-one", "axes of size 1", _first_of_each), ("scalar", "no axes", _first)):
        inputs = {n: change(v) if isinstance(v, np.ndarray) else v for n, v in bench.inputs.items()}
        if all(np.shape(inputs[n]) == np.shape(v) for n, v in bench.inputs.items()):
            continue
        parts = bench.accepts(inputs)
        if parts is None or any(size > 1 for part in parts for size in part.shape):
            continue  # refused, or broadcast against what the layer keeps
        if code != "scalar" or _elementwise(bench, parts):
            yield from _asked(bench, inputs, parts, code=code, words=words)


def _leading(bench: Bench) -> list[Group]:
    """Return the inputs that share the first one's leading axis, where no output shows which axis is the batch."""
    arrays = {n: v for n, v in bench.inputs.items() if isinstance(v, np.ndarray) and v.ndim}
    number = next((len(v) for n, v in arrays.items() if n in bench.wrt), None)
    group = tuple(n for n, v in arrays.items() if len(v) == number)
    return [group] if group else []


def _elementwise(bench: Bench, parts: Parts) -> bool:
    """Tell whether forward without axes returns the first of its entries; other layers promise nothing there."""
    shapes = {value.shape for value in bench.inputs.values() if isinstance(value, np.ndarray) and value.ndim}
    if len(shapes) > 1 or any(part.size == 0 for part in bench.parts) or len(parts) != len(bench.parts):
        return False  # where one array is broadcast against another, axes mean something
    return all(
        part.shape == () and abs(float(part) - float(whole.reshape(-1)[0])) <= SAME * np.spacing(abs(part) + 0.0)
        for part, whole in zip(parts, bench.parts, strict=True)
    )


def _first_of_each(value: Array) -> Array:
    return value[(slice(0, 1),) * value.ndim]


def _first(value: Array) -> Array:
    return value.reshape(-1)[:1].reshape(()) if value.size else value


def _asked(bench: Bench, inputs: Inputs, parts: Parts, *, code: str, words: str) -> Iterator[Finding]:
    form = form_of(parts)
    try:
        claims = bench.backward(form.cut(np.ones(form.size)), copied(inputs))
    except GradcheckError as error:
        yield found(f"{code}-refused", f"backward raises for inputs with {words}, which forward accepts: {error}")
        return
    asked = [name for name in bench.wrt if bench.expected.get(name) is not None]
    if code == "scalar" and any(claims.get(name) is None for name in asked):
        return  # a list of numbers may be one gradient or several
    for name in asked:
        wrong = _wrong(claims.get(name), np.asarray(inputs[name]), nothing_flows=form.size == 0)
        if wrong:
            text = f"The gradient of `{name}` {wrong} for inputs with {words}."
            yield found(f"{code}-wrong", text, argument=name, expected=np.shape(inputs[name]))


def _wrong(claim: Any, like: Array, *, nothing_flows: bool) -> str:
    if claim is None:
        return "is missing"
    gradient = usable_gradient(claim, like)
    if gradient is None:
        return f"has the shape {shape_of(claim)} where {like.shape} belongs"
    if nothing_flows and np.any(gradient != 0):
        return "is not zero although no output depends on it"
    return ""
