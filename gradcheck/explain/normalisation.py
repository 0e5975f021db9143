"""Hypotheses about normalisations: the mean, the variance, the norm or an epsilon is left out of the derivative."""

from collections.abc import Iterator

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.paths import probe, worst_of
from gradcheck.explain.proof import Case, Proof, listed
from gradcheck.explain.scene import Scene, bars_of
from gradcheck.subject import Array

NEAR = 1e-6  # of what is missing; a first look before directions are spent on it
FEWEST = 2  # directions along which a part of the space has to be right


def _groups(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the sets of axes that a normalisation may run over, the largest first.

    A claim that is right where the mean over many axes stays is right where the means over some of them do.
    """
    axes = tuple(range(len(shape)))
    found = [axes, axes[1:], (axes[:1] + axes[2:]) if len(axes) > 2 else (), axes[:-1], *((a,) for a in axes)]
    kept = [g for g in dict.fromkeys(found) if g and np.prod([shape[a] for a in g]) > 1]
    return sorted(kept, key=len, reverse=True)


def statistics(case: Case) -> Iterator[Proof]:
    """Propose that mean, or variance or norm, are taken for constants, along every set of axes.

    The claim is then right along every direction that leaves the statistic as it is, and along the others it is what
    is left when the statistic does not move: 1/s along ones, and the output's own deviation along the centred input.
    """
    scene = case.scene
    if scene.value.size < 3:
        return
    if scene.output_shape != scene.shape:
        yield from _means(scene)
    kinds = {"output": scene.form.size == scene.value.size and scene.output_shape == scene.shape}
    groups = _groups(scene.shape) if kinds["output"] else [tuple(range(len(scene.shape)))]
    for group in groups:
        if np.prod([scene.shape[a] for a in group]) < 3 and kinds["output"]:
            continue
        found = list(_statistic(scene, group, same_shape=kinds["output"]))
        yield from found
        if found:
            return


def _means(scene: Scene) -> Iterator[Proof]:
    """Propose that the mean of the argument is taken for a constant by a layer with other outputs, such as a loss."""
    ones = np.ones(scene.shape)
    for group in _groups(scene.shape):
        if np.prod([scene.shape[a] for a in group]) < 3 or not _one_number_off(scene, group):
            continue
        probes = probe(scene, [_without(t.reshape(scene.shape), [ones], group) for t in scene.tangents[:FEWEST]])
        if probes is None or worst_of(scene, probes) > THRESHOLD:
            continue
        over = f" over {listed(group)}" if len(group) < len(scene.shape) else ""
        text = (
            f"the path through the mean{over} is left out, or a number is added: the claim is right along every "
            "direction that leaves the mean unchanged, and off by one and the same number along the others"
        )
        also = ("mean-path-missing", "offset")
        tested = f"{FEWEST} such directions"
        yield Proof("path-missing", text, worst_of(scene, probes), f"mean {len(group)}", also=also, tested=tested)
        return


def _one_number_off(scene: Scene, group: tuple[int, ...]) -> bool:
    """Tell whether what is missing can be one number for all entries of each group, from the probes there are."""
    sums = scene.shaped(scene.tangents).sum(axis=tuple(a + 1 for a in group)).reshape(len(scene.tangents), -1)
    if sums.shape[1] > len(sums) // 2:
        return False
    missing = (scene.cotangents @ scene.slopes.T - scene.claims @ scene.tangents.T).T
    left = missing - sums @ np.linalg.lstsq(sums, missing, rcond=None)[0]
    return bool(np.abs(left).max() <= NEAR * np.abs(missing).max())


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
        probes = probe(scene, [_without(t, kept, group) for t in fresh[:1]])
        if probes is None or worst_of(scene, probes) > THRESHOLD:
            continue
        more = probe(scene, [_without(t, kept, group) for t in fresh[1:]])
        if more is None or worst_of(scene, more) > THRESHOLD:
            continue
        if not (_left_out(scene, kept, group) if same_shape else _acts_as(scene, x, scene.place.base)):
            continue
        worst = max(worst_of(scene, probes), worst_of(scene, more))
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
            probes = probe(scene, [direction])
            if probes is None:
                continue
            bars = bars_of(scene.claims, scene.cotangents, probes, scene.slack)
            told = np.abs(scene.cotangents @ probes.slopes.T) > THRESHOLD * bars
            if told.all() and _nearly_right(scene):
                over = f" over {listed(group)}" if len(group) < len(x.shape) else ""
                text = (
                    f"an epsilon that forward adds is left out: the claim says that the input's {words}{over} "
                    "does not matter, and forward that it does, a little"
                )
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
