"""Judge outputs with a corner along equal changes of all entries, where they have none.

The median of three tied entries has no derivative, and what an entry claims is a choice; but all of them moved alike it
moves as they do, at the place and nearby. Where f has one slope along a direction, at the place and along lines close
by, every choice of branch has it too, and what the shares of a tie add up to is decided.
"""

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.choices import REACHES
from gradcheck.checks.comparison import THRESHOLD, Comparison
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import Answer, against_interval, measure_close
from gradcheck.checks.lines import STRAIGHT, line_nearby
from gradcheck.checks.outputs import flatten
from gradcheck.checks.probes import Measured
from gradcheck.checks.ruling import Flag
from gradcheck.numdiff.records import Mask, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_magnitudes

KIND = "equal changes"  # of these comparisons
CALLS, ANSWERS = 2 + STRAIGHT * len(REACHES), 2  # of forward and backward


def judge_equal_changes(
    instrument: Instrument, evidence: Evidence, name: str, cornered: Mask, *, rng: np.random.Generator
) -> Flag | None:
    """Return the flag of a claim for cornered outputs that is wrong along equal changes, None where none is."""
    if instrument.left(settling=True) < CALLS or instrument.answers_left() < ANSWERS:
        return None
    x = evidence.place.wide[name]
    change = np.full(x.shape, typical_size(natural_scale(x)))
    measured = measure_close(instrument, evidence.place, {name: change})
    straight = cornered & _is_straight(instrument, evidence, measured, rng)
    if not straight.any():
        return None
    first = _compared(instrument, evidence, measured, straight, rng=rng)
    if first is None or first.bars <= THRESHOLD:
        return None
    return Flag(first, _compared(instrument, evidence, measured, straight, rng=rng), cornered=straight)


def _is_straight(instrument: Instrument, evidence: Evidence, measured: Measured, rng: np.random.Generator) -> Mask:
    """Outputs with one slope along a direction, at the place and everywhere along lines nearby."""
    lines = (line_nearby(instrument, evidence.place, measured, rng).straight(reach) for reach in REACHES)
    straight: Mask = np.logical_and.reduce(list(lines))
    return straight


def _compared(
    instrument: Instrument, evidence: Evidence, measured: Measured, mask: Mask, *, rng: np.random.Generator
) -> Comparison | None:
    place = evidence.place
    cotangent = flatten(place.form.cut(random_magnitudes(rng, mask.shape) * mask))
    answer = Answer(cotangent, instrument.gradients(cotangent, place.inputs, place.form))
    held = against_interval(answer.claims, measured, cotangent, evidence.slacks, place=place, kind=KIND)
    return held[0] if held else None
