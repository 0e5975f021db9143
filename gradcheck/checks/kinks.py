"""Judge outputs with a kink at the point: the claim must lie between the one-sided derivatives.

Along a direction t a convex f has the one-sided derivatives -f'(x; -t) <= f'(x; t), and g is a subgradient exactly
when <g, t> lies between them for every t (Rockafellar 1970, theorem 23.2); for a concave f likewise. So outputs that
are set apart for their kinks are judged by intervals, with weights of one sign so that the intervals add up: along
the directions already measured, along equal changes of all entries (where the weights of a tie must sum to one
exactly), and along the claim's own direction, in which any claim that is too long shows, whatever its signs.

Where f is neither convex nor concave (see branches.py) the interval is not the subdifferential, and a claim outside
it counts as a choice of branch. A loss behind a network is such; single outputs are judged entry by entry as well (see
entrywise.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.branches import convex_or_concave
from gradcheck.checks.choices import FAR_OUTSIDE, Nearby
from gradcheck.checks.close_by import Look
from gradcheck.checks.comparison import THRESHOLD, Comparison
from gradcheck.checks.entrywise import ENTRIES_LEFT, accused_alone, judge_entries, seen_along
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import Answer, Claims, against_interval, measure_close
from gradcheck.checks.outputs import flatten
from gradcheck.checks.places import Place
from gradcheck.checks.probes import Measured
from gradcheck.checks.ruling import Flag
from gradcheck.numdiff.records import Mask, typical_size
from gradcheck.numdiff.tangents import natural_scale, random_magnitudes
from gradcheck.subject import Array

JOINT_CALLS = 4  # of forward
APART_CALLS = 2  # and for the entries that are equal to nothing
LINES_OF_MANY = 3  # lines nearby that one of many kinky outputs is accused after
SINGLES = 3  # kinky outputs that are also judged one by one
TRIED = 2  # of them, where other outputs have kinks as well: a second one takes two calls more
Direction = tuple[str, Measured]

ALONE = "kink"  # the kind of a comparison along a direction of one argument alone


@dataclass(frozen=True)
class KinkRuling:
    """Comparisons made at kinks, the flags among them, and the outputs left undecided.

    `chosen` are arguments whose claim lies outside of an interval, by a choice of branch or wrongly.
    """

    comparisons: tuple[Comparison, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] | None = None
    undecided: int = 0
    judged: int = 0
    chosen: tuple[str, ...] = ()


def judge_kinks(
    instrument: Instrument,
    evidence: Evidence,
    rng: np.random.Generator,
    *,
    wrong: Collection[str] = (),
    close: Look = dict,
) -> KinkRuling:
    """Judge the outputs that have a kink at the place of `evidence`; nothing to do where there is none.

    `wrong` are arguments already known to disagree: they spoil every direction that moves all arguments at once, so
    that nothing more can be said along those. `close` looks once where ties are broken and returns what is wrong there:
    before many calls are spent on whether a claim is wrong at the kinks themselves.
    """
    if not evidence.kinky.any():
        return KinkRuling()
    place, mask = evidence.place, evidence.kinky
    order = rng.permutation(np.flatnonzero(mask))  # those judged one by one come first, each time the same
    asked = _ask(instrument, place, mask, rng, order=order)
    directions = [(ALONE, found[0]) for found in evidence.measured.values()]
    if np.count_nonzero(mask) <= SINGLES and not _apart(asked[1:]):
        return _one_by_one(instrument, evidence, asked, directions, rng=rng, close=close)
    held = _held(asked, directions, evidence)
    if _most(_joined(held)) <= THRESHOLD:
        directions += _joint_directions(instrument, place, asked[0].claims)
        held = _held(asked, directions, evidence)
    found = _joined(held)
    if _most(found) <= THRESHOLD:
        return KinkRuling(tuple(found), {}, 0, int(np.count_nonzero(mask)))
    if besides := close():
        return _besides(besides, found)
    kind, worst = _worst(held, directions)
    looked = _LookedAt(instrument, evidence, kind, worst, Nearby(instrument, place, rng))
    flags: Mapping[str, tuple[Flag, ...]] = {}
    spoilt = bool(wrong) and kind != ALONE
    if spoilt or (flags := looked.alone(asked[1:])):
        return KinkRuling((), flags, 0 if flags else int(np.count_nonzero(mask)), 0)
    return _judge_by_branches(looked, asked, [measured for _, measured in directions], rng, order=order)


def judge_entries_left(
    instrument: Instrument, evidence: Evidence, rng: np.random.Generator, *, names: Collection[str], judged: KinkRuling
) -> KinkRuling:
    """Judge the few outputs with a kink along the entries that calls did not suffice for, with calls of the contract.

    Nothing but their kinks speaks for the arguments in `names`: inside of an interval along random directions a claim
    may lie however wrong it is for one of several entries. Returns what is known of the kinks by then.
    """
    outputs = np.flatnonzero(evidence.kinky)
    if not names or ENTRIES_LEFT not in instrument.left_out or outputs.size > SINGLES:
        return replace(judged, flags={})
    instrument.left_out.remove(ENTRIES_LEFT)
    with instrument.purpose("kinks"), instrument.borrowing(True):
        singles = _ask_singly(instrument, evidence.place, evidence.kinky, order=outputs)
        ruling = judge_entries(instrument, evidence, singles, rng, last=True)
    chosen = tuple(dict.fromkeys((*judged.chosen, *ruling.chosen)))
    return replace(judged, comparisons=(*judged.comparisons, *ruling.comparisons), flags=ruling.flags, chosen=chosen)


class _LookedAt(NamedTuple):
    """The direction along which most is wrong: only along it an accusation is free of choices of branch."""

    instrument: Instrument
    evidence: Evidence
    kind: str
    measured: Measured
    nearby: Nearby

    def held(self, asked: Sequence[Answer]) -> list[Comparison]:
        """Hold answers against the intervals along it."""
        return _joined(_held(asked, [(self.kind, self.measured)], self.evidence))

    def alone(self, singles: Sequence[Answer]) -> dict[str, tuple[Flag, ...]]:
        """Return the flags of one of the worst single outputs, where it has one kink alone there (14 to 22 calls)."""
        seen = [s for s in seen_along(singles, self.measured, self.evidence) if s.stands_out]
        far = [s for s in seen if s.outside > 1.0 + 2.0 * FAR_OUTSIDE]
        for one in sorted(far, key=lambda s: -s.outside)[:TRIED]:
            asked_next = 1 + SINGLES
            if flags := accused_alone(
                self.instrument, self.evidence, self.nearby, one, lines=LINES_OF_MANY, kept=asked_next
            ):
                return flags
        return {}


def _judge_by_branches(
    looked: _LookedAt,
    asked: Sequence[Answer],
    directions: Sequence[Measured],
    rng: np.random.Generator,
    *,
    order: NDArray[np.intp],
) -> KinkRuling:
    """Judge what is convex or concave by its intervals, and some of the outputs entry by entry where nothing is."""
    mask, worst = looked.evidence.kinky, looked.measured
    pure = convex_or_concave(looked.instrument, mask, lines=looked.nearby.lines(worst), others=directions)
    if pure is None:
        looked.instrument.left_out.append("telling whether a claim at a kink is a choice of branch")
        return KinkRuling((), {}, int(np.count_nonzero(mask)), 0, tuple(worst.tangents))
    if not pure.any():
        return _by_entries(looked, asked[1:], directions, rng)
    ruling = _judge_pure(looked, asked, pure, rng, order=order)
    if not ruling.undecided or ruling.flags:
        return ruling
    # Where the others agree, what stood out are these; else one line was not enough to tell those either.
    impure = [answer for answer in asked[1:] if ruling.chosen or np.any(answer.cotangent[~pure])]
    more = _by_entries(
        looked,
        impure or _ask_singly(looked.instrument, looked.evidence.place, mask & ~pure, order=order),
        directions,
        rng,
    )
    more = replace(more, undecided=ruling.undecided - more.judged, judged=ruling.judged + more.judged)
    return replace(more, comparisons=(*ruling.comparisons, *more.comparisons))


def _judge_pure(
    looked: _LookedAt, asked: Sequence[Answer], pure: Mask, rng: np.random.Generator, *, order: NDArray[np.intp]
) -> KinkRuling:
    """Judge the outputs that are convex or concave along a line: all alike where all are, else by one with one kink.

    Where some are neither others may be so, and hide it on one line.
    """
    instrument, place, mask = looked.instrument, looked.evidence.place, looked.evidence.kinky
    undecided = int(np.count_nonzero(mask & ~pure))
    if undecided:
        kept = [answer for answer in asked[1:] if not np.any(answer.cotangent[~pure])]
        asked = [*_ask(instrument, place, pure, rng, order=order if not kept else order[:0]), *kept]
    first = looked.held(asked)
    if _most(first) <= THRESHOLD:
        return KinkRuling(tuple(first), {}, undecided, int(np.count_nonzero(pure)))
    if undecided:
        flags = looked.alone(asked[1:])
        return KinkRuling((), flags, undecided, 0, () if flags else tuple(looked.measured.tangents))
    second = looked.held(_ask(instrument, place, pure, rng, order=order))
    named = dict.fromkeys(c.argument for c in first)
    return KinkRuling(tuple(first), {n: tuple(_flags(n, first, second)) for n in named}, 0, int(np.count_nonzero(pure)))


def _by_entries(
    looked: _LookedAt, singles: Sequence[Answer], together: Sequence[Measured], rng: np.random.Generator
) -> KinkRuling:
    """Judge some of many outputs that are neither convex nor concave, entry by entry: they speak for the others.

    Where calls suffice for nothing of the kind the arguments are left open.
    """
    ruling = judge_entries(
        looked.instrument, looked.evidence, singles, rng, together=together, nearby=looked.nearby, mixed=True
    )
    told = ruling.comparisons or ruling.flags or ruling.chosen
    chosen = ruling.chosen if told else tuple(looked.measured.tangents)
    undecided = int(np.count_nonzero(looked.evidence.kinky)) - len(singles)
    return KinkRuling(ruling.comparisons, ruling.flags, undecided, len(singles), chosen)


def _apart(singles: Sequence[Answer]) -> bool:
    """Tell whether several outputs are each claimed to depend on one entry at most, and no two on the same."""
    flat = [np.concatenate([c.ravel() != 0 for c in claims.values() if c is not None] or [[]]) for _, claims in singles]
    return len(flat) > 1 and all(np.count_nonzero(one) <= 1 for one in flat) and bool(np.all(np.sum(flat, axis=0) <= 1))


def _one_by_one(
    instrument: Instrument,
    evidence: Evidence,
    asked: Sequence[Answer],
    directions: Sequence[Direction],
    *,
    rng: np.random.Generator,
    close: Look,
) -> KinkRuling:
    """Judge the few outputs that each were asked for alone entry by entry, and along the directions."""
    singles = asked[1:]
    nearby = Nearby(instrument, evidence.place, rng)
    joint = _joint_directions(instrument, evidence.place, asked[0].claims)
    own, straight = (
        sorted(
            (s for _, measured in some for s in seen_along(singles, measured, evidence) if s.stands_out),
            key=lambda s: -s.outside,
        )
        for some in (directions, joint)
    )
    # Along equal changes the winners of a tie move no kink: that is told for sure, and for fewer calls.
    straight = [s for s in straight if not s.kinky]
    found = _joined(_held(asked, [*directions, *joint], evidence))
    if (own or _most(found) > THRESHOLD) and (besides := close()):
        return _besides(besides, found)
    for one in (*straight[:1], *own[:1]):
        if flags := accused_alone(instrument, evidence, nearby, one):
            return KinkRuling((), flags, 0, len(singles))
    together = [measured for _, measured in (*directions, *joint)]
    ruling = judge_entries(instrument, evidence, singles, rng, together=together, nearby=nearby, close=close)
    cleared = () if any(c.bars > THRESHOLD for c in found) else found
    return KinkRuling((*cleared, *ruling.comparisons), ruling.flags, 0, len(singles), ruling.chosen)


def _besides(wrong: Mapping[str, tuple[Flag, ...]], found: Sequence[Comparison]) -> KinkRuling:
    """Return the ruling where some arguments are wrong beside the kinks as well: of the others what agrees stands."""
    return KinkRuling(tuple(c for c in found if c.argument not in wrong and c.bars <= THRESHOLD), wrong)


def _flags(name: str, first: Sequence[Comparison], second: Sequence[Comparison]) -> list[Flag]:
    flags = []
    for kind in dict.fromkeys(c.kind for c in first):
        once = [c for c in first if c.argument == name and c.kind == kind]
        again = [c for c in second if c.argument == name and c.kind == kind]
        if once and again and max(c.bars for c in once) > THRESHOLD:
            flags.append(Flag(max(once, key=lambda c: c.bars), max(again, key=lambda c: c.bars)))
    return flags


def _ask(
    instrument: Instrument, place: Place, mask: Mask, rng: np.random.Generator, *, order: NDArray[np.intp]
) -> list[Answer]:
    """Ask backward for all outputs of `mask` jointly, and for the first of them in `order` one by one."""
    joint = flatten(place.form.cut(random_magnitudes(rng, mask.shape) * mask))
    first = Answer(joint, instrument.gradients(joint, place.inputs, place.form))
    return [first, *_ask_singly(instrument, place, mask, order=order)]


def _ask_singly(instrument: Instrument, place: Place, mask: Mask, *, order: NDArray[np.intp]) -> list[Answer]:
    """Ask backward for the first outputs of `mask` in `order`, one by one."""
    asked = []
    for output in order[mask[order]][:SINGLES]:
        single = np.zeros(mask.shape)
        single[output] = 1.0
        asked.append(Answer(single, instrument.gradients(single, place.inputs, place.form)))
    return asked


def _joint_directions(instrument: Instrument, place: Place, joint: Claims) -> list[Direction]:
    """Return the direction of equal changes of all entries, the claim's own, and that of entries that may be smooth.

    4 calls and 2, as far as calls reach.
    """
    if instrument.left(settling=True) < JOINT_CALLS:
        instrument.left_out.append("directions that move all entries alike at kinks")
        return []
    directions = [("equal changes", measure_close(instrument, place, _equal(place, joint)))]
    own = _own(place, joint)
    if own:
        directions.append(("own direction", measure_close(instrument, place, own)))
    apart = _equal_to_nothing(place, joint)
    if apart and instrument.left(settling=True) >= APART_CALLS:
        directions.append(("entries equal to nothing", measure_close(instrument, place, apart)))
    return directions


def _held(asked: Sequence[Answer], directions: Sequence[Direction], evidence: Evidence) -> list[list[Comparison]]:
    """Hold every answer against the intervals along every direction; a list for each direction."""
    return [
        [
            c
            for cotangent, claims in asked
            for c in against_interval(claims, m, cotangent, evidence.slacks, place=evidence.place, kind=kind)
        ]
        for kind, m in directions
    ]


def _worst(held: Sequence[Sequence[Comparison]], directions: Sequence[Direction]) -> Direction:
    """Return the direction along which most is wrong, of one argument alone where any of these shows it."""
    pairs = list(zip(held, directions, strict=True))
    alone = [pair for pair in pairs if pair[1][0] == ALONE and _most(pair[0]) > THRESHOLD]
    return max(alone or pairs, key=lambda pair: _most(pair[0]))[1]


def _most(found: Sequence[Comparison]) -> float:
    return max((c.bars for c in found), default=0.0)


def _joined(held: Sequence[Sequence[Comparison]]) -> list[Comparison]:
    return [c for found in held for c in found]


def _equal(place: Place, claims: Claims) -> dict[str, Array]:
    """One and the same change of every entry of every argument."""
    names = [name for name, claim in claims.items() if claim is not None]
    scales = [typical_size(natural_scale(place.wide[name])) for name in names if place.wide[name].size]
    return {name: np.full(place.wide[name].shape, min(scales, default=1.0)) for name in names}


def _equal_to_nothing(place: Place, claims: Claims) -> dict[str, Array]:
    """Move the entries that are neither zero nor equal to another one, where there are others: they move few kinks.

    Beside many entries at their kinks a claim may lie within the interval however wrong it is for these.
    """
    names = [name for name, claim in claims.items() if claim is not None]
    values, counts = np.unique(np.concatenate([place.wide[n].ravel() for n in names] or [[]]), return_counts=True)
    single = values[(counts == 1) & (values != 0)]
    masks = {n: np.isin(place.wide[n], single) for n in names}
    if not any(mask.any() for mask in masks.values()) or all(mask.all() for mask in masks.values()):
        return {}
    return {n: np.where(mask, natural_scale(place.wide[n]), 0.0) for n, mask in masks.items()}


def _own(place: Place, claims: Claims) -> dict[str, Array]:
    """The claim itself as a direction, brought to the inputs' scale."""
    largest = max((float(np.abs(c).max()) for c in claims.values() if c is not None and c.size), default=0.0)
    if largest == 0.0:
        return {}
    kept = {name: claim for name, claim in claims.items() if claim is not None}
    scale = min(typical_size(natural_scale(place.wide[name])) for name in kept if place.wide[name].size)
    return {name: claim * (scale / largest) for name, claim in kept.items()}
