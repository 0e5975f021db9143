"""Activations, pools and losses against SymPy's derivative of their definitions, branch by branch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck import layers
from properties.drawing import distinct, integers, seeds

sympy = pytest.importorskip("sympy", reason="needs sympy")

x = sympy.Symbol("x", real=True)
exp, log, tanh, erf, sqrt = sympy.exp, sympy.log, sympy.tanh, sympy.erf, sympy.sqrt
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772  # SELU's constants (Klambauer et al. 2017)
RELATIVE, ABSOLUTE = 1e-12, 1e-14  # tens of roundings; differences such as 1 - tanh² lose digits of 1 in the tails
FEWER = 15
FAR = 6.0


@dataclass(frozen=True)
class Branch:
    """A formula and the open interval in which it is the definition."""

    formula: Any
    low: float = -FAR
    high: float = FAR


SIGMOID = 1 / (1 + exp(-x))
GAUSSIAN_TANH = x * (1 + tanh(sqrt(2 / sympy.pi) * (x + sympy.Rational(44715, 10**6) * x**3))) / 2

ACTIVATIONS: dict[str, tuple[Any, tuple[Branch, ...]]] = {
    "ReLU": (layers.ReLU(), (Branch(0 * x, high=0), Branch(x, low=0))),
    "LeakyReLU": (layers.LeakyReLU(0.25), (Branch(x / 4, high=0), Branch(x, low=0))),
    "ReLU6": (layers.ReLU6(), (Branch(0 * x, high=0), Branch(x, 0, 6), Branch(6 + 0 * x, 6, 9))),
    "Threshold": (layers.Threshold(0.5, -1.0), (Branch(-1 + 0 * x, high=0.5), Branch(x, low=0.5))),
    "ELU": (layers.ELU(), (Branch(exp(x) - 1, high=0), Branch(x, low=0))),
    "SELU": (layers.SELU(), (Branch(SCALE * ALPHA * (exp(x) - 1), high=0), Branch(SCALE * x, low=0))),
    "CELU": (layers.CELU(2.0), (Branch(2 * (exp(x / 2) - 1), high=0), Branch(x, low=0))),
    "GELU": (layers.GELU(), (Branch(x * (1 + erf(x / sqrt(2))) / 2),)),
    "GELU, tanh": (layers.GELU(approximate="tanh"), (Branch(GAUSSIAN_TANH),)),
    "SiLU": (layers.SiLU(), (Branch(x * SIGMOID),)),
    "Mish": (layers.Mish(), (Branch(x * tanh(log(1 + exp(x)))),)),
    "Sigmoid": (layers.Sigmoid(), (Branch(SIGMOID),)),
    "LogSigmoid": (layers.LogSigmoid(), (Branch(log(SIGMOID)),)),
    "Tanh": (layers.Tanh(), (Branch(tanh(x)),)),
    "Softplus": (layers.Softplus(), (Branch(log(1 + exp(x))),)),
    "Softsign": (layers.Softsign(), (Branch(x / (1 - x), high=0), Branch(x / (1 + x), low=0))),
    "TanhShrink": (layers.TanhShrink(), (Branch(x - tanh(x)),)),
    "HardTanh": (layers.HardTanh(), (Branch(-1 + 0 * x, high=-1), Branch(x, -1, 1), Branch(1 + 0 * x, low=1))),
    "HardSigmoid": (layers.HardSigmoid(), (Branch(0 * x, -9, -3), Branch((x + 3) / 6, -3, 3), Branch(1 + 0 * x, 3, 9))),
    "HardSwish": (layers.HardSwish(), (Branch(0 * x, -9, -3), Branch(x * (x + 3) / 6, -3, 3), Branch(x, 3, 9))),
    "HardShrink": (layers.HardShrink(), (Branch(x, high=-0.5), Branch(0 * x, -0.5, 0.5), Branch(x, low=0.5))),
    "SoftShrink": (
        layers.SoftShrink(),
        (Branch(x + 0.5, high=-0.5), Branch(0 * x, -0.5, 0.5), Branch(x - 0.5, low=0.5)),
    ),
}
ROWS = [(name, place) for name, (_, branches) in ACTIVATIONS.items() for place in range(len(branches))]


@pytest.mark.parametrize(("name", "place"), ROWS)
@settings(max_examples=FEWER)
@given(seeds)
def test_activation_has_the_derivative_of_its_definition(name, place, seed):
    layer, branches = ACTIVATIONS[name]
    branch = branches[place]
    points = np.random.default_rng(seed).uniform(branch.low, branch.high, 5)
    points = points[(points > branch.low) & (points < branch.high)]
    formula, slope = branch.formula, sympy.diff(branch.formula, x)
    value = [float(formula.subs(x, sympy.Float(float(p), 40)).evalf(30)) for p in points]
    expected = [float(slope.subs(x, sympy.Float(float(p), 40)).evalf(30)) for p in points]
    np.testing.assert_allclose(layer.forward(points), value, rtol=RELATIVE, atol=ABSOLUTE)
    np.testing.assert_allclose(layer.backward(np.ones_like(points), points), expected, rtol=RELATIVE, atol=ABSOLUTE)


def gradient_of(formula, symbols, values) -> list[float]:
    """Differentiate by each symbol, and put the values in."""
    point = dict(zip(symbols, values, strict=True))
    return [float(sympy.diff(formula, one).subs(point).evalf(30)) for one in symbols]


UNITS = sympy.symbols("a b c d", real=True)


@settings(max_examples=FEWER)
@given(seeds)
def test_pools_have_the_derivative_of_their_definitions(seed):
    block = distinct(seed, (1, 1, 2, 2))
    values = [sympy.Rational(v) for v in block.ravel()]
    winner = UNITS[int(block.argmax())]  # the branch of the maximum: one unit alone is the largest
    for layer, formula in (
        (layers.MaxPool(2), winner),
        (layers.AvgPool(2), sum(UNITS) / 4),
        (layers.LpPool(2, p=2.0), sqrt(sum(u**2 for u in UNITS))),
        (layers.LpPool(2, p=3.0), sum(sympy.Abs(u) ** 3 for u in UNITS) ** sympy.Rational(1, 3)),
    ):
        found = layer.backward(np.ones((1, 1, 1, 1)), block).ravel()
        np.testing.assert_allclose(found, gradient_of(formula, UNITS, values), rtol=RELATIVE, atol=ABSOLUTE)


@settings(max_examples=FEWER)
@given(seeds)
def test_losses_have_the_derivative_of_their_definitions(seed):
    prediction, target = integers(seed, (1, 4)) / 4, integers(seed + 1, (1, 4), low=0, high=1)
    values = [sympy.Rational(v) for v in prediction.ravel()]
    t = [int(v) for v in target.ravel()]
    squares = sum((u - v) ** 2 for u, v in zip(UNITS, t, strict=True))
    crosses = sum(log(1 + exp(u)) - v * u for u, v in zip(UNITS, t, strict=True))
    for layer, formula in (
        (layers.HalfSquaredError(), squares / 2),
        (layers.MeanSquaredError(), squares / 4),
        (layers.BinaryCrossEntropyWithLogits(), crosses / 4),
    ):
        found = layer.backward(np.array(1.0), prediction, target)[0].ravel()
        np.testing.assert_allclose(found, gradient_of(formula, UNITS, values), rtol=RELATIVE, atol=ABSOLUTE)
    label = int(seed % 4)
    formula = log(sum(exp(u) for u in UNITS)) - UNITS[label]
    found = layers.SoftmaxCrossEntropy().backward(np.array(1.0), prediction, np.array([label]))
    found = (found[0] if isinstance(found, tuple) else found).ravel()
    np.testing.assert_allclose(found, gradient_of(formula, UNITS, values), rtol=RELATIVE, atol=ABSOLUTE)


@given(seeds, st.integers(1, 3))
def test_the_subdifferential_of_l2_pooling_at_0_is_the_unit_ball(seed, count):
    # |y| >= <g, y> for all y exactly if |g| <= 1 (Cauchy and Schwarz; y = g shows that a longer g is none).
    rng = np.random.default_rng(seed)
    pool = layers.LpPool((count, 2), p=2.0)
    zero = np.zeros((1, 1, count, 2))
    claimed = pool.backward(np.ones((1, 1, 1, 1)), zero)
    assert np.sqrt(np.sum(claimed**2)) <= 1
    g = rng.normal(size=zero.shape)
    g /= np.sqrt(np.sum(g**2))
    y = rng.normal(size=zero.shape)
    norm = float(pool.forward(y)[0, 0, 0, 0])
    assert norm >= np.sum(g * y) - 1e-14 * norm
    assert float(pool.forward(1.01 * g)[0, 0, 0, 0]) < np.sum(1.01 * g * 1.01 * g)
