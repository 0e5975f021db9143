"""Is the claimed gradient the adjoint of forward's derivative? Comparisons at one place, and their confirmation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, compare
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, draw_tangent, grid_dtype, line_along
from gradcheck.checks.probes import (
    Measured,
    draw_cotangent,
    equalising_weights,
    judged_together,
    kinky_anywhere,
    measure,
    measure_arguments,
    slack_of,
)
from gradcheck.numdiff.ladder import CONTRADICTED, COVERAGE
from gradcheck.numdiff.records import Derivative, Mask, Vector, norm, typical_size
from gradcheck.numdiff.tangents import random_signs
from gradcheck.subject import Array

EQUALISED = "equalised"  # the kind of a probe whose weights let outputs count alike whose slopes span decades
RANDOM = "random"
JOINT = "joint"  # the kind of a probe that moves all arguments at once
JUMP = 0.01  # a slope of zero is told from one hidden by noise where its bar is this much below the slopes of the jumps
SET_APART = "set apart"  # the kind of a probe of the outputs that would blur the others
ROUNDED_AGAIN = 10.0  # how much more than in proportion a slope may feel the rounding of its direction
A_FEW = 0.1  # of the outputs
FINE_NOISE = 1e3  # at the finest look round-off is a thousandth of the typical slope
MOVED = 2.0**8  # ulps: what rounds off a change of so many is less than its 2^-8
FINEST, COARSE_LOOK = 2.0**-44, 2.0**-24
SPLITS = 2  # of a direction into random halves: three tied entries fall into both with probability 15/16
OTHER_STEPS = 0.6  # a confirming tangent is shorter by this, so that no step repeats


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
        return all(bool(np.all(_still(m.derivative))) for m in found[:1])


def _still(d: Derivative) -> Mask:
    zero = np.abs(d.value) <= THRESHOLD * d.bar
    still: Mask = d.measured & zero & ~d.kinky & ((d.response == 0) | (THRESHOLD * d.bar <= JUMP * d.response))
    return still


def gather(instrument: Instrument, place: Place, rng: np.random.Generator, *, quick: bool = False) -> Evidence:
    """Measure every argument at `place`, ask backward for a few cotangents, and compare."""
    measured = measure_arguments(instrument, place, rng, again=not quick)
    groups = _groups(measured, place.base)
    kinky = kinky_anywhere([m.derivative for found in measured.values() for m in found], place.base)
    asked: list[_Asked] = []
    for together, names in groups:
        asked += _cotangents(rng, place, {name: measured[name] for name in names}, together, kinky, quick=quick)
    gradients = [instrument.gradients(ask.cotangent, place.inputs, place.form) for ask in asked]
    slacks = slack_of(instrument, place, measured, gradients[0], cotangent=asked[0].cotangent)
    comparisons = [
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
    ]
    cotangents = tuple(ask.cotangent for ask in asked)
    return Evidence(place, tuple(comparisons), measured, groups[0][0], kinky, cotangents, tuple(gradients), slacks)


class _Asked(NamedTuple):
    """A cotangent that backward is asked with, and the arguments that it judges."""

    cotangent: Vector
    kind: str
    names: tuple[str, ...]


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


def confirm(
    instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator, *, kind: str
) -> tuple[Comparison | None, bool]:
    """Look at a discrepancy again along a fresh direction, at other steps, with a fresh cotangent of the same kind.

    Returns the second comparison, None where none could be made, and whether outputs had to be left out: because
    forward has no derivative there (its slopes along the parts of a direction do not add up to its own), or because a
    much smaller step contradicts the slope (forward has structure finer than the ladder).
    """
    place = evidence.place
    first = evidence.measured[name][0]
    fresh = measure(instrument, place, {name: OTHER_STEPS * draw_tangent(rng, place, name)}, steps=_near(first))
    derivatives = [fresh.derivative, first.derivative]
    if kind == SET_APART:
        mask = np.isfinite(place.base) & ~evidence.together & fresh.derivative.measured & ~fresh.derivative.kinky
    else:
        mask = judged_together(derivatives, place.base)
    finer = _finer(instrument, place, fresh)
    if np.count_nonzero(mask & finer) > A_FEW * np.count_nonzero(mask):
        return None, True  # what is so often refuted is not to be trusted where noise hides the refutation either
    uneven = _not_additive(instrument, place, name, fresh, rng) | finer
    left_out = bool(np.any(mask & uneven))
    mask &= ~uneven
    if not mask.any():
        return None, left_out
    weights = equalising_weights([fresh.derivative], mask, place.form) if kind == EQUALISED else None
    cotangent = draw_cotangent(rng, place.form, mask, weights=weights)
    claim = instrument.gradients(cotangent, place.inputs, place.form).get(name)
    if claim is None:
        return None, left_out
    slack = evidence.slacks[name]
    tangent = fresh.tangents[name]
    return (
        compare(
            name,
            claim,
            tangent,
            fresh.derivative,
            cotangent=cotangent,
            slack=slack,
            place=place.name,
            kind="confirmation",
        ),
        left_out,
    )


def _finer(instrument: Instrument, place: Place, measured: Measured) -> Mask:
    """Outputs whose slope at a much smaller step stands elsewhere than the measured one, beyond what noise explains."""
    line, d = line_along(instrument, place, dict(measured.tangents)), measured.derivative
    step = _finest(place, measured)
    plus, minus = line.along(step), line.along(-step)
    if plus is None or minus is None or step >= d.step:
        return np.zeros(place.base.shape, dtype=bool)
    slope = (plus - minus) / (2.0 * step)
    gap = np.abs((plus - place.base) + (minus - place.base)) / step
    bar = COVERAGE * place.noise / step + gap / 2.0 + np.abs(slope) / MOVED
    heard = (plus != place.base) | (minus != place.base)
    refuted: Mask = heard & d.measured & (np.abs(slope - d.value) > CONTRADICTED * (bar + d.bar))
    return refuted


def _finest(place: Place, measured: Measured) -> float:
    """Return a step at which round-off is a thousandth of the slope, and every typical entry moves by 2^8 ulps."""
    slope = typical_size(np.abs(measured.derivative.value))
    wanted = FINE_NOISE * place.unit * typical_size(np.abs(place.base)) / slope if slope > 0 else 0.0
    for name, tangent in measured.tangents.items():
        moved = np.abs(tangent) > 0
        if moved.any():
            ulps = np.spacing(np.abs(place.wide[name]).astype(grid_dtype(place, name)))[moved].astype(np.float64)
            wanted = max(wanted, MOVED * typical_size(ulps / np.abs(tangent[moved])))
    return float(min(2.0 ** np.ceil(np.log2(max(wanted, FINEST))), COARSE_LOOK))


def _near(measured: Measured) -> tuple[float, ...]:
    """Return three steps down to the one found best."""
    best = measured.derivative.step or 2.0**-9
    return (16.0 * best, 4.0 * best, best)


def _not_additive(instrument: Instrument, place: Place, name: str, whole: Measured, rng: np.random.Generator) -> Mask:
    """Outputs whose slope is not the sum of the slopes along two parts of the direction: not differentiable here.

    The median of three tied entries is the plainest case: it is even along every direction, and its slope along each
    single entry is zero.
    """
    uneven = np.zeros(place.base.shape, dtype=bool)
    tangent = whole.tangents[name]
    if tangent.size < 2:
        return uneven
    for _ in range(SPLITS):
        half = random_signs(rng, tangent.shape) > 0
        parts = [
            measure(instrument, place, {name: np.where(side, tangent, 0.0)}, steps=_near(whole))
            for side in (half, ~half)
        ]
        d, (e, f) = whole.derivative, (part.derivative for part in parts)
        # The parts are rounded to the grid once more, which the slopes feel in proportion.
        rounded = norm(parts[0].tangents[name] + parts[1].tangents[name] - tangent) / norm(tangent)
        rounding = ROUNDED_AGAIN * rounded * (norm(e.value) + norm(f.value))
        off = np.abs(d.value - e.value - f.value)
        uneven |= d.measured & e.measured & f.measured & (off > THRESHOLD * (d.bar + e.bar + f.bar) + rounding)
    return uneven
