"""Judge a forward of low precision by many probes at once, where rounding leaves each of them too blunt.

Along a few directions, at steps as large as the values' own spread, every output is measured with a bar that is one
standard deviation; a few cotangents are weighed against all of them, and the squares of the discrepancies in bars are
added up. Given what forward showed, a cotangent's random signs make each discrepancy sub-Gaussian with its bar as
parameter (Hoeffding 1963), so that E exp(s d^2) <= (1 - 2s)^(-1/2), for the mean over the directions too (Jensen), and
the sum over N independent cotangents exceeds N r with probability at most exp(-N (r - 1 - ln r) / 2) (Chernoff).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import COMPARISONS, FALSE_ALARMS, SMALLEST, SUMMATION, THRESHOLD, Comparison, inner
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, draw_tangent, line_along
from gradcheck.checks.precision import CANCELLED
from gradcheck.checks.probes import OTHER_STEPS, Measured, draw_cotangent
from gradcheck.checks.resolution import MISSED, SMALLEST_MAGNITUDE
from gradcheck.checks.ruling import MAY_BE_STEPS, Flag
from gradcheck.numdiff.directional import differentiate
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.noise import NEIGHBOURS_ENOUGH, on_one_grid
from gradcheck.numdiff.records import Vector, norm_of_products, typical_size
from gradcheck.numdiff.steps import may_lie_on_steps
from gradcheck.subject import Array

AVERAGED = "averaged"  # the kind of these comparisons
STEPS = (1.0, 2.0**-1, 2.0**-2, 2.0**-3, 2.0**-4)  # of the values' spread; the last two are for what has a kink nearby
USUAL = 3  # steps, where calls do not suffice for all
FINER = 2.0**-2  # times these in float32: where u / h and h^6 are in balance h goes with u^(1/7), and this is 0.28
WEIGHTS = 1.03  # the gain of the last extrapolation on independent noise, over the smallest step
DIRECTIONS, COTANGENTS = 2, 6  # 12 calls of forward a look, 20 where larger steps do not do, and 6 of backward
MOST = 8.0  # times the typical output's weight, by how well it is known: none decides alone
A_DIRECTION = 2 * USUAL  # calls of forward
CALLS = A_DIRECTION * DIRECTIONS  # of forward, that a look costs at least
ALARM = float(np.log(COMPARISONS / FALSE_ALARMS))
CONFIRMED = THRESHOLD**2 / 8.0 - float(np.log(2.0))  # as a second look elsewhere: 3.4e-3


@dataclass(frozen=True)
class Averaged:
    """What many probes at once showed: the flags among them, and the resolution of each argument and of one entry."""

    flags: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict)
    resolutions: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Look:
    """Discrepancies in bars, cotangents by directions, and what they were made of; `degrees` are independent."""

    comparisons: Sequence[Sequence[Comparison]]
    degrees: int

    @property
    def square(self) -> float:
        """The mean square of the discrepancies in bars."""
        return float(np.mean([[c.bars**2 for c in row] for row in self.comparisons]))

    @property
    def worst(self) -> Comparison:
        return max((c for row in self.comparisons for c in row), key=lambda c: c.bars)


def judge_averaged(instrument: Instrument, given: Evidence, rng: np.random.Generator, names: Sequence[str]) -> Averaged:
    """Take the squares of many probes together for every argument of `names`, and once more where they are too large.

    Costs 12 to 20 calls of forward and 6 of backward for each, as far as calls reach, and as many more, or half of
    them, before it is accused.
    """
    flags: dict[str, tuple[Flag, ...]] = {}
    resolutions: dict[str, tuple[float, float]] = {}
    for name in names:
        if instrument.left() < CALLS:
            instrument.left_out.append("many probes at once of what noise hides")
            break
        look = _look(instrument, given, name, rng)
        if look is None:
            continue
        ratio = threshold_of(look.degrees, ALARM)
        resolutions[name] = _resolution(look, ratio)
        if look.square > ratio and look.worst.reach == 0.0 and _may_move_in_steps(given.place):
            # Its derivative is zero then.
            flags[name] = (Flag(_said(look, ratio, THRESHOLD), None, untold=MAY_BE_STEPS),)
        elif look.square > ratio:
            directions = int(min(DIRECTIONS, instrument.left(settling=True) // A_DIRECTION))
            again = _look(instrument, given, name, rng, shorter=OTHER_STEPS, directions=directions)
            second = None if again is None else _said(again, threshold_of(again.degrees, CONFIRMED), THRESHOLD / 2.0)
            flags[name] = (Flag(_said(look, ratio, THRESHOLD), second),)
    return Averaged(flags, resolutions)


def _may_move_in_steps(place: Place) -> bool:
    """Tell whether forward may move in steps: it counts, or rounds to a grid that its dtype does not explain.

    Outputs in float64 that look rounded to a coarser dtype may be a quantiser's as well, if they all lie on its steps.
    """
    whole = bool(np.all(place.base == np.rint(place.base)))
    steps = place.form.coarsest == np.float64 and may_lie_on_steps(place.base, place.work)
    return whole or steps or on_one_grid(place.base, place.work)


def threshold_of(degrees: float, logarithm: float, *, below: bool = False) -> float:
    """Return the ratio r, above or `below` one, with N (r - 1 - ln r) / 2 equal to `logarithm` for N degrees."""
    low, high = (0.0, 1.0) if below else (1.0, 4.0 + 4.0 * logarithm / degrees)
    for _ in range(60):
        middle = (low + high) / 2.0
        if (degrees * (middle - 1.0 - np.log(middle)) / 2.0 > logarithm) == below:
            low = middle
        else:
            high = middle
    return high


def understated(samples: int) -> float:
    """Return by what factor a deviation read off so many samples may be too small, at the rate of false alarms.

    No more than the coverage that a bar of its own has.
    """
    return min(float(threshold_of(samples, ALARM, below=True) ** -0.5), COVERAGE)


def _look(
    instrument: Instrument,
    given: Evidence,
    name: str,
    rng: np.random.Generator,
    *,
    shorter: float = 1.0,
    directions: int = DIRECTIONS,
) -> _Look | None:
    place = given.place
    steps = len(STEPS) if instrument.left() >= 2 * len(STEPS) * directions + A_DIRECTION else USUAL
    measured = [_measured(instrument, place, name, rng, shorter=shorter, number=steps) for _ in range(directions)]
    if not measured:
        return None
    weights = _weights(measured, place.base)
    outputs = int(np.count_nonzero(weights))
    if not outputs:
        return None
    rows = []
    cotangents = int(min(COTANGENTS, instrument.answers_left()))
    for _ in range(cotangents):
        cotangent = draw_cotangent(rng, place.form, weights > 0, weights=weights)
        claim = instrument.gradients(cotangent, place.inputs, place.form).get(name)
        if claim is None:
            return None
        rows.append([_compared(given, name, claim, m, cotangent=cotangent) for m in measured])
    # The signs of few outputs decide little: there the directions count, whose errors are drawn anew.
    degrees = cotangents if outputs >= NEIGHBOURS_ENOUGH else min(cotangents, directions)
    return _Look(rows, degrees) if rows else None


def _measured(
    instrument: Instrument, place: Place, name: str, rng: np.random.Generator, *, shorter: float, number: int
) -> Measured:
    """Measure a direction at large steps, with bars that are standard deviations as far as rounding goes."""
    tangents = {name: shorter * draw_tangent(rng, place, name)}
    line = line_along(instrument, place, tangents)
    samples = place.base.size * (2 if place.base.size < NEIGHBOURS_ENOUGH else 1)
    noise = place.noise * (WEIGHTS / COVERAGE * understated(samples))
    line = replace(line, noise=noise, carried=None, carried_again=None, hidden=None)
    steps = STEPS if place.work == np.float16 else tuple(FINER * step for step in STEPS)
    return Measured(tangents, differentiate(line, steps=steps[:number]))


def _weights(measured: Sequence[Measured], base: Vector) -> Vector:
    """Return how much each output counts: the better known the more, not at all where it is not known everywhere."""
    bar = np.max([m.derivative.bar for m in measured], axis=0)
    usable = np.isfinite(base) & np.isfinite(bar)
    for m in measured:
        usable &= ~m.derivative.kinky
    typical = typical_size(bar[usable])
    weights: Vector = np.where(usable, typical / np.clip(bar, typical / MOST, typical * MOST), 0.0)
    return weights


def _compared(given: Evidence, name: str, claim: Array, measured: Measured, *, cotangent: Vector) -> Comparison:
    slack, tangent, d = given.slacks[name], measured.tangents[name], measured.derivative
    reach = norm_of_products(claim, tangent)
    few = claim.size < NEIGHBOURS_ENOUGH
    own = slack.relative_rounding if few else SUMMATION * slack.unit
    answered = understated(claim.size) * slack.response_along(tangent, reach)
    parts = [
        norm_of_products(cotangent, d.bar),
        own * reach,
        answered,
        CANCELLED * norm_of_products(cotangent, slack.noise),
    ]
    values = np.where(cotangent != 0, d.value, 0.0)
    bar = float(np.hypot.reduce(parts)) + SMALLEST * float(np.sqrt(claim.size + cotangent.size))
    return Comparison(
        argument=name,
        place=given.place.name,
        kind=AVERAGED,
        claimed=inner(claim, tangent),
        measured=inner(cotangent, values),
        measured_bar=parts[0],
        bar=bar,
        reach=reach,
        entries=max(int(np.count_nonzero(tangent)), 1),
        shown=norm_of_products(cotangent, values),
        method=d.method,
    )


def _said(look: _Look, ratio: float, limit: float) -> Comparison:
    """Return the worst comparison, its bar scaled so that `limit` stands for what the squares may add up to."""
    worst = look.worst
    bars = limit * float(np.sqrt(look.square / ratio))
    return replace(worst, bar=worst.discrepancy / bars) if bars > 0 else worst


def _resolution(look: _Look, ratio: float) -> tuple[float, float]:
    """Return the smallest relative error of the gradient, and of one entry, that the sum would have shown.

    An error of the whole adds nearly independent normal numbers to the probes, whose mean square is seldom small.
    """
    flat = [c for row in look.comparisons for c in row]
    shares = [(max(c.reach, c.shown) / c.bar) ** 2 for c in flat]
    share = float(np.sqrt(np.mean(shares)))
    if share == 0.0:
        return float("inf"), float("inf")
    seldom = threshold_of(len(flat), -float(np.log(MISSED)), below=True)
    whole = float(np.sqrt(ratio / seldom)) / share
    entries = flat[0].entries
    alone = threshold_of(len(look.comparisons), -float(np.log(MISSED)), below=True)
    return whole, float(np.sqrt(ratio / alone * entries)) / share / (2.0 * SMALLEST_MAGNITUDE)
