"""Layers with hand-derived backward passes: frozen dataclasses with pure `forward` and `backward`, NC... arrays."""

from gradcheck.layers.adaptive_pool import AdaptiveAvgPool, AdaptiveMaxPool
from gradcheck.layers.average_pool import AvgPool
from gradcheck.layers.convolution import Conv
from gradcheck.layers.global_pool import GlobalAvgPool, GlobalLpPool, GlobalMaxPool
from gradcheck.layers.linear import Flatten, Linear
from gradcheck.layers.losses import (
    BinaryCrossEntropyWithLogits,
    HalfSquaredError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from gradcheck.layers.lp_pool import LpPool
from gradcheck.layers.max_pool import MaxPool
from gradcheck.layers.normalisation import BatchNorm, LayerNorm
from gradcheck.layers.sequential import Sequential

__all__ = [
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AvgPool",
    "BatchNorm",
    "BinaryCrossEntropyWithLogits",
    "Conv",
    "Flatten",
    "GlobalAvgPool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "HalfSquaredError",
    "LayerNorm",
    "Linear",
    "LpPool",
    "MaxPool",
    "MeanSquaredError",
    "Sequential",
    "SoftmaxCrossEntropy",
]
