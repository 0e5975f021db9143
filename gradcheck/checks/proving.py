"""Could this check have failed? The claim is damaged on purpose and judged again by the same comparisons."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD, compare
from gradcheck.checks.resolution import resolution
from gradcheck.numdiff.records import Vector, norm
from gradcheck.subject import Array
from gradcheck.verdict import Argument, Damage

ONE_PER_CENT = 0.01
MISSED = "missed"
BLUNT = "not seen by these probes one by one; the resolution stated is that of many at once"


def _sign(g: Array) -> Array:
    return -g


def _one_entry(g: Array) -> Array:
    """Change the entry of median size among those that are not zero."""
    damaged = g.copy()
    sizes = np.abs(g).ravel()
    order = np.argsort(sizes)[np.count_nonzero(sizes == 0) :]
    if order.size:
        damaged.reshape(-1)[order[order.size // 2]] *= 1.0 + ONE_PER_CENT
    return damaged


def _row_zeroed(g: Array) -> Array:
    """Zero the first row that is not zero anyway."""
    damaged = g.copy()
    if g.ndim:
        rows = np.flatnonzero(np.any(g.reshape(len(g), -1) != 0, axis=1)) if g.size else ()
        damaged[rows[:1]] = 0.0
    else:
        damaged[...] = 0.0
    return damaged


def _shifted(g: Array) -> Array:
    return np.roll(g, 1, axis=-1) if g.ndim else g


DAMAGES: Mapping[str, Callable[[Array], Array]] = {
    "sign": _sign,
    "one entry by 1 %": _one_entry,
    "one row zeroed": _row_zeroed,
    "shifted by one": _shifted,
}


def prove(evidences: Sequence[Evidence], arguments: Mapping[str, Argument]) -> tuple[Damage, ...]:
    """Damage each argument's gradient in every way of the table and tell whether the comparisons see it.

    The first evidence is the given point's; the others count where nothing was caught there (a gradient that is zero is
    left as it is by every damage). No call of the layer is spent: the same tangents, cotangents and bars judge.
    """
    return tuple(damage for name in arguments for damage in _of_argument(evidences, name, arguments[name]))


class _Seen(NamedTuple):
    """What came of one damage at one place: its relative size, the bars it makes, and whether it is one entry."""

    size: float = 0.0
    bars: float = 0.0
    entry: bool = False


def _of_argument(evidences: Sequence[Evidence], name: str, argument: Argument) -> Iterator[Damage]:
    for label, damaged in DAMAGES.items():
        seen = _Seen()
        for evidence in evidences:
            here = _seen(evidence, name, damaged, label)
            seen = here if here.bars > THRESHOLD or seen.size == 0 else seen
            if seen.bars > THRESHOLD:
                break
        below = argument.entry_resolution >= ONE_PER_CENT if seen.entry else argument.resolution >= seen.size
        outcome = _outcome(seen.bars, seen.size, below=below)
        if outcome == MISSED and seen.size <= min(resolution(e.of(name))[0] for e in evidences):
            outcome = BLUNT
        yield Damage(name, label, outcome, seen.size)


def _seen(evidence: Evidence, name: str, damaged: Callable[[Array], Array], label: str) -> _Seen:
    sizes, bars, entry = [], [0.0], False
    for cotangent, claims in zip(evidence.cotangents, evidence.gradients, strict=True):
        claim = claims.get(name)
        if claim is None or claim.size == 0 or not evidence.measured.get(name):
            continue
        wrong = damaged(claim)
        entry = int(np.count_nonzero(wrong != claim)) == 1
        sizes.append(norm(wrong - claim) / max(norm(claim), np.finfo(np.float64).smallest_subnormal))
        bars += _bars(evidence, name, {**claims, name: wrong}, cotangent, label)
    return _Seen(max(sizes, default=0.0), max(bars), entry)


def _bars(
    evidence: Evidence, name: str, claims: Mapping[str, Array | None], cotangent: Vector, label: str
) -> Iterator[float]:
    """Yield the discrepancies of claims: of one argument, or of all together where all were moved together."""
    moved = evidence.measured if evidence.joint else (name,)
    used = {n: claim for n in moved if (claim := claims.get(n)) is not None}
    slack = max((evidence.slacks[n] for n in used), key=lambda one: (one.unit, one.relative_response))
    claimed = np.concatenate([claim.ravel() for claim in used.values()])
    for i, m in enumerate(evidence.measured[name]):
        found = compare(
            name,
            claimed,
            np.concatenate([evidence.measured[n][i].tangents[n].ravel() for n in used]),
            m.derivative,
            cotangent=cotangent,
            slack=slack,
            place=evidence.place.name,
            kind=label,
        )
        yield found.bars


def _outcome(bars: float, size: float, *, below: bool) -> str:
    """Say what became of a damage; `below` says that it is smaller than the stated resolution."""
    if size == 0.0:
        return "skipped: it leaves this gradient as it is"
    if bars > THRESHOLD:
        return "caught"
    return "not seen, as stated" if below else MISSED
