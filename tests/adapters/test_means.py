"""Gradients divided by the batch size by design: named without `scale`, accepted with it, for all or for none."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.means import scaled
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidInput

RNG = np.random.default_rng(9)
X, W, B = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(2)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout / len(x), dout.mean(axis=0)


def columns_forward(A, W, b):
    return W @ A + b, (A, W)


def columns_backward(dZ, cache):
    A, W = cache
    return W.T @ dZ, dZ @ A.T / A.shape[1], dZ.mean(axis=1, keepdims=True)


def all_backward(dout, cache):
    return tuple(one / (1 if i else len(dout)) for i, one in enumerate(backward(dout, cache)))


def one_of_two(dout, cache):
    dx, dw, _ = backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


ROWS = {"x": X, "w": W, "b": B}
COLUMNS = {"A": X.T.copy(), "W": W.T.copy(), "b": B[:, None]}
CASES = {
    "rows": ((forward, backward), ROWS, "`w`, `b` is multiplied by the batch size, 5: the first axis of `x`"),
    "columns": (
        (columns_forward, columns_backward),
        COLUMNS,
        "`W`, `b` is multiplied by the batch size, 5: the last axis of `A`",
    ),
    "input too": ((forward, all_backward), ROWS, "`x`, `w`, `b` is multiplied by the batch size, 5"),
}


@pytest.mark.parametrize(("pair", "inputs", "words"), CASES.values(), ids=CASES)
def test_a_mean_over_the_batch_is_accepted_where_the_caller_says_so(pair, inputs, words):
    assert check(pair, inputs, effort="quick").verdict is Verdict.DISAGREES
    report = check(pair, inputs, effort="quick", scale="mean")
    assert report.verdict is Verdict.AGREES, str(report)
    assert any(words in note for note in report.notes)


def test_a_mean_is_named_where_nothing_is_said():
    report = check((forward, backward), ROWS)
    assert report.arguments["w"].diagnosis.code == "factor-1/N"


def test_a_mean_is_taken_back_for_all_parameters_or_for_none():
    report = check((forward, one_of_two), ROWS, effort="quick", scale="mean")
    assert {name: str(one.verdict) for name, one in report.arguments.items()} == {
        "x": "agrees", "w": "agrees", "b": "disagrees",
    }  # fmt: skip


def test_a_right_layer_disagrees_where_a_mean_is_said():
    right = (lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g))
    report = check(right, {"x": X, "w": W}, effort="quick", scale="mean")
    assert report.arguments["w"].verdict is Verdict.DISAGREES


@pytest.mark.parametrize(
    ("scale", "inputs", "words"),
    [
        ("median", ROWS, "`scale` must be one of mean; it is 'median'"),
        ("mean", {"x": np.array(1.0)}, "`scale` must go with an input that has a batch"),
    ],
)
def test_misuse_of_scale_is_answered(scale, inputs, words):
    with pytest.raises(InvalidInput, match=words):
        scaled(subject_of((lambda *x: x[0], lambda g, *x: g), inputs), scale)
