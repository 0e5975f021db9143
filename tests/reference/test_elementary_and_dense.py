"""The scalar references against values that are known in closed form or from tables."""

import math

import numpy as np
import pytest

from reference import dense, losses
from reference.differences import central_difference, complex_step
from reference.elementary import ACTIVATIONS, along, at_each, log_softmax, log_softmax_grad, softmax, softmax_grad

E, LN3, LN2 = math.e, math.log(3), math.log(2)
PARAMETERS = {
    "leaky_relu": {"negative_slope": 0.25},
    "threshold": {"threshold": 1, "value": 20},
    "hard_tanh": {"low": -1, "high": 2},
    "hard_shrink": {"lambd": 0.5},
    "soft_shrink": {"lambd": 0.5},
}

# name, x, value, slope; ulps of the closed forms at most
KNOWN = [
    ("relu", -2, 0, 0),
    ("relu", 3, 3, 1),
    ("leaky_relu", -2, -0.5, 0.25),
    ("leaky_relu", 2, 2, 1),
    ("relu6", 7, 6, 0),
    ("relu6", 5, 5, 1),
    ("threshold", 1, 20, 0),
    ("threshold", 1.5, 1.5, 1),
    ("hard_tanh", -3, -1, 0),
    ("hard_tanh", 1.5, 1.5, 1),
    ("hard_sigmoid", 1.5, 0.75, 1 / 6),
    ("hard_swish", 1.5, 1.125, 1),
    ("hard_swish", -4, 0, 0),
    ("hard_shrink", -0.25, 0, 0),
    ("hard_shrink", -2, -2, 1),
    ("soft_shrink", 0.25, 0, 0),
    ("soft_shrink", -2, -1.5, 1),
    ("elu", -1, 1 / E - 1, 1 / E),
    ("celu", -1, 1 / E - 1, 1 / E),
    # λα(1/e - 1) from the published λ and α
    ("selu", -1, 1.0507009873554805 * 1.6732632423543772 * (1 / E - 1), 1.0507009873554805 * 1.6732632423543772 / E),
    # σ(ln 3) = 3/4, σ' = 3/16, tanh(ln 3) = 4/5, tanh' = 9/25
    ("sigmoid", LN3, 3 / 4, 3 / 16),
    ("log_sigmoid", LN3, math.log(3 / 4), 1 / 4),
    ("tanh", LN3, 4 / 5, 9 / 25),
    ("tanhshrink", LN3, LN3 - 4 / 5, 16 / 25),
    ("softplus", LN3, math.log(4), 3 / 4),
    ("softplus", 21, 21, 1),
    ("softsign", -3, -3 / 4, 1 / 16),
    ("silu", LN3, LN3 * 3 / 4, 3 / 4 + LN3 * 3 / 16),
    # ln(1 + e^x) = ln 3 at x = ln 2: tanh = 4/5, tanh' = 9/25, σ(ln 2) = 2/3
    ("mish", LN2, LN2 * 4 / 5, 4 / 5 + LN2 * 9 / 25 * 2 / 3),
    # Φ(1) = 0.8413447460685429 and φ(1) = 0.24197072451914337 from tables
    ("gelu", 1, 0.8413447460685429, 0.8413447460685429 + 0.24197072451914337),
    # Φ(-10) = 7.619853024160526e-24, φ(10) = 7.694598626706419e-23
    ("gelu", -10, -7.619853024160526e-23, 7.619853024160526e-24 - 7.694598626706419e-22),
    ("gelu_tanh", 0, 0, 0.5),
]


@pytest.mark.parametrize(("name", "x", "value", "slope"), KNOWN, ids=[f"{name}({x:.3g})" for name, x, _, _ in KNOWN])
def test_activation_has_the_known_value_and_slope(name, x, value, slope):
    point, parameters = np.array([float(x)]), PARAMETERS.get(name, {})
    found = [at_each(function, point, **parameters)[0] for function in ACTIVATIONS[name]]
    # The closed forms beside are evaluated in doubles themselves, with up to four roundings.
    np.testing.assert_array_max_ulp(np.array(found), np.array([value, slope], float), maxulp=4)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation_slope_is_the_central_difference_of_its_value(name):
    value, slope = ACTIVATIONS[name]
    for x in (-4.3, -2.2, -0.7, 0.6, 1.7, 4.3):
        point, parameters = np.array([x]), PARAMETERS.get(name, {})
        numerical = central_difference(lambda v: at_each(value, v, **parameters)[0], point, 1e-5)  # noqa: B023 - called at once
        # h²·f'''/6 is below 1e-10 and the rounding of f / h below 1e-10 for these functions and points.
        assert abs(numerical[0] - at_each(slope, point, **parameters)[0]) < 1e-9


@pytest.mark.parametrize(
    ("name", "x", "value"),
    [("log_sigmoid", -1e4, -1e4), ("sigmoid", -700, math.exp(-700)), ("mish", 1e4, 1e4), ("tanh", -1e4, -1)],
)
def test_activation_is_right_far_out(name, x, value):
    assert at_each(ACTIVATIONS[name][0], np.array([x]))[0] == pytest.approx(value, rel=1e-15)


def test_softmax_and_its_gradients_have_the_values_worked_out_by_hand():
    # e^x = 1 and 3: y = 1/4, 3/4; for δ = (1, 0): dy0/dx = y0·(1 - y0), -y0·y1 = 3/16, -3/16
    x, delta = np.array([[0.0, LN3]]), np.array([[1.0, 0.0]])
    np.testing.assert_array_max_ulp(along(softmax, 1, x), np.array([[1 / 4, 3 / 4]]), 2)
    np.testing.assert_array_max_ulp(along(softmax_grad, 1, delta, x), np.array([[3 / 16, -3 / 16]]), 2)
    np.testing.assert_array_max_ulp(along(log_softmax, 1, x), np.array([[-math.log(4), math.log(3 / 4)]]), 2)
    # dln y0/dx = (1, 0) - y
    np.testing.assert_array_max_ulp(along(log_softmax_grad, 1, delta, x), np.array([[3 / 4, -3 / 4]]), 2)


def test_linear_has_the_values_worked_out_by_hand():
    x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([100.0, 200.0])
    assert dense.linear(x, w, b).tolist() == [[111, 217]]
    grad_input, grad_weight, grad_bias = dense.linear_grads(np.array([[1.0, 10.0]]), x, w)
    assert grad_input.tolist() == [[53, 64]]
    assert grad_weight.tolist() == [[1, 2], [10, 20]]
    assert grad_bias.tolist() == [1, 10]


def test_standardise_has_the_values_worked_out_by_hand():
    # 1, 3: mean 2, variance 1; with ε = 3 divided by 2. y = -1/2, 1/2, so (1 + y·y')/m = 5/8 on, 3/8 off the diagonal:
    # for δ = (1, 0): (3/8, -3/8) / 2
    assert dense.standardise([1.0, 3.0], 3.0) == [-0.5, 0.5]
    assert dense.standardise_grad([1.0, 0.0], [1.0, 3.0], 3.0) == [3 / 16, -3 / 16]


def test_batch_norm_runs_over_samples_and_layer_norm_over_features():
    x = np.array([[1.0, 10.0], [3.0, 14.0]])
    weight, bias = np.array([1.0, 2.0]), np.array([0.0, 100.0])
    # columns: mean 2 and 12, variance 1 and 4, ε = 0
    assert dense.batch_norm(x, weight, bias, 0.0).tolist() == [[-1, 98], [1, 102]]
    # rows: (1, 10) and (3, 14) standardise to (-1, 1) both
    assert dense.layer_norm(x, weight, bias, 0.0).tolist() == [[-1, 102], [-1, 102]]


def test_losses_have_the_values_worked_out_by_hand():
    y, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 4.0], [3.0, 3.0]])
    assert losses.squared_errors(y, t).tolist() == [[1, 4], [0, 1]]
    assert losses.squared_error_slopes(y, t).tolist() == [[2, -4], [0, 2]]
    # softmax 1/4, 3/4 with the label on the second class
    logits, labels = np.array([[0.0, LN3]]), np.array([1])
    np.testing.assert_array_max_ulp(losses.cross_entropies(logits, labels), np.array([-math.log(3 / 4)]), 2)
    np.testing.assert_array_max_ulp(losses.cross_entropy_slopes(logits, labels), np.array([[1 / 4, -1 / 4]]), 2)
    # σ(ln 3) = 3/4, t = 1/2: -ln(3/4)/2 - ln(1/4)/2, and 3/4 - 1/2
    x, half = np.array([LN3]), np.array([0.5])
    np.testing.assert_array_max_ulp(losses.binary_cross_entropies(x, half), np.array([-math.log(3 / 16) / 2]), 2)
    in_logit, in_target = losses.binary_cross_entropy_slopes(x, half)
    np.testing.assert_array_max_ulp(in_logit, np.array([1 / 4]), 2)
    assert in_target.tolist() == [-LN3]


@pytest.mark.parametrize("difference", [central_difference, complex_step])
def test_differences_find_the_gradient_of_a_product(difference):
    # x·y + x² at (2, 5): (5 + 4, 2); both methods are exact but for rounding, which a step of 1e-6 makes 1e-9
    found = difference(lambda v: v[0] * v[1] + v[0] ** 2, np.array([2.0, 5.0]))
    assert found == pytest.approx([9, 2], abs=1e-8)
