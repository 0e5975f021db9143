"""ConvTranspose is what its definition says, forward and every gradient, exactly, by both references."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given

from gradcheck.layers import ConvTranspose
from properties.drawing import Convolution, transposed_convolutions
from reference import loops, signal

both = pytest.mark.parametrize("reference", [loops, signal], ids=["loops", "signal"])


@both
@given(transposed_convolutions())
def test_forward_equals_the_reference_exactly(reference: ModuleType, case: Convolution):
    found = ConvTranspose(**case.transposed_options).forward(case.input, case.weight, case.bias)
    expected = reference.transposed_convolution(case.input, case.weight, case.bias, case.how, case.output_padding)
    np.testing.assert_array_equal(found, expected)


@both
@given(transposed_convolutions())
def test_every_gradient_equals_the_reference_exactly(reference: ModuleType, case: Convolution):
    layer = ConvTranspose(**case.transposed_options)
    delta = case.cotangent(layer.forward(case.input, case.weight, case.bias))
    grad_input, grad_weight, grad_bias = layer.backward(delta, case.input, case.weight, case.bias)
    np.testing.assert_array_equal(grad_input, reference.transposed_grad_input(delta, case.input, case.weight, case.how))
    np.testing.assert_array_equal(
        grad_weight, reference.transposed_grad_weight(delta, case.input, case.weight, case.how)
    )
    np.testing.assert_array_equal(grad_bias, reference.grad_bias(delta))


@given(transposed_convolutions())
def test_without_a_bias_there_are_two_gradients_and_the_same(case: Convolution):
    layer = ConvTranspose(**case.transposed_options)
    delta = case.cotangent(layer.forward(case.input, case.weight))
    with_bias = layer.backward(delta, case.input, case.weight, case.bias)
    without = layer.backward(delta, case.input, case.weight)
    assert len(without) == 2
    for found, expected in zip(without, with_bias, strict=False):
        np.testing.assert_array_equal(found, expected)
