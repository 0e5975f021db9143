"""Hypotheses about normalisations: the mean, the variance, the norm or an epsilon is left out of the derivative."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.paths import probe, worst_of
from gradcheck.explain.proof import Case, Proof, listed
from gradcheck.explain.scene import Scene, bars_of
from gradcheck.explain.tables import inner_products
from gradcheck.subject import Array

NEAR = 1e-6  # of what is missing; a first look before directions are spent on it
PARTS = (2, 3, 4, 8)  # numbers of groups of channels that are tried
SHARES = ((-1.0, "sign"), (2.0, "factor-2"), (0.5, "factor-1/2"))  # of a path, with a class of their own
FEWEST = 2  # directions along which a part of the space has to be right


class Grouping(NamedTuple):
    """What a normalisation may run over: axes of the argument read in a shape, which splits channels into groups."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    over: str

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(np.prod([n for a, n in enumerate(self.shape) if a not in self.axes], dtype=np.int64))

    def sums(self, rows: Array) -> Array:
        """Return the sums of flat rows over each group, (rows, groups)."""
        shaped = rows.reshape(len(rows), *self.shape)
        found: Array = shaped.sum(axis=tuple(a + 1 for a in self.axes)).reshape(len(rows), -1)
        return found


def _groupings(shape: tuple[int, ...]) -> list[Grouping]:
    """Return what a normalisation may run over, the largest first.

    A claim that is right where the mean over many axes stays is right where the means over some of them do.
    """
    axes = tuple(range(len(shape)))
    found = [axes, axes[1:], (axes[:1] + axes[2:]) if len(axes) > 2 else (), axes[:-1], *((a,) for a in axes)]
    found += [axes[2:], axes[1:-1]] if len(axes) > 2 else []
    kept = [g for g in dict.fromkeys(found) if g and np.prod([shape[a] for a in g]) > 1]
    whole = [Grouping(shape, g, f" over {listed(g)}" if len(g) < len(shape) else "") for g in kept]
    if len(shape) > 2:
        whole += [
            Grouping(
                (shape[0], n, shape[1] // n, *shape[2:]), (*range(2, len(shape) + 1),), f" over {n} groups of axis 1"
            )
            for n in PARTS
            if shape[1] % n == 0 and n < shape[1]
        ]
    return sorted(whole, key=lambda g: -int(np.prod([g.shape[a] for a in g.axes])))


def statistics(case: Case) -> Iterator[Proof]:
    """Propose that mean, or variance or norm, are taken for constants, along every set of axes.

    The claim is then right along every direction that leaves the statistic as it is, and along the others it is what
    is left when the statistic does not move: 1/s along ones, and the output's own deviation along the centred input.
    """
    scene = case.scene
    if scene.value.size < 3:
        return
    same_shape = scene.output_shape == scene.shape
    if not same_shape:
        yield from _means(scene)
    for group in _groupings(scene.shape) if same_shape else _groupings(scene.shape)[:1]:
        if np.prod([group.shape[a] for a in group.axes]) < 3 and same_shape:
            continue
        found = list(_statistic(scene, group, same_shape=same_shape))
        yield from found
        if found:
            return


def _means(scene: Scene) -> Iterator[Proof]:
    """Propose that the mean of the argument is taken for a constant by a layer with other outputs, such as a loss."""
    for group in _groupings(scene.shape):
        ones = np.ones(group.shape)
        few = len(group.sums(ones.reshape(1, -1))[0]) <= len(scene.tangents) // 2
        if np.prod([group.shape[a] for a in group.axes]) < 3 or not few or not _may_be(scene, [ones], group):
            continue
        probes = probe(scene, [_without(t.reshape(group.shape), [ones], group) for t in scene.tangents[:FEWEST]])
        if probes is None or worst_of(scene, probes) > THRESHOLD:
            continue
        text = (
            f"the path through the mean{group.over} is left out, or a number is added: the claim is right along every "
            "direction that leaves the mean unchanged, and off by one and the same number along the others"
        )
        also = ("mean-path-missing", "offset")
        tested = f"{FEWEST} such directions"
        yield Proof("path-missing", text, worst_of(scene, probes), f"mean{group.over}", also=also, tested=tested)
        return


def _may_be(scene: Scene, kept: list[Array], group: Grouping) -> bool:
    """Tell whether what is missing can be a combination of these directions in each group, from the probes there are.

    True as well where there are too many groups to tell.
    """
    if len(kept) * group.groups > len(scene.tangents) // 2:
        return True
    sums = [[group.sums(t[None] * direction.ravel()[None])[0] for t in scene.tangents] for direction in kept]
    parts = np.concatenate(sums, axis=1)
    claimed = scene.tables.look(inner_products, scene.claims, scene.tangents)
    missing = (scene.tables.look(inner_products, scene.cotangents, scene.slopes) - claimed).T
    left = missing - parts @ np.linalg.lstsq(parts, missing, rcond=None)[0]
    return bool(np.abs(left).max(initial=0.0) <= NEAR * np.abs(missing).max(initial=0.0))


def _statistic(scene: Scene, group: Grouping, *, same_shape: bool) -> Iterator[Proof]:
    x = scene.value.reshape(group.shape)
    centred = x - x.mean(axis=group.axes, keepdims=True)
    ones = np.ones_like(x)
    fresh = [t.reshape(group.shape) for t in scene.tangents[:FEWEST]]
    rows = (
        ("mean-path-missing", [ones], "the mean is"),
        ("variance-path-missing", [centred], "the variance is"),
        ("variance-path-missing", [x], "the norm is"),
        ("path-missing", [ones, centred], "mean and variance are"),
    )
    for code, kept, words in rows if same_shape else rows[2:3]:
        if not _may_be(scene, kept, group):
            continue
        worst = _worst_along(scene, (_without(t, kept, group) for t in fresh[:1]))
        if worst > THRESHOLD:
            continue
        worst = max(worst, _worst_along(scene, (_without(t, kept, group) for t in fresh[1:])))
        if worst > THRESHOLD:
            continue
        images = _held(scene, kept, group) if same_shape else [scene.place.base]
        if images is None:
            continue
        over, key = group.over, f"{code} {words} {len(group.axes)}"
        right = f"the claim is right along every direction that leaves {'them' if len(kept) > 1 else 'it'} unchanged"
        if all(_acts_as(scene, d, image) for d, image in zip(kept, images, strict=True)):
            text = f"{words} taken for a constant{over}: {right}, and wrong along the others"
            both = ("mean-path-missing", "variance-path-missing") if len(kept) > 1 else ()
            also = ("path-missing", *both)
            yield Proof(code, text, worst, key, tested=f"{FEWEST} such directions", also=also)
        elif same_shape:
            yield from _counted_wrongly(scene, kept, images, Proof(code, f"{words}{over}: {right}", worst, key))


def _worst_along(scene: Scene, tangents: Iterable[Array]) -> float:
    """Return the largest discrepancy along directions, which are measured one by one; infinite where one is refused."""
    found = [
        float("inf") if probes is None else worst_of(scene, probes) for probes in (probe(scene, [t]) for t in tangents)
    ]
    return max(found, default=0.0)


def _counted_wrongly(scene: Scene, kept: list[Array], images: list[Array], found: Proof) -> Iterator[Proof]:
    """Yield the proof where the path through the statistic is there, but some other number of times than once."""
    shares = [_share(scene, d, image) for d, image in zip(kept, images, strict=True)]
    if any(share is None or abs(share - 1.0) <= NEAR for share in shares) or not shares[0]:
        return
    share = float(shares[0])
    if any(other is None or abs(other - share) > NEAR * abs(share) for other in shares):
        return
    statistic, _, rest = found.sentence.partition(": ")
    words = f"the path through {statistic.replace(' is', '', 1).replace(' are', '', 1)}"
    code = next((c for number, c in SHARES if abs(share - number) <= NEAR), "factor")
    for length in dict.fromkeys(n for n in (scene.value.size, *scene.shape) if n > 2):
        code = "factor-N" if abs(share - length) <= NEAR * length else code
        code = "factor-1/N" if abs(share * length - 1.0) <= NEAR else code
    text = f"{words} counts {share:.6g} times what it should: {rest}"
    tested = f"{FEWEST} such directions, and the others against a statistic that does not move"
    yield Proof(code, text, found.bars, found.key, also=("other",), tested=tested)


def _share(scene: Scene, direction: Array, held: Array) -> float | None:
    """Return how many times the claim counts what the statistic adds to what is left when it does not move."""
    probes = probe(scene, [direction])
    if probes is None:
        return None
    moved = probes.tangents[0]
    claimed, true = scene.claims @ moved, scene.cotangents @ probes.slopes[0]
    rest = scene.cotangents @ np.where(scene.mask, held.ravel(), 0.0)
    path = true - rest
    share = float(np.sum((claimed - rest) * path) / max(float(np.sum(path * path)), 1e-300))
    size = np.sqrt(scene.cotangents**2 @ held.ravel() ** 2) + np.abs(true)
    if np.all(np.abs(path) <= NEAR * size) or np.any(np.abs(claimed - rest - share * path) > NEAR * size):
        return None
    return share


def _without(t: Array, kept: list[Array], group: Grouping) -> Array:
    for direction in kept:
        length = np.sum(direction * direction, axis=group.axes, keepdims=True)
        t = t - direction * np.sum(t * direction, axis=group.axes, keepdims=True) / np.where(length == 0, 1.0, length)
    return t


def _held(scene: Scene, kept: list[Array], group: Grouping) -> list[Array] | None:
    """Return what the derivative makes of each direction while the statistics do not move; None where that is open.

    With mean m and scale s held it is direction / s, and s is the centred input over the centred output; where the
    output is multiplied by a gain the same holds with the gain in s. With a norm held, the input becomes the output.
    """
    x, y = scene.value.reshape(group.shape), scene.place.base.reshape(group.shape)
    if np.array_equal(kept[0], x):
        return [y]
    deep, high = (v - v.mean(group.axes, keepdims=True) for v in (x, y))
    length = np.sum(deep * deep, axis=group.axes, keepdims=True)
    slope = np.sum(deep * high, axis=group.axes, keepdims=True) / np.where(length == 0, 1.0, length)
    if np.abs(high - slope * deep).max(initial=0.0) <= NEAR * np.abs(high).max(initial=0.0):
        return [slope * d for d in kept]
    # A gain and a shift that vary inside the group: the output at the input's mean is the shift.
    middle = np.broadcast_to(x.mean(group.axes, keepdims=True), group.shape).reshape(scene.shape).copy()
    scene.budget.pay(forward=1)
    base = scene.instrument.evaluate({**scene.place.wide, scene.name: middle}, scene.form)
    if base is None or not np.all(np.isfinite(base)):
        return None
    centred = x - middle.reshape(group.shape)
    with np.errstate(all="ignore"):
        slope = np.where(centred == 0, 0.0, (scene.place.base - base).reshape(group.shape) / centred)
    return [slope * d for d in kept]


def _acts_as(scene: Scene, direction: Array, image: Array) -> bool:
    """Tell whether the claim says `image` of `direction`, but for a part in a million."""
    claimed = scene.claims @ direction.ravel()
    wanted = scene.cotangents @ image.ravel()
    size = np.sqrt(scene.cotangents**2 @ image.ravel() ** 2) + np.sqrt(scene.claims**2 @ direction.ravel() ** 2)
    return bool(np.all(np.abs(claimed - wanted) <= 1e-6 * size))


def epsilon(case: Case) -> Iterator[Proof]:
    """Propose that backward leaves out an epsilon: it claims that the input's size does not matter at all."""
    scene = case.scene
    same = scene.output_shape == scene.shape
    for group in _groupings(scene.shape) if same else _groupings(scene.shape)[:1]:
        x = scene.value.reshape(group.shape)
        for words, direction in (("size", x), ("spread", x - x.mean(axis=group.axes, keepdims=True))):
            flat = direction.ravel()
            parts = group.sums(scene.claims * flat)
            size = np.sqrt(group.sums((scene.claims * flat) ** 2))
            if np.any(np.abs(parts) > 1e4 * scene.slack.unit * np.maximum(size, 1e-300)) or not size.any():
                continue
            probes = probe(scene, [direction])
            if probes is None:
                continue
            bars = bars_of(scene.claims, scene.cotangents, probes, scene.slack, tables=scene.tables)
            told = np.abs(scene.cotangents @ probes.slopes.T) > THRESHOLD * bars
            if told.all() and _nearly_right(scene):
                text = (
                    f"an epsilon that forward adds is left out: the claim says that the input's {words}{group.over} "
                    "does not matter, and forward that it does, a little"
                )
                tested = "the direction of the input itself"
                yield Proof("epsilon-forgotten", text, 0.0, f"epsilon {words}", tested=tested)
                return


def _nearly_right(scene: Scene) -> bool:
    """Tell whether the claim is off by a few per cent at most."""
    apart = np.linalg.norm(scene.claims @ scene.tangents.T - scene.cotangents @ scene.slopes.T)
    return bool(apart <= 0.1 * np.linalg.norm(scene.cotangents @ scene.slopes.T))
