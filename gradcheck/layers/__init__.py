"""Layers with hand-derived backward passes: frozen dataclasses with pure `forward` and `backward`, NC... arrays."""

from gradcheck.layers.adaptive_pool import AdaptiveAvgPool, AdaptiveMaxPool
from gradcheck.layers.average_pool import AvgPool
from gradcheck.layers.convolution import Conv
from gradcheck.layers.exponential import CELU, ELU, SELU
from gradcheck.layers.gaussian import GELU
from gradcheck.layers.global_pool import GlobalAvgPool, GlobalLpPool, GlobalMaxPool
from gradcheck.layers.hard import HardShrink, HardSigmoid, HardSwish, HardTanh, SoftShrink
from gradcheck.layers.linear import Flatten, Linear
from gradcheck.layers.logistic import Mish, SiLU
from gradcheck.layers.losses import (
    BinaryCrossEntropyWithLogits,
    HalfSquaredError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from gradcheck.layers.lp_pool import LpPool
from gradcheck.layers.max_pool import MaxPool
from gradcheck.layers.normalisation import BatchNorm, LayerNorm
from gradcheck.layers.prelu import PReLU
from gradcheck.layers.rectifiers import LeakyReLU, ReLU, ReLU6, Threshold
from gradcheck.layers.sequential import Sequential
from gradcheck.layers.sigmoids import LogSigmoid, Sigmoid, Softplus, Softsign, Tanh, TanhShrink
from gradcheck.layers.softmax import LogSoftmax, Softmax
from gradcheck.layers.transposed import ConvTranspose

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AvgPool",
    "BatchNorm",
    "BinaryCrossEntropyWithLogits",
    "Conv",
    "ConvTranspose",
    "Flatten",
    "GlobalAvgPool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "HalfSquaredError",
    "HardShrink",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "LpPool",
    "MaxPool",
    "MeanSquaredError",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SoftShrink",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Softsign",
    "Tanh",
    "TanhShrink",
    "Threshold",
]
