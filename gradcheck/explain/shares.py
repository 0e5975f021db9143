"""Hypotheses about whole outputs and entries: each output's share off by a factor, a path beside left out, J for J^T.

The factors are unknowns of a linear system that the four claims give and the measured Jacobian, with more equations
than unknowns: what solves it all the same is no fit.
"""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks.comparison import CONDITION, THRESHOLD
from gradcheck.checks.places import widened
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.matrix import Truth, entry_bars
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.explain.tables import norms_of_products
from gradcheck.explain.whole import moves_entries
from gradcheck.subject import Array

SPARE = 1.25  # equations for each unknown, at least
CLOSE = 1e-6  # relative: factors this close are the same
MOVED = 1.25  # times its value, and a little beyond: where the argument is moved to
TOLD = 1e-3  # of the gradient: a smaller difference is not told apart from one that moves
ASKED = 2  # grad_outputs that are put through forward's own derivative


def by_output(case: Case) -> Iterator[Proof]:
    """Propose that each output's gradient is the true one times a factor of its own, as of a wrong outer derivative."""
    scene, truth = case.scene, case.truth
    shape = scene.output_shape
    if truth is None or len(scene.form.shapes) != 1 or scene.form.size < 2 or scene.value.size < 2:
        return
    if _elementwise(truth):
        return
    factors = _factors(scene, truth)
    if factors is None or np.ptp(factors) <= CLOSE * np.abs(factors).max():
        return
    told = f"from {factors.min():.4g} to {factors.max():.4g}"
    tested = f"all entries for {len(scene.claims)} random grad_outputs: {factors.size} factors for more equations"
    whole = np.full(scene.form.size, np.nan)
    whole[_responding(scene, truth)] = factors
    for axis in range(len(shape)):
        if shape[axis] > 1 and _depends_on(whole.reshape(shape), axis):
            text = f"each index along axis {axis} of the output is off by a factor of its own, {told}"
            yield Proof("other", text, 0.0, "by index", also=("f-prime-missing", "factor"), tested=tested)
            return
    if np.all((np.abs(factors) <= CLOSE) | (np.abs(factors - 1.0) <= CLOSE)):
        yield _left_out(truth.responds()[_responding(scene, truth)], np.abs(factors) <= CLOSE, tested)
        return
    text = (
        f"what each output brings is the true gradient times a factor of its own, {told}: what multiplies grad_output "
        "on its way in (the derivative of the outermost function, or a gate) is wrong"
    )
    repair = "grad_output * f'(z), with the same z as in forward"
    yield Proof(
        "f-prime-wrong", text, 0.0, "by output", also=("f-prime-missing", "other"), repair=repair, tested=tested
    )


def _left_out(responds: Array, lost: Array, tested: str) -> Proof:
    """Say that some outputs bring nothing and the others what they should; those that meet others were replaced."""
    text = f"{int(lost.sum())} of {lost.size} outputs bring nothing to the gradient, and the others what they should"
    also: tuple[str, ...] = ("path-missing", "wrong-branch", "f-prime-wrong")
    if np.all((responds[lost] & responds[~lost].any(axis=0)).any(axis=1)):
        text += "; each of them meets one of those at an entry, and is replaced by it instead of being added"
        return Proof("overlap-overwritten", text, 0.0, "replaced", also=("part-zeroed", *also), tested=tested)
    return Proof("part-zeroed", text, 0.0, "left out", also=(*also, "f-prime-missing"), tested=tested)


def _elementwise(truth: Truth) -> bool:
    """Tell whether each output responds to one entry, and each entry moves one output: that is told elsewhere."""
    responds = truth.responds()
    return bool(responds.sum(axis=0).max(initial=0) <= 1 and responds.sum(axis=1).max(initial=0) <= 1)


def _responding(scene: Scene, truth: Truth) -> Array:
    found: Array = scene.mask & truth.responds().any(axis=1)
    return found


def _factors(scene: Scene, truth: Truth) -> Array | None:
    """Return the factor of every output that responds, where one fits all claims; None where none does."""
    used = _responding(scene, truth)
    equations = np.concatenate([(c[used, None] * truth.jacobian[used]).T for c in scene.cotangents])
    wanted = scene.claims.ravel()
    if len(equations) < SPARE * used.sum() or np.linalg.matrix_rank(equations) < used.sum():
        return None
    found = np.linalg.lstsq(equations, wanted, rcond=None)[0]
    left = (equations @ found - wanted).reshape(scene.claims.shape)
    size = np.abs(scene.claims).max(axis=1, keepdims=True)
    bars = THRESHOLD * entry_bars(scene, truth, scene.claims, scene.cotangents)
    return found if np.all(np.abs(left) <= bars * max(1.0, float(np.abs(found).max())) + CLOSE * size) else None


def _depends_on(factors: Array, axis: int) -> bool:
    """Tell whether the factors vary along one axis alone."""
    others = tuple(a for a in range(factors.ndim) if a != axis)
    if not others or all(factors.shape[a] == 1 for a in others):
        return False
    if not np.all(np.any(~np.isnan(factors), axis=others)):
        return False  # of some places along the axis nothing is known
    spread = np.nanmax(factors, axis=others) - np.nanmin(factors, axis=others)
    return bool(np.all(spread <= CLOSE * np.nanmax(np.abs(factors))))


def beside(case: Case) -> Iterator[Proof]:
    """Propose that what each entry does to its own output, beside what it does through others, is left out or wrong."""
    scene, truth = case.scene, case.truth
    if truth is None or scene.claims.shape != scene.cotangents.shape or scene.value.size < 2:
        return
    if _elementwise(truth) or np.any(scene.cotangents == 0):
        return
    missing = truth.gradient(scene.cotangents) - scene.claims
    bars = entry_bars(scene, truth, scene.claims, scene.cotangents)
    shares, room = missing / scene.cotangents, THRESHOLD * bars / np.abs(scene.cotangents)
    middle = shares.mean(axis=0)
    if np.any(np.abs(shares - middle) > room + CLOSE * np.abs(middle)) or np.all(np.abs(middle) <= room.max(axis=0)):
        return
    text = (
        "what is missing is a multiple of grad_output, entry by entry: a path on which each entry reaches its own "
        "output, beside the others, is left out or wrong"
    )
    tested = f"all entries, for {len(scene.claims)} random grad_outputs"
    repair = f"grad_{scene.name} = grad_{scene.name} + grad_output * (what forward multiplies `{scene.name}` by)"
    yield Proof("path-missing", text, 0.0, "beside", also=("other",), repair=repair, tested=tested)


def put_through(case: Case) -> Iterator[Proof]:
    """Propose that grad_output goes through forward's own derivative, J g, where its transpose belongs."""
    scene = case.scene
    if scene.claims.shape != scene.cotangents.shape or scene.value.size < 2 or len(scene.form.shapes) != 1:
        return
    due, claimed = scene.cotangents @ scene.slopes.T, scene.claims @ scene.tangents.T
    if scene.shape != scene.output_shape or np.linalg.norm(claimed - due) <= TOLD * np.linalg.norm(due):
        return
    apart = np.abs(scene.claims @ scene.tangents.T - scene.cotangents @ scene.slopes.T)
    for cotangent, claim, off in zip(scene.cotangents[:ASKED], scene.claims, apart, strict=False):
        s = scene.along(cotangent)
        if s is None:
            return
        moved = s.tangents[scene.name].ravel()
        size = float(np.abs(claim).max(initial=0.0))
        room = THRESHOLD * s.bar + CONDITION * scene.slack.noise + CLOSE * size
        if np.abs(moved - cotangent).max() > CLOSE or np.any(np.abs(s.value - claim)[scene.mask] > room[scene.mask]):
            return
        if not np.any(off > norms_of_products(room[None], scene.tangents)[0]):
            return  # so roughly the right gradient is explained as well
    text = (
        "grad_output is put through the layer's own derivative, where the transposed one belongs: with y = A x it is "
        "A grad_output instead of A^T grad_output"
    )
    tested = f"forward's derivative along {ASKED} grad_outputs, entry by entry"
    code = "transposed"
    if moves_entries(scene):
        code, text = "permuted", "grad_output is put in forward's order, where it should go back by the inverse of it"
    repair = "grad[order] = grad_output" if code == "permuted" else "A.T @ grad_output"
    yield Proof(code, text, 0.0, "put through", repair=repair, tested=tested)


def unmoved(case: Case) -> Iterator[Proof]:
    """Propose that a term is left out or added whose gradient does not depend on the argument, as a target's is."""
    scene = case.scene
    if scene.form.size >= scene.value.size or len(scene.tangents) < ASKED:
        return
    value = scene.inputs[scene.name]
    moved = (MOVED * value + (MOVED - 1.0) * np.abs(value).max(initial=0.0)).astype(value.dtype)
    inputs = {**scene.inputs, scene.name: moved}
    some, c = scene.tangents[:ASKED], scene.cotangents[0]
    there, claim = slopes_at(scene, widened(inputs), some), scene.ask(c, inputs)
    if there is None or claim is None or not np.all(np.isfinite(claim)):
        return
    here = (scene.claims[0] @ some.T) - scene.slopes[:ASKED] @ c
    now = (claim @ there.tangents.T) - there.slopes @ c
    size = np.abs(scene.claims[0] @ some.T) + np.abs(claim @ some.T)
    if np.any(np.abs(here - now) > CLOSE * np.abs(here)) or np.any(np.abs(here) <= TOLD * size):
        return
    if np.all(np.abs(there.slopes @ c - scene.slopes[:ASKED] @ c) <= CLOSE * size):
        return  # a gradient that is the same everywhere: so is whatever is wrong with it
    text = (
        f"a term is left out, or added, whose gradient does not depend on `{scene.name}`: the claim is off by the same "
        "at another point, where the gradient is another"
    )
    tested = f"{ASKED} directions, here and at a point {MOVED:g} times as far out"
    yield Proof("path-missing", text, 0.0, "unmoved", also=("offset", "other"), tested=tested)
