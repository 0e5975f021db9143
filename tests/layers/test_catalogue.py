"""The catalogue lists every layer, with an example that runs and equations that the article has."""

import math
import re
from dataclasses import is_dataclass

import numpy as np
import pytest

from gradcheck import layers
from gradcheck.layers.catalogue import CATALOGUE

each = pytest.mark.parametrize("entry", CATALOGUE, ids=[entry.name for entry in CATALOGUE])


def drawn(text, rng):
    """Draw an input from its description, `name=shape` or `name=shape:int:low..high`."""
    shape, _, kind = text.split("=", 1)[1].partition(":")
    sides = tuple(int(side) for side in shape.split(","))
    if not kind:
        return rng.standard_normal(sides)
    low, high = kind.removeprefix("int:").split("..")
    return rng.integers(int(low), int(high), sides, endpoint=True)


def test_every_public_layer_is_listed_once():
    names = [entry.name for entry in CATALOGUE]
    public = [name for name in layers.__all__ if hasattr(getattr(layers, name), "backward")]
    assert sorted(names) == sorted(public)


@each
def test_an_example_is_a_frozen_dataclass_whose_repr_makes_it(entry):
    assert is_dataclass(entry.layer)
    assert eval(repr(entry.layer), {**vars(layers), "inf": math.inf}) == entry.layer  # our own literals


@each
def test_an_example_runs_forward_and_backward_on_its_inputs(entry):
    inputs = [drawn(text, np.random.default_rng(0)) for text in entry.inputs]
    output = entry.layer.forward(*inputs)
    gradients = entry.layer.backward(np.ones_like(output), *inputs)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    assert len(gradients) == len(inputs)
    for gradient, value in zip(gradients, inputs, strict=True):
        assert gradient is None or gradient.shape == value.shape


@each
def test_equations_are_numbers_that_the_article_has(entry):
    assert entry.equations in ("", "Pooling Layer") or re.match(r"Eqs?\. \d", entry.equations)
    assert all(1 <= int(number) <= 22 for number in re.findall(r"\d+", entry.equations))


@each
def test_a_row_says_what_it_is_in_one_short_line(entry):
    assert 0 < len(entry.summary) <= 72
    assert "\n" not in entry.summary


def test_convolution_and_relu_name_the_equations_of_their_gradients():
    equations = {entry.name: entry.equations for entry in CATALOGUE}
    assert equations["Conv"].endswith("10-22")
    assert equations["ReLU"] == "Eqs. 8, 19-22"
    assert equations["HalfSquaredError"] == "Eq. 9"
