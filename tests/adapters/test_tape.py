"""A tape of one's own: single numbers as in micrograd, arrays with a `.grad`, right and wrong."""

import math

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidInput, LayerFailed

DRAWN = np.random.default_rng(2)
X, W = DRAWN.standard_normal((3, 4)), DRAWN.standard_normal((4, 2))


class Value:
    """One number, as published tapes for teaching have it."""

    slope = 1.0

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents, self.play = data, 0.0, parents, lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else type(self)(other)
        return self.then(type(self)(self.data + other.data, (self, other)), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else type(self)(other)
        return self.then(type(self)(self.data * other.data, (self, other)), (other.data, self.data))

    def tanh(self):
        t = math.tanh(self.data)
        return self.then(type(self)(t, (self,)), (self.slope * (1 - t * t),))

    __radd__, __rmul__ = __add__, __mul__

    def then(self, out, factors):
        def play():
            for parent, factor in zip(out.parents, factors, strict=True):
                parent.grad += factor * out.grad

        out.play = play
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node.play()


class Neuron:
    def __init__(self, *weights):
        self.weights, self.bias = [Value(w) for w in weights], Value(0.25)

    def __call__(self, x):
        return sum((w * one for w, one in zip(self.weights, x, strict=True)), self.bias).tanh()


class Layer:
    def __init__(self):
        self.neurons = [Neuron(0.5, -1.0), Neuron(0.25, 2.0), Neuron(-0.5, 0.75)]

    def __call__(self, x):
        return [neuron(x) for neuron in self.neurons]


class Tensor:
    """An array with a flag, a seed for backward, and a gradient that is None until then."""

    factor = 1.0

    def __init__(self, data, requires_grad=False):
        self.data, self.requires_grad, self.grad, self.back = data, requires_grad, None, lambda grad: None

    def __matmul__(self, other):
        def back(grad):
            self.backward(grad @ other.data.T)
            other.backward(self.factor * (self.data.T @ grad))

        out = type(self)(self.data @ other.data)
        out.back = back
        return out

    def backward(self, grad):
        if self.requires_grad:
            self.grad = grad if self.grad is None else self.grad + grad
        self.back(grad)


class Matrix:
    """An array whose backward takes nothing, so that outputs must be added up first."""

    def __init__(self, value, back=None):
        self.value, self.gradient, self.back = value, np.zeros_like(value), back

    def __mul__(self, other):
        def back():
            self.gradient += out.gradient * other.value
            other.gradient += out.gradient * self.value
            self.replay()

        out = Matrix(self.value * other.value, back)
        return out

    def sum(self):
        def back():
            self.gradient += out.gradient
            self.replay()

        out = Matrix(np.asarray(self.value.sum()), back)
        return out

    def replay(self):
        if self.back:
            self.back()

    def backward(self):
        self.gradient = np.ones_like(self.value)
        self.replay()


class WrongValue(Value):
    slope = 2.0


class WrongTensor(Tensor):
    factor = 2.0


class Linear:
    def __init__(self):
        self.weight = Tensor(W.copy(), requires_grad=True)

    def __call__(self, x):
        return x @ self.weight


def single(a, b):
    return a * b + (a * 3.0).tanh()


def product(x, w):
    return x @ w


AGREEING = {
    "single numbers": (single, {"a": np.array(0.5), "b": np.array(-1.5)}, Value, "grad", ["a", "b"]),
    "lists of single numbers": (Layer(), {"x": X[0, :2]}, Value, "grad", ["x", "parameters"]),
    "arrays": (product, {"x": X, "w": W}, Tensor, "grad", ["x", "w"]),
    "an object's arrays": (Linear(), {"x": X}, Tensor, "grad", ["x", "weight"]),
    "another gradient attribute": (lambda x, w: x * w, {"x": X, "w": X + 1}, Matrix, "gradient", ["x", "w"]),
}


@pytest.mark.parametrize(("layer", "inputs", "wrap", "grad_attr", "arguments"), AGREEING.values(), ids=AGREEING)
def test_agrees_with_a_right_tape(layer, inputs, wrap, grad_attr, arguments):
    report = check(layer, inputs, wrap=wrap, grad_attr=grad_attr)
    assert report.verdict is Verdict.AGREES, str(report)
    assert (list(report.arguments), report.convention) == (arguments, f"tape of {wrap.__name__}")


@pytest.mark.parametrize(
    ("layer", "inputs", "wrap", "wrong"),
    [
        (single, {"a": np.array(0.5), "b": np.array(-1.5)}, WrongValue, ["a"]),
        (product, {"x": X, "w": W}, WrongTensor, ["w"]),
    ],
)
def test_disagrees_with_a_wrong_tape(layer, inputs, wrap, wrong):
    report = check(layer, inputs, wrap=wrap, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong


def test_says_how_single_numbers_were_handed_over():
    notes = subject_of(Layer(), {"x": X[0, :2]}, wrap=Value).notes
    assert notes[0] == "one Value for each entry of the inputs, in nested lists"
    assert "Value.backward takes no gradient: several outputs are weighed and added by the class's own" in notes[1]


REFUSED = {
    "no node": (product, float, "grad", InvalidInput, "`wrap` must make a node from an array, with its values in"),
    "no backward": (product, type("Node", (), {"__init__": lambda s, v: setattr(s, "data", v)}), "grad", InvalidInput,
                    "a node must have a method backward; Node has none"),
    "no gradient": (product, Tensor, "g", InvalidInput,
                    "where a Tensor has its gradient; it has data, requires_grad, grad, back, and no 'g'"),
    "raises": (lambda x, w: x.nothing(w), Tensor, "grad", LayerFailed, "raised on Tensor of whole arrays .*no att"),
    "unknown framework": (product, "torhc", "grad", InvalidInput,
                          r"`wrap` must be a callable or one of torch, jax, .*; it is 'torhc'; did you mean `torch`\?"),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "wrap", "grad_attr", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_a_sentence(layer, wrap, grad_attr, error, words):
    with pytest.raises(error, match=words):
        subject_of(layer, {"x": X, "w": W}, wrap=wrap, grad_attr=grad_attr)
