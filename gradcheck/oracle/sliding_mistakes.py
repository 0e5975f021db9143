"""How convolutions go wrong; a transposed convolution is looked at as the convolution that it is the adjoint of."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.layers import Conv
from gradcheck.oracle.case import Array
from gradcheck.oracle.mistakes import Entry, Results, Scene

BOTH = ("conv", "conv_transpose")
BITS_KEPT = 11  # of the significand, by the TF32 of tensor cores


class Slide:
    """A convolution with image, error and kernel, and the names of its three results in the case at hand.

    Of a transposed convolution the image is grad_output and the error the input, so that its output is the gradient
    of the image, and the gradient of its input is the convolution's output.
    """

    def __init__(self, scene: Scene) -> None:
        layer, (x, self.weight, *bias) = scene.layer, scene.inputs
        self.image: Any
        self.error: Any
        self.layer: Any
        self.transposed = scene.case.operation == "conv_transpose"
        self.image, self.error = (scene.error, x) if self.transposed else (x, scene.error)
        self.layer = Conv(layer.stride, layer.padding, layer.dilation, layer.groups, layer.flip)
        self.bias = bias[0].reshape(-1, *(1,) * self.rank) if bias else 0

    @property
    def rank(self) -> int:
        """How many spatial axes there are."""
        return int(self.image.ndim - 2)

    @property
    def spans(self) -> list[int]:
        """How far the dilated kernel reaches."""
        return [d * (k - 1) + 1 for d, k in zip(self.layer.dilation, self.weight.shape[2:], strict=True)]

    def forward(self, output: Array) -> Results:
        """Name the convolution's output; a transposed one has it as its gradient."""
        return {"input": output} if self.transposed else {"output": output + self.bias}

    def back(self, gradient: Array) -> Results:
        """Name the gradient of the convolution's image."""
        return {"output": gradient + self.bias} if self.transposed else {"input": gradient}

    def all_by(self, layer: Conv, *, image: Array | None = None, weight: Array | None = None) -> Results:
        """Return all results of another convolution."""
        x, w = self.image if image is None else image, self.weight if weight is None else weight
        gradient, of_weight = layer.backward(self.error, x, w)
        return {**self.forward(layer.forward(x, w)), **self.back(gradient), "weight": of_weight}

    def gradient(self, weight: Array, error: Array | None = None) -> Any:
        """Return the gradient of the image by another kernel, or of other errors."""
        return self.layer.backward(self.error if error is None else error, self.image, weight)[0]

    def padded(self, **how: Any) -> Any:
        """Return the image with its padding, zeros by default."""
        return np.pad(self.image, [(0, 0), (0, 0), *self.layer.padding], **how)

    def cropped(self, padded: Array) -> Any:
        """Cut the padding off."""
        axes = zip(self.layer.padding, self.image.shape[2:], strict=True)
        return np.asarray(padded)[(slice(None), slice(None), *(slice(before, before + n) for (before, _), n in axes))]

    def framed_gradient(self) -> Any:
        """Return the gradient with respect to the padded image."""
        return replace(self.layer, padding=0).backward(self.error, self.padded(), self.weight)[0]

    def flipped(self) -> Array:
        """Return the kernel rotated by 180 degrees."""
        return np.flip(self.weight, tuple(range(2, self.weight.ndim)))


def _kernel_not_rotated(scene: Scene) -> Results:
    slide = Slide(scene)
    return slide.back(slide.gradient(slide.flipped()))


def _convolution_for_correlation(scene: Scene) -> Results:
    slide = Slide(scene)
    return slide.all_by(replace(slide.layer, flip=not slide.layer.flip))


def _nondividing_stride(scene: Scene) -> Results:
    slide = Slide(scene)
    frame = slide.framed_gradient()
    axes = zip(frame.shape[2:], slide.spans, slide.layer.stride, strict=True)
    rest = [(size - span) % stride for size, span, stride in axes]
    return slide.back(slide.cropped(np.roll(frame, rest, axis=tuple(range(2, frame.ndim)))))


def _stride_forgotten(scene: Scene) -> Results:
    slide = Slide(scene)
    reached = [n - 1 + span for n, span in zip(slide.error.shape[2:], slide.spans, strict=True)]
    image = slide.padded()[(..., *map(slice, reached))]
    return {"weight": replace(slide.layer, stride=1, padding=0).backward(slide.error, image, slide.weight)[1]}


def _dilation_forgotten(scene: Scene) -> Results:
    slide = Slide(scene)
    axes = zip(slide.error.shape[2:], slide.layer.stride, slide.weight.shape[2:], strict=True)
    image = slide.padded()[(..., *(slice((n - 1) * stride + k) for n, stride, k in axes))]
    return {"weight": replace(slide.layer, dilation=1, padding=0).backward(slide.error, image, slide.weight)[1]}


def _padding_sides_exchanged(scene: Scene) -> Results:
    slide = Slide(scene)
    return slide.all_by(replace(slide.layer, padding=tuple(pair[::-1] for pair in slide.layer.padding)))


def _axis_order(scene: Scene) -> Results:
    slide, layer = Slide(scene), Slide(scene).layer
    return slide.all_by(
        replace(layer, stride=layer.stride[::-1], padding=layer.padding[::-1], dilation=layer.dilation[::-1])
    )


def _channels_exchanged(scene: Scene) -> Results:
    slide = Slide(scene)
    return slide.back(slide.gradient(slide.weight.swapaxes(0, 1).reshape(slide.weight.shape)))


def _groups_interleaved(scene: Scene) -> Results:
    slide = Slide(scene)
    filters, groups = len(slide.weight), slide.layer.groups
    order = np.argsort(np.arange(filters) % groups, kind="stable")  # filter k is taken to belong to group k mod groups
    weight, error = slide.weight[order], slide.error[:, order]
    output, of_weight = np.empty(slide.error.shape), np.empty(slide.weight.shape)
    output[:, order] = slide.layer.forward(slide.image, weight)
    gradient, of_weight[order] = slide.layer.backward(error, slide.image, weight)
    return {**slide.forward(output), **slide.back(gradient), "weight": of_weight}


def _border_lost(scene: Scene) -> Results:
    slide = Slide(scene)
    frame = slide.framed_gradient()
    kept = np.zeros(frame.shape, bool)
    axes = zip(frame.shape[2:], slide.spans, strict=True)
    inner = [slice(span - 1, max(span - 1, size - span + 1)) for size, span in axes]
    kept[(slice(None), slice(None), *inner)] = True
    return slide.back(slide.cropped(frame * kept))


def _overlap_overwritten(scene: Scene) -> Results:
    slide = Slide(scene)
    result = np.zeros(slide.image.shape)
    for tap in np.ndindex(slide.weight.shape[2:]):
        alone = np.zeros(slide.weight.shape)
        alone[(slice(None), slice(None), *tap)] = 1
        touched = slide.gradient(alone, np.ones(slide.error.shape)) > 0
        result[touched] = slide.gradient(alone * slide.weight)[touched]
    return slide.back(result)


def _padding_of_border_values(scene: Scene) -> Results:
    slide = Slide(scene)
    image, layer = slide.padded(mode="edge"), replace(slide.layer, padding=0)
    return {
        "output": layer.forward(image, slide.weight) + slide.bias,
        "weight": layer.backward(slide.error, image, slide.weight)[1],
    }


def _zero_padding_cut(scene: Scene) -> Results:
    slide = Slide(scene)
    cut = (slice(before, -after) for before, after in slide.layer.padding)
    return slide.back(slide.framed_gradient()[(..., *cut)])


def _unpadded_batch_axis(scene: Scene) -> Results:
    slide = Slide(scene)
    gradient, before = slide.gradient(slide.weight), slide.layer.padding[0][0]
    gradient[:before] = 0
    gradient[len(gradient) - before :] = 0
    return slide.back(gradient)


def _spatial_axes_transposed(scene: Scene) -> Results:
    slide = Slide(scene)
    of_weight = slide.layer.backward(slide.error, slide.image, slide.weight)[1]
    return {"weight": of_weight.transpose(0, 1, *range(of_weight.ndim - 1, 1, -1))}


def _batch_not_summed(scene: Scene) -> Results:
    slide = Slide(scene)
    of_weight = slide.layer.backward(slide.error[:1], slide.image[:1], slide.weight)[1]
    return {"weight": of_weight, **_of_bias(scene, scene.error[:1])}


def _batch_averaged(scene: Scene) -> Results:
    slide = Slide(scene)
    of_weight = slide.layer.backward(slide.error, slide.image, slide.weight)[1]
    size = len(slide.image)
    return {"weight": of_weight / size, **_of_bias(scene, scene.error / size)}


def _bias_of_one_position(scene: Scene) -> Results:
    return _of_bias(scene, scene.error[(..., *(slice(1),) * (scene.inputs[0].ndim - 2))])


def _of_bias(scene: Scene, error: Any) -> Results:
    axes = (0, *range(2, error.ndim))
    return {"bias": error.sum(axis=axes)} if "bias" in scene.vector.inputs else {}


def few_bits_kept(scene: Scene) -> Results:
    """Round all numbers before they are multiplied."""
    inputs = [few_bits(x) for x in scene.inputs]
    return scene.results(scene.layer, *inputs, grad_output=few_bits(scene.error))


def few_bits(x: Array) -> Array:
    """Return x with its significand rounded to the bits that tensor cores keep."""
    fraction, exponent = np.frexp(x)
    kept: Array = np.ldexp(np.rint(np.ldexp(fraction, BITS_KEPT)), exponent - BITS_KEPT)
    return kept


def _output_padding_forgotten(scene: Scene) -> Results:
    return {"output": replace(scene.layer, output_padding=0).forward(*scene.inputs)}


MISTAKES = (
    Entry("kernel-not-rotated", BOTH, _kernel_not_rotated),
    Entry("convolution-for-correlation", BOTH, _convolution_for_correlation),
    Entry("nondividing-stride", ("conv",), _nondividing_stride),
    Entry("output-padding-in-front", ("conv_transpose",), _nondividing_stride),
    Entry("output-padding-forgotten", ("conv_transpose",), _output_padding_forgotten),
    Entry("stride-forgotten", BOTH, _stride_forgotten),
    Entry("dilation-forgotten", BOTH, _dilation_forgotten),
    Entry("padding-sides-exchanged", BOTH, _padding_sides_exchanged),
    Entry("axis-order", BOTH, _axis_order),
    Entry("channels-exchanged", BOTH, _channels_exchanged),
    Entry("groups-interleaved", BOTH, _groups_interleaved),
    Entry("border-lost", BOTH, _border_lost),
    Entry("overlap-overwritten", BOTH, _overlap_overwritten),
    Entry("padding-of-border-values", ("conv",), _padding_of_border_values),
    Entry("zero-padding-cut", BOTH, _zero_padding_cut),
    Entry("unpadded-batch-axis", BOTH, _unpadded_batch_axis),
    Entry("spatial-axes-transposed", BOTH, _spatial_axes_transposed),
    Entry("batch-not-summed", BOTH, _batch_not_summed),
    Entry("batch-averaged", BOTH, _batch_averaged),
    Entry("bias-of-one-position", BOTH, _bias_of_one_position),
    Entry("few-bits-kept", BOTH, few_bits_kept),
)
