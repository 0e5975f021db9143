"""Forward is asked once more where an answer stands out along a line: one that draws at random answers otherwise.

Two calls at the same inputs tell a forward that draws anew from one that does not, unless it draws one of a few answers
and happened to draw the same twice: a sample is kept or dropped, an image flipped or not. Along a line such a draw
shows, for what changes shrinks with the step wherever forward is a function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gradcheck.checks.instrument import CONTRACT, PAY_THEMSELVES, Instrument
from gradcheck.numdiff.records import Vector

LOOKED_AT = 4096  # outputs, evenly spread: a draw that touches few of very many is left to others
UNLIKE = 2.0  # a change more than so many times that of a larger step stands out
LASTING = 0.75  # and so does one of which both sides of the next smaller step keep more than this; of a root it is 0.71
HEARD = 16.0  # units of noise; a pair of evaluations at the noise's own size seldom stands apart by more
OTHERWISE = 0.5  # of the change, by which the second answer must be another
MOST_RECALLS = 4  # in a check: a forward that jumps and oscillates stands out everywhere, and answers alike
RECALLS = 12  # before an accusation that may be chance's: one that draws one of five alike passes 7 % of times
FEW_ULPS = 2.0**-50  # what a change of the inputs by a few ulps counts as, beside steps

Along = Callable[[float], Vector | None]


class ForwardAtRandom(Exception):
    """Forward has returned different outputs for the same inputs."""


@dataclass
class Watch:
    """Evaluations around a point, of which it is noted by how much some outputs changed at every step.

    `asked` evaluates once more, at a step or for one that was noted with another function.
    """

    base: Vector
    noise: Vector
    anew: Along
    changes: dict[float, float] = field(default_factory=dict)
    others: dict[float, Callable[[], Vector | None]] = field(default_factory=dict)

    def watched(self, along: Along) -> Along:
        """Return `along`, noting what it returns."""

        def seen(step: float) -> Vector | None:
            outputs = along(step)
            self._note(step, outputs)
            return outputs

        return seen

    def nearby(self, evaluate: Callable[[], Vector | None]) -> Vector | None:
        """Evaluate at inputs that differ from the point's by a few ulps."""
        step = FEW_ULPS / (1 + len(self.others))
        self.others[step] = evaluate
        outputs = evaluate()
        self._note(step, outputs)
        return outputs

    def _note(self, step: float, outputs: Vector | None) -> None:
        if outputs is not None and outputs.shape == self.base.shape:
            self.changes[step] = self._change(outputs)

    def _change(self, outputs: Vector) -> float:
        few = slice(None, None, 1 + outputs.size // LOOKED_AT)
        with np.errstate(all="ignore"):
            moved = np.abs(outputs[few] - self.base[few])
        return float(np.max(moved, initial=0.0, where=np.isfinite(moved)))

    @property
    def _least(self) -> float:
        """The least change that is told from noise."""
        return HEARD * float(np.max(self.noise, initial=0.0, where=np.isfinite(self.noise)))

    def standing_out(self) -> list[float]:
        """Return the steps worth another look: 0 where nothing shrinks, and one that changed more than larger ones."""
        least, lasting, worst, at = self._least, False, UNLIKE, None
        high = smallest = np.inf  # of the next larger step, and of all larger ones
        for size in sorted({abs(step) for step in self.changes}, reverse=True):
            pair = {step: self.changes[step] for step in (size, -size) if step in self.changes}
            step, most = max(pair.items(), key=lambda item: item[1])
            if most > max(least, worst * smallest):
                worst, at = most / smallest if smallest else np.inf, step
            lasting |= min(pair.values()) > max(least, LASTING * high)
            high, smallest = most, min(smallest, most)
        return [*([0.0] if lasting else []), *([] if at is None else [at])]

    def otherwise(self, step: float) -> bool:
        """Tell whether a second answer at a step, or at the point itself, is another than the first."""
        outputs = self.others[step]() if step in self.others else self.anew(step)
        known = self.changes.get(step, 0.0)
        change = np.inf if outputs is None or outputs.shape != self.base.shape else self._change(outputs)
        return abs(change - known) > OTHERWISE * max(known, self._least)


def ask_again(instrument: Instrument, watch: Watch) -> None:
    """Evaluate once more where an answer stands out; these calls are the contract's, and few.

    Raises
    ------
    ForwardAtRandom
        The second answer is another one.
    """
    if instrument.purpose_now in PAY_THEMSELVES:
        return
    for step in watch.standing_out():
        if instrument.tally.get(CONTRACT, [0])[0] >= MOST_RECALLS or instrument.lent() < 1:
            return
        with instrument.purpose(CONTRACT):
            if watch.otherwise(step):
                raise ForwardAtRandom
