"""Hypotheses about kinks and ties: the claim against the one-sided derivatives, output by output and entry by entry."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.errors import GradcheckError
from gradcheck.explain.slopes import Budget
from gradcheck.numdiff.ladder import COVERAGE
from gradcheck.numdiff.records import Vector
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array
from gradcheck.verdict import Census, Diagnosis, Measured, WrongEntry

STEPS = {np.dtype(np.float64): 2.0**-24}
COARSE_STEP = 2.0**-9  # where forward works in less than float64
MOST_OUTPUTS = 12  # kinky outputs that are looked at one by one
MOST_ENTRIES = 48  # entries moved one by one
CURVED = 1e-4  # what a one-sided difference may be off by because the function is curved


@dataclass(frozen=True)
class _Sides:
    """One-sided derivatives of every output along one direction, scaled to a change of one."""

    left: Vector
    right: Vector
    bar: Vector


@dataclass(frozen=True)
class _Case:
    """One kinky output: what the entries that make its kink may claim, what they do, and what they do together.

    At a `corner` no single entry shows a kink, and the sides are what a share may be.
    """

    output: int
    entries: tuple[tuple[str, int], ...]
    left: Array
    right: Array
    claimed: Array
    due: tuple[float, float]
    bar: float
    corner: bool = False

    @property
    def outside(self) -> Array:
        """Entries whose claim lies outside their own one-sided derivatives."""
        low, high = np.minimum(self.left, self.right), np.maximum(self.left, self.right)
        found: Array = (self.claimed < low - self.bar) | (self.claimed > high + self.bar)
        return found

    @property
    def unbalanced(self) -> bool:
        """Whether the claims do not add up to what an equal change of all these entries does."""
        total = float(self.claimed.sum())
        slack = self.bar * max(len(self.claimed), 1)
        return not min(self.due) - slack <= total <= max(self.due) + slack

    @property
    def tie(self) -> bool:
        """Whether it is a choice among equals: an equal change of all of them meets no kink, a single one does."""
        return self.several and abs(self.due[0] - self.due[1]) <= self.bar * len(self.entries)

    @property
    def several(self) -> bool:
        """Whether more than one entry wins; at a corner one that gets nothing is not listed, and still does."""
        return self.corner or len(self.entries) > 1


class _Look:
    """The hand that takes one-sided derivatives at the place of the kink."""

    def __init__(self, instrument: Instrument, evidence: Evidence, budget: Budget) -> None:
        self.instrument, self.place, self.budget = instrument, evidence.place, budget
        self.step = STEPS.get(self.place.work, COARSE_STEP)

    def sides(self, tangents: Mapping[str, Array], scale: float) -> _Sides | None:
        place, h = self.place, self.step
        self.budget.pay(forward=2)
        moved = [
            self.instrument.evaluate(
                {**place.wide, **{n: place.wide[n] + sign * h * t for n, t in tangents.items()}}, place.form
            )
            for sign in (1.0, -1.0)
        ]
        if moved[0] is None or moved[1] is None:
            return None
        right, left = (moved[0] - place.base) / (h * scale), (place.base - moved[1]) / (h * scale)
        bar = COVERAGE * place.noise / (h * scale) + CURVED * np.maximum(np.abs(left), np.abs(right))
        return _Sides(left, right, bar)


def at_kinks(
    instrument: Instrument, evidence: Evidence, name: str, *, rng: np.random.Generator, budget: Budget
) -> tuple[Diagnosis | None, Census | None]:
    """Say what is wrong with the claim at the kinky outputs of a place, and at which entries of one argument."""
    outputs = rng.permutation(np.flatnonzero(evidence.kinky))[:MOST_OUTPUTS]
    look = _Look(instrument, evidence, budget)
    names = [n for n in instrument.subject.wrt if evidence.place.wide[n].size]
    claims = _claims(look, np.sort(outputs), names)
    columns = _columns(look, claims, names, rng)
    equal = look.sides(
        {n: np.full(evidence.place.wide[n].shape, _scale(evidence, names)) for n in names}, _scale(evidence, names)
    )
    if not columns or equal is None:
        return None, None
    cases = [case for o, claim in claims.items() if (case := _case(o, claim, columns, equal)) is not None]
    wrong = [case for case in cases if case.outside.any() or case.unbalanced]
    if not wrong:
        return None, None
    return _diagnosed(wrong, cases, evidence), _census(wrong, cases, evidence, name)


def _scale(evidence: Evidence, names: list[str]) -> float:
    return min(float(np.median(natural_scale(evidence.place.wide[n]))) for n in names)


def _claims(look: _Look, outputs: Array, names: list[str]) -> dict[int, dict[str, Array]]:
    found = {}
    for o in outputs:
        single = np.zeros(look.place.base.size)
        single[o] = 1.0
        look.budget.pay(backward=1)
        try:
            answer = look.instrument.gradients(single, look.place.inputs, look.place.form)
        except GradcheckError:
            continue
        found[int(o)] = {n: g.ravel() for n in names if (g := answer.get(n)) is not None}
    return found


def _columns(
    look: _Look, claims: dict[int, dict[str, Array]], names: list[str], rng: np.random.Generator
) -> dict[tuple[str, int], _Sides]:
    """Move every entry on its own where they are few, else those that get something, and the entries beside outputs."""
    place = look.place
    everything = [(n, j) for n in names for j in range(place.wide[n].size)]
    if len(everything) > max(MOST_ENTRIES, look.budget.forward // 3):  # at two calls each
        told = {(n, int(j)) for claim in claims.values() for n, g in claim.items() for j in np.flatnonzero(g)}
        beside = {(n, o) for o in claims for n in names if place.wide[n].size == place.base.size}
        chosen = sorted(told | beside) or everything
        everything = [chosen[i] for i in np.sort(rng.permutation(len(chosen))[:MOST_ENTRIES])]
    found = {}
    for n, j in everything:
        scale = float(natural_scale(place.wide[n]).ravel()[j])
        tangent = np.zeros(place.wide[n].size)
        tangent[j] = scale
        sides = look.sides({n: tangent.reshape(place.wide[n].shape)}, scale)
        if sides is not None:
            found[n, j] = sides
    return found


def _case(o: int, claim: dict[str, Array], columns: dict[tuple[str, int], _Sides], equal: _Sides) -> _Case | None:
    kinky, smooth, bar = [], 0.0, float(equal.bar[o])
    for key, sides in columns.items():
        if sides.left[o] == sides.right[o] == 0.0:
            continue  # of an entry that the output does not feel nothing is added, nor its bar
        bar = max(bar, float(sides.bar[o]))
        if abs(sides.right[o] - sides.left[o]) > THRESHOLD * sides.bar[o]:
            kinky.append(key)
        else:
            smooth += float(0.5 * (sides.left[o] + sides.right[o]))
    if not kinky:
        return _corner(o, claim, columns, equal, bar=THRESHOLD * bar)
    if any(n not in claim for n, _ in kinky):
        return None
    left, right = (np.array([getattr(columns[key], side)[o] for key in kinky]) for side in ("left", "right"))
    claimed = np.array([claim[n][j] for n, j in kinky])
    due = (float(equal.left[o]) - smooth, float(equal.right[o]) - smooth)
    return _Case(o, tuple(kinky), left, right, claimed, due, THRESHOLD * bar)


def _corner(
    o: int, claim: dict[str, Array], columns: dict[tuple[str, int], _Sides], equal: _Sides, *, bar: float
) -> _Case | None:
    """Return the case of an output that no single entry shows a kink of: a median of tied entries.

    Which of them it follows is a choice: each may get anything between nothing and all of what they do together. Where
    none gets anything nothing tells which ones are tied, and another hypothesis has to name what is wrong.
    """
    due = (float(equal.left[o]), float(equal.right[o]))
    entries = tuple((n, j) for n, j in columns if n in claim and claim[n][j] != 0)
    if not entries or abs(due[0] - due[1]) > bar:
        return None
    nothing, everything = np.zeros(len(entries)), np.full(len(entries), due[0])
    claimed = np.array([claim[n][j] for n, j in entries])
    return _Case(o, entries, nothing, everything, claimed, due, bar, corner=True)


def _diagnosed(wrong: list[_Case], cases: list[_Case], evidence: Evidence) -> Diagnosis:
    first = wrong[0]
    shape = evidence.place.form.shapes[0] if len(evidence.place.form.shapes) == 1 else (evidence.place.base.size,)
    where = str([int(i) for i in np.unravel_index(first.output, shape)]) if shape else ""
    known = f"left and right derivatives {_numbers(first.left)} and {_numbers(first.right)}"
    if first.corner:
        known = f"and moved alike all entries change it by {float(np.mean(first.due)):.4g}"
    evidence_text = (
        f"output{where}: claimed {_numbers(first.claimed)}, {known}; "
        f"{len(wrong)} of {len(cases)} kinky outputs looked at are wrong"
    )
    if any(case.outside.any() for case in wrong) or not all(case.tie for case in wrong):
        text = "at a kink the claim lies outside the one-sided derivatives: no choice of a branch explains it"
        return Diagnosis(
            "outside-subdifferential",
            text,
            evidence=evidence_text,
            repair="any value between the one-sided derivatives",
        )
    due = np.array([np.mean(case.due) for case in wrong])
    if all(np.all(np.abs(case.claimed - d) <= case.bar) for case, d in zip(wrong, due, strict=True)):
        text = "every winner of a tie gets the whole gradient, which is given out several times over"
        repair = "give it to one winner (argmax), or share it out among them"
        return Diagnosis("tie-all-winners", text, evidence=evidence_text, repair=repair)
    none = all(np.all(np.abs(case.claimed) <= case.bar) for case in wrong)
    if none and any(not case.unbalanced and case.several for case in cases):
        text = (
            "some outputs give their gradient to one winner of the tie, and others lose it: it is "
            "overwritten where windows meet"
        )
        return Diagnosis(
            "overlap-overwritten",
            text,
            evidence=evidence_text,
            repair="add instead of assigning",
            alternatives=("tie-no-winner",),
        )
    if none:
        return Diagnosis(
            "tie-no-winner", "where several entries win, none of them gets the gradient", evidence=evidence_text
        )
    text = "the winners of a tie get shares that do not add up to the whole gradient"
    return Diagnosis(
        "outside-subdifferential", text, evidence=evidence_text, alternatives=("tie-no-winner", "tie-all-winners")
    )


def _numbers(values: Array) -> str:
    shown = ", ".join(f"{v:.4g}" for v in values[:4])
    return f"({shown}{', ...' if len(values) > 4 else ''})"


def _census(wrong: list[_Case], cases: list[_Case], evidence: Evidence, name: str) -> Census | None:
    value = evidence.place.inputs[name]
    seen: dict[int, WrongEntry] = {}
    looked = {j for case in cases for argument, j in case.entries if argument == name}
    for case in wrong:
        low, high = np.minimum(case.left, case.right), np.maximum(case.left, case.right)
        for i, (argument, j) in enumerate(case.entries):
            if argument != name or (case.outside.any() and not case.outside[i]):
                continue
            index = tuple(int(k) for k in np.unravel_index(j, value.shape)) if value.shape else ()
            measured = Measured(float(0.5 * (low[i] + high[i])), float(0.5 * (high[i] - low[i]) + case.bar))
            apart = abs(float(case.claimed[i]) - measured.value)
            unit = float(np.spacing(max(abs(measured.value), 1.0)))
            seen.setdefault(j, WrongEntry(index, float(case.claimed[i]), measured, apart / unit))
    if not seen:
        return None
    worst = sorted(seen.values(), key=lambda e: -abs(e.claimed - e.measured.value))
    box = tuple((min(e.index[a] for e in worst), max(e.index[a] for e in worst)) for a in range(value.ndim))
    span = "what a share may be" if all(case.corner for case in wrong) else "the one-sided derivatives"
    pattern = f"only entries at a kink were looked at; their bars are the span of {span}"
    exact = len(looked) == value.size
    return Census(len(seen), value.size, exact, len(looked), box, (pattern,), tuple(worst[:3]), at_least=not exact)
