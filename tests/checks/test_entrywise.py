"""A loss behind a network is judged at its kinks, entry by entry."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks import entrywise

RNG = np.random.default_rng(3)
SIZES = {"x": (1, 4), "w1": (4, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}
DRAWN = {name: RNG.normal(size=shape) for name, shape in SIZES.items()}
AT_ZERO = {
    "inputs and biases are zero": {**DRAWN, "x": 0 * DRAWN["x"], "b1": 0 * DRAWN["b1"]},
    "a layer's weights and biases are zero": {**DRAWN, "w1": 0 * DRAWN["w1"], "b1": 0 * DRAWN["b1"]},
    "one unit's weights and bias are zero": {
        **DRAWN,
        "w1": DRAWN["w1"] * (np.arange(5) != 2),
        "b1": DRAWN["b1"] * (np.arange(5) != 2),
    },
    "one sample of a batch of eight is zero": {
        **DRAWN,
        "x": RNG.normal(size=(8, 4)) * (np.arange(8) != 3)[:, None],
        "b1": 0 * DRAWN["b1"],
    },
}


def network(at_zero, *, squared):
    """The sum, or the mean square, of what two linear layers with a ReLU between them give."""

    def forward(x, w1, b1, w2, b2):
        out = np.maximum(x @ w1 + b1, 0) @ w2 + b2
        return np.asarray((out**2).mean() if squared else out.sum())

    def backward(g, x, w1, b1, w2, b2):
        z = x @ w1 + b1
        hidden = np.maximum(z, 0)
        out = hidden @ w2 + b2
        d_out = g * (2 * out / out.size if squared else np.ones_like(out))
        d_z = (d_out @ w2.T) * np.where(z == 0, at_zero, z > 0)
        return d_z @ w1.T, x.T @ d_z, d_z.sum(0), hidden.T @ d_out, d_out.sum(0)

    return forward, backward


@pytest.mark.parametrize("squared", [False, True], ids=["sum", "mean square"])
@pytest.mark.parametrize("inputs", AT_ZERO.values(), ids=AT_ZERO)
def test_judges_a_network_with_units_at_zero(inputs, squared):
    for seed in range(2):
        for at_zero in (0.0, 0.5, 1.0):
            assert check(network(at_zero, squared=squared), inputs, seed=seed).verdict is Verdict.AGREES
    for at_zero in (2.0, -1.0):
        assert check(network(at_zero, squared=squared), inputs).verdict is Verdict.DISAGREES


def test_leaves_open_what_only_mixed_kinks_show():
    weight, out = RNG.normal(size=(4, 16)), RNG.normal(size=16)
    layer = (
        lambda x: np.asarray((np.maximum(x @ weight, 0) @ out).sum()),
        lambda g, x: g * ((x @ weight > 0) * out @ weight.T),
    )
    report = check(layer, {"x": np.zeros((1, 4))})
    assert report.verdict is not Verdict.DISAGREES
    assert report.verdict is Verdict.AGREES or report.arguments["x"].reason == "choice-of-branch"


WEIGHTS = np.array([1.0, -2.0, 1.0, 3.0])
EQUAL = {"a": np.array([1.0, 2.0, 3.0, 4.0]), "b": np.array([1.0, 2.0, 5.0, 0.0])}


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ((1, 0), Verdict.AGREES),
        ((0.5, 0.5), Verdict.AGREES),
        ((1, 1), Verdict.DISAGREES),
        ((0, 0), Verdict.DISAGREES),
    ],
)
def test_judges_the_ties_of_two_arguments_behind_weights_of_either_sign(shares, verdict):
    def backward(g, a, b):
        first, second = shares
        return g * WEIGHTS * np.where(a == b, first, a > b), g * WEIGHTS * np.where(a == b, second, b > a)

    layer = (lambda a, b: np.asarray(np.maximum(a, b) @ WEIGHTS), backward)
    for seed in range(2):
        assert check(layer, EQUAL, seed=seed).verdict is verdict


def test_what_was_not_confirmed_is_looked_at_along_the_next_direction(monkeypatch):
    answers = [SimpleNamespace(confirmed=False), SimpleNamespace(confirmed=True), None]
    asked = []

    def compared(_instrument, _evidence, one, _rng):
        asked.append(one.outside)
        return {"x": (answers[len(asked) - 1],)}

    monkeypatch.setattr(entrywise, "compared_again", compared)
    nearby = SimpleNamespace(look=lambda one, one_sign: (True, True), rng=None)
    seen = [
        SimpleNamespace(names=("x",), entries=1, kinky=True, stands_out=True, outside=outside, beside=0.0)
        for outside in (9.0, 8.0, 7.0)
    ]
    flags, unexplained = entrywise._weighed(None, None, seen, nearby, one_sign=False)
    assert asked == [9.0, 8.0]
    assert (flags, unexplained) == ({"x": (answers[1],)}, [])
