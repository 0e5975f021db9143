"""Linearity of backward in grad_output: a combination, a large and a small multiple, and zero."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.checks.answers import Difference
from gradcheck.checks.bench import Bench, Gradients
from gradcheck.checks.instrument import copied
from gradcheck.checks.outputs import flatten
from gradcheck.checks.probes import draw_cotangent
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.numdiff.records import Vector
from gradcheck.verdict import Finding

A, B = 2.0, -0.5  # exact multiples, of either sign
# Clipping shows at large values and thresholds at small ones, |grad_output| at negative ones: that of a scalar may have
# been positive throughout. Powers of two commute with rounding. float16 has no room.
MULTIPLES: dict[np.dtype[Any], tuple[float, ...]] = {
    np.dtype(np.float16): (-(2.0**3),),
    np.dtype(np.float32): (2.0**20, -(2.0**-20)),
    np.dtype(np.float64): (2.0**20, -(2.0**-20)),
}
EXTREME = frozenset(abs(multiple) for multiple in MULTIPLES[np.dtype(np.float64)])
# A backward that scales and squares (of a matrix exponential) loses digits at extreme sizes of grad_output, and no clip
# is as small as the square root of the rounding unit; the sharp question is asked at modest multiples.
ROUGH = {dtype: float(np.finfo(dtype).eps) ** 0.5 for dtype in MULTIPLES}


def linearity(bench: Bench) -> Iterator[Finding]:
    """Yield what contradicts backward(a g + b h) = a backward(g) + b backward(h), and backward(0) = 0."""
    yield from _zero(bench)
    seen: set[str] = set()
    for finding in _multiples(bench):
        if finding.argument not in seen:
            seen.add(finding.argument or "")
            yield finding


def _zero(bench: Bench) -> Iterator[Finding]:
    nothing = np.zeros(bench.form.size)
    try:
        claims = bench.backward(bench.form.cut(nothing), copied(bench.inputs))
    except GradcheckError as error:
        yield found("zero-refused", f"backward raises where grad_output is zero: {error}")
        return
    zeros: Gradients = {name: np.zeros_like(g) for name, g in bench.expected.items() if g is not None}
    for difference in bench.differences(claims, zeros, beside=(bench.expected,)):
        value = bench.usable(claims)[difference.argument]
        largest = float("nan") if value is None else float(np.max(np.abs(value)))
        yield found(
            "nonzero-for-zero",
            f"Where grad_output is zero the gradient of `{difference.argument}` must be zero; "
            f"its largest entry is {largest:.3g}.",
            argument=difference.argument,
            largest=largest,
            bars=difference.bars,
        )


def _multiples(bench: Bench) -> Iterator[Finding]:
    other = _full_mantissas(bench)
    try:
        second = bench.usable(bench.backward(bench.form.cut(other), copied(bench.inputs)))
    except GradcheckError:
        return
    both = {
        name: A * g + B * h
        for name, g in bench.expected.items()
        if g is not None and (h := second.get(name)) is not None
    }
    mixed = f"{A:g} g {B:+g} h"
    yield from _held(bench, mixed, A * bench.cotangent + B * other, both, beside=(bench.expected, second), factor=2.0)
    for multiple in MULTIPLES.get(_coarsest(bench), ()):
        scaled = {name: multiple * g for name, g in bench.expected.items() if g is not None}
        yield from _held(bench, f"{multiple:g} g", multiple * bench.cotangent, scaled, factor=abs(multiple))


def _coarsest(bench: Bench) -> np.dtype[Any]:
    """The lowest precision around: a layer may cast to float16 by hand whatever it takes and returns."""
    return max((bench.form.coarsest, bench.evidence.place.work), key=lambda dtype: float(np.finfo(dtype).eps))


def _full_mantissas(bench: Bench) -> Vector:
    """Draw a cotangent that no shorter dtype can hold, so that a cast of grad_output shows as well."""
    flat = draw_cotangent(bench.rng, bench.form, bench.judgeable)
    return flatten(bench.form.cut(flat * (1.0 + bench.rng.random(flat.shape) / 8.0)))


def _held(
    bench: Bench,
    what: str,
    flat: Vector,
    expected: Mapping[str, Any],
    *,
    beside: tuple[Gradients, ...] = (),
    factor: float,
) -> Iterator[Finding]:
    try:
        claims = bench.backward(bench.form.cut(flat), copied(bench.inputs))
    except GradcheckError:
        return  # refusing a value of grad_output is said of zero; large and small ones are no promise
    usable = bench.usable(claims)
    for difference in bench.differences(claims, expected, beside=beside, factor=factor):
        value = usable[difference.argument]
        if value is not None and not np.all(np.isfinite(value)):
            continue  # out of the dtype's range
        if factor in EXTREME and difference.relative < ROUGH.get(_coarsest(bench), 0.0):
            continue
        yield _nonlinear(what, difference)


def _nonlinear(what: str, difference: Difference) -> Finding:
    return found(
        "nonlinear",
        f"The gradient of `{difference.argument}` must be linear in grad_output; for {what} it {difference.words}.",
        argument=difference.argument,
        tried=what,
        relative=difference.relative,
        bars=difference.bars,
    )
