"""The operations of the suite in one table: which of our layers each is, and what its inputs are called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from gradcheck import layers
from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.oracle.case import Case


@dataclass(frozen=True)
class Operation:
    """How to build our layer from a case's hyperparameters, and the names of its inputs in their order.

    Optional inputs (a bias) come last. `constants` have no gradient.
    """

    make: Callable[..., Any]
    arguments: tuple[str, ...] = ("input",)
    constants: tuple[str, ...] = ()


def _softplus(beta: float, threshold: float | None) -> Any:
    return layers.Softplus(beta, inf if threshold is None else threshold)


PARAMETERS = ("input", "weight", "bias")
PAIR = ("input", "target")

OPERATIONS: dict[str, Operation] = {
    "conv": Operation(layers.Conv, PARAMETERS),
    "conv_transpose": Operation(layers.ConvTranspose, PARAMETERS),
    "linear": Operation(layers.Linear, PARAMETERS),
    "max_pool": Operation(layers.MaxPool),
    "avg_pool": Operation(layers.AvgPool),
    "lp_pool": Operation(layers.LpPool),
    "adaptive_max_pool": Operation(layers.AdaptiveMaxPool),
    "adaptive_avg_pool": Operation(layers.AdaptiveAvgPool),
    "global_max_pool": Operation(layers.GlobalMaxPool),
    "global_avg_pool": Operation(layers.GlobalAvgPool),
    "global_lp_pool": Operation(layers.GlobalLpPool),
    "relu": Operation(layers.ReLU),
    "leaky_relu": Operation(layers.LeakyReLU),
    "prelu": Operation(layers.PReLU, ("input", "weight")),
    "relu6": Operation(layers.ReLU6),
    "threshold": Operation(layers.Threshold),
    "hard_tanh": Operation(layers.HardTanh),
    "hard_sigmoid": Operation(layers.HardSigmoid),
    "hard_swish": Operation(layers.HardSwish),
    "hard_shrink": Operation(layers.HardShrink),
    "soft_shrink": Operation(layers.SoftShrink),
    "sigmoid": Operation(layers.Sigmoid),
    "log_sigmoid": Operation(layers.LogSigmoid),
    "tanh": Operation(layers.Tanh),
    "tanh_shrink": Operation(layers.TanhShrink),
    "softplus": Operation(_softplus),
    "softsign": Operation(layers.Softsign),
    "elu": Operation(layers.ELU),
    "selu": Operation(layers.SELU),
    "celu": Operation(layers.CELU),
    "gelu": Operation(layers.GELU),
    "silu": Operation(layers.SiLU),
    "mish": Operation(layers.Mish),
    "softmax": Operation(layers.Softmax),
    "log_softmax": Operation(layers.LogSoftmax),
    "half_squared_error": Operation(layers.HalfSquaredError, PAIR),
    "mean_squared_error": Operation(layers.MeanSquaredError, PAIR),
    "cross_entropy": Operation(layers.SoftmaxCrossEntropy, PAIR, constants=("target",)),
    "binary_cross_entropy": Operation(layers.BinaryCrossEntropyWithLogits, PAIR),
    "batch_norm": Operation(layers.BatchNorm, PARAMETERS),
    "layer_norm": Operation(layers.LayerNorm, PARAMETERS),
}


def layer_for(operation: str, hyperparameters: Mapping[str, Any]) -> Any:
    """Return our layer for an operation; raise InvalidInput where there is none of that name.

    >>> layer_for("conv", {"stride": [2, 1], "padding": [[0, 1], [0, 0]]})
    Conv(stride=(2, 1), padding=((0, 1), (0, 0)), dilation=1, groups=1, flip=False)
    """
    if operation not in OPERATIONS:
        raise InvalidInput(f"there is no operation {operation!r}{did_you_mean(operation, OPERATIONS) or '.'}")
    return OPERATIONS[operation].make(**{name: _frozen(value) for name, value in hyperparameters.items()})


def layer_of(case: Case) -> Any:
    """Return our layer for a case."""
    return layer_for(case.operation, case.hyperparameters)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, (list, tuple)) else value
