"""What readers asked below the article, each answered in two or three sentences and by an example that runs.

An example returns facts: a sentence, the value found, and the value that it must have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.article.indexing import Array
from gradcheck.layers import (
    AvgPool,
    Conv,
    Flatten,
    HalfSquaredError,
    Linear,
    MaxPool,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
)


@dataclass(frozen=True)
class Fact:
    """One observed fact of an example; it holds if `found` is `expected`."""

    sentence: str
    found: Any
    expected: Any

    @property
    def holds(self) -> bool:
        """Whether the two are equal, entry for entry."""
        return bool(np.array_equal(self.found, self.expected))


@dataclass(frozen=True)
class Question:
    """A reader's question, its answer, and the example that shows it."""

    label: str
    asked: str
    answer: str
    example: Callable[[], list[Fact]]


def whole(shape: tuple[int, ...], seed: int) -> Array:
    """Return small integers, in float64, on which all sums of these examples are exact."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float64)


def turned(array: Array) -> Array:
    """Return the array with its two spatial axes turned by 180 degrees."""
    return np.flip(array, (-2, -1))


def _operands() -> tuple[Array, Array, Array]:
    x, w = whole((1, 1, 4, 5), 1), whole((1, 1, 2, 3), 2)
    return x, w, whole((1, 1, 3, 3), 3)


def _bias_gradient() -> list[Fact]:
    x, w, delta = _operands()
    found = Conv().backward(delta, x, w, np.ones(1))[2]
    raised = np.sum(delta * (Conv().forward(x, w, np.ones(1)) - Conv().forward(x, w, np.zeros(1))))
    return [
        Fact("dE/db is the sum of delta", found, [delta.sum()]),
        Fact("so much E rises with b raised by 1", raised, delta.sum()),
    ]


def _depths() -> list[Fact]:
    x, w = whole((1, 3, 32, 32), 1), whole((6, 3, 5, 5), 2)
    delta = whole(Conv().forward(x, w).shape, 3)
    grad_x, grad_w = Conv().backward(delta, x, w)
    full = Conv(padding="full", flip=True)
    second = sum(full.forward(delta[:, [k]], w[k, 1][None, None]) for k in range(6))
    one = Conv().forward(x[:, [1]], delta[:, [4]])
    return [
        Fact("forward gives 6 maps of 28 x 28", delta.shape, (1, 6, 28, 28)),
        Fact("backward gives 3 channels of 32 x 32 again", grad_x.shape, (1, 3, 32, 32)),
        Fact("channel c gets the sum over the 6 maps k of delta_k * w_kc", grad_x[:, [1]], second),
        Fact("the gradient of kernel k, channel c is o_c ⊗ delta_k", grad_w[4, 1], one[0, 0]),
    ]


def _stride() -> list[Fact]:
    x, w = whole((1, 1, 7, 5), 1), whole((1, 1, 3, 3), 2)
    delta = whole((1, 1, 3, 2), 3)
    spread = np.zeros((1, 1, 5, 3))
    spread[:, :, ::2, ::2] = delta
    grad_x, grad_w = Conv(stride=2).backward(delta, x, w)
    return [
        Fact(
            "Eq. 20 holds with stride - 1 zeros between the deltas",
            grad_x,
            Conv(padding="full", flip=True).forward(spread, w),
        ),
        Fact("and so does Eq. 13", grad_w, Conv().forward(x, spread)),
    ]


def _flipping() -> list[Fact]:
    x, w, delta = _operands()
    flipped, plain = Conv(flip=True), Conv()
    grad = flipped.backward(delta, x, w)[1]
    return [
        Fact("convolving with w is correlating with its rotation", flipped.forward(x, w), plain.forward(x, turned(w))),
        Fact("the gradients are each other's rotation", grad, turned(plain.backward(delta, x, turned(w))[1])),
    ]


def _max_pool() -> list[Fact]:
    x, delta = np.array([[[[1.0, 7.0], [3.0, 2.0]]]]), np.array([[[[5.0]]]])
    moved = x + np.array([[0.0, 0.5], [0.0, 0.0]])
    slope = 5 * (MaxPool(2).forward(moved) - MaxPool(2).forward(x)) / 0.5
    return [
        Fact("the winner, 7, gets delta = 5", MaxPool(2).backward(delta, x), [[[[0, 5], [0, 0]]]]),
        Fact("and not 5 · 7: E rises by 5 for each 1 that the winner rises", slope, [[[[5.0]]]]),
    ]


def _which_is_rotated() -> list[Fact]:
    x, w, delta = _operands()
    grad = Conv().backward(delta, x, w)[1]
    convolve = Conv(flip=True)
    return [
        Fact("o * rot180{delta} is the gradient", convolve.forward(x, turned(delta)), grad),
        Fact("rot180{o} * delta is its rotation", convolve.forward(turned(x), delta), turned(grad)),
        Fact("o ⊗ delta, without any rotation, is the gradient too", Conv().forward(x, delta), grad),
    ]


def _bias_per_pixel() -> list[Fact]:
    x, w, delta = _operands()
    per_pixel = whole((1, 1, 3, 3), 4)
    error = np.sum(delta * (Conv().forward(x, w) + per_pixel))
    rises = [np.sum(delta * (Conv().forward(x, w) + per_pixel + np.eye(9)[i].reshape(3, 3))) - error for i in range(9)]
    shared = Conv().backward(delta, x, w, np.zeros(1))[2]
    return [
        Fact("with a bias a pixel, dE/db(i, j) is delta(i, j)", rises, delta.ravel()),
        Fact("with one a map, it is their sum", shared, [delta.sum()]),
    ]


def _convolution_or_correlation() -> list[Fact]:
    x, w, delta = _operands()
    grad = Conv().backward(delta, x, w)[0]
    wrong = Conv(padding="full", flip=True).forward(delta, turned(w))
    return [
        Fact("delta * w is the gradient", Conv(padding="full", flip=True).forward(delta, w), grad),
        Fact("delta ⊗ rot180{w} is the gradient", Conv(padding="full").forward(delta, turned(w)), grad),
        Fact("delta * rot180{w} is not", np.array_equal(wrong, grad), False),
    ]


def _update() -> list[Fact]:
    x, w, _ = _operands()
    target = whole((1, 1, 3, 3), 5)
    model = Sequential((Conv(), HalfSquaredError()), parameter_counts=(1, 1))
    gradients: Any = model.backward(np.array(1.0), x, w, target)
    grad = gradients[1]
    rate = 2.0**-10
    before, after = model.forward(x, w, target), model.forward(x, w - rate * grad, target)
    replaced = model.forward(x, grad, target)
    return [
        Fact("w - rate · gradient lowers E", bool(after < before), True),
        Fact("the gradient itself as the new kernel does not", bool(replaced < before), False),
    ]


def _end_to_end() -> list[Fact]:
    layers = (Conv(), ReLU(), MaxPool(2), Conv(), ReLU(), AvgPool(2), Flatten(), Linear(), SoftmaxCrossEntropy())
    model = Sequential(layers)
    rng = np.random.default_rng(0)
    shapes = ((2, 1, 12, 12), (3, 1, 3, 3), (3,), (4, 3, 2, 2), (4,), (5, 16), (5,))
    values = [rng.normal(size=shape) for shape in shapes]
    labels = np.array([1, 4])
    grads: Any = model.backward(np.array(1.0), *values, labels)
    close = []
    for place, value in enumerate(values):
        along = rng.normal(size=value.shape)
        step = 1e-6
        up, down = ([v + s * along if i == place else v for i, v in enumerate(values)] for s in (step, -step))
        slope = (model.forward(*up, labels) - model.forward(*down, labels)) / (2 * step)
        close.append(bool(abs(slope - np.sum(grads[place] * along)) < 1e-7))
    return [Fact("all seven gradients agree with central differences to 7 digits", close, [True] * 7)]


def _valid() -> list[Fact]:
    x, w, delta = _operands()
    return [
        Fact("'valid' with delta and w gives a map that is too small", Conv().forward(delta, w).shape, (1, 1, 2, 1)),
        Fact("zero-padded in full it is as large as o", Conv(padding="full").forward(delta, w).shape, x.shape),
        Fact("'valid' with o and delta is as large as w: there it fits", Conv().forward(x, delta).shape, w.shape),
    ]


QUESTIONS = (
    Question(
        "Q1",
        "What is the gradient of the bias?",
        "The sum of delta over the output: every x(i, j) contains b once, with factor 1. The reader's double "
        "sum is right.",
        _bias_gradient,
    ),
    Question(
        "Q2",
        "3 x 32 x 32 in, 6 filters of 3 x 5 x 5, 6 x 28 x 28 out: how do the depths fit on the way back?",
        "Nothing is changed in depth. Each of the 6 deltas goes back through each of its kernel's 3 channels, "
        "and what arrives in a channel is summed over the 6; each channel of each kernel gets one map of the "
        "input with one delta.",
        _depths,
    ),
    Question(
        "Q3",
        "What happens when the stride is greater than 1?",
        "Put stride - 1 zeros between the deltas, and Eqs. 13 and 20 hold as they stand. Proved for every "
        "stride, dilation and padding.",
        _stride,
    ),
    Question(
        "Q4",
        "Is flipping the kernel necessary?",
        "No. A layer that flips learns the rotated kernel, and its gradient is the rotated gradient; all else "
        "is the same. What must not be mixed is the operation of forward with the backward pass of the other.",
        _flipping,
    ),
    Question(
        "Q5",
        "Does max-pooling's backward pass multiply by the activation?",
        "No. The maximum is the winner times 1, so its derivative is 1 and delta passes unchanged; the value "
        "only decides who wins. Where units tie, there is no derivative, and any share that sums to one will "
        "do.",
        _max_pool,
    ),
    Question(
        "Q6",
        "Does Eq. 14 rotate delta or o, and what are its negative indices?",
        "Delta, if * is convolution. Eq. 2 then reads o(m' - i) at negative indices; its first index that "
        "reads inside is (H - k1, W - k2), and the gradient is what stands from there on. Without zeros or a "
        "re-basing, Eq. 14 holds only for a kernel as large as the map.",
        _which_is_rotated,
    ),
    Question(
        "Q7",
        "One bias per map, or one per pixel as Eqs. 6 and 7 print it?",
        "Both are consistent, but they are different layers. The notation, Eq. 11 and Eq. 18 mean one per "
        "map, b^l; then Eqs. 6 and 7 hold with b_{i,j} only where all are the same.",
        _bias_per_pixel,
    ),
    Question(
        "Q8",
        "Correlation or convolution in Eqs. 20 to 22?",
        "Eq. 20 is a convolution of delta with w, the same as a correlation with the rotated w. Eq. 22 has "
        "both the * and the rotation: with * as convolution it holds only for kernels that are their own "
        "rotation.",
        _convolution_or_correlation,
    ),
    Question(
        "Q9",
        "Are Eqs. 13 and 14 the new kernel, or what is added to it?",
        "Neither: they are the gradient. The new kernel is the old one less the learning rate times the gradient.",
        _update,
    ),
    Question(
        "Q10",
        "How does the error get through con - relu - pool - con - relu - pool - flatten - softmax?",
        "Layer by layer, from the last to the first: each layer turns the delta of its output into that of "
        "its input, and its parameters' gradients on the way. No deconvolution with another kernel is needed: "
        "Eq. 20 uses the layer's own.",
        _end_to_end,
    ),
    Question(
        "Q11",
        "Is 'valid', with no zero padding, right for backpropagation?",
        "For the kernel's gradient (Eq. 14) yes, for the image's (Eq. 22) no: delta must be padded with k - 1 "
        "zeros on all sides, else Eq. 22 holds for 1 x 1 kernels alone.",
        _valid,
    ),
)
