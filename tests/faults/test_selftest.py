"""The tally of the self-test: what counts as caught, missed and false, seen with a judge made of cardboard."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from gradcheck.errors import LayerFailed
from gradcheck.faults.records import Fault, Shows, Tricky, fixed, pair
from gradcheck.faults.selftest import try_case
from gradcheck.verdict import Diagnosis, Finding, Severity, Verdict

AGREES, DISAGREES, INCONCLUSIVE = Verdict
NOTE = Severity.NOTE
MAKE, POINT = pair(np.sin, lambda g, x: -g * np.cos(x)), fixed(x=[1.0], y=[2.0])


def fault(code="sign", shows=Shows.HERE):
    return Fault("made-up/sign", code, ("x",), MAKE, POINT, "negated", shows)


def rude():
    return fault("aliases", Shows.MANNERS)


def other():
    return replace(fault("other"), also=("factor",))


def tricky():
    return Tricky("made-up/right", MAKE, POINT, "made up")


def report(verdict, accused=(), *, codes=(), severity=Severity.WARNING, diagnosis=None, point="the given point"):
    blamed = {n: SimpleNamespace(verdict=DISAGREES, point=point, diagnosis=diagnosis) for n in accused}
    findings = [Finding(code, "a sentence", severity) for code in codes]
    return SimpleNamespace(verdict=verdict, arguments=blamed, findings=findings)


ROWS = [
    ("caught", fault(), report(DISAGREES, ["x"]), "", ("gradient",)),
    ("caught elsewhere", fault(), report(DISAGREES, ["x"], point="x = 3"), "", ("elsewhere",)),
    ("caught by a finding", fault(), report(DISAGREES, codes=["dtype"]), "", ("dtype",)),
    ("missed", fault(), report(AGREES), "missed", ()),
    ("missed with a warning", fault(), report(AGREES, codes=["dtype"]), "missed", ("dtype",)),
    ("manners warned of", rude(), report(AGREES, codes=["aliases-input"]), "", ("aliases-input",)),
    ("manners noted", rude(), report(AGREES, codes=["aliases-input"], severity=NOTE), "", ("aliases-input",)),
    ("other manners warned of", rude(), report(AGREES, codes=["size-one-wrong"]), "missed", ("size-one-wrong",)),
    ("manners unseen", rude(), report(AGREES), "missed", ()),
    ("manners called wrong", rude(), report(DISAGREES), "", ()),
    ("a note says nothing of a gradient", fault(), report(AGREES, codes=["x"], severity=NOTE), "missed", ()),
    ("undecided", fault(), report(INCONCLUSIVE), "undecided", ()),
    ("wrong argument", fault(), report(DISAGREES, ["x", "y"]), "right argument accused", ("gradient",)),
    ("right diagnosis", fault(), report(DISAGREES, ["x"], diagnosis=Diagnosis("sign", "s")), "", ("gradient",)),
    ("equally true", other(), report(DISAGREES, ["x"], diagnosis=Diagnosis("factor", "s")), "", ("gradient",)),
    (
        "right among alternatives",
        fault(),
        report(DISAGREES, ["x"], diagnosis=Diagnosis("factor-2", "s", alternatives=("sign",))),
        "",
        ("gradient",),
    ),
    (
        "wrong diagnosis",
        fault(),
        report(DISAGREES, ["x"], diagnosis=Diagnosis("zero", "s")),
        "wrong diagnosis",
        ("gradient",),
    ),
    ("right layer", tricky(), report(AGREES), "", ()),
    ("false alarm", tricky(), report(DISAGREES, ["x"]), "false alarm", ("gradient",)),
    ("right layer undecided", tricky(), report(INCONCLUSIVE), "undecided", ()),
]


@pytest.mark.parametrize(("case", "answer", "deviation", "caught_by"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_trial_tallies(case, answer, deviation, caught_by):
    trial = try_case(lambda layer, inputs: answer, case)
    assert (trial.deviation, trial.caught_by) == (deviation, caught_by)


def raising(error):
    def check(layer, inputs):
        raise error

    return check


def test_trial_takes_a_refusal_for_an_answer_only_where_backward_was_to_crash():
    assert try_case(raising(LayerFailed("no")), fault("crash")).deviation == ""
    assert try_case(raising(LayerFailed("no")), fault()).deviation == "raised"


def test_trial_survives_a_judge_that_breaks():
    trial = try_case(raising(ZeroDivisionError("oh")), tricky())
    assert (trial.deviation, trial.raised) == ("raised", "ZeroDivisionError: oh")


def selftest(*arguments):
    from gradcheck.cli.selftest import command

    return CliRunner().invoke(command, arguments, standalone_mode=False)


def test_selftest_prints_the_catch_matrix_and_returns_0():
    result = selftest("--only", "scaling/sign", "--only", "tricky-kinks/relu/claims")
    assert result.return_value == 0
    assert result.output.splitlines()[0].split() == ["scaling/sign", "disagrees", "gradient"]
    assert result.output.splitlines()[-1].startswith("1 of 1 faults caught, 0 false alarms on 3 right layers")
    diagnosed = "1 of 1 faults diagnosed, 1 of 1 whose gradient is wrong; 0 diagnosed as something else"
    assert result.output.splitlines()[-2] == diagnosed


def test_selftest_returns_1_and_names_the_deviation(monkeypatch):
    monkeypatch.setattr("gradcheck.examine.check", lambda layer, inputs: report(AGREES))
    result = selftest("--quiet", "--only", "scaling/sign")
    assert result.return_value == 1
    assert "scaling/sign" in result.output
    assert "<< missed" in result.output


def test_selftest_prints_the_same_from_here_and_from_children(monkeypatch):
    one = selftest("--only", "tricky-domains/")
    monkeypatch.setattr(sys.modules["gradcheck.cli.selftest"], "_TOGETHER", 8)
    two = selftest("--only", "tricky-domains/", "--jobs", "2")
    assert len(one.output.splitlines()) > 20
    assert one.output == two.output
    assert one.return_value == two.return_value == 0


def test_selftest_refuses_a_name_that_no_case_has():
    result = selftest("--only", "no-such-case")
    assert "no case has no-such-case in its name." in str(result.exception)
