"""Mistakes that any layer can make with its errors, and those that libraries were seen to make in activations."""

from typing import Any

import numpy as np

from gradcheck.oracle.flat_mistakes import NORMS, STRAIGHT
from gradcheck.oracle.loudness import EVERY_CASE, SmoothEntry
from gradcheck.oracle.mistakes import Entry, Results, Scene
from gradcheck.oracle.pool_mistakes import MAXIMA, MEANS

SINGLE = np.float32


def _error_taken_as_one(scene: Scene) -> Results:
    found = scene.results(scene.layer, *scene.inputs, grad_output=np.ones(scene.error.shape))
    return {name: gradient for name, gradient in found.items() if name != "output"}


def _error_passed_through(scene: Scene) -> Results:
    return {"input": scene.error}


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _gelu_of_single_constants(scene: Scene) -> Results:
    x, exact = scene.inputs[0], scene.case.hyperparameters["approximate"] == "none"
    if exact:
        root = float(SINGLE(np.sqrt(2)))
        return {"output": x * (1 + _erf(x / root)) / 2}
    return {"output": x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + float(SINGLE(0.044715)) * x**3))) / 2}


def _hard_slope_of_single_constants(scene: Scene) -> Results:
    return {"input": scene.error * float(SINGLE(1 / 6)) * (np.abs(scene.inputs[0]) < 3)}


def _gelu_of_squares(scene: Scene) -> Results:
    """Multiply the derivative of tanh, 0 for large x, by a polynomial whose square is infinite there."""
    x = scene.inputs[0]
    if scene.case.hyperparameters["approximate"] == "none":
        return {}
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    slope = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    right = scene.vector.gradients["input"]
    found = scene.error * ((1 + np.tanh(inner)) / 2 + x / 2 * (1 - np.tanh(inner) ** 2) * slope)
    return {"input": np.where(np.isfinite(found), right, found)}


def _error_times_input(scene: Scene) -> Results:
    """Form grad_output times x first; where that is infinite, it is multiplied by a slope of 0."""
    product = scene.error * scene.inputs[0]
    right = scene.vector.gradients["input"]
    return {"input": np.where(np.isinf(product) & (scene.inputs[0] < 0), np.nan, right)}


def _halved_last(scene: Scene) -> Results:
    if scene.case.hyperparameters["approximate"] != "none":
        return {}
    doubled = 2 * scene.vector.output
    return {"output": doubled / 2}


def _divided_last(scene: Scene) -> Results:
    x = scene.inputs[0]
    return {"output": np.where(np.abs(x) > 3, x * np.minimum(np.maximum(x + 3, 0), 6) / 6, scene.vector.output)}


def _both_halves_at_zero(scene: Scene) -> Results:
    return {"input": np.where(scene.inputs[0] == 0, 2 * scene.error, scene.vector.gradients["input"])}


MISTAKES = (
    Entry(
        "error-taken-as-one",
        ("conv", "conv_transpose", "linear", "prelu", "lp_pool", *MAXIMA, *MEANS, *STRAIGHT, *NORMS),
        _error_taken_as_one,
    ),
    Entry("error-passed-through", STRAIGHT, _error_passed_through),
)

ROUNDED = (
    SmoothEntry(
        "error-taken-as-one",
        "sigmoid",
        _error_taken_as_one,
        "far-left-tail far-right-tail left-tail moderate near-zero right-tail subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "log_sigmoid",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "tanh",
        _error_taken_as_one,
        "far-left-tail far-right-tail left-tail moderate near-zero right-tail subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "tanh_shrink",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "softplus",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "softsign",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "elu",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "selu",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "celu",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "gelu",
        _error_taken_as_one,
        "far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tanh-far-right-tail tanh-huge tanh-huge-double tanh-huge-single tanh-left-tail tanh-moderate "
        "tanh-near-zero tanh-right-tail tanh-subnormal-input tanh-tiny-double tanh-tiny-single tiny-double "
        "tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "silu",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "mish",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "hard_sigmoid",
        _error_taken_as_one,
        "moderate near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "hard_swish",
        _error_taken_as_one,
        "far-right-tail huge huge-double huge-single moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "softmax",
        _error_taken_as_one,
        "confident equal first-axis huge image moderate shifted subnormal-weights two-classes",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "log_softmax",
        _error_taken_as_one,
        "confident equal first-axis huge image moderate shifted subnormal-weights two-classes",
    ),
    SmoothEntry(
        "error-taken-as-one",
        "lp_pool",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-taken-as-one",
        "global_lp_pool",
        _error_taken_as_one,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "sigmoid",
        _error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "log_sigmoid",
        _error_passed_through,
        "far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "tanh",
        _error_passed_through,
        "far-left-tail far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail "
        "subnormal-input",
    ),
    SmoothEntry(
        "error-passed-through",
        "tanh_shrink",
        _error_passed_through,
        "left-tail moderate near-zero right-tail subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "softplus",
        _error_passed_through,
        "beta-two-far-left-tail beta-two-huge beta-two-huge-double beta-two-huge-single beta-two-left-tail "
        "beta-two-moderate beta-two-near-zero beta-two-right-tail beta-two-subnormal-input "
        "beta-two-tiny-double beta-two-tiny-single far-left-tail huge huge-double huge-single left-tail "
        "moderate near-zero right-tail subnormal-input threshold-far-left-tail threshold-huge "
        "threshold-huge-double threshold-huge-single threshold-left-tail threshold-moderate "
        "threshold-near-zero threshold-right-tail threshold-subnormal-input threshold-tiny-double "
        "threshold-tiny-single tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "softsign",
        _error_passed_through,
        "far-left-tail far-right-tail huge huge-double huge-single left-tail moderate near-zero right-tail "
        "subnormal-input tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "elu",
        _error_passed_through,
        "alpha-two-far-left-tail alpha-two-huge alpha-two-huge-double alpha-two-huge-single "
        "alpha-two-left-tail alpha-two-moderate alpha-two-near-zero alpha-two-subnormal-input "
        "alpha-two-tiny-double alpha-two-tiny-single far-left-tail huge huge-double huge-single left-tail "
        "moderate near-zero subnormal-input tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "selu",
        _error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "celu",
        _error_passed_through,
        "alpha-two-far-left-tail alpha-two-huge alpha-two-huge-double alpha-two-huge-single "
        "alpha-two-left-tail alpha-two-moderate alpha-two-near-zero alpha-two-subnormal-input "
        "alpha-two-tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "gelu",
        _error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tanh-far-left-tail tanh-huge tanh-huge-double tanh-huge-single tanh-left-tail tanh-moderate "
        "tanh-near-zero tanh-right-tail tanh-subnormal-input tanh-tiny-double tanh-tiny-single tiny-double "
        "tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "silu",
        _error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "mish",
        _error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero right-tail subnormal-input "
        "tiny-double tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "hard_sigmoid",
        _error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "hard_swish",
        _error_passed_through,
        "far-left-tail huge huge-double huge-single left-tail moderate near-zero subnormal-input tiny-double "
        "tiny-single",
    ),
    SmoothEntry(
        "error-passed-through",
        "softmax",
        _error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "error-passed-through",
        "log_softmax",
        _error_passed_through,
        EVERY_CASE,
    ),
    SmoothEntry(
        "constants-in-single",
        "gelu",
        _gelu_of_single_constants,
        "huge-double left-tail moderate near-zero right-tail subnormal-input tanh-huge-double tanh-left-tail "
        "tanh-moderate tanh-near-zero tanh-right-tail",
    ),
    SmoothEntry(
        "constants-in-single",
        "hard_sigmoid",
        _hard_slope_of_single_constants,
        "moderate near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "square-overflows",
        "gelu",
        _gelu_of_squares,
        "tanh-huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "silu",
        _error_times_input,
        "huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "mish",
        _error_times_input,
        "huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "gelu",
        _error_times_input,
        "huge-double tanh-huge-double",
    ),
    SmoothEntry(
        "error-times-input",
        "hard_swish",
        _error_times_input,
        "huge-double",
    ),
    SmoothEntry(
        "divided-last",
        "gelu",
        _halved_last,
        "huge-double",
    ),
    SmoothEntry(
        "divided-last",
        "hard_swish",
        _divided_last,
        "huge-double",
    ),
    SmoothEntry(
        "both-at-kink",
        "celu",
        _both_halves_at_zero,
        "alpha-two-moderate alpha-two-near-zero",
    ),
)
