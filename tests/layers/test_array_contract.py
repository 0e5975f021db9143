"""What pools, linear layers, losses, normalisations and Sequential promise of every array they take or return."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    BatchNorm,
    BinaryCrossEntropyWithLogits,
    Flatten,
    GlobalAvgPool,
    GlobalLpPool,
    GlobalMaxPool,
    HalfSquaredError,
    LayerNorm,
    Linear,
    LpPool,
    MaxPool,
    MeanSquaredError,
    Sequential,
    SoftmaxCrossEntropy,
)

IMAGE, WEIGHTS = (2, 3, 5, 4), (3,)
LABELS = "labels"
# layer, and the shapes of its inputs
CASES = {
    "max pool": (MaxPool(2, 1, padding=1), [IMAGE]),
    "max pool, last": (MaxPool((2, 3), 2, ceil_mode=True, ties="last"), [IMAGE]),
    "max pool, split": (MaxPool(2, dilation=2, ties="split"), [IMAGE]),
    "max pool, 1-d": (MaxPool(3, 2), [(2, 3, 7)]),
    "max pool, 3-d": (MaxPool(2, 1), [(1, 2, 3, 2, 3)]),
    "average pool": (AvgPool(3, 2, padding=1, ceil_mode=True), [IMAGE]),
    "average pool, padding not counted": (AvgPool(2, 1, padding=1, count_include_pad=False), [IMAGE]),
    "average pool, own divisor": (AvgPool(2, divisor_override=3), [IMAGE]),
    "average pool, 3-d": (AvgPool(2, 1), [(1, 2, 3, 2, 3)]),
    "L1 pool": (LpPool(2, p=1), [IMAGE]),
    "L2 pool": (LpPool(2, 1, padding=1), [IMAGE]),
    "L3.5 pool": (LpPool(3, 2, p=3.5), [IMAGE]),
    "L100 pool": (LpPool(2, p=100), [IMAGE]),
    "adaptive max pool": (AdaptiveMaxPool((3, 2)), [IMAGE]),
    "adaptive max pool, upwards": (AdaptiveMaxPool((7, 5), ties="split"), [IMAGE]),
    "adaptive max pool, even": (AdaptiveMaxPool(2), [(2, 3, 4, 4)]),
    "adaptive average pool": (AdaptiveAvgPool((3, 7)), [IMAGE]),
    "adaptive average pool, even": (AdaptiveAvgPool(2), [(2, 3, 4, 4)]),
    "global max pool": (GlobalMaxPool(), [IMAGE]),
    "global max pool, last": (GlobalMaxPool(ties="last"), [IMAGE]),
    "global max pool, split": (GlobalMaxPool(ties="split"), [IMAGE]),
    "global average pool": (GlobalAvgPool(), [IMAGE]),
    "global L3 pool": (GlobalLpPool(p=3), [IMAGE]),
    "linear": (Linear(), [(2, 3, 4), (5, 4), (5,)]),
    "linear without bias": (Linear(), [(2, 4), (5, 4)]),
    "flatten": (Flatten(), [IMAGE]),
    "batch norm": (BatchNorm(), [IMAGE, WEIGHTS, WEIGHTS]),
    "batch norm, no space": (BatchNorm(), [(4, 3), WEIGHTS, WEIGHTS]),
    "layer norm": (LayerNorm(), [(2, 3, 5), (5,), (5,)]),
    "layer norm, two axes": (LayerNorm(2), [(2, 3, 5), (3, 5), (3, 5)]),
    "layer norm, no batch": (LayerNorm(1), [(5,), (5,), (5,)]),
    "half squared error": (HalfSquaredError(), [(2, 3), (2, 3)]),
    "half squared error, terms": (HalfSquaredError("none"), [(2, 3), (2, 3)]),
    "mean squared error": (MeanSquaredError(), [(2, 3), (2, 3)]),
    "softmax cross-entropy": (SoftmaxCrossEntropy(), [(3, 4), LABELS]),
    "softmax cross-entropy, images": (SoftmaxCrossEntropy("none"), [IMAGE, LABELS]),
    "binary cross-entropy": (BinaryCrossEntropyWithLogits(), [(2, 3), (2, 3)]),
    "binary cross-entropy, sum": (BinaryCrossEntropyWithLogits("sum"), [(2, 3), (2, 3)]),
    "sequential": (Sequential((MaxPool(2), Flatten(), Linear())), [IMAGE, (2, 12), (2,)]),
}
SEPARATED = 0.125  # entries that are this far apart never tie, not even in float16


def draw(shapes, *, dtype=np.float64, batch=None):
    """Draw inputs without ties: signed multiples of 1/8, none of them 0, in random order; labels 0, 1, 2."""
    rng = np.random.default_rng(7)
    first = shapes[0] if batch is None else (batch, *shapes[0][1:])
    arrays = []
    for shape in [first, *shapes[1:]]:
        if shape == LABELS:
            arrays.append(rng.integers(0, 3, (first[0], *first[2:])))
            continue
        wanted = (batch, *shape[1:]) if batch is not None and len(shape) == len(first) > 1 else shape
        size = int(np.prod(wanted))
        steps = rng.permutation(np.arange(1, size + 1)) * rng.choice([-1, 1], size)
        arrays.append((steps * SEPARATED / max(1, size // 16)).reshape(wanted).astype(dtype))
    return arrays


def gradients_of(layer, grad_output, inputs):
    claimed = layer.backward(grad_output, *inputs)
    return claimed if isinstance(claimed, tuple) else (claimed,)


def cotangent_for(output, dtype=None):
    signs = np.random.default_rng(3).integers(1, 5, output.shape) * (-1) ** np.arange(output.size).reshape(output.shape)
    return np.asarray(signs, output.dtype if dtype is None else dtype)


def each_case(test):
    return pytest.mark.parametrize(("layer", "shapes"), CASES.values(), ids=CASES)(test)


@each_case
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_have_the_dtype_of_the_inputs(layer, shapes, dtype):
    inputs = draw(shapes, dtype=dtype)
    output = layer.forward(*inputs)
    assert isinstance(output, np.ndarray)
    assert output.dtype == dtype
    for gradient, given in zip(gradients_of(layer, cotangent_for(output), inputs), inputs, strict=True):
        if given.dtype.kind == "i":
            assert gradient is None
        else:
            assert (gradient.dtype, gradient.shape) == (dtype, given.shape)


@each_case
def test_float16_is_computed_in_float32_and_rounded_once(layer, shapes):
    halves = draw(shapes, dtype=np.float16)
    singles = [a.astype(np.float32) if a.dtype == np.float16 else a for a in halves]
    if isinstance(layer, Sequential):
        pytest.skip("each layer of a Sequential rounds its own output")
    output = layer.forward(*singles)
    delta = cotangent_for(output)
    np.testing.assert_array_equal(layer.forward(*halves), output.astype(np.float16))
    wide, narrow = gradients_of(layer, delta, singles), gradients_of(layer, delta.astype(np.float16), halves)
    for single, half in zip(wide, narrow, strict=True):
        assert (single is None) == (half is None)
        if single is not None:
            np.testing.assert_array_equal(half, single.astype(np.float16))


@each_case
def test_backward_is_the_derivative_that_a_complex_step_measures(layer, shapes):
    inputs = draw(shapes)
    output = layer.forward(*inputs)
    delta = cotangent_for(output)
    rng = np.random.default_rng(11)
    for place, gradient in enumerate(gradients_of(layer, delta, inputs)):
        if gradient is None:
            continue
        tangent = rng.choice([-1.0, 1.0], gradient.shape)
        moved = [given + 1e-30j * tangent if place == other else given for other, given in enumerate(inputs)]
        raised = layer.forward(*moved)
        np.testing.assert_allclose(raised.real, output, rtol=1e-13, atol=1e-50)
        measured, claimed = np.sum(delta * raised.imag / 1e-30), np.sum(gradient * tangent)
        # The sum of n rounded terms is good to n ulps of its absolute terms; the powers of L100 cost a factor p more.
        room = 200 * np.finfo(float).eps * (np.abs(gradient).sum() + np.abs(delta * raised.imag / 1e-30).sum())
        assert abs(measured - claimed) <= room


@each_case
def test_gradients_pass_complex_grad_output_through(layer, shapes):
    inputs = draw(shapes)
    delta = cotangent_for(layer.forward(*inputs))
    real, both = gradients_of(layer, delta, inputs), gradients_of(layer, delta * (1 + 2j), inputs)
    for one, two in zip(real, both, strict=True):
        if one is not None:
            np.testing.assert_allclose(two, one * (1 + 2j), rtol=1e-12, atol=1e-12)


def fortran(array):
    return np.array(array, order="F")


def reversed_memory(array):
    return np.ascontiguousarray(array[::-1])[::-1] if array.ndim else array


def spaced(array):
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 0] = array
    return wide[..., 0]


def swapped_bytes(array):
    return array.astype(array.dtype.newbyteorder())


@each_case
@pytest.mark.parametrize("laid_out", [fortran, reversed_memory, spaced, swapped_bytes])
def test_results_do_not_depend_on_the_memory_layout(layer, shapes, laid_out):
    inputs = draw(shapes)
    output = layer.forward(*inputs)
    delta = cotangent_for(output)
    strange = [laid_out(given) for given in inputs]
    again = layer.forward(*strange)
    assert again.dtype == output.dtype
    np.testing.assert_allclose(again, output, rtol=1e-14, atol=1e-14)
    expected, found = gradients_of(layer, delta, inputs), gradients_of(layer, laid_out(delta), strange)
    for one, two in zip(expected, found, strict=True):
        if one is not None:
            np.testing.assert_allclose(two, one, rtol=1e-13, atol=1e-13)


@each_case
def test_broadcast_grad_output_is_taken(layer, shapes):
    inputs = draw(shapes)
    ones = np.ones(layer.forward(*inputs).shape)
    broadcast = np.broadcast_to(np.array(1.0), ones.shape)
    pairs = zip(gradients_of(layer, ones, inputs), gradients_of(layer, broadcast, inputs), strict=True)
    for one, two in pairs:
        if one is not None:
            np.testing.assert_allclose(two, one, rtol=1e-14, atol=1e-14)


@each_case
def test_arrays_are_neither_written_to_nor_handed_back(layer, shapes):
    inputs = draw(shapes)
    for given in inputs:
        given.flags.writeable = False
    output = layer.forward(*inputs)
    delta = cotangent_for(output)
    delta.flags.writeable = False
    results = [output, *(g for g in gradients_of(layer, delta, inputs) if g is not None)]
    for place, result in enumerate(results):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in [delta, *inputs, *results[:place]])


@each_case
def test_an_empty_batch_gives_empty_results(layer, shapes):
    if shapes == CASES["layer norm, no batch"][1]:
        pytest.skip("there is no batch axis")
    inputs = draw(shapes, batch=0)
    output = layer.forward(*inputs)
    assert output.size == 0 or output == 0
    for gradient, given in zip(gradients_of(layer, np.ones(output.shape), inputs), inputs, strict=True):
        if gradient is not None:
            np.testing.assert_array_equal(gradient, np.zeros(given.shape))


@each_case
def test_grad_output_of_another_shape_is_refused(layer, shapes):
    inputs = draw(shapes)
    wrong = np.ones((*layer.forward(*inputs).shape, 1))
    with pytest.raises(InvalidInput, match=r"`grad_output` must have the shape of the output, .* its shape is"):
        layer.backward(wrong, *inputs)


@each_case
def test_integers_are_refused(layer, shapes):
    inputs = draw(shapes)
    inputs[0] = inputs[0].astype(int)
    with pytest.raises(InvalidInput, match=r"`input` must be a floating array; its dtype is int64. Pass input.astype"):
        layer.forward(*inputs)


POOLS = [MaxPool(2), AvgPool(2), LpPool(2), AdaptiveMaxPool(2), AdaptiveAvgPool(2), GlobalMaxPool(), GlobalAvgPool()]


@pytest.mark.parametrize("pool", [*POOLS, GlobalLpPool()], ids=lambda pool: type(pool).__name__)
@pytest.mark.parametrize("shape", [(4, 4), (1, 1, 0, 4)])
def test_pools_refuse_inputs_without_a_spatial_entry(pool, shape):
    with pytest.raises(InvalidInput, match=r"`input` must have the shape \(N, C, \*spatial\).* its shape is \("):
        pool.forward(np.ones(shape))


@pytest.mark.parametrize("pool", [MaxPool(1), AvgPool(1), LpPool(1, p=1), AdaptiveMaxPool(1), AdaptiveAvgPool(1)])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_pools_of_one_entry_are_the_identity_on_axes_of_size_one(pool, ndim):
    x = np.full((1,) * (ndim + 2), 3.0)
    assert pool.forward(x).tolist() == x.tolist()
    assert pool.backward(2 * x, x).tolist() == (2 * x).tolist()
