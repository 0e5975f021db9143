"""A float32 layer may round to float32 wherever it likes: its gradients, its buffers, the grad_output it is handed."""

import numpy as np
import pytest

from gradcheck import Verdict, check

SINGLE = np.float32


def filled(g, x, w):
    dx, dw = np.zeros(x.shape, SINGLE), np.zeros(w.shape, SINGLE)
    for i in range(len(x)):
        dw += np.outer(x[i], g[i]).astype(SINGLE)
        dx[i] = w @ g[i]
    return dx, dw


def through(x, w, d):
    return d @ w.T, x.T @ d


LAYERS = {
    "cast at the end": (lambda x, w: x @ w, lambda g, x, w: ((g @ w.T).astype(SINGLE), (x.T @ g).astype(SINGLE))),
    "buffers": (lambda x, w: x @ w, filled),
    "grad_output cast": (
        lambda x, w: np.tanh(x @ w),
        lambda g, x, w: through(x, w, g.astype(SINGLE) * (1 - np.tanh(x @ w) ** 2)),
    ),
    "of a loss": (
        lambda x, w: np.mean((x @ w) ** 2),
        lambda g, x, w: through(x, w, SINGLE(g) * 2 * (x @ w) / SINGLE(x.shape[0] * w.shape[1])),
    ),
}


def point(seed, dtype=SINGLE):
    rng = np.random.default_rng(seed)
    return {n: rng.standard_normal(shape).astype(dtype) for n, shape in {"x": (24, 40), "w": (40, 6)}.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_rounding_to_the_inputs_dtype_is_no_mistake(name):
    for seed in range(6):
        report = check(LAYERS[name], point(seed), seed=seed)
        assert report.verdict is Verdict.AGREES, report


@pytest.mark.parametrize("name", LAYERS)
def test_a_percent_in_one_entry_is_still_one(name):
    forward, backward = LAYERS[name]

    def wrong(g, x, w):
        dx, dw = backward(g, x, w)
        dw[3, 2] *= SINGLE(1.01)
        return dx, dw

    for seed in range(3):
        assert check((forward, wrong), point(seed), seed=seed).verdict is Verdict.DISAGREES


@pytest.mark.parametrize("name", ["cast at the end", "buffers"])
def test_a_float64_layer_may_not_lose_half_of_its_digits(name):
    report = check(LAYERS[name], point(0, np.float64))
    assert report.verdict is Verdict.DISAGREES


@pytest.mark.parametrize("which", [1, 2])
def test_a_claim_for_an_empty_batch_must_be_zero(which):
    rng = np.random.default_rng(0)
    inputs = {"x": np.zeros((0, 3)), "w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}

    def backward(g, x, w, b, extra=1e-3):
        grads = [g @ w.T, x.T @ g, g.sum(axis=0)]
        grads[which] = grads[which] + extra
        return tuple(grads)

    assert check((lambda x, w, b: x @ w + b, backward), inputs).verdict is Verdict.DISAGREES
    right = (lambda x, w, b: x @ w + b, lambda g, x, w, b: backward(g, x, w, b, extra=0.0))
    report = check(right, inputs)
    assert report.verdict is Verdict.AGREES
    assert all(argument.reason == "vacuous" for argument in report.arguments.values())
