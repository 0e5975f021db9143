"""Wrong layers made by hand, each with the class that must be among those named, and words that must be said of it."""

import numpy as np
import pytest

import gradcheck
from gradcheck.explain import diagnosis

RNG = np.random.default_rng(5)
X, W, B = RNG.standard_normal((5, 4)), RNG.standard_normal((4, 3)), RNG.standard_normal(3)
IMAGE, KERNEL = RNG.standard_normal((2, 6, 6, 3)), RNG.standard_normal((3, 3, 3))
CHANNELS = RNG.standard_normal((2, 4, 3, 3))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def dense(activation, slope):
    """A dense layer whose activation has `slope(z, y)` as its derivative, right or wrong."""

    def forward(x, weight):
        return activation(x @ weight)

    def backward(g, x, weight):
        z = x @ weight
        delta = g * slope(z, activation(z))
        return delta @ weight.T, x.T @ delta

    return forward, backward


def depthwise(x, weight):
    return np.einsum("nhwcij,ijc->nhwc", np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2)), weight)


def depthwise_backward(change):
    def backward(g, x, weight):
        padded = np.pad(g, ((0, 0), (2, 2), (2, 2), (0, 0)))
        back = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        grad_x = np.einsum("nhwcij,ijc->nhwc", back, change(weight[::-1, ::-1]))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        return grad_x, np.einsum("nhwcij,nhwc->ijc", windows, g)

    return backward


def group_norm(x):
    split = x.reshape(2, 2, -1)
    return ((split - split.mean(2, keepdims=True)) / np.sqrt(split.var(2, keepdims=True) + 1e-5)).reshape(x.shape)


def group_norm_without_variance(g, x):
    split, delta = x.reshape(2, 2, -1), g.reshape(2, 2, -1)
    return ((delta - delta.mean(2, keepdims=True)) / np.sqrt(split.var(2, keepdims=True) + 1e-5)).reshape(x.shape)


def linear(change):
    def backward(g, x, weight):
        return change(g @ weight.T), x.T @ g

    return np.matmul, backward


LEAKY = (lambda z: np.where(z > 0, z, 0.1 * z), lambda z, y: np.where(z > 0, 0.1, 1.0))
# name, layer, inputs, a class that must be named, words of the sentence
ROWS = (
    ("left out behind a dense layer", dense(np.tanh, lambda z, y: 1.0), {}, "f-prime-missing", "tanh, with which"),
    ("at the output", dense(sigmoid, lambda z, y: sigmoid(y) * (1 - sigmoid(y))), {}, "f-prime-at-output", "sigmoid"),
    ("at the input", dense(np.tanh, lambda z, y: 1 - z**2), {}, "f-prime-at-input", "given the input"),
    ("ReLU's mask", dense(lambda z: np.maximum(z, 0), lambda z, y: 1.0), {}, "f-prime-missing", "do not respond"),
    ("slopes exchanged", dense(*LEAKY), {}, "slope-wrong-side", "exchanged"),
    ("a learning rate", linear(lambda g: 0.003 * g), {}, "factor-learning-rate", "0.003 times the true one"),
    (
        "transposed and divided",
        (lambda x, weight: x @ weight, lambda g, x, weight: (g @ weight / len(x), x.T @ g)),
        {"x": X, "weight": RNG.standard_normal((4, 4))},
        "transposed",
        "1/5 of what it should be",
    ),
    (
        "a weight in float32",
        (np.matmul, lambda g, x, weight: (g @ weight.astype(np.float32).T, x.T @ g)),
        {},
        "float32-truncation",
        "takes `weight` in float32",
    ),
    (
        "channels of a kernel of one channel axis",
        (depthwise, depthwise_backward(lambda weight: weight[..., ::-1])),
        {"x": IMAGE, "weight": KERNEL},
        "channels-swapped",
        "",
    ),
    (
        "a kernel of one channel axis not rotated",
        (depthwise, depthwise_backward(lambda weight: weight[::-1, ::-1])),
        {"x": IMAGE, "weight": KERNEL},
        "kernel-not-rotated",
        "axes 0 and 1",
    ),
    (
        "groups of channels",
        (group_norm, group_norm_without_variance),
        {"x": CHANNELS},
        "variance-path-missing",
        "over 2 groups of axis 1",
    ),
    (
        "a turn that goes the same way back",
        (lambda x: np.roll(x, 3, axis=0), lambda g, x: np.roll(g, 3, axis=0)),
        {"x": RNG.standard_normal((9, 2))},
        "shifted",
        "along axis 0",
    ),
    (
        "a transposition handed on",
        (lambda x: x.T.copy(), lambda g, x: g.copy()),
        {"x": RNG.standard_normal((4, 4))},
        "transposed",
        "another order",
    ),
    (
        "a mean in a loss",
        (lambda x: ((x - x.mean()) ** 2).sum(), lambda g, x: g * 2 * x),
        {"x": RNG.standard_normal(7) + 1},
        "mean-path-missing",
        "the path through the mean",
    ),
    (
        "only the exponential",
        (lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True), lambda g, x: g * np.exp(x) / np.exp(x).sum(1)[:, None]),
        {"x": X},
        "softmax-diagonal",
        "only the exponential",
    ),
    (
        "the edge of an image left out",
        (
            lambda x: x**2,
            lambda g, x: 2 * x * np.pad(g[:, :, 1:-1, 1:-1], ((0, 0), (0, 0), (1, 1), (1, 1))),
        ),
        {"x": RNG.standard_normal((2, 2, 4, 4))},
        "border-only",
        "outermost positions",
    ),
    (
        "a mask taken from grad_output",
        (
            lambda x, weight: np.maximum(x @ weight, 0),
            lambda g, x, weight: (g * (g > 0) @ weight.T, x.T @ (g * (g > 0))),
        ),
        {},
        "wrong-branch",
        "negative entries of grad_output are cut off",
    ),
)


@pytest.mark.parametrize(("name", "layer", "inputs", "code", "words"), ROWS, ids=[row[0] for row in ROWS])
def test_hypothesis_names_a_mistake_made_by_hand(name, layer, inputs, code, words):
    report = gradcheck.check(layer, inputs or {"x": X, "weight": W}, points=[])
    wrong = [a for a in report.arguments.values() if a.verdict == "disagrees"]
    assert wrong
    for argument in wrong:
        assert argument.diagnosis is not None, argument.name
        assert code in (argument.diagnosis.code, *argument.diagnosis.alternatives)
    assert words in wrong[0].diagnosis.sentence


def test_a_logarithm_of_one_plus_x_is_not_taken_for_softplus():
    # 1 / x is softplus' derivative left out of log(1 + x), by algebra alone: forward does not end in softplus.
    x = np.array([0.3, 0.7, 1.1, 2.0])
    found = gradcheck.check((np.log1p, lambda g, x: g / x), {"x": x}, points=[]).arguments["x"].diagnosis
    assert found is None or "softplus" not in found.sentence


def test_a_bias_gradient_that_keeps_the_batch_is_told_what_to_sum_over():
    layer = (lambda x, weight, bias: x @ weight + bias, lambda g, x, weight, bias: (g @ weight.T, x.T @ g, g))
    report = gradcheck.check(layer, {"x": X, "weight": W, "bias": B})
    found = report.arguments["bias"].diagnosis
    assert (found.code, found.alternatives) == ("bias-batch-missing", ("wrong-shape",))
    assert found.repair == "grad_bias = grad_bias.sum(axis=0)"
    assert report.arguments["bias"].verdict == "disagrees"
    assert list(report.arguments) == ["x", "weight", "bias"]
    assert "claimed 0" not in str(report)


def test_a_wrong_shape_that_nothing_brings_to_rights_is_told_as_such():
    layer = (lambda x, weight: x @ weight, lambda g, x, weight: (g @ weight.T, np.ones((2, 2))))
    found = gradcheck.check(layer, {"x": X, "weight": W}).arguments["weight"].diagnosis
    assert (found.code, found.alternatives) == ("wrong-shape", ())
    assert found.repair == "return the gradient in its argument's shape"


def test_a_gradient_that_adds_up_is_diagnosed_though_its_first_answer_is_right():
    class Doubling:
        def __init__(self):
            self.total = 0.0

        def forward(self, x):
            self.x = x
            return np.sin(x)

        def backward(self, grad_output):
            self.total = self.total + grad_output * np.cos(self.x)
            return self.total

    report = gradcheck.check(Doubling(), {"x": X})
    assert report.arguments["x"].diagnosis.code == "accumulated"
    assert report.arguments["x"].verdict == "agrees"


def test_many_entries_are_explained_as_well_where_few_share_an_output():
    rng = np.random.default_rng(0)

    def forward(x, weight):
        return sum(np.einsum("ncl,kc->nkl", x[:, :, i : i + 38], weight[:, :, i]) for i in range(3))

    def backward(g, x, weight):
        grad_x = np.zeros_like(x)
        for i in range(3):
            grad_x[:, :, i : i + 38] = np.einsum("nkl,kc->ncl", g, weight[:, :, i])  # set, and not added
        return grad_x, np.stack([np.einsum("nkl,ncl->kc", g, x[:, :, i : i + 38]) for i in range(3)], axis=2)

    x, weight = rng.standard_normal((2, 3, 40)), rng.standard_normal((2, 3, 3))
    report = gradcheck.check((forward, backward), {"x": x, "weight": weight}, points=[])
    assert report.arguments["x"].census.exact
    assert report.arguments["x"].census.wrong > 200


def test_the_repair_of_a_bias_sums_over_all_axes_but_the_channels():
    x, weight = RNG.standard_normal((3, 4, 5, 2)), RNG.standard_normal((1, 1, 2, 3))
    layer = (
        lambda x, weight, bias: x @ weight[0, 0] + bias,
        lambda g, x, weight, bias: (
            g @ weight[0, 0].T,
            np.einsum("nhwc,nhwk->ck", x, g)[None, None],
            g[0].sum(axis=(0, 1)),
        ),
    )
    found = gradcheck.check(layer, {"x": x, "weight": weight, "bias": B}, points=[]).arguments["bias"].diagnosis
    assert found.code == "bias-batch-missing"
    assert found.repair == "grad_bias = grad_output.sum(axis=(0, 1, 2))"


def test_a_hypothesis_that_trips_costs_neither_the_verdict_nor_the_others(monkeypatch):
    def trips(case):
        raise ValueError("no such shape")
        yield

    monkeypatch.setattr(diagnosis, "FAMILIES", ((trips,), *diagnosis.FAMILIES))
    report = gradcheck.check((np.sin, lambda g, x: -g * np.cos(x)), {"x": X}, points=[])
    assert report.arguments["x"].diagnosis.code == "sign"


def test_a_weight_not_transposed_is_told_behind_an_activation():
    square = RNG.standard_normal((4, 4))

    def backward(g, x, weight):
        delta = g * (1 - np.tanh(x @ weight) ** 2)
        return delta @ weight, x.T @ delta

    report = gradcheck.check((lambda x, weight: np.tanh(x @ weight), backward), {"x": 0.5 * X, "weight": 0.5 * square})
    found = report.arguments["x"].diagnosis
    assert found.code == "transposed"
    assert found.sentence == "behind tanh, backward uses `weight` transposed: axes 0 and 1 are exchanged"


def test_a_saturated_layer_keeps_nothing_apart():
    weight = np.diag([40.0, -30.0, 50.0]) + 0.5

    def backward(g, x, weight):
        delta = g * (1 - np.tanh(x @ weight) ** 2)
        return delta @ weight, x.T @ delta

    report = gradcheck.check((lambda x, weight: np.tanh(x @ weight), backward), {"x": X[:, :3], "weight": weight})
    found = report.arguments["x"].diagnosis
    assert found is None or found.code == "transposed"


def test_a_gradient_that_is_zero_for_a_batch_of_one_alone_is_not_called_zero():
    layer = (np.matmul, lambda g, x, weight: (g @ weight.T, x.T @ (g - g.mean(axis=0))))
    for rows, told in ((1, False), (4, True)):
        report = gradcheck.check(layer, {"x": X[:rows], "weight": W})
        found = report.arguments["weight"].diagnosis
        assert (found is not None and found.code == "batch-leak") == told
        assert found is None or told
    dead = (np.matmul, lambda g, x, weight: (g @ weight.T, np.zeros_like(weight)))
    assert gradcheck.check(dead, {"x": X[:1], "weight": W}).arguments["weight"].diagnosis.code == "zero"
