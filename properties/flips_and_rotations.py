"""Convolution is cross-correlation with a kernel rotated by 180 degrees, and what follows from that, exactly."""

from dataclasses import replace

import numpy as np
from hypothesis import given

from gradcheck.layers import Conv
from properties.drawing import Array, Convolution, convolutions


def rotated(array: Array) -> Array:
    """Turn every spatial axis around: rot180, in one to three dimensions."""
    return np.flip(array, tuple(range(2, array.ndim)))


def swapped(array: Array) -> Array:
    """Exchange the two leading axes, so that samples or maps take the place of channels."""
    return np.swapaxes(array, 0, 1)


@given(convolutions())
def test_convolution_is_correlation_with_the_rotated_kernel(case: Convolution):
    flipped, plain = Conv(**case.options), Conv(**{**case.options, "flip": not case.how.flip})
    output = flipped.forward(case.input, case.weight)
    np.testing.assert_array_equal(output, plain.forward(case.input, rotated(case.weight)))
    delta = case.cotangent(output)
    grad_input, grad_weight = flipped.backward(delta, case.input, case.weight)
    other_input, other_weight = plain.backward(delta, case.input, rotated(case.weight))
    np.testing.assert_array_equal(grad_input, other_input)
    np.testing.assert_array_equal(grad_weight, rotated(other_weight))


@given(convolutions())
def test_the_two_coincide_for_kernels_with_point_symmetry(case: Convolution):
    symmetric = case.weight + rotated(case.weight)
    found = [Conv(**{**case.options, "flip": flip}).forward(case.input, symmetric) for flip in (False, True)]
    np.testing.assert_array_equal(*found)


@given(convolutions())
def test_turning_input_and_kernel_turns_the_output(case: Convolution):
    # Stride 1, where no remainder is left at one end; the padding changes sides.
    count = len(case.how.stride)
    straight = replace(case, how=replace(case.how, stride=(1,) * count))
    turned = replace(straight, how=replace(straight.how, padding=tuple((b, a) for a, b in case.how.padding)))
    output = Conv(**straight.options).forward(case.input, case.weight)
    around = Conv(**turned.options).forward(rotated(case.input), rotated(case.weight))
    np.testing.assert_array_equal(around, rotated(output))


@given(convolutions())
def test_exchanging_the_axes_of_everything_exchanges_those_of_the_output(case: Convolution):
    how = case.how
    back = replace(how, stride=how.stride[::-1], padding=how.padding[::-1], dilation=how.dilation[::-1])
    order = (0, 1, *reversed(range(2, case.input.ndim)))
    output = Conv(**case.options).forward(case.input, case.weight)
    exchanged = Conv(**replace(case, how=back).options).forward(
        case.input.transpose(order), case.weight.transpose(order)
    )
    np.testing.assert_array_equal(exchanged, output.transpose(order))


@given(convolutions(dense=True))
def test_full_convolution_commutes(case: Convolution):
    x, w = case.input[:1, :1], case.weight[:1, :1]
    full = Conv(padding="full", flip=True)
    if x.size:
        np.testing.assert_array_equal(full.forward(x, w), full.forward(w, x))


@given(convolutions(dense=True))
def test_grad_input_is_the_full_convolution_of_delta_with_the_kernel(case: Convolution):
    # Eqs. 20 to 22 with f' = 1: the operation opposite to that of forward, padded in full, maps and channels exchanged.
    delta = case.cotangent(Conv(**case.options).forward(case.input, case.weight))
    grad_input, _ = Conv(**case.options).backward(delta, case.input, case.weight)
    full = Conv(padding="full", flip=not case.how.flip)
    np.testing.assert_array_equal(grad_input, full.forward(delta, swapped(case.weight)))


@given(convolutions(dense=True, least_batch=1))
def test_grad_weight_is_the_correlation_of_the_input_with_delta(case: Convolution):
    # Eq. 13, the samples taking the place of channels; for true convolution the result is rotated.
    delta = case.cotangent(Conv(**case.options).forward(case.input, case.weight))
    _, grad_weight = Conv(**case.options).backward(delta, case.input, case.weight)
    correlated = swapped(Conv().forward(swapped(case.input), swapped(delta)))
    np.testing.assert_array_equal(grad_weight, rotated(correlated) if case.how.flip else correlated)


@given(convolutions(dense=True, least_batch=1))
def test_grad_weight_is_the_convolution_of_the_input_with_the_rotated_delta(case: Convolution):
    # Eq. 14 with * as true convolution.
    layer = Conv(**{**case.options, "flip": False})
    delta = case.cotangent(layer.forward(case.input, case.weight))
    _, grad_weight = layer.backward(delta, case.input, case.weight)
    convolved = swapped(Conv(flip=True).forward(swapped(case.input), swapped(rotated(delta))))
    np.testing.assert_array_equal(grad_weight, convolved)
