"""Look closer at what noise hides: more probes, at the given point or at further ones."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from gradcheck.checks.adjoint import A_DIRECTION, MORE, Evidence, gather, gather_more, resolved
from gradcheck.checks.comparison import Comparison, stands_out
from gradcheck.checks.confirmation import flag, look_again
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import draw_tangent
from gradcheck.checks.points import PointRuling, joint_comparisons
from gradcheck.checks.probes import draw_cotangent, judged_together, measure
from gradcheck.checks.resolution import ENOUGH
from gradcheck.checks.ruling import Flag
from gradcheck.numdiff.ladder import CONFIRMING_STEPS

CLOSER_LOOKS = 3  # further points at which every argument is measured on its own, where noise left one open
A_LADDER = 20  # of forward, that a whole ladder costs as a rule
NEARLY_ENOUGH = 0.02  # what 16 probes in place of four bring down to the 1 % that an agreement needs


def look_closer(
    instrument: Instrument,
    given: Evidence,
    further: PointRuling,
    rng: np.random.Generator,
    *,
    names: Mapping[str, float],
    lost: Collection[str] = (),
) -> PointRuling:
    """Take more probes at the given point, and measure arguments on their own at further ones, where noise hides them.

    `names` are the arguments left open, with the resolution reached. In a joint direction an argument whose gradient is
    small beside the others' is known no better than these. As many looks are taken as the calls left allow, first more
    probes where these can suffice, along four directions or as many as calls are left for. Of what is `lost` at the
    given point none are taken there, and elsewhere, where no noise hides it, three steps suffice.
    """
    blind = bool(set(lost) & set(names))
    cheap, names = _more_probes(instrument, further, rng, names=names)
    if not names:
        return cheap
    one_each = A_DIRECTION * len(names)
    directions = int(min(MORE, max(1, instrument.left(settling=True) // one_each)))
    more = [partial(gather_more, instrument, given, names=tuple(names), directions=directions)]
    places = [seen.place for seen in further.evidences[::-1][:CLOSER_LOOKS]]
    alone = partial(gather, instrument, quick=True, names=tuple(names), steps=CONFIRMING_STEPS if blind else None)
    elsewhere = [partial(alone, place) for place in places]
    nearly = all(resolution <= NEARLY_ENOUGH for resolution in names.values())
    prices = {True: one_each * directions, False: (A_DIRECTION if blind else A_LADDER) * len(names)}
    evidences, flags = list(cheap.evidences), dict(cheap.flags or {})
    looks = [*more, *elsewhere] if nearly else [*elsewhere, *more]
    for look in elsewhere if blind else looks:
        if instrument.left(settling=True) < prices[look is more[0]] or instrument.answers_left() < 1:
            where = "at the given point" if look is more[0] else "at further points"
            instrument.left_out.append(f"more probes {where} of what noise hides")
            continue
        full = look(rng=rng)
        evidences.append(full)
        for name in names:
            flags[name] = (*flags.get(name, ()), *look_again(instrument, full, name, rng))
    return PointRuling(tuple(evidences), flags, ())


def _more_probes(
    instrument: Instrument, further: PointRuling, rng: np.random.Generator, *, names: Mapping[str, float]
) -> tuple[PointRuling, dict[str, float]]:
    """Take more probes at the points where one argument alone was moved.

    More cotangents cost no forward, and of a single output they tell nothing; then one more direction, at the steps of
    the first (4 calls, 5 with a complex step). Returns what was seen, and the names that noise still hides.
    """
    evidences: list[Evidence] = []
    flags: dict[str, tuple[Flag, ...]] = {}
    still = dict(names)
    for seen in further.evidences[::-1]:
        name = next(iter(seen.measured))
        if len(seen.measured) != 1 or name not in still or not all(name in m.tangents for m in seen.measured[name]):
            continue
        more = _more_cotangents(instrument, seen, name, rng)
        if _hidden(seen, more, name):
            more = replace(more, comparisons=(*more.comparisons, *_one_more_direction(instrument, seen, more, rng)))
        evidences.append(more)
        if any(map(stands_out, more.comparisons)):
            worst = max(more.comparisons, key=lambda c: c.bars)
            with instrument.borrowing(True):
                flags[name] = (flag(instrument, seen, worst, rng),)
        if not _hidden(seen, more, name):
            still.pop(name)
    return PointRuling(tuple(evidences), flags, ()), still


def _hidden(seen: Evidence, more: Evidence, name: str) -> bool:
    return resolved(replace(seen, comparisons=(*seen.comparisons, *more.comparisons)), name) > ENOUGH


def _more_cotangents(instrument: Instrument, seen: Evidence, name: str, rng: np.random.Generator) -> Evidence:
    """Return the evidence of as many cotangents more as answers are left for, along the directions measured."""
    more = replace(seen, comparisons=(), cotangents=(), gradients=())
    if np.count_nonzero(seen.together) < 2:
        return more
    for _ in range(int(min(MORE, instrument.answers_left()))):
        cotangent = draw_cotangent(rng, seen.place.form, seen.together)
        claims = instrument.gradients(cotangent, seen.place.inputs, seen.place.form)
        along = [joint_comparisons(claims, m, cotangent, seen.slacks, place=seen.place) for m in seen.measured[name]]
        more = replace(
            more,
            comparisons=(*more.comparisons, *(c for found in along for c in found)),
            cotangents=(*more.cotangents, cotangent),
            gradients=(*more.gradients, claims),
        )
    return more


def _one_more_direction(
    instrument: Instrument, seen: Evidence, more: Evidence, rng: np.random.Generator
) -> list[Comparison]:
    """Hold all answers that were asked for at a point against one more direction there."""
    ((name, (first, *_)),) = seen.measured.items()
    steps = tuple(rung.step for rung in first.derivative.rungs)
    if instrument.left(settling=True) < 2 * len(steps) + int(seen.place.carries_complex):
        instrument.left_out.append("more probes at further points of what noise hides")
        return []
    another = measure(instrument, seen.place, {name: draw_tangent(rng, seen.place, name)}, steps=steps)
    fit = judged_together([another.derivative], seen.place.base)
    asked = zip((*seen.cotangents, *more.cotangents), (*seen.gradients, *more.gradients), strict=True)
    return [
        c
        for cotangent, claims in asked
        if not np.any(cotangent[~fit])
        for c in joint_comparisons(claims, another, cotangent, seen.slacks, place=seen.place)
    ]
