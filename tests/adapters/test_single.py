"""A single function: a case, a loss with its gradient, a derivative behind a flag."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidLayer, LayerFailed

RNG = np.random.default_rng(8)
X = RNG.standard_normal((5, 3))
LABELS = np.array([0, 2, 1, 1, 0])


def matmul(x, w):
    return x @ w, lambda g: (g @ w.T, x.T @ g)


def wrong_matmul(x, w):
    return x @ w, lambda g: (g @ w.T, x.T @ g / len(x))


@pytest.mark.parametrize(("case", "wrong"), [(matmul, []), (wrong_matmul, ["w"])], ids=["right", "wrong"])
def test_a_case_is_told_by_what_it_returns(case, wrong):
    report = check(case, {"x": X, "w": X[:3]}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == wrong
    assert report.convention == "case"


def softmax_loss(logits, y):
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = exp / exp.sum(axis=1, keepdims=True)
    grad = probs.copy()
    grad[range(len(y)), y] -= 1
    return -np.log(probs[range(len(y)), y]).mean(), grad / len(y)


def summed_softmax_loss(logits, y):
    loss, grad = softmax_loss(logits, y)
    return loss, grad * len(y)


@pytest.mark.parametrize(
    ("loss", "verdict"), [(softmax_loss, Verdict.AGREES), (summed_softmax_loss, Verdict.DISAGREES)]
)
def test_a_loss_with_its_gradient_is_told_by_what_it_returns(loss, verdict):
    report = check(loss, {"logits": X, "y": LABELS}, effort="quick")
    assert (report.verdict, report.convention, list(report.arguments)) == (
        verdict,
        "loss with its gradient",
        ["logits"],
    )
    assert "its second result is read as the gradient of `logits`" in report.notes


def linear_loss(W, X, reg=0.5):
    return ((X @ W) ** 2).sum() + reg * (W**2).sum(), 2 * X.T @ (X @ W) + 2 * reg * W


def test_the_gradient_belongs_to_the_input_of_its_shape():
    report = check(linear_loss, {"X": X, "W": X[:3]}, effort="quick")
    assert report.arguments["W"].verdict is Verdict.AGREES


def dict_loss(W, b):
    return (W**2).sum() * b.sum(), {"dW": 2 * W * b.sum(), "db": np.full_like(b, (W**2).sum())}


def test_gradients_in_a_dict_are_told_by_name():
    assert check(dict_loss, {"W": X, "b": X[0]}, effort="quick").verdict is Verdict.AGREES


def sigmoid(x, deriv=False):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s) if deriv else s


def tanh(net, prime=False):
    return 1 - np.tanh(net) if prime else np.tanh(net)


def relu(z, derivative):
    return (z > 0) * 1.0 if derivative else np.maximum(z, 0)


FLAGS = [
    (sigmoid, "x", "deriv", Verdict.AGREES),
    (tanh, "net", "prime", Verdict.DISAGREES),
    (relu, "z", "derivative", Verdict.AGREES),
]


@pytest.mark.parametrize(("function", "name", "flag", "verdict"), FLAGS, ids=[row[0].__name__ for row in FLAGS])
def test_a_derivative_behind_a_flag_is_read_by_the_flag(function, name, flag, verdict):
    report = check(function, {name: X}, effort="quick")
    assert (report.verdict, report.convention) == (verdict, "function and its derivative"), str(report)
    assert f"with {flag}=True it is read as the derivative" in report.notes


@pytest.mark.parametrize(
    ("function", "words"),
    [(lambda x: x, "<lambda> returned ndarray"), (lambda x: (x, x), "returned a tuple of ndarray, ndarray")],
    ids=["array", "two arrays"],
)
def test_another_function_is_refused_with_what_it_returned(function, words):
    with pytest.raises(InvalidLayer, match=rf"a single function must be a case, .*{words}"):
        subject_of(function, {"x": X})


def test_a_function_that_raises_is_told():
    def odd(x):
        raise ValueError("odd")

    with pytest.raises(LayerFailed, match="the function raised ValueError: odd"):
        subject_of(odd, {"x": X})
