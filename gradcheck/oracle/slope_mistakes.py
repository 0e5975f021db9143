"""Mistakes that any layer can make with its errors, and those that libraries were seen to make in activations."""

from typing import Any

import numpy as np

from gradcheck.oracle.flat_mistakes import NORMS, STRAIGHT
from gradcheck.oracle.mistakes import Entry, Results, Scene
from gradcheck.oracle.pool_mistakes import MAXIMA, MEANS

SINGLE = np.float32


def error_taken_as_one(scene: Scene) -> Results:
    """Leave grad_output out."""
    found = scene.results(scene.layer, *scene.inputs, grad_output=np.ones(scene.error.shape))
    return {name: gradient for name, gradient in found.items() if name != "output"}


def error_passed_through(scene: Scene) -> Results:
    """Leave the slope out."""
    return {"input": scene.error}


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def gelu_of_single_constants(scene: Scene) -> Results:
    """Round sqrt(2) and 0.044715 to float32."""
    x, exact = scene.inputs[0], scene.case.hyperparameters["approximate"] == "none"
    if exact:
        root = float(SINGLE(np.sqrt(2)))
        return {"output": x * (1 + _erf(x / root)) / 2}
    return {"output": x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + float(SINGLE(0.044715)) * x**3))) / 2}


def hard_slope_of_single_constants(scene: Scene) -> Results:
    """Round 1/6 to float32."""
    return {"input": scene.error * float(SINGLE(1 / 6)) * (np.abs(scene.inputs[0]) < 3)}


def gelu_of_squares(scene: Scene) -> Results:
    """Multiply the derivative of tanh, 0 for large x, by a polynomial whose square is infinite there."""
    x = scene.inputs[0]
    if scene.case.hyperparameters["approximate"] == "none":
        return {}
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    slope = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    right = scene.vector.gradients["input"]
    found = scene.error * ((1 + np.tanh(inner)) / 2 + x / 2 * (1 - np.tanh(inner) ** 2) * slope)
    return {"input": np.where(np.isfinite(found), right, found)}


def error_times_input(scene: Scene) -> Results:
    """Form grad_output times x first; where that is infinite, it is multiplied by a slope of 0."""
    product = scene.error * scene.inputs[0]
    right = scene.vector.gradients["input"]
    return {"input": np.where(np.isinf(product) & (scene.inputs[0] < 0), np.nan, right)}


def halved_last(scene: Scene) -> Results:
    """Multiply by 1 + erf before the half is taken."""
    if scene.case.hyperparameters["approximate"] != "none":
        return {}
    doubled = 2 * scene.vector.output
    return {"output": doubled / 2}


def divided_last(scene: Scene) -> Results:
    """Multiply by relu6 before the division by 6."""
    x = scene.inputs[0]
    return {"output": np.where(np.abs(x) > 3, x * np.minimum(np.maximum(x + 3, 0), 6) / 6, scene.vector.output)}


def both_halves_at_zero(scene: Scene) -> Results:
    """Let both halves of a piecewise definition count at 0."""
    return {"input": np.where(scene.inputs[0] == 0, 2 * scene.error, scene.vector.gradients["input"])}


MISTAKES = (
    Entry(
        "error-taken-as-one",
        ("conv", "conv_transpose", "linear", "prelu", "lp_pool", *MAXIMA, *MEANS, *STRAIGHT, *NORMS),
        error_taken_as_one,
    ),
    Entry("error-passed-through", STRAIGHT, error_passed_through),
)
