import re
from pathlib import Path

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks import claims
from gradcheck.checks.claims import claim_findings, first_claim, judged_arguments
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import Form
from gradcheck.checks.severities import OPENING, SEVERITIES
from gradcheck.errors import LayerFailed
from gradcheck.verdict import Severity

X = np.random.default_rng(12).standard_normal((2, 3))
FORM = Form(((2, 3),), (np.dtype(np.float64),))

ADAPTERS = {"gradient-count", "gradient-name"}  # met where answers are read: tests/adapters/test_gradients.py

# code, severity, sentence of each claim for the gradient of x * x at X
WRONG = {
    "other shape": (X[:1], "gradient-shape", "error", "The gradient of `x` must have its shape (2, 3); it has (1, 3)."),
    "a number": (1.0, "gradient-shape", "error", "The gradient of `x` must have its shape (2, 3); it has ()."),
    "text": ("abc", "gradient-type", "error", "The gradient of `x` must be an array of numbers; it is str."),
    "an object": (object(), "gradient-type", "error", "The gradient of `x` must be an array of numbers; it is object."),
    "objects": (
        X.astype(object),
        "gradient-type",
        "error",
        "The gradient of `x` must be an array of numbers; it is an array of dtype object.",
    ),
    "spans of time": (
        X.astype("timedelta64[s]"),
        "gradient-type",
        "error",
        "The gradient of `x` must be an array of numbers; it is an array of dtype timedelta64[s].",
    ),
    "complex": (X + 1j, "gradient-dtype", "error", "The gradient of `x` must be real; its dtype is complex128."),
    "another precision": (
        np.float32(2 * X),
        "gradient-dtype",
        "warning",
        "The gradient of `x` should have its dtype float64; it has float32.",
    ),
    "infinite": (
        np.where(X[0, 1] == X, np.inf, X),
        "gradient-nonfinite",
        "error",
        "The gradient of `x` must be finite where forward is; 1 of 6 entries are not, the first at [0, 1].",
    ),
}


def subject(backward, **inputs):
    return subject_of((lambda x, *rest: x * x, backward), inputs or {"x": X})


@pytest.mark.parametrize(("claim", "code", "severity", "sentence"), WRONG.values(), ids=WRONG)
def test_finds_what_is_wrong_with_a_gradient_as_an_object(claim, code, severity, sentence):
    (finding,) = claim_findings({"x": claim}, {"x": X}, subject(lambda g, x: claim), asked=False)
    assert (finding.code, str(finding.severity), finding.sentence) == (code, severity, sentence)
    assert finding.argument == "x"


@pytest.mark.parametrize(("claim", "code", "severity", "sentence"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_what_is_no_gradient_makes_the_verdict_disagree(claim, code, severity, sentence, effort):
    report = check((lambda x: x * x, lambda g, x: claim), {"x": X}, effort=effort)
    assert report.verdict is Verdict.DISAGREES
    assert (code, sentence) in [(f.code, f.sentence) for f in report.findings]


RIGHT = {
    "array": 2 * X,
    "list": (2 * X).tolist(),
    "other memory order": np.asfortranarray(2 * X),
    "other byte order": (2 * X).astype(">f8"),
    "whole numbers": np.zeros((2, 3)),
}


@pytest.mark.parametrize("claim", RIGHT.values(), ids=RIGHT)
def test_accepts_every_array_of_the_right_shape(claim):
    assert claim_findings({"x": claim}, {"x": X}, subject(lambda g, x: claim), asked=False) == []


def test_evidence_of_a_wrong_shape_and_of_nonfinite_entries():
    (shape,) = claim_findings({"x": X[:1]}, {"x": X}, subject(lambda g, x: g), asked=False)
    assert shape.evidence == {"expected": (2, 3), "found": (1, 3)}
    (entries,) = claim_findings({"x": X * np.nan}, {"x": X}, subject(lambda g, x: g), asked=False)
    assert entries.evidence == {"entries": 6, "first": (0, 0)}


@pytest.mark.parametrize(("asked", "severity"), [(False, Severity.NOTE), (True, Severity.ERROR)])
def test_a_gradient_that_is_not_claimed_weighs_by_who_asked(asked, severity):
    both = subject(lambda g, x, w: g, x=X, w=X)
    (finding,) = claim_findings({"x": X}, {"x": X, "w": X}, both, asked=asked)
    assert (finding.code, finding.severity, finding.argument) == ("gradient-unclaimed", severity, "w")
    assert finding.sentence == "backward claims no gradient for `w`; it was not judged."


def test_nothing_claimed_at_all_is_missing():
    found = claim_findings({}, {"x": X}, subject(lambda g, x: g), asked=False)
    assert [f.code for f in found] == ["gradient-unclaimed", "gradient-missing"]
    assert found[1].sentence == "backward claims no gradient for any input."
    assert check((lambda x: x * x, lambda g, x: (None,)), {"x": X}).verdict is Verdict.DISAGREES


def test_an_argument_that_forward_ignores_is_left_unclaimed_with_a_note():
    report = check((lambda x, w: x * x, lambda g, x, w: (2 * g * x, None)), {"x": X, "w": X})
    assert report.verdict is Verdict.AGREES
    assert [(f.code, f.severity) for f in report.findings] == [("gradient-unclaimed", Severity.NOTE)]


@pytest.mark.parametrize(("name", "severity"), [("target", Severity.WARNING), ("w", Severity.ERROR)])
def test_an_unclaimed_argument_that_forward_responds_to_weighs_by_its_name(name, severity):
    pair = (lambda x, other: x * other, lambda g, x, other: (g * other, None))
    report = check(pair, {"x": X, name: X})
    assert report.findings[0].severity is severity
    assert report.findings[0].sentence == (
        f"backward claims no gradient for `{name}`, though forward responds to it; it was not judged."
    )


def test_the_other_arguments_are_still_judged():
    report = check((lambda x, w: x * w, lambda g, x, w: (2 * g * w, (g * x)[:1])), {"x": X, "w": X})
    assert {name: a.verdict for name, a in report.arguments.items()} == dict.fromkeys("xw", Verdict.DISAGREES)


@pytest.mark.parametrize(
    "claim", [X[:1], "abc", X * np.nan, X + 1j, None], ids=["shape", "type", "nan", "complex", "none"]
)
def test_only_arguments_whose_claims_are_numbers_are_judged(claim):
    both = subject(lambda g, x, w: g, x=X, w=X)
    claims = {"x": X, "w": claim}
    found = claim_findings(claims, {"x": X, "w": X}, both, asked=False)
    assert judged_arguments(claims, found, both).wrt == ("x",)


class Remembers:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, grad_output, x):
        return 2 * grad_output * self.x


class RemembersOrRecomputes(Remembers):
    def backward(self, grad_output, x):
        return 2 * grad_output * getattr(self, "x", 0 * x)


NEEDS = {
    "pure": ((lambda x: x * x, lambda g, x: 2 * g * x), False),
    "raises without forward": (Remembers(), True),
    "answers otherwise without forward": (RemembersOrRecomputes(), True),
}


@pytest.mark.parametrize(("layer", "needs"), NEEDS.values(), ids=NEEDS)
@pytest.mark.parametrize("glanced", [False, True], ids=["first", "after a glance"])
def test_learns_whether_backward_needs_a_forward_before(layer, needs, glanced):
    instrument = Instrument(subject_of(layer, {"x": X}))
    instrument.needs_forward = glanced
    claims = first_claim(instrument, np.ones(6), {"x": X}, FORM)
    assert np.array_equal(claims["x"], 2 * X)
    assert instrument.needs_forward is needs


KEPT = {}


def keeping(x):
    KEPT["x"] = x
    return np.sin(x)


@pytest.mark.parametrize(
    "backward", [lambda g: g * np.cos(KEPT["x"]), lambda g, x: g * np.cos(KEPT["x"])], ids=["alone", "handed the input"]
)
def test_state_that_all_instances_share_is_no_wrong_gradient(backward):
    report = check((keeping, backward), {"x": X})
    assert report.verdict is Verdict.AGREES
    assert {f.code for f in report.findings} <= {"needs-forward"}


def test_thrifty_takes_the_ordinary_order_at_once():
    instrument = Instrument(subject_of(Remembers(), {"x": X}))
    first_claim(instrument, np.ones(6), {"x": X}, FORM, thrifty=True)
    spent = instrument.evaluations
    assert (spent.forward, spent.backward, spent.state_forward) == (0, 1, 1)


def test_a_backward_that_raises_in_both_orders_is_the_layers_failure():
    instrument = Instrument(subject_of((lambda x: x, lambda g, x: 1 // 0), {"x": X}))
    with pytest.raises(LayerFailed, match=r"<lambda>'s backward raised ZeroDivisionError") as caught:
        first_claim(instrument, np.ones(6), {"x": X}, FORM)
    assert caught.value.stage == "backward"


def test_every_code_of_the_opening_has_a_severity_and_a_reason():
    assert all(isinstance(severity, Severity) and len(reason) > 20 for severity, reason in OPENING.values())
    assert not OPENING.keys() & SEVERITIES.keys()
    assert {code for _, code, _, _ in WRONG.values()} <= OPENING.keys()


def test_every_code_of_the_opening_is_met_by_a_test():
    text = "\n".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in OPENING if text.count(f'"{code}"') == 0 and code not in ADAPTERS] == []


def test_every_code_in_the_sources_is_in_a_table():
    sources = "\n".join(p.read_text(encoding="utf-8") for p in Path(claims.__file__).parents[1].rglob("*.py"))
    spelled = re.findall(r'(?:Finding|LayerFault|found)\(\s*"([a-z-]+)"', sources)
    assert len(set(spelled)) > 20
    assert set(spelled) <= OPENING.keys() | SEVERITIES.keys()
