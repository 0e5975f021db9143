"""Every flag has its wrong layer, which fails just the cases that carry it; whoever fails like it is told in words."""

import numpy as np
import pytest

from gradcheck.errors import GradcheckError
from gradcheck.oracle.exact import MISTAKES
from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.judging import Outcome, judge
from gradcheck.oracle.loudness import LOUD
from gradcheck.oracle.making import SMOOTH_MISTAKES, make_case
from gradcheck.oracle.mistakes import Scene
from gradcheck.oracle.operations import layer_of
from gradcheck.oracle.pinned import pinned
from gradcheck.oracle.summary import suspicions


def wrong_layers():
    """(flag, operation) -> the mistake in exact cases and in rounded ones: one wrong layer, written for both."""
    found = {(entry.flag, operation): [entry.mistake, None] for entry in MISTAKES for operation in entry.operations}
    for entry in SMOOTH_MISTAKES:
        found.setdefault((entry.flag, entry.operation), [None, None])[1] = entry.mistake
    return found


def outcomes_of(mistakes, cases, limit):
    """Hold the wrong layer to cases in float64; a mistake that is not made there leaves the right numbers."""
    found = []
    for case in cases:
        vector, mistake = case.vector("float64"), mistakes[case.result == "rounded"]
        given = {"output": vector.output, **vector.gradients}
        try:
            with np.errstate(all="ignore"):
                given |= mistake(Scene(case, layer_of(case), vector)) if mistake else {}
                output = np.asarray(given.pop("output"))
                found.append(judge(case, "float64", output, given, limit=limit))
        except (GradcheckError, ValueError, IndexError) as err:
            found.append(Outcome(case.name, case.operation, "float64", "crashed", sentence=str(err), raised=True))
    return found


def assert_fails_where_flagged_and_is_told(flag, operation, mistakes, cases):
    outcomes = outcomes_of(mistakes, cases, LOUD)
    failed = {outcome.case for outcome in outcomes if outcome.status in ("wrong", "crashed")}
    assert failed == {case.name for case in cases if flag in case.flags}, f"{flag}, {operation}"
    if failed:
        told = [each.sentence for each in suspicions(outcomes, {case.name: case for case in cases})]
        assert FLAGS[flag] in told, f"{flag}, {operation}: told {told}"
    return bool(failed)


def test_every_flag_has_a_wrong_layer_and_every_wrong_layer_a_flag():
    assert {flag for flag, _ in wrong_layers()} == set(FLAGS)
    assert len(FLAGS) == pinned()["flags"]


@pytest.mark.parametrize(
    ("flag", "operation", "names"),
    [
        ("kernel-not-rotated", "conv", ("conv1d/plain", "conv1d/pointwise", "conv2d/plain")),
        ("ceil-mode-forgotten", "max_pool", ("max_pool1d/plain", "max_pool1d/ceil-mode")),
        ("tail-by-erf", "gelu", ("gelu/left-tail", "gelu/right-tail", "gelu/moderate")),
    ],
)
def test_a_wrong_layer_fails_where_it_is_flagged_and_is_told_so(flag, operation, names):
    cases = [make_case(name) for name in names]
    assert assert_fails_where_flagged_and_is_told(flag, operation, wrong_layers()[flag, operation], cases)


@pytest.mark.slow
def test_every_wrong_layer_fails_just_the_cases_that_carry_its_flag_and_is_told_so(whole_suite):
    shown = set()
    for (flag, operation), mistakes in wrong_layers().items():
        cases = [case for case in whole_suite if case.operation == operation]
        if assert_fails_where_flagged_and_is_told(flag, operation, mistakes, cases):
            shown.add(flag)
    assert shown == set(FLAGS)
    assert [case.name for case in whole_suite if not case.flags] == []
