"""A discrepancy is looked at again before it counts: along fresh directions, at other steps, with fresh cotangents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from gradcheck.checks.adjoint import EQUALISED, SET_APART, Evidence
from gradcheck.checks.comparison import THRESHOLD, Comparison, compare
from gradcheck.checks.corners import A_SLOPE, FEWEST_CALLS, Corners, corners, finer_structure, nothing_is_equal
from gradcheck.checks.equal_changes import judge_equal_changes
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.lost_digits import are_lost, may_be_lost
from gradcheck.checks.misreadings import is_cancelled, is_complex_noise, is_constant_close_by
from gradcheck.checks.places import A_POINT, Place, draw_tangent
from gradcheck.checks.probes import (
    OTHER_STEPS,
    Measured,
    draw_cotangent,
    equalising_weights,
    judged_together,
    measure,
    steps_near,
)
from gradcheck.checks.ruling import MAY_BE_CANCELLED, MAY_BE_STEPS, Flag
from gradcheck.numdiff.complex_step import COMPLEX_STEP
from gradcheck.numdiff.directional import POOR
from gradcheck.numdiff.records import Mask, Vector

A_FEW = 0.1  # of the outputs
NEXT_TO_NOTHING = 2.0**-8  # of a slope, over the number of outputs: by chance any is once in 400 times
CLOSER_CALLS = 5  # of forward: two steps, and a complex one


class Look(NamedTuple):
    """A second look at a discrepancy: the comparison, None where none could be made, and what it was made of.

    `left_out` says that outputs were left out because forward has no derivative there (its slopes along the parts of
    a direction do not add up to its own), or because a much smaller step contradicts the slope (forward has structure
    finer than the ladder, or a kink that the first look did not meet); `whole` that every output of the first look was
    looked at again. `apart` are the outputs with such kinks.
    """

    comparison: Comparison | None
    left_out: bool
    whole: bool = False
    apart: Mask | None = None


@dataclass
class Fresh:
    """A fresh direction of one argument, measured at other steps, and the outputs that no slope can be told of.

    `finer` are those that a much smaller step contradicts, `cornered` those that have a corner at the place, None
    before these were looked for; `closer` is the same direction at smaller steps.
    """

    measured: Measured
    finer: Mask | None = None
    cornered: Mask | None = None
    closer: Measured | None = None

    def measured_closer(self, instrument: Instrument, place: Place, first: Measured, some: Mask) -> Measured:
        """Return the direction at the steps that suited `some` outputs which it was not measured at (4 or 5 calls).

        Near a pole or the edge of forward's domain these are much smaller, and where a complex step was taken there the
        smallest one confirmed it; where calls do not suffice the direction is as it was.
        """
        unmeasured = some & ~self.measured.derivative.measured
        known = first.derivative.steps if first.derivative.steps.size == some.size else np.zeros(some.shape)
        smallest = min((rung.step for rung in first.derivative.rungs), default=0.0)
        least = float(np.min(known[unmeasured & (known > 0)], initial=smallest))
        needed = self.closer is None and unmeasured.any() and least > 0
        if needed and instrument.left(settling=True) >= CLOSER_CALLS:
            tangents = {name: tangent.copy() for name, tangent in self.measured.tangents.items()}
            self.closer = measure(instrument, place, tangents, steps=(4.0 * least, least))
        return self.closer or self.measured

    def learn(self, looked: Corners) -> None:
        """Take in what a look for corners found; where it found none, a look at finer structure would find none."""
        self.cornered = looked.found
        if self.finer is None and looked.finely and not np.any(looked.found):
            self.finer = np.zeros(looked.found.shape, dtype=bool)

    def look_finely(self, instrument: Instrument, place: Place) -> bool:
        """Look for a finer structure where nobody did yet, and tell whether there is any."""
        if self.finer is None:
            self.finer = finer_structure(instrument, place, self.measured)
        return bool(self.finer.any())

    def left_out(self, base: Vector) -> tuple[Mask, Mask]:
        """Return the outputs with a finer structure, and all that must be left out."""
        none = np.zeros(base.shape, dtype=bool)
        finer = none if self.finer is None else self.finer
        return finer, finer | (none if self.cornered is None else self.cornered)


class Elsewhere(Protocol):
    """What was seen of an argument at other places."""

    def disagrees(self, name: str, *, to_come: int = 0) -> bool:
        """Tell whether it disagrees there too, where no value is equal to another; `to_come` calls are still needed."""

    def agreeing(self, name: str, *, to_come: int = 0) -> Sequence[Evidence]:
        """Return what was seen where it agrees."""


def look_again(
    instrument: Instrument,
    evidence: Evidence,
    name: str,
    rng: np.random.Generator,
    *,
    elsewhere: Elsewhere | None = None,
) -> list[Flag]:
    """Look again at the worst discrepancy of each kind that is beyond the threshold, until one is confirmed.

    One fresh direction serves all kinds. `elsewhere` is what is seen of an argument at other points.
    """
    kinds = dict.fromkeys(c.kind for c in evidence.of(name))
    worst = [max((c for c in evidence.of(name) if c.kind == kind), key=lambda c: c.bars) for kind in kinds]
    found: list[Flag] = []
    looks: list[Fresh] = []
    for comparison in worst:
        if comparison.bars > THRESHOLD:
            lost = any(f.lost for f in found)
            found.append(flag(instrument, evidence, comparison, rng, looks=looks, elsewhere=elsewhere, lost=lost))
            if found[-1].confirmed:
                break
    return found


def flag(
    instrument: Instrument,
    evidence: Evidence,
    worst: Comparison,
    rng: np.random.Generator,
    *,
    looks: list[Fresh] | None = None,
    elsewhere: Elsewhere | None = None,
    lost: bool = False,
) -> Flag:
    """Look at one discrepancy again, and a third time where the second look at the same outputs did not show it.

    `looks` are fresh directions of its argument, and get those measured; `lost` says that others of its claims lose
    digits. A discrepancy that is there again may come from corners at this very place; where another point shows it
    too, nobody needs to look for them.
    """
    looks = [] if looks is None else looks
    name, kind, place = worst.argument, worst.kind, evidence.place
    told = _told_at_once(instrument, evidence, worst, elsewhere=elsewhere, lost=lost)
    if told is None and not looks and instrument.left(settling=True) < place.a_look:
        instrument.left_out.append(f"a second look at what {worst.place} shows")
        told = Flag(worst, None)
    if told is not None:
        return told
    equal = elsewhere is not None and not nothing_is_equal(place, instrument.subject.wrt)
    tight, to_come = _calls_are_few(instrument, evidence, name, elsewhere=elsewhere) if equal else (False, 0)
    look = _look(instrument, evidence, name, rng, looks=looks, number=0, few=tight)

    def seen() -> Look:
        return confirm(instrument, evidence, look, rng, kind=kind)

    def finely(found: Flag) -> Flag:
        return _flag(worst, seen()) if look.look_finely(instrument, place) else found

    if not equal:  # else corners are looked for, which is as good
        look.look_finely(instrument, place)
    second = seen()
    found = _flag(worst, second)
    if found.unmeasurable:
        return found
    if found.confirmed and elsewhere is not None and elsewhere.disagrees(name, to_come=to_come):
        return finely(found) if look.finer is None else found
    among = [] if elsewhere is None else elsewhere.agreeing(name, to_come=to_come)
    lost_there = are_lost(instrument, evidence, worst, among=among)
    if lost_there is not False:
        return replace(found, lost=True) if lost_there else Flag(worst, None)
    if look.cornered is None:
        looked = corners(instrument, place, name, (evidence.measured[name][0], look.measured), rng=rng)
        if looked is None:
            found = Flag(worst, None)
        else:
            look.learn(looked)
        if looked is not None and np.any(looked.found):
            second = seen()
            found = judge_equal_changes(instrument, evidence, name, looked.found, rng=rng) or _flag(worst, second)
    if found.confirmed and look.finer is None:  # nobody is accused without that look
        found = finely(found) if instrument.left(settling=True) >= A_SLOPE else Flag(worst, None)
    if found.second is None or not second.whole or found.confirmed or found.excused:
        return found
    return _looked_at_a_third_time(instrument, evidence, found, rng, looks=looks)


def _calls_are_few(
    instrument: Instrument, evidence: Evidence, name: str, *, elsewhere: Elsewhere | None
) -> tuple[bool, int]:
    """Tell whether calls do not suffice for all that may come where values are equal, and how many must be kept for it.

    There corners are looked for, at steps as fine as those of a look at finer structure; calls are kept for them first.
    Nobody needs them for what another point shows too, where calls suffice for both.
    """
    steps = _steps_again(evidence, name)
    whole = int(evidence.place.carries_complex) + 2 * len(steps) + A_SLOPE
    # Where smaller steps were taken some outputs may not be measured by these.
    closer = any(rung.step < min(steps) for rung in evidence.measured[name][0].derivative.rungs)
    needed = whole + A_POINT + FEWEST_CALLS + CLOSER_CALLS * closer
    few = instrument.left() + instrument.kept < needed
    both = instrument.left(settling=True) >= needed - A_SLOPE  # the sums are as good as a look at finer structure
    if few and both and elsewhere is not None and elsewhere.disagrees(name, to_come=FEWEST_CALLS + A_SLOPE):
        return False, 0
    return few, FEWEST_CALLS


def _looked_at_a_third_time(
    instrument: Instrument, evidence: Evidence, found: Flag, rng: np.random.Generator, *, looks: list[Fresh]
) -> Flag:
    """Return a flag with a third look: what agrees along another direction measured, or else a fresh direction."""
    worst, place = found.first, evidence.place
    if along_others := _agreeing_along_others(evidence, worst):
        found = replace(found, third=min(along_others, key=lambda c: c.bar / max(c.reach, c.shown)))
    if found.excused or (len(looks) < 2 and instrument.left() < place.a_look):
        return found
    look = _look(instrument, evidence, worst.argument, rng, looks=looks, number=1)
    look.look_finely(instrument, place)
    third = confirm(instrument, evidence, look, rng, kind=worst.kind)
    return replace(found, third=third.comparison if third.whole else None)


def _told_at_once(
    instrument: Instrument, evidence: Evidence, worst: Comparison, *, elsewhere: Elsewhere | None, lost: bool
) -> Flag | None:
    """Return the flag of what is no mistake of backward, or cannot be told from it; None where to look again.

    That is what forward's steps or a complex step's noise explain, or lost digits.
    """
    name = worst.argument
    constant = is_constant_close_by(instrument, evidence, worst)
    if constant is not False:
        return Flag(worst, None, constant=bool(constant), untold="" if constant else MAY_BE_STEPS)
    noisy = is_complex_noise(instrument, evidence, worst)
    if noisy is not False:
        return Flag(worst, None, noisy=bool(noisy))
    cancelled = is_cancelled(instrument, evidence, worst)
    if cancelled is not False:
        return Flag(worst, None, noisy=bool(cancelled), untold="" if cancelled else MAY_BE_CANCELLED)
    asked = lost or not may_be_lost(evidence, worst) or elsewhere is None or not elsewhere.disagrees(name)
    known = asked and are_lost(instrument, evidence, worst, others=lost)
    return None if known is False else Flag(worst, None, lost=bool(known))


def _agreeing_along_others(evidence: Evidence, worst: Comparison) -> list[Comparison]:
    """Return the comparisons of the same kind that agree along another direction measured: looks as good as a third."""
    alike = [c for c in evidence.of(worst.argument) if c.kind == worst.kind and c.length != worst.length]
    return [c for c in alike if c.bars <= THRESHOLD / 2.0 and max(c.reach, c.shown) > 0]


def _flag(worst: Comparison, second: Look) -> Flag:
    return Flag(worst, second.comparison, second.left_out, apart=second.apart, whole=second.whole)


def _look(
    instrument: Instrument,
    evidence: Evidence,
    name: str,
    rng: np.random.Generator,
    *,
    looks: list[Fresh],
    number: int,
    few: bool = False,
) -> Fresh:
    if len(looks) <= number:
        looks.append(fresh_direction(instrument, evidence, name, rng, few=few))
    return looks[number]


def fresh_direction(
    instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator, *, few: bool = False
) -> Fresh:
    """Measure one argument along a fresh direction, at other steps than before; two suffice where calls are `few`.

    What these measure poorly, or as next to nothing, and the first direction's did not, counts as unmeasured: next to a
    pole they lie beyond it.
    """
    place, steps = evidence.place, _steps_again(evidence, name, few=few)
    fresh = measure(instrument, place, {name: OTHER_STEPS * draw_tangent(rng, place, name)}, steps=steps)
    first, again = evidence.measured[name][0].derivative, fresh.derivative
    size = np.abs(first.value)
    poorly = (again.bar > POOR * size) & (first.bar <= POOR * size)
    poorly |= np.abs(again.value) + again.bar < NEXT_TO_NOTHING / max(size.size, 1) * size
    if np.any(poorly):
        fresh = replace(fresh, derivative=replace(again, bar=np.where(poorly, np.inf, again.bar)))
    return Fresh(fresh)


def _steps_again(evidence: Evidence, name: str, *, few: bool = False) -> tuple[float, ...]:
    """Return the steps down to the one found best; beside a complex step two differences are enough to confirm it."""
    d = evidence.measured[name][0].derivative
    return steps_near(d.step, few=few or d.method == COMPLEX_STEP)


def confirm(instrument: Instrument, evidence: Evidence, look: Fresh, rng: np.random.Generator, *, kind: str) -> Look:
    """Hold the claim for a fresh cotangent of the same kind against a fresh direction."""
    place, fresh = evidence.place, look.measured
    (name,) = fresh.tangents
    first = evidence.measured[name][0]
    if kind == SET_APART:
        seen = np.isfinite(place.base) & ~evidence.together & ~evidence.kinky & first.derivative.measured
        fit = fresh.derivative.measured & ~fresh.derivative.kinky & ~evidence.kinky
        mask = np.isfinite(place.base) & ~evidence.together & fit
    else:
        seen, mask = evidence.together, judged_together([fresh.derivative, first.derivative], place.base)
    finer, uneven = look.left_out(place.base)
    if np.count_nonzero(mask & finer) > A_FEW * np.count_nonzero(mask):
        return Look(None, True)  # what is so often refuted is not to be trusted where noise hides the refutation either
    apart = seen & fresh.derivative.kinky
    left_out = bool(np.any(mask & uneven) or np.any(apart))
    mask &= ~uneven
    # What would blur the others along this direction is asked for on its own: the discrepancy may be there alone.
    left = seen & ~mask & ~uneven & np.isfinite(place.base) & ~fresh.derivative.kinky
    found: list[Comparison] = []
    for wanted, closer in ((mask, False), (left & fresh.derivative.measured, False), (left, True)):
        if not wanted.any() or any(c.bars > THRESHOLD / 2.0 for c in found):
            continue
        along = look.measured_closer(instrument, place, first, left) if closer else fresh
        some = wanted & along.derivative.measured & ~along.derivative.kinky
        if closer and not np.any(some & ~fresh.derivative.measured):
            continue
        weights = equalising_weights([along.derivative], some, place.form) if kind == EQUALISED else None
        cotangent = draw_cotangent(rng, place.form, some, weights=weights)
        claim = instrument.gradients(cotangent, place.inputs, place.form).get(name)
        if claim is None:
            return Look(None, left_out)
        found.append(
            compare(
                name,
                claim,
                along.tangents[name],
                along.derivative,
                cotangent=cotangent,
                slack=evidence.slacks[name],
                place=place.name,
                kind="confirmation",
            )
        )
    # What is asked beyond the first must exceed the whole threshold to count: so the promise is kept for all of them.
    beyond = [c for c in found[1:] if c.bars > THRESHOLD]
    worst = max(beyond, key=lambda c: c.bars, default=found[0] if found else None)
    return Look(worst, left_out, not np.any(seen & ~mask), apart)
