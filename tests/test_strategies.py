"""The public strategies draw what they say, and all that they say."""

import math

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from gradcheck import layers, strategies
from gradcheck.errors import InvalidInput

some = settings(max_examples=30, deadline=None)


def assert_reached(strategy, claim):
    find(
        strategy, claim, settings=settings(max_examples=5000, phases=[Phase.generate], derandomize=True, database=None)
    )


@pytest.mark.parametrize(
    "claim",
    [
        lambda shape: shape == (),
        lambda shape: 0 in shape,
        lambda shape: 1 in shape and len(shape) == 3,
        lambda shape: len(shape) == 2 and shape[0] > shape[1] > 1,
    ],
    ids=["0-d", "empty", "size-1", "non-square"],
)
def test_shapes_reach(claim):
    assert_reached(strategies.shapes(), claim)


@some
@given(strategies.shapes(min_dims=2, max_dims=3, min_side=1, max_side=2))
def test_shapes_keep_their_bounds(shape):
    assert 2 <= len(shape) <= 3
    assert all(1 <= side <= 2 for side in shape)


@some
@given(strategies.images(min_batch=1))
def test_images_have_batch_channels_and_one_to_three_axes(shape):
    assert 3 <= len(shape) <= 5
    assert min(shape) >= 1


@some
@given(strategies.convolutions())
def test_convolutions_are_accepted_by_the_layer(case):
    x, w, b = (np.zeros(shape) for shape in (case.input_shape, case.weight_shape, case.bias_shape))
    output = layers.Conv(**case.options).forward(x, w, b)
    assert output.shape[:2] == (case.input_shape[0], case.weight_shape[0])
    assert all(side >= 1 for side in output.shape[2:])


@pytest.mark.parametrize("padding", ["valid", "same", "full", 2, (1, 2), ((0, 1), (2, 0))], ids=str)
def test_convolutions_reach_every_form_of_padding(padding):
    assert_reached(strategies.convolutions(spatial_dims=2), lambda case: case.options["padding"] == padding)


@pytest.mark.parametrize(
    "claim",
    [
        lambda case: case.input_shape[0] == 0,
        lambda case: case.input_shape[2:] == case.weight_shape[2:] == (3, 2) and case.options["padding"] == 0,
        lambda case: case.options["groups"] == case.input_shape[1] == 3,
        lambda case: case.options["flip"] and case.options["dilation"] == (1, 2),
        lambda case: case.options["stride"] == (1, 2) and case.input_shape[1] != case.weight_shape[0],
    ],
    ids=["empty batch", "kernel as large as the input", "depthwise", "flipped and dilated", "channels unlike filters"],
)
def test_convolutions_reach(claim):
    assert_reached(strategies.convolutions(spatial_dims=2), claim)


@some
@given(strategies.transposed_convolutions())
def test_transposed_convolutions_are_accepted_by_the_layer(case):
    x, w, b = (np.zeros(shape) for shape in (case.input_shape, case.weight_shape, case.bias_shape))
    output = layers.ConvTranspose(**case.options).forward(x, w, b)
    assert output.shape[:2] == (case.input_shape[0], case.bias_shape[0])
    assert all(side >= 1 for side in output.shape[2:])


@some
@given(strategies.poolings(dilated=True))
def test_poolings_are_accepted_and_no_window_is_all_padding(case):
    x = np.zeros(case.input_shape)
    assert np.isfinite(layers.MaxPool(**case.options).forward(x)).all()


@some
@given(strategies.poolings())
def test_undilated_poolings_suit_average_pools(case):
    assert "dilation" not in case.options
    layers.AvgPool(**case.options).forward(np.zeros(case.input_shape))


@pytest.mark.parametrize("relation", ["below", "at", "above"])
def test_poolings_reach_strides_below_at_and_above_the_kernel(relation):
    holds = {"below": lambda s, k: s < k, "at": lambda s, k: s == k, "above": lambda s, k: s > k}[relation]
    assert_reached(
        strategies.poolings(spatial_dims=1), lambda c: holds(c.options["stride"][0], c.options["kernel_size"][0])
    )


def test_drawn_hyperparameters_cannot_be_changed():
    case = find(strategies.poolings(), lambda case: True)
    with pytest.raises(TypeError, match="does not support item assignment"):
        case.options["stride"] = 1


@pytest.mark.parametrize("values", ["integers", "normals", "special"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_have_the_dtype_and_shape(dtype, values):
    @some
    @given(st.data())
    def holds(data):
        x = data.draw(strategies.arrays(strategies.shapes(max_dims=3), dtype=dtype, values=values))
        assert x.dtype == dtype
        assert x.ndim <= 3
        assert np.isfinite(x).all()

    holds()


@some
@given(strategies.arrays((3, 2), values="integers"))
def test_integer_arrays_hold_small_integers(x):
    np.testing.assert_array_equal(x, np.rint(x))
    assert np.abs(x).max() <= 9


@pytest.mark.parametrize(
    "claim",
    [
        lambda x: len(set(x.tolist())) < x.size,
        lambda x: 0.0 in x and np.signbit(x[x == 0]).any(),
        lambda x: (np.abs(x) > 1e300).any(),
        lambda x: ((x != 0) & (np.abs(x) < np.finfo(float).tiny)).any(),
    ],
    ids=["ties", "negative zero", "huge", "subnormal"],
)
def test_special_arrays_reach(claim):
    assert_reached(strategies.arrays((4,), values="special"), claim)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_special_values_are_representable_and_of_both_signs(dtype):
    values = strategies.special_values(dtype)
    assert all(float(dtype(value)) == value for value in values)
    assert sorted(values) == sorted(-value for value in values)
    assert math.copysign(1, values[1]) == -1


def test_arrays_refuses_an_integer_dtype():
    with pytest.raises(InvalidInput, match=r"`dtype` must be a floating one; it is int32. Pass e.g. np.float64."):
        strategies.arrays((2,), dtype=np.int32)


def test_arrays_refuses_an_unknown_kind_of_values():
    with pytest.raises(InvalidInput, match=r"`values` must be 'integers', 'normals' or 'special'; it is 'primes'"):
        strategies.arrays((2,), values="primes")


@pytest.mark.parametrize("name", strategies.LAYOUTS)
@some
@given(strategies.arrays(strategies.shapes(max_dims=3), values="special"))
def test_a_layout_keeps_every_value(name, x):
    np.testing.assert_array_equal(strategies.LAYOUTS[name](x), x)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("fortran", lambda x: x.flags.f_contiguous and not x.flags.c_contiguous),
        ("strided", lambda x: x.strides == (96, 16)),
        ("negative", lambda x: x.strides == (-24, -8)),
        ("unaligned", lambda x: not x.flags.aligned),
        ("read-only", lambda x: not x.flags.writeable),
    ],
)
def test_a_layout_is_what_its_name_says(name, holds):
    assert holds(strategies.LAYOUTS[name](np.arange(6.0).reshape(2, 3)))


def test_layouts_of_an_array_never_changes_the_array_itself():
    x = np.arange(6.0).reshape(2, 3)

    @some
    @given(strategies.layouts(x))
    def draws(laid_out):
        assert laid_out.shape == x.shape

    draws()
    assert x.flags.writeable
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(2, 3))


@some
@given(strategies.layouts(strategies.arrays((2, 3)), broadcast=False))
def test_layouts_without_broadcast_have_no_zero_stride(x):
    assert 0 not in x.strides
