"""The mistake by its place alone: some entries zero or off while the others are right. The last word, not a guess.

Every entry was measured, so the sentence is true as it stands; the class follows from where the wrong entries lie.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.layout import spatial_axes
from gradcheck.explain.matrix import entry_bars
from gradcheck.explain.narrowing import Named
from gradcheck.explain.proof import Case, Proof
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array
from gradcheck.verdict import Diagnosis

SCATTERED = 0.25  # of the entries; more that are wrong without an order are no part of a gradient
FEWEST_ROWS = 3  # rows, and entries of each, before a pattern of one or two a row says anything
ALIKE = 1e-6  # relative: differences this close are the same
FEWEST_SHARED = 2  # wrong entries that have to share a factor before it is told
MOST_EXCHANGED = 8  # wrong entries up to which an exchange among them is looked for


def part_of_it(case: Case) -> Iterator[Proof]:
    """Propose what can be said of some entries, where the others are right."""
    scene, truth = case.scene, case.truth
    if truth is None:
        return
    gradient = truth.gradient(scene.cotangents)
    bars = entry_bars(scene, truth, scene.claims, scene.cotangents)
    wrong = (np.abs(scene.claims - gradient) > THRESHOLD * bars).any(axis=0)
    if not wrong.any() or wrong.all():
        return
    told = np.abs(gradient) > THRESHOLD * bars
    zeroed = not scene.claims[:, wrong].any()
    spurious = not told[:, wrong].any()
    tested = f"all {wrong.size} entries, for {len(scene.claims)} random grad_outputs"
    what = (
        "zero where they should not be"
        if zeroed
        else "given a gradient where forward's is zero"
        if spurious
        else "wrong"
    )
    text = f"{int(wrong.sum())} of {wrong.size} entries are {what}, and the others are right"
    right = (told.any(axis=0) & ~wrong).reshape(scene.shape)
    place, codes = _place(scene, wrong.reshape(scene.shape), blank=zeroed or spurious, right=right)
    named = "part-zeroed" if zeroed else "part-off"
    if not codes and not place and not zeroed and not spurious and np.mean(wrong) > SCATTERED:
        return
    if spurious and not codes:
        named = "other"
        codes = ["other", "part-off", "wrong-branch"]
    if exchanged := _permuted(scene, gradient, bars, wrong):
        text, codes = f"{text}: they hold each other's gradients", ["permuted"]
    pointed = _pointed_at(scene, wrong)
    if pointed and not exchanged:
        place, codes = pointed, ["path-missing"]
    codes = [*codes, named] if codes and codes[0] != named else [named, *codes[1:]]
    if zeroed:
        # A mask zeroes entries as well; which that is, the others do not say.
        codes += ["wrong-branch"] if place else ["path-missing", "wrong-branch"]
    if not zeroed and not spurious and _all_negated(scene, gradient, wrong):
        text += "; they have the wrong sign"
        codes.append("sign")
    elif (share := _share(scene, gradient, wrong)) is not None:
        text += f"; they are {share:.6g} times what they should be"
        codes.append({2.0: "factor-2", 0.5: "factor-1/2"}.get(round(share, 6), "factor"))
    yield Proof(codes[0], text + place, 0.0, "part", also=tuple(codes[1:]), tested=tested)


def labelled(case: Case) -> Iterator[Proof]:
    """Propose that a label's own entry of each row is wrong, or two entries are by opposite numbers, and no others.

    So it is where what a label's own entry adds is left out, or given to another entry; the label need not be known.
    """
    scene, truth = case.scene, case.truth
    shape = scene.shape
    if truth is None or len(shape) != 2 or min(shape) < FEWEST_ROWS or scene.form.size != 1:
        return
    gradient = truth.gradient(scene.cotangents)
    bars = entry_bars(scene, truth, scene.claims, scene.cotangents)
    marked = (np.abs(scene.claims - gradient) > THRESHOLD * bars).any(axis=0).reshape(shape)
    count = marked.sum(axis=1)
    if not marked.any() or np.all(marked == marked[0]):
        return
    apart = np.where(marked, (scene.claims - gradient)[0].reshape(shape), 0.0)
    largest = np.abs(apart).max()
    told: tuple[str, str, tuple[str, ...]] | None = None
    if np.all(count == 1) and not scene.claims[:, marked.ravel()].any():
        text = "one entry of each row is zero where it should not be: what a label's own entry gets is left out"
        told = ("path-missing", text, ("part-zeroed",))
    elif np.all(count == 1) and np.all(np.abs(scene.claims[0] + gradient[0])[marked.ravel()] <= ALIKE * largest):
        text = "one entry of each row has the wrong sign, and the others are right: the label's own, by the look of it"
        told = ("sign", text, ("part-off", "path-missing"))
    elif np.all(count == 1):
        text = (
            "one entry of each row is wrong, and the others are right: what a label's own entry adds is missing or off"
        )
        told = ("path-missing", text, ("part-off", "label-shifted"))
    elif np.all(count == 2) and np.all(np.abs(apart.sum(axis=1)) <= ALIKE * largest):
        text = (
            "two entries of each row are off by opposite numbers, and the others are right: what belongs to a label's "
            "own entry is given to another"
        )
        told = ("label-shifted", text, ("permuted",))
    if told is not None:
        tested = f"all {marked.size} entries, for {len(scene.claims)} random grad_outputs"
        yield Proof(told[0], told[1], 0.0, "labels", also=told[2], tested=tested)


def a_few(scene: Scene, named: Sequence[Named]) -> Diagnosis:
    """Say what can be said of a few wrong entries among many that are right."""
    zeroed = all(one.claimed == 0.0 for one in named)
    what = "zero where they should not be" if zeroed else "wrong"
    text = f"{len(named)} of {scene.value.size} entries are {what}, and the others are right"
    evidence = "found by halving what disagrees, and confirmed one by one"
    return Diagnosis("part-zeroed" if zeroed else "part-off", text, evidence=evidence)


def _share(scene: Scene, gradient: Array, wrong: Array) -> float | None:
    """Return the one number that several wrong entries are the true ones times, if there is one."""
    due, claimed = gradient[:, wrong], scene.claims[:, wrong]
    if wrong.sum() < FEWEST_SHARED or not claimed.any() or not due.any():
        return None
    share = float(np.sum(due * claimed) / np.sum(due * due))
    return share if np.allclose(claimed, share * due, rtol=ALIKE, atol=ALIKE * float(np.abs(due).max())) else None


def _all_negated(scene: Scene, gradient: Array, wrong: Array) -> bool:
    return bool(np.allclose(scene.claims[:, wrong], -gradient[:, wrong], rtol=1e-6, atol=0.0))


def _permuted(scene: Scene, gradient: Array, bars: Array, wrong: Array) -> bool:
    """Tell whether the wrong entries claim what others among them should."""
    at = np.flatnonzero(wrong)
    if not 2 <= len(at) <= MOST_EXCHANGED:
        return False
    limit = THRESHOLD * bars[:, at].max()
    same = np.all(np.abs(scene.claims[:, at, None] - gradient[:, None, at]) <= limit, axis=0)
    return bool(np.all(same.sum(axis=0) == 1) and np.all(same.sum(axis=1) == 1))


def _pointed_at(scene: Scene, wrong: Array) -> str:
    """Say so where the wrong entries are those, or all but those, that an argument of integer labels points at."""
    if len(scene.shape) != 2:
        return ""
    for name, labels in scene.inputs.items():
        integers = isinstance(labels, np.ndarray) and np.issubdtype(labels.dtype, np.integer)
        if not integers or labels.shape != scene.shape[:1] or labels.min() < 0 or labels.max() >= scene.shape[1]:
            continue
        marked = (np.arange(scene.shape[1]) == labels[:, None]).ravel()
        if np.array_equal(marked, wrong):
            return f"; they are the ones that `{name}` points at: what the label's own entry adds is left out"
        if np.array_equal(~marked, wrong):
            return f"; they are all but those that `{name}` points at: what the other entries add is left out"
    return ""


def _place(scene: Scene, wrong: Array, *, blank: bool, right: Array) -> tuple[str, list[str]]:
    """Say along which axis the wrong entries can be told, and which classes fit that.

    `right` are entries with a gradient that is right: where the first sample has none it was not judged.
    """
    ndim = wrong.ndim
    space = spatial_axes(scene, scene.name) if ndim >= 3 else ()
    for axis in range(ndim):
        others = tuple(a for a in range(ndim) if a != axis)
        touched = np.flatnonzero(wrong.any(axis=others))
        length = wrong.shape[axis]
        if len(touched) == length:
            continue
        later = np.array_equal(touched, np.arange(1, length)) and bool(right[:1].any())
        if blank and axis == 0 and ndim >= 2 and later and space[:1] != (0,):
            return "; all of them belong to samples after the first", ["batch-ignored"]
        edge = set(touched.tolist()) <= {0, length - 1}
        # In a matrix an edge is no more than a row: only both of them, whole, are a border.
        whole = len(touched) == 2 and bool(np.asarray(wrong.all(axis=others))[touched].all())
        if blank and edge and length > 2 and (ndim == 1 or axis in space or (ndim == 2 and whole)):
            return f"; they lie at the border of axis {axis} alone", ["border-only"]
        if len(touched) == 1:
            return f"; they have index {int(touched[0])} along axis {axis}", []
        if axis == 0 and np.array_equal(touched, np.arange(length - 1)):
            return "; only the last index along axis 0 is right", ["", "path-missing"]
    inner = np.zeros_like(wrong)
    inner[tuple(slice(1, -1) if a in space else slice(None) for a in range(ndim))] = True
    if space and min(wrong.shape[a] for a in space) > 3 and not wrong[inner].any():
        return "; all of them lie at the border", ["border-only"]
    return "", []
