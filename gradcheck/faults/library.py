"""Our own layers whose two passes are set differently: the mistakes of settings that backward does not know of."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, Shows, fixed, joined, normal, pair
from gradcheck.layers import (
    AvgPool,
    BatchNorm,
    Conv,
    ConvTranspose,
    LayerNorm,
    LeakyReLU,
    LpPool,
    MaxPool,
    MeanSquaredError,
    ReLU,
    ReLU6,
    SoftmaxCrossEntropy,
)

VOLUMES = normal(input=(2, 2, 4, 5, 4), weight=(3, 2, 2, 3, 2), bias=(3,))
IMAGES = normal(input=(2, 3, 6, 6), weight=(4, 3, 3, 3), bias=(4,))
MAPS = normal(input=(2, 2, 6, 7))
FEATURES = normal(scale=1.5, offset=0.5, input=(4, 3, 5), weight=(3,), bias=(3,))
LABELS = joined(normal(input=(5, 4)), fixed(target=np.array([0, 2, 3, 1, 2])))


def mixed(forward: Any, backward: Any) -> Make:
    """Return a maker of a layer with the forward pass of one and the backward pass of the other."""
    return pair(forward.forward, backward.backward)


FAULTS = (
    Fault(
        "library/conv/three-dimensional-flip",
        "kernel-not-rotated",
        ("input", "weight"),
        mixed(Conv(flip=True), Conv()),
        VOLUMES,
        "forward is a true convolution in three dimensions, backward that of a cross-correlation",
    ),
    Fault(
        "library/conv/padding-at-the-other-side",
        "padding-one-side",
        ("input", "weight"),
        mixed(Conv(padding=((0, 1), (0, 1))), Conv(padding=((1, 0), (1, 0)))),
        IMAGES,
        "forward pads behind, backward in front",
    ),
    Fault(
        "library/conv/dilation-swapped",
        "dilation-swapped",
        ("input", "weight"),
        mixed(Conv(dilation=(1, 2), padding=(0, 1)), Conv(dilation=(2, 1), padding=(1, 0))),
        IMAGES,
        "the dilations and paddings of the two axes are exchanged",
    ),
    Fault(
        "library/conv-transpose/flip",
        "kernel-not-rotated",
        ("input", "weight"),
        mixed(ConvTranspose(), ConvTranspose(flip=True)),
        normal(input=(2, 3, 4, 4), weight=(3, 2, 3, 2), bias=(2,)),
        "a transposed convolution whose backward rotates the kernel",
    ),
    Fault(
        "library/max-pool/dilation-ignored",
        "dilation-ignored",
        ("input",),
        mixed(MaxPool(2, stride=2, dilation=2), MaxPool(3, stride=2)),
        MAPS,
        "backward looks for the winner in a dense window",
        also=("wrong-winner",),
    ),
    Fault(
        "library/average-pool/padding-counted",
        "pool-divisor",
        ("input",),
        mixed(AvgPool(3, stride=2, padding=1, count_include_pad=False), AvgPool(3, stride=2, padding=1)),
        MAPS,
        "backward counts the padding and forward does not",
    ),
    Fault(
        "library/average-pool/divisor-overridden",
        "factor",
        ("input",),
        mixed(AvgPool(2, divisor_override=3), AvgPool(2)),
        MAPS,
        "forward divides by 3, backward by 4",
    ),
    Fault(
        "library/lp-pool/other-power",
        "other",
        ("input",),
        mixed(LpPool(2, p=3.0), LpPool(2, p=2.0)),
        MAPS,
        "forward is L3 pooling, backward L2",
    ),
    Fault(
        "library/batch-norm/other-epsilon",
        "epsilon-forgotten",
        ("input", "weight"),
        mixed(BatchNorm(epsilon=1e-2), BatchNorm(epsilon=1e-5)),
        FEATURES,
        "forward adds 1e-2 to the variance, backward 1e-5",
    ),
    Fault(
        "library/layer-norm/one-axis-for-two",
        "other",
        ("input",),
        pair(
            lambda input: LayerNorm(trailing_axes=2).forward(input, np.ones((3, 5)), np.zeros((3, 5))),
            lambda g, input: LayerNorm().backward(g, input, np.ones(5), np.zeros(5))[0],
        ),
        normal(input=(4, 3, 5)),
        "forward normalises over two axes, backward over the last",
    ),
    Fault(
        "library/leaky-relu/other-slope",
        "f-prime-wrong",
        ("input",),
        mixed(LeakyReLU(0.2), LeakyReLU(0.1)),
        MAPS,
        "the slope is 0.2 in forward and 0.1 in backward",
    ),
    Fault(
        "library/relu6/derivative-of-relu",
        "wrong-branch",
        ("input",),
        mixed(ReLU6(), ReLU()),
        normal(scale=6.0, input=(4, 6)),
        "values above 6 get a gradient",
    ),
    Fault(
        "library/relu6/derivative-of-relu-unseen",
        "wrong-branch",
        ("input",),
        mixed(ReLU6(), ReLU()),
        normal(input=(4, 6)),
        "values above 6 get a gradient, and the caller has none",
        Shows.ELSEWHERE,
    ),
    Fault(
        "library/mean-squared-error/sum-for-mean",
        "factor-N",
        ("input", "target"),
        mixed(MeanSquaredError(), MeanSquaredError(reduction="sum")),
        normal(input=(4, 3), target=(4, 3)),
        "forward takes the mean, backward the derivative of the sum",
    ),
    Fault(
        "library/cross-entropy/sum-for-mean",
        "factor-N",
        ("input",),
        mixed(SoftmaxCrossEntropy(), SoftmaxCrossEntropy(reduction="sum")),
        LABELS,
        "forward takes the mean, backward the derivative of the sum",
    ),
)
