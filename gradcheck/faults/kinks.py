"""Claims at kinks and ties that no choice of a branch can explain."""

from typing import Any

import numpy as np

from gradcheck.faults.pooling import OVERLAPPING, SMALL, maximum
from gradcheck.faults.records import Fault, Make, fixed, joined, normal, pair
from gradcheck.faults.specimens import first_winner

ZERO = fixed(x=[0.0])
MIXED = fixed(x=[0.0, 1.0, -2.0, 0.0, 0.5])
TIED = fixed(x=np.array([[1, 1, 0, 2], [0, 1, 2, 2], [3, 1, -1, -1], [3, 3, -1, -2]], float).reshape(1, 1, 4, 4))
ALL_TIED = fixed(x=np.full((1, 2, 5, 5), 1.5))
PAIRS = fixed(a=[1.0, 2.0, -1.0, 0.5], b=[1.0, 0.0, -1.0, 2.0])


def at_zero(function: Any, slope: Any, claim: float) -> Make:
    """Return a maker of an elementwise layer with a kink at 0, where its backward uses `claim` as the slope."""
    return pair(function, lambda g, x: g * np.where(x == 0, claim, slope(x)))


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _leaky(x: Any) -> Any:
    return np.where(x > 0, x, 0.1 * x)


def _winners(windows: Any) -> Any:
    return windows == windows.max(axis=0)


def _sole_winner(windows: Any) -> Any:
    winners = _winners(windows)
    return winners & (winners.sum(axis=0) == 1)


def _l2(x: Any) -> Any:
    return np.sqrt((x**2).sum(axis=1))


def _l2_backward(claim: float) -> Any:
    def backward(g: Any, x: Any) -> Any:
        length = _l2(x)[:, None]
        return g[:, None] * np.where(length == 0, claim, x / np.where(length == 0, 1, length))

    return backward


def _network(x: Any, weight: Any) -> Any:
    return _relu(x @ weight).sum()


def _network_backward(g: Any, x: Any, weight: Any) -> Any:
    hidden = x @ weight
    slope = g * np.where(hidden == 0, 2.0, hidden > 0)
    return slope @ weight.T, x.T @ slope


def _row_maximum_all(g: Any, x: Any) -> Any:
    return g[:, None] * (x == x.max(axis=1, keepdims=True))


def _range_all(g: Any, x: Any) -> Any:
    return _row_maximum_all(g, x) + _row_maximum_all(-g, -x)


FAULTS = (
    Fault(
        "kinks/relu/claims-2-alone",
        "outside-subdifferential",
        ("x",),
        at_zero(_relu, lambda x: x > 0, 2.0),
        ZERO,
        "ReLU claims the slope 2 at 0",
    ),
    Fault(
        "kinks/relu/claims-2-among-1000",
        "outside-subdifferential",
        ("x",),
        at_zero(_relu, lambda x: x > 0, 2.0),
        fixed(x=np.zeros((10, 100))),
        "ReLU claims the slope 2 at each of 1,000 zeros",
    ),
    Fault(
        "kinks/relu/claims-minus-one-half",
        "outside-subdifferential",
        ("x",),
        at_zero(_relu, lambda x: x > 0, -0.5),
        MIXED,
        "ReLU claims the slope -1/2 at 0",
    ),
    Fault(
        "kinks/relu/claims-1.2-beside-smooth-ones",
        "outside-subdifferential",
        ("x",),
        at_zero(_relu, lambda x: x > 0, 1.2),
        MIXED,
        "ReLU claims the slope 1.2 at 0",
    ),
    Fault(
        "kinks/relu/claims-2-beside-entries-next-to-0",
        "outside-subdifferential",
        ("x",),
        at_zero(_relu, lambda x: x > 0, 2.0),
        fixed(x=[0.0, 1e-7, -1e-9, 0.5, -1.0, 2.0]),
        "ReLU claims the slope 2 at 0, among entries that span decades",
    ),
    Fault(
        "kinks/network/claims-2-at-many-outputs",
        "outside-subdifferential",
        ("bias",),
        pair(
            lambda bias, weight: _relu(bias) @ weight,
            lambda g, bias, w: ((g @ w.T) * np.where(bias == 0, 2.0, bias > 0), np.outer(_relu(bias), g)),
        ),
        joined(fixed(bias=[0.0, 0.0, 0.0]), normal(weight=(3, 20))),
        "units with weights of either sign claim the slope 2 at 0",
    ),
    Fault(
        "kinks/range/all-winners-and-losers",
        "tie-all-winners",
        ("x",),
        pair(lambda x: x.max(axis=1) - x.min(axis=1), _range_all),
        fixed(x=[[1.0, 1.0, 0.0, 0.0], [2.0, 5.0, 2.0, 5.0]]),
        "all largest and all smallest entries of a row get the whole gradient",
    ),
    Fault(
        "kinks/relu/beside-a-square-that-claims-1-at-0",
        "other",
        ("x",),
        pair(
            lambda x: np.concatenate([_relu(x), x**2]),
            lambda g, x: g[: x.size] * (x > 0) + g[x.size :] * np.where(x == 0, 1.0, 2 * x),
        ),
        fixed(x=[0.0, 0.0, 1.0, 0.7, -1.3, 0.2, -0.4]),
        "x^2 claims the slope 1 at 0, beside a ReLU at its kink",
    ),
    Fault(
        "kinks/power/of-1.5-claims-1-at-0",
        "f-prime-wrong",
        ("x",),
        at_zero(lambda x: np.abs(x) ** 1.5, lambda x: 1.5 * np.sign(x) * np.sqrt(np.abs(x)), 1.0),
        fixed(x=[0.0, 1.0, -2.0, 0.3, 0.5, -0.7]),
        "|x|^1.5 claims the slope 1 at 0, around which its slope falls steeply",
    ),
    Fault(
        "kinks/abs/claims-2",
        "outside-subdifferential",
        ("x",),
        at_zero(np.abs, np.sign, 2.0),
        MIXED,
        "|x| claims the slope 2 at 0",
    ),
    Fault(
        "kinks/leaky-relu/claims-0",
        "outside-subdifferential",
        ("x",),
        at_zero(_leaky, lambda x: np.where(x > 0, 1, 0.1), 0.0),
        MIXED,
        "leaky ReLU with slope 0.1 claims 0 at 0",
    ),
    Fault(
        "kinks/clip/claims-2-at-the-edges",
        "outside-subdifferential",
        ("x",),
        pair(lambda x: np.clip(x, -1, 1), lambda g, x: g * np.where(np.abs(x) == 1, 2, np.abs(x) < 1)),
        fixed(x=[1.0, -1.0, 0.3, 2.0]),
        "clip claims the slope 2 at its edges",
    ),
    Fault(
        "kinks/hard-sigmoid/claims-1-at-the-edge",
        "outside-subdifferential",
        ("x",),
        pair(
            lambda x: np.clip(x / 6 + 0.5, 0, 1),
            lambda g, x: g * np.where(np.abs(x) == 3, 1.0, (np.abs(x) < 3) / 6),
        ),
        fixed(x=[3.0, -3.0, 0.5, 4.0]),
        "slopes of 0 and 1/6 meet, and 1 is claimed",
    ),
    Fault(
        "kinks/max-pool/all-winners",
        "tie-all-winners",
        ("x",),
        maximum(SMALL, _winners),
        TIED,
        "every winner of a tie gets the whole gradient",
    ),
    Fault(
        "kinks/max-pool/no-winner",
        "tie-no-winner",
        ("x",),
        maximum(SMALL, _sole_winner),
        TIED,
        "where several win none gets the gradient",
    ),
    Fault(
        "kinks/max-pool/shares-of-the-window",
        "tie-no-winner",
        ("x",),
        maximum(SMALL, lambda windows: _winners(windows) / len(windows)),
        fixed(x=np.array([[1, 1, 2, 2], [0, 1, 2, 2], [3, 1, -1, -1], [3, 3, -1, -1]], float).reshape(1, 1, 4, 4)),
        "winners get a share by the window's size and not by their number",
        also=("factor-kernel-area", "factor-1/N"),
    ),
    Fault(
        "kinks/max-pool/all-winners-everywhere-tied",
        "tie-all-winners",
        ("x",),
        maximum(OVERLAPPING, _winners),
        ALL_TIED,
        "on a constant image every cell of each window gets the whole gradient",
    ),
    Fault(
        "kinks/max-pool/tie-overwritten",
        "overlap-overwritten",
        ("x",),
        maximum(OVERLAPPING, first_winner, add=False),
        ALL_TIED,
        "on a constant image shares of overlapping windows replace each other",
    ),
    Fault(
        "kinks/row-maximum/all-winners",
        "tie-all-winners",
        ("x",),
        pair(lambda x: x.max(axis=1), _row_maximum_all),
        fixed(x=[[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, 1.0, -1.0]]),
        "every largest entry of a row gets the whole gradient",
    ),
    Fault(
        "kinks/maximum/given-to-none-of-whole-numbers",
        "tie-no-winner",
        ("a", "b"),
        pair(np.maximum, lambda g, a, b: (g * (a > b), g * (a < b))),
        fixed(a=[1.0, 2.0, 3.0], b=[1.0, 5.0, 3.0]),
        "where the arguments, whole numbers, are equal none gets the gradient",
    ),
    Fault(
        "kinks/maximum/given-to-both",
        "tie-all-winners",
        ("a", "b"),
        pair(np.maximum, lambda g, a, b: (g * (a >= b), g * (b >= a))),
        PAIRS,
        "where the arguments are equal both get the whole gradient",
    ),
    Fault(
        "kinks/maximum/given-to-none",
        "tie-no-winner",
        ("a", "b"),
        pair(np.maximum, lambda g, a, b: (g * (a > b), g * (b > a))),
        PAIRS,
        "where the arguments are equal none gets the gradient",
    ),
    Fault(
        "kinks/minimum/given-to-both",
        "tie-all-winners",
        ("a", "b"),
        pair(np.minimum, lambda g, a, b: (g * (a <= b), g * (b <= a))),
        PAIRS,
        "where the arguments are equal both get the whole gradient",
    ),
    Fault(
        "kinks/difference/claims-2-for-both",
        "outside-subdifferential",
        ("a", "b"),
        pair(
            lambda a, b: np.abs(a - b),
            lambda g, a, b: (g * np.where(a == b, 2, np.sign(a - b)), g * np.where(a == b, -2, np.sign(b - a))),
        ),
        PAIRS,
        "|a - b| claims the slope 2 where the arguments are equal",
    ),
    Fault(
        "kinks/l2/claims-ones-at-zero",
        "outside-subdifferential",
        ("x",),
        pair(_l2, _l2_backward(1.0)),
        fixed(x=[[0.0, 0.0, 0.0, 0.0], [1.0, -2.0, 0.5, 1.0]]),
        "at 0 the L2 norm of four entries claims a gradient of length 2",
    ),
    Fault(
        "kinks/l2/nan-at-zero",
        "not-finite",
        ("x",),
        pair(_l2, _l2_backward(np.nan)),
        fixed(x=[[0.0, 0.0, 0.0, 0.0], [1.0, -2.0, 0.5, 1.0]]),
        "at 0 the gradient is 0 / 0",
    ),
    Fault(
        "kinks/network/hidden-unit-at-zero-claims-2",
        "outside-subdifferential",
        ("x", "weight"),
        pair(_network, _network_backward),
        fixed(x=[[1.0, -1.0], [2.0, 0.5]], weight=[[1.0, -0.5, 2.0], [1.0, 1.5, -1.0]]),
        "a hidden ReLU lies at 0 exactly, and its slope is claimed to be 2",
    ),
)
