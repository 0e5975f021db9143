"""Where: how many entries of a gradient are wrong, which, in which pattern, and the worst few."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.explain.heat import maps_of
from gradcheck.explain.matrix import Truth, entry_bars
from gradcheck.explain.narrowing import Named, sampled
from gradcheck.explain.scene import Scene
from gradcheck.subject import Array
from gradcheck.verdict import Census, Measured, WrongEntry

WORST = 3
FEW = 12  # indices that are listed one by one


@dataclass(frozen=True)
class _Seen:
    """Entries that were looked at: flat indices, claimed and measured values with bars, whether wrong."""

    at: Array
    claimed: Array
    measured: Array
    bars: Array
    wrong: Array


def census_of(scene: Scene, truth: Truth | None) -> Census | None:
    """Count the wrong entries: every one where the Jacobian is known, else from a sample."""
    if truth is not None:
        return _counted(scene, truth)
    drawn = sampled(scene)
    if not drawn:
        return None
    seen = _seen(drawn)
    estimate = round(float(np.mean(seen.wrong)) * scene.value.size)
    exact = len(drawn) == scene.value.size
    found = _census(scene, seen, wrong=estimate, exact=exact, looked=len(drawn))
    # The argument disagrees, so that one entry is wrong even where none of the sample is.
    return found if exact or estimate else replace(found, wrong=1, at_least=True)


def census_from(scene: Scene, named: list[Named]) -> Census:
    """Return the census of wrong entries that were found and confirmed one by one."""
    return _census(scene, _seen(named), wrong=len(named), exact=True, looked=len(named))


def _counted(scene: Scene, truth: Truth) -> Census:
    gradient = truth.gradient(scene.cotangents)
    bars = entry_bars(scene, truth, scene.claims, scene.cotangents)
    apart = np.abs(scene.claims - gradient)
    with np.errstate(all="ignore"):
        in_bars = np.where(apart == 0, 0.0, apart / bars)
    wrong: Array = np.any(in_bars > THRESHOLD, axis=0)
    # One grad_output for all that is shown: the one that shows the most.
    row = int(np.argmax((in_bars > THRESHOLD).sum(axis=1)))
    at = np.arange(scene.value.size)
    seen = _Seen(at, scene.claims[row], gradient[row], bars[row], wrong)
    return _census(scene, seen, wrong=int(wrong.sum()), exact=True, looked=len(at))


def _seen(named: list[Named]) -> _Seen:
    columns = zip(*((n.index, n.claimed, n.measured, n.bar, n.wrong) for n in named), strict=True)
    at, claimed, measured, bars, wrong = (np.array(column) for column in columns)
    return _Seen(at, claimed, measured, bars, wrong)


def _census(scene: Scene, seen: _Seen, *, wrong: int, exact: bool, looked: int) -> Census:
    shape = scene.shape
    flat = seen.at[seen.wrong]
    where = np.unravel_index(flat, shape) if shape else ()
    everything = len(seen.at) == scene.value.size
    maps = maps_of(seen.claimed, seen.measured, shape) if everything else {}
    return Census(
        wrong=wrong,
        total=scene.value.size,
        exact=exact,
        sampled=looked,
        box=tuple((int(i.min()), int(i.max())) for i in where) if len(flat) else (),
        patterns=tuple(_patterns(seen, shape)) if everything else tuple(_listed(where, exact=exact)),
        worst=_worst(scene, seen),
        **maps,
    )


def _worst(scene: Scene, seen: _Seen) -> tuple[WrongEntry, ...]:
    apart = np.where(seen.wrong, np.abs(seen.claimed - seen.measured), -1.0)
    entries = []
    for i in np.argsort(-apart, kind="stable")[:WORST]:
        if apart[i] <= 0:
            break
        index = tuple(int(n) for n in np.unravel_index(int(seen.at[i]), scene.shape)) if scene.shape else ()
        unit = float(np.spacing(np.abs(seen.measured[i]).astype(scene.inputs[scene.name].dtype)))
        measured = Measured(float(seen.measured[i]), float(seen.bars[i]))
        entries.append(WrongEntry(index, float(seen.claimed[i]), measured, float(apart[i]) / unit))
    return tuple(entries)


def _patterns(seen: _Seen, shape: tuple[int, ...]) -> Iterator[str]:
    """Yield what holds of the wrong entries along each axis, in words."""
    wrong = seen.wrong.reshape(shape)
    if wrong.all():
        yield "every entry is wrong"
        return
    if not wrong.any():
        return
    told = False
    for axis in range(wrong.ndim):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        touched: Array = np.asarray(wrong.any(axis=others))
        whole: Array = np.asarray(wrong.all(axis=others))
        if not touched.all() and shape[axis] > 1:
            told = True
            yield _along(axis, touched, whole)
    if not told:
        yield from _at_the_end(wrong)
    if not told and not seen.claimed[seen.wrong].any():
        yield "all of them are zero where they should not be"


def _along(axis: int, touched: Array, whole: Array) -> str:
    some = np.flatnonzero(touched)
    all_of = "all" if np.array_equal(touched, whole) else "some"
    clean = np.flatnonzero(~touched)
    last = len(touched) - 1
    if len(some) == 1:
        index = "the last index" if some[0] == last and last > 1 else f"index {int(some[0])}"
        return f"{all_of} of {index} of axis {axis}, none of the others"
    return f"{all_of} of {_span(some, last)} of axis {axis}, none of {_span(clean, last)}"


def _span(indices: Array, last: int) -> str:
    first, end = int(indices[0]), int(indices[-1])
    if len(indices) == 1:
        return f"{first}"
    if len(indices) == end - first + 1:
        return f"{first}.." if end == last else f"{first}..{end}"
    return ", ".join(str(int(i)) for i in indices[:FEW]) + (", ..." if len(indices) > FEW else "")


def _at_the_end(wrong: Array) -> Iterator[str]:
    """Yield where only the border is wrong: the last row and column, or the outermost cells."""
    if wrong.ndim < 2:
        return
    rows: Array = np.asarray(wrong.reshape(-1, *wrong.shape[-2:]).any(axis=0))
    if min(rows.shape) < 4:
        return
    if not rows[:-1, :-1].any():
        yield "only the last row and column"
    elif not rows[1:, 1:].any():
        yield "only the first row and column"
    elif not rows[1:-1, 1:-1].any():
        yield "only the border"


def _listed(where: tuple[Array, ...], *, exact: bool) -> Iterator[str]:
    count = len(where[0]) if where else 0
    if exact and 0 < count <= FEW:
        named = ", ".join(str([int(axis[i]) for axis in where]) for i in range(count))
        yield f"exactly {named}"
