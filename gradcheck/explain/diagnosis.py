"""Why: every hypothesis of the tables put to the proof, the plainest first, and what is left is told together."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from gradcheck.explain.apart import told_apart
from gradcheck.explain.cells import centred, diagonal_only, leaks, per_output
from gradcheck.explain.clipping import clipped
from gradcheck.explain.composed import both_sides, orders
from gradcheck.explain.crosstalk import crosstalk, kept_apart
from gradcheck.explain.elementwise import elementwise
from gradcheck.explain.linearised import at_the_output, points, whole_transposed
from gradcheck.explain.matrix import Truth
from gradcheck.explain.normalisation import epsilon, statistics
from gradcheck.explain.outermost import outermost, silent, two_sides
from gradcheck.explain.paths import decay, multiplied, skip, uses
from gradcheck.explain.patterns import labelled, part_of_it
from gradcheck.explain.proof import Case, Family, Proof
from gradcheck.explain.scaling import factors, products, proportional
from gradcheck.explain.scene import Scene
from gradcheck.explain.selection import counted_in, divisors, misplaced, overlaps, winners
from gradcheck.explain.shares import beside, by_output, put_through, unmoved
from gradcheck.explain.sums import between_outputs, means
from gradcheck.explain.truncation import before_use, mistyped, rounded
from gradcheck.explain.updates import after_update, updated
from gradcheck.explain.upstream import along_axes, edges, over_positions, rearranged, upstream
from gradcheck.explain.whole import (
    another,
    constant_added,
    nonlinear,
    nothing,
    overwritten,
    returned,
    unfelt,
    unsteady,
)
from gradcheck.explain.windows import laid_down
from gradcheck.verdict import Diagnosis

MOST_ALTERNATIVES = 4
EARLY = 0.8  # of the calls left: what a Jacobian may cost before everything that needs none was asked

# Each row is asked as a whole before the next: what explains the claim equally well in one row is told together.
FAMILIES: tuple[tuple[Family, ...], ...] = (
    (unsteady,),
    (overwritten,),
    (nothing,),
    (mistyped,),
    (rounded, clipped, constant_added),
    (before_use,),
    (updated, after_update),
    (returned, unfelt, means, factors, another, upstream, multiplied),
    (nonlinear,),
    (between_outputs,),
    (orders, skip),
    (rearranged, products),
    (outermost,),
    (two_sides,),
    (uses, decay),
)
# Sums and means along axes, and what a window lays down; asked as soon as the Jacobian is known.
WINDOWS: tuple[tuple[Family, ...], ...] = (
    (along_axes, over_positions, diagonal_only, divisors, overlaps, centred),
    (laid_down,),
    (labelled,),
)
# Every other point that the derivative may have been taken at, a direction or more each.
ELSEWHERE: tuple[tuple[Family, ...], ...] = (
    (at_the_output, points, whole_transposed),
    (statistics,),
    (epsilon,),
    (proportional,),
    (unmoved,),
)
# These look at the whole measured Jacobian, which is measured for them where it was not before.
WITH_THE_JACOBIAN: tuple[tuple[Family, ...], ...] = (
    (crosstalk,),
    (winners,),
    (edges,),
    (per_output, leaks, counted_in),
    (misplaced,),
    (elementwise,),
)
LAST: tuple[tuple[Family, ...], ...] = (
    (both_sides,),
    (put_through,),
    (part_of_it,),
    (by_output, beside),
    (silent,),
    (kept_apart,),
)


def diagnose(
    scene: Scene, truth: Truth | None, measure: Callable[[float], Truth | None]
) -> tuple[list[Proof], Truth | None]:
    """Return the proofs of the first row of families that has any, and the Jacobian.

    It is `measure`d where it was not known before: for a share of the calls that are left as soon as the plainest
    mistakes are ruled out, and for all of them when nothing but looking at the whole matrix is left.
    """
    if found := _first_of(FAMILIES, scene, truth, apart=True):
        return found, truth
    windows = WINDOWS
    for share, rows in ((EARLY, ELSEWHERE), (1.0, (*WITH_THE_JACOBIAN, *LAST))):
        truth = truth or measure(share)
        if truth is not None:
            if found := _first_of(windows, scene, truth):
                return found, truth
            windows = ()
        if found := _first_of(rows, scene, truth, apart=rows is ELSEWHERE):
            return found, truth
    return [], truth


def _first_of(
    rows: Sequence[tuple[Family, ...]], scene: Scene, truth: Truth | None, *, apart: bool = False
) -> list[Proof]:
    for row in rows:
        found = [proof for family in row for proof in _asked(family, Case(scene, truth))]
        found = [proof for proof in found if not proof.composed] or found
        if found:
            return told_apart(scene, found, row) if apart else found
    return []


def _asked(family: Family, case: Case) -> list[Proof]:
    found: list[Proof] = []
    # What was proved before the calls ran out stands; a hypothesis that trips must not cost the verdict.
    with suppress(Exception):
        for proof in family(case):
            found.append(proof)  # noqa: PERF402 - one at a time, so that those before the end are kept
    return found


def told(found: Sequence[Proof], probes: int) -> Diagnosis | None:
    """Join proofs into one diagnosis: the first speaks, and the codes of the others stand beside it."""
    if not found:
        return None
    first = found[0]
    codes = [code for proof in found for code in (proof.code, *proof.also)]
    others = [code for code in dict.fromkeys(codes) if code != first.code][:MOST_ALTERNATIVES]
    evidence = first.tested or (
        f"taken back, the claim agrees: largest discrepancy {first.bars:.2g} bars over {probes} fresh probes"
    )
    more = [proof.sentence for proof in found[1:] if proof.code != first.code]
    sentence = first.sentence + (f"; here that is the same as: {more[0]}" if more else "")
    return Diagnosis(
        code=first.code,
        sentence=sentence,
        repair=first.repair,
        equation=first.equation,
        evidence=evidence,
        alternatives=tuple(others),
    )
