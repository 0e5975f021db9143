"""Hypotheses about an activation at the end of a layer: its derivative left out, taken elsewhere, or another's.

Where y = f(z) entry by entry, J = f'(z) J_z, and f' is a function of y as well. A mistake with f' alone therefore is
one with grad_output: <claim, t> = <g', J t>, with g' = g / f'(z) where f' was left out. No further calls.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.proof import Case, Proof, prove
from gradcheck.explain.scaling import scaled
from gradcheck.explain.scene import Scene
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array, is_floating

MOVED = 0.25  # of an argument's scale: how far it is moved to see whether what goes into a function is affine in it
AFFINE = 1e-6  # a second difference this small, of the first, is none
FELT = 1e-6  # of the largest claim: what counts as something
ONE = 1e-6  # a factor this close to 1 is 1

Curve = Callable[[Array], Array]


class Activation(NamedTuple):
    """One function: its range, its derivative in terms of the output and of the input, and its inverse."""

    name: str
    low: float
    high: float
    of_output: Curve
    of_input: Curve
    inverse: Curve


def _logistic(x: Array) -> Array:
    found: Array = 1.0 / (1.0 + np.exp(-x))
    return found


ACTIVATIONS: tuple[Activation, ...] = (
    Activation("tanh", -1.0, 1.0, lambda y: 1.0 - y**2, lambda x: 1.0 - np.tanh(x) ** 2, np.arctanh),
    Activation(
        "the sigmoid",
        0.0,
        1.0,
        lambda y: y * (1.0 - y),
        lambda x: _logistic(x) * (1.0 - _logistic(x)),
        lambda y: np.log(y / (1.0 - y)),
    ),
    Activation("exp", 0.0, np.inf, lambda y: y, np.exp, np.log),
    Activation("softplus", 0.0, np.inf, lambda y: -np.expm1(-y), _logistic, lambda y: np.log(np.expm1(y))),
    Activation(
        "softsign",
        -1.0,
        1.0,
        lambda y: (1.0 - np.abs(y)) ** 2,
        lambda x: (1.0 + np.abs(x)) ** -2,
        lambda y: y / (1.0 - np.abs(y)),
    ),
    Activation("arctan", -np.pi / 2, np.pi / 2, lambda y: np.cos(y) ** 2, lambda x: 1.0 / (1.0 + x**2), np.tan),
    Activation(
        "ELU",
        -1.0,
        np.inf,
        lambda y: np.where(y > 0, 1.0, y + 1.0),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0.0))),
        lambda y: np.where(y > 0, y, np.log1p(np.minimum(y, 0.0))),
    ),
)


def outermost(case: Case) -> Iterator[Proof]:
    """Propose, for every activation whose range the outputs keep to, what can have been done with its derivative."""
    scene, y = case.scene, case.scene.place.base
    if len(scene.form.shapes) != 1 or not np.all(np.isfinite(y)):
        return
    for f in (f for f in ACTIVATIONS if fits(f, y)):
        for code, words, factor, also in _mistakes(f, y):
            low, high = float(np.min(factor)), float(np.max(factor))
            if not np.isfinite(high - low) or high - low <= ONE * max(abs(low), abs(high)):
                continue
            if not scene.plausible(scene.claims, scene.cotangents[:1] * factor):
                continue
            repair = "grad_output * f'(z), with the same z as in forward"
            proof = Proof(code, words, 0.0, words, repair=repair, also=also)
            found = list(scaled(case, proof, cotangents=scene.cotangents * factor))
            if found and ends_with(scene, f):
                yield from found


def fits(f: Activation, y: Array) -> bool:
    """Tell whether all outputs lie in the function's range; ELU is none where none of them is negative."""
    inside = f.low < y.min(initial=np.inf) and y.max(initial=-np.inf) < f.high
    return bool(inside and not (f.name == "ELU" and y.min() >= 0))


def ends_with(scene: Scene, f: Activation) -> bool:
    """Tell whether forward really ends with the function: what goes into it is affine in one of the arguments."""
    wide = scene.place.wide
    for name, value in wide.items():
        if not is_floating(value) or not value.size:
            continue
        scene.budget.pay(forward=2)
        step = MOVED * natural_scale(value) * scene.rng.uniform(0.5, 1.5, size=value.shape)
        sides = [scene.instrument.evaluate({**wide, name: value + s * step}, scene.form) for s in (1.0, -1.0)]
        if sides[0] is None or sides[1] is None:
            continue
        with np.errstate(all="ignore"):
            up, here, down = (f.inverse(y) for y in (sides[0], scene.place.base, sides[1]))
        moved = np.abs(up - down).max()
        if np.isfinite(moved) and moved > 0 and np.abs(up - 2.0 * here + down).max() <= AFFINE * moved:
            return True
    return False


def _mistakes(f: Activation, y: Array) -> Iterator[tuple[str, str, Array, tuple[str, ...]]]:
    z, due = f.inverse(y), f.of_output(y)
    of = f"the derivative of {f.name}, with which forward ends,"
    yield "f-prime-missing", f"{of} is left out", 1.0 / due, ("other",) if f.name == "exp" else ()
    yield "f-prime-at-output", f"{of} is taken at the output instead of the input", f.of_input(y) / due, ()
    text = f"{of} is written in terms of the output and given the input"
    yield "f-prime-at-input", text, f.of_output(z) / due, ()
    if f.name != "exp":  # a power of the output may come from elsewhere
        yield "f-prime-wrong", f"{of} is multiplied in twice", due, ()
    for other in ACTIVATIONS:
        if other is not f and other.name != "exp":
            text = f"{of} is taken to be that of {other.name}"
            yield "f-prime-wrong", text, other.of_input(z) / due, ()
            if fits(other, y):
                yield "f-prime-wrong", text, other.of_output(y) / due, ()


def silent(case: Case) -> Iterator[Proof]:
    """Propose that outputs which do not respond, as behind a ReLU that is off, hand their gradient on all the same."""
    scene = case.scene
    off = scene.mask & np.all(np.abs(scene.slopes) <= THRESHOLD * scene.slope_bars, axis=0)
    if not off.any() or off.all() or scene.claims.shape[1] < 2:
        return
    on = scene.cotangents * ~off
    answers = [scene.ask(row) for row in on[:2]]
    if any(answer is None for answer in answers):
        return
    claims = np.stack([answer for answer in answers if answer is not None])
    lost = np.abs(scene.claims[: len(claims)] - claims).max()
    worst = scene.passes(claims, on[: len(claims)])
    if worst is None or lost <= FELT * np.abs(scene.claims).max():
        return
    text = (
        f"{int(off.sum())} of {off.size} outputs do not respond to `{scene.name}` (as behind a ReLU that is off), and "
        "their grad_output is handed on all the same: the mask is left out, or another one than in forward"
    )
    tested = "backward is right where their grad_output is zero, and not where it is not"
    yield Proof(
        "f-prime-missing",
        text,
        worst,
        "silent",
        repair="grad_output * (output > 0)",
        also=("wrong-branch",),
        tested=tested,
    )


def two_sides(case: Case) -> Iterator[Proof]:
    """Propose that outputs above and below zero each have a wrong slope, as behind a leaky ReLU.

    The two factors are read off two probes; all the others have to agree.
    """
    scene, y = case.scene, case.scene.place.base
    up = y > 0
    if len(scene.form.shapes) != 1 or not np.all(np.isfinite(y)) or min(np.sum(up), np.sum(~up)) < 1:
        return
    found = _factors(scene, up)
    if found is None or abs(found[0] - found[1]) <= ONE * max(map(abs, found)):
        return
    above, below = found
    made = scene.cotangents * np.where(up, above, below)
    said = f"{above:.6g} times what it should be where the output is positive, and {below:.6g} times where it is not"
    if abs(above * below - 1.0) <= ONE:
        text = f"the slopes of the two sides of a leaky function are exchanged: the gradient is {said}"
        proof = Proof("slope-wrong-side", text, 0.0, "two sides", also=("wrong-branch",))
    elif abs(above - 1.0) <= ONE or abs(below - 1.0) <= ONE:
        side, factor = ("not positive", below) if abs(above - 1.0) <= ONE else ("positive", above)
        text = f"what passes outputs that are {side} is {factor:.6g} times what it should be, and the rest is right"
        proof = Proof("wrong-branch", text, 0.0, "two sides", also=("f-prime-missing", "f-prime-wrong"))
    else:
        text = f"the slopes of the two sides are wrong: the gradient is {said}"
        proof = Proof("f-prime-wrong", text, 0.0, "two sides", also=("wrong-branch", "f-prime-missing"))
    yield from prove(scene, proof, cotangents=made)


def _factors(scene: Scene, up: Array) -> tuple[float, float] | None:
    parts = [(scene.cotangents * side) @ scene.slopes.T for side in (up, ~up)]
    columns = np.stack([part.ravel() for part in parts], axis=1)
    claimed = (scene.claims @ scene.tangents.T).ravel()
    if len(claimed) < 8 or not np.all(np.isfinite(claimed)) or np.linalg.matrix_rank(columns) < 2:
        return None
    above, below = np.linalg.lstsq(columns, claimed, rcond=None)[0]
    # What is left of one side may be nothing at all: that is no slope.
    return (float(above), float(below)) if min(abs(above), abs(below)) > ONE * max(abs(above), abs(below)) else None
