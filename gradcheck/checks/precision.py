"""Hold a float32 or float16 gradient to the float64 one: they may differ by its own rounding alone.

Where the layer also runs in float64, its code is judged there, at the rounded inputs, with float64's sharpness; what is
left to ask is whether its low-precision answer stands within rounding of that. An entry that is a sum of K terms of
random sign, added up in order, errs by about u sqrt(K / 2) of its size; entries that cancel err by as much as their
neighbours, so the typical entry's size counts too, and so does the measured response to a change by a few ulps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.comparison import SUMMATION, THRESHOLD, Comparison
from gradcheck.checks.instrument import Instrument, copied
from gradcheck.checks.lost_digits import Question, nearer, steps_nearer
from gradcheck.checks.outputs import Form
from gradcheck.checks.places import GIVEN, Place, draw_tangent, line_along
from gradcheck.checks.probes import claim_unit, draw_cotangent
from gradcheck.checks.ruling import Flag
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.numdiff.ladder import GAP_NOISE, Along
from gradcheck.numdiff.noise import SAME, few_ulps
from gradcheck.numdiff.records import Mask, Vector, norm, root_mean_square, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_direction
from gradcheck.subject import Array, Subject, is_floating

CANCELLED = 2.0  # units: both terms of a difference that cancels are rounded
REACH = 32.0  # units of rounding: a branch closer than this can be taken either way in low precision
BRANCH_CALLS = 4  # calls of forward: at a step and at half of it
CURVED = 64.0  # a gap beyond this many times the step (per scale of the input) is a kink's and not a curve's
LOW_PRECISION = "low precision"


@dataclass(frozen=True)
class PrecisionRuling:
    """Comparisons of the low-precision gradient with the float64 one, and the flags among them."""

    comparisons: tuple[Comparison, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] | None = None


def is_low(subject: Subject) -> bool:
    """Tell whether any argument under test is of lower precision than float64."""
    return any(subject.inputs[name].dtype != np.float64 for name in subject.wrt)


def runs_wide(instrument: Instrument, subject: Subject, place: Place, rng: np.random.Generator) -> bool:
    """Tell whether backward too runs in float64 at the widened inputs, where forward stays there, and does so."""
    double = Form(place.form.shapes, (np.dtype(np.float64),) * len(place.form.shapes))
    cotangent = draw_cotangent(rng, double, np.isfinite(place.base))
    try:
        raw = instrument.raw_backward(double.cut(cotangent), place.wide)
    except (GradcheckError, LayerFault):
        return False
    claimed = [np.asarray(value) for name in subject.wrt if (value := raw.get(name)) is not None]
    return bool(claimed) and all(value.dtype == np.float64 for value in claimed)


def judge_precision(
    instrument: Instrument, wide: Place, low: Place, together: Mask, *, rng: np.random.Generator
) -> PrecisionRuling:
    """Hold the gradients at the inputs of `low` against those at the widened inputs, entry by entry, twice at most.

    Takes 4 to 8 calls of forward before; where calls do not suffice for these nothing is told.
    """
    if instrument.left() < BRANCH_CALLS:
        instrument.left_out.append("the gradient in the inputs' own precision")
        return PrecisionRuling()
    mask = together & ~_branches_in_reach(instrument, low, rng)
    if not mask.any():
        return PrecisionRuling()
    cotangent = draw_cotangent(rng, low.form, mask)
    first = _compare(instrument, low, wide, cotangent)
    lost = {
        n: _lost(instrument, low, c, cotangent) for n, c in first.items() if _may_be_lost(instrument, low, c, cotangent)
    }
    if lost:
        first = _compare(instrument, low, wide, cotangent, lost=lost)
    if not any(c.bars > THRESHOLD for c in first.values()):
        return PrecisionRuling(tuple(first.values()), {})
    second = _compare(instrument, low, wide, draw_cotangent(rng, low.form, mask))
    flags = {name: (Flag(c, second.get(name)),) for name, c in first.items() if c.bars > THRESHOLD}
    return PrecisionRuling(tuple(first.values()), flags)


def _may_be_lost(instrument: Instrument, low: Place, c: Comparison, cotangent: Vector) -> bool:
    """Tell whether a discrepancy is below the rounding of a claim with slopes of one (see lost_digits.py)."""
    rounding = SUMMATION * claim_unit(instrument, low) * norm(cotangent)
    return c.bars > THRESHOLD and c.discrepancy <= THRESHOLD * rounding


def _lost(instrument: Instrument, low: Place, c: Comparison, cotangent: Vector) -> Array:
    """Return the steps in which a claim of low precision moves, entry by entry, here or nearer to zero."""
    name, x = c.argument, low.inputs[c.argument]
    question = Question(low.inputs, low.form, cotangent, name, random_direction(np.random.default_rng(0), x.shape))
    first = instrument.gradients(cotangent, low.inputs, low.form).get(name)
    found = np.zeros(x.shape)
    if first is not None:
        unit = claim_unit(instrument, low)
        factor = nearer(c.discrepancy / norm(cotangent), unit)
        steps = steps_nearer(instrument, question, first, unit=unit, factor=factor)
        found = found if steps is None else steps
    return np.maximum(found, root_mean_square(found))


def _branches_in_reach(instrument: Instrument, low: Place, rng: np.random.Generator) -> Mask:
    """Outputs with a kink within the reach of the low precision's rounding, along two joint directions, or one."""
    step = REACH * claim_unit(instrument, low)
    found = np.zeros(low.base.shape, dtype=bool)
    for _ in range(2):
        if instrument.left() < BRANCH_CALLS:
            break
        tangents = {name: draw_tangent(rng, low, name) for name in instrument.subject.wrt}
        along = line_along(instrument, low, tangents).along
        plus, minus = along(step), along(-step)
        if plus is None or minus is None:
            continue
        slope = np.abs(plus - minus) / (2.0 * step)
        gap = np.abs((plus - low.base) + (minus - low.base)) / step
        typical = float(np.sqrt(np.mean(slope[np.isfinite(slope)] ** 2))) if np.isfinite(slope).any() else 0.0
        noise = GAP_NOISE * low.noise / step
        bent = ~np.isfinite(gap) | (gap > CURVED * step * np.maximum(slope, typical) + noise)
        if bent.any() and not np.all(found[bent]):
            bent &= ~_curved(along, low, gap, step, noise=noise)
        found |= bent
    return found


def _curved(along: Along, low: Place, gap: Vector, step: float, *, noise: Vector) -> Mask:
    """Tell a curve's gap, which is half as large at half the step, from a kink's, which stays or vanishes.

    The slopes of a scalar loss may cancel along a direction, so that its gap is large beside what is left of them.
    """
    plus, minus = along(step / 2.0), along(-step / 2.0)
    if plus is None or minus is None:
        return np.zeros(gap.shape, dtype=bool)
    with np.errstate(all="ignore"):
        closer = np.abs((plus - low.base) + (minus - low.base)) / (step / 2.0)
        curved: Mask = np.abs(2.0 * closer - gap) <= SAME * gap + 4.0 * noise  # its own noise is twice as large, twice
    return curved


def _compare(
    instrument: Instrument, low: Place, wide: Place, cotangent: Vector, *, lost: Mapping[str, Array] | None = None
) -> dict[str, Comparison]:
    """Compare entry by entry; `lost` are the steps in which claims move that lose digits."""
    unit = claim_unit(instrument, low)
    terms = max([low.base.size, *(v.size for v in low.inputs.values() if is_floating(v))])
    moved = copied(low.inputs) | {n: few_ulps(low.inputs[n], 11, low.inputs[n].dtype) for n in instrument.subject.wrt}
    rounding = SUMMATION * unit * float(np.sqrt(terms))
    claims = instrument.gradients(cotangent, low.inputs, low.form)
    truths = instrument.gradients(cotangent, wide.inputs, wide.form)
    nearby = instrument.gradients(cotangent, moved, low.form)
    found = {}
    for name in instrument.subject.wrt:
        claim, truth, other = claims.get(name), truths.get(name), nearby.get(name)
        if claim is not None and truth is not None and claim.size:
            response = np.zeros(claim.shape) if other is None else np.abs(other - claim)
            floor = _undetermined(low, name, cotangent, unit) + (lost or {}).get(name, 0.0)
            found[name] = _worst_entry(name, claim, truth, response, rounding=rounding, floor=floor)
    return found


def _undetermined(low: Place, name: str, cotangent: Vector, unit: float) -> float:
    """What the outputs' own rounding leaves open in one entry: 1 - p in low precision, where p is nearly one.

    An output of size y known to u y moves by that much when the input moves by its scale; products below the dtype's
    smallest normal number are lost besides.
    """
    finite = np.isfinite(low.base)
    size = float(np.max(np.abs(cotangent * low.base)[finite], initial=0.0))
    scale = typical_size(natural_scale(low.wide[name]))
    smallest = float(np.finfo(low.inputs[name].dtype).tiny)
    return CANCELLED * unit * size / max(scale, np.finfo(np.float64).tiny) + smallest * norm(cotangent)


def _worst_entry(
    name: str, claim: Array, truth: Array, response: Array, *, rounding: float, floor: float | Array
) -> Comparison:
    typical = root_mean_square(truth)
    bar = rounding * np.maximum(np.abs(truth), typical) + np.maximum(response, root_mean_square(response)) + floor
    with np.errstate(all="ignore"):
        bars = np.where(claim == truth, 0.0, np.abs(claim - truth) / bar)
    worst = np.unravel_index(int(np.argmax(bars)), bars.shape)
    apart = root_mean_square(claim - truth)
    return Comparison(
        argument=name,
        place=GIVEN,
        kind=LOW_PRECISION,
        claimed=float(claim[worst]),
        measured=float(truth[worst]),
        measured_bar=float(bar[worst]),
        bar=float(bar[worst]),
        reach=typical,
        entries=claim.size,
        shown=apart,
        method="the same layer in float64",
    )
