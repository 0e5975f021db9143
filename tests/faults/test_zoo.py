"""The zoo as a collection: its size, its names, and that every class of mistake is in it."""

from collections import Counter

import numpy as np
import pytest

from gradcheck.faults.codes import CODES, WITNESSES
from gradcheck.faults.records import Shows, point_of
from gradcheck.faults.zoo import FAULTS, TRICKY
from gradcheck.verdict import Verdict

GROUPS = {"convolution", "pooling", "activations", "linear", "losses", "normalisation"}


def test_zoo_holds_at_least_120_faults_and_80_tricky_layers():
    assert len(FAULTS) >= 120
    assert len(TRICKY) >= 80


def test_zoo_names_each_case_once():
    assert [n for n, count in Counter(c.name for c in (*FAULTS, *TRICKY)).items() if count > 1] == []


def test_zoo_covers_the_families_of_layers():
    assert {c.group for c in FAULTS} >= GROUPS


def test_zoo_has_a_fault_of_every_code_and_no_other():
    assert {c.code for c in FAULTS} == set(CODES)
    assert {code for c in FAULTS for code in c.also} <= set(CODES)


def test_zoo_knows_the_witness_of_every_misconduct():
    assert {c.code for c in FAULTS if c.shows is Shows.MANNERS} == set(WITNESSES)


@pytest.mark.parametrize("case", FAULTS, ids=lambda c: c.name)
def test_fault_names_arguments_that_it_has(case):
    assert case.wrong_arguments
    assert set(case.wrong_arguments) <= set(point_of(case))
    assert case.sentence


@pytest.mark.parametrize("case", TRICKY, ids=lambda c: c.name)
def test_tricky_layer_is_never_expected_to_disagree(case):
    assert Verdict.DISAGREES not in case.accepted
    assert case.why


def test_points_depend_on_name_and_seed_alone():
    case = FAULTS[0]
    first, again, other = point_of(case), point_of(case), point_of(case, seed=1)
    assert np.array_equal(first["x"], again["x"])
    assert not np.array_equal(first["x"], other["x"])
