"""The judge on trial, one test a case: every fault is caught, no right layer is accused, and no check takes more calls.

The calls are those of the stated bound in all: 40 and 15 for each argument, and 30 and 30.
"""

import pytest

import gradcheck
from gradcheck.checks.contract import MOST_CALLS
from gradcheck.checks.procedure import BACKWARD_CALLS, FORWARD_CALLS
from gradcheck.faults.selftest import try_case
from gradcheck.faults.zoo import FAULTS, TRICKY


def counted_trial(case):
    """Try a case, and count the calls of its checks on the way."""
    reports = []

    def check(*args, **options):
        reports.append(gradcheck.check(*args, **options))
        return reports[-1]

    trial = try_case(check, case)
    for report in reports:
        spent = [cost for cost in report.evaluations.spent if cost.purpose != "explaining"]
        several = max(len(report.arguments), 1)
        assert sum(cost.forward for cost in spent) <= FORWARD_CALLS * several + MOST_CALLS
        assert sum(cost.backward for cost in spent) <= BACKWARD_CALLS * several + MOST_CALLS
    return trial


@pytest.mark.parametrize("case", FAULTS, ids=lambda c: c.name)
def test_judge_catches_the_fault(case):
    trial = counted_trial(case)
    assert not trial.deviation, trial


@pytest.mark.parametrize("case", TRICKY, ids=lambda c: c.name)
def test_judge_accepts_the_right_layer(case):
    trial = counted_trial(case)
    assert not trial.deviation, trial
