"""Could this check have failed? The claim is damaged on purpose and judged again by the same comparisons."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD, compare
from gradcheck.numdiff.records import norm
from gradcheck.subject import Array
from gradcheck.verdict import Argument, Damage

ONE_PER_CENT = 0.01


def _sign(g: Array) -> Array:
    return -g


def _one_entry(g: Array) -> Array:
    damaged = g.copy()
    sizes = np.abs(g).ravel()
    typical = int(np.argsort(sizes)[sizes.size // 2]) if sizes.size else 0
    damaged.reshape(-1)[typical] *= 1.0 + ONE_PER_CENT
    return damaged


def _row_zeroed(g: Array) -> Array:
    damaged = g.copy()
    if g.ndim:
        damaged[0] = 0.0
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


def prove(evidence: Evidence, arguments: Mapping[str, Argument]) -> tuple[Damage, ...]:
    """Damage each argument's gradient in every way of the table and tell whether the comparisons see it.

    No call of the layer is spent: the same tangents, cotangents and bars judge the damaged claim.
    """
    return tuple(damage for name in arguments for damage in _of_argument(evidence, name, arguments[name]))


def _of_argument(evidence: Evidence, name: str, argument: Argument) -> Iterator[Damage]:
    found = evidence.measured.get(name, [])
    for label, damaged in DAMAGES.items():
        sizes, bars, entry = [], [0.0], False
        for cotangent, claims in zip(evidence.cotangents, evidence.gradients, strict=True):
            claim = claims.get(name)
            if claim is None or claim.size == 0:
                continue
            wrong = damaged(claim)
            entry = int(np.count_nonzero(wrong != claim)) == 1
            sizes.append(norm(wrong - claim) / max(norm(claim), np.finfo(np.float64).tiny))
            for m in found:
                slack = evidence.slacks[name]
                place = evidence.place.name
                bars.append(
                    compare(
                        name,
                        wrong,
                        m.tangents[name],
                        m.derivative,
                        cotangent=cotangent,
                        slack=slack,
                        place=place,
                        kind=label,
                    ).bars
                )
        size = max(sizes, default=0.0)
        below = argument.entry_resolution >= ONE_PER_CENT if entry else argument.resolution >= size
        yield Damage(name, label, _outcome(max(bars), size, below=below), size)


def _outcome(bars: float, size: float, *, below: bool) -> str:
    """Say what became of a damage; `below` says that it is smaller than the stated resolution."""
    if size == 0.0:
        return "skipped: it leaves this gradient as it is"
    if bars > THRESHOLD:
        return "caught"
    return "not seen, as stated" if below else "missed"
