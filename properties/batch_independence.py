"""Samples know nothing of each other, except in batch normalisation, and parameters gather from all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.layers import BatchNorm
from properties.catalogue import FEWER, LINEAR, PER_SAMPLE, Drawn, cases
from properties.drawing import Array, integers

# One more or one fewer sample may change how a matrix product is summed, so non-integers agree to a few roundings.
ROUNDINGS = 1e-13


def of_samples(drawn: Drawn, chosen) -> tuple[Array, ...]:
    """Return the inputs with some of the samples; parameters stay."""
    return tuple(value[chosen] if place in drawn.per_sample else value for place, value in enumerate(drawn.inputs))


def assert_same(name: str, found: Array, expected: Array) -> None:
    if name in LINEAR:
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=ROUNDINGS, atol=ROUNDINGS * np.abs(expected).max(initial=1))


def gradients(drawn: Drawn, delta: Array, inputs: tuple[Array, ...]) -> tuple[Array | None, ...]:
    claimed = drawn.layer.backward(delta, *inputs)
    return claimed if isinstance(claimed, tuple) else (claimed,)


@pytest.mark.parametrize("name", PER_SAMPLE)
@settings(max_examples=FEWER)
@given(st.data())
def test_each_sample_is_treated_as_if_it_were_alone(name, data):
    drawn: Drawn = data.draw(cases(PER_SAMPLE[name]))
    output = drawn.layer.forward(*drawn.inputs)
    delta = drawn.cotangent(output)
    together = drawn.gradients(delta)
    alone = []
    for n in range(len(output)):
        inputs = of_samples(drawn, slice(n, n + 1))
        assert_same(name, output[n : n + 1], drawn.layer.forward(*inputs))
        alone.append(gradients(drawn, delta[n : n + 1], inputs))
    for place, grad in enumerate(together):
        if grad is not None:
            parts = [single[place] for single in alone]
            assert_same(name, grad, np.concatenate(parts) if place in drawn.per_sample else sum(parts))


@pytest.mark.parametrize("name", PER_SAMPLE)
@settings(max_examples=FEWER)
@given(st.data())
def test_samples_may_change_places(name, data):
    drawn: Drawn = data.draw(cases(PER_SAMPLE[name]))
    output = drawn.layer.forward(*drawn.inputs)
    delta = drawn.cotangent(output)
    inputs = of_samples(drawn, slice(None, None, -1))
    assert_same(name, drawn.layer.forward(*inputs), output[::-1])
    for place, (grad, other) in enumerate(
        zip(drawn.gradients(delta), gradients(drawn, delta[::-1], inputs), strict=True)
    ):
        if grad is not None:
            assert_same(name, other, grad[::-1] if place in drawn.per_sample else grad)


@pytest.mark.parametrize("name", PER_SAMPLE)
@settings(max_examples=FEWER)
@given(st.data())
def test_no_samples_give_no_outputs_and_zero_gradients_of_the_parameters(name, data):
    drawn: Drawn = data.draw(cases(PER_SAMPLE[name]))
    inputs = of_samples(drawn, slice(0, 0))
    output = drawn.layer.forward(*inputs)
    assert output.shape == (0, *drawn.layer.forward(*drawn.inputs).shape[1:])
    for grad, value in zip(gradients(drawn, output, inputs), inputs, strict=True):
        if grad is not None:
            assert grad.shape == value.shape
            assert not np.any(grad)


def test_batch_norm_does_mix_its_samples():
    # The laws above can fail: here they do.
    x, w, b = integers(0, (3, 2)), np.ones(2), np.zeros(2)
    assert not np.allclose(BatchNorm().forward(x, w, b)[:1], BatchNorm().forward(x[:1], w, b))
