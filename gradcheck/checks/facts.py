"""What is still asked of a measurement once its comparisons are made: a few facts, in place of the vectors."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.resolution import SHARP
from gradcheck.numdiff.records import Derivative, blocks

JUMP = 0.01  # a slope of zero is told from one hidden by noise where its bar is this much below the slopes of the jumps


@dataclass(frozen=True)
class Facts:
    """What a derivative's outputs have in common.

    `anywhere` says that some output was measured, `still` that none moves; `responding` counts those that did at any
    step, and `sharp` says that the real differences beside a complex step were so for most that are smooth.
    """

    anywhere: bool
    still: bool
    sharp: bool
    responding: int


def facts_of(derivative: Derivative) -> Facts:
    """Read the facts off the vectors of a derivative."""
    return Facts(
        anywhere=any(bool(np.any(np.isfinite(part.bar))) for part in _parts(derivative)),
        still=all(_still(part) for part in _parts(derivative)),
        sharp=_sharp(derivative),
        responding=sum(int(np.count_nonzero(part.response > 0)) for part in _parts(derivative)),
    )


def _parts(derivative: Derivative) -> Iterator[Derivative]:
    return (derivative.part(at) for at in blocks(derivative.value.size))


def _still(d: Derivative) -> bool:
    zero = np.abs(d.value) <= THRESHOLD * d.bar
    if not zero.all():
        return False
    return bool(np.all(d.measured & ~d.kinky & ((d.response == 0) | (THRESHOLD * d.bar <= JUMP * d.response))))


def _sharp(derivative: Derivative) -> bool:
    if derivative.proven is None:
        return True
    smooth = sharp = 0
    for at in blocks(derivative.value.size):
        value, proven = derivative.value[at], derivative.proven[at]
        told = ~derivative.kinky[at] & (value != 0)
        smooth += int(np.count_nonzero(told))
        sharp += int(np.count_nonzero(told & (proven <= SHARP * np.abs(value))))
    return 2 * sharp >= smooth
