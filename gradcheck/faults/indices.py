"""Layers that read or write by index: mistakes with the rows, and right ones that need what held of the indices."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Tricky, fixed, joined, normal, pair
from gradcheck.faults.specimens import softmax

PERMUTATION = fixed(order=np.array([2, 0, 3, 1]))
BOUNDARIES = fixed(starts=np.array([0, 3, 7]))


def _padding_row_backward(g: Any, table: Any, ids: Any) -> Any:
    gradient = np.zeros_like(table)
    np.add.at(gradient, ids, g)
    gradient[0] = 0.0
    return gradient, None


def _between(x: Any, at: Any) -> Any:
    low = np.floor(at.real).astype(int)
    return x[low] + (at - low) * (x[low + 1] - x[low])


def _buffered_between(g: Any, x: Any, at: Any) -> Any:
    low = np.floor(at).astype(int)
    gradient = np.zeros_like(x)
    gradient[low] += g * (1 - (at - low))
    gradient[low + 1] += g * (at - low)
    return gradient, g * (x[low + 1] - x[low])


def _written_back(g: Any, x: Any, order: Any) -> Any:
    gradient = np.empty_like(x)
    gradient[order] = g
    return gradient, None


def _columns_written_back(g: Any, x: Any, order: Any) -> Any:
    gradient = np.empty_like(x)
    gradient[:, order] = g
    return gradient, None


def _placed(values: Any, rows: Any) -> Any:
    table = np.zeros((6, values.shape[1]))
    table[rows] = values
    return table


def _segments_backward(g: Any, x: Any, starts: Any) -> Any:
    return np.repeat(g, np.diff(np.append(starts, x.size))).reshape(x.shape), None


FAULTS = (
    Fault(
        "indices/embedding/padding-row-zeroed",
        "part-zeroed",
        ("table",),
        pair(lambda table, ids: table[ids], _padding_row_backward),
        joined(normal(table=(5, 3)), fixed(ids=np.array([0, 2, 0, 4]))),
        "the padding's row gets no gradient, though forward reads it",
    ),
    Fault(
        "indices/interpolation/buffered-addition",
        "overlap-overwritten",
        ("x",),
        pair(_between, _buffered_between),
        joined(normal(x=(6,)), fixed(at=[0.3, 1.7, 3.2, 3.6, 4.4, 1.1])),
        "positions between the same two entries replace each other instead of being added up",
        also=("part-zeroed",),
    ),
    Fault(
        "indices/gate/own-softmax-taken-as-constant",
        "path-missing",
        ("x",),
        pair(lambda x: x * softmax(x), lambda g, x: g * softmax(x)),
        normal(x=(3, 4)),
        "the softmax by which the input is weighed is taken as constant",
        also=("other",),
    ),
)

TRICKY = (
    Tricky(
        "tricky-indices/permutation/written-back",
        pair(lambda x, order: x[order], _written_back),
        joined(normal(x=(4, 3)), PERMUTATION),
        "right for permutations alone: with a row read twice one gradient replaces the other",
    ),
    Tricky(
        "tricky-indices/permutation/inverse",
        pair(lambda x, order: x[order], lambda g, _x, order: (g[np.argsort(order)], None)),
        joined(normal(x=(4, 3)), PERMUTATION),
        "the inverse by sorting is one for permutations alone",
    ),
    Tricky(
        "tricky-indices/permutation/of-columns",
        pair(lambda x, order: x[:, order], _columns_written_back),
        joined(normal(x=(4, 4)), PERMUTATION),
        "there are as many columns as samples, and one sample more has no further column",
    ),
    Tricky(
        "tricky-indices/rows/written-once",
        pair(_placed, lambda g, _values, rows: (g[rows], None)),
        joined(normal(values=(3, 2)), fixed(rows=np.array([5, 0, 2]))),
        "right where no row is written twice, and there is no row above the last",
    ),
    Tricky(
        "tricky-indices/boundaries/sums-of-segments",
        pair(lambda x, starts: np.add.reduceat(x.ravel(), starts), _segments_backward),
        joined(normal(x=(3, 4)), BOUNDARIES),
        "right for boundaries that rise: between equal ones NumPy takes one entry where there is none",
    ),
)
