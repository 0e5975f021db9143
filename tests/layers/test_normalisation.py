"""BatchNorm and LayerNorm against answers worked out by hand; epsilon 3 makes the roots come out."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import BatchNorm, LayerNorm

ONE, ZERO = np.ones(1), np.zeros(1)


def test_batch_norm_gives_the_answer_worked_out_by_hand():
    # mean 2, variance 1, root 2: h = -1/2, 1/2
    x, w, b = np.array([[1.0], [3.0]]), np.array([4.0]), np.array([5.0])
    assert BatchNorm(3.0).forward(x, w, b).tolist() == [[3], [7]]
    grad_input, grad_weight, grad_bias = BatchNorm(3.0).backward(np.array([[8.0], [0.0]]), x, w, b)
    # 4/2 (8 - 4 - (-1/2)(-2)) and its negative
    assert grad_input.tolist() == [[6], [-6]]
    assert grad_weight.tolist() == [-4]
    assert grad_bias.tolist() == [8]


def test_layer_norm_gives_the_answer_worked_out_by_hand():
    x, w, b = np.array([[1.0, 3.0]]), np.array([4.0, 2.0]), np.array([5.0, 6.0])
    assert LayerNorm(epsilon=3.0).forward(x, w, b).tolist() == [[3, 7]]
    grad_input, grad_weight, grad_bias = LayerNorm(epsilon=3.0).backward(np.array([[8.0, 4.0]]), x, w, b)
    # d g = 32, 8: (32 - 20 - (-1/2)(-6)) / 2
    assert grad_input.tolist() == [[4.5, -4.5]]
    assert grad_weight.tolist() == [-4, 2]
    assert grad_bias.tolist() == [8, 4]


def test_batch_norm_averages_over_batch_and_space_and_not_over_channels():
    x = np.random.default_rng(2).integers(-9, 9, (3, 2, 4, 5)).astype(float)
    y = BatchNorm(1e-12).forward(x, np.ones(2), np.zeros(2))
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-15)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1, rtol=1e-12)


def test_layer_norm_averages_over_the_trailing_axes_alone():
    x = np.random.default_rng(2).integers(-9, 9, (3, 2, 4, 5)).astype(float)
    y = LayerNorm(2, 1e-12).forward(x, np.ones((4, 5)), np.zeros((4, 5)))
    np.testing.assert_allclose(y.mean(axis=(2, 3)), 0, atol=1e-15)
    np.testing.assert_allclose(y.var(axis=(2, 3)), 1, rtol=1e-12)


@pytest.mark.parametrize(("layer", "shape"), [(BatchNorm(), (4, 1, 3)), (LayerNorm(3), (4, 1, 3))])
def test_gradient_of_the_input_is_orthogonal_to_shifts(layer, shape):
    """A common shift changes nothing, so the gradient sums to 0 over what is averaged."""
    rng = np.random.default_rng(4)
    x, delta = rng.standard_normal(shape), rng.standard_normal(shape)
    parameter = np.ones(1) if isinstance(layer, BatchNorm) else np.ones(shape)
    gradient = layer.backward(delta, x, parameter, parameter)[0]
    assert abs(gradient.sum()) < 1e-13


def test_a_large_mean_costs_only_its_own_rounding():
    x = np.array([[1.0], [3.0]]) + 2.0**40
    assert BatchNorm(3.0).forward(x, ONE, ZERO).tolist() == [[-0.5], [0.5]]


def test_a_single_entry_is_normalised_to_the_bias():
    x, w, b = np.array([[7.0]]), np.array([4.0]), np.array([5.0])
    assert BatchNorm().forward(x, w, b).tolist() == [[5]]
    assert [g.tolist() for g in BatchNorm().backward(np.array([[2.0]]), x, w, b)] == [[[0]], [0], [2]]


def test_a_constant_channel_is_normalised_to_the_bias():
    x = np.full((3, 1), 7.0)
    assert BatchNorm().forward(x, ONE, ZERO + 5).tolist() == [[5]] * 3
    assert np.isfinite(BatchNorm().backward(np.array([[1.0], [0.0], [0.0]]), x, ONE, ZERO)[0]).all()


@pytest.mark.parametrize("layer", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("epsilon", [0, -1e-5, np.inf, np.nan, "small"])
def test_an_epsilon_that_is_not_positive_is_refused(layer, epsilon):
    with pytest.raises(InvalidInput, match=r"`epsilon` must be a finite number above 0; it is"):
        layer(epsilon=epsilon)


@pytest.mark.parametrize("trailing_axes", [0, True, 1.5])
def test_a_number_of_axes_that_is_none_is_refused(trailing_axes):
    with pytest.raises(InvalidInput, match=r"`trailing_axes` must be an int of at least 1; it is"):
        LayerNorm(trailing_axes)


@pytest.mark.parametrize(
    ("layer", "arguments", "words"),
    [
        (BatchNorm(), (np.ones(3), ONE, ONE), r"`input` must have the shape \(N, C, ...\); its shape is \(3,\)"),
        (
            BatchNorm(),
            (np.ones((2, 3)), ONE, ONE),
            r"`weight` must have the shape \(3,\) for an `input` of shape \(2, 3\)",
        ),
        (BatchNorm(), (np.ones((2, 1)), ONE, np.ones(2)), r"`bias` must have the shape \(1,\).* its shape is \(2,\)"),
        (
            LayerNorm(),
            (np.ones((2, 3)), ONE, ONE),
            r"`weight` must have the shape \(3,\) for an `input` of shape \(2, 3\)",
        ),
        (LayerNorm(2), (np.ones(3), ONE, ONE), r"`input` must have at least the 2 axes to normalise over.* is \(3,\)"),
    ],
)
def test_normalisation_refuses_what_does_not_fit_and_says_what_must_hold(layer, arguments, words):
    with pytest.raises(InvalidInput, match=words):
        layer.forward(*arguments)
