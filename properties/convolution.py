"""Conv is what its definition says, forward and every gradient, exactly, by both references."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.layers import Conv
from properties.drawing import Convolution, axes_counts, convolutions, integers, per_axis, seeds
from reference import loops, signal
from reference.geometry import Sliding

both = pytest.mark.parametrize("reference", [loops, signal], ids=["loops", "signal"])


@both
@given(convolutions())
def test_forward_equals_the_reference_exactly(reference: ModuleType, case: Convolution):
    found = Conv(**case.options).forward(case.input, case.weight, case.bias)
    np.testing.assert_array_equal(found, reference.convolution(case.input, case.weight, case.bias, case.how))


@both
@given(convolutions())
def test_every_gradient_equals_the_reference_exactly(reference: ModuleType, case: Convolution):
    layer = Conv(**case.options)
    delta = case.cotangent(layer.forward(case.input, case.weight, case.bias))
    grad_input, grad_weight, grad_bias = layer.backward(delta, case.input, case.weight, case.bias)
    np.testing.assert_array_equal(
        grad_input, reference.convolution_grad_input(delta, case.input, case.weight, case.how)
    )
    np.testing.assert_array_equal(
        grad_weight, reference.convolution_grad_weight(delta, case.input, case.weight, case.how)
    )
    np.testing.assert_array_equal(grad_bias, reference.grad_bias(delta))


@given(convolutions())
def test_without_a_bias_nothing_else_changes(case: Convolution):
    layer = Conv(**case.options)
    bare = layer.forward(case.input, case.weight)
    np.testing.assert_array_equal(bare, layer.forward(case.input, case.weight, np.zeros_like(case.bias)))
    delta = case.cotangent(bare)
    with_bias = layer.backward(delta, case.input, case.weight, case.bias)
    without = layer.backward(delta, case.input, case.weight)
    assert len(without) == 2
    for found, expected in zip(without, with_bias, strict=False):
        np.testing.assert_array_equal(found, expected)


@given(st.data(), axes_counts, seeds)
def test_depthwise_is_one_convolution_a_channel(data, count, seed):
    channels, maps = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2))
    x = integers(seed, (2, channels, *data.draw(per_axis(count, 3, 5))))
    w = integers(seed + 1, (channels * maps, 1, *data.draw(per_axis(count, 1, 3))))
    found = Conv(groups=channels).forward(x, w)
    for c in range(channels):
        own = slice(c * maps, (c + 1) * maps)
        np.testing.assert_array_equal(found[:, own], Conv().forward(x[:, c : c + 1], w[own]))


def padding_of_word(word: str, length: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Find the padding that a word means: for "same" by trying, until there are ceil(length / stride) outputs."""
    if word in ("valid", "full"):
        side = dilation * (kernel - 1) if word == "full" else 0
        return side, side
    total = 0
    while loops.output_lengths((length,), (kernel,), Sliding((stride,), ((0, total),), (dilation,)))[0] < -(
        -length // stride
    ):
        total += 1
    return total // 2, total - total // 2


@given(st.data(), axes_counts, seeds, st.sampled_from(["valid", "same", "full"]))
def test_padding_words_mean_the_padding_that_they_name(data, count, seed, word):
    kernel, stride, dilation = (data.draw(per_axis(count, 1, high)) for high in (3, 3, 2))
    lengths = tuple(
        d * (k - 1) + 1 + more for k, d, more in zip(kernel, dilation, data.draw(per_axis(count, 0, 3)), strict=True)
    )
    axes = zip(lengths, kernel, stride, dilation, strict=True)
    pairs = tuple(padding_of_word(word, *axis) for axis in axes)
    x, w = integers(seed, (1, 2, *lengths)), integers(seed + 1, (2, 2, *kernel))
    named, spelled = (Conv(stride=stride, padding=p, dilation=dilation) for p in (word, pairs))
    found = named.forward(x, w)
    np.testing.assert_array_equal(found, spelled.forward(x, w))
    if word == "same":
        assert found.shape[2:] == tuple(-(-n // s) for n, s in zip(lengths, stride, strict=True))
    for left, right in zip(named.backward(found, x, w), spelled.backward(found, x, w), strict=True):
        np.testing.assert_array_equal(left, right)


@given(convolutions())
def test_single_numbers_mean_the_same_on_every_axis(case: Convolution):
    count = case.input.ndim - 2
    stride, dilation, padding = case.how.stride[0], case.how.dilation[0], case.how.padding[0][0]
    x = np.pad(case.input, ((0, 0), (0, 0), *((0, 6),) * count))
    short = Conv(stride=stride, padding=padding, dilation=dilation, groups=case.how.groups)
    long = Conv(
        stride=(stride,) * count,
        padding=((padding, padding),) * count,
        dilation=(dilation,) * count,
        groups=case.how.groups,
    )
    np.testing.assert_array_equal(short.forward(x, case.weight), long.forward(x, case.weight))


@settings(max_examples=10)
@given(st.data(), st.integers(1, 2), seeds)
def test_large_images_and_batches_equal_the_reference_exactly(data, count, seed):
    # Large enough that a fast layer works in parts: bands of rows, some images at a time.
    groups, batch = data.draw(st.integers(1, 2)), data.draw(st.integers(3, 9))
    how = Sliding(
        data.draw(per_axis(count, 1, 2)),
        ((1, 2),) * count,
        data.draw(per_axis(count, 1, 2)),
        groups,
        data.draw(st.booleans()),
    )
    x = integers(seed, (batch, 3 * groups, *data.draw(per_axis(count, 9, 33))))
    w = integers(seed + 1, (2 * groups, 3, *data.draw(per_axis(count, 2, 4))))
    layer = Conv(how.stride, how.padding, how.dilation, groups, flip=how.flip)
    output = layer.forward(x, w)
    np.testing.assert_array_equal(output, signal.convolution(x, w, None, how))
    delta = integers(seed + 2, output.shape)
    grad_input, grad_weight = layer.backward(delta, x, w)
    np.testing.assert_array_equal(grad_input, signal.convolution_grad_input(delta, x, w, how))
    np.testing.assert_array_equal(grad_weight, signal.convolution_grad_weight(delta, x, w, how))
