"""Hypotheses: backward is the derivative at another point, with an argument rotated, transposed, rounded, replaced.

The claim is held against the derivative *measured* there: <claim, t> = <cotangent, J' t>. The first direction tells
most points apart; what passes it has to pass all the others.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.outputs import Form
from gradcheck.explain.elsewhere import slopes_at
from gradcheck.explain.layout import other_positions, spatial_axes
from gradcheck.explain.order import INPUT_EQUATION, Change, Rows, exchanges, flips, moves
from gradcheck.explain.outermost import ACTIVATIONS, ends_with, fits
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scaling import multiples
from gradcheck.explain.scene import Probes, Scene
from gradcheck.subject import Array, is_floating

CONFIRMING = 8  # directions in all that a point has to pass
LEFT_OUT = "the derivative of a function inside is left out, or a constant"
# What 1 in place of a derivative at zero multiplies: the factor of the claim, and whose derivative that is.
AT_ZERO = ((4.0, "1/4, as the sigmoid's"), (2.0, "1/2, as that of softplus or swish"))
FEELS = 1e-3  # how much an argument is changed to see whether the derivative depends on it at all


class Point(NamedTuple):
    """Another point that backward may have linearised at."""

    code: str
    words: str
    inputs: Mapping[str, Any]
    also: tuple[str, ...] = ()
    repair: str = ""
    equation: str = ""
    scale: Array | None = None  # what the slopes of every output there are multiplied by


class Own(NamedTuple):
    """One thing that can have been done to the argument itself."""

    code: str
    words: str
    do: Callable[[Array], Array]
    also: tuple[str, ...] = ()


OWN: tuple[Own, ...] = (
    Own("integer-truncation", "rounded to whole numbers", np.rint),
    Own("integer-truncation", "cut to whole numbers", np.trunc),
    Own("float32-truncation", "rounded to float32", lambda x: x.astype(np.float32).astype(np.float64)),
    Own("other", "rounded to float16", lambda x: x.astype(np.float16).astype(np.float64)),
    Own("f-prime-wrong", "with its signs left out", np.abs, ("wrong-branch", "other")),
    Own("f-prime-wrong", "negated", np.negative, ("wrong-branch", "other")),
    Own("f-prime-wrong", "doubled", lambda x: 2.0 * x),
    Own("f-prime-wrong", "halved", lambda x: 0.5 * x),
    Own("f-prime-missing", "of zero", np.zeros_like, ("stale-cache",)),
)


def points(case: Case) -> Iterator[Proof]:
    """Propose every other point that the derivative may have been taken at, alone and with a constant or a sign."""
    scene = case.scene
    if not scene.claims.any():
        return  # nothing is the derivative of many points
    for point in (*_other_arguments(scene), *_own(scene)):
        yield from _holds(scene, point)
    for point in _behind(scene):
        yield from _holds(scene, point)


def _holds(scene: Scene, point: Point) -> Iterator[Proof]:
    """Yield the proof where the claim is the derivative at that point, or a known multiple of it."""
    proof = Proof(
        point.code, point.words, 0.0, point.words, repair=point.repair, equation=point.equation, also=point.also
    )
    first = _slopes(scene, point, slice(0, 1))
    likely = [] if first is None else list(_multiples(scene, proof, first))
    rest = _slopes(scene, point, slice(1, CONFIRMING)) if likely else None
    if first is None or rest is None:
        return
    for one, factor in likely:
        worst = max(scene.bars(scene.claims / factor, along=p) for p in (first, rest))
        told = _tells(scene, first, slice(0, 1)) or _tells(scene, rest, slice(1, CONFIRMING))
        if worst <= THRESHOLD and told:
            yield replace(one, bars=worst)
            return


def _slopes(scene: Scene, point: Point, rows: slice) -> Probes | None:
    probes = slopes_at(scene, point.inputs, scene.tangents[rows])
    if probes is None:
        return None
    if point.scale is not None:
        probes = replace(probes, slopes=probes.slopes * point.scale, bars=probes.bars * np.abs(point.scale))
    return replace(probes, slopes=scene.judged(probes.slopes), bars=scene.judged(probes.bars))


def _multiples(scene: Scene, proof: Proof, first: Probes) -> Iterator[tuple[Proof, float]]:
    """Yield the proof with every factor that one direction leaves possible: 1, or else a sign or a constant."""
    if scene.holds(scene.claims, along=first):
        yield proof, 1.0
    elif scene.value.size > 1 and scene.form.size > 1:
        there = replace(scene, tangents=first.tangents, slopes=first.slopes, slope_bars=first.bars)
        for one, factor in _at_zero(proof) if proof.code == "f-prime-missing" else multiples(there, proof):
            if scene.holds(scene.claims / factor, along=first):
                yield one, factor


def _at_zero(proof: Proof) -> Iterator[tuple[Proof, float]]:
    for factor, words in AT_ZERO:
        yield replace(proof, sentence=f"{proof.sentence}, with 1 in place of f'(0) ({words})"), factor


def _tells(scene: Scene, probes: Probes, rows: slice) -> bool:
    """Tell whether probes with these bars refute the derivative at the point itself: else they could not say no."""
    own = Probes(scene.tangents[rows], scene.slopes[rows], probes.bars)
    return scene.bars(along=own) > THRESHOLD


def _moves_slope(scene: Scene, name: str) -> bool:
    """Tell whether the derivative feels a small change of an argument at all."""
    value = scene.place.wide[name]
    changed = value + FEELS * scene.rng.uniform(0.5, 1.5, size=value.shape) * max(float(np.abs(value).max()), FEELS)
    there = slopes_at(scene, {**scene.place.wide, name: changed}, scene.tangents[:1])
    if there is None:
        return True
    apart = np.abs(there.slopes - scene.slopes[:1]) * scene.mask
    return bool(np.any(apart > THRESHOLD * (there.bars + scene.slope_bars[:1]) * 2.0))


def _other_arguments(scene: Scene) -> Iterator[Point]:
    wide = dict(scene.place.wide)
    for name, value in wide.items():
        if name == scene.name or not isinstance(value, np.ndarray) or value.size < 1:
            continue
        if not is_floating(value):
            yield from _labels(wide, name, value)
        elif _moves_slope(scene, name):
            yield from _rearranged(scene, name, value)
            yield from _replaced(scene, name, value)


def _labels(wide: Mapping[str, Any], name: str, value: Array) -> Iterator[Point]:
    if not np.issubdtype(value.dtype, np.integer):
        return
    for by, words in ((-1, "one less"), (1, "one more")):
        text = f"backward takes every entry of `{name}` for {words} than it is"
        also = ("label-shifted",)
        yield Point(
            "label-shifted", text, {**wide, name: value + by}, also, f"{name} = {name} {'+' if by < 0 else '-'} 1"
        )


def _rearranged(scene: Scene, name: str, value: Array) -> Iterator[Point]:
    rows = Rows(name, tuple(value.shape), spatial_axes(scene, name), other_positions(scene, name))
    groups = [c for c in moves(rows) if c.code in ("groups-mixed", "reversed")]
    for change in (*_likely(rows), *exchanges(rows), *groups):
        moved = change.do(value[None])[0]
        if np.array_equal(moved, value):
            continue
        equation = INPUT_EQUATION if change.code == "kernel-not-rotated" else ""
        also = tuple(code for code in change.also if code != "permuted")
        text = f"backward uses `{name}` {change.words}"
        yield Point(change.code, text, {**scene.place.wide, name: moved}, also, change.repair, equation)
    for parts in (2, 3, 4):
        if value.ndim >= 3 and value.shape[0] % parts == 0 and value.shape[0] > parts:
            size = value.shape[0] // parts
            for first in (0, parts - 1):
                shared = np.concatenate([value[first * size : (first + 1) * size]] * parts)
                text = f"every group of channels uses the kernels of group {first} of {parts}"
                yield Point("groups-mixed", text, {**scene.place.wide, name: shared})


def _behind(scene: Scene) -> Iterator[Point]:
    """Yield another argument rearranged where forward ends with an activation whose derivative backward has right.

    The activation's derivative is that of the true output, and the rest is taken with the rearranged argument.
    """
    wide, y = scene.place.wide, scene.place.base
    if len(scene.form.shapes) != 1 or not np.all(np.isfinite(y)):
        return
    outer = next((f for f in ACTIVATIONS if fits(f, y) and ends_with(scene, f)), None)
    if outer is None:
        return
    for name, value in wide.items():
        if name == scene.name or not is_floating(value) or value.ndim < 2:
            continue
        rows = Rows(name, tuple(value.shape), spatial_axes(scene, name), other_positions(scene, name))
        for change in (*exchanges(rows), *(c for c in _likely(rows) if c.code == "kernel-not-rotated")):
            inputs = {**wide, name: change.do(value[None])[0]}
            scene.budget.pay(forward=1)
            there = scene.instrument.evaluate(inputs, scene.form)
            if there is None or not np.all(np.isfinite(there)):
                continue
            with np.errstate(all="ignore"):
                scale = outer.of_output(y) / outer.of_output(there)
            if np.all(np.isfinite(scale)):
                text = f"behind {outer.name}, backward uses `{name}` {change.words}"
                yield Point(change.code, text, inputs, change.also, change.repair, change.equation, scale)


def _likely(rows: Rows) -> Iterator[Change]:
    """Yield the flips that cost a call each and are worth it: of positions, and of any one axis."""
    found = []
    for change in flips(rows):
        axes = {a for a in rows.long if change.repair.split("[")[1].split(",")[a].strip(" ]") == "::-1"}
        if len(axes) == 1 or axes <= set(rows.space):
            found.append(change)
    yield from sorted(found, key=lambda change: change.code != "kernel-not-rotated")


def _replaced(scene: Scene, name: str, value: Array) -> Iterator[Point]:
    wide = scene.place.wide
    for number, words in ((1.0, "ones"), (0.0, "zeros")):
        text = f"backward leaves `{name}` out: it takes it for {words}"
        yield Point("other", text, {**wide, name: np.full_like(value, number)}, ("path-missing",))
    if value.shape == wide[scene.name].shape and is_floating(wide[scene.name]):
        text = f"backward uses `{scene.name}` where `{name}` belongs"
        yield Point("equals-other-argument", text, {**wide, name: wide[scene.name]})
        text = f"backward has `{scene.name}` and `{name}` exchanged"
        yield Point("equals-other-argument", text, {**wide, name: wide[scene.name], scene.name: value})


def _own(scene: Scene) -> Iterator[Point]:
    wide, x = dict(scene.place.wide), scene.place.wide[scene.name]
    if not _moves_slope(scene, scene.name):
        return
    if scene.place.base.size == x.size and np.all(np.isfinite(scene.place.base)):
        output = scene.place.base.reshape(x.shape)
        text = "the derivative is taken at the output instead of the input"
        yield Point(
            "f-prime-at-output", text, {**wide, scene.name: output}, repair="evaluate the derivative at the input"
        )
    for own in OWN:
        moved = own.do(x).astype(x.dtype)
        if not np.array_equal(moved, x):
            text = f"backward uses `{scene.name}` {own.words}"
            if own.code == "f-prime-missing":
                text = f"{LEFT_OUT}: backward is right for a `{scene.name}` of zero"
            yield Point(own.code, text, {**wide, scene.name: moved}, own.also)
    yield from _inner(scene)
    rows = Rows(scene.name, tuple(x.shape), spatial_axes(scene, scene.name), other_positions(scene, scene.name))
    for change in (*_likely(rows), *exchanges(rows)):
        moved = change.do(x[None])[0]
        if not np.array_equal(moved, x):
            yield Point(
                change.code, f"backward uses `{scene.name}` {change.words}", {**wide, scene.name: moved}, change.also
            )


def _inner(scene: Scene) -> Iterator[Point]:
    """Yield points at which what goes into a function inside is zero: there its derivative is a constant."""
    wide = scene.place.wide
    others = [n for n, v in wide.items() if n != scene.name and is_floating(v) and v.size]
    flat = [n for n in others if wide[n].ndim <= 1]
    for names in dict.fromkeys((tuple(flat), *((n,) for n in others))):
        if not names:
            continue
        zero = {n: np.zeros_like(wide[n]) for n in (scene.name, *names)}
        told = " and ".join(f"`{n}`" for n in zero)
        text = f"{LEFT_OUT}: backward is right for {told} of zero"
        yield Point("f-prime-missing", text, {**wide, **zero}, ("stale-cache",), "grad * f'(z), with the z of forward")


def at_the_output(case: Case) -> Iterator[Proof]:
    """Propose that a formula in terms of the output was given the input: asked at the output, backward is right."""
    scene = case.scene
    x = scene.inputs[scene.name]
    if scene.place.base.size != x.size or not np.all(np.isfinite(scene.place.base)) or not is_floating(x):
        return
    moved = {**scene.inputs, scene.name: scene.place.base.reshape(x.shape).astype(x.dtype)}
    claims = []
    for cotangent in scene.cotangents:
        claim = scene.ask(cotangent, moved)
        if claim is None:
            return
        claims.append(claim)
    worst = scene.passes(np.stack(claims))
    if worst is not None:
        text = (
            "the derivative is written in terms of the output and given the input: asked at the output, "
            "backward is right"
        )
        yield Proof("f-prime-at-input", text, worst, "at input", repair="pass the output to the formula")


def whole_transposed(case: Case) -> Iterator[Proof]:
    """Propose that backward is that of the layer done to the transposed argument: the other axis was meant."""
    scene = case.scene
    shape, output = scene.shape, scene.form.shapes
    if len(shape) != 2 or len(output) != 1 or len(output[0]) != 2:
        return
    form = Form((output[0][::-1],), scene.form.dtypes)
    inputs = {**scene.place.wide, scene.name: np.ascontiguousarray(scene.place.wide[scene.name].T)}
    worst, told = 0.0, False
    for i, tangent in enumerate(scene.tangents[:CONFIRMING]):
        probes = slopes_at(scene, inputs, tangent.reshape(shape).T.reshape(1, -1), form)
        if probes is None:
            return
        back, bars = (row.reshape(form.shapes[0]).T.reshape(1, -1) for row in (probes.slopes, probes.bars))
        straight = Probes(probes.tangents.reshape(shape[::-1]).T.reshape(1, -1), back, bars)
        worst = max(worst, scene.bars(along=straight))
        told = told or (worst <= THRESHOLD and _tells(scene, straight, slice(i, i + 1)))
    if worst <= THRESHOLD and told:
        text = "backward works along the other axis: it is right for the layer done to the transposed argument"
        yield Proof("transposed", text, worst, "whole transposed", also=("batch-leak",))
