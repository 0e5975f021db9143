"""Judge single outputs at a kink along single entries, and along equal changes of entries that are tied.

A loss behind a network joins kinks of both orientations, so that along random directions units at their kink hide each
other: a claim may lie outside the interval by a choice of branch, or inside it though a unit claims the slope 2. A
single entry (a unit's bias, one of its weights) moves few kinks, often one alone. Whether a choice of branch explains
a claim is told by lines nearby (see choices.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.choices import LOOK, LOOK_WELL, MORE_LINES, PAIR, Nearby, Seen
from gradcheck.checks.close_by import Look
from gradcheck.checks.comparison import THRESHOLD, Comparison
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import Answer, against_interval, measure_close
from gradcheck.checks.lines import ALONE, COARSE_NEARBY, NEARBY
from gradcheck.checks.places import Place
from gradcheck.checks.probes import OTHER_STEPS, Measured
from gradcheck.checks.ruling import Flag
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.numdiff.records import Mask, Vector
from gradcheck.numdiff.tangents import natural_scale, random_direction
from gradcheck.subject import Array

MOST = 8  # entries of an argument, those first of which most is claimed
ENTRY = "kink, entry by entry"  # the kind of these comparisons
ENTRIES_LEFT = "further entries at a kink"  # what is said to be left out
LOOKED_AT = 2  # directions of an argument that stand out, the worst first: an entry may move several kinks
RESERVED = 12  # calls of forward that are kept for two derived points more
POINTS = 6  # points at which backward is asked before anybody is accused: of two branches one is missed once in 32
ELSEWHERE = 20  # and a ladder for every argument that forward does not respond to here, and may elsewhere


@dataclass(frozen=True)
class EntryRuling:
    """Comparisons along single entries, the flags among them, and the arguments left open."""

    comparisons: tuple[Comparison, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] | None = None
    chosen: tuple[str, ...] = ()


def judge_entries(
    instrument: Instrument,
    evidence: Evidence,
    singles: Sequence[Answer],
    rng: np.random.Generator,
    *,
    together: Sequence[Measured] = (),
    nearby: Nearby | None = None,
    mixed: bool = False,
    last: bool = False,
    close: Look = dict,
) -> EntryRuling:
    """Judge outputs one by one along single entries, those of the arguments in turns, and along directions `together`.

    Costs 2 calls of forward an entry, as far as calls reach, and 12 to 60 more for a direction that stands out.
    `nearby` are lines that were drawn before. `mixed` says that the outputs are known to have kinks of either sign; the
    question is then whether entries that move one kink alone pass. Where this comes `last` no calls are kept. `close`
    is as in `kinks.judge_kinks`.
    """
    place, nearby = evidence.place, nearby or Nearby(instrument, evidence.place, rng)
    entries: list[Seen] = []
    joint = [s for measured in together for s in seen_along(singles, measured, evidence)]
    open_question = any(s.stands_out for s in joint)
    looked = LOOK_WELL if instrument.left() >= 2 * LOOK_WELL else LOOK
    reserved = looked if open_question else RESERVED
    reserved = ALONE if mixed else reserved
    reserved = PAIR if last else reserved + ELSEWHERE * sum(evidence.silent(name) for name in evidence.measured)
    # What moves no kink along a random direction moves none along a part of it.
    moving = [n for n, found in evidence.measured.items() if any(m.derivative.kinky.any() for m in found)]
    for name, tangent in _in_turns([_tangents(place, name, singles, rng) for name in moving or evidence.measured]):
        if instrument.left(settling=mixed or last) < reserved + PAIR:
            instrument.left_out.append(ENTRIES_LEFT)
            break
        if mixed and any(s.stands_out for s in entries):
            break  # calls are worth more for a look at that one
        entries += seen_along(singles, measure_close(instrument, place, {name: tangent}), evidence)
    for name in evidence.measured:
        bent = evidence.measured[name][0].derivative.kinky
        met = any(bool(s.kinky) for s in entries if s.names == (name,))
        enough = reserved + PAIR * (1 + np.ceil(np.log2(max(place.wide[name].size, 1))))
        if bent.any() and not met and instrument.left() >= enough:
            entries += seen_along(singles, _narrowed(instrument, place, name, bent, rng), evidence)
    if any(s.stands_out for s in (*entries, *joint)) and (besides := close()):
        return EntryRuling((), besides)
    flags: dict[str, tuple[Flag, ...]] = {}
    chosen: list[str] = []
    passes = False
    for output in dict.fromkeys(s.output for s in (*entries, *joint) if s.stands_out):
        seen = [s for s in (*entries, *joint) if s.output == output and not all(_confirmed(flags, n) for n in s.names)]
        one_sign = not mixed and len({np.sign(s.ends[1] - s.ends[0]) for s in seen if s.kinky}) == 1
        more, open_names = _weighed(instrument, evidence, seen, nearby, one_sign=one_sign, passes=passes)
        passes |= mixed and not more and not open_names  # what was told of one output holds for those like it
        flags |= more
        chosen += open_names
    cleared = tuple(c for s in entries if not s.stands_out for c in s.comparisons)
    return EntryRuling(cleared, flags, tuple(name for name in dict.fromkeys(chosen) if name not in flags))


def _narrowed(instrument: Instrument, place: Place, name: str, bent: Mask, rng: np.random.Generator) -> Measured:
    """Measure an entry with a kink, found by halving the entries of an argument."""
    x = place.wide[name]
    tangent = random_direction(rng, x.shape) * natural_scale(x)

    def along(some: NDArray[np.intp]) -> Measured:
        moved = np.isin(np.arange(x.size), some).reshape(x.shape)
        return measure_close(instrument, place, {name: np.where(moved, tangent, 0.0)})

    left = rng.permutation(x.size)
    while left.size > 1:
        half = left[: left.size // 2]
        left = half if np.any(along(half).derivative.kinky & bent) else left[half.size :]
    return along(left)


def seen_along(singles: Sequence[Answer], measured: Measured, evidence: Evidence) -> list[Seen]:
    """Hold answers for single outputs against the intervals along one direction."""
    found = []
    for answer in singles:
        held = against_interval(
            answer.claims, measured, answer.cotangent, evidence.slacks, place=evidence.place, kind=ENTRY
        )
        if held:
            found.append(Seen(measured, answer, tuple(held)))
    return found


def _weighed(
    instrument: Instrument,
    evidence: Evidence,
    seen: Sequence[Seen],
    nearby: Nearby,
    *,
    one_sign: bool,
    passes: bool = False,
) -> tuple[dict[str, tuple[Flag, ...]], list[str]]:
    """Tell accusations from choices of branch, by the worst directions of every argument that stand out.

    Returns flags, and the arguments left open: a claim outside may be a choice, and no kink was met alone. Directions
    that move kinks of both orientations are looked at last. `passes` says that a kink met alone is known to pass.
    """
    standing_out = _worst_of_each([s for s in seen if s.stands_out])
    mixing = [] if one_sign else [s for s in standing_out if s.entries > 1 and s.kinky]
    flags: dict[str, tuple[Flag, ...]] = {}
    unexplained: list[str] = []
    for one in [s for s in standing_out if one_sign or s.entries == 1 or not s.kinky]:
        if not any(_confirmed(flags, name) for name in one.names):
            wrong, explained = nearby.look(one, one_sign=one_sign)
            found = compared_again(instrument, evidence, one, nearby.rng) if wrong else {}
            flags |= {name: more for name, more in found.items() if not _confirmed(flags, name)}
            unexplained += () if explained else one.names
    if flags or not standing_out or passes or nearby.kink_alone([s for s in seen if not s.stands_out]):
        return flags, []
    for one in mixing[:LOOKED_AT]:
        if not unexplained and not nearby.look(one, one_sign=one_sign)[1]:
            unexplained += one.names
    return {}, unexplained


def _confirmed(flags: Mapping[str, Sequence[Flag]], name: str) -> bool:
    return any(flag.confirmed for flag in flags.get(name, ()))


def _worst_of_each(standing_out: Sequence[Seen]) -> list[Seen]:
    """Return the worst directions of every argument, single entries first, then of several arguments together."""
    by_names: dict[tuple[str, ...], list[Seen]] = {}
    for one in sorted(standing_out, key=lambda s: (s.entries > 1, -s.outside, -s.beside)):
        by_names.setdefault(one.names, []).append(one)
    ranked = [
        (rank, one) for names in sorted(by_names, key=len) for rank, one in enumerate(by_names[names][:LOOKED_AT])
    ]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def accused_alone(
    instrument: Instrument, evidence: Evidence, nearby: Nearby, one: Seen, *, lines: int = MORE_LINES, kept: int = 0
) -> dict[str, tuple[Flag, ...]]:
    """Return the flags of a direction that stands out, where it moves one kink of its output, or none.

    What is claimed to depend on a single entry is asked along that entry first (16 calls): there fewer lines tell.
    `kept` are answers of backward for what comes where nobody is accused.
    """
    claims = {name: claim for name in one.names if (claim := one.answer.claims.get(name)) is not None}
    claimed = [(name, i) for name, claim in claims.items() for i in np.flatnonzero(claim)[:2]]
    if one.entries > 1 and len(claimed) == 1:
        ((name, i),) = claimed
        tangent = np.zeros(claims[name].size)
        tangent[i] = one.measured.tangents[name].ravel()[i]
        along = measure_close(instrument, evidence.place, {name: tangent.reshape(claims[name].shape)})
        for entry in seen_along([one.answer], along, evidence):
            if entry.stands_out and entry.kinky and nearby.moves_one(entry):
                return compared_again(instrument, evidence, entry, nearby.rng, kept=kept)
    alone = nearby.moves_one(one, lines=lines)
    return compared_again(instrument, evidence, one, nearby.rng, kept=kept) if alone else {}


def compared_again(
    instrument: Instrument, evidence: Evidence, one: Seen, rng: np.random.Generator, *, kept: int = 0
) -> dict[str, tuple[Flag, ...]]:
    """Compare once more, at another step and for another cotangent; nothing where backward claims as much nearby.

    Close to a tie backward claims the gradient of one branch after another. What lies between these is a choice of
    branch, or wrong at other points as well.
    """
    place = evidence.place
    if _claims_as_much_nearby(instrument, evidence, one, rng, kept=kept + 1):
        return {}
    shorter = {name: OTHER_STEPS * tangent for name, tangent in one.measured.tangents.items()}
    cotangent = OTHER_STEPS * one.answer.cotangent
    answer = Answer(cotangent, instrument.gradients(cotangent, place.inputs, place.form))
    again = [
        c for s in seen_along([answer], measure_close(instrument, place, shorter), evidence) for c in s.comparisons
    ]
    second = {c.argument: c for c in again}
    return {c.argument: (Flag(c, second.get(c.argument)),) for c in one.comparisons}


def _claims_as_much_nearby(
    instrument: Instrument, evidence: Evidence, one: Seen, rng: np.random.Generator, *, kept: int
) -> bool:
    """Tell whether the claim along a direction lies between those at points close by (6 answers, or those left)."""
    place, first = evidence.place, one.comparisons[0]
    distance = NEARBY if place.work == np.float64 else COARSE_NEARBY
    seen, room = [], THRESHOLD * first.bar
    for _ in range(int(min(POINTS, instrument.answers_left() - kept))):
        moved = dict(place.inputs)
        for name in instrument.subject.wrt:
            x = moved[name]
            moved[name] = (x + distance * rng.standard_normal(x.shape) * natural_scale(x)).astype(x.dtype)
        try:
            claims = instrument.gradients(one.answer.cotangent, moved, place.form)
        except (GradcheckError, LayerFault):
            return False
        parts = [(claims.get(name), tangent) for name, tangent in one.measured.tangents.items()]
        seen.append(sum(float(np.sum(claim * tangent)) for claim, tangent in parts if claim is not None))
        if min(seen) - room <= first.claimed <= max(seen) + room:
            return True
    return False


def _in_turns(several: Sequence[Iterator[tuple[str, Array]]]) -> Iterator[tuple[str, Array]]:
    """Yield the first of each, then the second of each, and so on."""
    open_ones = list(several)
    while open_ones:
        for one in list(open_ones):
            found = next(one, None)
            if found is None:
                open_ones.remove(one)
            else:
                yield found


def _tangents(
    place: Place, name: str, singles: Sequence[Answer], rng: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """Yield single entries, those first of which most is claimed, and equal changes: of those tied, and of all."""
    x = place.wide[name]
    if x.size == 0:
        return
    claims = [np.abs(claim) for answer in singles if (claim := answer.claims.get(name)) is not None]
    strength: Vector = np.max([claim.ravel() for claim in claims], axis=0) if claims else np.zeros(x.size)
    order = rng.permutation(x.size)
    order = order[np.argsort(-strength[order], kind="stable")][:MOST]
    scale = natural_scale(x)
    chosen = [np.flatnonzero(x.ravel() == x.ravel()[order[0]]), np.arange(x.size)]
    groups = [np.array([i]) for i in order[:1]] + chosen + [np.array([i]) for i in order[1:]]
    done: set[bytes] = set()
    for group in groups:
        if group.tobytes() not in done:
            done.add(group.tobytes())
            tangent = np.zeros(x.size)
            tangent[group] = np.median(scale.ravel()[group])
            yield name, tangent.reshape(x.shape)
