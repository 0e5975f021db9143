"""The layers of the package in one table: what each is, where the article has it, and an example to try it on."""

from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Entry:
    """One layer of the catalogue.

    Parameters
    ----------
    layer : object
        An example of it; its repr is the constructor call.
    inputs : tuple of str
        Inputs that the example accepts, as `gradcheck check --input` reads them.
    equations : str
        Where the article states or uses it; empty where it does not.
    summary : str
        What it computes, in one line.
    """

    layer: Any
    inputs: tuple[str, ...]
    equations: str
    summary: str

    @property
    def name(self) -> str:
        """The name of the class."""
        return type(self.layer).__name__


IMAGE = ("input=2,4,7,6",)
SPREAD = ("weight=4,3,3,2", "bias=3")
FILTERS = ("weight=3,4,3,2", "bias=3")
SAME = ("input=3,5", "target=3,5")
PER_CHANNEL = ("weight=4", "bias=4")
SMALL_MODEL = Sequential((Conv(padding=1), ReLU(), MaxPool(2), Flatten(), Linear(), HalfSquaredError()))
SMALL_MODEL_INPUTS = ("0.weight=3,4,3,3", "0.bias=3", "4.weight=5,27", "4.bias=5", "5.target=2,5")

CATALOGUE = (
    Entry(Conv(stride=2, padding=1), IMAGE + FILTERS, "Eqs. 1-7, 10-22", "cross-correlation; flip=True: convolution"),
    Entry(ConvTranspose(stride=2), IMAGE + SPREAD, "Eqs. 7, 13, 16-22", "adjoint of Conv: spreads entries out"),
    Entry(MaxPool(3, 2), IMAGE, "Pooling Layer", "largest entry of each window; the gradient goes to the winning unit"),
    Entry(AvgPool(3, 2), IMAGE, "Pooling Layer", "mean of each window; the gradient is shared evenly"),
    Entry(LpPool(2, p=2.0), IMAGE, "Pooling Layer", "p-norm of each window, L2 by default"),
    Entry(AdaptiveMaxPool((3, 2)), IMAGE, "", "max-pooling to a given output size"),
    Entry(AdaptiveAvgPool((3, 2)), IMAGE, "", "average pooling to a given output size"),
    Entry(GlobalMaxPool(), IMAGE, "", "largest entry of each channel"),
    Entry(GlobalAvgPool(), IMAGE, "", "mean of each channel"),
    Entry(GlobalLpPool(), IMAGE, "", "p-norm of each channel"),
    Entry(ReLU(), IMAGE, "Eqs. 8, 19-22", "max(0, x), the article's non-saturating activation"),
    Entry(LeakyReLU(), IMAGE, "Eqs. 8, 19-22", "x above zero, a small multiple of it below"),
    Entry(PReLU(), (*IMAGE, "weight=4"), "Eqs. 8, 19-22", "leaky ReLU with a learned slope per channel"),
    Entry(ReLU6(), IMAGE, "Eqs. 8, 19-22", "min(max(0, x), 6)"),
    Entry(Threshold(0.5, -1.0), IMAGE, "Eqs. 8, 19-22", "x above the threshold, a constant below"),
    Entry(ELU(), IMAGE, "Eqs. 8, 19-22", "x above zero, alpha (exp(x) - 1) below"),
    Entry(SELU(), IMAGE, "Eqs. 8, 19-22", "ELU scaled so that mean 0 and variance 1 persist"),
    Entry(CELU(2.0), IMAGE, "Eqs. 8, 19-22", "x above zero, alpha (exp(x / alpha) - 1) below"),
    Entry(GELU(), IMAGE, "Eqs. 8, 19-22", "x times the normal distribution function, exact or by tanh"),
    Entry(SiLU(), IMAGE, "Eqs. 8, 19-22", "x times its logistic function (swish)"),
    Entry(Mish(), IMAGE, "Eqs. 8, 19-22", "x tanh(softplus(x))"),
    Entry(Sigmoid(), IMAGE, "Eqs. 8, 19-22", "logistic function 1 / (1 + exp(-x))"),
    Entry(LogSigmoid(), IMAGE, "Eqs. 8, 19-22", "logarithm of the logistic function"),
    Entry(Tanh(), IMAGE, "Eqs. 8, 19-22", "hyperbolic tangent"),
    Entry(Softplus(), IMAGE, "Eqs. 8, 19-22", "log(1 + exp(beta x)) / beta"),
    Entry(Softsign(), IMAGE, "Eqs. 8, 19-22", "x / (1 + |x|)"),
    Entry(TanhShrink(), IMAGE, "Eqs. 8, 19-22", "x - tanh(x)"),
    Entry(HardTanh(), IMAGE, "Eqs. 8, 19-22", "x clipped to [-1, 1]"),
    Entry(HardSigmoid(), IMAGE, "Eqs. 8, 19-22", "(x + 3) / 6 clipped to [0, 1]"),
    Entry(HardSwish(), IMAGE, "Eqs. 8, 19-22", "x times its hard sigmoid"),
    Entry(HardShrink(), IMAGE, "Eqs. 8, 19-22", "x where |x| > lambd, else 0"),
    Entry(SoftShrink(), IMAGE, "Eqs. 8, 19-22", "x moved towards 0 by lambd"),
    Entry(Softmax(1), IMAGE, "", "positive weights that sum to one along an axis"),
    Entry(LogSoftmax(1), IMAGE, "", "logarithm of softmax"),
    Entry(Linear(), ("input=2,5", "weight=3,5", "bias=3"), "Eqs. 7, 13, 20", "fully connected: nothing slides"),
    Entry(Flatten(), IMAGE, "", "all axes behind the batch made one"),
    Entry(HalfSquaredError(), SAME, "Eq. 9", "half the sum of squared differences"),
    Entry(MeanSquaredError(), SAME, "", "mean of squared differences"),
    Entry(SoftmaxCrossEntropy(), ("input=3,5", "target=3:int:0..4"), "", "cross-entropy of labels, from logits"),
    Entry(BinaryCrossEntropyWithLogits(), SAME, "", "cross-entropy of probabilities, from logits"),
    Entry(BatchNorm(), IMAGE + PER_CHANNEL, "", "each channel to mean 0 and variance 1 over the batch"),
    Entry(LayerNorm(), ("input=2,3,4", *PER_CHANNEL), "", "each sample to mean 0 and variance 1"),
    Entry(SMALL_MODEL, IMAGE + SMALL_MODEL_INPUTS, "Eqs. 7-9, 13, 20", "layers one after the other"),
)
