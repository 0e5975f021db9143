"""Is a discrepancy the measurement's? Steps of forward that look like slopes, and cancellation in a complex step."""

from dataclasses import replace

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD, Comparison, inner
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.lost_digits import Answer, answer_of
from gradcheck.checks.places import line_along
from gradcheck.checks.probes import measure
from gradcheck.numdiff.complex_step import ACCEPTED_BARS, STEP
from gradcheck.numdiff.noise import THIRD_DIFFERENCE
from gradcheck.numdiff.records import Derivative, Mask, Vector, norm_of_products

STEPS_CALLS = 2  # of forward
HEARD = 8.0  # units in the last place of an output: what moves it by more cannot pass in silence
SPACING = 2.0**-20  # of every entry: what is smooth is left out of a third difference but for 2^-60, or for steep ones
POINTS = (-2, -1, 1, 2)  # with the place itself two third differences: one alone may be small by chance
# Over these what vanishes as exp(-x) does at 30 is measured to a thousandth, in units of rounding of 30.
WIDE_STEPS = (2.0**-3, 2.0**-5, 2.0**-7)
SHARP_STEPS = (2.0**-5, 2.0**-7, 2.0**-9, 2.0**-11)  # three orders of extrapolation, and a witness of them
NEARER = 0.125  # of the discrepancy: the slope over wide steps errs by less where it tells of one at all
SMALL_BESIDE = 2.0**-12  # of the largest input: so many zero bits more than a number of its size has by chance
MULTIPLES = 4  # of the last place of the largest input: inputs a quarter as large have a last place of their own


def is_constant_close_by(instrument: Instrument, evidence: Evidence, worst: Comparison) -> bool | None:
    """Tell whether nothing is claimed and forward answers a small change with silence, to the bit (2 calls).

    Its slope along a larger one is that of steps then: `floor` rises by one in one, and its derivative is zero. What
    works in float32 or float16 is silent too, and its rounding is no such step; beside a large constant the silence of
    what moves by less than a few units in the last place tells nothing. None where outputs of float64 look rounded to a
    coarser dtype: a quantiser to a 4096th gives such, whose derivative is zero.
    """
    place = evidence.place
    if worst.reach > 0 or instrument.left(settling=True) < STEPS_CALLS:
        return False
    if place.work != np.float64:
        return None if place.form.coarsest == np.float64 else False
    measured = evidence.measured[worst.argument][0]
    line = line_along(instrument, replace(place, looked=None), dict(measured.tangents))
    step, told = line.smallest_step, measured.derivative.measured
    moved = np.abs(measured.derivative.value[told]) * step
    if not np.any(moved > HEARD * np.spacing(np.abs(place.base[told]))):
        return False
    return all((there := line.along(way)) is not None and np.array_equal(there, place.base) for way in (step, -step))


def is_complex_noise(instrument: Instrument, evidence: Evidence, worst: Comparison) -> bool | None:
    """Tell whether a complex step's own cancellation explains a discrepancy (4 complex calls); None without the calls.

    sin(z) / z loses as many digits in its imaginary part at 1e-4 as a difference would, and answers a few ulps with
    silence, for the cosine beside it is rounded alike. Asked is only about what real differences would not show. Third
    differences of the complex step, over points whose entries differ relatively, are free of what is smooth.
    """
    answer = answer_of(evidence, worst)
    proven = None if answer is None else answer.along.derivative.proven
    if answer is None or proven is None:
        return False
    derivative, place, name = answer.along.derivative, evidence.place, worst.argument
    if worst.discrepancy > ACCEPTED_BARS * norm_of_products(answer.cotangent, proven):
        return False
    if (lost := _is_lost(instrument, evidence, worst, answer)) is not None:
        return lost
    if instrument.left(settling=True) < len(POINTS):
        instrument.left_out.append("telling cancellation in a complex step from a mistake")
        return None
    seen = {0: derivative.value}
    for k in POINTS:
        moved = dict(place.wide)
        moved[name] = place.wide[name] * (1.0 + k * SPACING * answer.ways / np.max(np.abs(answer.ways)))
        line = line_along(instrument, replace(place, wide=moved, looked=None), {name: answer.tangent})
        outputs = None if line.carried is None else line.carried(STEP)
        if outputs is None or not np.all(np.isfinite(outputs)):
            return False
        seen[k] = outputs.imag / STEP
    third = np.diff(np.stack([seen[k] for k in sorted(seen)]), n=3, axis=0) / THIRD_DIFFERENCE
    noise = np.sqrt(np.mean(third**2, axis=0))
    return worst.discrepancy <= THRESHOLD * float(np.hypot(worst.bar, norm_of_products(answer.cotangent, noise)))


def _is_lost(instrument: Instrument, evidence: Evidence, worst: Comparison, answer: Answer) -> bool | None:
    """Tell whether real differences side with the claim, against a complex step that lost a small term (8 calls).

    numpy.abs drops imaginary parts: what 1e-6 |w| adds is below what the first differences had to confirm. None where
    they are not sharp enough to tell.
    """
    if instrument.left() < 2 * len(SHARP_STEPS):
        return None
    place = replace(evidence.place, carries_complex=False, looked=None)
    real = measure(instrument, place, dict(answer.along.tangents), steps=SHARP_STEPS).derivative
    heard = answer.cotangent != 0
    if not np.all(real.measured[heard]) or real.kinky[heard].any():
        return None
    bar = norm_of_products(answer.cotangent, np.where(heard, real.bar, 0.0))
    off = abs(worst.claimed - inner(answer.cotangent, np.where(heard, real.value, 0.0)))
    return off <= THRESHOLD * bar if THRESHOLD * bar < worst.discrepancy / 2.0 else None


def is_cancelled(instrument: Instrument, evidence: Evidence, worst: Comparison) -> bool | None:
    """Tell whether forward's slope is what cancellation left of it (6 calls); None where that cannot be told.

    log(1 + exp(x)) - x at 30 is known to no better than the last place of 30, and moves by less over all but the widest
    steps: differences are zero there, to the bit, and so is the noise that a few ulps show, for both terms move alike.
    Asked is only about what moves forward by less than that, and would if the claim were right. Over wide steps its own
    slope must agree with the claim, and have been able to show the discrepancy. Where its bars are too wide for that it
    leaves the claim open which is much closer to it than to the other slope, and so do outputs that are multiples of
    that last place: those of a tail that is computed well have digits of their own. Outputs that no step moved by a
    bit may come from float32, where a sigmoid of 17 is one.
    """
    answer, place = answer_of(evidence, worst), evidence.place
    if answer is None or place.work != np.float64 or worst.reach == 0.0:
        return False
    derivative = answer.along.derivative
    heard = derivative.measured & (answer.cotangent != 0)
    single = not place.stepped and _silent_float32(derivative, place.base, heard)
    largest = max(float(np.max(np.abs(place.wide[n]), initial=0.0)) for n in instrument.subject.wrt)
    last = float(np.spacing(np.float32(largest) if single else largest))
    slopes = max(float(np.max(np.abs(derivative.value[heard]), initial=0.0)), worst.discrepancy)
    moved = slopes * (derivative.step or max(WIDE_STEPS))
    if moved > HEARD * last or 2 * len(WIDE_STEPS) > instrument.left(settling=True):
        return False
    shown = replace(place, noise=np.maximum(place.noise, last), carries_complex=False, looked=None)
    again = measure(instrument, shown, dict(answer.along.tangents), steps=WIDE_STEPS).derivative
    bar = norm_of_products(answer.cotangent, np.where(heard, again.bar, 0.0))
    off = abs(worst.claimed - inner(answer.cotangent, np.where(heard, again.value, 0.0)))
    if np.all(again.measured[heard]) and not again.kinky[heard].any():
        if THRESHOLD * bar < worst.discrepancy:
            return off <= THRESHOLD * bar
        if off < NEARER * worst.discrepancy:
            return None
    small = heard & (np.abs(place.base) < SMALL_BESIDE * last / np.finfo(np.float64).eps)
    ways = place.base[small] * (MULTIPLES / last)
    return None if single or np.any(ways == np.rint(ways)) else False


def _silent_float32(derivative: Derivative, base: Vector, heard: Mask) -> bool:
    """Tell whether no output moved by a bit at any step, and all are numbers of float32, as saturated ones are."""
    still = (derivative.value == 0) & (derivative.response == 0) & (base == base.astype(np.float32))
    return bool(heard.any() and np.all(still[heard]))
