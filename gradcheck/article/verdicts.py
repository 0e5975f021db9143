"""From a claim to a verdict: search, shrink, replay, and look for the condition that decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from gradcheck.article.cases import SHAPES, Case, cases, drawn, from_plain, generic, plain
from gradcheck.article.claims import Claim, Difference, difference
from gradcheck.article.conditions import CONDITIONS, Condition

Word = Literal["holds", "fails", "holds only if", "definition"]
_WITNESSES = 2  # draws of the other operands from 10^6 values: a true difference is missed with odds below 1e-9


@dataclass(frozen=True)
class Counterexample:
    """The smallest operands found at which the two sides differ, and how."""

    case: Case
    seen: Difference

    def plain(self) -> dict[str, Any]:
        """Return lists and numbers for JSON."""
        seen = self.seen
        return {
            "operands": plain(self.case),
            "at": [int(i) for i in seen.at],
            "left": seen.left,
            "right": seen.right,
            "reason": seen.reason,
        }


@dataclass(frozen=True)
class Ruling:
    """The verdict on one claim, with the condition or the counterexample that it rests on.

    `examples` is how many drawn cases the sides were equal on, `replayed` whether the counterexample was a pinned one.
    """

    verdict: Word
    examples: int
    condition: str | None = None
    counterexample: Counterexample | None = None
    replayed: bool = False


def rule(claim: Claim, *, examples: int, pinned: Mapping[str, Any] | None = None) -> Ruling:
    """Decide a claim on drawn integers with `==`; a pinned counterexample is replayed before any search."""
    found = replay(claim, pinned) if pinned else None
    replayed = found is not None
    found = found or search(claim, examples=examples)
    if found is None:
        return Ruling("definition" if claim.definition else "holds", examples)
    condition = next((one for one in CONDITIONS if decides(one, claim, examples=examples)), None)
    if condition is None:
        return Ruling("fails", 0, None, found, replayed)
    return Ruling("holds only if", examples, condition.sentence, found, replayed)


def replay(claim: Claim, pinned: Mapping[str, Any]) -> Counterexample | None:
    """Return the pinned counterexample if it is still one."""
    case = from_plain(pinned["operands"])
    seen = difference(claim, case)
    return Counterexample(case, seen) if seen else None


def search(claim: Claim, *, examples: int) -> Counterexample | None:
    """Return the smallest case that breaks the claim: found by Hypothesis, then shrunk within the smallest shape.

    None if it finds no case at all.
    """
    every = cases(depth=claim.depth)
    found = _first_broken(claim, every, examples)
    if found is None:
        return None
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        if difference(claim, generic(drawn(rng, shape), rng)) is not None:
            found = _first_broken(claim, cases(shape=shape), examples) or found
            break
    seen = difference(claim, found)
    return Counterexample(found, seen) if seen else None


def decides(condition: Condition, claim: Claim, *, examples: int) -> bool:
    """Tell whether the claim holds exactly where the condition does.

    Forth: no drawn case on which the condition is imposed breaks the claim. Back: where a drawn case does not fulfil
    it, large random values of all other operands break the claim; and such cases were met.
    """
    rng, unfulfilled = np.random.default_rng(0), 0
    for _ in range(examples):
        case = drawn(rng, SHAPES[rng.integers(len(SHAPES))], depth=int(rng.integers(1, claim.depth + 1)))
        if difference(claim, condition.impose(case)) is not None:
            return False
        if not condition.holds(case):
            unfulfilled += 1
            others = (generic(case, rng, keep=condition.operand) for _ in range(_WITNESSES))
            if all(difference(claim, one) is None for one in others):
                return False
    return unfulfilled > 0


def _first_broken(claim: Claim, strategy: SearchStrategy[Case], examples: int) -> Case | None:
    try:
        return find(strategy, lambda one: difference(claim, one) is not None, settings=_trial(examples))
    except NoSuchExample:
        return None


def _trial(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
