"""Global pools: one value a channel, and how its error comes back; the norms are in test_lp_pool."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import GlobalAvgPool, GlobalLpPool, GlobalMaxPool

X = np.array([[[[1.0, 4.0], [4.0, 3.0]], [[8.0, 0.0], [0.0, 0.0]]]])
DELTA = np.array([6.0, 4.0]).reshape(1, 2, 1, 1)

CASES = {
    "first winner": (GlobalMaxPool(), [4, 8], [[[0, 6], [0, 0]], [[4, 0], [0, 0]]]),
    "last winner": (GlobalMaxPool(ties="last"), [4, 8], [[[0, 0], [6, 0]], [[4, 0], [0, 0]]]),
    "equal shares": (GlobalMaxPool(ties="split"), [4, 8], [[[0, 3], [3, 0]], [[4, 0], [0, 0]]]),
    "mean": (GlobalAvgPool(), [3, 2], [[[1.5, 1.5], [1.5, 1.5]], [[1, 1], [1, 1]]]),
    "sum of magnitudes": (GlobalLpPool(1), [12, 8], [[[6, 6], [6, 6]], [[4, 0], [0, 0]]]),
}


@pytest.mark.parametrize(("layer", "outputs", "gradient"), CASES.values(), ids=CASES)
def test_global_pool_gives_the_answer_worked_out_by_hand(layer, outputs, gradient):
    assert layer.forward(X).tolist() == np.reshape(outputs, (1, 2, 1, 1)).tolist()
    assert layer.backward(DELTA, X).tolist() == [gradient]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("layer", [GlobalMaxPool(), GlobalAvgPool(), GlobalLpPool()], ids=["max", "mean", "norm"])
def test_spatial_axes_are_kept_at_size_one(layer, ndim):
    assert layer.forward(np.ones((2, 3, *[2] * ndim))).shape == (2, 3, *[1] * ndim)


@pytest.mark.parametrize(("ties", "gradient"), [("first", [0, 6, 0]), ("last", [0, 0, 6]), ("split", [0, 3, 3])])
def test_nan_wins_against_every_number(ties, gradient):
    x = np.array([[[9.0, np.nan, np.nan]]])
    assert np.isnan(GlobalMaxPool().forward(x))
    assert GlobalMaxPool(ties=ties).backward(np.array([[[6.0]]]), x).tolist() == [[gradient]]


def test_an_unknown_rule_for_ties_is_refused():
    with pytest.raises(InvalidInput, match=r"`ties` must be one of first, last, split; it is 'all'"):
        GlobalMaxPool(ties="all")
