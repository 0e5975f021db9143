"""Axes in letters: our arrays in the order of a stranger's, and back."""

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def to_layout(array: Array, canonical: str, layout: str) -> Array:
    """Bring an array from our order into the stranger's, where axes of size 1 may be absent or added (as `1`).

    Examples
    --------
    >>> to_layout(np.zeros((1, 3, 5, 6)), "NCHW", "HWC").shape, to_layout(np.zeros(4), "O", "O1").shape
    ((5, 6, 3), (4, 1))
    """
    kept = [axis for axis, letter in enumerate(canonical) if letter in layout]
    present = "".join(canonical[axis] for axis in kept)
    flat = array.reshape([array.shape[axis] for axis in kept])
    moved = flat.transpose([present.index(letter) for letter in layout if letter != "1"])
    sizes = iter(moved.shape)
    return np.ascontiguousarray(moved).reshape([1 if letter == "1" else next(sizes) for letter in layout])


def to_canonical(array: Array, canonical: str, layout: str) -> Array:
    """Bring a stranger's array into our order; the inverse of `to_layout`."""
    letters = layout.replace("1", "")
    flat = array.reshape([size for size, letter in zip(array.shape, layout, strict=True) if letter != "1"])
    present = [letter for letter in canonical if letter in letters]
    moved = flat.transpose([letters.index(letter) for letter in present])
    sizes = dict(zip(present, moved.shape, strict=True))
    return np.ascontiguousarray(moved).reshape([sizes.get(letter, 1) for letter in canonical])


def shape_in(layout: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of an array in this layout, by the sizes of the letters."""
    return tuple(1 if letter == "1" else sizes[letter] for letter in layout)


def layouts_of(shape: tuple[int, ...], sizes: Mapping[str, int], preferred: tuple[str, ...]) -> Iterator[str]:
    """Yield the layouts that an array of this shape can have, those of `preferred` first.

    Letters may be absent where their size is 1, and axes of size 1 may be added.
    """
    told = []
    for layout in (*preferred, *_arranged(shape, sizes)):
        fits = len(layout) == len(shape) and shape_in(layout, sizes) == shape
        if fits and layout not in told and all(n == 1 or letter in layout for letter, n in sizes.items()):
            told.append(layout)
            yield layout


def _arranged(shape: tuple[int, ...], sizes: Mapping[str, int]) -> Iterator[str]:
    for count in range(min(len(shape), len(sizes)), -1, -1):
        for letters in permutations(sizes, count):
            yield from _spread("".join(letters), len(shape) - count)


def _spread(letters: str, ones: int) -> Iterator[str]:
    """Put so many axes of size 1 before and behind the letters."""
    for before in range(ones + 1):
        yield "1" * before + letters + "1" * (ones - before)
