"""What a moved, permuted or lifted input comes out as, and where the "translation invariance" of pooling ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.layers import AvgPool, Conv, LogSoftmax, LpPool, MaxPool, ReLU, Softmax
from properties.drawing import Array, Convolution, convolutions, distinct, integers, per_axis, pools, seeds
from reference.geometry import Pool


def framed(array: Array, before: tuple[int, ...], after: tuple[int, ...]) -> Array:
    """Put zeros around the spatial axes."""
    return np.pad(array, ((0, 0), (0, 0), *zip(before, after, strict=True)))


@given(st.data(), convolutions(least_batch=1))
def test_convolution_of_a_moved_image_is_the_moved_convolution(data, case: Convolution):
    # A frame wide enough that nothing is cut off; a move by whole strides moves the output by whole entries.
    count = case.input.ndim - 2
    layer = Conv(stride=case.how.stride, dilation=case.how.dilation, groups=case.how.groups, flip=case.how.flip)
    spans = [d * (k - 1) for k, d in zip(case.weight.shape[2:], case.how.dilation, strict=True)]
    steps = data.draw(per_axis(count, 0, 2))
    moves = tuple(step * stride for step, stride in zip(steps, case.how.stride, strict=True))
    # Room in front for a kernel, in whole strides, and behind for the move and a kernel.
    room = tuple(-(-span // s) * s for span, s in zip(spans, case.how.stride, strict=True))
    behind = tuple(span + move for span, move in zip(spans, moves, strict=True))
    still = layer.forward(framed(case.input, room, behind), case.weight)
    moved_room = tuple(r + m for r, m in zip(room, moves, strict=True))
    moved = layer.forward(framed(case.input, moved_room, tuple(spans)), case.weight)
    here = (..., *(slice(0, n - step) for n, step in zip(still.shape[2:], steps, strict=True)))
    there = (..., *(slice(step, None) for step in steps))
    np.testing.assert_array_equal(moved[there], still[here])


@given(convolutions(least_batch=1), seeds)
def test_permuting_the_kernels_permutes_the_maps(case: Convolution, seed):
    layer = Conv(**{**case.options, "groups": 1})
    weight = integers(case.seed, (4, case.input.shape[1], *case.weight.shape[2:]))
    order = np.random.default_rng(seed).permutation(4)
    output = layer.forward(case.input, weight)
    np.testing.assert_array_equal(layer.forward(case.input, weight[order]), output[:, order])
    channels = np.random.default_rng(seed).permutation(case.input.shape[1])
    np.testing.assert_array_equal(layer.forward(case.input[:, channels], weight[:, channels]), output)


def made(kind, pool: Pool, **options):
    return kind(pool.kernel, pool.stride, padding=pool.padding, ceil_mode=pool.ceil_mode, **options)


@given(pools(dilated=False), seeds, st.integers(-20, 20))
def test_pooling_of_a_lifted_input_is_the_lifted_pooling(geometry, seed, lift):
    pool, lengths = geometry
    x = integers(seed, (1, 2, *lengths))
    maximum, average = made(MaxPool, pool), made(AvgPool, pool, count_include_pad=False)
    np.testing.assert_array_equal(maximum.forward(x + lift), maximum.forward(x) + lift)
    # The lift passes through an average but for the rounding of the quotients.
    np.testing.assert_allclose(average.forward(x + lift), average.forward(x) + lift, rtol=0, atol=2e-14)


@given(pools(dilated=False), seeds, st.sampled_from([0.25, 2.0, 64.0]), st.sampled_from([1.0, 2.0, 3.0]))
def test_pooling_of_a_scaled_input_is_the_scaled_pooling(geometry, seed, factor, p):
    pool, lengths = geometry
    x = integers(seed, (1, 2, *lengths))
    for layer in (made(MaxPool, pool), made(AvgPool, pool)):
        np.testing.assert_array_equal(layer.forward(factor * x), factor * layer.forward(x))
    norm = made(LpPool, pool, p=p)
    np.testing.assert_allclose(norm.forward(-factor * x), factor * norm.forward(x), rtol=1e-14)


@given(pools(dilated=False), seeds)
def test_max_pooling_commutes_with_what_is_monotone(geometry, seed):
    pool, lengths = geometry
    x = integers(seed, (1, 2, *lengths))
    layer = made(MaxPool, pool)
    np.testing.assert_array_equal(layer.forward(ReLU().forward(x)), ReLU().forward(layer.forward(x)))
    np.testing.assert_array_equal(layer.forward(x**3), layer.forward(x) ** 3)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), seeds)
def test_pooling_of_an_image_moved_by_a_stride_is_moved_by_one(count, kernel, stride, seed):
    x = distinct(seed, (1, 1, *(kernel + 2 * stride,) * count))
    inner = (..., *(slice(stride, None),) * count)
    for kind in (MaxPool, AvgPool, LpPool):
        whole = kind(kernel, stride).forward(x)
        np.testing.assert_array_equal(kind(kernel, stride).forward(x[inner]), whole[(..., *(slice(1, None),) * count)])


def test_pooling_is_not_invariant_to_a_move_by_less_than_a_stride():
    # "Translation invariance", the article says; one step of the image changes what a pool of 2 sees.
    image, moved = np.array([[[0.0, 5.0, 0.0, 0.0]]]), np.array([[[0.0, 0.0, 5.0, 0.0]]])
    assert MaxPool(2).forward(image).tolist() == [[[5, 0]]]
    assert MaxPool(2).forward(moved).tolist() == [[[0, 5]]]


def test_max_pooling_is_invariant_to_a_move_within_its_window():
    image, moved = np.array([[[5.0, 0.0, 0.0, 0.0]]]), np.array([[[0.0, 5.0, 0.0, 0.0]]])
    assert MaxPool(2).forward(image).tolist() == MaxPool(2).forward(moved).tolist() == [[[5, 0]]]


@pytest.mark.parametrize("shift", [-40.0, 0.5, 1000.0])
@given(st.integers(1, 4), seeds)
def test_softmax_does_not_see_a_constant(shift, size, seed):
    # Quarters and their sums with the shift are exact, so that the same differences are left.
    x, delta = integers(seed, (2, size)) / 4, integers(seed + 1, (2, size))
    for layer in (Softmax(), LogSoftmax()):
        np.testing.assert_array_equal(layer.forward(x + shift), layer.forward(x))
        np.testing.assert_array_equal(layer.backward(delta, x + shift), layer.backward(delta, x))
