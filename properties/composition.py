"""Layers made of layers: what chains, merges and special cases must be equal to, exactly where integers allow it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import layers
from gradcheck.layers import AvgPool, Conv, ConvTranspose, Flatten, HalfSquaredError, Linear, MaxPool, ReLU, Sequential
from properties.drawing import Array, Convolution, axes_counts, convolutions, integers, per_axis, seeds
from reference import dense, loops, losses
from reference.geometry import Pool, Sliding


def spatial(array: Array) -> tuple[int, ...]:
    """Return the spatial axes' lengths."""
    return array.shape[2:]


@given(st.data(), axes_counts, seeds)
def test_two_convolutions_are_one_with_the_convolved_kernel(data, count, seed):
    # (x * w) * v = x * (w * v), the inner product of kernels taken in full, channels included.
    x = integers(seed, (2, 2, *data.draw(per_axis(count, 4, 6))))
    w = integers(seed + 1, (3, 2, *data.draw(per_axis(count, 1, 2))))
    v = integers(seed + 2, (2, 3, *data.draw(per_axis(count, 1, 2))))
    layer = Conv(flip=True)
    merged = np.swapaxes(Conv(padding="full", flip=True).forward(np.swapaxes(w, 0, 1), v), 0, 1)
    np.testing.assert_array_equal(layer.forward(layer.forward(x, w), v), layer.forward(x, merged))


@given(convolutions())
def test_a_strided_convolution_is_every_so_many_entries_of_the_dense_one(case: Convolution):
    dense_options = {**case.options, "stride": 1}
    every = (..., *(slice(None, None, s) for s in case.how.stride))
    output = Conv(**case.options).forward(case.input, case.weight)
    np.testing.assert_array_equal(output, Conv(**dense_options).forward(case.input, case.weight)[every])


@given(convolutions())
def test_a_dilated_kernel_is_a_kernel_with_zeros_between(case: Convolution):
    wide = [d * (k - 1) + 1 for k, d in zip(spatial(case.weight), case.how.dilation, strict=True)]
    spread = np.zeros((*case.weight.shape[:2], *wide))
    taps = (..., *(slice(None, None, d) for d in case.how.dilation))
    spread[taps] = case.weight
    plain = Conv(**{**case.options, "dilation": 1})
    output = Conv(**case.options).forward(case.input, case.weight)
    np.testing.assert_array_equal(output, plain.forward(case.input, spread))
    delta = case.cotangent(output)
    grad_input, grad_weight = Conv(**case.options).backward(delta, case.input, case.weight)
    spread_input, spread_weight = plain.backward(delta, case.input, spread)
    np.testing.assert_array_equal(grad_input, spread_input)
    np.testing.assert_array_equal(grad_weight, spread_weight[taps])


@given(convolutions())
def test_padding_is_a_frame_of_zeros_put_there_before(case: Convolution):
    framed = np.pad(case.input, ((0, 0), (0, 0), *case.how.padding))
    bare = Conv(**{**case.options, "padding": 0})
    output = Conv(**case.options).forward(case.input, case.weight)
    np.testing.assert_array_equal(output, bare.forward(framed, case.weight))
    delta = case.cotangent(output)
    inner = (..., *(slice(b, b + n) for (b, _), n in zip(case.how.padding, spatial(case.input), strict=True)))
    grad_input, grad_weight = Conv(**case.options).backward(delta, case.input, case.weight)
    framed_input, framed_weight = bare.backward(delta, framed, case.weight)
    np.testing.assert_array_equal(grad_input, framed_input[inner])
    np.testing.assert_array_equal(grad_weight, framed_weight)


@given(convolutions())
def test_groups_are_convolutions_side_by_side(case: Convolution):
    halves = [
        Conv(**{**case.options, "groups": 1}).forward(x, w)
        for x, w in zip(
            np.split(case.input, case.how.groups, axis=1), np.split(case.weight, case.how.groups), strict=True
        )
    ]
    np.testing.assert_array_equal(Conv(**case.options).forward(case.input, case.weight), np.concatenate(halves, axis=1))


@given(st.data(), axes_counts, seeds)
def test_a_convolution_with_a_kernel_of_one_is_a_linear_layer_at_each_place(data, count, seed):
    x, w, b = (
        integers(seed, (2, 3, *data.draw(per_axis(count, 1, 4)))),
        integers(seed + 1, (4, 3)),
        integers(seed + 2, (4,)),
    )
    kernel = w.reshape(4, 3, *(1,) * count)
    found = Conv().forward(x, kernel, b)
    np.testing.assert_array_equal(np.moveaxis(found, 1, -1), Linear().forward(np.moveaxis(x, 1, -1), w, b))


@given(st.data(), axes_counts, seeds)
def test_a_convolution_with_a_kernel_as_large_as_the_input_is_a_linear_layer(data, count, seed):
    lengths = data.draw(per_axis(count, 1, 4))
    x, w, b = integers(seed, (2, 3, *lengths)), integers(seed + 1, (4, 3, *lengths)), integers(seed + 2, (4,))
    found = Conv().forward(x, w, b)
    np.testing.assert_array_equal(found.reshape(2, 4), Linear().forward(Flatten().forward(x), w.reshape(4, -1), b))


@given(st.data(), axes_counts, seeds, st.sampled_from([1, 2, 4]))
def test_average_pooling_is_a_depthwise_convolution_with_equal_weights(data, count, seed, kernel):
    # 1, 2 and 4 cells an axis: their reciprocals are exact.
    x = integers(seed, (2, 3, *data.draw(per_axis(count, 4, 6))))
    stride = data.draw(per_axis(count, 1, 3))
    weight = np.full((3, 1, *(kernel,) * count), float(kernel) ** -count)
    pool, conv = AvgPool(kernel, stride), Conv(stride=stride, groups=3)
    found = pool.forward(x)
    np.testing.assert_array_equal(found, conv.forward(x, weight))
    delta = integers(seed + 1, found.shape)
    np.testing.assert_array_equal(pool.backward(delta, x), conv.backward(delta, x, weight)[0])


@given(convolutions(least_batch=1))
def test_transposed_convolution_with_stride_is_a_full_convolution_of_the_spread_input(case: Convolution):
    count = len(case.how.stride)
    spread = np.zeros(
        (*case.input.shape[:2], *(s * (n - 1) + 1 for n, s in zip(spatial(case.input), case.how.stride, strict=True)))
    )
    spread[(..., *(slice(None, None, s) for s in case.how.stride))] = case.input
    weight = np.swapaxes(integers(case.seed, (2, case.input.shape[1], *spatial(case.weight))), 0, 1)
    found = ConvTranspose(stride=case.how.stride).forward(case.input, weight)
    full = Conv(padding="full", flip=True).forward(spread, np.swapaxes(weight, 0, 1))
    assert found.ndim == count + 2
    np.testing.assert_array_equal(found, full)


@pytest.mark.parametrize("kind", [MaxPool, AvgPool, layers.LpPool])
@given(seeds, axes_counts)
def test_a_pool_of_one_cell_changes_nothing(kind, seed, count):
    x = np.abs(integers(seed, (2, 2, *(3,) * count)))
    np.testing.assert_array_equal(kind(1).forward(x), x)
    delta = integers(seed + 1, x.shape)
    np.testing.assert_array_equal(kind(1).backward(delta, x), delta * (x > 0) if kind is layers.LpPool else delta)


@given(seeds, axes_counts, st.integers(1, 3), st.integers(1, 3))
def test_a_max_pool_of_a_max_pool_is_one_with_the_wider_window(seed, count, first, second):
    x = integers(seed, (1, 2, *(6,) * count))
    twice = MaxPool(second, 1).forward(MaxPool(first, 1).forward(x))
    np.testing.assert_array_equal(twice, MaxPool(first + second - 1, 1).forward(x))


def network(seed: int) -> tuple[Sequential, tuple[Array, ...]]:
    """Return the article's network (conv, ReLU, pool, conv, ReLU, pool, flatten, linear, Eq. 9) and its inputs."""
    body = (
        Conv(),
        ReLU(),
        MaxPool(2),
        Conv(padding="same"),
        ReLU(),
        AvgPool(2),
        Flatten(),
        Linear(),
        HalfSquaredError(),
    )
    shapes = [(2, 1, 8, 6), (2, 1, 3, 3), (2,), (2, 2, 2, 2), (2,), (2, 2), (2,), (2, 2)]
    return Sequential(body), tuple(integers(seed + i, shape, low=-4, high=4) for i, shape in enumerate(shapes))


@given(seeds)
def test_the_network_of_the_article_is_the_chain_of_its_references(seed):
    model, inputs = network(seed)
    x, w1, b1, w2, b2, w3, b3, target = inputs
    valid, same = (Sliding((1, 1), ((0, p), (0, p)), (1, 1)) for p in (0, 1))
    halves = Pool((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    x1 = loops.convolution(x, w1, b1, valid)
    windows1 = loops.sliding_windows((6, 4), halves)
    o1 = loops.max_pool(np.maximum(x1, 0), windows1)
    x2 = loops.convolution(o1, w2, b2, same)
    windows2 = loops.sliding_windows((3, 2), halves)
    divisors = loops.window_sizes(windows2, (0, 0), (3, 2))
    o2 = loops.avg_pool(np.maximum(x2, 0), windows2, divisors).reshape(2, 2)
    y = dense.linear(o2, w3, b3)
    assert model.forward(*inputs) == losses.squared_errors(y, target).sum() / 2

    d_o2, d_w3, d_b3 = dense.linear_grads(y - target, o2, w3)
    d_x2 = loops.avg_pool_grad_input(d_o2.reshape(2, 2, 1, 1), x2, windows2, divisors) * (x2 > 0)
    d_o1 = loops.convolution_grad_input(d_x2, o1, w2, same)
    d_x1 = loops.max_pool_grad_input(d_o1, np.maximum(x1, 0), windows1) * (x1 > 0)
    expected = (
        loops.convolution_grad_input(d_x1, x, w1, valid),
        loops.convolution_grad_weight(d_x1, x, w1, valid),
        loops.grad_bias(d_x1),
        loops.convolution_grad_weight(d_x2, o1, w2, same),
        loops.grad_bias(d_x2),
        d_w3,
        d_b3,
        target - y,
    )
    for found, grad in zip(model.backward(np.ones(()), *inputs), expected, strict=True):
        np.testing.assert_array_equal(found, grad)


@given(seeds, st.integers(1, 8))
def test_a_sequence_of_sequences_is_the_sequence(seed, cut):
    model, inputs = network(seed)
    nested = Sequential((Sequential(model.layers[:cut]), Sequential(model.layers[cut:])))
    assert nested.forward(*inputs) == model.forward(*inputs)
    for found, grad in zip(nested.backward(np.ones(()), *inputs), model.backward(np.ones(()), *inputs), strict=True):
        np.testing.assert_array_equal(found, grad)


@given(seeds)
def test_a_sequence_of_one_layer_is_that_layer(seed):
    x, w, b = integers(seed, (2, 3)), integers(seed + 1, (2, 3)), integers(seed + 2, (2,))
    alone = Sequential((Linear(),))
    np.testing.assert_array_equal(alone.forward(x, w, b), Linear().forward(x, w, b))
    delta = integers(seed + 3, (2, 2))
    for found, grad in zip(alone.backward(delta, x, w, b), Linear().backward(delta, x, w, b), strict=True):
        np.testing.assert_array_equal(found, grad)
