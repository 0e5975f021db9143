"""Our own layers where they are hardest to judge."""

import numpy as np

from gradcheck.faults.kinks import TIED
from gradcheck.faults.library import LABELS, MAPS, VOLUMES
from gradcheck.faults.precision import HALF, SINGLE
from gradcheck.faults.records import Draw, Tricky, fixed, joined, normal
from gradcheck.layers import (
    GELU,
    AvgPool,
    BatchNorm,
    Conv,
    ConvTranspose,
    HardSwish,
    LayerNorm,
    LpPool,
    MaxPool,
    ReLU6,
    SoftmaxCrossEntropy,
)

EDGES = fixed(input=[0.0, 6.0, -3.0, 3.0, 1.0, -5.0, 7.0])
CONFIDENT = fixed(input=[[40.0, 0.0, 1.0], [2.0, 45.0, 0.0]], target=np.array([2, 0]))


def renamed(draw: Draw) -> Draw:
    """Return a draw of the same x under the name that our layers use."""
    return lambda rng: {"input": draw(rng)["x"]}


TRICKY = (
    Tricky("tricky-library/conv/three-dimensional", lambda: Conv(stride=(1, 2, 1), padding=1), VOLUMES, "three axes"),
    Tricky(
        "tricky-library/conv/uneven-padding",
        lambda: Conv(padding=((0, 2), (1, 0)), dilation=(1, 2)),
        normal(input=(2, 3, 6, 7), weight=(4, 3, 2, 3), bias=(4,)),
        "padding, dilation and kernel differ between the axes",
    ),
    Tricky(
        "tricky-library/conv/single",
        lambda: Conv(padding=1),
        normal(dtype=SINGLE, input=(2, 3, 6, 6), weight=(4, 3, 3, 3), bias=(4,)),
        "float32 through matrix products",
    ),
    Tricky(
        "tricky-library/conv/half",
        Conv,
        normal(dtype=HALF, input=(1, 2, 5, 5), weight=(2, 2, 3, 3), bias=(2,)),
        "float16 through matrix products",
    ),
    Tricky(
        "tricky-library/conv-transpose/strided",
        lambda: ConvTranspose(stride=2, output_padding=1),
        normal(input=(2, 3, 3, 3), weight=(3, 2, 3, 2), bias=(2,)),
        "outputs that no input reaches",
    ),
    Tricky("tricky-library/max-pool/first", lambda: MaxPool(2), renamed(TIED), "the first of a tie"),
    Tricky("tricky-library/max-pool/split", lambda: MaxPool(2, ties="split"), renamed(TIED), "a tie is split"),
    Tricky(
        "tricky-library/max-pool/half",
        lambda: MaxPool(3, stride=2, padding=1),
        normal(dtype=HALF, input=(2, 2, 7, 7)),
        "float16, where ties are likely",
    ),
    Tricky(
        "tricky-library/average-pool/ceil",
        lambda: AvgPool(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        MAPS,
        "windows of four different sizes",
    ),
    Tricky("tricky-library/lp-pool/zeros", lambda: LpPool(2), fixed(input=np.zeros((1, 1, 4, 4))), "every window at 0"),
    Tricky("tricky-library/lp-pool/l3", lambda: LpPool(2, p=3.0), MAPS, "powers of absolute values"),
    Tricky(
        "tricky-library/batch-norm/tiny-variance",
        lambda: BatchNorm(epsilon=1e-12),
        joined(normal(scale=1e-3, offset=1e3, input=(6, 3)), normal(weight=(3,), bias=(3,))),
        "a variance of 1e-6 on an offset of 1,000",
    ),
    Tricky(
        "tricky-library/layer-norm/single",
        LayerNorm,
        normal(dtype=SINGLE, input=(4, 6), weight=(6,), bias=(6,)),
        "float32",
    ),
    Tricky("tricky-library/gelu/single", GELU, normal(dtype=SINGLE, input=(4, 6)), "float32"),
    Tricky("tricky-library/hard-swish/edges", HardSwish, EDGES, "kinks at -3 and 3"),
    Tricky("tricky-library/relu6/edges", ReLU6, EDGES, "kinks at 0 and 6"),
    Tricky("tricky-library/cross-entropy/labels", SoftmaxCrossEntropy, LABELS, "integer labels"),
    Tricky("tricky-library/cross-entropy/wrong-and-confident", SoftmaxCrossEntropy, CONFIDENT, "a gradient of 1"),
)
