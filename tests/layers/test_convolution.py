"""`Conv` and `ConvTranspose`: exact examples, dtypes, layouts, sizes of blocks, memory, and refusals."""

import re
import tracemalloc

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import Conv, ConvTranspose, conv_blocks

X = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
W = np.array([[[[1.0, 0.0], [0.0, -2.0]]]])


def integers(rng, *shape, dtype=np.float64):
    return rng.integers(-4, 5, shape).astype(dtype)


def operands(rng, layer, size, kernel, *, channels=4, filters=6, images=3, dtype=np.float64):
    """Input, weight, bias and a cotangent of small integers, on which every sum is exact."""
    x = integers(rng, images, channels, *size, dtype=dtype)
    if isinstance(layer, ConvTranspose):
        w = integers(rng, channels, filters // layer.groups, *kernel, dtype=dtype)
    else:
        w = integers(rng, filters, channels // layer.groups, *kernel, dtype=dtype)
    b = integers(rng, filters, dtype=dtype)
    return x, w, b, integers(rng, *layer.forward(x, w, b).shape, dtype=dtype)


LAYERS = {
    "1-d": (Conv(padding=2, stride=2), (9,), (4,)),
    "2-d": (Conv(padding=((0, 2), (1, 0)), stride=(1, 2)), (6, 7), (3, 2)),
    "3-d": (Conv(dilation=(1, 2, 1), padding="same"), (3, 5, 4), (2, 2, 3)),
    "grouped": (Conv(groups=2, padding="full", flip=True), (4, 5), (2, 3)),
    "strided 1x1": (Conv(stride=2), (5, 4), (1, 1)),
    "1x1": (Conv(), (5, 4), (1, 1)),
    "padded 1x1": (Conv(padding=1), (5, 4), (1, 1)),
    "transposed 1-d": (ConvTranspose(stride=3, output_padding=2), (4,), (2,)),
    "transposed 2-d": (ConvTranspose(stride=2, padding=1, groups=2, flip=True), (4, 3), (3, 3)),
    "transposed same": (ConvTranspose(stride=2, padding="same"), (4, 3), (3, 1)),
}
every_layer = pytest.mark.parametrize(("layer", "size", "kernel"), LAYERS.values(), ids=LAYERS)


@pytest.fixture
def rng():
    return np.random.default_rng(20160905)


# Exact examples


def test_conv_is_the_cross_correlation_of_equation_1():
    assert np.array_equal(Conv().forward(X, W)[0, 0], [[1 - 2 * 5, 2 - 2 * 6], [4 - 2 * 8, 5 - 2 * 9]])


def test_conv_with_flip_is_the_convolution_of_equation_2():
    assert np.array_equal(Conv(flip=True).forward(X, W)[0, 0], [[5 - 2 * 1, 6 - 2 * 2], [8 - 2 * 4, 9 - 2 * 5]])


def test_full_flipped_conv_is_numpys_convolve():
    x, w = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0])
    output = Conv(padding="full", flip=True).forward(x.reshape(1, 1, 3), w.reshape(1, 1, 2))
    assert np.array_equal(output[0, 0], np.convolve(x, w))


def test_gradients_are_those_of_equations_13_and_20():
    delta = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    grad_input, grad_weight, grad_bias = Conv().backward(delta, X, W, np.zeros(1))
    assert np.array_equal(grad_input[0, 0], [[1, 2, 0], [3, 4 - 2, -4], [0, -6, -8]])
    assert np.array_equal(grad_weight[0, 0], [[37, 47], [67, 77]])
    assert np.array_equal(grad_bias, [10])


def test_inputs_that_no_window_reaches_have_gradient_zero():
    x, w = np.ones((1, 1, 6)), np.ones((1, 1, 2))
    grad_input, _ = Conv(stride=3).backward(np.ones((1, 1, 2)), x, w)
    assert np.array_equal(grad_input[0, 0], [1, 1, 0, 1, 1, 0])


def test_depthwise_conv_keeps_channels_apart():
    x = np.stack([np.ones(4), np.full(4, 10.0)])[np.newaxis]
    w = np.array([[[1.0, 1.0]], [[2.0, 0.0]]])
    assert np.array_equal(Conv(groups=2).forward(x, w)[0], [[2, 2, 2], [20, 20, 20]])


def test_without_bias_backward_returns_two_gradients():
    assert len(Conv().backward(np.ones((1, 1, 2, 2)), X, W)) == 2
    assert len(ConvTranspose().backward(np.ones((1, 1, 4, 4)), X, W)) == 2


def test_transposed_same_gives_stride_times_the_size():
    assert ConvTranspose(stride=3, padding="same").forward(np.ones((1, 1, 4)), np.ones((1, 1, 2))).shape == (1, 1, 12)


def test_transposed_kernel_of_one_cell_minds_its_padding():
    # Its sizes are those of a plain 1 x 1 kernel, since the output padding makes up for the padding.
    layer = ConvTranspose(padding=((1, 0),), dilation=2, output_padding=1)
    output = layer.forward(np.array([[[7.0, 3.0]]]), np.array([[[-1.0]]]), np.array([6.0]))
    np.testing.assert_array_equal(output, [[[3.0, 6.0]]])


@every_layer
def test_backward_is_the_adjoint_in_each_argument_exactly(rng, layer, size, kernel):
    x, w, b, delta = operands(rng, layer, size, kernel)
    for gradient, argument in zip(layer.backward(delta, x, w, b), (x, w, b), strict=True):
        tangent = integers(rng, *argument.shape)
        moved = [tangent if a is argument else a for a in (x, w)]
        change = layer.forward(*moved) if argument is not b else layer.forward(0 * x, w, tangent)
        assert np.sum(delta * change) == np.sum(gradient * tangent)


@pytest.mark.parametrize("remainder", [0, 1])
def test_conv_transpose_is_the_adjoint_of_conv(rng, remainder):
    conv, transposed = Conv(stride=2, padding=1, dilation=2, groups=2), ConvTranspose(2, 1, remainder, 2, groups=2)
    x, w = integers(rng, 2, 4, 7 + remainder, 5 + remainder), integers(rng, 6, 2, 3, 2)
    y = integers(rng, *conv.forward(x, w).shape)
    if transposed.forward(y, w).shape != x.shape:
        x = x[..., : transposed.forward(y, w).shape[2], : transposed.forward(y, w).shape[3]]
    assert np.sum(y * conv.forward(x, w)) == np.sum(transposed.forward(y, w) * x)


# What every array is promised


@every_layer
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_outputs_and_gradients_have_the_dtype_of_their_arguments(rng, layer, size, kernel, dtype):
    x, w, b, delta = operands(rng, layer, size, kernel, dtype=dtype)
    exact = [a.astype(np.float64) for a in (x, w, b)]
    assert layer.forward(x, w, b).dtype == dtype
    assert np.array_equal(layer.forward(x, w, b), layer.forward(*exact).astype(dtype))
    for gradient, wide in zip(layer.backward(delta, x, w, b), layer.backward(delta.astype(float), *exact), strict=True):
        assert gradient.dtype == dtype
        assert np.array_equal(gradient, wide.astype(dtype))


def test_float16_is_summed_in_float32_and_rounded_once():
    x, w = np.ones((1, 1, 4096), np.float16), np.ones((1, 1, 4096), np.float16)
    x[..., 0] = 2048
    assert Conv().forward(x, w).item() == np.float16(2048 + 4095)


def test_mixed_dtypes_are_promoted_and_gradients_keep_their_arguments():
    x, w, b = X.astype(np.float32), W, np.zeros(1, np.float16)
    assert Conv().forward(x, w, b).dtype == np.float64
    gradients = Conv().backward(np.ones((1, 1, 2, 2)), x, w, b)
    assert [g.dtype for g in gradients] == [np.float32, np.float64, np.float16]


@every_layer
def test_a_complex_step_in_one_argument_gives_its_directional_derivative(rng, layer, size, kernel):
    x, w, b, _ = operands(rng, layer, size, kernel)
    tangent = integers(rng, *w.shape)
    stepped = layer.forward(x, w + 1j * tangent, b)
    assert np.array_equal(stepped.real, layer.forward(x, w, b))
    assert np.array_equal(stepped.imag, layer.forward(x, tangent))


@every_layer
def test_any_strides_give_the_same_and_nothing_is_written(rng, layer, size, kernel):
    x, w, b, delta = operands(rng, layer, size, kernel)
    expected = layer.forward(x, w, b), *layer.backward(delta, x, w, b)
    for change in (
        np.asfortranarray,
        lambda a: np.flip(np.flip(a).copy()),
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    ):
        given = [change(a) for a in (delta, x, w, b)]
        kept = [a.copy() for a in given]
        for a in given:
            a.flags.writeable = False
        found = layer.forward(*given[1:]), *layer.backward(*given)
        assert all(np.array_equal(a, e) for a, e in zip(found, expected, strict=True))
        assert all(np.array_equal(a, e) for a, e in zip(given, kept, strict=True))


@every_layer
def test_results_share_no_memory_with_arguments_or_each_other(rng, layer, size, kernel):
    x, w, b, delta = operands(rng, layer, size, kernel)
    arrays = [delta, x, w, b, layer.forward(x, w, b), *layer.backward(delta, x, w, b)]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, other) for other in arrays[:i])


@every_layer
def test_an_empty_batch_gives_an_empty_output_and_zero_gradients(rng, layer, size, kernel):
    x, w, b, delta = (a[:0] if i in (0, 3) else a for i, a in enumerate(operands(rng, layer, size, kernel)))
    assert layer.forward(x, w, b).shape == delta.shape
    grad_input, grad_weight, grad_bias = layer.backward(delta, x, w, b)
    assert grad_input.shape == x.shape
    assert not grad_weight.any()
    assert not grad_bias.any()


def test_an_input_of_nothing_but_padding_gives_the_bias():
    x, w, b = np.ones((1, 1, 0)), np.ones((2, 1, 2)), np.array([3.0, 4.0])
    assert np.array_equal(Conv(padding=1).forward(x, w, b)[0], [[3], [4]])
    assert not Conv(padding=1).backward(np.ones((1, 2, 1)), x, w)[1].any()


def test_a_nan_reaches_only_the_windows_that_see_it():
    x = np.zeros((2, 1, 5))
    x[0, 0, 0] = np.nan
    assert np.array_equal(np.isnan(Conv(padding=1).forward(x, np.ones((1, 1, 3)))).nonzero()[2], [0, 1])


# Blocks


@every_layer
@pytest.mark.parametrize(("block_bytes", "merged_positions"), [(1, 1), (700, 5), (5000, 40)])
def test_the_size_of_blocks_changes_no_sum(rng, monkeypatch, layer, size, kernel, block_bytes, merged_positions):
    x, w, b, delta = operands(rng, layer, size, kernel, images=5)
    expected = layer.forward(x, w, b), *layer.backward(delta, x, w, b)
    monkeypatch.setattr(conv_blocks, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(conv_blocks, "MERGED_POSITIONS", merged_positions)
    monkeypatch.setattr(conv_blocks, "MERGED_BYTES", 0)
    found = layer.forward(x, w, b), *layer.backward(delta, x, w, b)
    assert all(np.array_equal(a, e) for a, e in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("shape", "filters", "kernel"),
    [((8, 6, 14, 14), 16, 5), ((1, 64, 56, 56), 64, 3), ((4, 512, 7, 7), 512, 3), ((2, 3, 96, 96), 8, 7)],
    ids=str,
)
def test_peak_memory_is_at_most_three_times_inputs_outputs_and_gradients(shape, filters, kernel):
    layer = Conv(padding=kernel // 2)
    x, w, b = np.ones(shape), np.ones((filters, shape[1], kernel, kernel)), np.ones(filters)
    delta = layer.forward(x, w, b)
    layer.backward(delta, x, w, b)
    tracemalloc.start()
    results = (layer.forward(x, w, b), *layer.backward(delta, x, w, b))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    given = sum(a.nbytes for a in (x, w, b, delta))
    assert given + peak <= 3 * (given + sum(a.nbytes for a in results))


# Refusals


@pytest.mark.parametrize(
    ("layer", "arguments", "sentence"),
    [
        (Conv(), (X.astype(int), W), "`input` must be a floating array; its dtype is int64"),
        (
            Conv(),
            (X[0, 0], W),
            "`input` must have the shape (N, C, *spatial) with 1, 2 or 3 spatial axes; its shape is (3, 3)",
        ),
        (Conv(), (X, W[0]), "`weight` must have the shape (K, C/groups, *kernel) with 2 kernel axes"),
        (Conv(), (X, W[..., :0]), "its shape is (1, 1, 2, 0)"),
        (
            Conv(groups=2),
            (X, W),
            "`groups` must divide the first axis of `weight`, (K, C/groups, *kernel); groups is 2",
        ),
        (Conv(), (np.ones((1, 2, 3, 3)), W), "`input` must have 1 channels for a `weight` of shape (1, 1, 2, 2)"),
        (Conv(), (X, W, np.ones((1, 1))), "`bias` must have the shape (1,), one entry a filter; its shape is (1, 1)"),
        (Conv(), (X, np.ones((1, 1, 4, 4))), "the kernel must fit into the padded input"),
        (
            ConvTranspose(),
            (X, np.ones((2, 1, 2, 2))),
            "`input` must have 2 channels for a `weight` of shape (2, 1, 2, 2), (C, K/groups",
        ),
        (ConvTranspose(groups=2), (X, W), "`groups` must divide the first axis of `weight`, (C, K/groups, *kernel)"),
        (ConvTranspose(), (X, W, np.ones(2)), "`bias` must have the shape (1,)"),
        (ConvTranspose(), (X[..., :0], W), "`input` must have no empty spatial axis; its shape is (1, 1, 3, 0)"),
        (ConvTranspose(padding=2), (X, W), "`padding` must leave at least one output entry an axis; 2 leaves (0, 0)"),
        (ConvTranspose(output_padding=1), (X, W), "`output_padding` must be smaller than stride or dilation"),
        (ConvTranspose(2, "same", 1), (X, W), "`output_padding` must be 0 with padding='same'"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_a_refusal_says_what_must_hold_and_what_came(layer, arguments, sentence):
    with pytest.raises(InvalidInput, match=re.escape(sentence)):
        layer.forward(*arguments)


@pytest.mark.parametrize("layer", [Conv(), ConvTranspose()], ids=["conv", "transposed"])
def test_a_cotangent_of_another_shape_is_refused(layer):
    with pytest.raises(InvalidInput, match=re.escape("`grad_output` must have the shape of the output")):
        layer.backward(np.ones((1, 1, 1, 1)), X, W)


@pytest.mark.parametrize("kind", [Conv, ConvTranspose])
@pytest.mark.parametrize(
    "options", [{"stride": 0}, {"dilation": -1}, {"padding": "half"}, {"groups": 0}, {"groups": (1,)}], ids=str
)
def test_hyperparameters_are_refused_when_the_layer_is_made(kind, options):
    with pytest.raises(InvalidInput, match=f"`{next(iter(options))}` must"):
        kind(**options)
