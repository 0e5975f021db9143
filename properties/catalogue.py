"""One drawing for every layer: a layer with inputs that fit it, for the laws that hold for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from gradcheck import layers
from properties.drawing import Array, convolutions, distinct, integers, per_axis, pools, seeds, transposed_convolutions

# A law for every layer is some forty tests, and each differences or repeats forward: a fifth of the examples each.
FEWER = max(8, settings().max_examples // 5)

Draw = Callable[[st.DrawFn], "Drawn"]


@dataclass(frozen=True)
class Drawn:
    """A layer and its inputs, none of them at or near a kink or a tie; the first has a batch axis in front.

    `per_sample` are the places of inputs that have that batch axis, too.
    """

    layer: Any
    inputs: tuple[Array, ...]
    seed: int
    per_sample: tuple[int, ...] = (0,)

    def cotangent(self, output: Array) -> Array:
        """Return an integer grad_output."""
        return integers(self.seed + 9, output.shape)

    def gradients(self, grad_output: Array) -> tuple[Array | None, ...]:
        """Return the gradients as a tuple, whatever the layer returns."""
        claimed = self.layer.backward(grad_output, *self.inputs)
        return claimed if isinstance(claimed, tuple) else (claimed,)


def spelled(draw: st.DrawFn, *, dilated: bool) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Draw a pooling geometry as the layers spell it, and input lengths."""
    pool, lengths = draw(pools(dilated=dilated))
    options = {"stride": pool.stride, "padding": pool.padding, "ceil_mode": pool.ceil_mode}
    return {"kernel_size": pool.kernel, **options, **({"dilation": pool.dilation} if dilated else {})}, lengths


def convolution(draw: st.DrawFn) -> Drawn:
    """Draw a convolution with a bias."""
    case = draw(convolutions(least_batch=1))
    return Drawn(layers.Conv(**case.options), (case.input, case.weight, case.bias), case.seed)


def transposed(draw: st.DrawFn) -> Drawn:
    """Draw a transposed convolution with a bias."""
    case = draw(transposed_convolutions(least_batch=1))
    return Drawn(layers.ConvTranspose(**case.transposed_options), (case.input, case.weight, case.bias), case.seed)


def pooled(make: Callable[..., Any], *, dilated: bool = False) -> Draw:
    """Return the drawing of a sliding pool; its input has neither ties nor zeros."""

    def draw_pool(draw: st.DrawFn) -> Drawn:
        options, lengths = spelled(draw, dilated=dilated)
        seed = draw(seeds)
        return Drawn(make(**options), (distinct(seed, (draw(st.integers(1, 2)), 2, *lengths)),), seed)

    return draw_pool


def resized(make: Callable[[tuple[int, ...]], Any]) -> Draw:
    """Return the drawing of a pool that is made from its output size."""

    def draw_pool(draw: st.DrawFn) -> Drawn:
        count, seed = draw(st.integers(1, 3)), draw(seeds)
        shape = (draw(st.integers(1, 2)), 2, *draw(per_axis(count, 1, 5)))
        return Drawn(make(draw(per_axis(count, 1, 5))), (distinct(seed, shape),), seed)

    return draw_pool


def elementwise(layer: Any) -> Draw:
    """Return the drawing of an activation: values 0.37 apart lie at least 0.05 from every kink of ours."""

    def draw_activation(draw: st.DrawFn) -> Drawn:
        seed = draw(seeds)
        shape = (draw(st.integers(1, 2)), *draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
        return Drawn(layer, (distinct(seed, tuple(shape), spacing=0.37),), seed)

    return draw_activation


def prelu(draw: st.DrawFn) -> Drawn:
    """Draw a PReLU with a slope for each channel."""
    drawn = elementwise(layers.PReLU())(draw)
    return Drawn(drawn.layer, (drawn.inputs[0], integers(drawn.seed, drawn.inputs[0].shape[1:2]) / 8), drawn.seed)


def linear(draw: st.DrawFn) -> Drawn:
    """Draw a linear layer with a bias."""
    seed, inputs, outputs = draw(seeds), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    x = integers(seed, (draw(st.integers(1, 3)), inputs))
    return Drawn(layers.Linear(), (x, integers(seed + 1, (outputs, inputs)), integers(seed + 2, (outputs,))), seed)


def batch_norm(draw: st.DrawFn) -> Drawn:
    """Draw a batch normalisation over at least two entries a channel."""
    seed = draw(seeds)
    x = distinct(seed, (draw(st.integers(2, 3)), draw(st.integers(1, 3)), *draw(st.sampled_from([(), (2,), (1, 2)]))))
    parameters = integers(seed + 1, x.shape[1:2]), integers(seed + 2, x.shape[1:2])
    return Drawn(layers.BatchNorm(epsilon=0.5), (x, *parameters), seed)


def layer_norm(draw: st.DrawFn) -> Drawn:
    """Draw a layer normalisation over at least two features."""
    seed, features = draw(seeds), draw(st.sampled_from([(2,), (3,), (2, 2), (3, 1)]))
    x = distinct(seed, (draw(st.integers(1, 3)), *features))
    parameters = integers(seed + 1, features), integers(seed + 2, features)
    return Drawn(layers.LayerNorm(trailing_axes=len(features), epsilon=0.5), (x, *parameters), seed)


def loss(make: Any) -> Draw:
    """Return the drawing of a loss of two arrays of one shape, kept apart by sample."""

    def draw_loss(draw: st.DrawFn) -> Drawn:
        seed = draw(seeds)
        shape = (draw(st.integers(1, 3)), *draw(st.lists(st.integers(1, 3), max_size=2)))
        return Drawn(
            make("none"), (integers(seed, shape) / 4, integers(seed + 1, shape, low=0, high=4) / 4), seed, (0, 1)
        )

    return draw_loss


def cross_entropy(draw: st.DrawFn) -> Drawn:
    """Draw logits and integer labels."""
    seed, samples, classes = draw(seeds), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    labels = np.random.default_rng(seed).integers(0, classes, (samples, 2))
    return Drawn(layers.SoftmaxCrossEntropy("none"), (integers(seed, (samples, classes, 2)) / 4, labels), seed, (0, 1))


def sequence(draw: st.DrawFn) -> Drawn:
    """Draw the article's convolution, activation and pooling, flattened into a linear layer."""
    seed = draw(seeds)
    body = (layers.Conv(padding="same"), layers.Sigmoid(), layers.AvgPool(2, 2), layers.Flatten(), layers.Linear())
    x, w, b = (
        integers(seed, (draw(st.integers(1, 2)), 1, 4, 4)),
        integers(seed + 1, (2, 1, 3, 3)),
        integers(seed + 2, (2,)),
    )
    tail = integers(seed + 3, (3, 8)), integers(seed + 4, (3,))
    return Drawn(layers.Sequential(body), (x / 4, w / 4, b / 4, *tail), seed)


ACTIVATIONS = (
    layers.ReLU(),
    layers.LeakyReLU(0.25),
    layers.ReLU6(),
    layers.Threshold(0.0, 0.5),
    layers.HardTanh(),
    layers.HardSigmoid(),
    layers.HardSwish(),
    layers.HardShrink(),
    layers.SoftShrink(),
    layers.ELU(),
    layers.SELU(),
    layers.CELU(),
    layers.Sigmoid(),
    layers.LogSigmoid(),
    layers.Tanh(),
    layers.TanhShrink(),
    layers.Softplus(),
    layers.Softsign(),
    layers.SiLU(),
    layers.Mish(),
    layers.GELU(),
    layers.GELU("tanh"),
)

# Forward is linear in each input, or affine; integers make both passes exact.
LINEAR: dict[str, Draw] = {
    "Conv": convolution,
    "ConvTranspose": transposed,
    "Linear": linear,
    "Flatten": elementwise(layers.Flatten()),
}
POOLS: dict[str, Draw] = {
    "MaxPool": pooled(layers.MaxPool, dilated=True),
    "AvgPool": pooled(layers.AvgPool),
    "LpPool": pooled(layers.LpPool),
    "AdaptiveMaxPool": resized(layers.AdaptiveMaxPool),
    "AdaptiveAvgPool": resized(layers.AdaptiveAvgPool),
    "GlobalMaxPool": resized(lambda _: layers.GlobalMaxPool()),
    "GlobalAvgPool": resized(lambda _: layers.GlobalAvgPool()),
    "GlobalLpPool": resized(lambda _: layers.GlobalLpPool()),
}
PER_SAMPLE: dict[str, Draw] = {
    **LINEAR,
    **POOLS,
    **{repr(layer): elementwise(layer) for layer in ACTIVATIONS},
    "PReLU": prelu,
    "Softmax": elementwise(layers.Softmax()),
    "LogSoftmax": elementwise(layers.LogSoftmax()),
    "LayerNorm": layer_norm,
    "HalfSquaredError": loss(layers.HalfSquaredError),
    "MeanSquaredError": loss(layers.MeanSquaredError),
    "BinaryCrossEntropyWithLogits": loss(layers.BinaryCrossEntropyWithLogits),
    "SoftmaxCrossEntropy": cross_entropy,
    "Sequential": sequence,
}
EVERY: dict[str, Draw] = {**PER_SAMPLE, "BatchNorm": batch_norm}


def cases(draw_case: Draw) -> st.SearchStrategy[Drawn]:
    """Return the strategy of one row of the tables above."""
    return st.composite(draw_case)()
