"""A discrepancy is looked at again before it counts: along fresh directions, at other steps, with fresh cotangents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from gradcheck.checks.adjoint import EQUALISED, SET_APART, Evidence
from gradcheck.checks.comparison import THRESHOLD, Comparison, compare
from gradcheck.checks.corners import corners, finer_structure
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.lost_digits import are_lost, may_be_lost
from gradcheck.checks.places import Place, draw_tangent
from gradcheck.checks.probes import Measured, draw_cotangent, equalising_weights, judged_together, measure, steps_near
from gradcheck.checks.ruling import Flag
from gradcheck.numdiff.complex_step import COMPLEX_STEP
from gradcheck.numdiff.records import Mask, Vector

A_FEW = 0.1  # of the outputs
OTHER_STEPS = 0.6  # a confirming tangent is shorter by this, so that no step repeats


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
    before these were looked for.
    """

    measured: Measured
    finer: Mask | None = None
    cornered: Mask | None = None

    def look_finely(self, instrument: Instrument, place: Place) -> None:
        """Look for a finer structure where nobody did yet."""
        if self.finer is None:
            self.finer = finer_structure(instrument, place, self.measured)

    def left_out(self, base: Vector) -> tuple[Mask, Mask]:
        """Return the outputs with a finer structure, and all that must be left out."""
        none = np.zeros(base.shape, dtype=bool)
        finer = none if self.finer is None else self.finer
        return finer, finer | (none if self.cornered is None else self.cornered)


class Elsewhere(Protocol):
    """What was seen of an argument at other places."""

    def disagrees(self, name: str) -> bool:
        """Tell whether it disagrees there too, where no value is equal to another."""

    def agreeing(self, name: str) -> Sequence[Evidence]:
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
    asked = lost or not may_be_lost(evidence, worst) or elsewhere is None or not elsewhere.disagrees(name)
    known = asked and are_lost(instrument, evidence, worst, others=lost)
    if known or (not looks and instrument.left(open_question=True) < place.a_look):
        if not known:
            instrument.left_out.append(f"a second look at what {worst.place} shows")
        return Flag(worst, None, lost=known)
    look = _look(instrument, evidence, name, rng, looks=looks, number=0)

    def seen() -> Look:
        return confirm(instrument, evidence, look, rng, kind=kind)

    look.look_finely(instrument, place)
    second = seen()
    found = _flag(worst, second)
    if found.unmeasurable:
        return found
    if found.confirmed and elsewhere is not None and elsewhere.disagrees(name):
        return found
    if elsewhere is not None and are_lost(instrument, evidence, worst, among=elsewhere.agreeing(name)):
        return replace(found, lost=True)
    if look.cornered is None:
        look.cornered = corners(instrument, place, name, (evidence.measured[name][0], look.measured), rng=rng)
        found = replace(found, second=None, left_out=False) if look.cornered is None else found
        if look.cornered is not None and np.any(look.cornered):
            second = seen()
            found = _flag(worst, second)
    open_still = found.second is not None and second.whole and not (found.confirmed or found.excused)
    if open_still and (len(looks) > 1 or instrument.left(open_question=True) >= place.a_look):
        look = _look(instrument, evidence, name, rng, looks=looks, number=1)
        look.look_finely(instrument, place)
        third = seen()
        found = replace(found, third=third.comparison if third.whole else None)
    return found


def _flag(worst: Comparison, second: Look) -> Flag:
    return Flag(worst, second.comparison, second.left_out, apart=second.apart)


def _look(
    instrument: Instrument,
    evidence: Evidence,
    name: str,
    rng: np.random.Generator,
    *,
    looks: list[Fresh],
    number: int,
) -> Fresh:
    if len(looks) <= number:
        looks.append(fresh_direction(instrument, evidence, name, rng))
    return looks[number]


def fresh_direction(instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator) -> Fresh:
    """Measure one argument along a fresh direction, at other steps than before."""
    place, first = evidence.place, evidence.measured[name][0]
    return Fresh(measure(instrument, place, {name: OTHER_STEPS * draw_tangent(rng, place, name)}, steps=_near(first)))


def confirm(instrument: Instrument, evidence: Evidence, look: Fresh, rng: np.random.Generator, *, kind: str) -> Look:
    """Hold the claim for a fresh cotangent of the same kind against a fresh direction."""
    place, fresh = evidence.place, look.measured
    (name,) = fresh.tangents
    first = evidence.measured[name][0]
    if kind == SET_APART:
        seen = np.isfinite(place.base) & ~evidence.together & ~evidence.kinky & first.derivative.measured
        mask = np.isfinite(place.base) & ~evidence.together & fresh.derivative.measured & ~fresh.derivative.kinky
    else:
        seen, mask = evidence.together, judged_together([fresh.derivative, first.derivative], place.base)
    finer, uneven = look.left_out(place.base)
    if np.count_nonzero(mask & finer) > A_FEW * np.count_nonzero(mask):
        return Look(None, True)  # what is so often refuted is not to be trusted where noise hides the refutation either
    apart = seen & fresh.derivative.kinky
    left_out = bool(np.any(mask & uneven) or np.any(apart))
    mask &= ~uneven
    if not mask.any():
        return Look(None, left_out, apart=apart)
    weights = equalising_weights([fresh.derivative], mask, place.form) if kind == EQUALISED else None
    cotangent = draw_cotangent(rng, place.form, mask, weights=weights)
    claim = instrument.gradients(cotangent, place.inputs, place.form).get(name)
    if claim is None:
        return Look(None, left_out)
    found = compare(
        name,
        claim,
        fresh.tangents[name],
        fresh.derivative,
        cotangent=cotangent,
        slack=evidence.slacks[name],
        place=place.name,
        kind="confirmation",
    )
    return Look(found, left_out, not np.any(seen & ~mask), apart)


def _near(measured: Measured) -> tuple[float, ...]:
    """Return the steps down to the one found best; beside a complex step two differences are enough to confirm it."""
    return steps_near(measured.derivative.step, few=measured.derivative.method == COMPLEX_STEP)
