"""Sequential: how parameters are split over the layers, and that it is the chain rule."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import (
    BatchNorm,
    Flatten,
    HalfSquaredError,
    Linear,
    MaxPool,
    Sequential,
    SoftmaxCrossEntropy,
)

X = np.array([[[1.0, 4.0, 3.0, 2.0]]])
W, B = np.array([[2.0, 1.0]]), np.array([5.0])
T = np.array([[10.0]])


def test_sequential_is_the_chain_rule_worked_out_by_hand():
    # pool: 4, 3; linear: 8 + 3 + 5 = 16; E = 6^2 / 2; delta = 6
    model = Sequential((MaxPool(2), Flatten(), Linear(), HalfSquaredError()))
    assert model.forward(X, W, B, T).tolist() == 18
    grad_input, grad_weight, grad_bias, grad_target = model.backward(np.array(1.0), X, W, B, T)
    assert grad_input.tolist() == [[[0, 12, 6, 0]]]
    assert grad_weight.tolist() == [[24, 18]]
    assert grad_bias.tolist() == [6]
    assert grad_target.tolist() == [[-6]]


def test_layers_without_parameters_have_one_gradient():
    model = Sequential((MaxPool(2), Flatten()))
    assert model.forward(X).tolist() == [[4, 3]]
    assert model.backward(np.array([[5.0, 7.0]]), X).tolist() == [[[0, 5, 7, 0]]]


def test_inputs_are_named_by_the_place_of_their_layer():
    inner = Sequential((Flatten(), Linear()))
    model = Sequential((BatchNorm(), inner, SoftmaxCrossEntropy()))
    assert model.input_names == ("input", "0.weight", "0.bias", "1.1.weight", "1.1.bias", "2.target")


def test_a_sequential_within_a_sequential_gives_the_gradients_of_the_flat_one():
    rng = np.random.default_rng(8)
    x, g, b, w = rng.random((2, 3, 4)), rng.random(3), rng.random(3), rng.random((5, 12))
    inputs = x, g, b, w, rng.random(5), np.array([4, 0])
    flat = Sequential((BatchNorm(), Flatten(), Linear(), SoftmaxCrossEntropy()))
    nested = Sequential((Sequential((BatchNorm(), Flatten())), Sequential((Linear(), SoftmaxCrossEntropy()))))
    assert nested.forward(*inputs) == flat.forward(*inputs)
    pairs = zip(nested.backward(np.array(1.0), *inputs), flat.backward(np.array(1.0), *inputs), strict=True)
    for one, two in pairs:
        np.testing.assert_array_equal(one, two)


def test_integer_labels_have_no_gradient():
    model = Sequential((Flatten(), SoftmaxCrossEntropy()))
    gradients = model.backward(np.array(1.0), np.zeros((1, 2)), np.array([1]))
    assert gradients[0].tolist() == [[0.5, -0.5]]
    assert gradients[1] is None


def test_counts_leave_an_optional_bias_out():
    model = Sequential((Flatten(), Linear(), Linear()), parameter_counts=(0, 1, 2))
    assert model.input_names == ("input", "1.weight", "2.weight", "2.bias")
    x, v = np.array([[1.0, 2.0]]), np.array([[3.0]])
    assert model.forward(x, W, v, B).tolist() == [[17]]
    assert [g.shape for g in model.backward(np.array([[1.0]]), x, W, v, B)] == [(1, 2), (1, 2), (1, 1), (1,)]


def test_parameters_that_are_no_parameters_by_name_are_numbered():
    class Scale:
        def forward(self, input, *factors):
            return input * np.prod(factors)

        def backward(self, grad_output, input, first, second):
            total = (grad_output * input).sum()
            return grad_output * first * second, total * second, total * first

    model = Sequential((Scale(),), parameter_counts=(2,))
    assert model.input_names == ("input", "0.parameter0", "0.parameter1")
    gradients = model.backward(np.array([1.0]), np.array([2.0]), np.array(3.0), np.array(5.0))
    assert [g.tolist() for g in gradients] == [[15], 10, 6]


def test_a_list_of_layers_is_kept_as_a_tuple():
    assert Sequential([Flatten()]) == Sequential((Flatten(),))


@pytest.mark.parametrize("layers", [(), [], Flatten()])
def test_no_layers_are_refused(layers):
    with pytest.raises(InvalidInput, match=r"`layers` must be a tuple of at least one layer; it is"):
        Sequential(layers)


@pytest.mark.parametrize("layer", [Flatten, "ReLU", None])
def test_what_is_no_layer_is_refused(layer):
    with pytest.raises(InvalidInput, match=r"`layers` must hold objects with forward and backward; .* is none"):
        Sequential((Flatten(), layer))


def test_counts_of_another_length_are_refused():
    with pytest.raises(
        InvalidInput, match=r"`parameter_counts` must hold one int for each of the 1 layers; it is \(0, 1\)"
    ):
        Sequential((Flatten(),), (0, 1))


def test_missing_parameters_are_named():
    with pytest.raises(
        InvalidInput, match=r"the layers take 2 parameters, 0.weight, 0.bias; 1 came.*`parameter_counts`"
    ):
        Sequential((Linear(),)).forward(X, W)
