"""What is linear in what: forward in its input and weight, every backward in grad_output."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.layers import AvgPool, Conv, ConvTranspose
from properties.catalogue import EVERY, FEWER, LINEAR, Drawn, cases
from properties.drawing import DIVISIBLE, Convolution, convolutions, integers, pools, seeds, transposed_convolutions

factors = st.integers(-5, 5)


def assert_bilinear(layer, case: Convolution, left: int, right: int) -> None:
    x, w = case.input, case.weight
    y, v = integers(case.seed + 4, x.shape), integers(case.seed + 5, w.shape)
    f = layer.forward
    np.testing.assert_array_equal(f(left * x + right * y, w), left * f(x, w) + right * f(y, w))
    np.testing.assert_array_equal(f(x, left * w + right * v), left * f(x, w) + right * f(x, v))
    np.testing.assert_array_equal(f(x, w, case.bias) - f(x, w), f(0 * x, w, case.bias))


@given(convolutions(), factors, factors)
def test_convolution_is_linear_in_input_and_in_weight(case: Convolution, left, right):
    assert_bilinear(Conv(**case.options), case, left, right)


@given(transposed_convolutions(), factors, factors)
def test_transposed_convolution_is_linear_in_input_and_in_weight(case: Convolution, left, right):
    assert_bilinear(ConvTranspose(**case.transposed_options), case, left, right)


@given(pools(dilated=False), seeds, factors, factors)
def test_average_pooling_is_linear(geometry, seed, left, right):
    pool, lengths = geometry
    layer = AvgPool(pool.kernel, pool.stride, padding=pool.padding, ceil_mode=pool.ceil_mode)
    x, y = (integers(seed + i, (1, 2, *lengths)) * DIVISIBLE for i in range(2))
    both = layer.forward(left * x + right * y)
    np.testing.assert_array_equal(both, left * layer.forward(x) + right * layer.forward(y))


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=FEWER)
@given(st.data())
def test_backward_is_linear_in_grad_output(name, data):
    drawn: Drawn = data.draw(cases(EVERY[name]))
    first = drawn.cotangent(drawn.layer.forward(*drawn.inputs))
    second = integers(drawn.seed + 10, first.shape)
    grad_outputs = (first, -0.5 * first, 0.0 * first, second, first + second)
    for one, half, zero, other, both in zip(*map(drawn.gradients, grad_outputs), strict=True):
        if one is not None:
            np.testing.assert_array_equal(half, -0.5 * one, "a power of two changes no rounding")
            assert not np.any(zero)
            scale = np.abs(one).max(initial=0) + np.abs(other).max(initial=0) + np.abs(first).sum()
            # Some dozens of roundings of terms no larger than all deltas together; linear layers have none.
            np.testing.assert_allclose(both, one + other, rtol=0, atol=0 if name in LINEAR else 1e-13 * scale)
