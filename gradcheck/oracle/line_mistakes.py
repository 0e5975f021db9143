"""How softmax, cross-entropies and p-norms go wrong, and the cases where it shows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.oracle.case import Array
from gradcheck.oracle.loudness import EVERY_CASE, SmoothEntry, subnormals_flushed
from gradcheck.oracle.mistakes import Results, Scene
from gradcheck.oracle.places import windows_of
from gradcheck.oracle.pool_mistakes import MISTAKES as OF_POOLS

# Mistakes of every pool, which rounded norms show as exact cases do.
SLIDING = {entry.flag: entry.mistake for entry in OF_POOLS}


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _naive_softmax(scene: Scene) -> Results:
    axis = scene.layer.axis
    e = np.exp(scene.inputs[0])
    y = e / e.sum(axis=axis, keepdims=True)
    logarithms = scene.inputs[0] - np.log(e.sum(axis=axis, keepdims=True))
    return {"output": y if scene.case.operation == "softmax" else logarithms}


def _logarithm_of_softmax(scene: Scene) -> Results:
    return {"output": np.log(_weights(scene.inputs[0], scene.layer.axis))}


def _weights(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _diagonal_only(scene: Scene) -> Results:
    y = _weights(scene.inputs[0], scene.layer.axis)
    return {"input": scene.error * y * (1 - y)}


def _errors_sum_to_one(scene: Scene) -> Results:
    return {"input": scene.error - _weights(scene.inputs[0], scene.layer.axis)}


def _last_axis(scene: Scene) -> Results:
    return scene.results(type(scene.layer)(-1), *scene.inputs)


def _naive_cross_entropy(scene: Scene) -> Results:
    x, labels = scene.inputs[0], np.expand_dims(scene.inputs[1].astype(int), 1)
    e = np.exp(x)
    terms = np.log(e.sum(axis=1)) - np.take_along_axis(x, labels, axis=1)[:, 0]
    return {"output": _reduced(scene, terms)}


def _logarithm_of_probability(scene: Scene) -> Results:
    x, labels = scene.inputs[0], np.expand_dims(scene.inputs[1].astype(int), 1)
    return {"output": _reduced(scene, -np.log(np.take_along_axis(_weights(x, 1), labels, axis=1)[:, 0]))}


def _less_one(scene: Scene) -> Results:
    """Subtract 1 from the wanted class' weight, which cancels where it is nearly 1."""
    y, labels = _weights(scene.inputs[0], 1), np.expand_dims(scene.inputs[1].astype(int), 1)
    np.put_along_axis(y, labels, np.take_along_axis(y, labels, axis=1) - 1, axis=1)
    share = scene.error / (labels.size if scene.layer.reduction == "mean" else 1)
    return {"input": y * (np.expand_dims(share, 1) if np.ndim(share) else share)}


def _reduced(scene: Scene, terms: Array) -> Array:
    reduction = scene.layer.reduction
    return terms if reduction == "none" else np.asarray(terms.mean() if reduction == "mean" else terms.sum())


def _reduction_forgotten(scene: Scene) -> Results:
    count = scene.inputs[1].size if scene.layer.reduction == "mean" else 1
    return {"input": scene.vector.gradients["input"] * count}


def _error_taken_as_one(scene: Scene) -> Results:
    return {"input": scene.layer.backward(np.ones(scene.error.shape), *scene.inputs)[0]}


def _mean_over_samples(scene: Scene) -> Results:
    if scene.layer.reduction != "mean":
        return {}
    return {"output": scene.vector.output * (scene.inputs[1].size // len(scene.inputs[1]))}


def _binary_by_logarithms(scene: Scene) -> Results:
    x, t = scene.inputs
    y = _logistic(x)
    return {"output": _reduced(scene, -(t * np.log(y) + (1 - t) * np.log(1 - y)))}


def _clipped_probabilities(scene: Scene) -> Results:
    x, t = scene.inputs
    y = np.clip(_logistic(x), 1e-7, 1 - 1e-7)
    return {"output": _reduced(scene, -(t * np.log(y) + (1 - t) * np.log(1 - y)))}


def _probability_less_target(scene: Scene) -> Results:
    x, t = scene.inputs
    return {"input": scene.error * (_logistic(x) - t) / (x.size if scene.layer.reduction == "mean" else 1)}


def _target_gradient_missing(scene: Scene) -> Results:
    return {"target": np.zeros(scene.inputs[1].shape)}


def _windows(scene: Scene) -> tuple[Array, list[list[int]]]:
    x = scene.inputs[0]
    return x.reshape(*x.shape[:2], -1), windows_of(scene.layer, x.shape)


def _norms(scene: Scene, terms: Callable[[Array], Array]) -> Array:
    flat, windows = _windows(scene)
    sums = [terms(flat[..., places]).sum(axis=-1) ** (1 / scene.layer.p) for places in windows]
    return np.stack(sums, axis=-1).reshape(scene.vector.output.shape)


def _powers_unscaled(scene: Scene) -> Results:
    return {"output": _norms(scene, lambda values: np.abs(values) ** scene.layer.p)}


def _magnitude_forgotten(scene: Scene) -> Results:
    return {"output": _norms(scene, lambda values: values**scene.layer.p)}


def _mean_not_sum(scene: Scene) -> Results:
    p = scene.layer.p
    return {"output": _norms(scene, lambda values: np.abs(values) ** p / values.shape[-1])}


def _sign_lost(scene: Scene) -> Results:
    return {"input": np.abs(scene.vector.gradients["input"])}


def _zero_over_zero(scene: Scene) -> Results:
    """Divide by the norm of every window, also where it is zero."""
    flat, windows = _windows(scene)
    gradient, errors = np.zeros(flat.shape), scene.error.reshape(*flat.shape[:2], -1)
    norms = scene.vector.output.reshape(errors.shape)
    for i, places in enumerate(windows):
        quotient = np.abs(flat[..., places]) / norms[..., i : i + 1]
        gradient[..., places] += errors[..., i : i + 1] * np.sign(flat[..., places]) * quotient ** (scene.layer.p - 1)
    return {"input": gradient.reshape(scene.inputs[0].shape)}


MISTAKES: tuple[SmoothEntry, ...] = (
    SmoothEntry(
        "complement-cancels",
        "cross_entropy",
        _less_one,
        "confident-right-mean confident-right-none confident-right-sum",
    ),
    SmoothEntry(
        "complement-cancels",
        "binary_cross_entropy",
        _probability_less_target,
        "right-mean right-none right-sum",
    ),
    SmoothEntry(
        "logarithm-of-rounded",
        "log_softmax",
        _logarithm_of_softmax,
        "confident huge subnormal-weights",
    ),
    SmoothEntry(
        "logarithm-of-rounded",
        "cross_entropy",
        _logarithm_of_probability,
        "confident-right-mean confident-right-none confident-right-sum confident-wrong-mean "
        "confident-wrong-none confident-wrong-sum",
    ),
    SmoothEntry(
        "logarithm-of-rounded",
        "binary_cross_entropy",
        _binary_by_logarithms,
        "huge-mean huge-none huge-sum right-mean right-none right-sum wrong-mean wrong-none wrong-sum",
    ),
    SmoothEntry(
        "probabilities-clipped",
        "binary_cross_entropy",
        _clipped_probabilities,
        "huge-mean huge-none huge-sum right-mean right-none right-sum wrong-mean wrong-none wrong-sum",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "softmax",
        subnormals_flushed,
        "subnormal-weights",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "binary_cross_entropy",
        subnormals_flushed,
        "right-mean right-none right-sum",
    ),
    SmoothEntry(
        "largest-not-subtracted",
        "softmax",
        _naive_softmax,
        "huge shifted",
    ),
    SmoothEntry(
        "largest-not-subtracted",
        "log_softmax",
        _naive_softmax,
        "confident huge shifted subnormal-weights",
    ),
    SmoothEntry(
        "largest-not-subtracted",
        "cross_entropy",
        _naive_cross_entropy,
        "confident-right-mean confident-right-none confident-right-sum huge-mean huge-none huge-sum "
        "one-class-mean one-class-none one-class-sum",
    ),
    SmoothEntry(
        "off-diagonal-forgotten",
        "softmax",
        _diagonal_only,
        "confident equal first-axis huge image moderate shifted subnormal-weights two-classes",
    ),
    SmoothEntry(
        "errors-taken-to-sum-to-one",
        "log_softmax",
        _errors_sum_to_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "axis-taken-as-last",
        "softmax",
        _last_axis,
        "first-axis image",
    ),
    SmoothEntry(
        "axis-taken-as-last",
        "log_softmax",
        _last_axis,
        "first-axis image",
    ),
    SmoothEntry(
        "reduction-forgotten-in-gradient",
        "cross_entropy",
        _reduction_forgotten,
        "confident-right-mean confident-wrong-mean equal-mean huge-mean image-mean moderate-mean "
        "three-samples-mean two-classes-mean",
    ),
    SmoothEntry(
        "reduction-forgotten-in-gradient",
        "binary_cross_entropy",
        _reduction_forgotten,
        "huge-mean matrix-mean moderate-mean right-mean soft-targets-mean three-entries-mean wrong-mean",
    ),
    SmoothEntry(
        "mean-over-batch-only",
        "cross_entropy",
        _mean_over_samples,
        "image-mean",
    ),
    SmoothEntry(
        "mean-over-batch-only",
        "binary_cross_entropy",
        _mean_over_samples,
        "matrix-mean",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "cross_entropy",
        _error_taken_as_one,
        "confident-right-mean confident-right-none confident-right-sum confident-wrong-mean "
        "confident-wrong-none confident-wrong-sum equal-mean equal-none equal-sum huge-mean huge-none huge-sum "
        "image-mean image-none image-sum moderate-mean moderate-none moderate-sum one-sample-mean "
        "one-sample-none one-sample-sum three-samples-mean three-samples-none three-samples-sum "
        "two-classes-mean two-classes-none two-classes-sum",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "binary_cross_entropy",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "target-gradient-missing",
        "binary_cross_entropy",
        _target_gradient_missing,
        EVERY_CASE,
    ),
    SmoothEntry(
        "overlap-overwritten",
        "lp_pool",
        SLIDING["overlap-overwritten"],
        "cube-overlap square-overlap square-padded",
    ),
    SmoothEntry(
        "stride-taken-as-kernel",
        "lp_pool",
        SLIDING["stride-taken-as-kernel"],
        "cube-overlap square-overlap square-padded",
    ),
    SmoothEntry(
        "ceil-mode-forgotten",
        "lp_pool",
        SLIDING["ceil-mode-forgotten"],
        "square-ceil-mode",
    ),
    SmoothEntry(
        "remainder-pooled",
        "lp_pool",
        SLIDING["remainder-pooled"],
        "square-padded",
    ),
    SmoothEntry(
        "powers-overflow",
        "lp_pool",
        _powers_unscaled,
        "square-huge-double square-tiny-double",
    ),
    SmoothEntry(
        "magnitude-forgotten",
        "lp_pool",
        _magnitude_forgotten,
        "cube cube-overlap square-huge-double square-tiny-double three-halves",
    ),
    SmoothEntry(
        "magnitude-forgotten",
        "global_lp_pool",
        _magnitude_forgotten,
        "order-3",
    ),
    SmoothEntry(
        "mean-taken-of-powers",
        "lp_pool",
        _mean_not_sum,
        EVERY_CASE,
    ),
    SmoothEntry(
        "mean-taken-of-powers",
        "global_lp_pool",
        _mean_not_sum,
        EVERY_CASE,
    ),
    SmoothEntry(
        "sign-of-input-lost",
        "lp_pool",
        _sign_lost,
        EVERY_CASE,
    ),
    SmoothEntry(
        "sign-of-input-lost",
        "global_lp_pool",
        _sign_lost,
        EVERY_CASE,
    ),
    SmoothEntry(
        "zero-over-zero",
        "lp_pool",
        _zero_over_zero,
        "square-zeros",
    ),
)
