import numpy as np
import pytest

from gradcheck import Verdict, check

RNG = np.random.default_rng(22)
X = RNG.standard_normal((4, 6))
W = RNG.standard_normal((6, 3))
SHARP = 1e-6  # of the whole gradient; what quick effort states is weaker than normal effort's

LAYERS = {
    "square": ((lambda x: x * x, lambda g, x: 2 * g * x), {"x": X}),
    "linear": ((lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g)), {"x": X, "w": W}),
    "tanh": ((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), {"x": X}),
    "rectifier": ((lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0)), {"x": X}),
    "mean": ((lambda x: x.mean(), lambda g, x: np.full(x.shape, g / x.size)), {"x": X}),
    "several outputs": ((lambda x: (x * x, -x), lambda g, x: 2 * g[0] * x - g[1]), {"x": X}),
    "a number": ((lambda x: x**3, lambda g, x: 3 * g * x * x), {"x": np.array(0.7)}),
}


@pytest.mark.parametrize(("layer", "inputs"), LAYERS.values(), ids=LAYERS)
def test_accepts_correct_layers_within_six_and_three_calls(layer, inputs):
    report = check(layer, inputs, effort="quick")
    spent = report.evaluations
    assert report.verdict is Verdict.AGREES
    assert (spent.forward <= 6, spent.backward <= 3, spent.state_forward <= 3) == (True, True, True)
    assert report.points == ("the given point",)
    assert all(a.resolution < SHARP for a in report.arguments.values())


@pytest.mark.parametrize(("layer", "inputs"), LAYERS.values(), ids=LAYERS)
def test_catches_a_gradient_off_by_a_thousandth(layer, inputs):
    forward, backward = layer

    def off(g, *values):
        right = backward(g, *values)
        return tuple(1.001 * part for part in right) if isinstance(right, tuple) else 1.001 * right

    assert check((forward, off), inputs, effort="quick").verdict is Verdict.DISAGREES


def one_entry(gradient):
    damaged = gradient.copy()
    damaged.flat[-1] += 0.01
    return damaged


@pytest.mark.parametrize("seed", range(5))
def test_catches_one_wrong_entry(seed):
    layer = (np.tanh, lambda g, x: one_entry(g * (1 - np.tanh(x) ** 2)))
    assert check(layer, {"x": X}, effort="quick", seed=seed).verdict is Verdict.DISAGREES


def test_a_disagreement_is_looked_at_by_the_whole_procedure_before_it_is_said():
    wrong = check((np.tanh, lambda g, x: g), {"x": X}, effort="quick")
    assert wrong.evaluations.forward > 6
    assert wrong.arguments["x"].diagnosis is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=lambda d: d.__name__)
def test_low_precision_is_judged_as_well(dtype):
    right = (np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2))
    wrong = (np.tanh, lambda g, x: g)
    assert check(right, {"x": X.astype(dtype)}, effort="quick").verdict is Verdict.AGREES
    assert check(wrong, {"x": X.astype(dtype)}, effort="quick").verdict is Verdict.DISAGREES


UNCERTAIN = {
    "a step": ((np.floor, lambda g, x: 0 * x), {"x": X}, Verdict.AGREES),
    "a constant": ((lambda x: np.ones(2), lambda g, x: 0 * x), {"x": X}, Verdict.AGREES),
    "nothing": ((lambda x: x * x, lambda g, x: 2 * g * x), {"x": X[:0]}, Verdict.AGREES),
    "at kinks": ((np.abs, lambda g, x: g * np.sign(x)), {"x": np.zeros(5)}, Verdict.AGREES),
    "random": ((lambda x: x * np.random.default_rng().random(6), lambda g, x: g), {"x": X}, Verdict.INCONCLUSIVE),
}


@pytest.mark.parametrize(("layer", "inputs", "wanted"), UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_a_glance_cannot_settle_is_judged_whole(layer, inputs, wanted):
    report = check(layer, inputs, effort="quick")
    assert report.verdict is wanted
    assert report.reason == check(layer, inputs).reason


def test_outputs_that_a_glance_leaves_out_are_counted_in_a_sentence():
    x = np.array([0.0, 1.0, -1.0, 0.0, 2.0])
    report = check((lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0)), {"x": x}, effort="quick")
    assert report.verdict is Verdict.AGREES
    assert report.arguments["x"].sentence.startswith("2 of 5 outputs")
