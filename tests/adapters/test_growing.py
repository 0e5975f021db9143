"""Gradients that backward adds to: each call is judged by itself, and the caller is told where nothing resets them."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.verdict import Severity

X = np.random.default_rng(5).standard_normal((4, 3))


class Adds:
    def __init__(self):
        self.W = np.random.default_rng(6).standard_normal((3, 2))
        self.dW = np.zeros((3, 2))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW += self.x.T @ dout
        return dout @ self.W.T


class HasZeroGrad(Adds):
    def zero_grad(self):
        pass


class SetBackByUpdate(Adds):
    def update(self, rate):
        self.W -= rate * self.dW
        self.dW = np.zeros_like(self.W)


class FilledByUpdate(Adds):
    def update(self, rate):
        self.W -= rate * self.dW
        self.dW.fill(0)


class OnlyUpdates(Adds):
    def update(self, rate):
        self.W -= rate * self.dW


ROWS = [(Adds, True), (OnlyUpdates, True), (HasZeroGrad, False), (SetBackByUpdate, False), (FilledByUpdate, False)]


@pytest.mark.parametrize(("kind", "told"), ROWS)
def test_a_gradient_that_nothing_sets_back_is_a_warning(kind, told):
    report = check(kind(), {"x": X}, effort="quick")
    assert report.verdict is Verdict.AGREES
    found = [one for one in report.findings if one.code == "accumulates"]
    assert [one.severity for one in found] == [Severity.WARNING] * told
    assert any("put back before each call" in note for note in report.notes)
    if told:
        assert f"backward adds to `dW`, and nothing in {kind.__name__} sets it back" in found[0].sentence


def test_it_can_be_made_an_error():
    assert check(Adds(), {"x": X}, effort="quick", errors=["accumulates"]).verdict is Verdict.DISAGREES
