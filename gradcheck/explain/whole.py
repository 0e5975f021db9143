"""Hypotheses: something else altogether was returned: nothing, grad_output, another gradient."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.derived import larger_batch
from gradcheck.checks.instrument import usable_gradient
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.explain.apart import at_other_shapes
from gradcheck.explain.layout import other_positions, spatial_axes
from gradcheck.explain.order import Rows, changes
from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.scaling import scaled
from gradcheck.explain.scene import Scene
from gradcheck.numdiff.records import blocks, largest_size
from gradcheck.subject import Array, is_floating

ONCE, TWICE = b"once", b"twice"  # the answers of one instance to the same question, kept for all arguments
SAME_ENTRY = 1e-6  # a measured slope this close to 0 or 1 is that
SAME = 1e-14  # two answers to one question are the same but for this
ROUGHLY = 1e-9  # relative; twice as much, but for rounding
SMALL = 2.0**-10  # times its size: a grad_output that is likely to meet no bound
ENORMOUS = 2.0**50  # times its size: a grad_output whose gradient no cut to whole numbers can lose
NONLINEAR = 1e-3  # how far from linear, relative, before backward is said to be so


def _relative(one: Array, other: Array) -> float:
    """Return how far two arrays of one shape stand apart at most, beside the largest entry."""
    size = max(largest_size(one), largest_size(other))
    if not size > 0:
        return 0.0
    a, b = one.reshape(-1), other.reshape(-1)
    return float(np.max([largest_size(a[at] - b[at]) for at in blocks(a.size)], initial=0.0)) / size


def unsteady(case: Case) -> Iterator[Proof]:
    """Propose that the same question gets another answer the second time, on a fresh instance or on the same one."""
    scene = case.scene
    again = scene.ask(scene.cotangents[0])
    if again is None or not np.all(np.isfinite(again)):
        return
    apart = _relative(again, scene.claims[0])
    if apart > SAME:
        text = f"the same call gives another gradient the second time, {apart:.2g} of its size apart"
        yield Proof("nondeterministic", text, 0.0, "again", tested="one question asked twice, on two fresh instances")
        return
    yield from _same_instance(scene)


def _same_instance(scene: Scene) -> Iterator[Proof]:
    if ONCE not in scene.answered:
        scene.budget.pay(backward=2)
        parts = scene.form.cut(scene.cotangents[0])
        try:
            passes = scene.instrument.prepared(scene.inputs)
            for key in (ONCE, TWICE):
                answer = scene.instrument.raw_backward(parts, scene.inputs, passes=passes)
                first = scene.answered.get(ONCE, {})
                scene.answered[key] = {name: _own(value, first.get(name)) for name, value in answer.items()}
        except GradcheckError:
            return
    answers = [scene.answered.get(key, {}).get(scene.name) for key in (ONCE, TWICE)]
    one, two = (usable_gradient(answer, scene.inputs[scene.name]) for answer in answers)
    if one is None or two is None or not np.all(np.isfinite(two)) or _relative(one, two) <= SAME:
        return
    tested = "one question asked twice, of the same instance"
    if _relative(two, 2.0 * one) <= ROUGHLY:
        text = "the gradient adds up over calls: asked twice, the same instance answers twice as much"
        yield Proof(
            "accumulated", text, 0.0, "adds up", tested=tested, repair="set the gradient instead of adding to it"
        )
    else:
        text = f"the same instance, asked twice, gives another gradient, {_relative(one, two):.2g} of its size apart"
        yield Proof("nondeterministic", text, 0.0, "same instance", tested=tested)


def unfelt(case: Case) -> Iterator[Proof]:
    """Propose that a gradient is claimed for an argument that forward does not respond to."""
    scene = case.scene
    felt = np.abs(scene.slopes) > THRESHOLD * scene.slope_bars
    if scene.claims.any() and not felt.any():
        tested, also = f"{len(felt)} fresh directions", _wrong_slope(scene)
        text = f"forward does not respond to `{scene.name}` at all, and a gradient is claimed for it"
        if scene.place.stepped:
            text = (
                f"forward moves in steps along `{scene.name}`, between which its derivative is zero, and a gradient is "
                "claimed for it"
            )
        repair = "return zeros, or None"
        if not scene.mask.all():
            text = (
                f"{int(scene.mask.sum())} of {scene.mask.size} outputs have no slope in `{scene.name}` here, and a "
                "gradient is claimed for them"
            )
            repair = "return zeros there"
        yield Proof("other", text, 0.0, "unfelt", also=also, repair=repair, tested=tested)


def _wrong_slope(scene: Scene) -> tuple[str, ...]:
    return ("f-prime-wrong",) if scene.claims.shape == scene.cotangents.shape else ()


def nothing(case: Case) -> Iterator[Proof]:
    """Propose that the claim is zero for every grad_output."""
    scene = case.scene
    if not scene.claims.any() and scene.bars() > 0 and not _lost(scene):
        name = scene.name
        text = f"the gradient is zero everywhere, whatever grad_output is, though forward responds to `{name}`"
        tested = f"{len(scene.claims)} random grad_outputs"
        if not scene.place.given and _claims_something(scene):
            text = (
                f"the gradient is zero at this point, though forward responds to `{name}` there; at "
                "the given point it is not"
            )
            yield Proof("part-zeroed", text, 0.0, "zero", also=("zero", "wrong-branch"), tested=tested)
        elif _answers_elsewhere(scene):
            text = (
                f"the gradient is zero at this point, whatever grad_output is, though forward responds to `{name}`; "
                "at a point of the opposite signs it is not"
            )
            yield Proof("part-zeroed", text, 0.0, "zero", also=("zero", "wrong-branch"), tested=tested)
        elif _for_one_sample_alone(scene):
            return  # of one sample, the mean over the batch is itself: nothing is left to tell a mistake by
        elif scene.mask.all():
            yield Proof("zero", text, 0.0, "zero", tested=tested)
        else:
            text = (
                f"the gradient is zero for {int(scene.mask.sum())} of {scene.mask.size} outputs, though "
                f"they respond to `{name}`"
            )
            yield Proof("part-zeroed", text, 0.0, "zero", also=("zero",), tested=tested)


def _lost(scene: Scene) -> bool:
    """Tell whether a far larger grad_output gets something: then the claim is zero only because it is small."""
    answer = scene.ask(ENORMOUS * scene.cotangents[0])
    return answer is not None and bool(answer.any())


def _for_one_sample_alone(scene: Scene) -> bool:
    """Tell whether the claim is zero for a batch of one, and something for a larger one."""
    if not scene.output_shape or scene.output_shape[0] != 1:
        return False
    for _, inputs in larger_batch(scene.inputs, scene.instrument.subject.wrt, scene.rng):
        with suppress(GradcheckError, LayerFault):
            other = at_other_shapes(scene, inputs)
            if other is not None and other.claims.any():
                return True
    return False


def _answers_elsewhere(scene: Scene) -> bool:
    """Tell whether the claim is anything but zero with all signs reversed: here a mask may be all that makes it so."""
    moved = {name: -1.25 * v if is_floating(v) else v for name, v in scene.inputs.items()}
    answer = scene.ask(scene.cotangents[0], {n: np.asarray(v, scene.inputs[n].dtype) for n, v in moved.items()})
    return answer is not None and bool(answer.any()) and bool(np.all(np.isfinite(answer)))


def _claims_something(scene: Scene) -> bool:
    """Tell whether the claim is anything but zero at the given point."""
    given = scene.instrument.subject.inputs
    if np.shape(given[scene.name]) != scene.shape:
        return False
    answer = scene.ask(scene.cotangents[0], given)
    return answer is not None and bool(answer.any())


def _always_returned(scene: Scene) -> bool:
    """Tell whether the check's own answers were grad_output too, those for outputs that are left out here as well."""
    seen = zip(scene.evidence.cotangents, scene.evidence.gradients, strict=True)
    pairs = [(claim.reshape(1, -1), c[None]) for c, claims in seen if (claim := claims.get(scene.name)) is not None]
    return all(_relative(claim, c) <= scene.slack.unit * 4 for claim, c in pairs if claim.shape == c.shape)


def returned(case: Case) -> Iterator[Proof]:
    """Propose that grad_output is returned as it is, or what is left of it after a cut at zero."""
    scene = case.scene
    if scene.claims.shape != scene.cotangents.shape:
        return
    tested = f"entry by entry for {len(scene.claims)} random grad_outputs"
    if _relative(scene.claims, scene.cotangents) <= scene.slack.unit * 4 and _always_returned(scene):
        elementwise = case.truth is not None and _diagonal(case.truth.jacobian)
        moved = moves_entries(scene) or (case.truth is not None and _permutes(case.truth.jacobian))
        repair = "grad_output * derivative"
        if elementwise or (case.truth is None and not moved):
            text = "grad_output is returned unchanged: the derivative of the function is left out"
            also: tuple[str, ...] = ("equals-grad-output",)
            yield Proof("f-prime-missing", text, 0.0, "g", repair=repair, also=also, tested=tested)
        else:
            text = "grad_output is returned unchanged, as if the layer were the identity; the other paths are left out"
            order = next(_reordered(scene), None)
            if order is None and moved:
                text = (
                    "grad_output is returned as it is, where it should go back to the places that forward took it from"
                )
                repair = "grad[order] = grad_output, with forward's order"
                also = ("equals-grad-output", "path-missing")
                yield Proof("permuted", text, 0.0, "g", also=also, tested=tested, repair=repair)
            elif order is None:
                yield Proof("equals-grad-output", text, 0.0, "g", also=("path-missing",), tested=tested)
            else:
                text = f"grad_output is returned as it is, where it should be put in another order: {order.sentence}"
                also = ("equals-grad-output", *order.also)
                yield replace(order, sentence=text, key="g", also=also)
    cut = np.maximum(scene.cotangents, 0.0)
    if _relative(scene.claims, cut) <= scene.slack.unit * 4:
        text = (
            "the function is done to grad_output (its negative entries are cut off) instead of its "
            "derivative to the input"
        )
        yield Proof(
            "wrong-branch",
            text,
            0.0,
            "max g 0",
            repair="grad_output * (input > 0)",
            also=("not-linear",),
            tested=tested,
        )


def _reordered(scene: Scene) -> Iterator[Proof]:
    """Yield the proof that the layer does nothing but put entries in another order."""
    rows = scene.shaped(scene.claims)
    for change in changes(
        Rows(f"grad_{scene.name}", scene.shape, spatial_axes(scene, scene.name), other_positions(scene, scene.name))
    ):
        text = f"it is {change.words}"
        proof = Proof(change.code, text, 0.0, change.key, repair=change.repair, also=change.also)
        yield from prove(scene, proof, claims=change.undone(rows))


def moves_entries(scene: Scene) -> bool:
    """Tell whether the outputs are the entries themselves in another order, as sorting leaves them."""
    value, base = scene.value.ravel(), scene.place.base
    return (
        value.shape == base.shape and not np.array_equal(value, base) and np.array_equal(np.sort(value), np.sort(base))
    )


def _permutes(matrix: Array) -> bool:
    """Tell whether every output that was measured is one entry, and no two are the same."""
    matrix = matrix[np.abs(matrix).max(axis=1, initial=0.0) > SAME_ENTRY]
    one = np.abs(matrix - 1.0) <= SAME_ENTRY
    return bool(
        np.all(one.sum(axis=0) == 1) and np.all(one.sum(axis=1) == 1) and np.abs(matrix[~one]).max() <= SAME_ENTRY
    )


def _diagonal(matrix: Array) -> bool:
    return matrix.shape[0] == matrix.shape[1] and not np.any(matrix - np.diag(np.diag(matrix)))


def another(case: Case) -> Iterator[Proof]:
    """Propose that another argument's gradient is returned: with it in this one's place the identity holds or not."""
    scene = case.scene
    for name, claims in scene.others.items():
        if claims.shape != scene.claims.shape:
            continue
        if _relative(claims, scene.claims) <= scene.slack.unit * 4 and claims.any():
            text = f"it is the very gradient that is returned for `{name}`"
            yield Proof("equals-other-argument", text, 0.0, f"as {name}", tested="entry by entry")
        swapped = Proof(
            "equals-other-argument", f"the gradient returned for `{name}` is the right one here", 0.0, f"is {name}"
        )
        yield from prove(scene, swapped, claims=claims)


def constant_added(case: Case) -> Iterator[Proof]:
    """Propose that something is added that does not depend on grad_output."""
    scene = case.scene
    blank = scene.ask(np.zeros(scene.form.size))
    if blank is None or not blank.any() or not np.all(np.isfinite(blank)):
        return
    text = "something is added that does not depend on grad_output: for a zero grad_output it is what is left"
    if np.ptp(blank) <= 1e-9 * np.abs(blank).max():
        text = f"{blank[0]:.6g} is added to every entry, whatever grad_output is"
    few = ("part-off",) if np.mean(blank != 0) < 0.5 else ()
    proof = Proof("offset", text, 0.0, "offset", also=("zero-cotangent", *few), repair="drop what is added")
    yield from prove(scene, proof, claims=scene.claims - blank)


def nonlinear(case: Case) -> Iterator[Proof]:
    """Propose that backward is not linear in grad_output: twice as much is not twice, or minus is not minus."""
    scene = case.scene
    if _only_positive(scene):
        text = (
            "negative entries of grad_output are cut off: backward answers nothing to a grad_output below zero, as if "
            "the mask of the input were taken from grad_output"
        )
        repair = "grad_output * (input > 0)"
        tested = "a grad_output of one sign, and its negative"
        yield Proof("not-linear", text, 0.0, "nonlinear", also=("wrong-branch",), repair=repair, tested=tested)
        return
    if _deaf(scene):
        text = "the gradient does not depend on grad_output at all"
        tested = "grad_output, twice as much, and its negative: the answer is the same to the last bit"
        yield Proof("grad-output-ignored", text, 0.0, "deaf", tested=tested, repair="grad_output * derivative")
        return
    for factor in (2.0, -1.0, SMALL):
        answer = scene.ask(factor * scene.cotangents[0])
        if answer is None or not np.all(np.isfinite(answer)):
            continue
        apart = _relative(answer, factor * scene.claims[0])
        if apart > NONLINEAR:
            text = (
                f"backward is not linear in grad_output: for {factor:g} times as much the answer is "
                f"off by {apart:.2g} of its size"
            )
            tested = f"grad_output and {factor:g} times grad_output"
            yield Proof("not-linear", text, 0.0, "nonlinear", also=("other",), tested=tested)
            return


def _deaf(scene: Scene) -> bool:
    """Tell whether every grad_output gets the same answer."""
    other = (scene.ask(factor * scene.cotangents[0]) for factor in (2.0, -1.0))
    return bool(scene.claims[0].any()) and all(
        answer is not None and np.array_equal(answer, scene.claims[0]) for answer in other
    )


def _only_positive(scene: Scene) -> bool:
    """Tell whether a grad_output below zero gets no answer at all, and one above does."""
    positive = np.abs(scene.cotangents[0])
    below = scene.ask(-positive)
    if below is None or below.any():
        return False
    above = scene.ask(positive)
    return above is not None and bool(above.any()) and bool(np.all(np.isfinite(above)))


def overwritten(case: Case) -> Iterator[Proof]:
    """Propose that an earlier gradient was computed in grad_output's memory, and this one from what is left there."""
    scene = case.scene
    left = []
    for cotangent in scene.cotangents:
        parts = tuple(part.copy() for part in scene.form.cut(cotangent))
        scene.budget.pay(backward=1)
        try:
            passes = scene.instrument.prepared(scene.inputs)
            scene.instrument.backward_in_use(passes, parts, {n: _own(v) for n, v in scene.inputs.items()})
        except GradcheckError:
            return
        left.append(np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts]))
        if np.array_equal(left[-1], cotangent):
            return
    text = "backward overwrites grad_output and computes this gradient from what is left there"
    proof = Proof("mutates-grad-output", text, 0.0, "overwritten", repair="grad_output = grad_output.copy()")
    yield from scaled(case, proof, cotangents=np.stack(left))


def _own(value: object, like: object = None) -> object:
    """Return an array that nobody else writes into: `like`, where it is the same."""
    if not isinstance(value, np.ndarray):
        return value
    same = isinstance(like, np.ndarray) and like.dtype == value.dtype and np.array_equal(like, value)
    return like if same else value.copy()
