"""Two mistakes at once, an order and a constant, in convolutions of one, two and three dimensions."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import gradcheck

SHAPES = {1: ((3, 3, 7), (4, 3, 3)), 2: ((3, 3, 5, 6), (4, 3, 3, 3)), 3: ((3, 2, 4, 3, 4), (4, 2, 3, 3, 3))}


def correlate(x, weight):
    axes = tuple(range(2, x.ndim))
    windows = sliding_window_view(x, weight.shape[2:], axis=axes)
    channels, taps = (1,), tuple(range(x.ndim, windows.ndim))
    return np.moveaxis(np.tensordot(windows, weight, (channels + taps, tuple(range(1, weight.ndim)))), -1, 1)


def backward(grad_output, x, weight):
    axes = tuple(range(2, x.ndim))
    padded = np.pad(grad_output, [(0, 0), (0, 0), *((n - 1, n - 1) for n in weight.shape[2:])])
    grad_x = correlate(padded, np.flip(weight, axes).swapaxes(0, 1))
    return grad_x, correlate(x.swapaxes(0, 1), grad_output.swapaxes(0, 1)).swapaxes(0, 1)


def rotated(gradient):
    return np.flip(gradient, tuple(range(2, gradient.ndim)))


PAIRS = {
    "rotated and doubled": (lambda g: 2 * rotated(g), "kernel-not-rotated", "factor-2"),
    "rotated and negated": (lambda g: -rotated(g), "kernel-not-rotated", "sign"),
    "flipped along the last axis and halved": (lambda g: np.flip(g, -1) / 2, "kernel-flipped-axis", "factor-1/2"),
    "moved and divided by its first axis": (lambda g: np.roll(g, 1, 2) / len(g), "shifted", "factor-1/N"),
}


@pytest.mark.parametrize(("change", "order", "constant"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("name", ["x", "weight"])
@pytest.mark.parametrize("dimensions", SHAPES)
def test_an_order_and_a_constant_are_both_named(dimensions, name, change, order, constant):
    rng = np.random.default_rng(dimensions)
    inputs = {key: rng.standard_normal(shape) for key, shape in zip(("x", "weight"), SHAPES[dimensions], strict=True)}

    def wrong(grad_output, x, weight):
        gradients = dict(zip(("x", "weight"), backward(grad_output, x, weight), strict=True))
        return {**gradients, name: change(gradients[name])}

    found = gradcheck.check((correlate, wrong), inputs, points=[]).arguments[name].diagnosis
    codes = {found.code, *found.alternatives}
    assert {order, constant} <= codes
