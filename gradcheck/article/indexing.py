"""Reading a map at an index: an accessor implements what an index outside means, and never wraps around.

The article writes I(i - m, j - n) and K(-m, -n) without saying what they are outside the map. NumPy would read the
other end of the array; here such an index is undefined, or reads zero, and nothing else.
"""

from collections.abc import Callable
from typing import Any, Literal

from numpy.typing import NDArray

from gradcheck.errors import GradcheckError

Array = NDArray[Any]
Reader = Callable[[int, int], int]
Outside = Literal["undefined", "zero"]
At = tuple[int, ...]


class OutsideError(GradcheckError, LookupError):
    """A formula reads a map where it has no value."""


def reader(values: Array, name: str, outside: Outside = "undefined") -> Reader:
    """Return the accessor of a map of integers, (rows, columns).

    >>> import numpy as np
    >>> reader(np.array([[7, 8]]), "I", "zero")(0, -1)
    0
    >>> reader(np.array([[7, 8]]), "I")(0, -1)
    Traceback (most recent call last):
    gradcheck.article.indexing.OutsideError: I(0, -1) lies outside the map of 1 x 2
    """
    rows, columns = values.shape

    def read(i: int, j: int) -> int:
        if 0 <= i < rows and 0 <= j < columns:
            return int(values[i, j])
        if outside == "zero":
            return 0
        raise OutsideError(f"{name}({i}, {j}) lies outside the map of {rows} x {columns}")

    return read


def rot180(read: Reader, size: tuple[int, int]) -> Reader:
    """Return the map of this size turned by 180 degrees: (rows - 1 - i, columns - 1 - j) in place of (i, j)."""
    rows, columns = size
    return lambda i, j: read(rows - 1 - i, columns - 1 - j)


def rebased(read: Reader, rows: int, columns: int) -> Reader:
    """Return the map whose (0, 0) is this one's (rows, columns)."""
    return lambda i, j: read(i + rows, j + columns)


def correlation(image: Reader, kernel: Reader, size: tuple[int, int]) -> Reader:
    """Eq. 1: the sum over m and n of I(i + m, j + n) K(m, n), for a kernel of this size."""
    k1, k2 = size

    def read(i: int, j: int) -> int:
        total = 0
        for m in range(k1):
            for n in range(k2):
                total += image(i + m, j + n) * kernel(m, n)
        return total

    return read


def convolution(image: Reader, kernel: Reader, size: tuple[int, int]) -> Reader:
    """Eq. 2: the sum over m and n of I(i - m, j - n) K(m, n), for a kernel of this size."""
    k1, k2 = size

    def read(i: int, j: int) -> int:
        total = 0
        for m in range(k1):
            for n in range(k2):
                total += image(i - m, j - n) * kernel(m, n)
        return total

    return read
