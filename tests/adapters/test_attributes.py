"""Layers that are handed their inputs, or the gradient from above, as attributes."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.errors import LayerFailed

X = np.random.default_rng(5).standard_normal((4, 3))


class Dense:
    """Takes its input from an attribute that somebody has set."""

    def __init__(self, factor=1.0):
        self.x = self.dW = self.dout = None
        self.W = np.random.default_rng(6).standard_normal((3, 2))
        self.factor = factor

    def forward(self):
        return self.x @ self.W

    def backward(self, dout):
        self.dW = self.factor * self.x.T @ dout
        return dout @ self.W.T


class TakesBoth(Dense):
    def backward(self):
        return super().backward(self.dout)


class LeavesAll(Dense):
    """Neither takes nor returns anything."""

    def forward(self):
        self.y = super().forward()

    def backward(self):
        self.dx = super().backward(self.dout)


KINDS = [Dense, TakesBoth, LeavesAll]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("factor", "wrong"), [(1.0, []), (2.0, ["W"])], ids=["right", "wrong"])
def test_an_input_is_set_as_an_attribute_where_forward_takes_none(kind, factor, wrong):
    report = check(kind(factor), {"x": X}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong, str(report)
    assert set(report.arguments) == {"x", "W"}
    assert "forward finds `x` in attributes" in report.notes


def test_the_attribute_of_the_gradient_is_found_by_its_name():
    notes = check(TakesBoth(), {"x": X}, effort="quick").notes
    assert "backward finds the gradient of the output in the attribute `dout`" in notes


class OddlyNamed(Dense):
    def __init__(self):
        super().__init__()
        del self.dout
        self.from_above = np.zeros((4, 2))

    def backward(self):
        return super().backward(self.from_above)


def test_another_attribute_of_the_gradient_is_told():
    report = check(OddlyNamed(), {"x": X}, effort="quick", passing={"from_above": "grad"})
    assert report.verdict is Verdict.AGREES, str(report)


class Trained:
    """In training mode it is another function, of which backward is the gradient."""

    def __init__(self):
        self.is_training = False

    def forward(self, x):
        self.x = x
        return x * x if self.is_training else x

    def backward(self, grad):
        return 2 * grad * self.x


def test_a_flag_among_the_attributes_is_set_to_training_mode():
    report = check(Trained(), {"x": X}, effort="quick")
    assert (report.verdict, report.notes) == (Verdict.AGREES, ("in training mode: `is_training` is True",))


class RaisingProperty(Trained):
    @property
    def backprop(self):
        raise AssertionError("forward was not called")


def test_a_property_is_not_asked_while_methods_are_looked_for():
    assert check(RaisingProperty(), {"x": X}, effort="quick").verdict is Verdict.AGREES


def test_an_input_named_after_no_attribute_is_told_the_attributes():
    words = r"forward takes no arguments, and `data` was no attribute: name the input after one \(`x`, `dW`, `dout`\)"
    with pytest.raises(LayerFailed, match=words):
        check(Dense(), {"data": X})
