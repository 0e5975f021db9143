"""From comparisons to a verdict on one argument, and to how small an error would have been seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.adjoint import SET_APART, Evidence
from gradcheck.checks.comparison import SHARP_ANYWAY, THRESHOLD, Comparison
from gradcheck.checks.places import GIVEN
from gradcheck.checks.resolution import ENOUGH, MISSED, resolution
from gradcheck.numdiff.records import Mask
from gradcheck.subject import Array
from gradcheck.verdict import Argument, Measured, StepCurve, Verdict

LARGEST = 3.3  # |N(0, 1)| exceeds it with probability 0.1 %
OVERLOOKED = 1e-2  # the probability with which a second look that excuses a discrepancy may miss it
UNRESOLVED = (float("inf"), float("inf"))  # the resolution of nothing


@dataclass(frozen=True)
class Flag:
    """A discrepancy that was looked at again: `second` is the confirming comparison, None where none could be made.

    `left_out` says that outputs without a derivative at the place were left out the second time. `third` is one more
    comparison where the second looked at every output of the first again, which `whole` says, and did not find the
    discrepancy. `lost` says
    that it is what backward loses by rounding (see lost_digits.py). `apart` are outputs with a kink at the place that
    the first look did not meet. `constant` says that forward is constant close by and nothing is claimed, `noisy` that
    the discrepancy is the measurement's own (see misreadings.py), `untold` why forward may be the reason where nobody
    can tell; `cornered` are the outputs with a corner that it is about (see equal_changes.py).
    """

    first: Comparison
    second: Comparison | None
    left_out: bool = False
    third: Comparison | None = None
    lost: bool = False
    apart: Mask | None = None
    whole: bool = True
    constant: bool = False
    noisy: bool = False
    cornered: Mask | None = None
    untold: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether the discrepancy was there again, and is more than lost digits.

        In the second look it must be beyond half the threshold, in a third, where the second did not show it, beyond
        all of it: then two of three looks would be false alarms.
        """
        again = self.second is not None and self.second.bars > THRESHOLD / 2.0
        return (again or (self.third is not None and self.third.bars > THRESHOLD)) and not self.lost

    @property
    def excused(self) -> bool:
        """Whether it counts no more: outputs left out explain it, or it was the measurement's, or digits were lost.

        Either the other outputs agree, or none was left, so that further points decide alone.
        """
        if self.second is None or self.lost:
            return self.lost or self.unmeasurable or self.constant or self.noisy
        explained = self.left_out and self._shows_as_much
        return self.second.bars <= THRESHOLD and (explained or self._mismeasured or self._agrees_too_closely)

    @property
    def unmeasurable(self) -> bool:
        """Whether the place cannot be measured: no output was left that a smaller step did not contradict."""
        return self.second is None and self.left_out

    @property
    def _shows_as_much(self) -> bool:
        """Whether the second look would have seen an error of the claim as large as the first discrepancy.

        It is missed where |Z| times its size is below the threshold, which has 0.8 times that ratio as probability.
        """
        if self.second is None:
            return False
        relative = self._relative
        return 0.8 * THRESHOLD * self.second.bar <= OVERLOOKED * relative * max(self.second.reach, self.second.shown)

    @property
    def _relative(self) -> float:
        """The least relative error of the claim that the first discrepancy shows."""
        size = max(self.first.reach, self.first.shown)
        return self.first.discrepancy / (LARGEST * size) if 0.0 < size < np.inf else 0.0

    @property
    def _agrees_too_closely(self) -> bool:
        """Whether the second look agrees with the claim more closely than it could with a wrong one, whatever its bar.

        An error of the claim as large as the first discrepancy adds |Z| times its size to the second look, and |Z| is
        below z with probability 0.8 z.
        """
        again = [c for c in (self.second, self.third) if c is not None]
        if self.second is None or not self.whole or any(c.bars > THRESHOLD / 2.0 for c in again):
            return False
        return self.second.discrepancy <= MISSED / 0.8 * self._relative * self.second.reach

    @property
    def _mismeasured(self) -> bool:
        """Whether two further looks, each sharp enough to show such an error in the claim, agree with it.

        The first look may have met |Z| times the typical discrepancy of such an error, at most `LARGEST` times.
        """
        if self.second is None or self.third is None or self.third.bars > THRESHOLD / 2.0:
            return False
        size = max(self.first.reach, self.first.shown)
        return LARGEST * resolution([self.second, self.third])[0] * size <= self.first.discrepancy


def _standing(comparisons: Sequence[Comparison], excused: Sequence[Flag]) -> list[Comparison]:
    """Return the comparisons at one place that count: an excused discrepancy gives way to what was seen instead."""
    here = [f for f in excused if f.first in comparisons]
    if not here:
        return list(comparisons)
    seconds = [c for f in here if not f.lost for c in (f.second, f.third) if c is not None]
    # A complex step that is noisy along one direction tells as much along the others as before.
    gone = {f.first.kind for f in here if not f.noisy}
    return [c for c in comparisons if c.bars <= THRESHOLD and c.kind not in gone] + seconds


def _resolved(comparisons: Sequence[Comparison]) -> tuple[float, float]:
    """Return the resolution of the outputs judged together, or of those set apart where they weigh more."""
    main = [c for c in comparisons if c.kind != SET_APART]
    apart = [c for c in comparisons if c.kind == SET_APART]
    larger = max((c.reach for c in apart), default=0.0) > max((c.reach for c in main), default=0.0)
    return resolution(apart if larger else main)


def step_curve(evidence: Evidence, name: str) -> StepCurve | None:
    """Return the error of the difference quotient against the step, summed over the outputs."""
    found = evidence.measured.get(name)
    if not found or not found[0].derivative.rungs:
        return None
    rungs = found[0].derivative.rungs
    return StepCurve(
        tuple(r.step for r in rungs),
        tuple(r.truncation_error for r in rungs),
        tuple(r.roundoff_error for r in rungs),
        found[0].derivative.step,
    )


def rule(
    name: str,
    like: Array,
    evidences: Sequence[Evidence],
    flags: Mapping[str, Sequence[Flag]],
    *,
    low: Sequence[Comparison] = (),
    kinks: Sequence[Comparison] = (),
    chosen: bool = False,
    averaged: tuple[float, float] = UNRESOLVED,
    exact_bound: float | None = None,
) -> Argument:
    """Decide on one argument from what was seen at every place; the first evidence is the given point's.

    `low` are comparisons of a low-precision gradient with the float64 one: what they could not have seen widens the
    resolution that is told, while the code itself was judged in float64. `chosen` says that the claim at a kink may be
    a choice of branch, or wrong; `averaged` is the resolution of many probes at once, where these were taken.
    """
    everything = [c for e in evidences for c in e.of(name)]
    excused = [f for f in flags.get(name, ()) if f.excused]
    confirmed = [f.first for f in flags.get(name, ()) if f.confirmed]
    unsettled = [f for f in flags.get(name, ()) if not (f.confirmed or f.excused)]
    doubtful = [f.first for f in unsettled]
    at_one_place = {
        e.place.name: [c for f in evidences if f.place.name == e.place.name for c in f.of(name)] for e in evidences
    }
    standing = [_standing(found, excused) for found in at_one_place.values()]
    # A mistake in the code shows at all points alike: there all probes count together.
    together = [c for found in standing for c in found]
    best = min([*(_resolved(found) for found in (*standing, together)), averaged])
    blank = Argument(name, tuple(like.shape), str(like.dtype), Verdict.INCONCLUSIVE, threshold=THRESHOLD)
    given = evidences[0]
    common = {
        "probes": len(everything),
        "set_apart": int(np.count_nonzero(given.kinky)),
        "step_curve": step_curve(given, name),
        "exact_bound": exact_bound,
        "resolution": max([best[0], *(c.shown / c.reach for c in low if c.reach > 0)]),
        "entry_resolution": max([best[1], *(THRESHOLD * c.bar / c.reach for c in low if c.reach > 0)]),
    }
    cleared = [c for c in everything if c.bars <= THRESHOLD]
    worst = max(confirmed or doubtful or cleared or everything, key=lambda c: c.bars, default=None)
    told = _told(worst) | common | {"derived_only": bool(confirmed) and all(c.place != GIVEN for c in confirmed)}
    if like.size == 0 or (given.place.base.size == 0 and not (confirmed or doubtful)):
        return _made(blank, told, *VACUOUS)
    stepped = {f.first.place for f in excused if f.constant}
    in_steps = stepped or any(e.place.stepped for e in evidences)
    silent = all(e.silent(name) or e.place.name in stepped for e in evidences)
    told_of = everything if any(_measured(e, name) for e in evidences) else []
    answer = _answer(confirmed, doubtful, told_of, resolved=best[0], silent=silent, bounded=_bounded(kinks))
    if answer is NOT_REPRODUCED and all(f.second is None for f in unsettled):
        untold = dict.fromkeys(f.untold for f in unsettled)
        answer = NOT_LOOKED_AT if "" in untold else (*NOT_LOOKED_AT[:2], "; ".join(untold))
    if answer is UNANSWERED and in_steps:
        answer = STEPS
    if chosen and answer[0] is Verdict.AGREES:
        answer = A_CHOICE
    if answer is NOISE and _nothing_beside(name, given):
        answer = NEXT_TO_NOTHING
    return _made(blank, told, *answer)


Answer = tuple[Verdict, str | None, str]
VACUOUS: Answer = (Verdict.AGREES, "vacuous", "it is empty, or the output is")
UNANSWERED: Answer = (Verdict.AGREES, "vacuous", "forward never responded to it, and nothing was claimed")
STEPS: Answer = (Verdict.AGREES, "vacuous", "forward moves in steps and is constant close by, and nothing was claimed")
NOT_REPRODUCED: Answer = (
    Verdict.INCONCLUSIVE,
    "not-reproduced",
    "a discrepancy did not reproduce along a fresh direction",
)
# Why a discrepancy may be none of backward's.
MAY_BE_STEPS = "a discrepancy may be that of steps: forward rounds, and with nothing claimed it cannot be told to what"
MAY_BE_CANCELLED = "a discrepancy may be forward's own: what cancels in it leaves too little of so small a slope"
NOT_LOOKED_AT: Answer = (
    Verdict.INCONCLUSIVE,
    "not-confirmed",
    "a discrepancy was seen that could not be looked at again",
)
NOT_MEASURED: Answer = (Verdict.INCONCLUSIVE, "not-measured", "no output could be measured")
AT_KINKS: Answer = (
    Verdict.AGREES,
    "kinks-only",
    "judged at its kinks alone: the claim lies between the one-sided derivatives",
)
A_CHOICE: Answer = (
    Verdict.INCONCLUSIVE,
    "choice-of-branch",
    "its claim lies outside of the one-sided derivatives at a kink, which may be wrong or a choice of branch",
)
NEXT_TO_NOTHING: Answer = (
    Verdict.AGREES,
    "vacuous",
    "its gradient is zero as far as can be told, to 1e-8 of what the layer's other arguments do, and so is the claim",
)
NOISE: Answer = (
    Verdict.INCONCLUSIVE,
    "noise",
    "the error bars, by forward's rounding or by kinks close by, hide an error of 1 %",
)


def _answer(
    confirmed: Sequence[Comparison],
    doubtful: Sequence[Comparison],
    everything: Sequence[Comparison],
    *,
    resolved: float,
    silent: bool,
    bounded: bool,
) -> Answer:
    """Weigh what was seen; the first that applies decides."""
    cases: tuple[tuple[bool, Answer], ...] = (
        (bool(confirmed), (Verdict.DISAGREES, None, "")),
        (bool(doubtful), NOT_REPRODUCED),
        (not everything and not bounded, NOT_MEASURED),
        (resolved <= ENOUGH, (Verdict.AGREES, None, "")),
        (silent and _claims_nothing(everything), UNANSWERED),
        (bounded, AT_KINKS),
    )
    return next((answer for holds, answer in cases if holds), NOISE)


def _nothing_beside(name: str, given: Evidence) -> bool:
    """Tell whether an argument's slope and claim, with their bars, are nothing beside the slopes of another argument.

    A bias before a normalisation has no gradient but rounding. Noise hides every relative error of it, but none that
    anybody could feel: along directions of their natural sizes the others move the output by so much more.
    """
    own = [max(c.reach, c.shown) + THRESHOLD * c.bar for c in given.of(name)]
    others = max((c.shown for c in given.comparisons if c.argument != name and c.bars <= THRESHOLD), default=0.0)
    return not given.joint and bool(own) and max(own) <= SHARP_ANYWAY * others


def _measured(evidence: Evidence, name: str) -> bool:
    """Tell whether any output could be measured at all; none can where forward refuses every neighbouring point."""
    return any(m.facts.anywhere for m in evidence.measured.get(name, []))


def _bounded(kinks: Sequence[Comparison]) -> bool:
    """Tell whether the claim was held between one-sided derivatives sharply enough to see an error of 1 %."""
    sharp = [c for c in kinks if THRESHOLD * c.bar <= ENOUGH * max(c.reach, c.shown)]
    return bool(sharp) and all(c.bars <= THRESHOLD for c in kinks)


def _claims_nothing(comparisons: Sequence[Comparison]) -> bool:
    return all(c.reach <= THRESHOLD * c.negligible for c in comparisons)


def _told(worst: Comparison | None) -> dict[str, object]:
    if worst is None:
        return {}
    return {
        "claimed": worst.claimed,
        "measured": Measured(worst.measured, worst.measured_bar),
        "discrepancy": worst.discrepancy,
        "error_bar": worst.bar,
        "bars": worst.bars,
        "method": worst.method,
        "point": worst.place,
    }


def _made(blank: Argument, told: dict[str, object], verdict: Verdict, reason: str | None, sentence: str) -> Argument:
    return Argument(**(vars(blank) | told | {"verdict": verdict, "reason": reason, "sentence": sentence}))
