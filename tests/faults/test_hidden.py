"""Rows that plain differences cannot tell right from wrong, each held to the truth in a way of its own."""

import numpy as np
import pytest

from gradcheck.faults.records import point_of
from gradcheck.faults.zoo import FAULTS, TRICKY

CASES = {c.name: c for c in (*FAULTS, *TRICKY)}
# Absolute steps, below the scale on which forward bends and above the rounding of extended precision, and the
# relative error of a central difference with them. 2^-10 keeps x + 1e13 exact.
STEPS = {
    "tricky-adversary/zeros/unit-length-at-zero": (1e-14, 1e-4),
    "tricky-adversary/scale/cosine-of-1e8": (1e-4, 1e-6),
    "tricky-adversary/scale/loss-over-18-decades": (1e-4, 1e-5),
    "tricky-adversary/scale/forty-logistic-maps": (1e-14, 1e-3),
    "tricky-adversary/scale/offset-of-1e13": (2.0**-10, 1e-5),
    "tricky-adversary/scale/two-frequencies": (1e-10, 1e-7),
}


def columns(case, step):
    """Yield (claimed, measured) derivatives of every output along each entry of x, in extended precision."""
    layer, x = case.make(), dict(point_of(case))["x"]
    here = np.asarray(layer.forward(x.copy()))
    claimed = np.zeros((here.size, *x.shape))
    for i in range(here.size):
        g = np.zeros(here.size)
        g[i] = 1
        claimed[i] = layer.backward(g.reshape(here.shape), x.copy())
    for index in np.ndindex(*x.shape):
        ends = []
        for shift in (step, -step):
            moved = x.astype(np.longdouble)
            moved[index] += shift
            ends.append(layer.forward(moved))
        yield claimed[(slice(None), *index)], np.ravel((ends[0] - ends[1]) / (2 * np.longdouble(step)))


@pytest.mark.parametrize("name", STEPS)
def test_right_layer_of_steep_or_fine_scale_is_right(name):
    step, allowed = STEPS[name]
    found = list(columns(CASES[name], step))
    largest = max(np.abs(measured).max() for _, measured in found)
    assert all(np.abs(claimed - measured).max() <= allowed * largest for claimed, measured in found)


def test_fault_in_the_smallest_of_eighteen_decades_is_wrong_there_alone():
    case = CASES["adversary/decades/smallest-of-eighteen"]
    layer, x = case.make(), dict(point_of(case))["x"]
    measured = (layer.forward(1.00001 * x) - layer.forward(0.99999 * x)) / (2e-5 * x)
    assert np.allclose(layer.backward(np.ones(12), x) / measured, [-1, *np.ones(11)], rtol=1e-6)


def test_fault_in_the_tiny_output_is_the_opposite_of_the_difference():
    case = CASES["adversary/output/tiny-beside-huge"]
    x = dict(point_of(case))["x"]
    _, tiny = case.make().forward(x)
    _, further = case.make().forward(x + 1e-6)
    claimed = case.make().backward((np.zeros(3), np.ones(3)), x)
    assert np.allclose(claimed, -(further - tiny) / 1e-6, rtol=1e-4)


def test_billionth_that_is_added_shows_for_a_cotangent_of_zeros():
    case = CASES["adversary/upstream/one-billionth-added"]
    x = dict(point_of(case))["x"]
    assert np.allclose(case.make().backward(np.zeros(x.shape), x), 1e-9 / np.cosh(x) ** 2, rtol=1e-9, atol=0)


def test_sort_of_a_constant_claims_the_limit_of_gradients_nearby():
    case = CASES["tricky-adversary/tie/sort-of-a-constant"]
    x = dict(point_of(case))["x"]
    nearby = x + 1e-6 * np.arange(len(x))[:, None]
    assert np.array_equal(np.sort(nearby, axis=0), nearby)
    g = np.random.default_rng(0).standard_normal(x.shape)
    assert np.array_equal(case.make().backward(g, x), g)  # there every output is the input at its place


def test_centred_rows_lie_on_the_kink_and_claim_0_or_1():
    case = CASES["tricky-adversary/precision/relu-of-centred-rows"]
    x = dict(point_of(case))["x"]
    assert np.abs(x.astype(float).sum(axis=1)).max() < x.shape[1] * np.finfo(np.float32).eps * np.abs(x).max()
    claimed = case.make().backward(np.ones(len(x), np.float32), x)
    assert np.isin(claimed[:, 0], [0, 1]).all()
    assert (claimed == claimed[:, :1]).all()


def test_dropout_of_the_global_state_claims_its_own_mask():
    layer, x = CASES["tricky-adversary/state/dropout-of-the-global-state"].make(), np.ones((4, 5))
    assert np.array_equal(layer.forward(x), layer.backward(x, x))
