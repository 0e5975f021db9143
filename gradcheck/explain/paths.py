"""Hypotheses: one of the ways from the argument to the output is left out: mean, variance, skip, second use, decay."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from gradcheck.checks.comparison import CONDITION, THRESHOLD
from gradcheck.explain.linearised import slopes_at
from gradcheck.explain.proof import Case, Proof, listed, prove
from gradcheck.explain.scene import Probes, Scene, bars_of, largest_bars
from gradcheck.subject import Array, is_floating

FEWEST = 2  # directions along which a part of the space has to be right
USES = (2, 3, 4)  # how many times an argument may be used


def _groups(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the sets of axes that a normalisation may run over: all but the first axis first, then every other."""
    axes = range(len(shape))
    found = [g for k in range(1, len(shape) + 1) for g in combinations(axes, k)]
    return [g for g in found if np.prod([shape[a] for a in g]) > 1]


def _probe(scene: Scene, tangents: list[Array]) -> Probes | None:
    found = [scene.along(t) for t in tangents]
    kept = [s for s in found if s is not None]
    if len(kept) < len(tangents):
        return None
    return Probes(
        np.stack([s.tangents[scene.name].ravel() for s in kept]),
        np.stack([np.where(scene.mask, s.value, 0.0) for s in kept]),
        np.stack([np.where(scene.mask, s.bar, 0.0) for s in kept]),
    )


def _worst(scene: Scene, probes: Probes) -> float:
    return largest_bars(scene.claims, scene.cotangents, probes, scene.slack)


def statistics(case: Case) -> Iterator[Proof]:
    """Propose that mean, or variance or norm, are taken for constants, along every set of axes.

    The claim is then right along every direction that leaves the statistic as it is, and along the others it is what
    is left when the statistic does not move: 1/s along ones, and the output's own deviation along the centred input.
    """
    scene = case.scene
    if scene.value.size < 3:
        return
    kinds = {"output": scene.form.size == scene.value.size and scene.output_shape == scene.shape}
    groups = _groups(scene.shape) if kinds["output"] else [tuple(range(len(scene.shape)))]
    for group in groups:
        if np.prod([scene.shape[a] for a in group]) < 3 and kinds["output"]:
            continue
        yield from _statistic(scene, group, same_shape=kinds["output"])


def _statistic(scene: Scene, group: tuple[int, ...], *, same_shape: bool) -> Iterator[Proof]:
    x = scene.value
    centred = x - x.mean(axis=group, keepdims=True)
    ones = np.ones_like(x)
    fresh = [t.reshape(scene.shape) for t in scene.tangents[:FEWEST]]
    rows = (
        ("mean-path-missing", [ones], "the mean is"),
        ("variance-path-missing", [centred], "the variance is"),
        ("variance-path-missing", [x], "the norm is"),
        ("path-missing", [ones, centred], "mean and variance are"),
    )
    for code, kept, words in rows if same_shape else rows[2:3]:
        probes = _probe(scene, [_without(t, kept, group) for t in fresh[:1]])
        if probes is None or _worst(scene, probes) > THRESHOLD:
            continue
        more = _probe(scene, [_without(t, kept, group) for t in fresh[1:]])
        if more is None or _worst(scene, more) > THRESHOLD:
            continue
        if not (_left_out(scene, kept, group) if same_shape else _acts_as(scene, x, scene.place.base)):
            continue
        worst = max(_worst(scene, probes), _worst(scene, more))
        over = f" over {listed(group)}" if len(group) < len(scene.shape) else ""
        text = (
            f"{words} taken for a constant{over}: the claim is right along every direction that leaves "
            f"{'them' if len(kept) > 1 else 'it'} unchanged, and wrong along the others"
        )
        yield Proof(
            code,
            text,
            worst,
            f"{code} {words} {len(group)}",
            tested=f"{FEWEST} such directions",
            also=("path-missing",),
        )


def _without(t: Array, kept: list[Array], group: tuple[int, ...]) -> Array:
    for direction in kept:
        length = np.sum(direction * direction, axis=group, keepdims=True)
        t = t - direction * np.sum(t * direction, axis=group, keepdims=True) / np.where(length == 0, 1.0, length)
    return t


def _left_out(scene: Scene, kept: list[Array], group: tuple[int, ...]) -> bool:
    """Tell whether the claim is what remains with the statistics held: 1/s along each direction, measured as y / x.

    With mean m and scale s held, the slope along a direction is direction / s, and s is the centred input over the
    centred output; where the output is multiplied by a gain the same holds with the gain in s.
    """
    x, y = scene.value, scene.place.base.reshape(scene.shape)
    deep, high = (x, y) if kept[0] is x else (x - x.mean(group, keepdims=True), y - y.mean(group, keepdims=True))
    length = np.sum(deep * deep, axis=group, keepdims=True)
    slope = np.sum(deep * high, axis=group, keepdims=True) / np.where(length == 0, 1.0, length)
    off = np.abs(high - slope * deep).max(initial=0.0)
    if off > 1e-6 * np.abs(high).max(initial=0.0):
        return _left_out_with_gain(scene, kept, group)
    return all(_acts_as(scene, d, slope * d) for d in kept)


def _left_out_with_gain(scene: Scene, kept: list[Array], group: tuple[int, ...]) -> bool:
    """The same where a gain and a shift vary inside the group: the output at the input's mean is the shift."""
    moved = {
        **scene.place.wide,
        scene.name: np.broadcast_to(scene.value.mean(group, keepdims=True), scene.shape).copy(),
    }
    scene.budget.pay(forward=1)
    base = scene.instrument.evaluate(moved, scene.form)
    if base is None or not np.all(np.isfinite(base)) or kept[0] is scene.value:
        return False
    centred = scene.value - scene.value.mean(group, keepdims=True)
    with np.errstate(all="ignore"):
        slope = np.where(centred == 0, 0.0, (scene.place.base - base).reshape(scene.shape) / centred)
    return all(_acts_as(scene, d, slope * d) for d in kept)


def _acts_as(scene: Scene, direction: Array, image: Array) -> bool:
    """Tell whether the claim says `image` of `direction`, but for a part in a million."""
    claimed = scene.claims @ direction.ravel()
    wanted = scene.cotangents @ image.ravel()
    size = np.sqrt(scene.cotangents**2 @ image.ravel() ** 2) + np.sqrt(scene.claims**2 @ direction.ravel() ** 2)
    return bool(np.all(np.abs(claimed - wanted) <= 1e-6 * size))


def epsilon(case: Case) -> Iterator[Proof]:
    """Propose that backward leaves out an epsilon: it claims that the input's size does not matter at all."""
    scene = case.scene
    x = scene.value
    same = scene.output_shape == scene.shape
    for group in _groups(scene.shape) if same else [tuple(range(len(scene.shape)))]:
        for words, direction in (("size", x), ("spread", x - x.mean(axis=group, keepdims=True))):
            flat = direction.ravel()
            parts = scene.shaped(scene.claims * flat).sum(axis=tuple(a + 1 for a in group))
            size = np.sqrt(scene.shaped((scene.claims * flat) ** 2).sum(axis=tuple(a + 1 for a in group)))
            if np.any(np.abs(parts) > 1e4 * scene.slack.unit * np.maximum(size, 1e-300)) or not size.any():
                continue
            probes = _probe(scene, [direction])
            if probes is None:
                continue
            bars = bars_of(scene.claims, scene.cotangents, probes, scene.slack)
            told = np.abs(scene.cotangents @ probes.slopes.T) > THRESHOLD * bars
            if told.all() and _nearly_right(scene):
                over = f" over {listed(group)}" if len(group) < len(x.shape) else ""
                text = f"an epsilon that forward adds is left out: the claim says that the input's {words}{over} does not matter, and forward that it does, a little"
                yield Proof(
                    "epsilon-forgotten",
                    text,
                    0.0,
                    f"epsilon {words}",
                    tested="the direction of the input itself",
                )
                return


def _nearly_right(scene: Scene) -> bool:
    """Tell whether the claim is off by a few per cent at most."""
    apart = np.linalg.norm(scene.claims @ scene.tangents.T - scene.cotangents @ scene.slopes.T)
    return bool(apart <= 0.1 * np.linalg.norm(scene.cotangents @ scene.slopes.T))


def skip(case: Case) -> Iterator[Proof]:
    """Propose that the path around the layer is left out, or there once too often: grad_output itself is missing."""
    scene = case.scene
    if scene.claims.shape != scene.cotangents.shape:
        return
    for sign, words in ((1.0, "left out"), (-1.0, "counted once too often")):
        text = f"the path around the layer (its input added to its output) is {words}: with grad_output {'added' if sign > 0 else 'subtracted'} the claim agrees"
        repair = f"grad_{scene.name} = grad_{scene.name} {'+' if sign > 0 else '-'} grad_output"
        yield from prove(
            scene,
            Proof("path-missing", text, 0.0, f"skip {sign}", repair=repair),
            claims=scene.claims + sign * scene.cotangents,
        )


def decay(case: Case) -> Iterator[Proof]:
    """Propose that a term is left out whose gradient is a multiple of the argument, or one number everywhere.

    The multiple is read off one probe; all the others have to agree, and another point as well.
    """
    scene = case.scene
    if scene.form.size > 1 or scene.value.size < 3 or not len(scene.tangents):
        return
    for words, times in (("the argument itself, as weight decay's is", True), ("one number for all entries", False)):
        direction = scene.value.ravel() if times else np.ones(scene.value.size)
        factor = _missing_factor(scene, direction)
        if factor is None:
            continue
        text = f"a term is left out whose gradient is {factor:.6g} times {words}"
        repair = f"grad_{scene.name} = grad_{scene.name} + {factor:.6g} * grad_output" + (
            f" * {scene.name}" if times else ""
        )
        proof = Proof("path-missing", text, 0.0, words, repair=repair)
        found = scene.claims + factor * scene.cotangents * direction
        if _holds_elsewhere(scene, factor, times=times):
            yield from prove(scene, proof, claims=found)


def _missing_factor(scene: Scene, direction: Array) -> float | None:
    along = scene.tangents @ direction
    missing = scene.cotangents @ scene.slopes.T - scene.claims @ scene.tangents.T
    at, upstream = int(np.argmax(np.abs(along))), float(scene.cotangents[0, 0])
    if not along[at] or not upstream:
        return None
    factor = float(missing[0, at] / (along[at] * upstream))
    return factor if factor != 0.0 and np.isfinite(factor) else None


def _holds_elsewhere(scene: Scene, factor: float, *, times: bool) -> bool:
    moved = {**scene.place.wide, scene.name: 1.25 * scene.value}
    probes = slopes_at(scene, moved, scene.tangents[:1])
    narrow = {**scene.inputs, scene.name: moved[scene.name].astype(scene.inputs[scene.name].dtype)}
    claim = scene.ask(scene.cotangents[0], narrow)
    if probes is None or claim is None:
        return False
    direction = moved[scene.name].ravel() if times else np.ones(scene.value.size)
    whole = claim[None] + factor * scene.cotangents[:1] * direction
    return largest_bars(whole, scene.cotangents[:1], probes, scene.slack) <= THRESHOLD


def uses(case: Case) -> Iterator[Proof]:
    """Propose that an argument is used several times and the gradient of some uses is left out (Euler's theorem).

    Where forward is homogeneous of degree d in the argument, J x = d y; a claim that counts k of d equal uses says
    <claim, x> = k/d <cotangent, J x>, whatever the cotangent.
    """
    scene = case.scene
    probes = _probe(scene, [scene.value])
    if probes is None or scene.value.size < 2:
        return
    true = probes.slopes[0]
    base = np.where(scene.mask, scene.place.base, 0.0)
    bar = THRESHOLD * probes.bars[0] + CONDITION * scene.slack.noise
    for degree in USES:
        if not np.all(np.abs(true - degree * base) <= degree * bar) or not base.any():
            continue
        for counted in range(1, degree):
            scaled = Probes(probes.tangents, probes.slopes * (counted / degree), probes.bars)
            if _worst(scene, scaled) <= THRESHOLD:
                text = f"forward uses `{scene.name}` {degree} times (it is homogeneous of degree {degree} in it), and the claim counts {counted} of them"
                yield Proof(
                    "path-missing",
                    text,
                    _worst(scene, scaled),
                    f"uses {counted}/{degree}",
                    tested="the direction of the argument itself",
                    repair="add up the gradients of every use",
                )


def multiplied(case: Case) -> Iterator[Proof]:
    """Propose that a factor is left out, or multiplied in once too often: another argument, or the output."""
    scene = case.scene
    shape = scene.shape
    known = {name: value for name, value in scene.place.wide.items() if isinstance(value, np.ndarray) and value.size}
    values = {f"`{name}`": np.asarray(value, dtype=np.float64) for name, value in known.items()}
    for label, chosen in known.items():
        if np.issubdtype(chosen.dtype, np.integer) and chosen.ndim == 1 and len(shape) == 2 and chosen.min() >= 0:
            for name, value in known.items():
                if is_floating(value) and value.ndim == 1 and chosen.max() < len(value):
                    values[f"`{name}[{label}]`"] = np.asarray(value, dtype=np.float64)[chosen][:, None]
    if np.all(np.isfinite(scene.place.base)):
        values["the output"] = scene.place.base.reshape(scene.output_shape)
    for words, value in values.items():
        try:
            factor = np.broadcast_to(value, shape).ravel()
        except ValueError:
            continue
        if not np.all(factor) or (np.ptp(factor) == 0 and value.size > 1):
            continue
        proof = Proof("other", f"the factor {words} is left out", 0.0, f"times {words}", also=("f-prime-missing",))
        yield from prove(scene, proof, claims=scene.claims * factor)
        twice = replace(proof, sentence=f"the factor {words} is multiplied in once too often", key=f"over {words}")
        yield from prove(scene, twice, claims=scene.claims / factor)
