"""Softmax, LogSoftmax and PReLU: what they do along an axis, exactly where it can be exact."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import LogSoftmax, PReLU, Softmax

IMAGE = (2, 3, 4, 2)


def draw(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-9, 9, shape).astype(dtype)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
@pytest.mark.parametrize("layer", [Softmax, LogSoftmax])
def test_an_axis_is_treated_as_the_last_one(layer, axis):
    x, delta = draw(IMAGE) / 4, draw(IMAGE, 1)
    last_x, last_delta = np.moveaxis(x, axis, -1), np.moveaxis(delta, axis, -1)
    forward = np.moveaxis(layer().forward(last_x), -1, axis)
    backward = np.moveaxis(layer().backward(last_delta, last_x), -1, axis)
    # The order of summation may differ with the layout: an ulp of the largest term, 9, or of log 4.
    np.testing.assert_allclose(layer(axis).forward(x), forward, rtol=0, atol=2e-15)
    np.testing.assert_allclose(layer(axis).backward(delta, x), backward, rtol=0, atol=4e-15)


def test_softmax_weights_sum_to_one():
    weights = Softmax(1).forward(30 * draw(IMAGE))
    # three roundings of at most half an ulp of one
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=4e-16)


def test_softmax_gradient_is_its_jacobian_times_the_cotangent():
    x, delta = draw(5, 2) / 4, draw(5, 3)
    o = Softmax().forward(x)
    jacobian = np.diag(o) - np.outer(o, o)
    # five products of at most 9 each
    np.testing.assert_allclose(Softmax().backward(delta, x), jacobian @ delta, rtol=0, atol=45 * 2.0**-52)


def test_log_softmax_gradient_is_its_jacobian_times_the_cotangent():
    x, delta = draw(5, 2) / 4, draw(5, 3)
    jacobian = np.eye(5) - np.outer(np.ones(5), Softmax().forward(x))
    np.testing.assert_allclose(LogSoftmax().backward(delta, x), delta @ jacobian, rtol=0, atol=45 * 2.0**-52)


@pytest.mark.parametrize("layer", [Softmax(), LogSoftmax()], ids=repr)
def test_a_complex_step_measures_the_gradient(layer):
    x, delta, tangent = draw((3, 4), 4) / 4, draw((3, 4), 5), draw((3, 4), 6)
    measured = np.sum(delta * layer.forward(x + 1e-30j * tangent).imag) / 1e-30
    claimed = np.sum(layer.backward(delta, x) * tangent)
    # twelve terms of at most 81 each
    assert abs(measured - claimed) <= 12 * 81 * 2.0**-52


@pytest.mark.parametrize("layer", [Softmax(), LogSoftmax()], ids=repr)
def test_huge_entries_do_not_overflow(layer):
    x = np.array([[1e308, -1e308, 1e308], [-1e308, -1e308, -1e308]])
    assert not np.isnan(layer.forward(x)).any()
    assert np.isfinite(layer.backward(np.ones_like(x), x)).all()


def test_an_entry_of_minus_infinity_gets_no_weight():
    x = np.array([0.0, -np.inf, 0.0])
    np.testing.assert_array_equal(Softmax().forward(x), [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(LogSoftmax().forward(x), [-np.log(2), -np.inf, -np.log(2)])
    np.testing.assert_array_equal(LogSoftmax().backward(np.array([0.0, 1.0, 0.0]), x), [-0.5, 1.0, -0.5])


@pytest.mark.parametrize("layer", [Softmax(1), LogSoftmax(1)], ids=repr)
@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 2), (2, 0)], ids=str)
def test_an_empty_axis_gives_an_empty_array(layer, shape):
    x = np.ones(shape)
    assert layer.forward(x).shape == layer.backward(x, x).shape == shape


@pytest.mark.parametrize("shape", [(), (1,)], ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_prelu_with_one_slope_is_exact_on_integers(shape, dtype):
    x, delta, weight = draw(IMAGE, dtype=dtype), draw(IMAGE, 1, dtype), np.full(shape, 0.5, dtype)
    np.testing.assert_array_equal(PReLU().forward(x, weight), np.where(x > 0, x, x / 2))
    grad_input, grad_weight = PReLU().backward(delta, x, weight)
    np.testing.assert_array_equal(grad_input, np.where(x > 0, delta, delta / 2))
    np.testing.assert_array_equal(grad_weight, np.full(shape, np.sum((delta * x)[x <= 0].astype(float)), dtype))
    assert (grad_input.dtype, grad_weight.dtype, grad_weight.shape) == (dtype, dtype, shape)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), IMAGE, (0, 3, 2)], ids=str)
def test_prelu_with_a_slope_per_channel_is_exact_on_integers(shape):
    x, delta, weight = draw(shape), draw(shape, 1), np.array([0.5, -2.0, 0.0])
    along = weight.reshape(3, *(1,) * (len(shape) - 2))
    np.testing.assert_array_equal(PReLU().forward(x, weight), np.where(x > 0, x, x * along))
    grad_input, grad_weight = PReLU().backward(delta, x, weight)
    np.testing.assert_array_equal(grad_input, np.where(x > 0, delta, delta * along))
    for channel in range(3):
        below = np.minimum(x[:, channel], 0)
        assert grad_weight[channel] == np.sum(delta[:, channel] * below)


def test_prelu_takes_the_left_slope_at_its_kink():
    grad_input, grad_weight = PReLU().backward(np.ones(1), np.zeros(1), np.array(0.25))
    assert (grad_input.tolist(), grad_weight.tolist()) == ([0.25], 0.0)


def test_prelu_leaves_its_inputs_alone():
    x, weight = draw((2, 3)), np.array([0.5, -2.0, 0.0])
    kept = x.copy(), weight.copy()
    output = PReLU().forward(x, weight)
    gradients = PReLU().backward(x, x, weight)
    assert not any(np.shares_memory(found, own) for found in (output, *gradients) for own in (x, weight))
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(weight, kept[1])


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), (0,)], ids=str)
def test_prelu_refuses_slopes_that_fit_no_axis(shape):
    with pytest.raises(InvalidInput, match=r"`weight` must be one slope, of shape \(\) or \(1,\), or one for each"):
        PReLU().forward(np.ones((2, 3)), np.ones(shape))


@pytest.mark.parametrize("layer", [Softmax, LogSoftmax])
@pytest.mark.parametrize("axis", [None, 0.5, True, (0, 1)])
def test_an_axis_that_is_no_int_is_refused(layer, axis):
    with pytest.raises(InvalidInput, match=r"`axis` must be an int, the number of one axis; it is "):
        layer(axis)
