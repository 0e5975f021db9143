"""Judge outputs with a kink at the point: the claim must lie between the one-sided derivatives.

Along a direction t a convex f has the one-sided derivatives -f'(x; -t) <= f'(x; t), and g is a subgradient exactly
when <g, t> lies between them for every t (Rockafellar 1970, theorem 23.2); for a concave f likewise. So outputs that
are set apart for their kinks are judged by intervals, with weights of one sign so that the intervals add up: along
the directions already measured, along equal changes of all entries (where the weights of a tie must sum to one
exactly), and along the claim's own direction, in which any claim that is too long shows, whatever its signs.

Where f is neither convex nor concave the interval is not the subdifferential. Outputs whose gaps have both signs
along the parts of a direction are such, and a claim outside their interval counts as a choice of branch.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD, Comparison, Slack, inner
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import flatten
from gradcheck.checks.places import Place, line_along
from gradcheck.checks.probes import Measured, measure
from gradcheck.checks.ruling import Flag
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.records import Derivative, Mask, Vector, norm, nowhere, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_magnitudes
from gradcheck.subject import Array

Claims = Mapping[str, Array | None]

CLOSE_STEP = 2.0**-20  # close enough to the point that other kinks rarely interfere
STEEPEST = 2.0**8  # times its slope and scale: a smooth function that curves more was no kink to the ladder
COARSE_CLOSE_STEPS = (2.0**-6, 2.0**-8)  # for a forward that works in float32 or float16
SINGLES = 3  # kinky outputs that are also judged one by one
ALONE = "kink"  # the kind of a comparison along a direction of one argument alone
NEIGHBOURS = 8
NEARBY, NEIGHBOUR_STEP = 2.0**-12, 2.0**-20  # of the natural scale: far enough from each other to leave every tie
BENT = 2.0**-6  # of an interval: what it may change over the distance to the points nearby, 64 times that
CALLS = 36  # of forward before a claim at a kink is accused: parts, neighbours and a second look
AGAIN = 20  # of forward, of these, for neighbours and a second look once more
PARTS = 8  # a direction is split into at most so many parts to tell convex outputs from others


@dataclass(frozen=True)
class KinkRuling:
    """Comparisons made at kinks, the flags among them, and the outputs left undecided."""

    comparisons: tuple[Comparison, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] | None = None
    undecided: int = 0
    judged: int = 0


def judge_kinks(
    instrument: Instrument, evidence: Evidence, rng: np.random.Generator, *, wrong: Collection[str] = ()
) -> KinkRuling:
    """Judge the outputs that have a kink at the place of `evidence`; nothing to do where there is none.

    `wrong` are arguments already known to disagree: they spoil every direction that moves all arguments at once, so
    that nothing more can be said along those.
    """
    if not evidence.kinky.any():
        return KinkRuling()
    place, mask = evidence.place, evidence.kinky
    order = rng.permutation(np.flatnonzero(mask))  # those judged one by one come first, each time the same
    asked = _ask(instrument, place, mask, rng, order=order)
    directions = _directions(instrument, evidence, asked[0].claims)
    found = _joined(_held(asked, directions, evidence))
    if not any(c.bars > THRESHOLD for c in found):
        return KinkRuling(tuple(found), {}, 0, int(np.count_nonzero(mask)))
    worst = max(zip(_held(asked, directions, evidence), directions, strict=True), key=lambda pair: _most(pair[0]))[1][1]
    pure = _pure(instrument, place, asked[0].claims, mask, along=worst, rng=rng)
    undecided = int(np.count_nonzero(mask & ~pure))
    if not pure.any():
        return KinkRuling((), {}, undecided, 0)
    if undecided:
        asked = _ask(instrument, place, pure, rng, order=order)
    first = _joined(_held(asked, directions, evidence))
    if not any(c.bars > THRESHOLD for c in first):
        return KinkRuling(tuple(first), {}, undecided, int(np.count_nonzero(pure)))
    asked = _ask(instrument, place, pure, rng, order=order)
    second = _joined(_held(asked, _directions(instrument, evidence, asked[0].claims), evidence))
    alone = {c.argument for c in first if c.kind == ALONE and c.bars > THRESHOLD}
    by_themselves = [c for c in first if c.kind == ALONE]
    claims = asked[0].claims
    blamed = {name: by_themselves if (alone or wrong) and name not in alone else first for name in claims}
    flags = {name: tuple(_flags(name, blamed[name], second)) for name in claims}
    return KinkRuling(tuple(first), flags, undecided, int(np.count_nonzero(pure)))


def _pure(
    instrument: Instrument, place: Place, claims: Claims, mask: Mask, *, along: Measured, rng: np.random.Generator
) -> Mask:
    """Return the outputs of `mask` that are convex or concave as far as can be told; none without the calls to tell."""
    if instrument.left(open_question=True) < CALLS:
        instrument.left_out.append("telling whether a claim at a kink is a choice of branch")
        return np.zeros_like(mask)
    pure = mask & ~_mixed(instrument, place, claims, mask, rng)
    pure &= ~_outside(instrument, place, along, rng)
    if np.array_equal(pure, mask):
        return pure
    # Where there is one there may be others.
    again = instrument.left(open_question=True) >= AGAIN
    return pure & ~_outside(instrument, place, along, rng) if again else np.zeros_like(mask)


def _flags(name: str, first: Sequence[Comparison], second: Sequence[Comparison]) -> list[Flag]:
    flags = []
    for kind in dict.fromkeys(c.kind for c in first):
        once = [c for c in first if c.argument == name and c.kind == kind]
        again = [c for c in second if c.argument == name and c.kind == kind]
        if once and again and max(c.bars for c in once) > THRESHOLD:
            flags.append(Flag(max(once, key=lambda c: c.bars), max(again, key=lambda c: c.bars)))
    return flags


class _Answer(NamedTuple):
    """A cotangent at kinky outputs, and what backward claims for it."""

    cotangent: Vector
    claims: Claims


Direction = tuple[str, Measured]


def _ask(
    instrument: Instrument, place: Place, mask: Mask, rng: np.random.Generator, *, order: NDArray[np.intp]
) -> list[_Answer]:
    """Ask backward for all outputs of `mask` jointly, and for the first of them in `order` one by one."""
    cotangents = [flatten(place.form.cut(random_magnitudes(rng, mask.shape) * mask))]
    for output in order[mask[order]][:SINGLES]:
        single = np.zeros(mask.shape)
        single[output] = 1.0
        cotangents.append(single)
    return [_Answer(c, instrument.gradients(c, place.inputs, place.form)) for c in cotangents]


def _directions(instrument: Instrument, evidence: Evidence, joint: Claims) -> list[Direction]:
    """Return the measured directions, the one of equal changes, and the claim's own."""
    place = evidence.place
    directions = [(ALONE, found[0]) for found in evidence.measured.values()]
    directions.append(("equal changes", measure_close(instrument, place, _equal(place, joint))))
    own = _own(place, joint)
    if own:
        directions.append(("own direction", measure_close(instrument, place, own)))
    return directions


def _held(asked: Sequence[_Answer], directions: Sequence[Direction], evidence: Evidence) -> list[list[Comparison]]:
    """Hold every answer against the intervals along every direction; a list for each direction."""
    return [
        [
            c
            for cotangent, claims in asked
            for c in _against_interval(claims, m, cotangent, evidence.slacks, place=evidence.place, kind=kind)
        ]
        for kind, m in directions
    ]


def _most(found: Sequence[Comparison]) -> float:
    return max((c.bars for c in found), default=0.0)


def _joined(held: Sequence[Sequence[Comparison]]) -> list[Comparison]:
    return [c for found in held for c in found]


def measure_close(instrument: Instrument, place: Place, tangents: dict[str, Array]) -> Measured:
    """Measure one-sided derivatives close to the place: by one pair of calls, or two for a forward of low precision.

    A pair is off by h |f''| / 2; what curves so much that this is more than 2^-13 of its slope would have been kinky at
    all steps of the ladder.
    """
    real = replace(place, carries_complex=False)
    if place.work != np.float64:
        return measure(instrument, real, tangents, steps=COARSE_CLOSE_STEPS, close=True)
    line, h = line_along(instrument, real, tangents), CLOSE_STEP
    plus, minus = line.along(h), line.along(-h)
    if plus is None or minus is None:
        return Measured(dict(tangents), nowhere(place.base, place.noise))
    with np.errstate(all="ignore"):
        right, left = (plus - place.base) / h, (place.base - minus) / h
        larger = np.maximum(np.abs(right), np.abs(left))
        bar = 2.0 * COVERAGE * place.noise / h + STEEPEST * h * larger
    bar = np.where(np.isfinite(bar), bar, np.inf)
    found = replace(nowhere(place.base, place.noise), value=(left + right) / 2.0, left=left, right=right, bar=bar)
    return Measured(dict(tangents), replace(found, kinky=np.abs(right - left) > bar, step=h))


def _outside(instrument: Instrument, place: Place, measured: Measured, rng: np.random.Generator) -> Mask:
    """Outputs that have slopes at points close by which lie outside their interval: neither convex nor concave.

    Of a convex function no slope lies outside -f'(x; -t) ... f'(x; t), at any point as close as that. Of the middle
    one of three tied entries two thirds do, though its gaps show nothing.
    """
    d = measured.derivative
    low, high = np.minimum(d.left, d.right), np.maximum(d.left, d.right)
    found = np.zeros(place.base.shape, dtype=bool)
    for _ in range(NEIGHBOURS):
        moved = dict(place.wide)
        for name in instrument.subject.wrt:
            x = place.wide[name]
            moved[name] = x + NEARBY * rng.standard_normal(x.shape) * natural_scale(x)
        slope = _slope_at(instrument, replace(place, wide=moved), measured)
        if slope is not None:
            room = THRESHOLD * d.bar + BENT * (high - low) + COVERAGE * place.noise / NEIGHBOUR_STEP
            found |= (slope < low - room) | (slope > high + room)
    return found


def _slope_at(instrument: Instrument, place: Place, measured: Measured) -> Vector | None:
    line = line_along(instrument, place, dict(measured.tangents))
    plus, minus = line.along(NEIGHBOUR_STEP), line.along(-NEIGHBOUR_STEP)
    return None if plus is None or minus is None else (plus - minus) / (2.0 * NEIGHBOUR_STEP)


def _equal(place: Place, claims: Claims) -> dict[str, Array]:
    """One and the same change of every entry of every argument."""
    names = [name for name, claim in claims.items() if claim is not None]
    scales = [typical_size(natural_scale(place.wide[name])) for name in names if place.wide[name].size]
    return {name: np.full(place.wide[name].shape, min(scales, default=1.0)) for name in names}


def _own(place: Place, claims: Claims) -> dict[str, Array]:
    """The claim itself as a direction, brought to the inputs' scale."""
    largest = max((float(np.abs(c).max()) for c in claims.values() if c is not None and c.size), default=0.0)
    if largest == 0.0:
        return {}
    kept = {name: claim for name, claim in claims.items() if claim is not None}
    scale = min(typical_size(natural_scale(place.wide[name])) for name in kept if place.wide[name].size)
    return {name: claim * (scale / largest) for name, claim in kept.items()}


def _against_interval(
    claims: Claims, measured: Measured, cotangent: Vector, slacks: Mapping[str, Slack], *, place: Place, kind: str
) -> list[Comparison]:
    names = [name for name in measured.tangents if claims.get(name) is not None]
    if not names:
        return []
    low, high, bar = interval(measured.derivative, cotangent)
    parts = {name: (claims[name], measured.tangents[name]) for name in names}
    claimed = sum(inner(claim, tangent) for claim, tangent in parts.values() if claim is not None)
    reach = {name: norm(claim * tangent) for name, (claim, tangent) in parts.items() if claim is not None}
    slack = max((slacks[name] for name in names if name in slacks), key=lambda s: s.unit, default=None)
    rounding = 0.0 if slack is None else slack.relative_rounding * sum(reach.values())
    noise = 0.0 if slack is None else 16.0 * norm(cotangent * slack.noise)
    nearest = min(max(claimed, low), high)
    blamed = [name for name in names if reach[name] > 0] or names
    return [
        Comparison(
            argument=name,
            place=place.name,
            kind=kind,
            claimed=claimed,
            measured=nearest,
            measured_bar=bar,
            bar=bar + rounding + noise,
            reach=reach[name],
            entries=max(int(np.count_nonzero(parts[name][1])), 1),
            shown=max(abs(low), abs(high)),
            method="one-sided differences",
        )
        for name in blamed
    ]


def interval(derivative: Derivative, cotangent: Vector) -> tuple[float, float, float]:
    """Return the sum of the outputs' intervals, weighted, and its bar (bars added up: nothing here is independent)."""
    used = cotangent != 0
    left, right = cotangent[used] * derivative.left[used], cotangent[used] * derivative.right[used]
    low, high = float(np.sum(np.minimum(left, right))), float(np.sum(np.maximum(left, right)))
    return low, high, float(np.sum(np.abs(cotangent[used]) * derivative.bar[used]))


def _mixed(instrument: Instrument, place: Place, claims: Claims, mask: Mask, rng: np.random.Generator) -> Mask:
    """Outputs that are neither convex nor concave: their gaps have both signs along parts of the space."""
    names = [name for name, claim in claims.items() if claim is not None]
    rising, falling = np.zeros(mask.shape, dtype=bool), np.zeros(mask.shape, dtype=bool)
    labels = {name: rng.integers(PARTS, size=place.wide[name].shape) for name in names}
    total = sum(place.wide[name].size for name in names)
    if total <= PARTS:
        start = 0
        for name in names:
            size = place.wide[name].size
            labels[name] = np.arange(start, start + size).reshape(place.wide[name].shape)
            start += size
    for part in range(min(PARTS, max(total, 1))):
        tangents = {name: np.where(labels[name] == part, natural_scale(place.wide[name]), 0.0) for name in names}
        d = measure_close(instrument, place, tangents).derivative
        gap = np.where(d.kinky, d.right - d.left, 0.0)
        told = np.abs(gap) > THRESHOLD * d.bar
        rising |= told & (gap > 0)
        falling |= told & (gap < 0)
    return rising & falling & mask
