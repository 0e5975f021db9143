"""Is the claimed gradient the adjoint of forward's derivative? Comparisons at one place, and their confirmation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, compare
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

SET_APART = "set apart"  # the kind of a probe of the outputs that would blur the others
OTHER_STEPS = 0.6  # a confirming tangent is shorter by this, so that no step repeats


@dataclass(frozen=True)
class Evidence:
    """What was seen at one place.

    `together` are the outputs judged in one sum, `kinky` those with a kink at the place, `apart` the rest.
    """

    place: Place
    comparisons: tuple[Comparison, ...]
    measured: Mapping[str, list[Measured]]
    together: Mask
    kinky: Mask
    cotangents: tuple[Vector, ...] = ()
    gradients: tuple[Mapping[str, Array | None], ...] = ()
    slacks: Mapping[str, Slack] = field(default_factory=dict)

    def of(self, name: str) -> list[Comparison]:
        """Return the comparisons of one argument."""
        return [c for c in self.comparisons if c.argument == name]

    def responds(self, name: str) -> bool:
        """Tell whether any output moves with this argument by more than its bar explains."""
        found = self.measured.get(name, [])
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
    slacks = slack_of(instrument, place, gradients[0], cotangents[0])
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
        kinds.append("equalised")
    if not quick:
        cotangents.append(draw_cotangent(rng, place.form, together))
        kinds.append("random")
    if apart.any():
        cotangents.append(draw_cotangent(rng, place.form, apart))
        kinds.append(SET_APART)
    return cotangents, kinds


def confirm(
    instrument: Instrument, evidence: Evidence, name: str, rng: np.random.Generator, *, kind: str
) -> Comparison | None:
    """Look at a discrepancy again along a fresh direction, at other steps, with a fresh cotangent of the same kind."""
    place = evidence.place
    tangents = {name: OTHER_STEPS * draw_tangent(rng, place, name)}
    fresh = measure(instrument, place, tangents)
    derivatives = [fresh.derivative, *(m.derivative for m in evidence.measured.get(name, []))]
    together = judged_together(derivatives, place.base)
    mask = (
        together
        if kind != SET_APART
        else np.isfinite(place.base) & ~evidence.together & fresh.derivative.measured & ~fresh.derivative.kinky
    )
    if not mask.any():
        return None
    weights = equalising_weights([fresh.derivative], mask, place.form) if kind == "equalised" else None
    cotangent = draw_cotangent(rng, place.form, mask, weights=weights)
    claim = instrument.gradients(cotangent, place.inputs, place.form).get(name)
    if claim is None:
        return None
    slack = evidence.slacks[name]
    return compare(
        name, claim, fresh.tangents[name], fresh.derivative, cotangent, slack, place=place.name, kind="confirmation"
    )
