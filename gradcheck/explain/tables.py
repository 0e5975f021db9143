"""Inner products and norms of rows with rows, worked out once for arrays that many hypotheses share.

A hypothesis replaces the claims or the cotangents; directions, slopes and bars stay, and what was said of them stays
true. Where arrays have 10^6 entries, reading them again and again is most of what a hypothesis costs.
"""

from collections.abc import Callable
from weakref import ref

import numpy as np

from gradcheck.numdiff.records import blocks, largest_size
from gradcheck.subject import Array

Table = Callable[[Array, Array], Array]


def inner_products(rows: Array, others: Array) -> Array:
    """Return the inner product of every row with every other row."""
    found: Array = rows @ others.T
    return found


def norms_of_products(rows: Array, others: Array) -> Array:
    """Return the norm of the entrywise product of every row with every other row, with squares of a block at a time."""
    total = np.zeros((len(rows), len(others)))
    for at in blocks(rows.shape[1]):
        total += rows[:, at] ** 2 @ (others[:, at] ** 2).T
    found: Array = np.sqrt(total)
    return found


def largest_sizes(rows: Array, others: Array) -> Array:  # noqa: ARG001 - one signature for all tables
    """Return the largest magnitude of every other row."""
    return np.array([[largest_size(row) for row in others]])


class Tables:
    """The tables known so far, each for as long as the two arrays that it is of live; nobody writes into these."""

    def __init__(self) -> None:
        self._known: dict[tuple[Table, int, int], tuple[ref[Array], ref[Array], Array]] = {}

    def look(self, table: Table, rows: Array, others: Array, first: tuple[int, int] | None = None) -> Array:
        """Return the table of all rows with all others, and keep it; or of the `first` of both, for this once.

        What is `first` is read off the whole where that is known.
        """
        known = self._known.get((table, id(rows), id(others)))
        # An array that is gone may have left its identity to another.
        if known is not None and known[0]() is rows and known[1]() is others:
            return known[2] if first is None else known[2][: first[0], : first[1]]
        matrix = np.atleast_2d(others)
        if first is not None:
            return table(rows[: first[0]], matrix[: first[1]])
        found = table(rows, matrix)
        self._known[table, id(rows), id(others)] = (ref(rows), ref(others), found)
        return found
