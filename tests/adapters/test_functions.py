"""Pairs of functions: cached, with inputs again, a function and its derivative, a loss and its gradient."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import Hints, subject_of
from gradcheck.errors import InvalidLayer

RNG = np.random.default_rng(7)
X, W, B = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(2)
LABELS = np.array([0, 2, 1, 1, 0])


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def wrong_bias(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw, db / len(dout)


def other_order(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return db, dx, dw


def by_name(dout, cache):
    return dict(zip(("dx", "dw", "db"), affine_backward(dout, cache), strict=True))


AFFINE = {"x": X, "w": W, "b": B}


@pytest.mark.parametrize("backward", [affine_backward, other_order, by_name], ids=lambda f: f.__name__)
def test_accepts_correct_cached_pair_in_whatever_order_it_returns(backward):
    report = check((affine_forward, backward), AFFINE, effort="quick")
    assert (report.verdict, report.convention) == (Verdict.AGREES, "cached pair of functions"), str(report)
    assert list(report.arguments) == ["x", "w", "b"]


def test_catches_wrong_gradient_of_a_cached_pair_in_its_argument():
    report = check((affine_forward, wrong_bias), AFFINE, effort="quick")
    assert {n: str(a.verdict) for n, a in report.arguments.items()} == {"x": "agrees", "w": "agrees", "b": "disagrees"}


def scale_forward(A_prev, hparameters):
    return A_prev * hparameters["factor"], (A_prev, hparameters)


def scale_backward(dZ, cache):
    return dZ * cache[1]["factor"]


def test_hyperparameters_come_in_a_dict():
    subject = subject_of(
        (scale_forward, scale_backward), {"A_prev": X}, hints=Hints(constants={"hparameters": {"factor": 3}})
    )
    assert check(subject, effort="quick").verdict is Verdict.AGREES


def relu(Z):
    return np.maximum(Z, 0), Z


def relu_backward(dA, cache):
    return dA * (cache > 0)


def test_a_cache_that_is_one_array_is_no_output():
    assert check((relu, relu_backward), {"Z": X}, effort="quick").convention == "cached pair of functions"


def step_forward(x, h, w):
    both = np.tanh(x + h * w)
    return both, both * h, (x, h, w, both)


def step_backward(dnext_h, dnext_c, cache):
    _, h, w, both = cache
    inner = (dnext_h + dnext_c * h) * (1 - both**2)
    return inner, inner * w + dnext_c * both, inner * h


def swapped_step(dnext_h, dnext_c, cache):
    return step_backward(dnext_c, dnext_h, cache)


@pytest.mark.parametrize(("backward", "verdict"), [(step_backward, Verdict.AGREES), (swapped_step, Verdict.DISAGREES)])
def test_several_outputs_beside_a_cache_each_have_their_gradient(backward, verdict):
    inputs = {"x": X, "h": X[::-1].copy(), "w": X + 1}
    assert check((step_forward, backward), inputs, effort="quick").verdict is verdict


def pool(image, f=2):
    return image.reshape(-1, f).mean(axis=1)


def pool_backward(dpool, orig, f=2):
    return np.repeat(dpool / f, f).reshape(orig.shape)


def test_inputs_again_under_other_words_are_told_and_said():
    hints = Hints(constants={"f": 3})
    report = check(subject_of((pool, pool_backward), {"image": RNG.standard_normal(6)}, hints=hints), effort="quick")
    assert report.verdict is Verdict.AGREES
    assert "backward's `orig` is read as forward's `image`" in report.notes


def gap(volume):
    return volume.mean(axis=1)


def gap_backward(delta, input_shape):
    return np.broadcast_to(delta[:, None] / input_shape[1], input_shape).copy()


def test_the_shape_of_the_input_is_given_by_name():
    assert check((gap, gap_backward), {"volume": X}, effort="quick").verdict is Verdict.AGREES


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_prime(x):
    return sigmoid(x) * (1 - sigmoid(x))


def sigmoid_prime_of_output(x):
    return x * (1 - x)


def square(x):
    return x * x


def square_derivative(x):
    return 2 * x


def tanh(x):
    return np.tanh(x)


def dtanh(z):
    return 1 - np.tanh(z) ** 2


DERIVATIVES = [
    ((sigmoid, sigmoid_prime), Verdict.AGREES),
    ((sigmoid, sigmoid_prime_of_output), Verdict.DISAGREES),
    ((square, square_derivative), Verdict.AGREES),
    ((tanh, dtanh), Verdict.AGREES),
    ((tanh, square_derivative), Verdict.DISAGREES),
]


@pytest.mark.parametrize(
    ("pair", "verdict"), DERIVATIVES, ids=[f"{p[0].__name__}-{p[1].__name__}" for p, _ in DERIVATIVES]
)
def test_an_elementwise_derivative_is_multiplied_by_the_gradient(pair, verdict):
    report = check(pair, {"x": X}, effort="quick")
    assert (report.verdict, report.convention) == (verdict, "function and its derivative"), str(report)
    assert "backward returns the elementwise derivative: it is multiplied by grad_output" in report.notes


def test_a_derivative_of_the_output_is_read_as_such_where_the_caller_says_so():
    pair = (sigmoid, sigmoid_prime_of_output)
    subject = subject_of(pair, {"x": X}, hints=Hints(passing={"x": "output"}))
    assert check(subject, effort="quick").verdict is Verdict.AGREES


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


def half_mse_prime(y_true, y_pred):
    return (y_pred - y_true) / y_true.size


@pytest.mark.parametrize(("backward", "verdict"), [(mse_prime, Verdict.AGREES), (half_mse_prime, Verdict.DISAGREES)])
def test_a_loss_is_judged_by_its_predictions_and_its_labels_are_constants(backward, verdict):
    report = check((mse, backward), {"y_true": X, "y_pred": X[::-1].copy()}, effort="quick")
    assert (list(report.arguments), report.verdict) == (["y_pred"], verdict)
    assert report.findings == ()


class Loss:
    """In the style where backward gets the predictions in the place of a gradient."""

    def calculate(self, output, y):
        return np.mean(self.forward(output, y))

    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        self.dinputs = -2 * (y_true - dvalues) / len(dvalues[0]) / len(dvalues)


class WrongLoss(Loss):
    def backward(self, dvalues, y_true):
        self.dinputs = -2 * (y_true - dvalues) / len(dvalues)


@pytest.mark.parametrize(("loss", "verdict"), [(Loss, Verdict.AGREES), (WrongLoss, Verdict.DISAGREES)])
def test_a_loss_of_many_numbers_is_read_by_the_method_that_gives_one(loss, verdict):
    report = check(loss(), {"y_pred": X, "y_true": X[::-1].copy()}, effort="quick")
    assert (list(report.arguments), report.verdict) == (["y_pred"], verdict), str(report)
    assert "backward's `dvalues` is read as forward's `y_pred`, as of a loss" in report.notes


class Fused:
    def forward(self, inputs, y_true):
        exp = np.exp(inputs - inputs.max(axis=1, keepdims=True))
        self.output = exp / exp.sum(axis=1, keepdims=True)
        return -np.log(self.output[range(len(inputs)), y_true]).mean()

    def backward(self, dvalues, y_true):
        self.dinputs = dvalues.copy()
        self.dinputs[range(len(dvalues)), y_true] -= 1
        self.dinputs /= len(dvalues)


def test_a_fused_loss_asks_what_its_backward_gets():
    with pytest.raises(InvalidLayer, match=r"Say --pass dvalues=inputs or --pass dvalues=output"):
        subject_of(Fused(), {"inputs": X, "y_true": LABELS})
    told = subject_of(Fused(), {"inputs": X, "y_true": LABELS}, hints=Hints(passing={"dvalues": "output"}))
    assert check(told, effort="quick").verdict is Verdict.AGREES


class SumOfMany:
    def loss(self, y, p):
        return ((y - p) ** 2).sum(axis=1)

    def gradient(self, y, p):
        return 2 * (p - y)


def test_a_gradient_of_many_numbers_without_upstream_is_that_of_their_sum():
    report = check(SumOfMany(), {"y": X, "p": X[::-1].copy()}, effort="quick")
    assert (list(report.arguments), report.verdict) == (["p"], Verdict.AGREES)
    assert any("read as the gradient of their sum" in note for note in report.notes)


class Sigmoid:
    def __call__(self, x):
        return sigmoid(x)

    def gradient(self, x):
        return self(x) * (1 - self(x))


class Diagonal(Sigmoid):
    """Softmax with the derivative of a sigmoid: its other entries are forgotten."""

    def __call__(self, x):
        exp = np.exp(x)
        return exp / exp.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(("layer", "verdict"), [(Sigmoid, Verdict.AGREES), (Diagonal, Verdict.DISAGREES)])
def test_a_class_with_its_derivative_is_multiplied_by_the_gradient(layer, verdict):
    report = check(layer(), {"x": X}, effort="quick")
    assert (report.verdict, list(report.arguments)) == (verdict, ["x"])


def masked(image, size):
    mask = size < image
    return image * mask, mask


def masked_backward(delta, masque, shape_origine, size):
    return (delta * masque).reshape(shape_origine)


def test_arrays_that_forward_keeps_under_other_names_are_told_by_their_number():
    hints = Hints(constants={"size": 0.1})
    report = check(subject_of((masked, masked_backward), {"image": X}, hints=hints), effort="quick")
    assert (report.verdict, report.convention) == (Verdict.AGREES, "cached pair of functions")
