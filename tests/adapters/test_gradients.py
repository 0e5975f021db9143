"""What a backward returns, read as gradients by name."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.gradients import by_name
from gradcheck.errors import LayerFault

A, B = np.ones((2, 3)), np.ones(3)
INPUTS = {"a": A, "n": 4, "b": B}

READ = {
    "one array": (A, {"a": A}),
    "tuple of one": ((A,), {"a": A}),
    "one entry an input": ((A, None, B), {"a": A, "n": None, "b": B}),
    "one entry a floating input": ((A, B), {"a": A, "b": B}),
    "list": ([A, B], {"a": A, "b": B}),
    "dict": ({"b": B}, {"b": B}),
    "dict of derivatives": ({"db": B, "grad_a": A}, {"b": B, "a": A}),
    "nested list of the first input's shape": (A.tolist(), {"a": A.tolist()}),
    "a number": (2.0, {"a": 2.0}),
}


@pytest.mark.parametrize(("returned", "wanted"), READ.values(), ids=READ)
def test_names_gradients(returned, wanted):
    found = by_name(returned, INPUTS)
    assert found.keys() == wanted.keys()
    assert all(found[name] is wanted[name] or found[name] == wanted[name] for name in wanted)


WRONG = {
    "None": (None, "gradient-missing", r"^backward must return gradients; it returned None\.$"),
    "four": ((A, A, A, A), "gradient-count", r"one gradient an input \(3: a, n, b\); it returned 4\."),
    "none at all": ((), "gradient-count", r"it returned 0\."),
    "other names": (
        {"a": A, "weight": B, "q": B},
        "gradient-name",
        r"name its gradients after the inputs \(a, n, b\); it also returned weight, q\.",
    ),
    "one name twice": ({"a": A, "da": A}, "gradient-name", r"it also returned da\."),
}


@pytest.mark.parametrize(("returned", "code", "sentence"), WRONG.values(), ids=WRONG)
def test_refuses_what_is_no_set_of_gradients(returned, code, sentence):
    with pytest.raises(LayerFault, match=sentence) as caught:
        by_name(returned, INPUTS)
    assert caught.value.code == code


@pytest.mark.parametrize("effort", ["quick", "normal"])
@pytest.mark.parametrize(
    ("returned", "code"), [(None, "gradient-missing"), ((B, B, B), "gradient-count"), ({"q": B}, "gradient-name")]
)
def test_what_is_no_set_of_gradients_is_a_finding_that_disagrees(returned, code, effort):
    report = check((lambda b: b * b, lambda g, b: returned), {"b": B}, effort=effort)
    assert report.verdict is Verdict.DISAGREES
    assert [finding.code for finding in report.findings] == [code]
    assert report.findings[0].sentence.startswith("backward must")


@pytest.mark.parametrize(
    "backward",
    [
        lambda g, a, b: (g * b, g * a),
        lambda g, a, b: [g * b, g * a],
        lambda g, a, b: {"b": g * a, "a": g * b},
    ],
    ids=["tuple", "list", "dict"],
)
def test_accepts_correct_gradients_however_they_are_returned(backward):
    report = check((lambda a, b: a * b, backward), {"a": A * 3, "b": A * 2})
    assert report.verdict is Verdict.AGREES
    assert list(report.arguments) == ["a", "b"]
