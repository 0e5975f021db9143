"""The judge on trial, one test a case: every fault is caught and no right layer is accused."""

import pytest

import gradcheck
from gradcheck.faults.selftest import try_case
from gradcheck.faults.zoo import FAULTS, TRICKY


@pytest.mark.parametrize("case", FAULTS, ids=lambda c: c.name)
def test_judge_catches_the_fault(case):
    trial = try_case(gradcheck.check, case)
    assert not trial.deviation, trial


@pytest.mark.parametrize("case", TRICKY, ids=lambda c: c.name)
def test_judge_accepts_the_right_layer(case):
    trial = try_case(gradcheck.check, case)
    assert not trial.deviation, trial
