"""Gradients that a class adds to from call to call, from nothing on."""

import numpy as np

from gradcheck import check
from gradcheck.verdict import Verdict

X = np.random.default_rng(1).standard_normal((5, 3))


class GrowsFromNothing:
    """Adds to gradients that are nothing, or the number 0, until the first backward."""

    def __init__(self):
        self.W = np.random.default_rng(2).standard_normal((3, 2))
        self.b = np.array([0.5, -1.0])
        self.grad_W, self.grad_b = None, 0

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        grad_W = self.x.T @ dout
        self.grad_W = grad_W if self.grad_W is None else self.grad_W + grad_W
        self.grad_b = self.grad_b + dout.sum(axis=0)
        return dout @ self.W.T


class SetBack(GrowsFromNothing):
    def zero_grad(self):
        self.grad_W, self.grad_b = None, 0


def test_gradients_that_grow_from_nothing_are_put_back_where_a_method_does_so():
    report = check(SetBack(), {"x": X})
    assert report.verdict is Verdict.AGREES
    assert "backward adds to `grad_W`, `grad_b` from call to call: put back before each call" in report.notes
    forgotten = check(GrowsFromNothing(), {"x": X})
    assert forgotten.verdict is Verdict.DISAGREES
    assert {(f.code, f.argument) for f in forgotten.findings} == {("accumulates", "W"), ("accumulates", "b")}
