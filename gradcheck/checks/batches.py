"""Samples that do not meet in forward must not meet in backward: a batch in another order, and one split in two."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck.checks.answers import Difference, shape_of
from gradcheck.checks.bench import Bench, Gradients, Parts
from gradcheck.checks.instrument import copied
from gradcheck.checks.outputs import flatten
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Inputs
from gradcheck.verdict import Finding

Group = tuple[str, ...]
Rows = np.ndarray[Any, np.dtype[np.intp]]

MOST_GROUPS = 3  # which inputs carry the batch is tried out on forward
NEARBY = 0.125  # how far, in an argument's own scale, the point is at which forward is asked once more


def groups(bench: Bench) -> list[Group]:
    """List the sets of inputs that may carry the batch along axis 0, likeliest first."""
    arrays = {n: v for n, v in bench.inputs.items() if isinstance(v, np.ndarray) and v.ndim}
    rows = next((shape[0] for shape in bench.form.shapes if shape), None)
    first = next((v for n, v in arrays.items() if n in bench.wrt), None)
    number = rows if rows is not None else (None if first is None else first.shape[0])
    fitting = [n for n, v in arrays.items() if v.shape[0] == number]
    constants = [n for n in fitting if n not in bench.wrt]
    candidates = [tuple(fitting), *((n, *constants) for n in fitting if n in bench.wrt)]
    return [group for group in dict.fromkeys(candidates) if group][:MOST_GROUPS]


def batches(bench: Bench) -> Iterator[Finding]:
    """Yield where the gradient mixes samples, or depends on their order, though forward does not."""
    if not bench.form.shapes or any(not shape or shape[0] != bench.form.shapes[0][0] for shape in bench.form.shapes):
        return
    number = bench.form.shapes[0][0]
    if number < 2 or not bench.smooth:  # where every output is tied, another order may have another winner
        return
    order = bench.rng.permutation(number)
    order = np.roll(order, 1) if np.array_equal(order, np.arange(number)) else order
    for group in groups(bench):
        if _equivariant(bench, bench.inputs, bench.parts, group=group, pieces=[order]):
            yield from _reordered(bench, group, order)
            yield from _split(bench, group, [np.arange(1), np.arange(1, number)])
            return


def _rows(inputs: Inputs, group: Group, rows: Rows) -> dict[str, Any]:
    return {n: v[rows] if n in group else v for n, v in copied(inputs).items()}


def _equivariant(bench: Bench, inputs: Inputs, whole: Parts, *, group: Group, pieces: Sequence[Rows]) -> bool:
    """Tell whether forward, given some rows of the batch, returns just these rows of its outputs."""
    for rows in pieces:
        parts = bench.accepts(_rows(inputs, group, rows))
        if parts is None or not bench.same_outputs(parts, flatten(tuple(part[rows] for part in whole))):
            return False
    return True


def _reordered(bench: Bench, group: Group, order: Rows) -> Iterator[Finding]:
    inputs, parts = _rows(bench.inputs, group, order), tuple(part[order] for part in bench.cut())
    try:
        claims = bench.backward(parts, copied(inputs))
    except GradcheckError as error:
        yield found("batch-refused", f"backward raises when the samples come in another order: {error}")
        return
    expected: Gradients = {n: g[order] if n in group else g for n, g in bench.expected.items() if g is not None}
    differences = bench.unexplained(bench.differences(claims, expected))
    if differences and _holds_nearby(bench, group, [order]):
        for difference in differences:
            yield _told(
                "batch-order", difference, "when the samples come in another order, for which forward does not care"
            )


def _split(bench: Bench, group: Group, pieces: Sequence[Rows]) -> Iterator[Finding]:
    if not _equivariant(bench, bench.inputs, bench.parts, group=group, pieces=pieces):
        return
    answers = []
    for rows in pieces:
        try:
            parts = tuple(part[rows] for part in bench.cut())
            answers.append(bench.backward(parts, _rows(bench.inputs, group, rows)))
        except GradcheckError as error:
            text = f"backward raises for {len(rows)} of the {sum(map(len, pieces))} samples alone: {error}"
            yield found("batch-refused", text, samples=len(rows))
            return
    usable = [bench.usable(a, _rows(bench.inputs, group, rows)) for a, rows in zip(answers, pieces, strict=True)]
    joined = {name: _joined([g[name] for g in usable], batched=name in group) for name in bench.wrt}
    misshapen = [
        Difference(n, np.inf, np.inf, shape=_shape(answers, usable, n)) for n in bench.wrt if _lost(usable, n, bench)
    ]
    beside = [{n: g for n, g in answer.items() if n not in group} for answer in usable]  # a sum's terms round as well
    differences = misshapen or bench.unexplained(bench.differences(joined, bench.expected, beside=beside))
    if differences and _holds_nearby(bench, group, pieces):
        for difference in differences:
            yield _told(
                "batch-split", difference, "when the samples are handed over in two batches, which forward keeps apart"
            )


def _joined(parts: list[Any], *, batched: bool) -> Any:
    if any(part is None for part in parts):
        return None
    return np.concatenate(parts) if batched else sum(parts)


def _lost(usable: list[Gradients], name: str, bench: Bench) -> bool:
    return bench.expected.get(name) is not None and any(g[name] is None for g in usable)


def _shape(answers: list[dict[str, Any]], usable: list[Gradients], name: str) -> tuple[int, ...]:
    return next(shape_of(a.get(name)) for a, g in zip(answers, usable, strict=True) if g[name] is None)


def _holds_nearby(bench: Bench, group: Group, pieces: Sequence[Rows]) -> bool:
    """Ask forward again nearby, where nothing is equal or zero by chance, whether it keeps the samples apart."""
    moved = dict(bench.inputs)
    for name in bench.wrt:
        x = bench.inputs[name]
        moved[name] = (x + NEARBY * bench.rng.uniform(-1, 1, x.shape) * natural_scale(x)).astype(x.dtype)
    whole = bench.accepts(moved)
    return whole is not None and _equivariant(bench, moved, whole, group=group, pieces=pieces)


def _told(code: str, difference: Difference, when: str) -> Finding:
    return found(
        code,
        f"The gradient of `{difference.argument}` {difference.words} {when}.",
        argument=difference.argument,
        relative=difference.relative,
        bars=difference.bars,
    )
