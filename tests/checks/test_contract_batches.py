import numpy as np
import pytest

from gradcheck.verdict import Severity

RNG = np.random.default_rng(5)
WEIGHT = RNG.standard_normal((4, 3))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(g, x):
    y = softmax(x)
    return y * (g - (g * y).sum(axis=-1, keepdims=True))


def batch_norm(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


def batch_norm_backward(g, x):
    y = batch_norm(x)
    return (g - g.mean(axis=0) - y * (g * y).mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


def largest(x):
    return x / np.abs(x).max()


def largest_backward(g, x):
    top = np.unravel_index(np.argmax(np.abs(x)), x.shape)
    gradient = np.array(g / np.abs(x[top]))
    gradient[top] -= (g * x).sum() / x[top] ** 2 * np.sign(x[top])
    return gradient


def test_catches_a_backward_that_averages_over_the_batch(look_at, x):
    finding = look_at((np.sin, lambda g, x: (g - g.mean(axis=0)) * np.cos(x)), x=x).by["batch-split"]
    assert finding.severity is Severity.ERROR
    assert "handed over in two batches, which forward keeps apart" in finding.sentence


def test_catches_a_backward_that_is_wrong_for_a_batch_of_one(look_at, x):
    finding = look_at((np.sin, lambda g, x: g * np.cos(x) * (1 if len(x) > 1 else 2)), x=x).by["batch-split"]
    assert finding.argument == "x"


def test_catches_a_shape_that_is_wrong_for_a_batch_of_one(look_at, x):
    finding = look_at((np.sin, lambda g, x: np.squeeze(g * np.cos(x))), x=x).by["batch-split"]
    assert "has the shape (4,)" in finding.sentence


def test_catches_a_parameter_gradient_that_is_a_mean_over_the_batch(look_at, x):
    layer = (np.matmul, lambda g, x, weight: (g @ weight.T, x.T @ g / len(x)))
    assert look_at(layer, x=x, weight=WEIGHT).by["batch-split"].argument == "weight"


def test_catches_a_backward_that_depends_on_the_order_of_the_samples(look_at, x):
    rows = np.arange(1.0, 4.0)[:, None]
    layer = (np.sin, lambda g, x: g * np.cos(x) * (rows[: len(x)] if len(x) == 3 else 1))
    assert look_at(layer, x=x).by["batch-order"].severity is Severity.ERROR


def test_warns_of_a_backward_that_refuses_a_part_of_the_batch(look_at, x):
    def backward(g, x):
        if len(x) == 1:
            raise ValueError("more than one sample, please")
        return g * np.cos(x)

    finding = look_at((np.sin, backward), x=x).by["batch-refused"]
    assert finding.severity is Severity.WARNING
    assert "raises for 1 of the 3 samples alone" in finding.sentence


RIGHT = {
    "softmax": (softmax, softmax_backward),
    "softmax-over-the-batch": (lambda x: softmax(x.T).T, lambda g, x: softmax_backward(g.T, x.T).T),
    "batch-norm": (batch_norm, batch_norm_backward),
    "divided-by-the-largest": (largest, largest_backward),
    "position-dependent": (
        lambda x: x * np.arange(1.0, len(x) + 1)[:, None],
        lambda g, x: g * np.arange(1.0, len(x) + 1)[:, None],
    ),
    "sum-over-the-batch": (lambda x: x.sum(axis=0), lambda g, x: np.tile(g, (len(x), 1))),
    "cumulative": (lambda x: np.cumsum(x, axis=0), lambda g, x: np.cumsum(g[::-1], axis=0)[::-1].copy()),
}


@pytest.mark.parametrize("layer", RIGHT.values(), ids=RIGHT)
def test_accepts_layers_that_mix_samples_or_do_not(look_at, x, layer):
    assert look_at(layer, x=x).findings == []


@pytest.mark.parametrize("layer", RIGHT.values(), ids=RIGHT)
def test_accepts_them_at_zeros_and_at_equal_samples(look_at, layer):
    """Where every sample is alike, forward looks as if it kept them apart."""
    for x in (np.zeros((3, 4)), np.tile([0.5, -1.0, 2.0, 1.0], (3, 1))):
        if layer is not RIGHT["divided-by-the-largest"]:
            assert not [f for f in look_at(layer, x=x).findings if f.severity is Severity.ERROR]


def test_accepts_a_layer_whose_first_axis_is_as_long_as_a_parameters(look_at):
    x, weight = RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4))
    assert look_at((np.matmul, lambda g, x, weight: (g @ weight.T, x.T @ g)), x=x, weight=weight).findings == []


def test_accepts_matrix_products_that_round_otherwise_in_another_batch_size(look_at):
    x, weight = RNG.standard_normal((65, 30)), RNG.standard_normal((30, 17))
    layer = (np.matmul, lambda g, x, weight: (g @ weight.T, x.T @ g))
    assert look_at(layer, x=x.astype(np.float32), weight=weight.astype(np.float32)).findings == []


def test_accepts_ties_between_samples(look_at):
    """Every output hangs on a tie, which another order of the samples decides otherwise."""
    x = np.ones((3, 2))

    def backward(g, x):
        gradient = np.zeros_like(x)
        gradient[0] = g.sum(axis=0)
        return gradient

    assert not [
        f for f in look_at((lambda x: np.tile(x.max(axis=0), (3, 1)), backward), x=x).findings if f.severity == "error"
    ]
