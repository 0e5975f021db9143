"""Every activation is its textbook formula, value and slope, over the range of each dtype; at kinks, a subgradient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import layers
from properties.closeness import assert_within_ulps
from properties.drawing import Array, integers, seeds
from reference.elementary import (
    ACTIVATIONS,
    along,
    at_each,
    log_softmax,
    log_softmax_grad,
    sigmoid,
    sigmoid_slope,
    softmax,
    softmax_grad,
)
from reference.geometry import Floats

# Curves of a few elementary functions, each within an ulp or two, and as many products and sums.
FEW_ULPS = 10


def exactly_conditioned(x: Floats) -> Floats:
    """Return the extra ulps where the formula's own argument is exact: none."""
    return np.zeros(x.shape)


@dataclass(frozen=True)
class Row:
    """A layer, its formula, its kinks, and the ulps that rounding the argument of an exponential costs at x."""

    layer: Any
    formula: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    kinks: tuple[float, ...] = ()
    argument_ulps: Callable[[Floats], Floats] = exactly_conditioned


def gate_argument(x: Floats) -> Floats:
    """Return 2·sqrt(2/π)·|x + 0.044715·x³| in the left tail: that many ulps of σ, for each ulp of its argument."""
    return np.where(x < 0, 1.6 * np.abs(x + 0.044715 * x**3), 0.0)


ROWS = [
    Row(layers.ReLU(), "relu", kinks=(0,)),
    Row(layers.LeakyReLU(), "leaky_relu", {"negative_slope": 0.01}, kinks=(0,)),
    Row(layers.LeakyReLU(0.25), "leaky_relu", {"negative_slope": 0.25}, kinks=(0,)),
    Row(layers.ReLU6(), "relu6", kinks=(0, 6)),
    Row(layers.Threshold(1.0, 0.5), "threshold", {"threshold": 1.0, "value": 0.5}, kinks=(1,)),
    Row(layers.HardTanh(-1.0, 2.0), "hard_tanh", {"low": -1.0, "high": 2.0}, kinks=(-1, 2)),
    Row(layers.HardSigmoid(), "hard_sigmoid", kinks=(-3, 3)),
    Row(layers.HardSwish(), "hard_swish", kinks=(-3, 3)),
    Row(layers.HardShrink(0.5), "hard_shrink", {"lambd": 0.5}, kinks=(-0.5, 0.5)),
    Row(layers.SoftShrink(0.5), "soft_shrink", {"lambd": 0.5}, kinks=(-0.5, 0.5)),
    Row(layers.ELU(), "elu"),
    Row(layers.ELU(0.5), "elu", {"alpha": 0.5}, kinks=(0,)),
    Row(layers.SELU(), "selu", kinks=(0,)),
    Row(layers.CELU(), "celu"),
    Row(layers.CELU(0.7), "celu", {"alpha": 0.7}, argument_ulps=lambda x: np.where(x < 0, np.abs(x / 0.7), 0.0)),
    Row(layers.Sigmoid(), "sigmoid"),
    Row(layers.LogSigmoid(), "log_sigmoid"),
    Row(layers.Tanh(), "tanh"),
    Row(layers.TanhShrink(), "tanhshrink"),
    Row(layers.Softplus(), "softplus", {"threshold": np.inf}),
    Row(layers.Softplus(2.0, 20.0), "softplus", {"beta": 2.0, "threshold": 20.0}, kinks=(10,)),
    Row(layers.Softplus(0.7), "softplus", {"beta": 0.7, "threshold": np.inf}, argument_ulps=lambda x: np.abs(x * 0.7)),
    Row(layers.Softsign(), "softsign"),
    Row(layers.SiLU(), "silu"),
    Row(layers.Mish(), "mish"),
    Row(layers.GELU(), "gelu"),
    Row(layers.GELU("tanh"), "gelu_tanh", argument_ulps=gate_argument),
]
every_row = pytest.mark.parametrize("row", ROWS, ids=[f"{row.layer}" for row in ROWS])
dtypes = st.sampled_from([np.float64, np.float32, np.float16])
# Beyond 700 an exponential leaves the range of a double; 1e15 stands for all that is far out.
points = st.lists(st.floats(-30, 30) | st.floats(-750, 750) | st.sampled_from([0.0, -0.0, 1e15, -1e15]), max_size=6)


def rounded_points(values: list[float], dtype: type[np.floating[Any]], kinks: tuple[float, ...]) -> Array:
    """Return the values in the dtype, without those that land on a kink or beyond the dtype."""
    with np.errstate(over="ignore"):
        x = np.array(values, np.float64).astype(dtype)
    return x[np.isfinite(x) & ~np.isin(x, kinks)]


def slope_terms(row: Row, x: Floats) -> Floats:
    """Return the sum of the absolute terms of the slope where its formula subtracts; elsewhere the slope itself."""
    slope = np.abs(at_each(ACTIVATIONS[row.formula][1], x, **row.parameters))
    if row.formula in ("silu", "mish", "gelu", "gelu_tanh"):
        steepness = 3.0 if row.formula in ("mish", "gelu", "gelu_tanh") else 1.0
        gate = at_each(lambda v: sigmoid(v) + abs(v) * sigmoid_slope(v), np.maximum(x, -30))
        return np.where(np.abs(x) < 5, np.maximum(slope, steepness * gate), slope)
    if row.formula == "hard_swish":
        return np.maximum(slope, np.where(np.abs(x) < 3, 1.0, 0.0))
    return slope


@every_row
@given(dtypes, points)
def test_value_is_the_formula(row: Row, dtype, values):
    x = rounded_points(values, dtype, ())
    wide = x.astype(np.float64)
    expected = at_each(ACTIVATIONS[row.formula][0], wide, **row.parameters)
    found = row.layer.forward(x)
    assert found.dtype == x.dtype
    assert_within_ulps(found, expected, FEW_ULPS + row.argument_ulps(wide), grains=1 + np.abs(wide))


@every_row
@given(dtypes, points, seeds)
def test_gradient_is_delta_times_the_slope_of_the_formula(row: Row, dtype, values, seed):
    x = rounded_points(values, dtype, row.kinks)
    wide = x.astype(np.float64)
    delta = integers(seed, x.shape)
    expected = delta * at_each(ACTIVATIONS[row.formula][1], wide, **row.parameters)
    found = row.layer.backward(delta.astype(dtype), x)
    assert found.dtype == x.dtype
    of = np.abs(delta) * slope_terms(row, wide)
    # A gate that has become subnormal is multiplied by delta and, in the tanh form of GELU, by up to x³.
    grains = 10 + np.abs(wide) ** 3
    assert_within_ulps(found, expected, FEW_ULPS + 2 * row.argument_ulps(wide), of=of, grains=grains)


@pytest.mark.parametrize(
    ("row", "kink"),
    [(row, kink) for row in ROWS for kink in row.kinks],
    ids=[f"{row.layer} at {kink}" for row in ROWS for kink in row.kinks],
)
def test_gradient_at_a_kink_lies_between_the_slopes_beside_it(row: Row, kink: float):
    beside = np.array([np.nextafter(float(kink), -np.inf), np.nextafter(float(kink), np.inf)])
    left, right = at_each(ACTIVATIONS[row.formula][1], beside, **row.parameters)
    (claim,) = row.layer.backward(np.ones(1), np.array([float(kink)]))
    assert min(left, right) - 1e-15 <= claim <= max(left, right) + 1e-15


@every_row
def test_nothing_but_the_limit_comes_out_at_the_ends_of_the_range(row: Row):
    # Beyond any exponential each curve is a constant or a line through 0: equal there and a billion times nearer.
    for sign in (-1.0, 1.0):
        near, far = np.array([sign * 1e12]), np.array([sign * 1e300])
        flat = row.layer.forward(near) == row.layer.forward(far)
        line = row.layer.forward(far) / far == pytest.approx(row.layer.forward(near) / near, rel=1e-11)
        assert flat or line
        slopes = [row.layer.backward(np.ones(1), x)[0] for x in (near, far)]
        assert slopes[0] == pytest.approx(slopes[1], abs=1e-20)


@every_row
def test_a_long_array_is_treated_entry_by_entry(row: Row):
    # Longer than any block that a fast layer works in; a prime number, so that the last block is a short one.
    x = integers(0, (50021,)) / 4
    delta = integers(1, x.shape)
    values, places = np.unique(x, return_inverse=True)
    np.testing.assert_allclose(row.layer.forward(x), row.layer.forward(values)[places], rtol=1e-14)
    slopes = row.layer.backward(np.ones(values.shape), values)[places]
    np.testing.assert_allclose(row.layer.backward(delta, x), delta * slopes, rtol=1e-14)


@given(points, st.integers(1, 3), seeds)
def test_prelu_is_a_leaky_relu_with_its_own_slope_in_each_channel(values, channels, seed):
    x = rounded_points(values, np.float64, (0,))
    x = np.stack([np.roll(x, c) for c in range(channels)], axis=0)[np.newaxis]
    weight, delta = integers(seed, (channels,)) / 8, integers(seed + 1, x.shape)
    found = layers.PReLU().forward(x, weight)
    grad_input, grad_weight = layers.PReLU().backward(delta, x, weight)
    for c in range(channels):
        own = x[:, c]
        np.testing.assert_array_equal(found[:, c], np.where(own > 0, own, weight[c] * own))
        np.testing.assert_array_equal(grad_input[:, c], delta[:, c] * np.where(own > 0, 1, weight[c]))
        terms = delta[:, c] * np.minimum(own, 0)
        assert_within_ulps(
            grad_weight[c : c + 1], np.array([terms.sum()]), terms.size, of=np.array([np.abs(terms).sum()])
        )


vectors = st.lists(st.floats(-30, 30) | st.floats(-750, 750), min_size=1, max_size=5)


@pytest.mark.parametrize("axis", [0, 1, -1])
@given(dtypes, vectors, seeds)
def test_softmax_and_its_logarithm_are_the_formulas_along_their_axis(axis, dtype, values, seed):
    x = np.stack([np.roll(np.array(values), s) for s in range(2)]).astype(dtype)
    delta = integers(seed, x.shape)
    wide = x.astype(np.float64)
    # Rounding the difference to the largest entry costs as many ulps as half that difference.
    ulps = FEW_ULPS + x.shape[axis] + float(np.ptp(wide)) / 2
    shares = along(softmax, axis, wide)
    soft, logarithm = layers.Softmax(axis), layers.LogSoftmax(axis)
    assert_within_ulps(soft.forward(x), shares, ulps)
    assert_within_ulps(logarithm.forward(x), along(log_softmax, axis, wide), ulps)
    expected = along(softmax_grad, axis, delta, wide)
    spread = shares * (np.abs(delta) + np.sum(shares * np.abs(delta), axis=axis, keepdims=True))
    assert_within_ulps(soft.backward(delta.astype(dtype), x), expected, 2 * ulps, of=spread)
    expected = along(log_softmax_grad, axis, delta, wide)
    spread = np.abs(delta) + shares * np.sum(np.abs(delta), axis=axis, keepdims=True)
    assert_within_ulps(logarithm.backward(delta.astype(dtype), x), expected, 2 * ulps, of=spread)
