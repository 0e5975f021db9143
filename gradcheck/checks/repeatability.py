"""The same question gets the same answer: on another instance, a second time, and after something else in between."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.checks.aliasing import shared
from gradcheck.checks.answers import Difference
from gradcheck.checks.batches import groups
from gradcheck.checks.bench import Bench, Parts
from gradcheck.checks.derived import elsewhere
from gradcheck.checks.instrument import copied, usable_gradient
from gradcheck.checks.outputs import flatten
from gradcheck.checks.probes import draw_cotangent
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.subject import Inputs, Passes
from gradcheck.verdict import Finding

WRITTEN_OVER = "A later call of forward writes over the output that an earlier one returned."


def repeatability(bench: Bench) -> Iterator[Finding]:
    """Yield where backward's answer depends on anything but what it is handed (and the last forward, if stateful)."""
    passes = bench.ready(bench.instrument.fresh(), bench.inputs)
    first = bench.backward(bench.cut(), copied(bench.inputs), passes=passes)
    twice = bench.differences(first, bench.expected)
    for difference in twice:
        yield _differs("nondeterministic", difference, "in a second call on a fresh instance with the same arrays")
    if twice:
        return
    changed = False
    for finding in _second_call(bench, passes, first):
        changed |= finding.code != "result-overwritten"
        yield finding
    if not changed:
        yield from _after_something_else(bench)


def _second_call(bench: Bench, passes: Passes, first: dict[str, Any]) -> Iterator[Finding]:
    try:
        second = bench.backward(bench.cut(), copied(bench.inputs), passes=bench.ready(passes, bench.inputs))
    except GradcheckError as error:
        yield found("repeat-refused", f"backward raises in a second call on one instance: {error}")
        return
    doubled = {name: 2.0 * g for name, g in bench.expected.items() if g is not None}
    not_twice = {d.argument for d in bench.differences(second, doubled, factor=2.0)}
    for difference in bench.differences(second, bench.expected):
        if difference.argument in not_twice:
            yield _differs("changes-with-calls", difference, "in a second call on the same instance")
        else:
            text = "adds up over calls: the second of two equal calls returns twice what the first does."
            sentence = f"The gradient of `{difference.argument}` {text}"
            yield found("accumulates", sentence, argument=difference.argument, bars=difference.bars)
    if not bench.instrument.subject.stateful:  # there the gradient may be an attribute, which lasts until the next call
        yield from _overwritten(bench, passes, first, second)


def _overwritten(bench: Bench, passes: Passes, first: dict[str, Any], second: dict[str, Any]) -> Iterator[Finding]:
    same = [
        name
        for name in bench.wrt
        if isinstance(a := first.get(name), np.ndarray)
        and isinstance(b := second.get(name), np.ndarray)
        and a.size
        and shared(a, b)
    ]
    if not same:
        return
    kept = {name: second[name].copy() for name in same}
    half = bench.form.cut(-0.5 * bench.cotangent)
    bench.backward(half, copied(bench.inputs), passes=bench.ready(passes, bench.inputs))
    for name in same:
        if not np.array_equal(kept[name], second[name], equal_nan=True):
            text = f"A later call of backward writes over the gradient of `{name}` that an earlier one returned."
            yield found("result-overwritten", text, argument=name)


def _after_something_else(bench: Bench) -> Iterator[Finding]:
    other = elsewhere(bench.inputs, bench.wrt)
    passes, seen, last = _having_seen(bench, other)
    if seen == 0:
        return
    kept = flatten(last)
    outputs = bench.forward(copied(bench.inputs), passes=passes)
    if not np.array_equal(flatten(last), kept, equal_nan=True):
        yield found("output-overwritten", WRITTEN_OVER)
    if not bench.same_outputs(outputs, bench.outputs):
        yield found("forward-remembers", "forward answers otherwise after it has been called with other inputs.")
        return
    stale = yield from _stale(bench, passes, "after forward at other inputs and then at these", of_one_size=other)
    if stale:
        return
    if not _needs_forward(bench, other):
        passes = bench.instrument.fresh()
        bench.forward(copied(bench.inputs), passes=passes)
        if bench.accepts(other, passes=passes) is not None:
            stale = yield from _stale(
                bench, passes, "after forward at other inputs, though these are handed over again"
            )
    elif not bench.instrument.subject.stateful:
        yield found(
            "needs-forward", "backward is handed its inputs and refers to the last call of forward all the same."
        )
    if not stale:
        yield from _memoised(bench, passes, other)


def _needs_forward(bench: Bench, other: Inputs) -> bool:
    """Tell whether backward really refers to the last forward; an answer that merely rounds otherwise does not.

    The last forward is one at `other` inputs, for what it keeps may be shared by all instances.
    """
    if bench.instrument.subject.stateful or not bench.instrument.needs_forward:
        return bench.instrument.needs_forward
    try:
        bench.instrument.run_forward(bench.instrument.fresh(), other)
        claims = bench.backward(bench.cut(), copied(bench.inputs), passes=bench.instrument.fresh())
    except GradcheckError:
        return True
    return bool(bench.differences(claims, bench.expected))


def _having_seen(bench: Bench, other: Inputs) -> tuple[Passes, int, Parts]:
    """Return an instance whose forward was called with a smaller batch and with other values.

    Beside it, how many of them it took, and what it returned for the last.
    """
    passes, seen = bench.instrument.fresh(), 0
    last: Parts = ()
    smaller = [
        {n: v[:1] if n in group else v for n, v in bench.inputs.items()}
        for group in groups(bench)[:1]
        if bench.inputs[group[0]].shape[0] > 1
    ]
    for inputs in [*smaller, other]:
        parts = bench.accepts(inputs, passes=passes)
        if parts is None:
            passes, seen, last = bench.instrument.fresh(), 0, ()
        else:
            seen, last = seen + 1, parts
    return passes, seen, last


def _stale(bench: Bench, passes: Passes, when: str, *, of_one_size: Inputs | None = None) -> Any:
    """Yield what is wrong with the gradient from an instance in this state.

    Backward may raise because what it kept is of another size. After other inputs of the same size it might not.
    """
    try:
        claims = bench.backward(bench.cut(), copied(bench.inputs), passes=passes)
    except GradcheckError as error:
        passes = bench.instrument.fresh()
        if of_one_size is not None and bench.accepts(of_one_size, passes=passes) is not None:
            bench.forward(copied(bench.inputs), passes=passes)
            stale = yield from _stale(bench, passes, when)
            if stale:
                return True
        yield found("repeat-refused", f"backward raises {when}: {error}")
        return True
    differences = bench.differences(claims, bench.expected)
    for difference in differences:
        yield _differs("stale-state", difference, when)
    return bool(differences)


def _memoised(bench: Bench, passes: Passes, other: Inputs) -> Iterator[Finding]:
    """Ask an instance that has answered here for another point's gradient and cotangent, and a fresh one too."""
    cotangent = bench.form.cut(draw_cotangent(bench.rng, bench.form, bench.judgeable))
    try:
        right = bench.backward(_fresh(cotangent), copied(other))
    except GradcheckError:
        return  # a point that backward refuses tells nothing about this one
    claims = bench.backward(_fresh(cotangent), copied(other), passes=bench.ready(passes, other))
    for difference in bench.differences(claims, {n: usable_gradient(right.get(n), other[n]) for n in bench.wrt}):
        yield _differs("stale-state", difference, "at other inputs and grad_output after it was asked at these")


def _fresh(parts: Parts) -> Parts:
    return tuple(part.copy() for part in parts)


def _differs(code: str, difference: Difference, when: str) -> Finding:
    return found(
        code,
        f"The gradient of `{difference.argument}` {difference.words} {when}.",
        argument=difference.argument,
        relative=difference.relative,
        bars=difference.bars,
    )
