"""Waivers: a known disagreement is as expected, a new one is not, and one that healed is told."""

import pytest

from gradcheck.cli.exits import exit_code
from gradcheck.report import as_junit
from gradcheck.report.headline import label
from gradcheck.report.record import Failure, Report
from gradcheck.runner.waivers import Waiver, waived
from gradcheck.verdict import Argument, Finding, Verdict


def report(verdict, wrong=(), codes=()):
    arguments = {
        name: Argument(name, (2,), "float64", Verdict.DISAGREES if name in wrong else Verdict.AGREES) for name in "xb"
    }
    return Report("t", "", verdict, None, "", arguments=arguments, findings=[Finding(code, "s") for code in codes])


WRONG = report(Verdict.DISAGREES, wrong="b")
BOTH = report(Verdict.DISAGREES, wrong="xb")
FOUND = report(Verdict.DISAGREES, codes=["input-mutated"])
RIGHT = report(Verdict.AGREES)
UNSURE = report(Verdict.INCONCLUSIVE)
CASES = [
    (WRONG, [Waiver("t", "a mean")], "WAIVED", 0),
    (WRONG, [Waiver("t", "a mean", argument="b")], "WAIVED", 0),
    (WRONG, [Waiver("other", "a mean")], "DISAGREES", 1),
    (WRONG, [Waiver("t", "a mean", argument="x")], "WAIVER HEALED", 1),
    (WRONG, [Waiver("t", "a mean", argument="b"), Waiver("t", "gone", argument="x")], "WAIVER HEALED", 1),
    (BOTH, [Waiver("t", "a mean", argument="b")], "DISAGREES", 1),
    (BOTH, [Waiver("t", "a mean", argument="b"), Waiver("t", "too", argument="x")], "WAIVED", 0),
    (BOTH, [Waiver("t", "all")], "WAIVED", 0),
    (FOUND, [Waiver("t", "by design", code="input-mutated")], "WAIVED", 0),
    (FOUND, [Waiver("t", "by design", code="stale-state")], "WAIVER HEALED", 1),
    (WRONG, [Waiver("t", "a mean", code="gradient")], "WAIVED", 0),
    (RIGHT, [Waiver("t", "a mean")], "WAIVER HEALED", 1),
    (UNSURE, [Waiver("t", "a mean")], "INCONCLUSIVE", 3),
    (RIGHT, [], "AGREES", 0),
    (Failure("t", "crashed", "no"), [Waiver("t", "a mean")], "CRASHED", 2),
]


@pytest.mark.parametrize(("result", "waivers", "word", "code"), CASES)
def test_a_waiver_covers_what_it_names_until_it_heals(result, waivers, word, code):
    left = waived(result, "t", waivers)
    assert (label(left), exit_code([left])) == (word, code)


def test_an_inconclusive_check_is_as_expected_where_it_is_allowed():
    left = waived(UNSURE, "t", [], allow_inconclusive=True)
    assert (label(left), exit_code([left])) == ("WAIVED", 0)
    assert left.waived == "an inconclusive check is allowed here"
    assert waived(WRONG, "t", [], allow_inconclusive=True) is WRONG


def test_a_waiver_may_name_a_configuration():
    waiver = Waiver("layers.py:L (stride=2)", "known")
    one = Report("layers.py:L (stride=2)", "", Verdict.DISAGREES, None, "", findings=[Finding("c", "s")])
    other = Report("layers.py:L (stride=1)", "", Verdict.DISAGREES, None, "", findings=[Finding("c", "s")])
    assert label(waived(one, "layers.py:L", [waiver])) == "WAIVED"
    assert label(waived(other, "layers.py:L", [waiver])) == "DISAGREES"


def test_the_reason_and_what_healed_are_said():
    assert str(waived(WRONG, "t", [Waiver("t", "a mean; issue 12")])).startswith("WAIVED  t: grad_b is wrong; waived:")
    assert waived(RIGHT, "t", [Waiver("t", "a mean", argument="b")]).sentence.startswith(
        "the waiver of b (a mean) covers nothing any more: remove it from `waive` in pyproject.toml. "
        "Now it is: AGREES  t: 2 gradients agree"
    )


def test_junit_skips_what_is_waived_and_fails_what_healed():
    waiver = Waiver("t", "a mean")
    text = as_junit.documents([waived(WRONG, "t", [waiver]), waived(RIGHT, "t", [waiver])], "0")
    assert 'tests="2" failures="1" errors="0" skipped="1"' in text
    assert 'type="healed"' in text


def test_a_waived_report_survives_json():
    left = waived(WRONG, "t", [Waiver("t", "a mean")])
    assert Report.from_json(left.to_json()) == left
