"""Is the claimed gradient the adjoint of forward's derivative? Comparisons at one place, and their confirmation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, compare, norm
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, draw_tangent
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
from gradcheck.numdiff.records import Mask, Vector
from gradcheck.subject import Array

EQUALISED = "equalised"  # the kind of a probe whose weights let outputs count alike whose slopes span decades
SET_APART = "set apart"  # the kind of a probe of the outputs that would blur the others
ROUNDED_AGAIN = 10.0  # how much more than in proportion a slope may feel the rounding of its direction
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

    def responds(self, name: str) -> bool:
        """Tell whether any output moves with this argument by more than its bar explains."""
        found = [] if self.joint else self.measured.get(name, [])
        return any(bool(np.any(np.abs(m.derivative.value) > THRESHOLD * m.derivative.bar)) for m in found)


def gather(instrument: Instrument, place: Place, rng: np.random.Generator, *, quick: bool = False) -> Evidence:
    """Measure every argument at `place`, ask backward for a few cotangents, and compare."""
    measured = measure_arguments(instrument, place, rng, again=not quick)
    derivatives = [m.derivative for found in measured.values() for m in found]
    together = judged_together(derivatives, place.base)
    kinky = kinky_anywhere(derivatives, place.base)
    apart = np.isfinite(place.base) & ~together & ~kinky
    for d in derivatives:
        apart &= d.measured
    cotangents, kinds = _cotangents(rng, place, measured, together, apart, quick=quick)
    gradients = [instrument.gradients(flat, place.inputs, place.form) for flat in cotangents]
    slacks = slack_of(instrument, place, measured, gradients[0], cotangents[0])
    comparisons = [
        compare(name, claim, m.tangents[name], m.derivative, flat, slacks[name], place=place.name, kind=kind)
        for flat, kind, claims in zip(cotangents, kinds, gradients, strict=True)
        for name, found in measured.items()
        for m in found
        if (claim := claims.get(name)) is not None
    ]
    return Evidence(place, tuple(comparisons), measured, together, kinky, tuple(cotangents), tuple(gradients), slacks)


def _cotangents(
    rng: np.random.Generator,
    place: Place,
    measured: Mapping[str, list[Measured]],
    together: Mask,
    apart: Mask,
    *,
    quick: bool,
) -> tuple[list[Vector], list[str]]:
    first = [found[0].derivative for found in measured.values()]
    cotangents = [draw_cotangent(rng, place.form, together)]
    kinds = ["random"]
    weights = equalising_weights(first, together, place.form)
    if weights is not None:
        cotangents.append(draw_cotangent(rng, place.form, together, weights=weights))
        kinds.append(EQUALISED)
    if not quick:
        cotangents.append(draw_cotangent(rng, place.form, together))
        kinds.append("random")
    if apart.any():
        cotangents.append(draw_cotangent(rng, place.form, apart))
        kinds.append(SET_APART)
    return cotangents, kinds


def confirm(
    instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator, *, kind: str
) -> tuple[Comparison | None, bool]:
    """Look at a discrepancy again along a fresh direction, at other steps, with a fresh cotangent of the same kind.

    Returns the second comparison, None where none could be made, and whether outputs had to be left out because
    forward has no derivative there: its slopes along two directions and along their sum do not add up.
    """
    place = evidence.place
    fresh = measure(instrument, place, {name: OTHER_STEPS * draw_tangent(rng, place, name)})
    first = evidence.measured[name][0]
    derivatives = [fresh.derivative, first.derivative]
    if kind == SET_APART:
        mask = np.isfinite(place.base) & ~evidence.together & fresh.derivative.measured & ~fresh.derivative.kinky
    else:
        mask = judged_together(derivatives, place.base)
    uneven = _not_additive(instrument, place, name, first, fresh)
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
        compare(name, claim, tangent, fresh.derivative, cotangent, slack, place=place.name, kind="confirmation"),
        left_out,
    )


def _not_additive(instrument: Instrument, place: Place, name: str, one: Measured, other: Measured) -> Mask:
    """Outputs whose slope along the sum of two directions is not the sum of their slopes: not differentiable here."""
    both = measure(instrument, place, {name: one.tangents[name] + other.tangents[name]})
    d, e, f = one.derivative, other.derivative, both.derivative
    wanted = one.tangents[name] + other.tangents[name]
    # The sum is rounded to the grid once more, which the slopes feel in proportion.
    share = norm(both.tangents[name] - wanted) / max(norm(wanted), np.finfo(np.float64).tiny)
    rounding = ROUNDED_AGAIN * share * (norm(d.value) + norm(e.value))
    off = np.abs(f.value - d.value - e.value)
    known = d.measured & e.measured & f.measured
    return known & (off > THRESHOLD * (d.bar + e.bar + f.bar) + rounding)
