"""Writes into the caller's arrays, looked for with the caller's kind of call: no copies in between."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.checks.bench import Bench, Parts
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.subject import Array, Inputs
from gradcheck.verdict import Finding


def mutation(bench: Bench) -> Iterator[Finding]:
    """Yield what forward and backward write into, and whether the returned gradient is wrong because of it."""
    try:
        use = bench.used
    except GradcheckError as error:
        yield found("in-use-refused", f"On arrays that are not copied for each call: {error}")
        return
    yield from _written("mutates-input", "forward", _changed(use.between, bench.inputs))
    yield from _written("mutates-input", "backward", _changed(use.inputs, use.between))
    yield from _locked(use.inputs)
    yield from _written("mutates-grad-output", "backward", _named("grad_output", use.parts, bench.cut()))
    yield from _written("mutates-output", "backward", _named("output", use.outputs, use.kept))
    for difference in bench.differences(use.claims, bench.expected):
        yield found(
            "wrong-in-place",
            f"The gradient of `{difference.argument}` {difference.words} when forward and backward get the caller's "
            "own arrays: something is overwritten before it is used.",
            argument=difference.argument,
            relative=difference.relative,
            bars=difference.bars,
        )


def _named(name: str, parts: Parts, before: Parts) -> dict[str, int]:
    names = [name] if len(parts) == 1 else [f"{name}[{i}]" for i in range(len(parts))]
    return _changed(dict(zip(names, parts, strict=True)), dict(zip(names, before, strict=True)))


def _changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, int]:
    """Count the entries of each array that are not what they were (NaN is NaN)."""
    counts = {}
    for name, value in now.items():
        if isinstance(value, np.ndarray):
            other = before[name]
            resized = value.shape != other.shape
            counts[name] = value.size if resized else _unequal(value, other)
    return {name: number for name, number in counts.items() if number}


def _unequal(one: Array, other: Array) -> int:
    unequal = one != other
    if unequal.any() and np.issubdtype(one.dtype, np.inexact):
        unequal &= ~(np.isnan(one) & np.isnan(other))
    return int(np.count_nonzero(unequal))


def _locked(inputs: Inputs) -> Iterator[Finding]:
    """Tell which of the caller's arrays, handed over writable, cannot be written to any more."""
    for name, value in inputs.items():
        if isinstance(value, np.ndarray) and not value.flags.writeable:
            text = f"A pass must leave its arguments as they are; it made `{name}` read-only."
            yield found("mutates-input", text, argument=name, array=name)


def _written(code: str, stage: str, changed: Mapping[str, int]) -> Iterator[Finding]:
    for name, number in changed.items():
        entries = "entry" if number == 1 else "entries"
        text = f"{stage} must not write into its arguments; it changed {number} {entries} of `{name}`."
        if code == "mutates-output":
            text = f"{stage} must not write into what forward returned; it changed {number} {entries} of `{name}`."
        argument = name if code == "mutates-input" else None
        yield found(code, text, argument=argument, stage=stage, array=name, entries=number)
