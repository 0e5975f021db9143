"""Losses against answers worked out by hand, and at logits where the textbook formulas lose every digit."""

import math

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import (
    BinaryCrossEntropyWithLogits,
    HalfSquaredError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)

LOSSES = [HalfSquaredError, MeanSquaredError, SoftmaxCrossEntropy, BinaryCrossEntropyWithLogits]
ONE = np.array(1.0)
Y, T = np.array([[1.0, 2.0], [5.0, 4.0]]), np.array([[1.0, 4.0], [2.0, 0.0]])

# loss, E, dE/dy
SQUARED = {
    "Eq. 9": (HalfSquaredError(), 14.5, [[0, -2], [3, 4]]),
    "Eq. 9, mean": (HalfSquaredError("mean"), 14.5 / 4, [[0, -0.5], [0.75, 1]]),
    "mean": (MeanSquaredError(), 29 / 4, [[0, -1], [1.5, 2]]),
    "sum": (MeanSquaredError("sum"), 29, [[0, -4], [6, 8]]),
}


@pytest.mark.parametrize(("loss", "error", "gradient"), SQUARED.values(), ids=SQUARED)
def test_squared_error_gives_the_answer_worked_out_by_hand(loss, error, gradient):
    assert loss.forward(Y, T).tolist() == error
    grad_input, grad_target = loss.backward(np.array(2.0), Y, T)
    assert grad_input.tolist() == (2 * np.array(gradient)).tolist()
    assert grad_target.tolist() == (-2 * np.array(gradient)).tolist()


def test_terms_of_squared_errors_take_an_error_each():
    assert HalfSquaredError("none").forward(Y, T).tolist() == [[0, 2], [4.5, 8]]
    assert MeanSquaredError("none").forward(Y, T).tolist() == [[0, 4], [9, 16]]
    delta = np.array([[7.0, 1.0], [2.0, 0.0]])
    assert HalfSquaredError("none").backward(delta, Y, T)[0].tolist() == [[0, -2], [6, 0]]
    assert MeanSquaredError("none").backward(delta, Y, T)[0].tolist() == [[0, -4], [12, 0]]


@pytest.mark.parametrize(("reduction", "share"), [("mean", 1 / 6), ("sum", 1.0)])
def test_cross_entropy_shares_the_error_over_samples_and_positions(reduction, share):
    logits, labels = np.zeros((2, 4, 3)), np.array([[0, 1, 2], [3, 0, 1]])
    loss = SoftmaxCrossEntropy(reduction)
    np.testing.assert_allclose(loss.forward(logits, labels), 6 * share * math.log(4), rtol=1e-15)
    expected = share * (0.25 - np.moveaxis(np.eye(4)[labels], 2, 1))
    gradient, of_labels = loss.backward(ONE, logits, labels)
    np.testing.assert_allclose(gradient, expected, rtol=1e-15)
    assert of_labels is None


def test_cross_entropy_terms_keep_the_shape_of_the_labels():
    logits = np.log(np.array([[1.0, 2.0], [3.0, 1.0]]))
    losses = SoftmaxCrossEntropy("none").forward(logits, np.array([0, 1]))
    np.testing.assert_allclose(losses, [math.log(3), math.log(4)], rtol=1e-15)
    gradient = SoftmaxCrossEntropy("none").backward(np.array([3.0, 8.0]), logits, np.array([0, 1]))[0]
    np.testing.assert_allclose(gradient, [[-2, 2], [6, -6]], rtol=4e-16)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("margin", [10.0, 15.0, 80.0, 600.0])
def test_confident_cross_entropy_keeps_its_digits(dtype, margin):
    """E = log(1 + e^-m) and dE/dz = ∓ 1 / (1 + e^m): about e^-m, where 1 - p and log p round to 0."""
    logits, labels = np.array([[margin, 0.0]], dtype), np.array([0])
    room, least = 4 * float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    true = math.exp(-margin) / (1 + math.exp(-margin))
    loss = SoftmaxCrossEntropy()
    np.testing.assert_allclose(
        float(loss.forward(logits, labels)), math.log1p(math.exp(-margin)), rtol=room, atol=least
    )
    gradient = loss.backward(np.array(1, dtype), logits, labels)[0].astype(float)
    np.testing.assert_allclose(gradient, [[-true, true]], rtol=room, atol=least)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e4, 1e300])
def test_cross_entropy_does_not_depend_on_a_common_offset(offset):
    logits, labels = np.array([[0.0, 0.0]]) + offset, np.array([1])
    assert SoftmaxCrossEntropy().forward(logits, labels) == np.log(2)
    assert SoftmaxCrossEntropy().backward(ONE, logits, labels)[0].tolist() == [[0.5, -0.5]]


def test_a_class_ruled_out_gets_no_gradient():
    logits = np.array([[0.0, -np.inf, 0.0]])
    assert SoftmaxCrossEntropy().forward(logits, np.array([0])) == np.log(2)
    assert SoftmaxCrossEntropy().backward(ONE, logits, np.array([0]))[0].tolist() == [[-0.5, 0, 0.5]]
    assert SoftmaxCrossEntropy().forward(logits, np.array([1])) == np.inf


def test_cross_entropy_of_one_class_is_zero():
    logits, labels = np.array([[3.0], [-7.0]]), np.array([0, 0])
    assert SoftmaxCrossEntropy().forward(logits, labels) == 0
    assert SoftmaxCrossEntropy().backward(ONE, logits, labels)[0].tolist() == [[0], [0]]


def test_labels_of_any_integer_dtype_are_taken():
    for dtype in (np.uint8, np.int32, np.int64):
        assert SoftmaxCrossEntropy().forward(np.zeros((1, 2)), np.array([1], dtype)) == np.log(2)


def test_binary_cross_entropy_gives_the_answer_worked_out_by_hand():
    x, t = np.log(np.array([1.0, 3.0])), np.array([0.5, 0.0])
    loss = BinaryCrossEntropyWithLogits("none")
    np.testing.assert_allclose(loss.forward(x, t), [math.log(2), math.log(4)], rtol=1e-15)
    grad_input, grad_target = loss.backward(np.array([4.0, 4.0]), x, t)
    np.testing.assert_allclose(grad_input, [0, 3], rtol=4e-16, atol=4e-16)
    np.testing.assert_array_equal(grad_target, -4 * x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("x", [10.0, 15.0, 80.0, 600.0])
def test_confident_binary_cross_entropy_keeps_its_digits(dtype, x):
    room, least = 4 * float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    true = math.exp(-x) / (1 + math.exp(-x))
    loss, one = BinaryCrossEntropyWithLogits(), np.array([1], dtype)
    for sign, target in ((1, one), (-1, 0 * one)):
        logits = np.array([sign * x], dtype)
        error = float(loss.forward(logits, target))
        np.testing.assert_allclose(error, math.log1p(math.exp(-x)), rtol=room, atol=least)
        gradient = float(loss.backward(one[0], logits, target)[0][0])
        np.testing.assert_allclose(gradient, -sign * true, rtol=room, atol=least)
        np.testing.assert_allclose(float(loss.forward(-logits, target)), x + math.log1p(math.exp(-x)), rtol=room)


def test_binary_targets_may_leave_the_unit_interval():
    x, t = np.array([0.0]), np.array([3.0])
    np.testing.assert_allclose(BinaryCrossEntropyWithLogits().forward(x, t), math.log(2), rtol=1e-15)
    assert BinaryCrossEntropyWithLogits().backward(ONE, x, t)[0].tolist() == [-2.5]


@pytest.mark.parametrize("loss", LOSSES)
def test_an_unknown_reduction_is_refused(loss):
    with pytest.raises(InvalidInput, match=r"`reduction` must be one of mean, sum, none; it is 'average'"):
        loss("average")


@pytest.mark.parametrize("loss", [HalfSquaredError, MeanSquaredError, BinaryCrossEntropyWithLogits])
def test_shapes_are_not_broadcast(loss):
    with pytest.raises(InvalidInput, match=r"`input` and `target` must have one shape; they have \(2, 1\) and \(2,\)"):
        loss().forward(np.ones((2, 1)), np.ones(2))


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.ones(3), np.array(0), r"`input` must hold logits \(N, C, ...\) with C >= 1; its shape is \(3,\)"),
        (np.ones((2, 0)), np.array([0, 0]), r"`input` must hold logits .* its shape is \(2, 0\)"),
        (np.ones((2, 3)), np.array([0.0, 1.0]), r"`target` must hold integer labels of shape \(2,\).* it is float64"),
        (
            np.ones((2, 3)),
            np.array([[0], [1]]),
            r"`target` must hold integer labels of shape \(2,\).* of shape \(2, 1\)",
        ),
        (np.ones((2, 3)), np.array([0, 3]), r"`target` must hold labels from 0 to 2; it holds 0 to 3"),
        (np.ones((2, 3)), np.array([-1, 0]), r"`target` must hold labels from 0 to 2; it holds -1 to 0"),
    ],
)
def test_cross_entropy_refuses_what_are_no_labels_and_says_what_must_hold(logits, labels, words):
    with pytest.raises(InvalidInput, match=words):
        SoftmaxCrossEntropy().forward(logits, labels)
