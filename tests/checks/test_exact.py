import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradcheck import Verdict, check
from gradcheck.checks.exact import INTEGER_POINT, ExactRuling, exact_inner

RNG = np.random.default_rng(19)
X = RNG.standard_normal((4, 6))
W = RNG.standard_normal((6, 3))
B = RNG.standard_normal(3)

WHOLE = st.integers(-(2**50), 2**50)


@given(st.lists(st.tuples(WHOLE, WHOLE), max_size=40))
@example([(2**50, 2**50)] * 40)
@example([(2**50, 2**50), (-(2**50), 2**50), (1, 1)])
def test_exact_inner_products_equal_those_of_pythons_integers(pairs):
    a, b = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    assert exact_inner(a, b) == sum(p * q for p, q in pairs)


def mean_of_three(x):
    return (x[:, :-2] + x[:, 1:-1] + x[:, 2:]) / 3


def mean_of_three_backward(g, x):
    out = np.zeros_like(x)
    for shift in range(3):
        out[:, shift : shift + g.shape[1]] += g / 3
    return out


LINEAR = {
    "linear": (
        (lambda x, w, b: x @ w + b, lambda g, x, w, b: (g @ w.T, x.T @ g, g.sum(0))),
        {"x": X, "w": W, "b": B},
    ),
    "convolution": (
        (
            lambda x, k: np.convolve(x, k, "valid"),
            lambda g, x, k: (np.convolve(g, k[::-1]), np.correlate(x, g, "valid")[::-1]),
        ),
        {"x": X.ravel(), "k": B},
    ),
    "rectifier": ((lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0)), {"x": X}),
    "maximum along an axis": (
        (lambda x: x.max(1), lambda g, x: g[:, None] * (x == x.max(1, keepdims=True))),
        {"x": X},
    ),
    "average of three": ((mean_of_three, mean_of_three_backward), {"x": X}),
    "transpose": ((lambda x: x.T, lambda g, x: g.T), {"x": X}),
    "gather": (
        (lambda x, index: x[index], lambda g, x, index: (_scatter(g, x, index), None)),
        {"x": X, "index": np.array([0, 2, 2])},
    ),
}


def _scatter(g, x, index):
    out = np.zeros_like(x)
    np.add.at(out, index, g)
    return out


@pytest.mark.parametrize(("layer", "inputs"), LINEAR.values(), ids=LINEAR)
def test_linear_layers_are_compared_exactly_with_a_bound_of_two_to_the_minus_60(layer, inputs):
    report = check(layer, inputs)
    assert report.verdict is Verdict.AGREES
    assert all(a.exact_bound <= 2.0**-60 for a in report.arguments.values())
    assert report.exact.startswith("on integers grad_")
    assert "2^-66" in report.exact
    assert "polynomial backward of degree k anywhere with k/4096" in report.exact


NOT_LINEAR = {
    "square": ((lambda x: x * x, lambda g, x: 2 * g * x), {"x": X}),
    "tanh": ((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), {"x": X}),
    "a rounded constant": ((lambda x: np.pi * x, lambda g, x: np.pi * g), {"x": X}),
    "float32 inside": ((lambda x: np.float64(np.float32(x)), lambda g, x: g), {"x": X}),
    "rounding down": ((np.floor, lambda g, x: 0 * x), {"x": X}),
    "probabilities": ((lambda x: 2 * x, lambda g, x: 2 * g), {"x": np.full((2, 4), 0.25)}),
    "beside a constant that is no integer": ((lambda x, c: c * x, lambda g, x, c: (c * g, None)), {"x": X, "c": X}),
}


@pytest.mark.parametrize(("layer", "inputs"), NOT_LINEAR.values(), ids=NOT_LINEAR)
def test_no_bound_is_claimed_where_nothing_is_exact(layer, inputs):
    report = check(layer, inputs, wrt=["x"])
    assert report.verdict is Verdict.AGREES
    assert (report.exact, report.arguments["x"].exact_bound) == ("", None)


def linear_with(damage):
    return (lambda x, w: x @ w, lambda g, x, w: (damage(g @ w.T), x.T @ g))


DAMAGES = {
    "one ulp of each entry": lambda g: g * (1 + 2.0**-52),
    "a part in a thousand million million": lambda g: g + 2.0**-50 * np.abs(g).max() * (g == g.max()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_no_bound_is_claimed_for_a_gradient_that_is_off_by_rounding_alone(damage):
    argument = check(linear_with(damage), {"x": X, "w": W}).arguments["x"]
    assert argument.verdict is not Verdict.DISAGREES
    assert argument.exact_bound is None


def test_catches_an_error_of_one_at_integers_that_hides_in_rounding_elsewhere():
    def rounds_to_integers_above_a_thousand(g):
        return np.where(np.abs(g) > 2.0**12, g + 1.0, g)

    report = check(linear_with(rounds_to_integers_above_a_thousand), {"x": X, "w": W}, points=[])
    argument = report.arguments["x"]
    assert argument.verdict is Verdict.DISAGREES
    assert (argument.point, argument.derived_only) == (INTEGER_POINT, True)
    assert report.arguments["w"].exact_bound <= 2.0**-60


def test_an_empty_ruling_says_nothing():
    assert ExactRuling().sentence == ""
    assert ExactRuling({"x": 2.0**-64}).sentence.startswith("on integers grad_x equal forward's exact derivative")


def average(window, *, reciprocal=False):
    """An average pool whose windows do not overlap; it divides, or multiplies by the rounded reciprocal."""
    number = window[0] * window[1]

    def shared(total):
        return total * (1.0 / number) if reciprocal else total / number

    def forward(x):
        return shared(x.reshape(x.shape[0] // window[0], window[0], -1, window[1]).sum(axis=(1, 3)))

    def backward(g, x):
        return np.kron(shared(g), np.ones(window))

    return forward, backward


@pytest.mark.parametrize("window", [(2, 2), (4, 4), (3, 3), (7, 7), (11, 13)], ids=str)
def test_divisors_of_every_window_are_found(window):
    x = np.random.default_rng(3).standard_normal((2 * window[0], 3 * window[1]))
    assert check(average(window), {"x": x}).arguments["x"].exact_bound == 2.0**-66


@pytest.mark.parametrize(
    ("forward", "slope"),
    [(lambda x: np.where(x > 0, x, 0.25 * x), 0.25), (lambda x: np.where(x > 0, x, x / 3), 1 / 3)],
    ids=["a quarter", "a third"],
)
def test_a_slope_is_exact_where_it_is_a_quotient(forward, slope):
    x = np.random.default_rng(3).standard_normal((6, 7))
    report = check((forward, lambda g, x: np.where(x > 0, g, slope * g)), {"x": x})
    assert report.arguments["x"].exact_bound == 2.0**-66
    assert report.verdict is Verdict.AGREES


@pytest.mark.parametrize(
    "layer",
    [average((3, 3), reciprocal=True), average((7, 7), reciprocal=True), (lambda x: 0.1 * x, lambda g, x: 0.1 * g)],
    ids=["a ninth", "a 49th", "a tenth"],
)
def test_no_bound_is_claimed_for_a_rounded_factor(layer):
    report = check(layer, {"x": np.random.default_rng(3).standard_normal((42, 42))})
    assert (report.verdict, report.arguments["x"].exact_bound, report.exact) == (Verdict.AGREES, None, "")


@pytest.mark.parametrize(("slope", "verdict"), [(3.3, Verdict.DISAGREES), (3.0 + 1e-12, Verdict.AGREES)], ids=str)
def test_a_claim_that_is_no_integer_is_held_to_the_exact_derivative(slope, verdict):
    """The points elsewhere reach no farther than 64; integers do."""
    report = check(
        (lambda x: 3 * x, lambda g, x: g * np.where(np.abs(x) > 100, slope, 3)), {"x": np.array([0.5, -1.25, 2.0])}
    )
    assert report.verdict is verdict
    assert report.arguments["x"].exact_bound is None
    if verdict is Verdict.DISAGREES:
        assert (report.arguments["x"].point, report.arguments["x"].derived_only) == ("an integer point", True)
