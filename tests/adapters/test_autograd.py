"""HIPS autograd: functions of its NumPy and primitives of one's own, right and wrong."""

import numpy as np
import pytest

pytest.importorskip("autograd", reason='needs the extra "autograd"')

import autograd.numpy as anp
from autograd.extend import defvjp, primitive

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.errors import InvalidInput, LayerFailed

X, W = np.random.default_rng(4).standard_normal((3, 4)), np.random.default_rng(5).standard_normal((5, 4))


@primitive
def log_sum_exp(x, scale=1.0):
    return scale * np.log(np.sum(np.exp(x), axis=1))


@primitive
def wrong_if_strided(x):
    return np.sin(x)


@primitive
def unfinished(x):
    return np.sin(x)


def _in_memory_order(g):
    return g if g.flags.c_contiguous else np.ravel(g, order="K").reshape(g.shape)


defvjp(log_sum_exp, lambda ans, x, scale=1.0: lambda g: scale * g[:, None] * np.exp(x - ans[:, None] / scale))
defvjp(wrong_if_strided, lambda ans, x: lambda g: np.cos(x) * _in_memory_order(g))


def two_outputs(x, w):
    return anp.tanh(anp.dot(x, w.T)), anp.sum(x)


def wrong_by_use(x):
    return anp.sum(log_sum_exp(x, 2.0)) + anp.sum(wrong_sine(x))


@primitive
def wrong_sine(x):
    return np.sin(x)


defvjp(wrong_sine, lambda ans, x: lambda g: -g * np.cos(x))


@pytest.mark.parametrize(
    ("layer", "inputs", "convention"),
    [
        (log_sum_exp, {"x": X, "scale": 2.0}, "autograd primitive"),
        (two_outputs, {"x": X, "w": W}, "autograd function"),
        (anp.sin, X, "autograd primitive"),
    ],
)
def test_agrees_with_a_right_function(layer, inputs, convention):
    report = check(layer, inputs)
    assert (report.verdict, report.convention) == (Verdict.AGREES, convention), str(report)


@pytest.mark.parametrize("layer", [wrong_sine, wrong_by_use])
def test_disagrees_where_a_defvjp_is_wrong(layer):
    report = check(layer, {"x": X}, effort="quick")
    assert report.verdict is Verdict.DISAGREES, str(report)


def test_a_grad_output_reaches_defvjp_with_its_own_strides():
    report = check(wrong_if_strided, {"x": X})
    assert "layout-wrong" in {finding.code for finding in report.findings}


def test_refuses_with_a_sentence():
    with pytest.raises(InvalidInput, match=r"it takes x, scale, and `x` is not given"):
        subject_of(log_sum_exp, {"scale": X})
    with pytest.raises(LayerFailed, match="forward raised ValueError"):
        subject_of(two_outputs, {"x": X, "w": W.T})
    with pytest.raises(LayerFailed, match="unfinished's backward raised NotImplementedError: VJP of unfinished"):
        check(unfinished, {"x": X})
