"""Is the claimed gradient the adjoint of forward's derivative? Comparisons at one place, and their confirmation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, compare
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place
from gradcheck.checks.probes import (
    Measured,
    draw_cotangent,
    equalising_weights,
    judged_together,
    kinky_anywhere,
    measure_arguments,
    measure_near,
    slack_of,
)
from gradcheck.checks.resolution import ENOUGH, SHARP, resolution
from gradcheck.numdiff.long_ladder import REMEMBERED
from gradcheck.numdiff.records import Mask, Vector
from gradcheck.subject import Array

EQUALISED = "equalised"  # the kind of a probe whose weights let outputs count alike whose slopes span decades
RANDOM = "random"
JOINT = "joint"  # the kind of a probe that moves all arguments at once
MORE = 4  # further directions and answers, where noise left an argument open
# Calls of forward that one more direction costs, two derived points, and a claim at kinks that is to be accused.
A_DIRECTION, FURTHER_POINTS, AT_KINKS = 6, 10, 19
ANSWERS_TO_COME = 7  # of backward: low precision, and two derived points, asked twice each
SET_APART = "set apart"  # the kind of a probe of the outputs that would blur the others


@dataclass(frozen=True)
class Evidence:
    """What was seen at one place.

    `together` are the outputs judged in one sum, `kinky` those with a kink at the place. `joint` says that all
    arguments moved at once, so that the derivative measured is of none of them alone. `cornered`, among `together`, are
    those proven wrong along equal changes, which have no slope along a single entry.
    """

    place: Place
    comparisons: tuple[Comparison, ...]
    measured: Mapping[str, list[Measured]]
    together: Mask
    kinky: Mask
    cotangents: tuple[Vector, ...] = ()
    gradients: tuple[Mapping[str, Array | None], ...] = ()
    slacks: Mapping[str, Slack] = field(default_factory=dict)
    joint: bool = False
    cornered: Mask | None = None

    def at_corners(self) -> "Evidence | None":
        """Return the evidence with the outputs that have a corner among the kinky ones, None where there is none."""
        if self.cornered is None:
            return None
        kinky, together = self.kinky | self.cornered, self.together & ~self.cornered
        return replace(self, kinky=kinky, together=together, cornered=None)

    def of(self, name: str) -> list[Comparison]:
        """Return the comparisons of one argument."""
        return [c for c in self.comparisons if c.argument == name]

    def silent(self, name: str) -> bool:
        """Tell whether no output moves with this argument.

        Either nothing changed, to the bit, or what changed were jumps: slopes far larger than the bars of zero were
        seen at large steps and vanished at small ones. Response that noise may hide is no silence.
        """
        found = [] if self.joint else self.measured.get(name, [])
        return all(m.facts.still for m in found[:1])

    def settled(self) -> "Evidence":
        """Return the evidence without what nobody asks for any more, where that is large.

        Of the vectors measured only facts stay where everything agrees, else the first of each argument for who
        explains; of the answers the one that the contract is held to.
        """
        sizes = [self.place.base.size, *(self.place.wide[name].size for name in self.measured)]
        if max(sizes) <= REMEMBERED:
            return self
        if any(c.bars > THRESHOLD for c in self.comparisons):
            first = {name: found[:1] for name, found in self.measured.items()}
            return replace(self, measured=first, cotangents=self.cotangents[:1], gradients=self.gradients[:1])
        measured = {name: [m.outlined() for m in found] for name, found in self.measured.items()}
        kept = slice(0, 1 if self.place.given else 0)
        slacks = self.slacks if self.place.given else {}
        return replace(
            self, measured=measured, cotangents=self.cotangents[kept], gradients=self.gradients[kept], slacks=slacks
        )


def summed_up(evidence: Evidence) -> Evidence:
    """Return what was seen at a place at which nobody will look again, without the values there where they are many."""
    if evidence.place.base.size <= REMEMBERED:
        return evidence
    none, nowhere = np.zeros(0), np.zeros(0, dtype=bool)
    place = replace(evidence.place, inputs={}, wide={}, base=none, noise=none, hidden=None)
    return replace(evidence, place=place, together=nowhere, kinky=nowhere, cotangents=(), gradients=(), slacks={})


def gather(
    instrument: Instrument,
    place: Place,
    rng: np.random.Generator,
    *,
    quick: bool = False,
    names: Sequence[str] | None = None,
    steps: tuple[float, ...] | None = None,
) -> Evidence:
    """Measure every argument (or `names`) at `place`, ask backward for a few cotangents, and compare.

    Arguments that agree, but not sharply, are measured along a second direction, where calls are left for all that must
    still come.
    `quick` takes one direction instead of two; with `steps` given it is measured at these alone.
    """
    quick = quick or steps is not None
    asked_of = instrument.subject.wrt if names is None else names
    measured = measure_arguments(instrument, place, asked_of, rng, steps=steps)
    if place.looked is not None:
        place.looked.forget()
    carried = all(found[0].derivative.carried for found in measured.values())
    place = replace(place, looked=None, carries_complex=place.carries_complex and carried)
    groups = _groups(measured, place.base)
    kinky = kinky_anywhere([m.derivative for found in measured.values() for m in found], place.base)
    asked: list[_Asked] = []
    for together, group in groups:
        asked += _cotangents(rng, place, {name: measured[name] for name in group}, together, kinky, quick=quick)
    gradients = [instrument.gradients(ask.cotangent, place.inputs, place.form) for ask in asked]
    slacks = slack_of(instrument, place, measured, gradients[0], cotangent=asked[0].cotangent)
    comparisons = _compared(place, asked, gradients, measured, slacks)
    cotangents = tuple(ask.cotangent for ask in asked)
    seen = Evidence(place, comparisons, measured, groups[0][0], kinky, cotangents, tuple(gradients), slacks)
    return seen if quick else _along_a_second(instrument, _more_answers(instrument, seen, rng), asked, rng)


def resolved(seen: Evidence, name: str) -> float:
    """Return the smallest relative error that the probes of one argument would have shown; infinite for none."""
    found = [c for c in seen.of(name) if c.kind != SET_APART]
    # Where a bar is as large as the slope more of the same tells nothing.
    told = [c for c in found if c.bar < max(c.reach, c.shown)]
    return resolution(told)[0]


def _more_answers(instrument: Instrument, seen: Evidence, rng: np.random.Generator) -> Evidence:
    """Ask backward for more cotangents where noise leaves an argument open that agrees: they cost no forward.

    Of a forward in float16 they tell next to nothing (see averaged.py).
    """
    place = seen.place
    if place.work == np.float16:
        return seen
    # What a cotangent weighs must be fit for every argument that it judges.
    names = tuple(n for n, m in seen.measured.items() if not np.any(seen.together & ~_fit(m, place.base, RANDOM)))
    for _ in range(MORE):
        agree = all(c.bars <= THRESHOLD for c in seen.comparisons)
        hidden = [n for n in names if ENOUGH < resolved(seen, n) < np.inf]
        affordable = instrument.answers_left() > ANSWERS_TO_COME
        if not agree or not hidden or not affordable or np.count_nonzero(seen.together) < 2:
            break
        ask = _Asked(draw_cotangent(rng, place.form, seen.together), RANDOM, names)
        claims = instrument.gradients(ask.cotangent, place.inputs, place.form)
        compared = _compared(place, [ask], [claims], seen.measured, seen.slacks)
        seen = replace(
            seen,
            comparisons=(*seen.comparisons, *compared),
            cotangents=(*seen.cotangents, ask.cotangent),
            gradients=(*seen.gradients, claims),
        )
    return seen


def _along_a_second(
    instrument: Instrument, seen: Evidence, asked: "Sequence[_Asked]", rng: np.random.Generator
) -> Evidence:
    """Measure the arguments that agree, but not sharply, along a second direction, and compare.

    Outputs that this one shows to be unfit are left out, and backward is asked anew without them. Of a forward in
    float16 one more tells next to nothing (see averaged.py).
    """
    place, second = seen.place, {}
    if place.work == np.float16:
        return seen
    reserved = place.a_look + (AT_KINKS if seen.kinky.any() else 0)
    for name, (first, *_) in seen.measured.items():
        share = resolved(seen, name)
        dear = A_DIRECTION + FURTHER_POINTS + (0 if share > ENOUGH else reserved)
        agrees = all(c.bars <= THRESHOLD for c in seen.of(name))
        if agrees and SHARP < share < np.inf and instrument.left() >= dear:
            second[name] = measure_near(instrument, place, name, first, rng=rng)
    if not second:
        return seen
    comparisons, together = list(seen.comparisons), seen.together
    cotangents, gradients = list(seen.cotangents), list(seen.gradients)
    for ask, claims in zip(asked, seen.gradients, strict=False):
        names = tuple(n for n in ask.names if n in second)
        measured = {n: [second[n]] for n in names}
        fit = _fit([m for n in names for m in (seen.measured[n][0], second[n])], place.base, ask.kind)
        now, answer = ask._replace(names=names), claims
        if names and np.any(ask.cotangent[~fit]):
            if ask.kind != RANDOM:
                continue
            now = now._replace(cotangent=ask.cotangent * fit)
            answer = instrument.gradients(now.cotangent, place.inputs, place.form)
            cotangents.append(now.cotangent)
            gradients.append(answer)
            if ask.names == asked[0].names:  # `together` are those of the first group
                together = together & fit
        comparisons += _compared(place, [now], [answer], measured, seen.slacks)
    everything = {n: [*found, *([second[n]] if n in second else [])] for n, found in seen.measured.items()}
    kinky = seen.kinky | kinky_anywhere([m.derivative for m in second.values()], place.base)
    return replace(
        seen,
        comparisons=tuple(comparisons),
        measured=everything,
        together=together,
        kinky=kinky,
        cotangents=tuple(cotangents),
        gradients=tuple(gradients),
    )


def _fit(found: Sequence[Measured], base: Vector, kind: str) -> Mask:
    """Return the outputs that a cotangent of this kind may weigh, as far as these directions go."""
    derivatives = [m.derivative for m in found]
    if kind != SET_APART:
        return judged_together(derivatives, base)
    fit = np.isfinite(base)
    for d in derivatives:
        fit &= d.measured & ~d.kinky
    return fit


def gather_more(
    instrument: Instrument,
    seen: Evidence,
    rng: np.random.Generator,
    *,
    names: Sequence[str] | None = None,
    directions: int = MORE,
) -> Evidence:
    """Measure further directions near the steps found best, and compare for further cotangents: more probes.

    Of a single output one cotangent asks all there is; of others as many are asked as answers are left for, or one.
    """
    place = seen.place
    names = tuple(seen.measured) if names is None else tuple(n for n in names if n in seen.measured)
    measured = {
        name: [measure_near(instrument, place, name, seen.measured[name][0], rng=rng) for _ in range(directions)]
        for name in names
    }
    together = seen.together & judged_together([m.derivative for found in measured.values() for m in found], place.base)
    answers = int(min(MORE, max(instrument.answers_left(), 1))) if np.count_nonzero(together) > 1 else 1
    asked = [_Asked(draw_cotangent(rng, place.form, together), RANDOM, names) for _ in range(answers)]
    gradients = [instrument.gradients(ask.cotangent, place.inputs, place.form) for ask in asked]
    comparisons = _compared(place, asked, gradients, measured, seen.slacks)
    cotangents = tuple(ask.cotangent for ask in asked)
    return Evidence(place, comparisons, measured, together, seen.kinky, cotangents, tuple(gradients), seen.slacks)


class _Asked(NamedTuple):
    """A cotangent that backward is asked with, and the arguments that it judges."""

    cotangent: Vector
    kind: str
    names: tuple[str, ...]


def _compared(
    place: Place,
    asked: Sequence[_Asked],
    gradients: Sequence[Mapping[str, Array | None]],
    measured: Mapping[str, list[Measured]],
    slacks: Mapping[str, Slack],
) -> tuple[Comparison, ...]:
    """Compare every answer of backward with every direction measured of the arguments that it judges."""
    return tuple(
        compare(
            name,
            claim,
            m.tangents[name],
            m.derivative,
            cotangent=ask.cotangent,
            slack=slacks[name],
            place=place.name,
            kind=ask.kind,
        )
        for ask, claims in zip(asked, gradients, strict=True)
        for name in ask.names
        for m in measured[name]
        if (claim := claims.get(name)) is not None
    )


def _groups(measured: Mapping[str, list[Measured]], base: Vector) -> list[tuple[Mask, tuple[str, ...]]]:
    """Group arguments whose outputs one cotangent can judge: one that cannot be measured blinds no other."""
    groups: list[tuple[Mask, tuple[str, ...]]] = []
    for name, found in measured.items():
        own = judged_together([m.derivative for m in found], base)
        if not own.any():
            continue
        for i, (mask, names) in enumerate(groups):
            shared = mask & own
            if 2 * np.count_nonzero(shared) >= max(np.count_nonzero(own), np.count_nonzero(mask)):
                groups[i] = (shared, (*names, name))
                break
        else:
            groups.append((own, (name,)))
    return groups or [(np.zeros(base.shape, dtype=bool), tuple(measured))]


def _cotangents(
    rng: np.random.Generator,
    place: Place,
    measured: Mapping[str, list[Measured]],
    together: Mask,
    kinky: Mask,
    *,
    quick: bool,
) -> list[_Asked]:
    first = [found[0].derivative for found in measured.values()]
    apart = np.isfinite(place.base) & ~together & ~kinky
    for found in measured.values():
        for m in found:
            apart &= m.derivative.measured
    names = tuple(measured)
    asked = [_Asked(draw_cotangent(rng, place.form, together), RANDOM, names)]
    weights = equalising_weights(first, together, place.form)
    if weights is not None:
        asked.append(_Asked(draw_cotangent(rng, place.form, together, weights=weights), EQUALISED, names))
    if not quick:
        asked.append(_Asked(draw_cotangent(rng, place.form, together), RANDOM, names))
    if apart.any():
        asked.append(_Asked(draw_cotangent(rng, place.form, apart), SET_APART, names))
    return asked
