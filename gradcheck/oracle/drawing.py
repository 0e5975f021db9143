"""Integers that look drawn and are the same everywhere: bytes of SHAKE-256, which no library version can change."""

from hashlib import shake_256
from math import prod

import numpy as np

from gradcheck.oracle.case import Array


def integers(seed: str, shape: tuple[int, ...], low: int, high: int) -> Array:
    """Return integers from `low` to `high`, both included, as float64.

    >>> integers("conv2d/plain/input", (4,), -3, 3).tolist() == integers("conv2d/plain/input", (4,), -3, 3).tolist()
    True
    """
    words = np.frombuffer(shake_256(seed.encode()).digest(4 * prod(shape)), "<u4").astype(np.int64)
    return (low + words % (high - low + 1)).reshape(shape).astype(float)


def signed(seed: str, shape: tuple[int, ...], largest: int) -> Array:
    """Return integers of both signs from 1 to `largest` in magnitude: no zero hides a mistake."""
    drawn = integers(seed, shape, 1, 2 * largest)
    return np.where(drawn > largest, largest - drawn, drawn)


def permutation(seed: str, shape: tuple[int, ...], low: int = 0) -> Array:
    """Return the integers from `low` on, each once, shuffled: no two entries tie."""
    words = np.frombuffer(shake_256(seed.encode()).digest(8 * prod(shape)), "<u8")
    return (low + np.argsort(np.argsort(words, kind="stable"), kind="stable")).reshape(shape).astype(float)
