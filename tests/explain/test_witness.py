"""The smallest input that shows a fault: small, of small numbers, and a snippet that runs."""

import contextlib
import io

import numpy as np
import pytest

import gradcheck


def forward(x, weight):
    return x @ weight


def backward(grad_output, x, weight):
    return grad_output @ weight.T, x.T @ grad_output / 2


def test_witness_runs_with_numpy_and_the_layer_alone_and_shows_what_it_says():
    rng = np.random.default_rng(0)
    report = gradcheck.check(
        (forward, backward), {"x": rng.standard_normal((5, 4)), "weight": rng.standard_normal((4, 3))}
    )
    assert "np.array([[1.0]])" in report.witness or "np.array([[-1.0]])" in report.witness
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(report.witness, {"forward": forward, "backward": backward})  # the very words that a user would run
    claimed, measured = (float(line) for line in printed.getvalue().split())
    assert abs(claimed) < abs(measured)
    assert f"# claimed: {claimed:.6g}" in report.witness
    assert str(report).count("smallest input that shows it") == 1


class Cached:
    """Parameters and their gradients on the object, as most hand-written layers have them."""

    def __init__(self):
        self.W, self.b = np.arange(6.0).reshape(3, 2) - 2.5, np.zeros(2)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout / 2, dout.sum(axis=0)
        return dout @ self.W.T


class Remembering:
    def forward(self, x, weight):
        self.x, self.weight = x, weight
        return x @ weight

    def backward(self, grad_output):
        return grad_output @ self.weight.T, self.x.T @ grad_output / 2


def cached_forward(x, weight):
    return x @ weight, (x, weight)


def cached_backward(dout, cache):
    x, weight = cache
    return dout @ weight.T, x.T @ dout / 2


PAIR = {"forward": cached_forward, "backward": cached_backward}
ROWS = {
    "parameters on the object": (Cached(), {"layer": Cached()}, {"x": (4, 3)}),
    "inputs remembered": (Remembering(), {"layer": Remembering()}, {"x": (4, 3), "weight": (3, 2)}),
    "a cache handed on": (tuple(PAIR.values()), PAIR, {"x": (4, 3), "weight": (3, 2)}),
}


@pytest.mark.parametrize(("layer", "names", "shapes"), ROWS.values(), ids=ROWS)
def test_witness_calls_the_layer_as_its_author_does(layer, names, shapes):
    rng = np.random.default_rng(2)
    report = gradcheck.check(layer, {name: rng.standard_normal(shape) for name, shape in shapes.items()})
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(report.witness, dict(names))  # the very words that a user would run
    claimed, measured = (float(line) for line in printed.getvalue().split())
    assert abs(claimed - 0.5 * measured) < 1e-6 * abs(measured)
    assert f"# claimed: {claimed:.6g}" in report.witness


def test_no_witness_where_the_gradient_agrees():
    report = gradcheck.check((np.sin, lambda g, x: g * np.cos(x)), {"x": np.linspace(0.1, 2.9, 6)})
    assert report.witness == ""


def test_no_witness_of_a_fault_that_a_plain_difference_would_not_show():
    report = gradcheck.check((np.sin, lambda g, x: g * np.cos(x) * (1 + 1e-7)), {"x": np.linspace(0.1, 2.9, 6)})
    assert report.witness == ""
