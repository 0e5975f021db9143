"""The given point with ties broken: where a claim that kinks leave open is right or wrong beyond doubt."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.derived import CLOSE_BY, close_by
from gradcheck.checks.instrument import CLOSE, Instrument
from gradcheck.checks.places import A_POINT
from gradcheck.checks.points import PointRuling, judge_points
from gradcheck.checks.ruling import Flag

Flags = Mapping[str, tuple[Flag, ...]]
Look = Callable[[], Flags]


class CloseBy:
    """What is seen close by the given point, once it is asked for.

    At a kink a claim outside of the one-sided derivatives may be a choice of branch, and one inside of them may be
    wrong for one of several entries. Next to it, where no value is equal to another, neither can be, and a layer that
    is wrong there is wrong. Derived points keep values that are equal so. Where only the caller's points are to be
    judged nothing is looked at.
    """

    def __init__(self, instrument: Instrument, rng: np.random.Generator, *, wanted: bool) -> None:
        self.instrument, self.rng = instrument, rng
        self._wanted, self._seen = wanted, PointRuling()

    def look(self, given: Evidence, names: Collection[str]) -> Flags:
        """Look at the arguments in `names` (5 calls, and more where they disagree), and return what is wrong there.

        The calls are the contract's, which comes last; a second time nothing is called.
        """
        if self._wanted and given.place.work == np.float64:
            self._wanted = False
            self._seen = self._looked(given, names)
        return {n: found for n, found in (self._seen.flags or {}).items() if any(flag.confirmed for flag in found)}

    def _looked(self, given: Evidence, names: Collection[str]) -> PointRuling:
        instrument = self.instrument
        subject = instrument.subject
        with instrument.purpose(CLOSE):
            if instrument.left() < A_POINT or instrument.answers_left() < 1:
                instrument.left_out.append(f"a derived point ({CLOSE_BY})")
                return PointRuling()
            points = close_by(subject.inputs, subject.wrt, self.rng)
            others = [n for n in subject.wrt if n not in names]
            return judge_points(instrument, given, points, self.rng, wrong=others, at_any_price=True)

    def told(self, cleared: Collection[str]) -> PointRuling:
        """Return what was seen of arguments that disagree there, or that may be `cleared` by what agrees there.

        Of the others a mistake at the kinks themselves is still open.
        """
        kept = {n for n, found in (self._seen.flags or {}).items() if any(flag.confirmed for flag in found)}
        kept |= set(cleared)
        evidences = tuple(
            replace(e, comparisons=tuple(c for c in e.comparisons if c.argument in kept)) for e in self._seen.evidences
        )
        flags = {n: found for n, found in (self._seen.flags or {}).items() if n in kept}
        return replace(self._seen, evidences=evidences, flags=flags)
