"""A backward that updates its own parameters: its gradient is read off, wrong ones caught, other updates refused."""

import copy

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidLayer

X = np.random.default_rng(1).standard_normal((5, 3))


class Dense:
    def __init__(self, learning_rate=0.01):
        self.W = np.random.default_rng(2).standard_normal((3, 2))
        self.b = np.array([0.5, -1.0])
        self.learning_rate = learning_rate

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def grads(self, dout):
        return dout @ self.W.T, self.x.T @ dout, dout.sum(axis=0)


class InPlace(Dense):
    def backward(self, dout, learning_rate):
        dx, dW, db = self.grads(dout)
        self.W -= learning_rate * dW
        self.b -= learning_rate * db
        return dx


class Rebinding(Dense):
    def backward(self, output_gradient, lr=0.1):
        dx, dW, db = self.grads(output_gradient)
        self.W = self.W - lr * dW
        self.b = self.b - lr * db
        return dx


class RateOfItsOwn(Dense):
    def backward(self, dout):
        return InPlace.backward(self, dout, self.learning_rate)


class Sgd:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, w, g):
        return w - self.lr * g

    def step(self, ws, gs):
        for w, g in zip(ws, gs, strict=True):
            np.subtract(w, self.lr * g, out=w)


class KeepsOptimizers(Dense):
    def __init__(self):
        super().__init__()
        self.W_opt, self.b_opt = Sgd(), copy.copy(Sgd())

    def backward(self, dout):
        dx, dW, db = self.grads(dout)
        self.W = self.W_opt.update(self.W, dW)
        self.b = self.b_opt.update(self.b, db)
        return dx


class GetsOptimizer(Dense):
    def backward(self, optimizer, dout):
        dx, dW, db = self.grads(dout)
        optimizer.step([self.W, self.b], [dW, db])
        return dx


class StepsBack(Dense):
    """Adds what its optimizer makes of the gradient alone."""

    def __init__(self):
        super().__init__()
        self.optimizer = Sgd()

    def backward(self, dout):
        dx, dW, db = self.grads(dout)
        self.W -= self.optimizer.update(dW)
        self.b += self.optimizer.update(db)
        return dx


class RateOfOptimizer(KeepsOptimizers):
    def backward(self, dout):
        return InPlace.backward(self, dout, self.W_opt.lr)


STYLES = [InPlace, Rebinding, RateOfItsOwn, KeepsOptimizers, GetsOptimizer, StepsBack, RateOfOptimizer]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_accepts_correct_layer_that_updates_itself(style):
    report = check(style(), {"x": X})
    assert {name: str(one.verdict) for name, one in report.arguments.items()} == {
        "x": "agrees", "W": "agrees", "b": "agrees",
    }, str(report)  # fmt: skip
    assert any("the gradient is read off the update" in note for note in report.notes)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@pytest.mark.parametrize("argument", ["x", "W", "b"])
def test_catches_wrong_gradient_in_its_argument(style, argument):
    class Wrong(style):
        def grads(self, dout):
            found = dict(zip(("x", "W", "b"), super().grads(dout), strict=True))
            found[argument] = found[argument] * (
                1 + 0.1 * (np.arange(found[argument].size) == 1).reshape(found[argument].shape)
            )
            return tuple(found.values())

    report = check(Wrong(), {"x": X}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == [argument], str(
        report
    )


class AfterUpdate(InPlace):
    """Sends the gradient on through weights that it has updated already."""

    def backward(self, dout, learning_rate):
        super().backward(dout, learning_rate)
        return dout @ self.W.T


class AfterOptimizer(KeepsOptimizers):
    def backward(self, dout):
        super().backward(dout)
        return dout @ self.W.T


class InputTimesRate(InPlace):
    def backward(self, dout, learning_rate):
        return learning_rate * super().backward(dout, learning_rate)


@pytest.mark.parametrize("style", [AfterUpdate, AfterOptimizer, InputTimesRate], ids=lambda style: style.__name__)
def test_an_input_gradient_that_depends_on_the_rate_is_caught(style):
    report = check(style(), {"x": X})
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == ["x"], str(report)
    assert any("depends on the learning rate" in note for note in report.notes)


class HalfRate(InPlace):
    def backward(self, dout, learning_rate):
        return super().backward(dout, learning_rate / 2)


def test_a_constant_beside_the_rate_is_part_of_the_gradient():
    report = check(HalfRate(), {"x": X})
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == ["W", "b"]


class Frozen(Rebinding):
    def grads(self, dout):
        dx, dW, db = super().grads(dout)
        return dx, dW, 0 * db


def test_an_update_by_zero_is_a_gradient_of_zero():
    report = check(Frozen(), {"x": X}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == ["b"]


class Decaying(InPlace):
    def backward(self, dout, learning_rate):
        self.W -= learning_rate * 0.1 * self.W
        return super().backward(dout, learning_rate)


class Clipping(InPlace):
    def grads(self, dout):
        return tuple(np.clip(one, -0.1, 0.1) for one in super().grads(dout))


class Momentum(InPlace):
    def __init__(self):
        super().__init__()
        self.velocity = np.ones((3, 2))

    def backward(self, dout, learning_rate):
        dx, dW, _ = self.grads(dout)
        self.velocity = 0.9 * self.velocity - learning_rate * dW
        self.W += self.velocity
        return dx


@pytest.mark.parametrize("style", [Decaying, Clipping, Momentum], ids=lambda style: style.__name__)
def test_another_update_than_rate_times_gradient_is_refused(style):
    words = (
        r"must be learning rate times gradient .* does not halve with `learning_rate` or does not double .*weight decay"
    )
    with pytest.raises(InvalidLayer, match=words):
        subject_of(style(), {"x": X})


class ResetMomentum(Momentum):
    def __init__(self):
        super().__init__()
        self.velocity = np.zeros((3, 2))


def test_a_momentum_at_rest_is_put_back_and_read_through():
    assert check(ResetMomentum(), {"x": X}, effort="quick").verdict is Verdict.AGREES


class AlsoKeeps(Dense):
    """Updates at a rate without a name, and keeps its gradients as well."""

    def backward(self, dout):
        dx, self.dW, self.db = self.grads(dout)
        self.W -= 0.01 * self.dW
        self.b -= 0.01 * self.db
        return dx


def test_gradients_in_attributes_stand_in_for_an_update_that_cannot_be_read():
    report = check(AlsoKeeps(), {"x": X})
    assert (report.verdict, set(report.arguments)) == (Verdict.AGREES, {"x", "W", "b"}), str(report)
    assert "gradients found in attributes: W in dW, b in db" in report.notes


class Leaky:
    """Its alpha is a slope, not a rate."""

    def __init__(self):
        self.alpha, self.lr, self.w = 0.1, 0.5, np.array([2.0])

    def forward(self, x):
        self.x = x
        return self.w * np.where(x > 0, x, self.alpha * x)

    def backward(self, dout):
        inner = np.where(self.x > 0, self.x, self.alpha * self.x)
        dx = dout * self.w * np.where(self.x > 0, 1, self.alpha)
        self.w -= self.lr * (dout * inner).sum(keepdims=True).ravel()
        return dx


def test_a_slope_called_alpha_is_not_taken_for_the_rate():
    report = check(Leaky(), {"x": X}, effort="quick")
    assert report.verdict is Verdict.AGREES
    assert any("with the attribute `lr` set to 1" in note for note in report.notes)


def test_the_callers_layer_keeps_its_parameters():
    layer = RateOfItsOwn()
    check(layer, {"x": X}, effort="quick")
    assert np.array_equal(layer.W, Dense().W)
    assert layer.learning_rate == 0.01
