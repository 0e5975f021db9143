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
from gradcheck.numdiff.long_ladder import REMEMBERED
from gradcheck.numdiff.records import Mask, Vector
from gradcheck.subject import Array

EQUALISED = "equalised"  # the kind of a probe whose weights let outputs count alike whose slopes span decades
RANDOM = "random"
JOINT = "joint"  # the kind of a probe that moves all arguments at once
MORE = 4  # further directions and answers, where noise left an argument open
SET_APART = "set apart"  # the kind of a probe of the outputs that would blur the others


@dataclass(frozen=True)
class Evidence:
    """What was seen at one place.

    `together` are the outputs judged in one sum, `kinky` those with a kink at the place. `joint` says that all
    arguments moved at once, so that the derivative measured is of none of them alone.
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

    `quick` takes one direction instead of two; with `steps` given it is measured at these alone.
    """
    quick = quick or steps is not None
    asked_of = instrument.subject.wrt if names is None else names
    measured = measure_arguments(instrument, place, asked_of, rng, again=not quick, steps=steps)
    if place.looked is not None:
        place.looked.forget()
        place = replace(place, looked=None)
    groups = _groups(measured, place.base)
    kinky = kinky_anywhere([m.derivative for found in measured.values() for m in found], place.base)
    asked: list[_Asked] = []
    for together, group in groups:
        asked += _cotangents(rng, place, {name: measured[name] for name in group}, together, kinky, quick=quick)
    gradients = [instrument.gradients(ask.cotangent, place.inputs, place.form) for ask in asked]
    slacks = slack_of(instrument, place, measured, gradients[0], cotangent=asked[0].cotangent)
    comparisons = _compared(place, asked, gradients, measured, slacks)
    cotangents = tuple(ask.cotangent for ask in asked)
    return Evidence(place, comparisons, measured, groups[0][0], kinky, cotangents, tuple(gradients), slacks)


def gather_more(
    instrument: Instrument, seen: Evidence, rng: np.random.Generator, *, names: Sequence[str] | None = None
) -> Evidence:
    """Measure further directions near the steps found best, and compare for further cotangents: more probes."""
    place = seen.place
    names = tuple(seen.measured) if names is None else tuple(n for n in names if n in seen.measured)
    measured = {
        name: [measure_near(instrument, place, name, seen.measured[name][0], rng=rng) for _ in range(MORE)]
        for name in names
    }
    together = seen.together & judged_together([m.derivative for found in measured.values() for m in found], place.base)
    asked = [_Asked(draw_cotangent(rng, place.form, together), RANDOM, names) for _ in range(MORE)]
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
