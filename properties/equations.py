"""Eqs. 13, 14 and 20 to 22 on the same draws: transcriptions, layers, references, SciPy, differences, complex step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import signal as scipy_signal

from gradcheck.article import delta_gradient, forward_pass, weight_gradient
from gradcheck.article.cases import Case, cases
from gradcheck.layers import Conv, HalfSquaredError
from reference import loops, signal
from reference.differences import central_difference, complex_step
from reference.geometry import Sliding

PLAIN = Sliding((1, 1), ((0, 0), (0, 0)), (1, 1), 1, False)
FEWER = 20
TINY = 1e-12  # for the complex step, which is exact to rounding on polynomials; sums of at most 81 products below 10^5


def maps(case: Case):
    """Return image, kernel and delta as the layers take them."""
    return case.image[None].astype(float), case.kernel[None].astype(float), case.delta[None, None].astype(float)


def table(function, case: Case, indices) -> np.ndarray:
    return np.array([int(function(case, at)) for at in indices])


def unit_slope(case: Case) -> Case:
    """Let f be the identity: f' belongs to the activation's own layer."""
    return replace(case, activation=np.array([0, 1, 0]))


@settings(max_examples=FEWER)
@given(cases())
def test_the_forward_equations_are_layer_references_and_scipy(case: Case):
    image, kernel, _ = maps(case)
    found = table(forward_pass.eq7, case, case.outputs()).reshape(case.output_size) - case.bias
    np.testing.assert_array_equal(found, Conv().forward(image, kernel)[0, 0])
    np.testing.assert_array_equal(found, loops.convolution(image, kernel, None, PLAIN)[0, 0])
    np.testing.assert_array_equal(found, signal.convolution(image, kernel, None, PLAIN)[0, 0])
    flipped = table(forward_pass.eq2_valid, case, case.outputs()).reshape(case.output_size)
    np.testing.assert_array_equal(flipped, Conv(flip=True).forward(image, kernel)[0, 0])


@pytest.mark.parametrize(
    "equation", [weight_gradient.eq13, weight_gradient.eq14, weight_gradient.eq14_without_rotation]
)
@settings(max_examples=FEWER)
@given(cases())
def test_equations_13_and_14_are_the_gradient_of_the_kernel_by_every_road(equation, case: Case):
    image, kernel, delta = maps(case)
    found = table(equation, case, case.taps()).reshape(case.kernel_size)
    np.testing.assert_array_equal(found, Conv().backward(delta, image, kernel)[1][0, 0])
    np.testing.assert_array_equal(found, loops.convolution_grad_weight(delta, image, kernel, PLAIN)[0, 0])
    np.testing.assert_array_equal(found, scipy_signal.correlate2d(case.image[0], case.delta, mode="valid"))
    np.testing.assert_array_equal(found, scipy_signal.convolve2d(case.image[0], np.rot90(case.delta, 2), mode="valid"))

    def energy(weight):
        return np.sum(delta * Conv().forward(image, weight))

    # Linear in the kernel: a step of 1 is exact.
    np.testing.assert_array_equal(found, central_difference(energy, kernel, 1.0)[0, 0])
    np.testing.assert_allclose(found, complex_step(energy, kernel)[0, 0], rtol=TINY, atol=TINY)


CORRECT = [
    delta_gradient.eq20,
    delta_gradient.eq21_kernel,
    delta_gradient.eq22_correlation,
    delta_gradient.eq22_without_rotation,
]


@pytest.mark.parametrize("equation", CORRECT)
@settings(max_examples=FEWER)
@given(cases())
def test_equations_20_to_22_are_the_gradient_of_a_pixel_by_every_road(equation, case: Case):
    case = unit_slope(case)
    image, kernel, delta = maps(case)
    found = table(equation, case, case.pixels()).reshape(case.map_size)
    np.testing.assert_array_equal(found, Conv().backward(delta, image, kernel)[0][0, 0])
    np.testing.assert_array_equal(found, loops.convolution_grad_input(delta, image, kernel, PLAIN)[0, 0])
    np.testing.assert_array_equal(found, scipy_signal.convolve2d(case.delta, case.kernel[0], mode="full"))
    turned = np.rot90(case.kernel[0], 2)
    np.testing.assert_array_equal(found, scipy_signal.correlate2d(case.delta, turned, mode="full"))

    def energy(x):
        return np.sum(delta * Conv().forward(x, kernel))

    np.testing.assert_array_equal(found, central_difference(energy, image, 1.0)[0, 0])
    np.testing.assert_allclose(found, complex_step(energy, image)[0, 0], rtol=TINY, atol=TINY)


@settings(max_examples=FEWER)
@given(cases())
def test_equations_16_and_20_with_an_activation_are_the_complex_step_through_both_layers(case: Case):
    image, kernel, delta = maps(case)
    a, b, c = (int(v) for v in case.activation)
    curvature = case.curvature[None, None]

    def energy(x):
        out = Conv().forward(a * x * x + b * x + c, kernel) + case.bias
        return np.sum(delta * out + curvature * out * out)

    by_chain = [float(delta_gradient.eq16_clipped(case, pixel)) for pixel in case.pixels()]
    by_sum = [float(delta_gradient.eq20_zero(case, pixel)) for pixel in case.pixels()]
    assert by_chain == by_sum
    # Terms of both signs cancel: rounding is relative to the largest products, up to 10^9.
    size = 1 + max(map(abs, by_chain)) + np.abs(curvature).sum() * 1e7
    np.testing.assert_allclose(by_chain, complex_step(energy, image).ravel(), rtol=1e-11, atol=1e-13 * size)


@settings(max_examples=FEWER)
@given(cases())
def test_equations_10_and_13_with_a_quadratic_loss_are_the_complex_step(case: Case):
    image, kernel, delta = maps(case)

    def energy(weight):
        out = Conv().forward(image, weight) + case.bias
        return np.sum(delta * out + case.curvature * out * out)

    found = [float(weight_gradient.eq10(case, tap)) for tap in case.taps()]
    assert found == [float(weight_gradient.gradient_by_eq13(case, tap)) for tap in case.taps()]
    np.testing.assert_allclose(found, complex_step(energy, kernel).ravel(), rtol=1e-11, atol=1e-8)


@settings(max_examples=FEWER)
@given(cases())
def test_equation_9_is_the_loss_layer_and_its_derivative_the_residual(case: Case):
    prediction, target = case.bias.astype(float), case.delta.astype(float)
    assert HalfSquaredError().forward(prediction, target) == forward_pass.eq9(case, ())
    gradient = HalfSquaredError().backward(np.array(1.0), prediction, target)[0]
    np.testing.assert_array_equal(
        gradient,
        [[forward_pass.residual(case, (i, j)) for j in range(case.delta.shape[1])] for i in range(case.delta.shape[0])],
    )
