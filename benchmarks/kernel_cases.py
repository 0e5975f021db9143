"""What benchmarks/kernels.py times: the convolutions of three networks, their pools, and the activations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One layer on one shape: `ours` and `torch` make the same layer, `shapes` are its inputs after the batch axis.

    `ours` is a class of gradcheck.layers with its arguments, `torch` a function of torch.nn.functional with its own.
    """

    group: str
    name: str
    input: tuple[int, ...]
    parameters: tuple[tuple[int, ...], ...] = ()
    ours: tuple[str, dict[str, Any]] = ("", {})
    torch: tuple[str, dict[str, Any]] = ("", {})
    batch: int = 1
    dtype: str = "float32"
    bound: float = field(default=2.5)


# (channels, filters, kernel, stride, padding, size) of each distinct convolution.
LENET = ((1, 6, 5, 1, 2, 28), (6, 16, 5, 1, 0, 14), (16, 120, 5, 1, 0, 5))
VGG_16 = (
    (3, 64, 3, 1, 1, 224),
    (64, 64, 3, 1, 1, 224),
    (64, 128, 3, 1, 1, 112),
    (128, 128, 3, 1, 1, 112),
    (128, 256, 3, 1, 1, 56),
    (256, 256, 3, 1, 1, 56),
    (256, 512, 3, 1, 1, 28),
    (512, 512, 3, 1, 1, 28),
    (512, 512, 3, 1, 1, 14),
)
RESNET_50 = (
    (3, 64, 7, 2, 3, 224),
    (64, 64, 1, 1, 0, 56),
    (64, 64, 3, 1, 1, 56),
    (64, 256, 1, 1, 0, 56),
    (256, 64, 1, 1, 0, 56),
    (256, 128, 1, 1, 0, 56),
    (128, 128, 3, 2, 1, 56),
    (128, 512, 1, 1, 0, 28),
    (256, 512, 1, 2, 0, 56),
    (512, 128, 1, 1, 0, 28),
    (128, 128, 3, 1, 1, 28),
    (512, 256, 1, 1, 0, 28),
    (256, 256, 3, 2, 1, 28),
    (256, 1024, 1, 1, 0, 14),
    (512, 1024, 1, 2, 0, 28),
    (1024, 256, 1, 1, 0, 14),
    (256, 256, 3, 1, 1, 14),
    (1024, 512, 1, 1, 0, 14),
    (512, 512, 3, 2, 1, 14),
    (512, 2048, 1, 1, 0, 7),
    (1024, 2048, 1, 2, 0, 14),
    (2048, 512, 1, 1, 0, 7),
    (512, 512, 3, 1, 1, 7),
)
NETWORKS = {"lenet": LENET, "resnet": RESNET_50, "vgg": VGG_16}

# (input, our class, its arguments, torch's function, its arguments)
POOLS = (
    ((6, 28, 28), "MaxPool", {"kernel_size": 2}, "max_pool2d", {"kernel_size": 2}),
    ((64, 112, 112), "MaxPool", {"kernel_size": 2}, "max_pool2d", {"kernel_size": 2}),
    (
        (64, 112, 112),
        "MaxPool",
        {"kernel_size": 3, "stride": 2, "padding": 1},
        "max_pool2d",
        {"kernel_size": 3, "stride": 2, "padding": 1},
    ),
    ((64, 112, 112), "AvgPool", {"kernel_size": 2}, "avg_pool2d", {"kernel_size": 2}),
    ((64, 56, 56), "AvgPool", {"kernel_size": 3, "stride": 2}, "avg_pool2d", {"kernel_size": 3, "stride": 2}),
    ((64, 56, 56), "LpPool", {"kernel_size": 2, "p": 2.0}, "lp_pool2d", {"norm_type": 2.0, "kernel_size": 2}),
    ((512, 14, 14), "AdaptiveMaxPool", {"output_size": 7}, "adaptive_max_pool2d", {"output_size": 7}),
    ((512, 14, 14), "AdaptiveAvgPool", {"output_size": 7}, "adaptive_avg_pool2d", {"output_size": 7}),
    ((2048, 7, 7), "GlobalAvgPool", {}, "adaptive_avg_pool2d", {"output_size": 1}),
)

# (our class, its arguments, torch's function, its arguments, bound)
ACTIVATIONS = (
    ("ReLU", {}, "relu", {}, 5),
    ("LeakyReLU", {}, "leaky_relu", {}, 5),
    ("ReLU6", {}, "relu6", {}, 5),
    ("Threshold", {}, "threshold", {"threshold": 0.0, "value": 0.0}, 5),
    ("ELU", {}, "elu", {}, 5),
    ("SELU", {}, "selu", {}, 5),
    ("CELU", {}, "celu", {}, 5),
    ("GELU", {}, "gelu", {}, 15),
    ("GELU", {"approximate": "tanh"}, "gelu", {"approximate": "tanh"}, 5),
    ("SiLU", {}, "silu", {}, 5),
    ("Mish", {}, "mish", {}, 5),
    ("Sigmoid", {}, "sigmoid", {}, 5),
    ("LogSigmoid", {}, "logsigmoid", {}, 5),
    ("Tanh", {}, "tanh", {}, 5),
    ("Softplus", {}, "softplus", {}, 5),
    ("Softsign", {}, "softsign", {}, 5),
    ("TanhShrink", {}, "tanhshrink", {}, 5),
    ("HardTanh", {}, "hardtanh", {}, 5),
    ("HardSigmoid", {}, "hardsigmoid", {}, 5),
    ("HardSwish", {}, "hardswish", {}, 5),
    ("HardShrink", {}, "hardshrink", {}, 5),
    ("SoftShrink", {}, "softshrink", {}, 5),
    ("Softmax", {"axis": 1}, "softmax", {"dim": 1}, 5),
    ("LogSoftmax", {"axis": 1}, "log_softmax", {"dim": 1}, 5),
)
ACTIVATION_INPUT = (64, 56, 56)


def cases(groups: list[str], batches: list[int], dtypes: list[str]) -> Iterator[Case]:
    """Iterate over the cases of the named groups: lenet, resnet, vgg, pools, activations."""
    for dtype in dtypes:
        for group in groups:
            for batch in batches:
                yield from _group(group, batch, dtype)


def _group(group: str, batch: int, dtype: str) -> Iterator[Case]:
    common: dict[str, Any] = {"group": group, "batch": batch, "dtype": dtype}
    for c, k, m, s, p, size in NETWORKS.get(group, ()):
        arguments = {"stride": s, "padding": p}
        yield Case(
            name=f"{c}->{k} {m}x{m}/{s} at {size}",
            input=(c, size, size),
            parameters=((k, c, m, m), (k,)),
            ours=("Conv", arguments),
            torch=("conv2d", arguments),
            **common,
        )
    if group == "pools":
        for shape, ours, mine, torch, theirs in POOLS:
            name = f"{_call(ours, mine)} at {shape[-1]}"
            yield Case(name=name, input=shape, ours=(ours, mine), torch=(torch, theirs), bound=5, **common)
    if group == "activations":
        for ours, mine, torch, theirs, bound in ACTIVATIONS:
            call = (ours, mine), (torch, theirs)
            yield Case(
                name=_call(ours, mine), input=ACTIVATION_INPUT, ours=call[0], torch=call[1], bound=bound, **common
            )


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(str(value) for value in arguments.values())})"
