"""From whatever is given as a layer to a Subject: the convention, the names, what is under test, and refusals."""

import numpy as np
import pytest

from gradcheck import Subject, Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidInput, InvalidLayer
from gradcheck.subject import Passes

X = np.random.default_rng(5).standard_normal((3, 4))
Y = np.random.default_rng(6).standard_normal((3, 4))


class Multiply:
    def forward(self, a, b):
        return a * b

    def backward(self, grad_output, a, b):
        return grad_output * b, grad_output * a


class Square:
    """Keeps its input, as many hand-written layers do."""

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, grad_output):
        return 2 * grad_output * self.x


class ForwardOnly:
    def forward(self, x):
        return x


multiply = (lambda a, b: a * b, lambda g, a, b: (g * b, g * a))
PASSES = Passes(lambda v: v["a"] * v["b"], lambda c, v: {"a": c[0] * v["b"], "b": c[0] * v["a"]})
SUBJECT = Subject("product", {"a": X, "b": Y}, lambda: PASSES, ("a", "b"))

READ_AS = {
    "object": (Multiply(), {"a": X, "b": Y}, "contract", False),
    "pair": (multiply, {"a": X, "b": Y}, "pair of functions", False),
    "list of two": (list(multiply), {"a": X, "b": Y}, "pair of functions", False),
    "stateful": (Square(), {"x": X}, "stateful class", True),
}


@pytest.mark.parametrize(("layer", "inputs", "convention", "stateful"), READ_AS.values(), ids=READ_AS)
def test_tells_the_convention_and_agrees(layer, inputs, convention, stateful):
    subject = subject_of(layer, inputs)
    assert (subject.convention, subject.stateful, subject.isolated) == (convention, stateful, True)
    assert subject.wrt == tuple(inputs)
    assert check(layer, inputs, effort="quick").verdict is Verdict.AGREES


REFUSED = {
    "a number": (3, r"forward\(\*inputs\) and backward\(grad_output, \*inputs\), or be a pair .*; it is a int\."),
    "nothing": (None, r"it is a NoneType\."),
    "a class": (Multiply, r"it is the class Multiply; pass an instance\."),
    "no backward": (ForwardOnly(), r"it is a ForwardOnly\."),
    "one function": ((len,), r"it is a tuple\."),
    "a pair that is not callable": ((len, 3), r"it is a tuple\."),
    "backward of unknown arguments": (
        (lambda a: a, lambda q, r, s: q),
        r"every argument of backward must be known; `q` and `r` and `s` could be anything.* --pass q=WHAT",
    ),
    "backward of nothing": ((lambda a: a, lambda: 0), r"it takes nothing\."),
}


@pytest.mark.parametrize(("layer", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refuses_what_is_no_layer(layer, sentence):
    with pytest.raises(InvalidLayer, match=sentence):
        subject_of(layer, {"a": X})


UNDER_TEST = [(None, ("a", "b")), (["b"], ("b",)), ("a", ("a",)), (("b", "a"), ("b", "a"))]


@pytest.mark.parametrize("layer", [Multiply(), multiply, SUBJECT], ids=["object", "pair", "subject"])
@pytest.mark.parametrize(("wrt", "wanted"), UNDER_TEST, ids=str)
def test_wrt_chooses_what_is_under_test(layer, wrt, wanted):
    assert subject_of(layer, {"a": X, "b": Y}, wrt=wrt).wrt == wanted


@pytest.mark.parametrize("layer", [Multiply(), multiply, SUBJECT], ids=["object", "pair", "subject"])
@pytest.mark.parametrize(
    ("wrt", "sentence"),
    [
        (["c"], r"`wrt` must name floating inputs \(a, b\); it names 'c'\."),
        (["a", "n"], r"it names 'n'\."),
        ([], r"`wrt` must name at least one of the floating inputs \(a, b\); it is empty\."),
    ],
    ids=["unknown", "an integer", "empty"],
)
def test_wrt_that_names_nothing_to_differentiate_is_refused(layer, wrt, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        subject_of(layer, {"a": X, "b": Y}, wrt=wrt)


def test_an_empty_wrt_of_a_stateful_layer_is_refused():
    with pytest.raises(InvalidInput, match=r"at least one of the floating inputs \(x\); it is empty"):
        subject_of(Square(), {"x": X}, wrt=())


def test_inputs_by_name_reach_forward_in_its_own_order():
    divide = (lambda top, bottom: top / bottom, lambda g, top, bottom: (g / bottom, -g * top / bottom**2))
    assert list(subject_of(divide, {"bottom": Y, "top": X}).inputs) == ["top", "bottom"]
    assert check(divide, {"bottom": Y, "top": X}, effort="quick").verdict is Verdict.AGREES


@pytest.mark.parametrize("inputs", [[X, Y], (X, Y)], ids=["list", "tuple"])
def test_inputs_by_position_get_the_names_of_forwards_parameters(inputs):
    assert list(subject_of(Multiply(), inputs).inputs) == ["a", "b"]


def test_one_array_is_the_only_input():
    assert list(check((lambda x: -x, lambda g, x: -g), X).arguments) == ["x"]


def test_a_subject_keeps_its_own_point_name_and_arguments():
    subject = subject_of(SUBJECT, None)
    assert (subject.name, subject.wrt) == ("product", ("a", "b"))
    assert np.array_equal(subject.inputs["a"], X)


def test_a_subject_takes_another_point_and_another_name():
    subject = subject_of(SUBJECT, {"a": Y, "b": Y}, name="square")
    assert subject.name == "square"
    assert np.array_equal(subject.inputs["a"], Y)


@pytest.mark.parametrize(
    ("layer", "name", "wanted"),
    [(Multiply(), "", "Multiply"), (multiply, "", "<lambda>"), (multiply, "product", "product")],
    ids=["class", "function", "given"],
)
def test_the_report_calls_the_layer_by_its_name(layer, name, wanted):
    assert subject_of(layer, {"a": X, "b": Y}, name=name).name == wanted


def test_a_factory_may_return_a_pair():
    made = []

    def factory():
        made.append(1)
        return multiply

    assert check(multiply, {"a": X, "b": Y}, factory=factory).verdict is Verdict.AGREES
    assert len(made) > 1


def test_a_factory_that_returns_no_layer_is_refused():
    with pytest.raises(InvalidLayer, match="it is a NoneType"):
        check(Multiply(), {"a": X, "b": Y}, factory=lambda: None)
