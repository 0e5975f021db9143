"""A mistake is named in the layer's own layout, and in both where the lengths fit both."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import gradcheck

# Depthwise: which axes of the image hold positions, and the rule of the windows with one kernel a channel.
LAST = ((1, 2), "nhwcij,ijc->nhwc", "nhwcij,nhwc->ijc")
FIRST = ((2, 3), "nchwij,cij->nchw", "nchwij,nchw->cij")


def depthwise(layout, change):
    space, rule, back = layout
    axes = (0, 1) if layout is LAST else (1, 2)

    def forward(x, weight):
        sizes = tuple(weight.shape[a] for a in axes)
        return np.einsum(rule, sliding_window_view(x, sizes, axis=space), weight)

    def backward(grad_output, x, weight):
        sizes = tuple(weight.shape[a] for a in axes)
        widths = dict(zip(space, sizes, strict=True))
        padded = np.pad(grad_output, [(widths.get(a, 1) - 1,) * 2 for a in range(4)])
        grad_x = np.einsum(rule, sliding_window_view(padded, sizes, axis=space), np.flip(weight, axes))
        windows = sliding_window_view(x, sizes, axis=space)
        return grad_x, change(np.einsum(back, windows, grad_output))

    return forward, backward


ROWS = (
    ("channels last", LAST, (2, 6, 6, 3), (3, 3, 3), (0, 1), ("kernel-not-rotated", ("reversed",))),
    ("channels first", FIRST, (2, 3, 6, 6), (3, 3, 3), (1, 2), ("kernel-not-rotated", ("reversed",))),
    ("last, where first fits", LAST, (2, 5, 5, 3), (3, 3, 3), (0, 1), ("reversed", ("kernel-not-rotated",))),
    ("first, where last fits", FIRST, (2, 3, 5, 5), (3, 3, 3), (1, 2), ("kernel-not-rotated", ("reversed",))),
    (
        "channels, last, where first fits",
        LAST,
        (2, 5, 5, 3),
        (3, 3, 3),
        (2,),
        ("kernel-flipped-axis", "channels-swapped"),
    ),
    (
        "channels, first, where last fits",
        FIRST,
        (2, 3, 5, 5),
        (3, 3, 3),
        (0,),
        ("channels-swapped", "kernel-flipped-axis"),
    ),
)


@pytest.mark.parametrize(
    ("layout", "image", "kernel", "axes", "named"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_flipped_depthwise_kernel_is_named_in_every_layout_that_fits(layout, image, kernel, axes, named):
    rng = np.random.default_rng(3)
    inputs = {"x": rng.standard_normal(image), "weight": rng.standard_normal(kernel)}
    layer = depthwise(layout, lambda gradient: np.flip(gradient, axes).copy())
    found = gradcheck.check(layer, inputs, points=[]).arguments["weight"].diagnosis
    wanted = {named[0], *((named[1],) if isinstance(named[1], str) else named[1])}
    assert found.code == named[0]
    assert wanted <= {found.code, *found.alternatives}
    assert ("which holds no positions" in found.sentence) is False


@pytest.mark.parametrize("shape", [(3, 5), (40, 60)], ids=["small", "of 2400 entries"])
def test_a_sort_that_hands_grad_output_on_is_told_as_an_order(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    layer = (lambda x: np.sort(x, axis=1), lambda g, x: g.copy())
    found = gradcheck.check(layer, {"x": x}, points=[]).arguments["x"].diagnosis
    assert found.code == "permuted"
    assert found.sentence == (
        "grad_output is returned as it is, where it should go back to the places that forward took it from"
    )


def test_thorough_takes_64_probes_and_says_so():
    evidence = {}
    for effort in ("normal", "thorough"):
        report = gradcheck.check((np.sin, lambda g, x: -g * np.cos(x)), {"x": np.linspace(0.1, 2.9, 7)}, effort=effort)
        evidence[effort] = report.arguments["x"].diagnosis.evidence
    assert evidence["normal"].endswith("bars over 16 fresh probes")
    assert evidence["thorough"].endswith("bars over 64 fresh probes")
