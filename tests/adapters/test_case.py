"""The escape hatch: `case(**inputs) -> (output, pullback)`."""

import numpy as np
import pytest

from gradcheck import Verdict, check, read_case
from gradcheck.errors import InvalidInput, LayerFailed

X = np.random.default_rng(2).standard_normal((3, 4))
W = np.random.default_rng(3).standard_normal((4, 2))


def matmul(x, w):
    return x @ w, lambda g: (g @ w.T, x.T @ g)


def matmul_by_name(x, w):
    return x @ w, lambda g: {"w": x.T @ g, "x": g @ w.T}


def wrong_weight(x, w):
    return x @ w, lambda g: {"x": g @ w.T, "w": 2 * (x.T @ g)}


def twice(x):
    return (x * x, np.sin(x)), lambda grads: grads[0] * 2 * x + grads[1] * np.cos(x)


@pytest.mark.parametrize("case", [matmul, matmul_by_name], ids=lambda case: case.__name__)
def test_accepts_correct_case(case):
    report = check(read_case(case, {"x": X, "w": W}))
    assert report.verdict is Verdict.AGREES, str(report)
    assert (report.target, report.convention) == (case.__name__, "case")
    assert list(report.arguments) == ["x", "w"]


def test_catches_wrong_case_and_names_the_argument():
    report = check(read_case(wrong_weight, {"w": W, "x": X}))
    assert {name: a.verdict for name, a in report.arguments.items()} == {
        "w": Verdict.DISAGREES,
        "x": Verdict.AGREES,
    }


def test_several_outputs_give_the_pullback_a_tuple():
    assert check(read_case(twice, {"x": X})).verdict is Verdict.AGREES


def test_inputs_that_are_no_floating_arrays_are_constants():
    subject = read_case(lambda x, power: (x**power, lambda g: g * power * x ** (power - 1)), {"x": X, "power": 3})
    assert subject.wrt == ("x",)
    assert check(subject).verdict is Verdict.AGREES


def test_a_given_name_is_the_reports():
    assert check(read_case(matmul, {"x": X, "w": W}, name="my matmul")).target == "my matmul"


@pytest.mark.parametrize(
    ("returned", "kind"), [(X, "ndarray"), ((X, X), "tuple"), (None, "NoneType"), ((X, len, len), "tuple")]
)
def test_a_case_without_pullback_fails_with_a_sentence(returned, kind):
    with pytest.raises(LayerFailed, match=rf"case must return \(output, pullback\); it returned {kind}\."):
        check(read_case(lambda x: returned, {"x": X}))


def test_refuses_inputs_without_a_floating_array():
    with pytest.raises(InvalidInput, match="at least one floating array"):
        read_case(matmul, {"x": np.arange(3)})
