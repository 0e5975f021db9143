"""What every activation promises: dtype, shape, any memory layout, purity, the whole range, kinks, complex steps."""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from gradcheck import layers, strategies
from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import BLOCK

ENTRYWISE = [
    layers.ReLU(),
    layers.LeakyReLU(0.125),
    layers.ReLU6(),
    layers.Threshold(0.5, -1.0),
    layers.ELU(1.5),
    layers.SELU(),
    layers.CELU(0.5),
    layers.HardTanh(-2.0, 1.0),
    layers.HardSigmoid(),
    layers.HardSwish(),
    layers.HardShrink(),
    layers.SoftShrink(),
    layers.Sigmoid(),
    layers.LogSigmoid(),
    layers.Tanh(),
    layers.Softplus(2.0),
    layers.Softplus(1.0, threshold=20.0),
    layers.Softsign(),
    layers.SiLU(),
    layers.Mish(),
    layers.TanhShrink(),
    layers.GELU(),
    layers.GELU("tanh"),
]
ALONG_AN_AXIS = [layers.Softmax(), layers.Softmax(0), layers.LogSoftmax(), layers.LogSoftmax(0)]
every_layer = pytest.mark.parametrize("layer", ENTRYWISE + ALONG_AN_AXIS, ids=repr)
entrywise = pytest.mark.parametrize("layer", ENTRYWISE, ids=repr)
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])


def draw(shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return (3 * rng.standard_normal(shape)).astype(dtype), rng.standard_normal(shape).astype(dtype)


@every_layer
@every_dtype
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (3, 1, 2, 1)], ids=str)
def test_shape_and_dtype_are_those_of_the_input(layer, dtype, shape):
    x, delta = draw(shape, dtype)
    for found in (layer.forward(x), layer.backward(delta, x)):
        assert isinstance(found, np.ndarray)
        assert (found.shape, found.dtype) == (shape, dtype)


@every_layer
@pytest.mark.parametrize("name", strategies.LAYOUTS)
def test_the_memory_layout_changes_nothing(layer, name):
    x, delta = draw((3, 4, 2))
    laid_out = strategies.LAYOUTS[name]
    np.testing.assert_array_equal(layer.forward(laid_out(x)), layer.forward(x))
    np.testing.assert_array_equal(layer.backward(laid_out(delta), laid_out(x)), layer.backward(delta, x))


@every_layer
def test_broadcast_arrays_are_accepted(layer):
    x, delta = np.broadcast_to(draw((1, 4))[0], (3, 4)), np.broadcast_to(2.0, (3, 4))
    np.testing.assert_array_equal(layer.forward(x), layer.forward(x.copy()))
    np.testing.assert_array_equal(layer.backward(delta, x), layer.backward(delta.copy(), x.copy()))


@every_layer
@every_dtype
def test_inputs_are_neither_changed_nor_returned(layer, dtype):
    x, delta = draw((3, 4), dtype)
    kept = x.copy(), delta.copy()
    for found in (layer.forward(x), layer.backward(delta, x)):
        assert not np.shares_memory(found, x)
        assert not np.shares_memory(found, delta)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(delta, kept[1])


@entrywise
def test_arrays_longer_than_a_block_come_out_as_in_pieces(layer):
    x, delta = draw(2 * BLOCK + 7)
    pieces = [slice(0, 100), slice(100, BLOCK + 1), slice(BLOCK + 1, None)]
    np.testing.assert_array_equal(layer.forward(x), np.concatenate([layer.forward(x[p]) for p in pieces]))
    gradients = [layer.backward(delta[p], x[p]) for p in pieces]
    np.testing.assert_array_equal(layer.backward(delta, x), np.concatenate(gradients))


@entrywise
@every_dtype
@pytest.mark.parametrize("floating_errors", ["warn", "raise"])
def test_the_whole_range_gives_finite_slopes_without_a_warning(layer, dtype, floating_errors):
    ends = np.finfo(dtype)
    sizes = [0.0, ends.smallest_subnormal, ends.tiny, 1.0, 88.0, 104.0, 709.0, 745.0, 1e4, ends.max / 2, ends.max]
    x = np.array([sign * size for size in sizes for sign in (1, -1)], dtype)
    with np.errstate(over=floating_errors, invalid=floating_errors, divide=floating_errors):
        value, slope = layer.forward(x), layer.backward(np.ones_like(x), x)
    assert np.isfinite(slope).all()
    assert np.isfinite(value[:-2]).all()
    assert not np.isnan(value).any()


@entrywise
def test_infinity_has_the_limit_and_nan_stays_nan(layer):
    x = np.array([-np.inf, np.inf])
    far = np.array([-1e300, 1e300])
    limit, near = layer.forward(x), layer.forward(far)
    np.testing.assert_array_equal(np.where(np.isinf(limit), np.sign(limit), limit), np.clip(near, *bounds(near)))
    np.testing.assert_array_equal(layer.backward(np.ones(2), x), layer.backward(np.ones(2), far))
    assert np.isnan(layer.forward(np.array([np.nan]))).all()


def bounds(near):
    """Return bounds that map a value as large as its argument to its sign and leave any other as it is."""
    return (np.where(np.abs(near) > 1e290, -1, -np.inf), np.where(np.abs(near) > 1e290, 1, np.inf))


def ulps_of_the_complex_formula(layer, x):
    """Return 16, twice the 8 that value and slope keep, and more where complex arithmetic itself is less exact."""
    if isinstance(layer, layers.Softsign):
        return 16 * (1 + np.abs(x))  # the imaginary part of x / (1 + x) cancels
    if layer == layers.GELU():
        return 128  # SciPy's complex erfcx promises 1e-13 for each part
    return 16


@entrywise
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_complex_step_measures_the_slope_to_few_ulps(layer, dtype):
    x = np.concatenate([draw(200, dtype)[0], np.array([-80.25, -40.5, -20.125, 20.5, 40.25], dtype)])
    step = dtype(2.0**-60)
    stepped = layer.forward(x + 1j * step)
    assert stepped.dtype == np.result_type(dtype, np.complex64)
    value, slope = layer.forward(x), layer.backward(np.ones_like(x), x)
    bound = ulps_of_the_complex_formula(layer, x) * np.finfo(dtype).eps
    tiny = np.finfo(dtype).tiny
    np.testing.assert_array_less(np.abs(stepped.real - value), bound * np.abs(value) + tiny)
    passes_zero = bound * (np.abs(x + 1) < 1)
    np.testing.assert_array_less(np.abs(stepped.imag / step - slope), bound * np.abs(slope) + passes_zero + tiny / step)


@every_layer
def test_a_complex_grad_output_flows_through(layer):
    x, delta = draw((3, 4))
    found = layer.backward(delta + 2j * delta, x)
    np.testing.assert_allclose(found, (1 + 2j) * layer.backward(delta, x), rtol=1e-14, atol=1e-15)


# layer, point, slope there: the conventions at kinks and jumps
KINKS = [
    (layers.ReLU(), 0.0, 0.0),
    (layers.LeakyReLU(0.25), 0.0, 0.25),
    (layers.ReLU6(), 0.0, 0.0),
    (layers.ReLU6(), 6.0, 0.0),
    (layers.Threshold(2.0, 5.0), 2.0, 0.0),
    (layers.ELU(3.0), 0.0, 3.0),
    (layers.SELU(), 0.0, 1.0507009873554805 * 1.6732632423543772),
    (layers.CELU(3.0), 0.0, 1.0),
    (layers.HardTanh(), -1.0, 0.0),
    (layers.HardTanh(), 1.0, 0.0),
    (layers.HardSigmoid(), -3.0, 0.0),
    (layers.HardSigmoid(), 3.0, 0.0),
    (layers.HardSwish(), -3.0, 0.0),
    (layers.HardSwish(), 3.0, 1.0),
    (layers.HardShrink(0.5), -0.5, 0.0),
    (layers.HardShrink(0.5), 0.5, 0.0),
    (layers.SoftShrink(0.5), -0.5, 0.0),
    (layers.SoftShrink(0.5), 0.5, 0.0),
    (layers.Softplus(1.0, threshold=0.0), 0.0, 0.5),
]


@pytest.mark.parametrize(("layer", "x", "slope"), KINKS, ids=[f"{layer} at {x}" for layer, x, _ in KINKS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slope_at_a_kink_is_the_documented_one(layer, x, slope, dtype):
    np.testing.assert_array_equal(layer.backward(np.ones(1, dtype), np.array([x], dtype)), np.array([slope], dtype))


# layer, x, f(x), f'(x): pieces that are exact
EXACT = [
    (layers.ReLU(), -2.0, 0.0, 0.0),
    (layers.LeakyReLU(0.1), -2.0, -0.2, 0.1),
    (layers.LeakyReLU(0.1), 0.7, 0.7, 1.0),
    (layers.ReLU6(), 7.0, 6.0, 0.0),
    (layers.Threshold(0.5, 0.3), 0.25, 0.3, 0.0),
    (layers.Threshold(0.5, 0.3), 0.7, 0.7, 1.0),
    (layers.ELU(0.3), 0.7, 0.7, 1.0),
    (layers.HardTanh(-0.7, 0.3), 0.9, 0.3, 0.0),
    (layers.HardSigmoid(), 1.5, 0.75, 1 / 6),
    (layers.HardSwish(), 1.5, 1.125, 1.0),
    (layers.HardSwish(), -1.5, -0.375, 0.0),
    (layers.HardShrink(0.3), -0.7, -0.7, 1.0),
    (layers.SoftShrink(0.25), -0.75, -0.5, 1.0),
    (layers.Softplus(1.0, threshold=20.0), 20.5, 20.5, 1.0),
    (layers.Softsign(), -3.0, -0.75, 0.0625),
]


@pytest.mark.parametrize(("layer", "x", "value", "slope"), EXACT, ids=[f"{row[0]} at {row[1]}" for row in EXACT])
def test_straight_pieces_are_exact(layer, x, value, slope):
    x = np.array([x])
    np.testing.assert_array_equal(layer.forward(x), [value])
    np.testing.assert_array_equal(layer.backward(np.ones(1), x), [slope])


def test_a_result_beyond_the_dtype_is_infinite_without_a_warning():
    assert layers.SELU().forward(np.array([65504.0], np.float16)).tolist() == [np.inf]
    assert layers.LeakyReLU(2.0).forward(np.array([-1e308])).tolist() == [-np.inf]


@every_layer
def test_layers_are_frozen(layer):
    field = next((f.name for f in fields(layer)), "anything")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field"):
        setattr(layer, field, 1)


MISUSE = [
    (lambda: layers.LeakyReLU("a"), r"`negative_slope` must be a finite number; it is 'a'. Pass e.g. negative_slope="),
    (lambda: layers.LeakyReLU(np.nan), r"`negative_slope` must be a finite number; it is nan"),
    (lambda: layers.Threshold(np.inf), r"`threshold` must be a finite number; it is inf"),
    (lambda: layers.Threshold(0.0, True), r"`value` must be a finite number; it is True"),
    (lambda: layers.ELU(None), r"`alpha` must be a finite number; it is None"),
    (lambda: layers.CELU(0.0), r"`alpha` must be a finite number above 0; it is 0.0"),
    (lambda: layers.Softplus(-1.0), r"`beta` must be a finite number above 0; it is -1.0"),
    (lambda: layers.Softplus(1.0, -2.0), r"`threshold` must be 0 or above; it is -2.0. Pass e.g. threshold=20"),
    (lambda: layers.HardTanh(1.0, 1.0), r"`min_val` must be below `max_val`; they are 1.0 and 1.0. Exchange them"),
    (lambda: layers.HardShrink(-1.0), r"`lambd` must be 0 or above; it is -1.0. Pass e.g. lambd=0.5"),
    (lambda: layers.GELU("erf"), r"`approximate` must be 'none' or 'tanh'; it is 'erf'. Pass 'none'"),
    (
        lambda: layers.Softmax(2).forward(np.ones((2, 3))),
        r"`axis` must name an axis of `input`, from -2 to 1 .* is 2",
    ),
    (lambda: layers.LogSoftmax(1).forward(np.ones(())), r"`axis` must name an axis of `input`, from -1 to 0"),
]


@pytest.mark.parametrize(("misuse", "words"), MISUSE, ids=[words[:40] for _, words in MISUSE])
def test_misuse_is_refused_in_words(misuse, words):
    with pytest.raises(InvalidInput, match=words):
        misuse()


@every_layer
def test_integers_and_wrong_shapes_are_refused(layer):
    with pytest.raises(InvalidInput, match=r"`input` must be a floating array; its dtype is int"):
        layer.forward(np.arange(3))
    with pytest.raises(InvalidInput, match=r"`grad_output` must have the shape of the output, \(3,\)"):
        layer.backward(np.ones(1), np.ones(3))
