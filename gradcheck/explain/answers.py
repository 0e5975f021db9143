"""Answers of backward that are kept for hypotheses: one that is a multiple of a known claim is kept as that."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.numdiff.long_ladder import REMEMBERED
from gradcheck.numdiff.records import Vector, sampled
from gradcheck.subject import Array

Claims = Mapping[str, Any]


class Multiple(Mapping[str, Any]):
    """Claims that are a known multiple, to the bit, of others that are held anyway; made when they are asked for."""

    def __init__(self, factor: float, claims: Mapping[str, Array]) -> None:
        self._factor, self._claims = factor, claims

    def __getitem__(self, name: str) -> Array:
        """Return the claim for one argument."""
        found: Array = self._factor * self._claims[name]
        return found

    def __iter__(self) -> Iterator[str]:
        """Iterate over the arguments' names."""
        return iter(self._claims)

    def __len__(self) -> int:
        """Return the number of arguments."""
        return len(self._claims)


def kept(cotangent: Vector, answer: Claims, cotangents: Array, rows: Mapping[str, Array]) -> Claims:
    """Return the answer to keep: where arrays are large, and backward is linear in the cotangent, next to nothing.

    `rows` are the flat claims for `cotangents`, by argument.
    """
    told = {name: claim for name, claim in answer.items() if claim is not None}
    if cotangent.size <= REMEMBERED or not told or not told.keys() <= rows.keys() or len(told) < len(answer):
        return answer
    for k, row in enumerate(cotangents):
        at = int(np.argmax(row != 0))
        factor = float(cotangent[at] / row[at]) if row[at] != 0 else 0.0
        if all(_is(claim, factor, rows[name][k]) for name, claim in told.items()):
            return Multiple(factor, {name: rows[name][k].reshape(claim.shape) for name, claim in told.items()})
    return answer


def _is(claim: Array, factor: float, row: Vector) -> bool:
    """Tell whether a claim is that multiple of a row, of which a few entries mostly say no."""
    flat = claim.reshape(-1)
    pairs = ((sampled(flat), sampled(row)), (flat, row))
    return flat.shape == row.shape and all(np.array_equal(some, factor * others) for some, others in pairs)
