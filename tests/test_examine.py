"""check() and assert_agrees(): what they return, what each option does, and what they raise."""

import json

import numpy as np
import pytest

import gradcheck
from gradcheck import GradientMismatch, InconclusiveCheck, Verdict, assert_agrees, check
from gradcheck.errors import GradcheckError, InvalidInput
from gradcheck.verdict import Severity

X = np.random.default_rng(7).standard_normal((3, 4))
Y = np.random.default_rng(8).standard_normal((3, 4))

square = (lambda x: x * x, lambda g, x: 2 * g * x)
wrong_square = (lambda x: x * x, lambda g, x: g * x)
multiply = (lambda a, b: a * b, lambda g, a, b: (g * b, g * a))
half_claimed = (lambda a, b: a * b, lambda g, a, b: (g * b, None))
step = (np.floor, lambda g, x: np.zeros_like(x))
noisy = (lambda x: x * np.random.default_rng().random(x.shape), lambda g, x: g)


def codes(report):
    return [finding.code for finding in report.findings]


def test_report_has_every_field_of_the_public_api():
    report = check(wrong_square, {"x": X})
    argument = report.arguments["x"]
    assert report.verdict is Verdict.DISAGREES
    assert argument.verdict is Verdict.DISAGREES
    assert argument.discrepancy > argument.threshold * argument.error_bar > 0
    assert 0 < argument.resolution < 1e-9
    assert argument.census.wrong == X.size
    assert argument.diagnosis.code == "factor-1/2"
    assert report.findings == ()
    assert report.evaluations.forward > report.evaluations.backward > 0
    assert (report.seed, report.effort, report.dtype, report.convention) == (
        0,
        "normal",
        "float64",
        "pair of functions",
    )


def test_report_has_every_face():
    report = check(square, {"x": X}, effort="quick")
    assert "AGREES" in str(report)
    assert json.loads(report.to_json())["schema"] == "gradcheck/report/1"
    assert "<html" in report.to_html()
    assert "<testsuite" in report.to_junit()
    assert gradcheck.Report.from_json(report.to_json()) == report


@pytest.mark.parametrize(
    ("verdict", "text"),
    [(Verdict.AGREES, "agrees"), (Verdict.DISAGREES, "disagrees"), (Verdict.INCONCLUSIVE, "inconclusive")],
)
def test_a_verdict_is_written_in_lower_case(verdict, text):
    assert str(verdict) == text


@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
@pytest.mark.parametrize(
    ("layer", "wanted"), [(square, Verdict.AGREES), (wrong_square, Verdict.DISAGREES)], ids=["right", "wrong"]
)
def test_every_effort_gives_the_right_verdict(layer, wanted, effort):
    report = check(layer, {"x": X}, effort=effort)
    assert report.verdict is wanted
    assert report.effort == effort


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_the_same_seed_reproduces_the_same_report(effort):
    assert check(wrong_square, {"x": X}, seed=5, effort=effort) == check(wrong_square, {"x": X}, seed=5, effort=effort)


def test_another_seed_draws_other_probes():
    one, other = check(square, {"x": X}, seed=1), check(square, {"x": X}, seed=2)
    assert one.arguments["x"].claimed != other.arguments["x"].claimed
    assert (one.seed, other.seed) == (1, 2)


MISUSE = {
    "effort": ({"effort": "fast"}, r"`effort` must be one of quick, normal, thorough; it is 'fast'\."),
    "negative seed": ({"seed": -1}, r"`seed` must be an integer of at least 0; it is -1\."),
    "seed of text": ({"seed": "a"}, r"`seed` must be an integer of at least 0; it is 'a'\."),
    "no seed": ({"seed": None}, r"it is None\."),
    "code": ({"errors": ["mutates-imput"]}, r"there is no 'mutates-imput'; did you mean `mutates-input`"),
    "far code": ({"errors": "zzz"}, r"`errors` must hold codes of findings; there is no 'zzz'\.$"),
    "points": ({"points": {"x": X}}, r"`points` must be a sequence of inputs"),
    "wrt": ({"wrt": "y"}, r"`wrt` must name floating inputs \(x\); it names 'y'\."),
}


@pytest.mark.parametrize(("options", "sentence"), MISUSE.values(), ids=MISUSE)
def test_misuse_of_an_option_raises_before_the_layer_is_called(options, sentence):
    def never(*inputs):
        raise AssertionError

    with pytest.raises(InvalidInput, match=sentence):
        check((never, never), {"x": X}, **options)


def test_a_numpy_integer_is_a_seed():
    assert check(square, {"x": X}, seed=np.int64(3), effort="quick").seed == 3


def test_wrt_leaves_the_other_arguments_alone():
    seen = []

    def forward(a, b):
        seen.append(b.copy())
        return a * b

    report = check((forward, multiply[1]), {"a": X, "b": Y}, wrt=["a"], effort="quick")
    assert list(report.arguments) == ["a"]
    assert all(np.array_equal(b, Y) for b in seen)


def test_an_unclaimed_gradient_is_a_warning_unless_asked_for():
    plain = check(half_claimed, {"a": X, "b": Y})
    assert (plain.verdict, plain.findings[0].severity) == (Verdict.AGREES, Severity.WARNING)
    assert list(plain.arguments) == ["a"]
    asked = check(half_claimed, {"a": X, "b": Y}, wrt=["a", "b"])
    assert (asked.verdict, asked.findings[0].severity) == (Verdict.DISAGREES, Severity.ERROR)


@pytest.mark.parametrize("errors", ["gradient-unclaimed", ["gradient-unclaimed", "mutates-input"]], ids=str)
def test_errors_raises_a_warning_to_a_disagreement(errors):
    report = check(half_claimed, {"a": X, "b": Y}, errors=errors)
    assert report.verdict is Verdict.DISAGREES
    assert report.findings[0].severity is Severity.ERROR
    assert report.arguments["a"].verdict is Verdict.AGREES


def test_errors_that_were_not_found_change_nothing():
    assert check(square, {"x": X}, errors=["mutates-input"]).verdict is Verdict.AGREES


def test_a_vacuous_agreement_is_said_and_strict_takes_it_for_inconclusive():
    plain, strict = check(step, {"x": X}), check(step, {"x": X}, strict=True)
    assert (plain.verdict, plain.vacuous) == (Verdict.AGREES, True)
    assert "AGREES, VACUOUSLY" in str(plain).splitlines()[0]
    assert (strict.verdict, strict.reason) == (Verdict.INCONCLUSIVE, "vacuous")


def test_strict_leaves_a_real_agreement():
    assert check(square, {"x": X}, strict=True).verdict is Verdict.AGREES


def test_name_and_replay_are_shown():
    report = check(square, {"x": X}, effort="quick", name="square", replay="make check")
    assert (report.target, report.replay) == ("square", "make check")
    assert check(square, {"x": X}, effort="quick", seed=4, name="s").replay == "gradcheck.check(s, inputs, seed=4)"


def test_assert_agrees_returns_the_report():
    report = assert_agrees(square, {"x": X}, effort="quick")
    assert report.verdict is Verdict.AGREES


def test_assert_agrees_raises_a_mismatch_whose_text_is_the_report():
    with pytest.raises(GradientMismatch, match="grad_x is wrong") as caught:
        assert_agrees(wrong_square, {"x": X})
    assert isinstance(caught.value, AssertionError)
    assert not isinstance(caught.value, GradcheckError)
    assert str(caught.value) == str(caught.value.report)
    assert caught.value.report.verdict is Verdict.DISAGREES


def test_assert_agrees_raises_on_inconclusive_unless_told_otherwise():
    with pytest.raises(InconclusiveCheck, match="different outputs for the same inputs") as caught:
        assert_agrees(noisy, {"x": X})
    assert isinstance(caught.value, AssertionError)
    assert not isinstance(caught.value, GradcheckError)
    assert assert_agrees(noisy, {"x": X}, allow_inconclusive=True).reason == "random-forward"


def test_allowing_inconclusive_still_raises_on_a_wrong_gradient():
    with pytest.raises(GradientMismatch):
        assert_agrees(wrong_square, {"x": X}, allow_inconclusive=True)


def test_one_wrong_argument_makes_the_whole_disagree():
    report = check((multiply[0], lambda g, a, b: (g * b, 2 * g * a)), {"a": X, "b": Y})
    assert report.verdict is Verdict.DISAGREES
    assert [a.verdict for a in report.arguments.values()] == [Verdict.AGREES, Verdict.DISAGREES]


def test_a_disagreement_outweighs_an_argument_that_cannot_be_judged():
    report = check((multiply[0], lambda g, a, b: (2 * g * b, None)), {"a": X, "b": Y})
    assert report.verdict is Verdict.DISAGREES
    assert "gradient-unclaimed" in codes(report)


def test_a_disagreement_is_told_as_judged_before_it_is_explained():
    told = []
    wrong = (lambda x: 2 * x, lambda grad_output, x: -2 * grad_output)
    report = gradcheck.check(wrong, {"x": np.ones(3)}, judged=told.append)
    assert [(one.verdict, one.arguments["x"].diagnosis) for one in told] == [(Verdict.DISAGREES, None)]
    assert report.arguments["x"].diagnosis is not None
    gradcheck.check((lambda x: 2 * x, lambda grad_output, x: 2 * grad_output), {"x": np.ones(3)}, judged=told.append)
    assert len(told) == 1
