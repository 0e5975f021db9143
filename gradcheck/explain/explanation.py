"""From "disagrees" to where and why: census, diagnosis and witness for every argument that disagrees."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.derived import CLOSE_BY, derived_inputs, larger_batch
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outcome import Outcome
from gradcheck.checks.places import GIVEN
from gradcheck.checks.points import judge_points
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.explain.accused import accused
from gradcheck.explain.census import census_from, census_of
from gradcheck.explain.diagnosis import diagnose, told
from gradcheck.explain.matrix import Truth, measure_truth
from gradcheck.explain.narrowing import narrowed
from gradcheck.explain.patterns import a_few
from gradcheck.explain.scene import Scene
from gradcheck.explain.slopes import Budget, OutOfCalls
from gradcheck.explain.staging import set_up
from gradcheck.explain.ties import at_kinks
from gradcheck.explain.witness import witness_of
from gradcheck.verdict import Argument, Census, Diagnosis, Measured, Verdict

CALLS = {False: (200, 60), True: (2000, 600)}  # forward and backward calls of an explanation; more where thorough
SPARED = (30, 10)  # of them, held back for the smallest input that shows the fault
LENT = 20  # of those forward calls, given up where the whole Jacobian cannot be had without them
CHEAP = 48  # forward calls for which the whole Jacobian is measured before anything is asked of it
COUNTED = 60  # entries up to which every one is looked at, whatever the diagnosis costs
LEFT_OVER = 3.0  # an explanation must leave less than a third of the discrepancy where the probes are so blunt
KEPT_BACK = 2  # forward calls that its measurement leaves for what comes after
KEPT_QUESTIONS = 16  # backward calls that the claimed matrix leaves for the hypotheses
UNEXPLAINED = "no known mistake explains it"


@dataclass(frozen=True)
class Explanation:
    """The arguments with census and diagnosis filled in, and the smallest input that shows the fault as a snippet."""

    arguments: Mapping[str, Argument]
    witness: str = ""


@dataclass
class _Work:
    instrument: Instrument
    outcome: Outcome
    rng: np.random.Generator
    thorough: bool
    budget: Budget
    spared: Budget
    explained: dict[str, Argument] = field(default_factory=dict)
    searched: list[Evidence] = field(default_factory=list)
    witness: str = ""


def explain(
    instrument: Instrument, outcome: Outcome, rng: np.random.Generator, *, thorough: bool = False
) -> Explanation:
    """Say where the arguments that disagree are wrong, and why.

    Parameters
    ----------
    instrument : Instrument
        The hand on the layer that judged it; calls are counted under "explaining".
    outcome : Outcome
        What the judge found; its evidences say at which place to look.
    rng : numpy.random.Generator
        Draws the fresh probes.
    thorough : bool
        Spend 64 probes instead of 16, and ten times the calls.

    Returns
    -------
    Explanation
        Every argument of `outcome`, those that disagree with census and diagnosis. An argument that nothing
        explains has the sentence "no known mistake explains it" and no diagnosis.
    """
    forward, backward = CALLS[thorough]
    budget = Budget(forward - SPARED[0], backward - SPARED[1])
    work = _Work(instrument, outcome, rng, thorough, budget, Budget(*SPARED))
    wrong = [name for name, a in outcome.arguments.items() if a.verdict is Verdict.DISAGREES]
    with instrument.purpose("explaining"):
        for evidence, names in _by_place(work, wrong):
            _at(work, evidence, names)
        found = {**_accused(work), **work.explained}
    # In the caller's order, those that could not be judged among them.
    order = dict.fromkeys((*instrument.subject.inputs, *outcome.arguments))
    return Explanation({n: a for n in order if (a := found.get(n) or outcome.arguments.get(n))}, work.witness)


def _accused(work: _Work) -> dict[str, Argument]:
    """Return the arguments that a finding accuses; explained ones know better."""
    try:
        return accused(work.instrument, work.outcome, work.rng, work.budget)
    except OutOfCalls:
        return {}


def _by_place(work: _Work, wrong: list[str]) -> list[tuple[Evidence, list[str]]]:
    """Return the evidence to look at for each argument: the given point's where it shows there."""
    found: dict[int, tuple[Evidence, list[str]]] = {}
    for name in wrong:
        at = work.outcome.arguments[name].point
        seen = [e for e in work.outcome.evidences if any(c.bars > THRESHOLD for c in e.of(name))]
        evidence = next((e for e in seen if e.place.given), None)
        evidence = evidence or next((e for e in seen if e.place.name == at), None) or next(iter(seen), None)
        if (evidence is None and at != GIVEN) or (evidence is not None and evidence.place.name == CLOSE_BY):
            # Close to kinks nothing but very small steps can be taken, and so little can be told.
            evidence = _elsewhere(work, name)
        if evidence is None and at != CLOSE_BY:
            evidence = next((e for e in work.outcome.evidences if e.place.name == at), None)
        if evidence is not None:
            found.setdefault(id(evidence), (evidence, []))[1].append(name)
    return list(found.values())


def _elsewhere(work: _Work, name: str) -> Evidence | None:
    """Look for a derived point at which the disagreement shows as well, where the check left no evidence of one."""
    inputs, instrument = work.instrument.subject.inputs, work.instrument
    points = derived_inputs(inputs, instrument.subject.wrt, work.rng) + larger_batch(
        inputs, instrument.subject.wrt, work.rng
    )
    for known in work.searched:
        if any(c.bars > THRESHOLD for c in known.of(name)):
            return known
    for point in points:
        before = instrument.evaluations
        for evidence in judge_points(instrument, work.outcome.evidences[0], [point], work.rng).evidences:
            work.searched.append(evidence)
        after = instrument.evaluations
        work.budget.pay(forward=after.forward - before.forward, backward=after.backward - before.backward)
        if work.searched and any(c.bars > THRESHOLD for c in work.searched[-1].of(name)):
            return work.searched[-1]
    return None


def _at(work: _Work, evidence: Evidence, names: list[str]) -> None:
    first = _explained_at(work, evidence, names)
    if first is not None and not work.witness:
        # Whatever is left, and what was held back for it.
        spared = Budget(work.budget.forward + work.spared.forward, work.budget.backward + work.spared.backward)
        first.budget, work.budget, work.spared = spared, Budget(0, 0), Budget(0, 0)
        work.witness = _witness(first)
        work.budget = spared


def _explained_at(work: _Work, evidence: Evidence, names: list[str]) -> Scene | None:
    """Explain arguments at one place; return the first one's scene, without what was measured.

    Outputs with a corner have no slope along single entries, and are looked at as ties are. Where that tells nothing,
    as where no entry of theirs gets anything, the mistake may still be one of those that need no such slope.
    """
    cornered = evidence.at_corners()
    if cornered is not None:
        first = _explained_at(work, cornered, names)
        left = [n for n in names if n not in work.explained or work.explained[n].diagnosis is None]
        return _explained_at(work, replace(evidence, cornered=None), left) or first if left else first
    # The smallest first: it costs least, and leaves its share to the others.
    left, first = sorted(names, key=lambda name: evidence.place.wide[name].size), None
    try:
        for scene in set_up(
            work.instrument, evidence, tuple(left), rng=work.rng, budget=work.budget, thorough=work.thorough
        ):
            share = Budget(work.budget.forward // len(left), work.budget.backward // len(left))
            scene.budget, before = share, (share.forward, share.backward)
            left.remove(scene.name)
            argument = work.outcome.arguments[scene.name]
            if scene.bars() > _needed(scene):
                work.explained[scene.name] = _explained(argument, scene, work.spared)
                first = first or scene.bare()
            work.budget.pay(forward=before[0] - share.forward, backward=before[1] - share.backward)
        for name in names:
            if name not in work.explained and evidence.kinky.any():
                found, census = at_kinks(work.instrument, evidence, name, rng=work.rng, budget=work.budget)
                argument = work.outcome.arguments[name]
                sentence = argument.sentence if found is not None else (argument.sentence or UNEXPLAINED)
                work.explained[name] = replace(argument, census=census, diagnosis=found, sentence=sentence)
    except (OutOfCalls, GradcheckError, LayerFault):
        pass  # what was explained so far stands
    return first


def _needed(scene: Scene) -> float:
    """Return the bars that a discrepancy must have to be explained: what rounding blurs any mistake would explain."""
    return THRESHOLD if scene.place.work == np.float64 else LEFT_OVER * THRESHOLD


def _explained(argument: Argument, scene: Scene, spared: Budget) -> Argument:
    truth = _truth(scene, CHEAP, kept=KEPT_QUESTIONS)
    small = truth is None and scene.value.size <= COUNTED
    kept = min(scene.value.size * scene.gauge.calls, scene.budget.forward // 3) if small else 0
    scene.budget.forward -= kept
    if truth is None and scene.value.size > COUNTED and (named := narrowed(scene)):
        return _told(argument, scene, a_few(scene, named), census_from(scene, named))

    def measure(share: float) -> Truth | None:
        found = _truth(scene, int(share * scene.budget.forward) - KEPT_BACK)
        if found is None and spared.forward >= LENT:
            spared.forward, scene.budget.forward = spared.forward - LENT, scene.budget.forward + LENT
            found = _truth(scene, int(share * scene.budget.forward) - KEPT_BACK)
        return found

    proofs, truth = diagnose(scene, truth, measure)
    found = _asked_apart(scene, told(proofs, len(scene.tangents)))
    scene.budget.forward += kept
    # Where it was not needed for the diagnosis, the Jacobian still counts the wrong entries, if it can be had.
    truth = truth or _truth(scene, scene.budget.forward)
    return _told(argument, scene, found, census_of(scene, truth))


def _asked_apart(scene: Scene, found: Diagnosis | None) -> Diagnosis | None:
    """Say so where only outputs were asked for that are set apart for their size: nothing is told of the others."""
    if found is None or np.any(scene.mask & scene.evidence.together):
        return found
    few = f"of {np.count_nonzero(scene.mask)} of {scene.mask.size} outputs, which dwarf the others or blur them"
    return replace(found, evidence=f"{found.evidence}; {few}")


def _told(argument: Argument, scene: Scene, found: Diagnosis | None, census: Census | None) -> Argument:
    sentence = argument.sentence if found is not None else (argument.sentence or UNEXPLAINED)
    explained = replace(argument, census=census, diagnosis=found, sentence=sentence)
    if scene.place.name == argument.point:
        return explained
    # What is told of one argument is told of one place.
    worst = scene.worst()
    return replace(
        explained,
        point=scene.place.name,
        claimed=worst.claimed,
        measured=Measured(worst.measured, worst.measured_bar),
        discrepancy=worst.discrepancy,
        error_bar=worst.bar,
        bars=worst.bars,
        method=worst.method,
        derived_only=not scene.place.given,
    )


def _witness(scene: Scene) -> str:
    try:
        return witness_of(scene)
    except OutOfCalls:
        return ""


def _truth(scene: Scene, most: int, kept: int = KEPT_QUESTIONS - 4) -> Truth | None:
    try:
        return measure_truth(scene, most_forward=most, most_backward=scene.budget.backward - kept)
    except OutOfCalls:
        return None
