"""Mistakes in the gradients of a convolution's weight and bias."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.faults.convolution import (
    DILATED,
    EQUAL_CHANNELS,
    GROUPED,
    GROUPS,
    IMAGES,
    PADDED,
    PLAIN,
    SQUARE,
    STRIDED,
    UNEVEN,
)
from gradcheck.faults.records import Fault, Make, Pair, normal, pair, spoiled
from gradcheck.faults.specimens import Conv2d

STRIDED_IMAGES = normal(x=(2, 3, 7, 7), weight=(4, 3, 3, 3), bias=(4,))
SIGNALS = normal(x=(9,), weight=(3,))
CORRELATION = Pair(
    np.correlate,
    lambda g, x, weight: (np.convolve(g, weight), np.correlate(x, g)),
)


def weight_of(right: Conv2d, change: Any) -> Make:
    """Return a maker of `right` with `change` done to the gradient of its weight."""
    return spoiled(right, change, at=1)


def bias_of(right: Conv2d, wrong: Any) -> Make:
    """Return a maker of `right` with wrong(g) as the gradient of its bias."""
    return pair(right.forward, lambda g, x, w, b: (*right.backward(g, x, w, b)[:2], wrong(g)))


def grad_weight(right: Conv2d, wrong: Any) -> Make:
    """Return a maker of `right` with wrong(g, x, weight) as the gradient of its weight."""
    return pair(right.forward, lambda g, x, w, _b: (right.grad_input(g, x, w), wrong(g, x, w), right.grad_bias(g)))


def _padded_in_front(g: Any, x: Any, weight: Any) -> Any:
    return PLAIN.grad_weight(g, np.pad(x, [(0, 0), (0, 0), (2, 0), (2, 0)]), weight)


def _border_repeated(g: Any, x: Any, weight: Any) -> Any:
    return PLAIN.grad_weight(g, np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="edge"), weight)


def _last_row_zero(gradient: Any) -> Any:
    return gradient * (np.arange(gradient.shape[2]) < gradient.shape[2] - 1)[:, None]


FAULTS = (
    Fault(
        "convolution/weight/rotated",
        "kernel-not-rotated",
        ("weight",),
        weight_of(PLAIN, lambda d: d[..., ::-1, ::-1].copy()),
        IMAGES,
        "the gradient of the weight is rotated by 180 degrees",
    ),
    Fault(
        "convolution/weight/flipped-along-one-axis",
        "kernel-flipped-axis",
        ("weight",),
        weight_of(PLAIN, lambda d: d[..., ::-1, :].copy()),
        IMAGES,
        "the gradient of the weight is flipped top to bottom",
    ),
    Fault(
        "convolution/weight/transposed",
        "transposed",
        ("weight",),
        weight_of(PLAIN, lambda d: d.swapaxes(2, 3).copy()),
        SQUARE,
        "rows and columns of the weight's gradient are exchanged",
    ),
    Fault(
        "convolution/weight/channels-swapped",
        "channels-swapped",
        ("weight",),
        weight_of(PLAIN, lambda d: d.swapaxes(0, 1).copy()),
        EQUAL_CHANNELS,
        "input and output channels of the weight's gradient are exchanged",
    ),
    Fault(
        "convolution/weight/groups-mixed",
        "groups-mixed",
        ("weight",),
        weight_of(GROUPED, lambda d: np.roll(d, 3, axis=0)),
        GROUPS,
        "the kernels of the first group get the gradient of the second",
    ),
    Fault(
        "convolution/weight/shifted",
        "shifted",
        ("weight",),
        weight_of(PLAIN, lambda d: np.roll(d, (1, 1), axis=(2, 3))),
        SQUARE,
        "the weight's gradient is moved by one row and one column",
    ),
    Fault(
        "convolution/weight/padding-at-one-side",
        "padding-one-side",
        ("weight",),
        grad_weight(PADDED, _padded_in_front),
        SQUARE,
        "the input is padded by two cells in front instead of one at each side",
    ),
    Fault(
        "convolution/weight/padding-repeats-the-border",
        "other",
        ("weight",),
        grad_weight(PADDED, _border_repeated),
        SQUARE,
        "backward pads with the border's values where forward pads with zeros",
        also=("border-only",),
    ),
    Fault(
        "convolution/weight/stride-ignored",
        "stride-ignored",
        ("weight",),
        grad_weight(STRIDED, PLAIN.grad_weight),
        STRIDED_IMAGES,
        "the input is read at stride 1 where forward had 2",
    ),
    Fault(
        "convolution/weight/stride-swapped",
        "stride-swapped",
        ("weight",),
        grad_weight(UNEVEN, replace(UNEVEN, stride=(2, 1)).grad_weight),
        normal(x=(2, 3, 6, 7), weight=(4, 3, 3, 2), bias=(4,)),
        "the strides of rows and columns are exchanged",
    ),
    Fault(
        "convolution/weight/dilation-ignored",
        "dilation-ignored",
        ("weight",),
        grad_weight(DILATED, PLAIN.grad_weight),
        normal(x=(2, 3, 7, 6), weight=(4, 3, 3, 2), bias=(4,)),
        "the taps are taken next to each other where forward leaves gaps",
    ),
    Fault(
        "convolution/weight/last-row-zeroed",
        "part-zeroed",
        ("weight",),
        weight_of(PLAIN, _last_row_zero),
        SQUARE,
        "the loop over the kernel's rows stops one row early",
    ),
    Fault(
        "convolution/weight/batch-ignored",
        "batch-ignored",
        ("weight",),
        grad_weight(PLAIN, lambda g, x, w: PLAIN.grad_weight(g[:1], x[:1], w)),
        IMAGES,
        "only the first image counts for the weight",
    ),
    Fault(
        "convolution/weight/batch-overwritten",
        "overlap-overwritten",
        ("weight",),
        grad_weight(PLAIN, lambda g, x, w: PLAIN.grad_weight(g[-1:], x[-1:], w)),
        normal(x=(3, 2, 5, 5), weight=(3, 2, 2, 2), bias=(3,)),
        "in the loop over the batch the weight's gradient is set instead of added to",
    ),
    Fault(
        "convolution/weight/mean-over-batch",
        "factor-1/N",
        ("weight",),
        grad_weight(PLAIN, lambda g, x, w: PLAIN.grad_weight(g, x, w) / len(x)),
        normal(x=(3, 2, 5, 5), weight=(3, 2, 2, 2), bias=(3,)),
        "the weight's gradient is divided by the batch size",
    ),
    Fault(
        "convolution/weight/divided-by-kernel-area",
        "factor-kernel-area",
        ("weight",),
        weight_of(PLAIN, lambda d: d / 9),
        SQUARE,
        "the weight's gradient is divided by the number of taps",
    ),
    Fault(
        "convolution/weight/learning-rate-applied",
        "factor-learning-rate",
        ("weight",),
        weight_of(PLAIN, lambda d: 0.01 * d),
        IMAGES,
        "the weight's gradient is multiplied by a learning rate",
    ),
    Fault(
        "convolution/weight/rotated-and-doubled",
        "kernel-not-rotated",
        ("weight",),
        weight_of(PLAIN, lambda d: 2 * d[..., ::-1, ::-1]),
        IMAGES,
        "the gradient of the weight is rotated by 180 degrees and doubled",
    ),
    Fault(
        "convolution/weight/one-dimensional-not-rotated",
        "kernel-not-rotated",
        ("weight",),
        spoiled(CORRELATION, lambda d: d[::-1].copy(), at=1),
        SIGNALS,
        "in one dimension, the gradient of the weight is reversed",
    ),
    Fault(
        "convolution/input/one-dimensional-not-rotated",
        "kernel-not-rotated",
        ("x",),
        pair(CORRELATION.forward, lambda g, x, w: (np.convolve(g, w[::-1]), np.correlate(x, g))),
        SIGNALS,
        "in one dimension, numpy.correlate in both passes",
    ),
    Fault(
        "convolution/bias/mean",
        "bias-mean",
        ("bias",),
        bias_of(PLAIN, lambda g: g.mean(axis=(0, 2, 3))),
        IMAGES,
        "the bias gets the mean over batch and positions",
    ),
    Fault(
        "convolution/bias/mean-over-batch",
        "factor-1/N",
        ("bias",),
        bias_of(PLAIN, lambda g: g.sum(axis=(2, 3)).mean(axis=0)),
        normal(x=(3, 2, 5, 5), weight=(3, 2, 2, 2), bias=(3,)),
        "the bias gets the sum over positions but the mean over the batch",
    ),
    Fault(
        "convolution/bias/not-summed-over-batch",
        "bias-batch-missing",
        ("bias",),
        bias_of(PLAIN, lambda g: g[0].sum(axis=(1, 2))),
        IMAGES,
        "the bias gets the first image's share only",
    ),
    Fault(
        "convolution/bias/not-summed-over-positions",
        "bias-space-missing",
        ("bias",),
        bias_of(PLAIN, lambda g: g[:, :, 0, 0].sum(axis=0)),
        IMAGES,
        "the bias gets the share of the first position only",
    ),
)
