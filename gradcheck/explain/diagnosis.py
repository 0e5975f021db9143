"""Why: every hypothesis of the tables put to the proof, the plainest first, and what is left is told together."""

from collections.abc import Sequence

from gradcheck.explain.cells import diagonal_only, divisors, leaks, overlaps, per_output, winners
from gradcheck.explain.composed import both_sides
from gradcheck.explain.crosstalk import crosstalk
from gradcheck.explain.elementwise import elementwise
from gradcheck.explain.linearised import after_update, at_the_output, points, whole_transposed
from gradcheck.explain.order import orders
from gradcheck.explain.paths import decay, epsilon, multiplied, skip, statistics, uses
from gradcheck.explain.patterns import part_of_it
from gradcheck.explain.proof import Case, Family, Proof
from gradcheck.explain.scaling import factors, products, proportional
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.explain.upstream import along_axes, between_outputs, means, rearranged, upstream
from gradcheck.explain.whole import (
    another,
    constant_added,
    mistyped,
    nonlinear,
    nothing,
    overwritten,
    returned,
    rounded,
    unfelt,
    unsteady,
    updated,
)
from gradcheck.explain.windows import laid_down
from gradcheck.verdict import Diagnosis

MOST_ALTERNATIVES = 4

# Each row is asked as a whole before the next: what explains the claim equally well in one row is told together.
FAMILIES: tuple[tuple[Family, ...], ...] = (
    (unsteady,),
    (nothing, unfelt),
    (mistyped,),
    (rounded, constant_added),
    (updated, after_update),
    (returned, means, factors, another, upstream, multiplied),
    (overwritten,),
    (nonlinear,),
    (between_outputs,),
    (orders, along_axes, skip),
    (rearranged, products),
    (diagonal_only, divisors, overlaps),
    (uses,),
    (at_the_output, points, whole_transposed),
    (crosstalk,),
    (statistics,),
    (decay,),
    (epsilon,),
    (laid_down,),
    (winners, per_output, leaks),
    (elementwise,),
    (both_sides,),
    (proportional,),
    (part_of_it,),
)


def proofs(case: Case) -> list[Proof]:
    """Return the proofs of the first row of families that has any; none where nothing explains the claim."""
    for row in FAMILIES:
        found: list[Proof] = []
        for family in row:
            try:
                found += family(case)
            except OutOfCalls:
                continue
        if found:
            return found
    return []


def told(found: Sequence[Proof], probes: int) -> Diagnosis | None:
    """Join proofs into one diagnosis: the first speaks, and the codes of the others stand beside it."""
    if not found:
        return None
    first = found[0]
    codes = [code for proof in found for code in (proof.code, *proof.also)]
    others = [code for code in dict.fromkeys(codes) if code != first.code][:MOST_ALTERNATIVES]
    evidence = (
        first.tested
        or f"taken back, the claim agrees: largest discrepancy {first.bars:.2g} bars over {probes} fresh probes"
    )
    more = [proof.sentence for proof in found[1:] if proof.code != first.code]
    sentence = first.sentence + (f"; on these shapes the same as: {more[0]}" if more else "")
    return Diagnosis(
        code=first.code,
        sentence=sentence,
        repair=first.repair,
        equation=first.equation,
        evidence=evidence,
        alternatives=tuple(others),
    )
