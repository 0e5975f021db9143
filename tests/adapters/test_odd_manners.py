"""Layers that are right and called in manners of their own: read all the same, and wrong ones of their kind caught."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.methods import methods_of
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import LayerFailed

X = np.random.default_rng(3).standard_normal((4, 3))


class InWordsOfItsOwn:
    """A loss whose methods are called like nobody else's."""

    factor = 1.0

    def cross_entropy(self, y_pred, y_true):
        return -np.sum(y_true * np.log(y_pred)) / len(y_pred)

    def get_grad_wrt_y_pred(self, y_pred, y_true):
        return -self.factor * y_true / y_pred / len(y_pred)

    def zero_grad(self):
        raise AssertionError("this is no backward")

    __call__ = cross_entropy


class WrongInWordsOfItsOwn(InWordsOfItsOwn):
    factor = 4.0


@pytest.mark.parametrize(
    ("layer", "verdict"), [(InWordsOfItsOwn, Verdict.AGREES), (WrongInWordsOfItsOwn, Verdict.DISAGREES)]
)
def test_the_one_method_with_a_word_for_a_gradient_is_the_backward(layer, verdict):
    predictions = np.random.default_rng(2).uniform(0.2, 0.9, (4, 3))
    report = check(layer(), {"y_pred": predictions, "y_true": np.eye(4, 3)}, effort="quick")
    assert report.verdict is verdict, str(report)
    assert "its passes are __call__ and get_grad_wrt_y_pred" in report.notes


def test_two_such_methods_are_none():
    kind = type("Two", (), {"a_grad": len, "b_grad": len, "__call__": len})
    assert methods_of(kind) == []


class CalledEta:
    def forward(self, x):
        self.x = x
        return x * x

    def gradient(self, eta):
        return 2 * self.x * eta


def test_a_sensitivity_called_eta_is_no_learning_rate():
    report = check(CalledEta(), {"x": X}, effort="quick")
    assert (report.verdict, list(report.arguments)) == (Verdict.AGREES, ["x"]), str(report)


class AsksForSizes:
    """Is told the sizes of its images one by one, and hands named gradients to an optimizer that others set."""

    factor = 1.0

    def __init__(self):
        self.params, self.optimizer = {"W": None}, None

    def init(self, height, width, in_channels):
        self.params["W"] = np.random.default_rng(1).standard_normal((height, width, in_channels))

    def forward(self, image):
        self.image = image
        return image * self.params["W"]

    def backward(self, grad, learning_rate):
        self.optimizer.update(self, {"dW": self.factor * np.sum(grad * self.image, axis=0)}, learning_rate)
        return grad * self.params["W"]


class WronglyAsks(AsksForSizes):
    factor = 0.5


@pytest.mark.parametrize(("layer", "wrong"), [(AsksForSizes, []), (WronglyAsks, ["W"])])
def test_sizes_are_read_off_the_input_and_gradients_off_what_an_optimizer_gets_by_name(layer, wrong):
    report = check(layer(), {"image": np.random.default_rng(3).standard_normal((2, 3, 4, 5))}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong, str(report)
    assert set(report.arguments) == {"image", "W"}
    assert "prepared by init(height, width, in_channels)" in report.notes
    assert "an optimizer is put where the layer has none: `optimizer`" in report.notes


class MakesItsOptimizer:
    """Makes one when it is first asked for."""

    def __init__(self):
        self._made, self.w = None, np.array([[1.0, 2.0, 3.0]])

    @property
    def optimizer(self):
        self._made = self._made or Adamant()
        return self._made

    @optimizer.setter
    def optimizer(self, value):
        self._made = value

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, grad):
        grad_x = grad * self.w
        self.optimizer.update([self.w], [np.sum(grad * self.x, axis=0, keepdims=True)])
        return grad_x


class Adamant:
    def update(self, parameters, gradients):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            np.subtract(parameter, 0.01 * np.sign(gradient), out=parameter)


def test_an_optimizer_behind_a_property_is_replaced():
    report = check(MakesItsOptimizer(), {"x": X}, effort="quick")
    assert (report.verdict, set(report.arguments)) == (Verdict.AGREES, {"x", "w"}), str(report)


class CannotBePrepared:
    def __init__(self):
        self.W = None

    def build(self, input_shape):
        height, width = 3
        self.W = np.ones((height, width))

    def forward(self, x):
        return x @ self.W[0]

    def backward(self, grad):
        return grad


def test_what_a_preparation_met_is_told_beside_the_failure():
    words = r"forward raised TypeError: .*subscriptable; build\(input_shape\) raised TypeError: cannot unpack"
    with pytest.raises(LayerFailed, match=words):
        subject_of(CannotBePrepared(), {"x": X})


def scaled(x, factor=3.0):
    return factor * x


def scaled_backward(dout, x, factor):
    return factor * dout


def test_what_backward_needs_besides_the_inputs_is_forwards_default():
    report = check((scaled, scaled_backward), {"x": X}, effort="quick")
    assert (report.verdict, list(report.arguments)) == (Verdict.AGREES, ["x"]), str(report)


class TakesTheModeTwice:
    def forward(self, x, mode):
        self.x = x
        return x**2 if mode == "train" else x

    def backward(self, dout, mode):
        assert mode == "train"
        return 2 * dout * self.x


class LooksLikeTheContract(AsksForSizes):
    """Its backward takes two arguments, as if the second were the input, and it must be prepared."""

    def backward(self, grad, _):
        return grad * self.params["W"]


class MisspeltLoss:
    def forward(self, y_pred, y_true):
        return np.mean((y_pred - y_true) ** 2)

    def dervivative(self, y_pred, y_true):
        return 2 * (y_pred - y_true) / y_pred.size


class NumbersForParameters:
    """Keeps its scale as a plain number, which the update in its backward replaces."""

    def __init__(self):
        self.gamma, self.learning_rate = 1, 0.5

    def forward(self, x):
        self.x = x
        return self.gamma * x

    def backward(self, dout):
        grad = self.gamma * dout
        self.gamma = self.gamma - self.learning_rate * np.sum(dout * self.x, axis=0)
        return grad


IMAGES = np.random.default_rng(3).standard_normal((2, 3, 4, 5))
READABLE = [
    (TakesTheModeTwice, {"x": X}),
    (LooksLikeTheContract, {"image": IMAGES}),
    (MisspeltLoss, {"y_pred": X, "y_true": np.ones_like(X)}),
    (NumbersForParameters, {"x": X}),
]


@pytest.mark.parametrize(("layer", "inputs"), READABLE, ids=[layer.__name__ for layer, _ in READABLE])
def test_accepts_correct_layers_of_odd_manners(layer, inputs):
    report = check(layer(), inputs)
    assert report.verdict is Verdict.AGREES, str(report)


class CallsItY:
    """Calls the gradient from above like an output."""

    factor = 1.0

    def __init__(self):
        self.W = np.random.default_rng(4).standard_normal((3, 2))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, y):
        self.dW = self.factor * self.x.T @ y
        return y @ self.W.T


class WronglyCallsItY(CallsItY):
    factor = 3.0


class TakesItsOutput:
    """Its derivative is a function of its output, by which the caller multiplies."""

    def forward(self, x):
        return np.tanh(x)

    def backward(self, y):
        return 1 - y**2


@pytest.mark.parametrize(("layer", "wrong"), [(CallsItY, []), (WronglyCallsItY, ["W"]), (TakesItsOutput, [])])
def test_what_is_named_like_an_output_is_the_gradient_where_backward_is_linear_in_it(layer, wrong):
    report = check(layer(), {"x": X}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong, str(report)


class Exits:
    """Leaves the program where it does not like a shape, and must be told its shape first."""

    def __init__(self):
        self.input_dim = None

    def initial(self, input_dim):
        self.input_dim = input_dim

    def forward(self, x):
        if list(x.shape[1:]) != list(self.input_dim):
            raise SystemExit(1)
        self.x = x
        return x**2

    def backward(self, grad):
        return 2 * grad * self.x


def test_a_layer_that_leaves_the_program_has_refused_and_ends_nothing():
    report = check(Exits(), {"x": X})
    assert report.verdict is Verdict.AGREES, str(report)
    with pytest.raises(LayerFailed, match=r"raised Exited: the layer called sys\.exit\(1\)"):
        check(type("Never", (Exits,), {"forward": lambda self, x: exit(1)})(), {"x": X})
