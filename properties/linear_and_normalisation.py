"""Linear layers exactly, normalisation to the roundings of its formula, forward and every gradient."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.layers import BatchNorm, Flatten, LayerNorm, Linear
from properties.closeness import assert_within_ulps
from properties.drawing import integers, seeds
from reference import dense


@given(seeds, st.integers(0, 3), st.integers(1, 4), st.integers(1, 4))
def test_linear_equals_the_reference_exactly(seed, samples, inputs, outputs):
    x, w, b = integers(seed, (samples, inputs)), integers(seed + 1, (outputs, inputs)), integers(seed + 2, (outputs,))
    delta = integers(seed + 3, (samples, outputs))
    np.testing.assert_array_equal(Linear().forward(x, w, b), dense.linear(x, w, b))
    np.testing.assert_array_equal(Linear().forward(x, w), dense.linear(x, w, None))
    expected = dense.linear_grads(delta, x, w)
    for found, grad in zip(Linear().backward(delta, x, w, b), expected, strict=True):
        np.testing.assert_array_equal(found, grad)
    for found, grad in zip(Linear().backward(delta, x, w), expected[:2], strict=True):
        np.testing.assert_array_equal(found, grad)


@given(seeds, st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_linear_serves_any_leading_axes_as_samples(seed, lead):
    x, w, b = integers(seed, (*lead, 3)), integers(seed + 1, (2, 3)), integers(seed + 2, (2,))
    delta = integers(seed + 3, (*lead, 2))
    found = Linear().forward(x, w, b)
    np.testing.assert_array_equal(found, dense.linear(x.reshape(-1, 3), w, b).reshape(*lead, 2))
    grad_input, grad_weight, grad_bias = dense.linear_grads(delta.reshape(-1, 2), x.reshape(-1, 3), w)
    claimed = Linear().backward(delta, x, w, b)
    np.testing.assert_array_equal(claimed[0], grad_input.reshape(x.shape))
    np.testing.assert_array_equal(claimed[1], grad_weight)
    np.testing.assert_array_equal(claimed[2], grad_bias)


@given(seeds, st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple))
def test_flatten_renames_and_backward_names_again(seed, shape):
    x = integers(seed, shape)
    flat = Flatten().forward(x)
    assert flat.shape == (shape[0], int(np.prod(shape[1:])))
    assert flat.ravel().tolist() == x.ravel().tolist()
    np.testing.assert_array_equal(Flatten().backward(flat, x), x)


epsilons = st.sampled_from([1e-5, 0.1, 3.0])


def assert_normalised(found_forward, expected_forward, found, expected, sizes) -> None:
    """Compare with 20 roundings and one for each entry of a mean, of the largest term along the averaged axes."""
    entries, scale, spread = sizes
    assert_within_ulps(found_forward, expected_forward, 20 + entries, of=np.full(expected_forward.shape, scale))
    for claimed, grad in zip(found, expected, strict=True):
        assert_within_ulps(claimed, grad, 20 + 2 * entries, of=np.full(grad.shape, spread))


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.sampled_from([(), (2,), (3, 2), (1, 2, 2)]), epsilons)
def test_batch_norm_equals_the_reference(seed, samples, channels, places, epsilon):
    x = integers(seed, (samples, channels, *places))
    w, b, delta = integers(seed + 1, (channels,)), integers(seed + 2, (channels,)), integers(seed + 3, x.shape)
    layer = BatchNorm(epsilon=epsilon)
    assert_normalised(
        layer.forward(x, w, b),
        dense.batch_norm(x, w, b, epsilon),
        layer.backward(delta, x, w, b),
        dense.batch_norm_grads(delta, x, w, epsilon),
        magnitudes(x, delta, epsilon, x.size // channels),
    )


@given(seeds, st.integers(0, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple), epsilons)
def test_layer_norm_equals_the_reference(seed, samples, features, epsilon):
    x = integers(seed, (samples, *features))
    w, b, delta = integers(seed + 1, features), integers(seed + 2, features), integers(seed + 3, x.shape)
    layer = LayerNorm(trailing_axes=len(features), epsilon=epsilon)
    assert_normalised(
        layer.forward(x, w, b),
        dense.layer_norm(x, w, b, epsilon),
        layer.backward(delta, x, w, b),
        dense.layer_norm_grads(delta, x, w, epsilon),
        magnitudes(x, delta, epsilon, int(np.prod(features))),
    )


def magnitudes(x, delta, epsilon: float, entries: int) -> tuple[int, float, float]:
    """Return the entries of a mean, and the largest outputs and gradients that weights up to 9 allow.

    A standardised entry is at most sqrt(entries). On integers a variance is at least (1 - 1/m)/m, so that the
    denominator is at least half of 1/sqrt(m), or it is 0, and then every deviation is an exact 0.
    """
    deviation = np.sqrt(epsilon + (0.25 / entries if np.ptp(x.ravel()) else 0)) if x.size else 1.0
    largest = float(np.sqrt(entries))
    return entries, 9 * largest + 9 * 9 / deviation, 9 * 9 * (delta.size + 1) * (largest + 9 / deviation) / deviation
