"""Hypotheses: a mistake made with grad_output before it is used. No further calls: <claim, t> = <S g, J t>."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcheck.checks.places import widened
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.layout import channels_last, output_positions
from gradcheck.explain.order import Change, Rows, changes
from gradcheck.explain.proof import Case, Proof, listed, prove
from gradcheck.explain.scaling import scaled
from gradcheck.explain.scene import Scene, ones_like_outputs
from gradcheck.subject import Array, is_floating

LARGER = 3.25  # times its size: a grad_output whose entries are no longer near 1
ELSEWHERE = 2  # directions at another point
MOST_BORDER = 3  # indices at each end that are tried to have been left out

Done = Callable[[Scene, Array], Array]


class Mistake(NamedTuple):
    """One thing done to grad_output: `do(scene, rows)` returns what backward then goes on with."""

    code: str
    words: str
    do: Done
    also: tuple[str, ...] = ()


def _ones(scene: Scene, rows: Array) -> Array:
    found: Array = np.tile(ones_like_outputs(scene), (len(rows), 1))
    return found


def _total(scene: Scene, rows: Array) -> Array:
    found: Array = _ones(scene, rows) * rows.sum(axis=1, keepdims=True)
    return found


def _mean(scene: Scene, rows: Array) -> Array:
    return _total(scene, rows) / max(scene.form.size, 1)


def _unit(scene: Scene, rows: Array) -> Array:  # noqa: ARG001 - one signature for all mistakes
    length = np.sqrt(np.sum(rows**2, axis=1, keepdims=True))
    return rows / np.where(length == 0, 1.0, length)


def _single(scene: Scene, rows: Array) -> Array:  # noqa: ARG001 - one signature for all mistakes
    return rows.astype(np.float32).astype(np.float64)


def _half(scene: Scene, rows: Array) -> Array:  # noqa: ARG001 - one signature for all mistakes
    return rows.astype(np.float16).astype(np.float64)


MISTAKES: tuple[Mistake, ...] = (
    Mistake("grad-output-ignored", "grad_output is not used: ones stand in its place", _ones),
    Mistake("grad-output-summed", "grad_output is summed up to one number before it is used", _total),
    Mistake("grad-output-averaged", "grad_output is averaged to one number before it is used", _mean),
    Mistake("not-linear", "the absolute value of grad_output is used", lambda _s, c: np.abs(c)),
    Mistake("not-linear", "only the sign of grad_output is used", lambda _s, c: np.sign(c)),
    Mistake("not-linear", "grad_output is multiplied in twice", lambda _s, c: c * c),
    Mistake("not-linear", "grad_output is brought to length 1", _unit),
    Mistake(
        "not-linear", "negative entries of grad_output are cut off", lambda _s, c: np.maximum(c, 0.0), ("wrong-branch",)
    ),
    Mistake("float32-truncation", "grad_output is rounded to float32", _single),
    Mistake("other", "grad_output is rounded to float16", _half),
    Mistake("integer-truncation", "grad_output is rounded to whole numbers", lambda _s, c: np.rint(c)),
    Mistake("integer-truncation", "grad_output is cut to whole numbers", lambda _s, c: np.trunc(c)),
)


def upstream(case: Case) -> Iterator[Proof]:
    """Propose what can be done to grad_output as a whole."""
    scene = case.scene
    for mistake in MISTAKES:
        made = mistake.do(scene, scene.cotangents)
        if np.array_equal(made, scene.cotangents) or not made.any():
            continue
        proof = Proof(mistake.code, mistake.words, 0.0, mistake.words, also=mistake.also)
        found = list(scaled(case, proof, cotangents=made))
        if found:
            again = {one.key for one in _for_a_larger_one(case, mistake, proof)}
            yield from (one for one in found if one.key in again)


def _for_a_larger_one(case: Case, mistake: Mistake, proof: Proof) -> Iterator[Proof]:
    """Yield the proofs for a larger grad_output: around 1, signs and whole numbers are the same."""
    scene = case.scene
    larger = LARGER * scene.cotangents[:1]
    answer = scene.ask(larger[0])
    if answer is not None:
        yield from scaled(case, proof, claims=answer[None], cotangents=mistake.do(scene, larger))


def along_axes(case: Case) -> Iterator[Proof]:
    """Propose sums and means along an axis, and parts that are left out: later samples, other positions, the border."""
    scene = case.scene
    shape = scene.output_shape
    if len(scene.form.shapes) != 1:
        return
    rows = scene.as_outputs(scene.cotangents)
    for axis in range(len(shape)):
        if shape[axis] < 2:
            continue
        for proof, made in _along(rows, axis, scene):
            flat = np.ascontiguousarray(made).reshape(len(rows), -1) * scene.mask
            if flat.any() and not np.array_equal(flat, scene.cotangents):
                found = list(scaled(case, proof, cotangents=flat))
                if found and _refuted_elsewhere(scene, flat[0]):
                    continue
                yield from found
    if len(shape) >= 3:
        yield from _positions(case, rows)


def _refuted_elsewhere(scene: Scene, made: Array) -> bool:
    """Tell whether at a point whose rows have changed places the claim is no multiple of what it should be.

    That one sample counts alone may lie in its values: the largest of all entries is in one.
    """
    inputs = {n: np.roll(v, 1, axis=0) if is_floating(v) and v.ndim else v for n, v in scene.inputs.items()}
    there = slopes_at(scene, widened(inputs), scene.tangents[:ELSEWHERE])
    claim = scene.ask(scene.cotangents[0], inputs)
    if there is None or claim is None or not np.all(np.isfinite(claim)):
        return False
    return not replace(scene, tangents=there.tangents, slopes=there.slopes, slope_bars=there.bars).plausible(
        claim[None], made[None]
    )


def _along(rows: Array, axis: int, scene: Scene) -> Iterator[tuple[Proof, Array]]:
    last = rows.shape[axis + 1] - 1
    sums = rows.sum(axis=axis + 1, keepdims=True)
    batch = ("batch-leak",) if axis == 0 else ()
    summed = Proof(
        "grad-output-summed",
        f"grad_output is summed along axis {axis} before it is used",
        0.0,
        f"sum {axis}",
        also=batch,
    )
    yield summed, np.broadcast_to(sums, rows.shape)
    mean = Proof(
        "grad-output-averaged",
        f"grad_output is averaged along axis {axis} before it is used",
        0.0,
        f"mean {axis}",
        also=batch,
    )
    yield mean, np.broadcast_to(sums / (last + 1), rows.shape)
    yield _only_first(axis, scene), _kept(rows, axis, slice(0, 1))
    if last > 1 or axis == 0:
        yield _only_last(axis, scene), _kept(rows, axis, slice(last, None))
    for words, cut in (("last", slice(0, last)), ("first", slice(1, None))):
        proof = _cut(words, axis, scene)
        yield proof, _kept(rows, axis, cut)
    for width in range(1, min(MOST_BORDER, last // 2) + 1):
        ends = "the first and the last index" if width == 1 else f"the first and the last {width} indices"
        text = f"{ends} of axis {axis} of grad_output are left out"
        yield (
            Proof("border-only", text, 0.0, f"inner {width} {axis}"),
            _kept(rows, axis, slice(width, last + 1 - width)),
        )


def _kept(rows: Array, axis: int, part: slice) -> Array:
    index = (slice(None),) * (axis + 1) + (part,)
    made = np.zeros_like(rows)
    made[index] = rows[index]
    return made


def adds_up(scene: Scene) -> bool:
    """Tell whether the argument looks like a bias: one axis at most, fewer entries than outputs."""
    return len(scene.shape) <= 1 and scene.value.size < scene.form.size


def _only_first(axis: int, scene: Scene) -> Proof:
    if axis == 0 and adds_up(scene):
        text = "only the first sample of grad_output counts: it is not summed over the batch"
        return Proof("bias-batch-missing", text, 0.0, "first 0", also=("batch-ignored",), repair=summed(scene))
    if axis == 0:
        text = (
            "only index 0 along axis 0 of grad_output counts (the first sample, or the first step of a sequence); what "
        )
        text += "the others bring is left out"
        steps: tuple[str, ...] = ("path-missing",) if len(scene.output_shape) > 1 else ()
        return Proof("batch-ignored", text, 0.0, "first 0", repair="add up over all of them", also=steps)
    also: tuple[str, ...] = ("batch-ignored",) if len(scene.output_shape) == 2 else ()
    if adds_up(scene) and axis in output_positions(scene):
        also = (*also, "bias-space-missing")
    return Proof(
        "part-zeroed", f"only index 0 along axis {axis} of grad_output is used", 0.0, f"first {axis}", also=also
    )


def _only_last(axis: int, scene: Scene) -> Proof:
    what = "sample of the batch" if axis == 0 else f"index along axis {axis} of grad_output"
    text = f"only the last {what} counts: in the loop the gradient is set instead of added to"
    also = ("batch-ignored",) if axis == 0 else ("path-missing",)
    return Proof(
        "overlap-overwritten", text, 0.0, f"last {axis}", also=also, repair=f"grad_{scene.name} += ... in the loop"
    )


def _cut(words: str, axis: int, scene: Scene) -> Proof:
    shape = scene.output_shape
    code = "border-only" if len(shape) >= 3 and axis > 0 else "part-zeroed"
    text = f"the {words} index of axis {axis} of grad_output is left out"
    return Proof(code, text, 0.0, f"without {words} {axis}", also=("part-zeroed",) if code == "border-only" else ())


def summed(scene: Scene) -> str:
    """Write the sum that belongs there: over all axes but that of the channels, which is as long as the argument."""
    own = [a for a, n in enumerate(scene.output_shape) if a > 0 and scene.shape and n == scene.shape[0]]
    kept = own[-1:] if channels_last(scene) else own[:1]
    axes = tuple(a for a in range(len(scene.output_shape)) if a not in kept)
    return f"grad_{scene.name} = grad_output.sum(axis={axes})" if kept else ""


def _positions(case: Case, rows: Array) -> Iterator[Proof]:
    """Propose that one position of each image counts alone, the first for want of a sum, the last in a loop."""
    scene = case.scene
    count = rows.ndim - 3
    for first, layout in ((2, "channels first"), (1, "channels last")):
        for words, samples in (("first", False), ("last", False), ("last", True)):
            part = slice(0, 1) if words == "first" else slice(-1, None)
            index = (slice(None), part if samples else slice(None), *(slice(None),) * (first - 1), *(part,) * count)
            if count < 1 or len(index) > rows.ndim:
                continue
            made = np.zeros_like(rows)
            made[index] = rows[index]
            flat = made.reshape(len(rows), -1) * scene.mask
            if flat.any() and not np.array_equal(flat, scene.cotangents):
                yield from prove(scene, _one_position(scene, words, samples=samples, layout=layout), cotangents=flat)


def _one_position(scene: Scene, words: str, *, samples: bool, layout: str) -> Proof:
    key = f"one position {words} {samples} {layout}"
    if words == "last":
        what = "of the last image" if samples else "of each image"
        text = f"only the last position {what} counts: in the loop the gradient is set instead of added to"
        repair = f"grad_{scene.name} += ... in the loop"
        also = ("bias-space-missing", "path-missing") if adds_up(scene) else ("path-missing",)
        return Proof("overlap-overwritten", text, 0.0, key, repair=repair, also=also)
    bias = adds_up(scene)
    text = "only the first position of each image counts: it is not summed over the positions"
    repair = summed(scene) if bias else ""
    return Proof("bias-space-missing" if bias else "part-zeroed", text, 0.0, key, repair=repair)


def edges(case: Case) -> Iterator[Proof]:
    """Propose that the first, the last, or the outermost positions along all axes at once are left out."""
    scene = case.scene
    space = output_positions(scene)
    if len(scene.form.shapes) != 1 or len(space) < 2 or min(scene.output_shape[a] for a in space) < 3:
        return
    rows = scene.as_outputs(scene.cotangents)
    for words, part in (("last", slice(0, -1)), ("first", slice(1, None)), ("outermost", slice(1, -1))):
        index = tuple(part if a in space else slice(None) for a in range(len(scene.output_shape)))
        made = np.zeros_like(rows)
        made[(slice(None), *index)] = rows[(slice(None), *index)]
        text = f"the {words} positions along {listed(space)} of grad_output are left out"
        proof = Proof("border-only", text, 0.0, f"without {words} positions", also=("part-zeroed",))
        yield from scaled(case, proof, cotangents=made.reshape(len(rows), -1) * scene.mask)


def over_positions(case: Case) -> Iterator[Proof]:
    """Propose that grad_output is summed or averaged over all positions of an image, or all but the channels."""
    scene = case.scene
    space = output_positions(scene)
    if len(scene.form.shapes) != 1 or len(scene.output_shape) < 3:
        return
    rows = scene.as_outputs(scene.cotangents)
    for axes in dict.fromkeys((space, (0, *space), tuple(range(1, len(scene.output_shape))))):
        if len(axes) < 2:
            continue
        sums = rows.sum(axis=tuple(a + 1 for a in axes), keepdims=True)
        count = float(np.prod([scene.output_shape[a] for a in axes]))
        for code, verb, made in (("summed", "summed", sums), ("averaged", "averaged", sums / count)):
            text = f"grad_output is {verb} over {listed(axes)} before it is used"
            proof = Proof(f"grad-output-{code}", text, 0.0, f"{verb} {axes}", also=("batch-leak",) if 0 in axes else ())
            flat = np.broadcast_to(made, rows.shape).reshape(len(rows), -1) * scene.mask
            yield from scaled(case, proof, cotangents=flat)


def rearranged(case: Case) -> Iterator[Proof]:
    """Propose that grad_output is used in another order than the outputs are in."""
    scene = case.scene
    if len(scene.form.shapes) != 1:
        return
    rows = scene.as_outputs(scene.cotangents)
    for change in changes(Rows("grad_output", scene.output_shape, output_positions(scene))):
        if not scene.plausible(scene.claims, change.done(rows[:1])):
            continue
        made = change.done(rows)
        if not np.array_equal(made, scene.cotangents):
            yield from scaled(case, _said(change), cotangents=made)


def _said(change: Change) -> Proof:
    text = f"grad_output is used {change.words}"
    return Proof(change.code, text, 0.0, f"g {change.key}", equation=change.equation, also=change.also)
