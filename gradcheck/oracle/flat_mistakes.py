"""How linear layers, straight activations, squared errors and normalisation go wrong."""

from dataclasses import replace

import numpy as np

from gradcheck.layers import BatchNorm, HardShrink, ReLU, SoftShrink
from gradcheck.oracle.case import Array
from gradcheck.oracle.mistakes import Entry, Results, Scene
from gradcheck.oracle.sliding_mistakes import few_bits_kept

SQUARED = ("half_squared_error", "mean_squared_error")
NORMS = ("batch_norm", "layer_norm")
STRAIGHT = ("relu", "leaky_relu", "relu6", "threshold", "hard_tanh", "hard_shrink", "soft_shrink")


def _weight_transposed(scene: Scene) -> Results:
    w = scene.inputs[1]
    return {"input": scene.error @ w.T.reshape(w.shape)} if w.shape[0] == w.shape[1] else {}


def _first_sample_only(scene: Scene) -> Results:
    """Take the gradient of the parameters from the first sample."""
    if scene.inputs[0].ndim < 2:
        return {}
    first = scene.layer.backward(scene.error[:1], scene.inputs[0][:1], *scene.inputs[1:])
    return dict(zip(scene.case.arguments[1:], first[1:], strict=True))


def _batch_averaged(scene: Scene) -> Results:
    size = len(scene.inputs[0]) if scene.inputs[0].ndim > 1 else 1
    return {name: scene.vector.gradients[name] / size for name in scene.case.arguments[1:]}


def _leading_axes_not_summed(scene: Scene) -> Results:
    """Sum the gradients of the parameters over the first axis alone, and take the first of the others."""
    error, x = scene.error, scene.inputs[0]
    if x.ndim < 3:
        return {}
    inner = (slice(None), *(0,) * (x.ndim - 2))
    gradients = scene.layer.backward(error[inner], x[inner], *scene.inputs[1:])
    return dict(zip(scene.case.arguments[1:], gradients[1:], strict=True))


def _mask_of_errors(scene: Scene) -> Results:
    """Let positive errors through, whatever the input: a deconvolution's ReLU."""
    return {"input": np.maximum(scene.error, 0)}


def _mask_of_outputs(scene: Scene) -> Results:
    """Take the slope of the right piece wherever the output, not the input, is positive."""
    beyond = np.full(scene.inputs[0].shape, 1e6)
    right = scene.layer.backward(scene.error, beyond)
    left = scene.layer.backward(scene.error, -beyond)
    return {"input": np.where(scene.vector.output > 0, right, left)}


def _lower_slope_forgotten(scene: Scene) -> Results:
    return scene.results(ReLU(), *scene.inputs[:1])


def _maximum_of_both_lines(scene: Scene) -> Results:
    slope, x = scene.layer.negative_slope, scene.inputs[0]
    return {"output": np.maximum(x, slope * x)}


def _upper_kink_forgotten(scene: Scene) -> Results:
    lower = getattr(scene.layer, "min_val", 0.0)
    x = scene.inputs[0]
    return {"output": np.maximum(x, lower), "input": scene.error * (x > lower)}


def _threshold_taken_as_zero(scene: Scene) -> Results:
    return scene.results(replace(scene.layer, threshold=0.0), *scene.inputs)


def _zero_at_kink(scene: Scene) -> Results:
    """Sum masks that are both false at the kink, x > 0 and x < 0: the gradient there is 0, outside its bounds."""
    return {"input": scene.vector.gradients["input"] * (scene.inputs[0] != 0)}


def _both_at_kink(scene: Scene) -> Results:
    """Sum masks that are both true at the kink, x >= 0 and x <= 0."""
    nudged = [scene.layer.backward(scene.error, scene.inputs[0] + side) for side in (-0.5, 0.5)]
    return {"input": np.where(scene.inputs[0] == 0, nudged[0] + nudged[1], scene.vector.gradients["input"])}


def _moved_not_cut(scene: Scene) -> Results:
    return scene.results(SoftShrink(scene.layer.lambd), *scene.inputs)


def _cut_not_moved(scene: Scene) -> Results:
    return scene.results(HardShrink(scene.layer.lambd), *scene.inputs)


def _positive_part_counted(scene: Scene) -> Results:
    """Multiply the errors by the whole input in the gradient of the slope."""
    x, weight = scene.inputs
    return {"weight": _along_channels(scene.error * x, weight)}


def _slopes_added_up(scene: Scene) -> Results:
    return {"weight": np.full(scene.inputs[1].shape, scene.vector.gradients["weight"].sum())}


def _slope_without_error(scene: Scene) -> Results:
    """Leave grad_output out of the gradient of the slope."""
    x, weight = scene.inputs
    return {"weight": _along_channels(np.minimum(x, 0), weight)}


def _along_channels(terms: Array, weight: Array) -> Array:
    axes = tuple(axis for axis in range(terms.ndim) if axis != 1 or weight.size == 1)
    return np.reshape(terms.sum(axis=axes), weight.shape)


def _factor_two_misplaced(scene: Scene) -> Results:
    factor = 2 if scene.case.operation == "half_squared_error" else 0.5
    return {name: factor * gradient for name, gradient in scene.vector.gradients.items()}


def _target_gradient_unsigned(scene: Scene) -> Results:
    return {"target": scene.vector.gradients["input"]}


def _reduction_forgotten_in_gradient(scene: Scene) -> Results:
    size = scene.inputs[0].size if scene.layer.reduction == "mean" else 1
    return {name: size * gradient for name, gradient in scene.vector.gradients.items()}


def _sum_taken_as_mean(scene: Scene) -> Results:
    return scene.results(replace(scene.layer, reduction="mean"), *scene.inputs) if _reduction(scene) == "sum" else {}


def _mean_over_batch_only(scene: Scene) -> Results:
    if _reduction(scene) != "mean":
        return {}
    features = scene.inputs[0].size // len(scene.inputs[0])
    return {"output": features * scene.vector.output, "input": features * scene.vector.gradients["input"]}


def _error_taken_as_one(scene: Scene) -> Results:
    ones = np.ones(scene.error.shape)
    return {"input": scene.layer.backward(ones, *scene.inputs)[0]}


def _reduction(scene: Scene) -> str:
    return str(scene.layer.reduction)


def _statistics_held_constant(scene: Scene) -> Results:
    return {"input": scene.error * _scale(scene) / _deviation(scene)}


def _variance_held_constant(scene: Scene) -> Results:
    scaled = scene.error * _scale(scene)
    return {"input": (scaled - scaled.mean(axis=_axes(scene), keepdims=True)) / _deviation(scene)}


def _epsilon_forgotten(scene: Scene) -> Results:
    """Leave epsilon out; where nothing varies that divides by zero."""
    return scene.results(replace(scene.layer, epsilon=1e-30), *scene.inputs)


def _variance_unbiased(scene: Scene) -> Results:
    """Divide the variance by one less than the number of entries."""
    count = np.prod([scene.inputs[0].shape[axis] for axis in _axes(scene)])
    wider = np.sqrt(_variance(scene) * count / (count - 1) + scene.layer.epsilon)
    centred = scene.inputs[0] - scene.inputs[0].mean(axis=_axes(scene), keepdims=True)
    return {"output": _scale(scene) * centred / wider + _shift(scene)}


def _statistics_of_each_sample(scene: Scene) -> Results:
    if scene.inputs[0].ndim < 3:
        return {}
    samples = [scene.layer.forward(x[np.newaxis], *scene.inputs[1:]) for x in scene.inputs[0]]
    return {"output": np.concatenate(samples)}


def _bias_averaged(scene: Scene) -> Results:
    axes = _axes(scene) if isinstance(scene.layer, BatchNorm) else tuple(range(scene.inputs[0].ndim - 1))
    return {"bias": scene.error.mean(axis=axes)}


def _axes(scene: Scene) -> tuple[int, ...]:
    ndim = scene.inputs[0].ndim
    return (0, *range(2, ndim)) if isinstance(scene.layer, BatchNorm) else (ndim - 1,)


def _variance(scene: Scene) -> Array:
    return np.asarray(scene.inputs[0].var(axis=_axes(scene), keepdims=True))


def _deviation(scene: Scene) -> Array:
    return np.asarray(np.sqrt(_variance(scene) + scene.layer.epsilon))


def _scale(scene: Scene) -> Array:
    return _shaped(scene, scene.inputs[1])


def _shift(scene: Scene) -> Array:
    return _shaped(scene, scene.inputs[2])


def _shaped(scene: Scene, parameter: Array) -> Array:
    ndim = scene.inputs[0].ndim
    return parameter.reshape(-1, *(1,) * (ndim - 2)) if isinstance(scene.layer, BatchNorm) else parameter


MISTAKES = (
    Entry("weight-transposed", ("linear",), _weight_transposed),
    Entry("batch-not-summed", ("linear", "prelu"), _first_sample_only),
    Entry("batch-averaged", ("linear", "prelu"), _batch_averaged),
    Entry("leading-axes-not-summed", ("linear",), _leading_axes_not_summed),
    Entry("few-bits-kept", ("linear",), few_bits_kept),
    Entry("mask-of-errors", ("relu",), _mask_of_errors),
    Entry("mask-of-outputs", ("leaky_relu", "threshold"), _mask_of_outputs),
    Entry("lower-slope-forgotten", ("leaky_relu",), _lower_slope_forgotten),
    Entry("maximum-of-both-lines", ("leaky_relu",), _maximum_of_both_lines),
    Entry("zero-at-kink", ("leaky_relu",), _zero_at_kink),
    Entry("both-at-kink", ("relu", "leaky_relu"), _both_at_kink),
    Entry("upper-kink-forgotten", ("relu6", "hard_tanh"), _upper_kink_forgotten),
    Entry("threshold-taken-as-zero", ("threshold",), _threshold_taken_as_zero),
    Entry("moved-not-cut", ("hard_shrink",), _moved_not_cut),
    Entry("cut-not-moved", ("soft_shrink",), _cut_not_moved),
    Entry("positive-part-counted", ("prelu",), _positive_part_counted),
    Entry("slopes-added-up", ("prelu",), _slopes_added_up),
    Entry("slope-without-error", ("prelu",), _slope_without_error),
    Entry("factor-two-misplaced", SQUARED, _factor_two_misplaced),
    Entry("target-gradient-unsigned", SQUARED, _target_gradient_unsigned),
    Entry("reduction-forgotten-in-gradient", SQUARED, _reduction_forgotten_in_gradient),
    Entry("sum-taken-as-mean", SQUARED, _sum_taken_as_mean),
    Entry("mean-over-batch-only", SQUARED, _mean_over_batch_only),
    Entry("error-taken-as-one", SQUARED, _error_taken_as_one),
    Entry("statistics-held-constant", NORMS, _statistics_held_constant),
    Entry("variance-held-constant", NORMS, _variance_held_constant),
    Entry("epsilon-forgotten", NORMS, _epsilon_forgotten),
    Entry("variance-unbiased", NORMS, _variance_unbiased),
    Entry("statistics-of-each-sample", ("batch_norm",), _statistics_of_each_sample),
    Entry("bias-averaged", NORMS, _bias_averaged),
)
