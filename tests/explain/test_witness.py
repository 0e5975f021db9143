"""The smallest input that shows a fault: small, of small numbers, and a snippet that runs."""

import contextlib
import io

import numpy as np

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


def test_no_witness_where_the_gradient_agrees():
    report = gradcheck.check((np.sin, lambda g, x: g * np.cos(x)), {"x": np.linspace(0.1, 2.9, 6)})
    assert report.witness == ""


def test_no_witness_of_a_fault_that_a_plain_difference_would_not_show():
    report = gradcheck.check((np.sin, lambda g, x: g * np.cos(x) * (1 + 1e-7)), {"x": np.linspace(0.1, 2.9, 6)})
    assert report.witness == ""
