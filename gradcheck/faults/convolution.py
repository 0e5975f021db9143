"""Mistakes in the gradient of a convolution's input."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, normal, pair
from gradcheck.faults.specimens import Conv2d

PLAIN, PADDED = Conv2d(), Conv2d(padding=(1, 1))
STRIDED, UNEVEN = Conv2d(stride=(2, 2)), Conv2d(stride=(1, 2))
DILATED, UNEVENLY_DILATED = Conv2d(dilation=(2, 2)), Conv2d(dilation=(1, 2))
GROUPED = Conv2d(groups=2)

IMAGES = normal(x=(2, 3, 6, 5), weight=(4, 3, 3, 2), bias=(4,))
SQUARE = normal(x=(2, 3, 6, 6), weight=(4, 3, 3, 3), bias=(4,))
EQUAL_CHANNELS = normal(x=(2, 3, 5, 5), weight=(3, 3, 3, 2), bias=(3,))
GROUPS = normal(x=(2, 4, 5, 5), weight=(6, 2, 3, 2), bias=(6,))


def grad_input(right: Conv2d, wrong: Any) -> Make:
    """Return a maker of `right` with wrong(g, x, weight) as the gradient of its input."""
    return pair(
        right.forward,
        lambda g, x, weight, _bias: (wrong(g, x, weight), right.grad_weight(g, x, weight), right.grad_bias(g)),
    )


def _grown(x: Any) -> Any:
    return np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])


def _zeroed(gradient: Any, *index: Any) -> Any:
    gradient = gradient.copy()
    gradient[index] = 0
    return gradient


def _overwritten(g: Any, x: Any, weight: Any) -> Any:
    gradient = np.zeros_like(x)
    for i in range(g.shape[2]):
        for j in range(g.shape[3]):
            patch = np.einsum("nk,kcij->ncij", g[:, :, i, j], weight)
            gradient[:, :, i : i + weight.shape[2], j : j + weight.shape[3]] = patch
    return gradient


def _short_loop(g: Any, x: Any, weight: Any) -> Any:
    return PLAIN.grad_input(_zeroed(g, ..., slice(-1, None), slice(None)), x, weight)


def _uncovered_filled(g: Any, x: Any, weight: Any) -> Any:
    gradient = STRIDED.grad_input(g, x, weight)
    gradient[..., -1, :] += gradient[..., -2, :]
    return gradient


def _flipped_forward(x: Any, weight: Any, bias: Any) -> Any:
    return PLAIN.forward(x, weight[..., ::-1, ::-1], bias)


FAULTS = (
    Fault(
        "convolution/input/kernel-not-rotated",
        "kernel-not-rotated",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: PLAIN.grad_input(g, x, w[..., ::-1, ::-1])),
        IMAGES,
        "grad_output is correlated with the kernel, which is not rotated by 180 degrees first",
    ),
    Fault(
        "convolution/input/kernel-not-rotated-padded",
        "kernel-not-rotated",
        ("x",),
        grad_input(PADDED, lambda g, x, w: PADDED.grad_input(g, x, w[..., ::-1, ::-1])),
        SQUARE,
        "likewise, with padding that keeps the size",
    ),
    Fault(
        "convolution/both/forward-rotates-backward-does-not",
        "kernel-not-rotated",
        ("x", "weight"),
        pair(_flipped_forward, PLAIN.backward),
        IMAGES,
        "forward is a true convolution and backward that of a cross-correlation",
    ),
    Fault(
        "convolution/input/kernel-flipped-along-one-axis",
        "kernel-flipped-axis",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: PLAIN.grad_input(g, x, w[..., ::-1])),
        IMAGES,
        "the kernel is flipped left to right only",
    ),
    Fault(
        "convolution/input/kernel-transposed",
        "transposed",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: PLAIN.grad_input(g, x, w.swapaxes(2, 3))),
        SQUARE,
        "rows and columns of the kernel are exchanged",
    ),
    Fault(
        "convolution/input/channels-swapped",
        "channels-swapped",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: PLAIN.grad_input(g, x, w.swapaxes(0, 1))),
        EQUAL_CHANNELS,
        "input and output channels of the kernel are exchanged",
    ),
    Fault(
        "convolution/input/channels-reversed",
        "channels-swapped",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: PLAIN.grad_input(g, x, w)[:, ::-1].copy()),
        IMAGES,
        "the channels of the gradient come last to first (BGR for RGB)",
    ),
    Fault(
        "convolution/input/groups-mixed",
        "groups-mixed",
        ("x",),
        grad_input(GROUPED, lambda g, x, w: np.roll(GROUPED.grad_input(g, x, w), 2, axis=1)),
        GROUPS,
        "the first group of channels gets the gradient of the second",
    ),
    Fault(
        "convolution/input/groups-share-a-kernel",
        "groups-mixed",
        ("x",),
        grad_input(GROUPED, lambda g, x, w: GROUPED.grad_input(g, x, np.concatenate([w[:3], w[:3]]))),
        GROUPS,
        "every group uses the kernels of the first",
    ),
    Fault(
        "convolution/input/shifted-by-a-column",
        "shifted",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: np.roll(PLAIN.grad_input(g, x, w), 1, axis=3)),
        IMAGES,
        "the gradient is moved one column to the right, around the edge",
    ),
    Fault(
        "convolution/input/shifted-by-a-row",
        "shifted",
        ("x",),
        grad_input(
            PADDED, lambda g, x, w: np.pad(PADDED.grad_input(g, x, w)[:, :, :-1], [(0, 0), (0, 0), (1, 0), (0, 0)])
        ),
        SQUARE,
        "the gradient is moved one row down, and the first row is zero",
    ),
    Fault(
        "convolution/input/padding-cropped-one-too-far",
        "padding-off-by-one",
        ("x",),
        grad_input(
            PADDED, lambda g, x, w: Conv2d(padding=(2, 2)).grad_input(np.pad(g, [(0, 0), (0, 0), (0, 2), (0, 2)]), x, w)
        ),
        SQUARE,
        "two cells of padding are cut off where forward added one",
    ),
    Fault(
        "convolution/input/padding-not-cropped",
        "padding-one-side",
        ("x",),
        grad_input(PADDED, lambda g, x, w: PLAIN.grad_input(g, _grown(x), w)[:, :, :-2, :-2]),
        SQUARE,
        "the padding is cut off at the far side only",
    ),
    Fault(
        "convolution/input/last-row-of-grad-output-left-out",
        "border-only",
        ("x",),
        grad_input(PLAIN, _short_loop),
        IMAGES,
        "the loop over output rows stops one row early",
    ),
    Fault(
        "convolution/input/border-zeroed",
        "border-only",
        ("x",),
        grad_input(PADDED, lambda g, x, w: _zeroed(PADDED.grad_input(g, x, w), ..., -1)),
        SQUARE,
        "the last column of the gradient is left zero",
    ),
    Fault(
        "convolution/input/uncovered-row-filled",
        "border-only",
        ("x",),
        grad_input(STRIDED, _uncovered_filled),
        normal(x=(2, 3, 6, 5), weight=(4, 3, 3, 3), bias=(4,)),
        "a row that no window covers gets the gradient of its neighbour",
    ),
    Fault(
        "convolution/input/stride-ignored",
        "stride-ignored",
        ("x",),
        grad_input(STRIDED, PLAIN.grad_input),
        normal(x=(2, 3, 7, 7), weight=(4, 3, 3, 3), bias=(4,)),
        "grad_output is spread at stride 1 where forward had 2",
    ),
    Fault(
        "convolution/input/stride-swapped",
        "stride-swapped",
        ("x",),
        grad_input(UNEVEN, lambda g, x, w: replace(UNEVEN, stride=(2, 1)).grad_input(g, x, w)),
        normal(x=(2, 3, 6, 7), weight=(4, 3, 3, 2), bias=(4,)),
        "the strides of rows and columns are exchanged",
    ),
    Fault(
        "convolution/input/dilation-ignored",
        "dilation-ignored",
        ("x",),
        grad_input(DILATED, PLAIN.grad_input),
        normal(x=(2, 3, 7, 6), weight=(4, 3, 3, 2), bias=(4,)),
        "the taps are taken next to each other where forward leaves gaps",
    ),
    Fault(
        "convolution/input/dilation-swapped",
        "dilation-swapped",
        ("x",),
        grad_input(UNEVENLY_DILATED, lambda g, x, w: Conv2d(dilation=(2, 1)).grad_input(g, x, w)),
        normal(x=(2, 3, 6, 7), weight=(4, 3, 3, 2), bias=(4,)),
        "the dilations of rows and columns are exchanged",
    ),
    Fault(
        "convolution/input/overlap-overwritten",
        "overlap-overwritten",
        ("x",),
        grad_input(PLAIN, _overwritten),
        IMAGES,
        "each window replaces what others brought, instead of adding to it",
    ),
    Fault(
        "convolution/input/batch-ignored",
        "batch-ignored",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: _zeroed(PLAIN.grad_input(g, x, w), slice(1, None))),
        normal(x=(3, 2, 5, 4), weight=(2, 2, 3, 2), bias=(2,)),
        "only the first image gets a gradient",
    ),
    Fault(
        "convolution/input/one-channel-zeroed",
        "part-zeroed",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: _zeroed(PLAIN.grad_input(g, x, w), slice(None), 2)),
        IMAGES,
        "the last channel gets no gradient",
    ),
)
