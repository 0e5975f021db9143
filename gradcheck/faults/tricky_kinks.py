"""Right layers at kinks and ties, where several gradients are right, and close to kinks, where one is."""

from typing import Any

import numpy as np

from gradcheck.faults.kinks import MIXED, PAIRS, TIED, at_zero
from gradcheck.faults.pooling import OVERLAPPING, SMALL, maximum
from gradcheck.faults.records import HONEST, Draw, Make, Tricky, fixed, joined, normal, pair
from gradcheck.faults.specimens import first_winner

CONSTANT = fixed(x=np.full((1, 2, 5, 5), 1.5))
EDGES = fixed(x=[1.0, -1.0, 0.3, 2.0, -5.0])
ROWS = fixed(x=[[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, 1.0, -1.0]])
NETWORK = fixed(x=[[1.0, -1.0], [2.0, 0.5]], weight=[[1.0, -0.5, 2.0], [1.0, 1.5, -1.0]])


def near(distance: float) -> Draw:
    """Return values at `distance` on both sides of 0, among others."""
    return fixed(x=[distance, -distance, 1.0, -2.0, 0.5])


def relu(claim: float) -> Make:
    """Return a maker of ReLU with the slope `claim` at 0."""
    return at_zero(lambda x: np.maximum(x, 0), lambda x: x > 0, claim)


def leaky(claim: float) -> Make:
    """Return a maker of leaky ReLU with the slope `claim` at 0."""
    return at_zero(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), claim)


def clip(claim: float) -> Make:
    """Return a maker of clipping to [-1, 1] with the slope `claim` at its edges."""
    return pair(lambda x: np.clip(x, -1, 1), lambda g, x: g * np.where(np.abs(x) == 1, claim, np.abs(x) < 1))


def _last_winner(windows: Any) -> Any:
    return first_winner(windows[::-1])[::-1]


def _even(windows: Any) -> Any:
    winners = windows == windows.max(axis=0)
    return winners / winners.sum(axis=0)


def _norm(x: Any) -> Any:
    return np.sqrt((x**2).sum(axis=1))


def norm(claim: float) -> Make:
    """Return a maker of the L2 norm of rows that claims `claim` for each entry of a row of zeros."""

    def backward(g: Any, x: Any) -> Any:
        length = _norm(x)[:, None]
        return g[:, None] * np.where(length == 0, claim, x / np.where(length == 0, 1, length))

    return pair(_norm, backward)


def _median_backward(g: Any, x: Any) -> Any:
    order, middle = np.argsort(x, axis=1), x.shape[1] // 2
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, order[:, middle : middle + 1], g[:, None], axis=1)
    return gradient


def _sort_backward(g: Any, x: Any) -> Any:
    gradient = np.empty_like(g)
    np.put_along_axis(gradient, np.argsort(x, axis=1, kind="stable"), g, axis=1)
    return gradient


def _network_backward(slope: float) -> Any:
    def backward(g: Any, x: Any, weight: Any) -> Any:
        hidden = x @ weight
        inner = g * np.where(hidden == 0, slope, hidden > 0)
        return inner @ weight.T, x.T @ inner

    return backward


def network(slope: float) -> Make:
    """Return a maker of a summed ReLU layer with this slope at 0."""
    return pair(lambda x, weight: np.maximum(x @ weight, 0).sum(), _network_backward(slope))


def row_maximum(share: Any) -> Make:
    """Return a maker of the maximum of each row, whose gradient is shared out by share(x)."""
    return pair(lambda x: x.max(axis=1), lambda g, x: g[:, None] * share(x))


def larger(share: float) -> Make:
    """Return a maker of maximum(a, b) that gives `share` to a where they are equal."""
    return pair(
        np.maximum,
        lambda g, a, b: (g * np.where(a == b, share, a > b), g * np.where(a == b, 1 - share, b > a)),
    )


def _hinge(x: Any, y: Any) -> Any:
    return np.maximum(0, 1 - x * y).sum()


def _huber_slope(x: Any) -> Any:
    return np.clip(x, -1, 1)


def _huber(x: Any) -> Any:
    return np.where(np.abs(x) <= 1, x**2 / 2, np.abs(x) - 0.5)


def _shrink(x: Any) -> Any:
    return np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)


def _maxout_backward(g: Any, x: Any) -> Any:
    first = x[:, :2] >= x[:, 2:]
    return np.concatenate([g * first, g * ~first], axis=1)


TRICKY = (
    Tricky(
        "tricky-kinks/penalty/small-beside-a-loss",
        pair(
            lambda x, w: np.mean((x @ w) ** 2) + 1e-5 * np.abs(w).sum(),
            lambda g, x, w: (
                g * 2 * np.outer(x @ w, w) / len(x),
                g * (2 * x.T @ (x @ w) / len(x) + 1e-5 * np.sign(w)),
            ),
        ),
        joined(normal(x=(6, 4)), fixed(w=[0.0, 1.3, 0.0, -0.7])),
        "a complex step loses what numpy.abs adds, and a kink hides that from real differences",
    ),
    Tricky("tricky-kinks/relu/claims-0", relu(0.0), MIXED, "0 is a subgradient of ReLU at 0"),
    Tricky("tricky-kinks/relu/claims-1", relu(1.0), MIXED, "1 is a subgradient of ReLU at 0"),
    Tricky("tricky-kinks/relu/claims-one-half", relu(0.5), MIXED, "1/2 is a subgradient of ReLU at 0"),
    Tricky("tricky-kinks/relu/alone", relu(1.0), fixed(x=[0.0]), "one output, and it has a kink"),
    Tricky("tricky-kinks/relu/negative-zero", relu(0.0), fixed(x=[-0.0, 0.0, 1.0]), "minus zero is a zero"),
    Tricky(
        "tricky-kinks/relu/thousand-zeros", relu(0.0), fixed(x=np.zeros((10, 100))), "1,000 kinks, and nothing else"
    ),
    Tricky("tricky-kinks/relu/1e-7-away", relu(0.0), near(1e-7), "a kink nearer than a usual step"),
    Tricky("tricky-kinks/relu/1e-9-away", relu(0.0), near(1e-9), "a kink nearer than any usable step"),
    Tricky(
        "tricky-kinks/relu/1e-12-away", relu(0.0), near(1e-12), "a kink at a few roundings of the other inputs", HONEST
    ),
    Tricky("tricky-kinks/relu/dead", relu(0.0), fixed(x=[-1.0, -2.0, -0.5]), "no unit is on at the caller's point"),
    Tricky("tricky-kinks/abs/claims-0", at_zero(np.abs, np.sign, 0.0), MIXED, "differences see 0 and no error"),
    Tricky("tricky-kinks/abs/claims-1", at_zero(np.abs, np.sign, 1.0), MIXED, "the end of the subdifferential"),
    Tricky("tricky-kinks/abs/claims-0.3", at_zero(np.abs, np.sign, 0.3), MIXED, "inside the subdifferential"),
    Tricky("tricky-kinks/abs/1e-9-away", at_zero(np.abs, np.sign, 0.0), near(1e-9), "symmetric kinks very near"),
    Tricky("tricky-kinks/leaky-relu/claims-slope", leaky(0.1), MIXED, "the left slope at 0"),
    Tricky("tricky-kinks/leaky-relu/claims-one-half", leaky(0.5), MIXED, "between 0.1 and 1"),
    Tricky("tricky-kinks/clip/claims-0-at-edges", clip(0.0), EDGES, "the outer slope"),
    Tricky("tricky-kinks/clip/claims-1-at-edges", clip(1.0), EDGES, "the inner slope"),
    Tricky(
        "tricky-kinks/hard-sigmoid/edges",
        pair(lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda g, x: g * (np.abs(x) < 3) / 6),
        fixed(x=[3.0, -3.0, 0.5, 4.0]),
        "the outer slope at both edges; 1/6 is no binary fraction",
    ),
    Tricky(
        "tricky-kinks/soft-shrink/edges",
        pair(_shrink, lambda g, x: g * (np.abs(x) > 0.5)),
        fixed(x=[0.5, -0.5, 1.0, 0.1]),
        "edges at 1/2",
    ),
    Tricky(
        "tricky-kinks/huber/at-delta",
        pair(_huber, lambda g, x: g * _huber_slope(x)),
        EDGES,
        "a jump of the second derivative",
    ),
    Tricky(
        "tricky-kinks/square/signed-at-zero",
        pair(lambda x: x * np.abs(x), lambda g, x: 2 * g * np.abs(x)),
        MIXED,
        "smooth at 0, built from a kink",
    ),
    Tricky("tricky-kinks/max-pool/first-winner", maximum(SMALL, first_winner), TIED, "the first of a tie wins"),
    Tricky("tricky-kinks/max-pool/last-winner", maximum(SMALL, _last_winner), TIED, "the last of a tie wins"),
    Tricky("tricky-kinks/max-pool/split-evenly", maximum(SMALL, _even), TIED, "a tie is split"),
    Tricky(
        "tricky-kinks/max-pool/constant-image", maximum(OVERLAPPING, first_winner), CONSTANT, "every window is tied"
    ),
    Tricky(
        "tricky-kinks/max-pool/constant-image-split", maximum(OVERLAPPING, _even), CONSTANT, "every window is split"
    ),
    Tricky(
        "tricky-kinks/max-pool/1e-9-from-a-tie",
        maximum(SMALL, first_winner),
        fixed(x=np.array([[1, 1 + 1e-9], [0, 1 - 1e-9]]).reshape(1, 1, 2, 2)),
        "the winner is ahead by 1e-9",
    ),
    Tricky("tricky-kinks/row-maximum/first", row_maximum(lambda x: first_winner(x.T).T), ROWS, "the first of a tie"),
    Tricky("tricky-kinks/row-maximum/split", row_maximum(lambda x: _even(x.T).T), ROWS, "ties are split"),
    Tricky("tricky-kinks/maximum/split", larger(0.5), PAIRS, "equal arguments share"),
    Tricky("tricky-kinks/maximum/to-the-first", larger(1.0), PAIRS, "equal arguments: the first gets all"),
    Tricky("tricky-kinks/maximum/to-the-second", larger(0.0), PAIRS, "equal arguments: the second gets all"),
    Tricky("tricky-kinks/maximum/one-quarter", larger(0.25), PAIRS, "equal arguments: any share is right"),
    Tricky(
        "tricky-kinks/l2/zero-at-zero",
        norm(0.0),
        fixed(x=[[0.0] * 4, [1.0, -2.0, 0.5, 1.0]]),
        "0 lies in the dual ball",
    ),
    Tricky(
        "tricky-kinks/l2/unit-at-zero",
        norm(0.5),
        fixed(x=[[0.0] * 4, [1.0, -2.0, 0.5, 1.0]]),
        "on the dual ball's edge",
    ),
    Tricky("tricky-kinks/l2/tiny-row", norm(0.0), fixed(x=[[3e-9, -4e-9], [1.0, 2.0]]), "a cone's tip at 5e-9"),
    Tricky(
        "tricky-kinks/median/odd",
        pair(lambda x: np.median(x, axis=1), _median_backward),
        fixed(x=[[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]]),
        "order statistics",
    ),
    Tricky(
        "tricky-kinks/sort/with-ties",
        pair(lambda x: np.sort(x, axis=1), _sort_backward),
        fixed(x=[[3.0, 1.0, 3.0, 2.0], [0.0, 0.0, 1.0, -1.0]]),
        "equal entries in a stable order",
    ),
    Tricky(
        "tricky-kinks/hinge/at-the-margin",
        pair(_hinge, lambda g, x, y: (-g * y * (x * y < 1), -g * x * (x * y < 1))),
        fixed(x=[1.0, -0.5, 2.0, 0.25], y=[1.0, -1.0, 1.0, -1.0]),
        "one margin is met exactly",
    ),
    Tricky("tricky-kinks/network/hidden-zero-claims-0", network(0.0), NETWORK, "a hidden unit at 0, a scalar loss"),
    Tricky("tricky-kinks/network/hidden-zero-claims-1", network(1.0), NETWORK, "a hidden unit at 0, a scalar loss"),
    Tricky(
        "tricky-kinks/fraction/1e-9-from-a-jump",
        pair(lambda x: x - np.floor(x), lambda g, _x: g.copy()),
        fixed(x=[1 + 1e-9, 2 - 1e-9, 0.5]),
        "a jump at 1e-9",
        HONEST,
    ),
    Tricky(
        "tricky-kinks/maxout/tied",
        pair(lambda x: np.maximum(x[:, :2], x[:, 2:]), _maxout_backward),
        fixed(x=[[1.0, 2.0, 1.0, 0.0], [0.5, -1.0, 2.0, -1.0]]),
        "ties within one argument, between its halves",
    ),
    Tricky(
        "tricky-kinks/maximum/of-all-tied",
        pair(np.max, lambda g, x: g * (np.arange(x.size) == x.argmax())),
        fixed(x=[1.0, 1.0, 0.0]),
        "a scalar output, tied",
    ),
)
