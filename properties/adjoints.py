"""<cotangent, J tangent> = <Jᵀ cotangent, tangent>: linear layers and their backward passes, exactly on integers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.layers import AdaptiveAvgPool, AvgPool, Conv, ConvTranspose, Linear
from properties.drawing import (
    DIVISIBLE,
    Array,
    Convolution,
    convolutions,
    integers,
    per_axis,
    pools,
    seeds,
    transposed_convolutions,
)


def inner(left: Array, right: Array) -> float:
    """Return the inner product; on small integers it is exact."""
    assert left.shape == right.shape
    return float(np.sum(left * right))


def assert_adjoint_in_each_operand(layer: Any, case: Convolution) -> None:
    delta = case.cotangent(layer.forward(case.input, case.weight))
    grad_input, grad_weight = layer.backward(delta, case.input, case.weight)
    tangent, change = integers(case.seed + 4, case.input.shape), integers(case.seed + 5, case.weight.shape)
    assert inner(delta, layer.forward(tangent, case.weight)) == inner(grad_input, tangent)
    assert inner(delta, layer.forward(case.input, change)) == inner(grad_weight, change)


@given(convolutions())
def test_convolution_backward_is_the_adjoint_of_forward(case: Convolution):
    assert_adjoint_in_each_operand(Conv(**case.options), case)


@given(transposed_convolutions())
def test_transposed_convolution_backward_is_the_adjoint_of_forward(case: Convolution):
    assert_adjoint_in_each_operand(ConvTranspose(**case.transposed_options), case)


def remainder(case: Convolution, output: Array) -> tuple[int, ...]:
    """Return what the last stride leaves of the padded input: output_padding undoes the floor of the output size."""
    weight, how = case.weight, case.how
    lengths = zip(case.input.shape[2:], weight.shape[2:], how.stride, how.padding, how.dilation, strict=True)
    spans = [n + sum(p) - d * (k - 1) - 1 for n, k, _, p, d in lengths]
    return tuple(span - (out - 1) * s for span, out, s in zip(spans, output.shape[2:], how.stride, strict=True))


@given(convolutions(least_batch=1))
def test_transposed_convolution_is_the_adjoint_of_convolution(case: Convolution):
    output = Conv(**case.options).forward(case.input, case.weight)
    delta = case.cotangent(output)
    back = ConvTranspose(**case.options, output_padding=remainder(case, output)).forward(delta, case.weight)
    assert inner(delta, output) == inner(back, case.input)
    np.testing.assert_array_equal(back, Conv(**case.options).backward(delta, case.input, case.weight)[0])


@given(convolutions(least_batch=1), st.sampled_from(["valid", "same", "full"]))
def test_padding_words_mean_the_same_to_both(case: Convolution, word: str):
    # The transposed layer undoes "same" to size · stride, whose convolution has size outputs again.
    options = {**case.options, "padding": word}
    wide = [d * (k - 1) for k, d in zip(case.weight.shape[2:], case.how.dilation, strict=True)]
    lengths = [-(-(n + more) // s) * s for n, more, s in zip(case.input.shape[2:], wide, case.how.stride, strict=True)]
    x = integers(case.seed, (*case.input.shape[:2], *lengths))
    output = Conv(**options).forward(x, case.weight)
    delta = case.cotangent(output)
    expected = Conv(**options).backward(delta, x, case.weight)[0]
    back = ConvTranspose(**options).forward(delta, case.weight)
    # Without output_padding the size is the least of those that convolve to this one: the remainder is left out.
    least = tuple(slice(0, n) for n in back.shape)
    np.testing.assert_array_equal(back, expected[least])
    if word == "same":
        assert back.shape == x.shape


@given(convolutions(least_batch=1))
def test_backward_of_transposed_convolution_is_convolution(case: Convolution):
    output = Conv(**case.options).forward(case.input, case.weight)
    layer = ConvTranspose(**case.options, output_padding=remainder(case, output))
    delta = case.cotangent(output)
    grad_input, grad_weight = layer.backward(case.input, delta, case.weight)
    np.testing.assert_array_equal(grad_input, output)
    np.testing.assert_array_equal(grad_weight, Conv(**case.options).backward(delta, case.input, case.weight)[1])


@given(seeds, st.integers(0, 3), st.integers(1, 4), st.integers(1, 4))
def test_linear_backward_is_the_adjoint_of_forward(seed, samples, inputs, outputs):
    x, w, b = integers(seed, (samples, inputs)), integers(seed + 1, (outputs, inputs)), integers(seed + 2, (outputs,))
    delta = integers(seed + 3, (samples, outputs))
    tangents = [integers(seed + 4 + i, array.shape) for i, array in enumerate((x, w, b))]
    grads = Linear().backward(delta, x, w, b)
    base = Linear().forward(x, w, b)
    for place, (tangent, grad) in enumerate(zip(tangents, grads, strict=True)):
        moved = [x, w, b]
        moved[place] = moved[place] + tangent
        assert inner(delta, Linear().forward(*moved) - base) == inner(grad, tangent)


@given(pools(dilated=False), seeds, st.booleans())
def test_average_pooling_backward_is_the_adjoint_of_forward(geometry, seed, counted):
    pool, lengths = geometry
    layer = AvgPool(pool.kernel, pool.stride, padding=pool.padding, ceil_mode=pool.ceil_mode, count_include_pad=counted)
    assert_adjoint_on_multiples(layer.forward, layer.backward, (2, 2, *lengths), seed)


@given(st.data(), st.integers(1, 3), seeds)
def test_adaptive_average_pooling_backward_is_the_adjoint_of_forward(data, count, seed):
    lengths, outputs = data.draw(per_axis(count, 1, 6)), data.draw(per_axis(count, 1, 6))
    layer = AdaptiveAvgPool(outputs)
    assert_adjoint_on_multiples(layer.forward, layer.backward, (2, 2, *lengths), seed)


def assert_adjoint_on_multiples(
    forward: Callable[[Array], Array], backward: Callable[[Array, Array], Array], shape: tuple[int, ...], seed: int
) -> None:
    tangent = integers(seed, shape) * DIVISIBLE
    output = forward(tangent)
    delta = integers(seed + 1, output.shape) * DIVISIBLE
    assert inner(delta, output) == inner(backward(delta, tangent), tangent)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_wrong_adjoint_is_told_from_the_right_one(stride):
    # The identity itself can fail: the kernel not rotated, as in many first attempts.
    x, w = integers(1, (1, 1, 7)), integers(2, (1, 1, 3))
    output = Conv(stride=stride).forward(x, w)
    delta = integers(3, output.shape)
    wrong = Conv(stride=stride, flip=True).backward(delta, x, w)[0]
    assert inner(delta, output) != inner(wrong, x)
