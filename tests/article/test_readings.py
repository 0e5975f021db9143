"""The claims and their verdicts: found by machine, so that another transcription gets another verdict."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck.article import delta_gradient, forward_pass, weight_gradient
from gradcheck.article.cases import SHAPES, Case, drawn, from_plain, generic, plain, small_case
from gradcheck.article.claims import Claim, difference
from gradcheck.article.conditions import CONDITIONS
from gradcheck.article.equations import EQUATIONS
from gradcheck.article.indexing import OutsideError, reader, rebased, rot180
from gradcheck.article.ledger import CLAIMS, STATEMENTS, entries
from gradcheck.article.verdicts import decides, rule, search

BY_NAME = {(claim.number, claim.reading): claim for claim in CLAIMS}
EQ14 = BY_NAME[14, "* = convolution, re-based to valid"]


def test_every_equation_from_1_to_22_has_a_statement_and_a_reading():
    assert [one.number for one in EQUATIONS] == list(range(1, 23))
    assert {claim.number for claim in CLAIMS} == set(STATEMENTS)


def test_no_two_readings_of_a_claim_share_a_name():
    assert len(BY_NAME) == len(CLAIMS)


@pytest.mark.parametrize("at", [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_an_index_outside_is_undefined_or_zero_and_never_wraps(at):
    values = np.arange(6).reshape(2, 3) + 1
    assert reader(values, "I", "zero")(*at) == 0
    with pytest.raises(OutsideError, match=r"I\(.*\) lies outside the map of 2 x 3"):
        reader(values, "I")(*at)


def test_rotation_and_re_basing_are_formulas_of_the_index():
    read = reader(np.arange(6).reshape(2, 3), "I")
    assert rot180(read, (2, 3))(0, 0) == 5
    assert rebased(read, 1, -1)(0, 2) == 4
    with pytest.raises(OutsideError):
        rot180(read, (2, 3))(2, 0)


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        (EQ14, lambda case, at: weight_gradient.eq14(case, at) + (at == (1, 0))),
        (BY_NAME[7, "b per pixel"], lambda case, at: forward_pass.eq7(case, at) + 1),
        (BY_NAME[20, "delta zero outside"], lambda case, at: -delta_gradient.eq20_zero(case, at)),
        (BY_NAME["P7", "the whole map as one block"], lambda case, at: 1),
    ],
    ids=lambda value: str(value.number) if isinstance(value, Claim) else "",
)
def test_another_transcription_changes_the_ledger(claim: Claim, wrong):
    (right_row,) = entries([claim], examples=20, proofs=False)
    (wrong_row,) = entries([replace(claim, right=wrong)], examples=20, proofs=False)
    assert right_row["verdict"] in ("holds", "definition")
    assert wrong_row["verdict"] in ("fails", "holds only if")
    assert wrong_row["counterexample"] is not None


@pytest.fixture(scope="module")
def broken():
    """A claim that fails without its condition, and its ruling: the search for the smallest case takes seconds."""
    claim = BY_NAME[6, "* = cross-correlation"]
    return claim, rule(claim, examples=8)


def test_a_failing_claim_that_is_repaired_changes_the_ledger(broken):
    claim, ruling = broken
    assert ruling.verdict == "holds only if"
    assert rule(replace(claim, left=forward_pass.eq6), examples=20).verdict == "holds"


def test_the_counterexample_is_the_smallest_shape_and_plain_values():
    found = search(BY_NAME[22, "* = convolution, zero outside"], examples=20)
    assert found is not None
    assert (found.case.map_size, found.case.kernel_size) == ((1, 2), (1, 2))
    assert sum(int(np.abs(getattr(found.case, name)).sum()) for name in ("image", "kernel", "delta")) <= 3


def test_a_pinned_counterexample_is_replayed_and_one_that_is_none_is_searched_anew(broken):
    claim, found = broken
    again = rule(claim, examples=6, pinned=found.counterexample.plain())
    assert again.replayed
    assert again.counterexample.plain() == found.counterexample.plain()
    harmless = {**found.counterexample.plain(), "operands": plain(small_case({"image": (1, 1), "kernel": (1, 1)}, {}))}
    assert not rule(claim, examples=6, pinned=harmless).replayed


def test_a_side_without_a_value_is_a_counterexample_that_says_where():
    claim = BY_NAME[20, "delta undefined outside"]
    seen = difference(claim, small_case({"image": (2, 1), "kernel": (2, 1)}, {}))
    assert seen is not None
    assert (seen.right, seen.reason) == ("undefined", "delta(-1, 0) lies outside the map of 1 x 1")


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda one: one.sentence[:30])
def test_a_condition_holds_where_it_is_imposed_and_not_everywhere(condition):
    rng = np.random.default_rng(1)
    cases = [drawn(rng, shape) for shape in SHAPES]
    assert all(condition.holds(condition.impose(case)) for case in cases)
    assert not all(condition.holds(case) for case in cases)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda one: one.sentence[:30])
def test_no_condition_is_accepted_for_a_claim_that_always_or_never_holds(condition):
    never = replace(EQ14, right=lambda case, at: weight_gradient.eq14(case, at) + 1)
    assert not decides(condition, EQ14, examples=30)
    assert not decides(condition, never, examples=30)


def test_a_case_survives_json():
    case = drawn(np.random.default_rng(2), (2, 3, 1, 2), depth=2)
    assert plain(from_plain(plain(case))) == plain(case)


def test_generic_values_keep_the_operand_that_a_condition_is_about():
    case: Case = drawn(np.random.default_rng(3), (2, 2, 2, 2))
    other = generic(case, np.random.default_rng(4), keep="kernel")
    np.testing.assert_array_equal(other.kernel, case.kernel)
    assert (other.image != case.image).any()
    assert other.f(7) == 7
