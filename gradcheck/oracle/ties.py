"""Which gradients of a maximum are valid: each window's error split over its winners, weights >= 0 that sum to one."""

from collections.abc import Sequence

import numpy as np

from gradcheck.oracle.case import Array


def winners_of(values: Array, windows: Sequence[Sequence[int]]) -> Array:
    """Return (N, C, windows, most) places of the largest entries among (N, C, positions); -1 fills up."""
    found = [
        [[[p for p in places if line[p] == max(line[q] for q in places)] for places in windows] for line in sample]
        for sample in values
    ]
    most = max(len(places) for sample in found for line in sample for places in line)
    return np.array(
        [[[[*places, *[-1] * (most - len(places))] for places in line] for line in sample] for sample in found]
    )


def split_evenly(winners: Array, grad_output: Array, positions: int) -> Array:
    """Return the gradient (N, C, positions) that gives each winner of a window the same share of its error."""
    gradient = np.zeros((*grad_output.shape[:2], positions))
    for n, c, window in np.ndindex(grad_output.shape):
        won = winners[n, c, window][winners[n, c, window] >= 0]
        gradient[n, c, won] += grad_output[n, c, window] / len(won)
    return gradient


def distance_to_valid(winners: Array, grad_output: Array, gradient: Array) -> float:
    """Return the sum of |entries| by which a gradient differs from the nearest valid one; 0 if it is valid.

    `winners` is (N, C, windows, most), `grad_output` (N, C, windows), `gradient` (N, C, positions). Where windows
    share winners, the nearest is found by linear programming, channel by channel.
    """
    if gradient.shape[:2] != grad_output.shape[:2] or not np.isfinite(gradient).all():
        return np.inf
    channels = np.ndindex(grad_output.shape[:2])
    return sum(_channel_distance(winners[at], grad_output[at], np.asarray(gradient[at], float)) for at in channels)


def _channel_distance(winners: Array, errors: Array, gradient: Array) -> float:
    rest = gradient.astype(float)
    single = (winners >= 0).sum(axis=-1) == 1
    np.subtract.at(rest, winners[single].max(axis=-1), errors[single])
    tied = [(won[won >= 0], error) for won, error in zip(winners[~single], errors[~single], strict=True)]
    return _tied_distance(tied, rest) if tied else float(np.abs(rest).sum())


def _tied_distance(tied: Sequence[tuple[Array, float]], rest: Array) -> float:
    """Minimise sum of over + under, with shares of the tied windows >= 0: sum of shares + over - under = rest."""
    from scipy.optimize import linprog

    size = len(rest)
    columns = [(place, error, window) for window, (won, error) in enumerate(tied) for place in won]
    equations = np.zeros((size + len(tied), len(columns) + 2 * size))
    for column, (place, error, window) in enumerate(columns):
        equations[place, column] = error
        equations[size + window, column] = 1
    equations[:size, len(columns) :] = np.hstack([np.eye(size), -np.eye(size)])
    costs = np.r_[np.zeros(len(columns)), np.ones(2 * size)]
    found = linprog(costs, A_eq=equations, b_eq=np.r_[rest, np.ones(len(tied))], method="highs")
    return float(found.fun)
