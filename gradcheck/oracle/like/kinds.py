"""The kinds of layers that others can be held to: arrays, axes, hyperparameters, and which layer of ours it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcheck.layers import AvgPool, BatchNorm, Conv, ConvTranspose, Linear, MaxPool, SoftmaxCrossEntropy
from gradcheck.oracle.like import sweeps
from gradcheck.oracle.like.functions import FUNCTIONS
from gradcheck.oracle.like.setting import Setting

WHOLE = "whole:-9..9"  # products and sums of a small layer are exact in any order, in float32 as well
DISTINCT = "distinct"  # no ties and no zeros, so that a maximum has one winner and a rectifier no kink
NORMAL = "normal"


@dataclass(frozen=True)
class Variant:
    """One meaning that layers of a kind may have: how it is said, empty for the usual one, and its constructor."""

    words: str
    make: Callable[[Setting], Any]
    name: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Parameters
    ----------
    arrays : mapping of str to str
        Our axes of each array, by its role, in the order of our layer's arguments; N batch, C channels (features),
        O filters (outputs), I channels of one group, D, H, W space.
    output : str
        Likewise of the output.
    roles : tuple of str
        The hyperparameters that it knows (`like/spellings.py`).
    layouts : mapping of str to tuple of str
        Axes that strangers' arrays may have, by role, the usual one first.
    values : str
        How inputs are drawn.
    variants : tuple of Variant
        What strangers may mean by this kind, the usual one first.
    settings : tuple of Setting
        The sweep; the first is the one at which layouts are found out.
    exact : bool
        Whether the kind adds and multiplies whole numbers alone, so that its answers are whole.
    """

    name: str
    arrays: Mapping[str, str]
    output: str
    roles: tuple[str, ...]
    layouts: Mapping[str, tuple[str, ...]]
    values: str
    variants: tuple[Variant, ...]
    settings: tuple[Setting, ...]
    exact: bool = False
    spatial: str = ""

    def sizes(self, role: str, setting: Setting) -> dict[str, int]:
        """Return the size of each of our axes of an array."""
        transposed = self.arrays.get("weight", "").startswith("I")
        known = {
            "N": setting.batch,
            "C": setting.channels,
            "O": setting.filters // setting.groups if transposed and role == "weight" else setting.filters,
            "I": setting.channels if transposed else setting.channels // setting.groups,
        }
        space = setting.kernel if role == "weight" else setting.size
        known |= dict(zip(self.spatial, space, strict=False))
        return {letter: known[letter] for letter in self.arrays[role]}


_GEOMETRY = (
    "stride", "stride_height", "stride_width", "padding", "padding_height", "padding_width", "dilation",
)  # fmt: skip
_KERNEL = ("kernel", "kernel_height", "kernel_width", "kernel_depth")
_IMAGE = ("shape", "height", "width")

_IMAGES = {
    1: ("NCW", "NWC", "CW", "WC", "W"),
    2: ("NCHW", "NHWC", "CHW", "HWC", "HW"),
    3: ("NCDHW", "NDHWC", "CDHW", "DHWC", "DHW"),
}
_WEIGHTS = {
    1: ("OIW", "WIO", "OWI", "IOW", "OW", "W"),
    2: ("OIHW", "HWIO", "OHWI", "HWOI", "IOHW", "IHWO", "OHW", "HWO", "HW"),
    3: ("OIDHW", "DHWIO", "ODHWI", "DHWOI", "IODHW", "ODHW"),
}
_BIASES = ("O", "1O", "O1", "111O", "O111", "1O11")


def _conv(setting: Setting, *, flip: bool) -> Conv:
    return Conv(setting.stride, setting.padding, setting.dilation, setting.groups, flip)


def _transposed(setting: Setting, *, flip: bool) -> ConvTranspose:
    beyond = setting.output_padding or 0
    return ConvTranspose(setting.stride, setting.padding, beyond, setting.dilation, setting.groups, flip)


_ROTATED = "kernel rotated by 180 degrees (true convolution)"


def _convolution(dims: int) -> Kind:
    space = "DHW"[-dims:]
    return Kind(
        name=f"conv{dims}d",
        arrays={"input": f"NC{space}", "weight": f"OI{space}", "bias": "O"},
        output=f"NO{space}",
        roles=(*_KERNEL, *_GEOMETRY, "groups", "filters", *_IMAGE, "channels"),
        layouts={"input": _IMAGES[dims], "weight": _WEIGHTS[dims], "bias": _BIASES},
        values=WHOLE,
        variants=(
            Variant("", lambda setting: _conv(setting, flip=False)),
            Variant(_ROTATED, lambda setting: _conv(setting, flip=True)),
        ),
        settings=sweeps.convolution(dims),
        exact=True,
        spatial=space,
    )


def _pool(name: str, values: str, variants: tuple[Variant, ...], roles: tuple[str, ...]) -> Kind:
    return Kind(
        name=name,
        arrays={"input": "NCHW"},
        output="NCHW",
        roles=(*_KERNEL, *_GEOMETRY[:6], *roles, "mode", *_IMAGE, "channels"),
        layouts={"input": _IMAGES[2]},
        values=values,
        variants=variants,
        settings=sweeps.pooling(),
        spatial="HW",
    )


_LINEAR = Kind(
    name="linear",
    arrays={"input": "NC", "weight": "OI", "bias": "O"},
    output="NO",
    roles=("channels", "filters"),
    layouts={"input": ("NC", "CN", "C", "C1"), "weight": ("OI", "IO"), "bias": ("O", "1O", "O1")},
    values=WHOLE,
    variants=(Variant("", lambda _: Linear()),),
    settings=sweeps.linear(),
    exact=True,
)
_EPSILONS = (1e-5, 1e-8, 1e-3, 1e-7, 1e-6, 1e-4, 1e-10, 1e-12)  # those of published layers, PyTorch's first
_BATCH_NORM = Kind(
    name="batch_norm",
    arrays={"input": "NCHW", "weight": "C", "bias": "C"},
    output="NCHW",
    roles=("channels", "epsilon", "training", "mode"),
    layouts={
        "input": ("NC", "NCHW", "NHWC", "CN"),
        "weight": ("C", "1C", "C1", "1C11", "111C"),
        "bias": ("C", "1C", "C1", "1C11", "111C"),
    },
    values=NORMAL,
    variants=tuple(
        Variant("" if number == 0 else f"epsilon {epsilon:g}", lambda _, epsilon=epsilon: BatchNorm(epsilon))  # type: ignore[misc]  # a default
        for number, epsilon in enumerate(_EPSILONS)
    ),
    settings=sweeps.batch_norm(),
    spatial="HW",
)
_CROSS_ENTROPY = Kind(
    name="softmax_cross_entropy",
    arrays={"input": "NC", "target": "N"},
    output="",
    roles=("channels",),
    layouts={"input": ("NC", "CN", "C"), "target": ("N", "NC", "CN", "C", "N1", "1N")},
    values=NORMAL,
    variants=(
        Variant("", lambda _: SoftmaxCrossEntropy()),
        Variant("summed over the batch, not averaged", lambda _: SoftmaxCrossEntropy("sum")),
        Variant("one loss a sample", lambda _: SoftmaxCrossEntropy("none")),
    ),
    settings=sweeps.cross_entropy(),
)
_ACTIVATION = Kind(
    name="activation",
    arrays={"input": "NC"},
    output="NC",
    roles=(),
    layouts={"input": ("NC",)},
    values=DISTINCT,
    variants=tuple(Variant(name, lambda _, layer=layer: layer, name) for name, layer in FUNCTIONS),  # type: ignore[misc]  # a default
    settings=sweeps.activation(),
)
_TRANSPOSED = replace(
    _convolution(2),
    name="conv_transpose2d",
    arrays={"input": "NCHW", "weight": "IOHW", "bias": "O"},
    layouts={"input": _IMAGES[2], "weight": ("IOHW", "OIHW", "HWOI", "HWIO"), "bias": _BIASES},
    variants=(
        Variant("", lambda setting: _transposed(setting, flip=False)),
        Variant(_ROTATED, lambda setting: _transposed(setting, flip=True)),
    ),
    roles=(*_convolution(2).roles, "output_padding"),
    settings=sweeps.transposed(),
)
_CEIL = "a last window that hangs over the end is kept (ceil_mode)"
_MAX_POOL = _pool(
    "max_pool2d",
    DISTINCT,
    (
        Variant("", lambda s: MaxPool(s.kernel, s.stride, padding=s.padding, dilation=s.dilation)),
        Variant(_CEIL, lambda s: MaxPool(s.kernel, s.stride, padding=s.padding, dilation=s.dilation, ceil_mode=True)),
    ),
    ("dilation",),
)
_AVG_POOL = _pool(
    "avg_pool2d",
    WHOLE,
    (
        Variant("", lambda s: AvgPool(s.kernel, s.stride, padding=s.padding)),
        Variant(
            "padding is not counted in the mean",
            lambda s: AvgPool(s.kernel, s.stride, padding=s.padding, count_include_pad=False),
        ),
        Variant(_CEIL, lambda s: AvgPool(s.kernel, s.stride, padding=s.padding, ceil_mode=True)),
    ),
    (),
)
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _convolution(2),
        _convolution(1),
        _convolution(3),
        _TRANSPOSED,
        _MAX_POOL,
        _AVG_POOL,
        _ACTIVATION,
        _LINEAR,
        _BATCH_NORM,
        _CROSS_ENTROPY,
    )
}
