"""How smooth activations go wrong: formulas that cancel, overflow or forget a factor, and the cases where it shows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.oracle.case import Array
from gradcheck.oracle.loudness import SmoothEntry, subnormals_flushed
from gradcheck.oracle.mistakes import Mistake, Results, Scene


def _curve(value: Callable[[Any], Any] | None = None, slope: Callable[[Any], Any] | None = None) -> Mistake:
    """Return a wrong activation by its value, its slope or both."""

    def mistake(scene: Scene) -> Results:
        x = scene.inputs[0]
        results = {} if value is None else {"output": value(x)}
        return results if slope is None else {**results, "input": scene.error * slope(x)}

    return mistake


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _overflowing(x: Any) -> Any:
    return np.exp(x) / (1 + np.exp(x))


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _bell(x: Any) -> Any:
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def _cubic(x: Any) -> Any:
    return np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)


def _tanh_by_exponentials(x: Any) -> Any:
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


def _naive_softplus(x: Any) -> Any:
    return np.log(1 + np.exp(x))


def _both_branches(scene: Scene) -> Results:
    """Multiply the errors of both pieces by masks: beyond the exponential's range that is 0 times infinity."""
    x = scene.inputs[0]
    return {"input": scene.error * (x > 0) + scene.error * (x <= 0) * np.exp(x)}


def _slope_from_output(scene: Scene) -> Results:
    alpha = getattr(scene.layer, "alpha", 1.0)
    per = alpha if scene.case.operation == "celu" else 1.0
    return {"input": scene.error * np.where(scene.inputs[0] > 0, 1, (scene.vector.output + alpha) / per)}


def _exponential_minus_one(scene: Scene) -> Results:
    x, alpha = scene.inputs[0], getattr(scene.layer, "alpha", 1.0)
    scaled = x / alpha if scene.case.operation == "celu" else x
    scale = 1.6732632423543772 * 1.0507009873554805 if scene.case.operation == "selu" else alpha
    return {"output": np.where(x > 0, scene.vector.output, scale * (np.exp(scaled) - 1))}


def _alpha_forgotten(scene: Scene) -> Results:
    return {"input": scene.error * np.where(scene.inputs[0] > 0, 1, np.exp(scene.inputs[0]))}


def _threshold_cuts_off(scene: Scene) -> Results:
    x, beta = scene.inputs[0], scene.layer.beta
    if scene.case.hyperparameters["threshold"] is not None:
        return {}
    far = beta * x > 20
    return {
        "output": np.where(far, x, scene.vector.output),
        "input": np.where(far, scene.error, scene.vector.gradients["input"]),
    }


def _threshold_forgotten(scene: Scene) -> Results:
    return scene.results(type(scene.layer)(scene.layer.beta), *scene.inputs)


def _naive_scaled_softplus(scene: Scene) -> Results:
    x, beta = scene.inputs[0], scene.layer.beta
    return {"output": _kept_beyond(scene, _naive_softplus(beta * x) / beta)}


def _kept_beyond(scene: Scene, values: Array) -> Array:
    """Return the values, and the right ones where the case has a threshold and x lies beyond it."""
    limit = scene.case.hyperparameters["threshold"]
    far = scene.layer.beta * scene.inputs[0] > (np.inf if limit is None else limit)
    return np.where(far, scene.vector.output, values)


def _beta_forgotten(scene: Scene) -> Results:
    return {"input": scene.vector.gradients["input"] * scene.layer.beta}


def _gelu_by_erf(scene: Scene) -> Results:
    if scene.layer.approximate == "tanh":
        return {}
    x = scene.inputs[0]
    below = 0.5 * (1 + _erf(x / np.sqrt(2)))
    return {"output": x * below, "input": scene.error * (below + x * _bell(x))}


def _gelu_by_tanh(scene: Scene) -> Results:
    if scene.layer.approximate == "none":
        return {}
    x = scene.inputs[0]
    return {"output": 0.5 * x * (1 + np.tanh(_cubic(x)))}


def _other_form(scene: Scene) -> Results:
    return scene.results(type(scene.layer)("none" if scene.layer.approximate == "tanh" else "tanh"), *scene.inputs)


def _gate_only(scene: Scene) -> Results:
    """Leave out the second term of the product rule."""
    x = scene.inputs[0]
    gates: dict[str, Callable[[Any], Any]] = {
        "silu": _logistic,
        "mish": lambda v: np.tanh(np.logaddexp(0, v)),
        "gelu": lambda v: 0.5 * (1 + _erf(v / np.sqrt(2))),
        "hard_swish": lambda v: np.clip(v + 3, 0, 6) / 6,
    }
    return {"input": scene.error * gates[scene.case.operation](x)}


MISTAKES: tuple[SmoothEntry, ...] = (
    SmoothEntry(
        "complement-cancels",
        "sigmoid",
        _curve(slope=lambda x: _logistic(x) * (1 - _logistic(x))),
        "far-left-tail far-right-tail right-tail",
    ),
    SmoothEntry(
        "complement-cancels",
        "tanh",
        _curve(slope=lambda x: 1 - np.tanh(x) ** 2),
        "far-left-tail far-right-tail left-tail right-tail",
    ),
    SmoothEntry(
        "complement-cancels",
        "tanh_shrink",
        _curve(slope=lambda x: 1 - 1 / np.cosh(x) ** 2),
        "near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "complement-cancels",
        "softsign",
        _curve(slope=lambda x: (1 - np.abs(x / (1 + np.abs(x)))) ** 2),
        "huge huge-double huge-single",
    ),
    SmoothEntry(
        "complement-cancels",
        "elu",
        _slope_from_output,
        "alpha-two-far-left-tail alpha-two-left-tail far-left-tail left-tail",
    ),
    SmoothEntry(
        "complement-cancels",
        "celu",
        _slope_from_output,
        "alpha-two-far-left-tail alpha-two-huge alpha-two-left-tail",
    ),
    SmoothEntry(
        "difference-cancels",
        "tanh_shrink",
        _curve(value=lambda x: x - np.tanh(x)),
        "near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "difference-cancels",
        "elu",
        _exponential_minus_one,
        "alpha-two-near-zero alpha-two-subnormal-input alpha-two-tiny-double alpha-two-tiny-single "
        "near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "difference-cancels",
        "celu",
        _exponential_minus_one,
        "alpha-two-near-zero alpha-two-subnormal-input alpha-two-tiny-double alpha-two-tiny-single",
    ),
    SmoothEntry(
        "difference-cancels",
        "selu",
        _exponential_minus_one,
        "near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "exponential-overflows",
        "sigmoid",
        _curve(value=_overflowing),
        "far-right-tail huge huge-double huge-single",
    ),
    SmoothEntry(
        "exponential-overflows",
        "tanh",
        _curve(value=_tanh_by_exponentials),
        "far-left-tail far-right-tail huge huge-double huge-single near-zero subnormal-input tiny-double tiny-single",
    ),
    SmoothEntry(
        "exponential-overflows",
        "silu",
        _curve(value=lambda x: x * _overflowing(x)),
        "far-right-tail huge huge-double huge-single",
    ),
    SmoothEntry(
        "exponential-overflows",
        "elu",
        _both_branches,
        "alpha-two-far-left-tail alpha-two-far-right-tail alpha-two-huge alpha-two-huge-double "
        "alpha-two-huge-single alpha-two-left-tail alpha-two-moderate alpha-two-near-zero "
        "alpha-two-subnormal-input alpha-two-tiny-double alpha-two-tiny-single far-right-tail huge "
        "huge-double huge-single",
    ),
    SmoothEntry(
        "logarithm-of-rounded",
        "log_sigmoid",
        _curve(value=lambda x: np.log(_logistic(x))),
        "far-left-tail far-right-tail huge huge-double huge-single right-tail",
    ),
    SmoothEntry(
        "logarithm-of-rounded",
        "softplus",
        _naive_scaled_softplus,
        "beta-two-far-left-tail beta-two-far-right-tail beta-two-huge beta-two-huge-double "
        "beta-two-huge-single beta-two-left-tail beta-two-moderate far-left-tail far-right-tail huge huge-double "
        "huge-single left-tail threshold-far-left-tail threshold-left-tail",
    ),
    SmoothEntry(
        "logarithm-of-rounded",
        "mish",
        _curve(value=lambda x: x * np.tanh(_naive_softplus(x))),
        "far-left-tail left-tail",
    ),
    SmoothEntry(
        "threshold-cuts-off",
        "softplus",
        _threshold_cuts_off,
        "beta-two-right-tail right-tail",
    ),
    SmoothEntry(
        "threshold-forgotten",
        "softplus",
        _threshold_forgotten,
        "threshold-right-tail",
    ),
    SmoothEntry(
        "beta-forgotten",
        "softplus",
        _beta_forgotten,
        "beta-two-far-left-tail beta-two-far-right-tail beta-two-huge beta-two-huge-double "
        "beta-two-huge-single beta-two-left-tail beta-two-moderate beta-two-near-zero beta-two-right-tail "
        "beta-two-subnormal-input beta-two-tiny-double beta-two-tiny-single",
    ),
    SmoothEntry(
        "alpha-forgotten",
        "elu",
        _alpha_forgotten,
        "alpha-two-far-left-tail alpha-two-left-tail alpha-two-moderate alpha-two-near-zero "
        "alpha-two-subnormal-input alpha-two-tiny-double alpha-two-tiny-single",
    ),
    SmoothEntry(
        "tail-by-erf",
        "gelu",
        _gelu_by_erf,
        "left-tail moderate",
    ),
    SmoothEntry(
        "tail-by-tanh",
        "gelu",
        _gelu_by_tanh,
        "tanh-left-tail tanh-moderate",
    ),
    SmoothEntry(
        "other-approximation",
        "gelu",
        _other_form,
        "left-tail moderate near-zero right-tail tanh-left-tail tanh-moderate tanh-near-zero tanh-right-tail",
    ),
    SmoothEntry(
        "product-rule-forgotten",
        "silu",
        _gate_only,
        "far-left-tail left-tail moderate near-zero right-tail subnormal-input tiny-single",
    ),
    SmoothEntry(
        "product-rule-forgotten",
        "mish",
        _gate_only,
        "far-left-tail left-tail moderate near-zero right-tail subnormal-input tiny-single",
    ),
    SmoothEntry(
        "product-rule-forgotten",
        "gelu",
        _gate_only,
        "left-tail moderate near-zero right-tail subnormal-input tanh-left-tail tanh-moderate "
        "tanh-near-zero tanh-right-tail tanh-subnormal-input tanh-tiny-single tiny-single",
    ),
    SmoothEntry(
        "product-rule-forgotten",
        "hard_swish",
        _gate_only,
        "moderate near-zero subnormal-input tiny-single",
    ),
    SmoothEntry(
        "clip-forgotten-in-gradient",
        "hard_sigmoid",
        _curve(slope=lambda x: np.full(x.shape, 1 / 6)),
        "far-left-tail far-right-tail huge huge-double huge-single left-tail moderate right-tail",
    ),
    SmoothEntry(
        "clip-forgotten-in-gradient",
        "hard_swish",
        _curve(slope=lambda x: (2 * x + 3) / 6),
        "far-left-tail far-right-tail huge huge-double huge-single left-tail moderate right-tail",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "sigmoid",
        subnormals_flushed,
        "far-left-tail far-right-tail",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "log_sigmoid",
        subnormals_flushed,
        "far-right-tail",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "tanh",
        subnormals_flushed,
        "far-left-tail far-right-tail tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "softplus",
        subnormals_flushed,
        "beta-two-far-left-tail far-left-tail threshold-far-left-tail",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "softsign",
        subnormals_flushed,
        "huge-double tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "elu",
        subnormals_flushed,
        "alpha-two-far-left-tail alpha-two-tiny-double far-left-tail tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "selu",
        subnormals_flushed,
        "far-left-tail tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "celu",
        subnormals_flushed,
        "alpha-two-tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "gelu",
        subnormals_flushed,
        "tanh-tiny-double tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "silu",
        subnormals_flushed,
        "far-left-tail tiny-double",
    ),
    SmoothEntry(
        "subnormals-flushed",
        "mish",
        subnormals_flushed,
        "far-left-tail tiny-double",
    ),
)
