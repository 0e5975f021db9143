"""Arrays that lie otherwise in memory: the values are the same, and so must be the gradient."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checks.answers import Difference
from gradcheck.checks.bench import Bench, Gradients, Parts
from gradcheck.checks.instrument import copied
from gradcheck.checks.recall import ForwardAtRandom
from gradcheck.checks.severities import found
from gradcheck.errors import GradcheckError
from gradcheck.numdiff.noise import few_ulps
from gradcheck.numdiff.records import norm
from gradcheck.subject import Array, Inputs
from gradcheck.verdict import Finding


def in_fortrans_order(array: Array) -> Array:
    """Return a copy whose first axis runs fastest."""
    return array.copy(order="F")


def with_gaps(array: Array) -> Array:
    """Return the values as every other entry along the last axis of a larger array."""
    if array.ndim == 0:
        return array.copy()
    room = _poisoned((*array.shape[:-1], 2 * array.shape[-1] + 1), array)
    view = room[..., 1::2]
    view[...] = array
    return view


def backwards(array: Array) -> Array:
    """Return the values from memory that runs backwards along every axis."""
    room = _poisoned((2 * array.size,), array)  # so that who ignores the strides reads on within it
    held = room[: array.size].reshape(array.shape)
    held[...] = np.flip(array)
    return np.flip(held)


def read_only(array: Array) -> Array:
    """Return a copy that cannot be written to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def repeated(array: Array, axis: int) -> Array:
    """Return the first slice along `axis` repeated with stride 0, at the start of memory that is as large as a copy."""
    kept = np.take(array, [0], axis)
    held = _poisoned((array.size,), array)[: kept.size].reshape(kept.shape)
    held[...] = kept
    return np.broadcast_to(held, array.shape)


def _poisoned(shape: tuple[int, ...], like: Array) -> Array:
    return np.full(shape, np.nan if np.issubdtype(like.dtype, np.inexact) else 0, dtype=like.dtype)


LAYOUTS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("in Fortran's order", in_fortrans_order),
    ("strided, with gaps", with_gaps),
    ("with negative strides", backwards),
    ("read-only", read_only),
)


@dataclass(frozen=True)
class Case:
    """One layout: what is handed over, what must come back, and for whom (all inputs and grad_output, or only it)."""

    name: str
    inputs: Inputs
    parts: Parts
    whose: str = "all arrays are"


def layouts(bench: Bench) -> Iterator[Finding]:
    """Yield where the gradient depends on strides, order or writability of the arrays, or a pass refuses them."""
    bench.let_go()
    told: set[tuple[str, str | None]] = set()
    for finding in _all(bench):
        # A broadcast array is read-only as well, and that is told already.
        known = ("read-only-refused", None) in told and finding.code == "layout-refused"
        if not known and (finding.code, finding.argument) not in told:
            told.add((finding.code, finding.argument))
            yield finding


def _all(bench: Bench) -> Iterator[Finding]:
    for name, change in LAYOUTS:
        inputs = {n: change(v) if isinstance(v, np.ndarray) else v for n, v in bench.inputs.items()}
        parts = tuple(change(part) for part in bench.cut())
        arrays = [*parts, *(v for v in inputs.values() if isinstance(v, np.ndarray))]
        if change is read_only or not all(array.flags.c_contiguous for array in arrays):
            yield from _same_values(bench, Case(name, inputs, parts))
        del inputs, parts, arrays  # large, while the next are made
    yield from _repeated_cotangent(bench)
    yield from _repeated_inputs(bench)


def _same_values(bench: Bench, case: Case) -> Iterator[Finding]:
    passes = bench.instrument.fresh()
    try:
        outputs = bench.forward(case.inputs, passes=passes)
        if not bench.same_outputs(outputs, bench.outputs):
            if bench.same_outputs(bench.forward(case.inputs, passes=bench.instrument.fresh()), bench.outputs):
                raise ForwardAtRandom
            text = f"forward returns other outputs when its inputs are {case.name}, with the same values."
            yield found("layout-forward", text, layout=case.name)
            return
        claims = bench.backward(case.parts, case.inputs, passes=passes)
    except GradcheckError as error:
        yield _refused(case, error)
        yield from _cotangent_only(bench, case)
        return
    differences = bench.differences(claims, bench.usable(bench.used.claims))
    differences = bench.unexplained(differences)
    if differences:
        alone = {finding.argument for finding in _cotangent_only(bench, case)}
        for difference in differences:
            whose = "grad_output is" if difference.argument in alone else "the inputs are"
            yield _wrong(replace(case, whose=whose), difference)


def _cotangent_only(bench: Bench, case: Case) -> Iterator[Finding]:
    """Look at grad_output alone, the inputs being plain."""
    try:
        claims = bench.backward(case.parts, copied(bench.inputs))
    except GradcheckError:
        return
    for difference in bench.differences(claims, bench.expected):
        yield _wrong(replace(case, whose="grad_output is"), difference)


def _repeated_cotangent(bench: Bench) -> Iterator[Finding]:
    """Hand over a broadcast grad_output, as the gradient of a sum is, and the same as a plain array."""
    parts = tuple(repeated(p, _widest(p)) if p.size > 1 else p for p in bench.cut())
    if all(part.flags.c_contiguous for part in parts):
        return
    case = Case("broadcast (stride 0)", {}, parts, "grad_output is")
    plain = tuple(np.ascontiguousarray(part).copy() for part in parts)
    expected = bench.usable(bench.backward(plain, copied(bench.inputs)))
    try:
        claims = bench.backward(parts, copied(bench.inputs))
    except GradcheckError as error:
        yield _refused(case, error)
        return
    for difference in bench.differences(claims, expected):
        yield _wrong(case, difference)


def _repeated_inputs(bench: Bench) -> Iterator[Finding]:
    """Hand over inputs that are broadcast along axis 0, and the same values as plain arrays."""
    chosen = [n for n in bench.wrt if bench.inputs[n].ndim and bench.inputs[n].shape[0] > 1]
    inputs = {n: repeated(v, 0) if n in chosen else v for n, v in copied(bench.inputs).items()}
    if not chosen or (bench.accepts(inputs)) is None:
        return
    case = Case("broadcast (stride 0)", inputs, bench.cut(), "the inputs are")
    try:
        expected = bench.usable(bench.backward(bench.cut(), copied(inputs)))
    except GradcheckError:
        return  # plain arrays of these values are refused as well
    passes = bench.instrument.fresh()
    try:
        bench.forward(inputs, passes=passes)
        claims = bench.backward(case.parts, inputs, passes=passes)
    except GradcheckError as error:
        yield _refused(case, error)
        return
    differences = bench.differences(claims, expected)
    if differences:
        response = _response(bench, expected, inputs)
        for difference in bench.differences(claims, expected, response=response):
            yield _wrong(case, difference)


def _response(bench: Bench, expected: Gradients, inputs: Inputs) -> dict[str, float]:
    """Measure how backward answers rounding at these inputs, by changes that keep ties and by some that do not."""
    responses = dict.fromkeys(bench.wrt, 0.0)
    tied = {n: few_ulps(v, 5, v.dtype) if n in bench.wrt else v for n, v in copied(inputs).items()}
    for near in (tied, bench.nudged(inputs)):
        try:
            gradients = bench.usable(bench.backward(bench.cut(), near))
        except GradcheckError:
            continue
        for name, gradient in expected.items():
            nearby = gradients.get(name)
            if gradient is not None and nearby is not None and norm(gradient) > 0:
                responses[name] = max(responses[name], norm(nearby - gradient) / norm(gradient))
    return responses


def _widest(part: Array) -> int:
    """Return the last axis with more than one entry."""
    return max(axis for axis, size in enumerate(part.shape) if size > 1)


def _wrong(case: Case, difference: Difference) -> Finding:
    return found(
        "layout-wrong",
        f"The gradient of `{difference.argument}` {difference.words} when {case.whose} {case.name}; "
        "plain arrays of the same values give another.",
        argument=difference.argument,
        layout=case.name,
        relative=difference.relative,
        bars=difference.bars,
    )


def _refused(case: Case, error: Exception) -> Finding:
    code = "read-only-refused" if case.name == "read-only" else "layout-refused"
    return found(code, f"When {case.whose} {case.name}: {error}", layout=case.name)
