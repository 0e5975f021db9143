"""Every loss is the sum, the mean or the list of its textbook terms, and its gradient that of the terms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.layers import (
    BinaryCrossEntropyWithLogits,
    HalfSquaredError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from properties.closeness import assert_within_ulps
from properties.drawing import Array, integers, seeds
from reference import losses
from reference.geometry import Floats

every_reduction = pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
shapes = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple)


def reduced(terms: Floats, reduction: str) -> Floats:
    """Return the terms, their sum, or their mean, which is 0 for no terms."""
    if reduction == "none":
        return terms
    return np.asarray(terms.sum() / (max(terms.size, 1) if reduction == "mean" else 1))


def handed_on(delta: Array, terms: Floats, reduction: str) -> Floats:
    """Return what of grad_output each term gets."""
    share = np.broadcast_to(delta, terms.shape)
    return share / max(terms.size, 1) if reduction == "mean" else share


def cotangent(seed: int, terms: Floats, reduction: str) -> Array:
    """Return an integer grad_output: one number for a reduced loss."""
    return integers(seed, terms.shape if reduction == "none" else ())


@every_reduction
@pytest.mark.parametrize(("loss", "factor"), [(HalfSquaredError, 0.5), (MeanSquaredError, 1.0)])
@given(shapes, seeds)
def test_squared_errors_are_exact_on_integers(loss, factor, reduction, shape, seed):
    # Eq. 9 is the sum of the halves.
    y, t = integers(seed, shape), integers(seed + 1, shape)
    terms = factor * losses.squared_errors(y, t)
    layer = loss(reduction)
    np.testing.assert_array_equal(layer.forward(y, t), reduced(terms, reduction))
    delta = cotangent(seed + 2, terms, reduction)
    expected = handed_on(delta, terms, reduction) * factor * losses.squared_error_slopes(y, t)
    grad_input, grad_target = layer.backward(delta, y, t)
    # Whole numbers but for the mean, whose divisor may be applied before or after the product: two roundings.
    ulps = 2 if reduction == "mean" else 0
    assert_within_ulps(grad_input, expected, ulps)
    assert_within_ulps(grad_target, -expected, ulps)


def test_the_error_of_equation_9_is_half_the_sum_by_default():
    assert HalfSquaredError() == HalfSquaredError("sum")
    assert MeanSquaredError() == MeanSquaredError("mean")


logit_rows = st.lists(st.floats(-30, 30) | st.floats(-600, 600), min_size=1, max_size=4)


@every_reduction
@given(logit_rows, st.integers(0, 3), st.sampled_from([(), (2,), (1, 2)]), seeds)
def test_softmax_cross_entropy_is_its_formula(reduction, row, samples, places, seed):
    classes = len(row)
    shape = (samples, classes, *places)
    order = np.argsort(np.random.default_rng(seed).random(shape), axis=1)
    logits = np.array(row)[order]
    labels = np.random.default_rng(seed).integers(0, classes, (samples, *places))
    terms = losses.cross_entropies(logits, labels)
    layer = SoftmaxCrossEntropy(reduction)
    # The differences to the largest logit are rounded: half as many ulps of an exponential as they are large.
    ulps = 10 + classes + float(np.ptp(row)) / 2 + terms.size
    assert_within_ulps(layer.forward(logits, labels), reduced(terms, reduction), ulps)
    delta = cotangent(seed + 2, terms, reduction)
    share = np.expand_dims(handed_on(delta, terms, reduction), 1)
    grad_input, grad_target = layer.backward(delta, logits, labels)
    assert grad_target is None
    assert_within_ulps(grad_input, share * losses.cross_entropy_slopes(logits, labels), ulps, grains=10)


@every_reduction
@given(st.lists(st.floats(-30, 30) | st.floats(-700, 700), max_size=5), seeds)
def test_binary_cross_entropy_is_its_formula(reduction, values, seed):
    x = np.array(values, np.float64)
    t = integers(seed, x.shape, low=0, high=8) / 8
    terms = losses.binary_cross_entropies(x, t)
    layer = BinaryCrossEntropyWithLogits(reduction)
    assert_within_ulps(layer.forward(x, t), reduced(terms, reduction), 10 + x.size)
    delta = cotangent(seed + 2, terms, reduction)
    share = handed_on(delta, terms, reduction)
    in_logit, in_target = losses.binary_cross_entropy_slopes(x, t)
    grad_input, grad_target = layer.backward(delta, x, t)
    # σ(x) - t is (1 - t)·σ(x) - t·σ(-x), two terms that cancel where σ(x) is near t.
    at_most = np.abs(share) * (np.abs(in_logit) + 2 * np.minimum(t, 1 - t))
    assert_within_ulps(grad_input, share * in_logit, 10, of=at_most, grains=10)
    assert_within_ulps(grad_target, share * in_target, 2)
