"""Every gradient against the textbook central difference and, where forward is analytic, the complex step."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gradcheck import layers
from properties.catalogue import ACTIVATIONS, EVERY, FEWER, LINEAR, Drawn, cases, elementwise
from properties.drawing import Array, integers
from reference.differences import central_difference, complex_step


def scalar(drawn: Drawn, place: int, delta: Array):
    """Return E(x) = <delta, forward(..., x, ...)> as a function of one input."""

    def energy(x):
        moved = (*drawn.inputs[:place], x, *drawn.inputs[place + 1 :])
        return np.sum(delta * drawn.layer.forward(*moved))

    return energy


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=FEWER)
@given(st.data())
def test_backward_is_the_central_difference_of_forward(name, data):
    drawn: Drawn = data.draw(cases(EVERY[name]))
    output = drawn.layer.forward(*drawn.inputs)
    assume(np.all(np.isfinite(output)))  # a dilated window that meets padding alone has -inf for its maximum
    delta = drawn.cotangent(output)
    for place, claimed in enumerate(drawn.gradients(delta)):
        if claimed is None:
            continue
        energy, h = scalar(drawn, place, delta), 2.0**-13
        found = central_difference(energy, drawn.inputs[place], h)
        # Rounding: 1e-16 of the energy's terms over h; truncation: h²/6 = 2.5e-9 of the third derivative.
        terms = float(np.sum(np.abs(delta) * np.abs(output))) + 1
        slack = 4e-15 * terms / h + 1e-7 * (1 + np.abs(delta).sum() + np.abs(found).max(initial=0))
        np.testing.assert_array_less(np.abs(claimed - found), slack)


@pytest.mark.parametrize("name", ["Conv", "ConvTranspose", "Linear"])
@settings(max_examples=FEWER)
@given(st.data())
def test_backward_of_what_is_linear_is_the_difference_exactly(name, data):
    # An affine function has no truncation error, and integers at a step of 1 have no rounding error.
    drawn: Drawn = data.draw(cases(LINEAR[name]))
    delta = drawn.cotangent(drawn.layer.forward(*drawn.inputs))
    for place, claimed in enumerate(drawn.gradients(delta)):
        found = central_difference(scalar(drawn, place, delta), drawn.inputs[place], 1.0)
        np.testing.assert_array_equal(claimed, found)


ANALYTIC = [*ACTIVATIONS, layers.Softmax(), layers.LogSoftmax()]


@pytest.mark.parametrize("layer", ANALYTIC, ids=[repr(layer) for layer in ANALYTIC])
@settings(max_examples=FEWER)
@given(st.data())
def test_backward_of_an_activation_is_the_complex_step_of_forward(layer, data):
    drawn: Drawn = data.draw(cases(elementwise(layer)))
    delta = drawn.cotangent(drawn.inputs[0])
    (claimed,) = drawn.gradients(delta)
    found = complex_step(scalar(drawn, 0, delta), drawn.inputs[0])
    # No subtraction: what remains are the roundings of two formulas for one number, of at most all deltas in size.
    np.testing.assert_allclose(claimed, found, rtol=1e-13, atol=1e-14 * (1 + np.abs(delta).sum()))


@given(st.integers(0, 2**32 - 1))
def test_a_wrong_slope_is_told_from_the_right_one(seed):
    # The comparison above can fail: a Tanh that claims 1 - tanh² at the output taken as its input.
    x, delta = np.linspace(0.5, 2.0, 4), np.abs(integers(seed, (4,))) + 1
    layer = layers.Tanh()
    wrong = layer.backward(delta, layer.forward(x))
    found = complex_step(lambda v: np.sum(delta * layer.forward(v)), x)
    assert np.all(np.abs(wrong - found) > 1e-3)
