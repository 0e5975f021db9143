"""What the claims are tried on: small maps of integers, drawn so that they shrink to the smallest shapes and values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradcheck.article.indexing import At, Outside, Reader, reader

Array = NDArray[Any]
Pair = tuple[int, int]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Case:
    """Integer operands of one convolution, of stride 1 and without padding.

    `image` is I, o or x^l, (C, H, W); `kernel` is K or w, (C, k1, k2). The others are of the output's shape,
    (H - k1 + 1, W - k2 + 1): `delta`, `bias` (one a pixel), and `curvature`, which makes the loss of Eqs. 10 to 20
    the quadratic E(x) = sum of delta x + curvature x². `activation` is (a, b, c) of f(x) = a x² + b x + c.
    """

    image: Array
    kernel: Array
    delta: Array
    bias: Array
    curvature: Array
    activation: Array

    @property
    def map_size(self) -> Pair:
        """(H, W)."""
        return self.image.shape[1], self.image.shape[2]

    @property
    def kernel_size(self) -> Pair:
        """(k1, k2)."""
        return self.kernel.shape[1], self.kernel.shape[2]

    @property
    def output_size(self) -> Pair:
        """(H - k1 + 1, W - k2 + 1)."""
        (height, width), (k1, k2) = self.map_size, self.kernel_size
        return height - k1 + 1, width - k2 + 1

    def o(self, outside: Outside = "undefined", *, channel: int = 0) -> Reader:
        """Read the image."""
        return reader(self.image[channel], "o", outside)

    def w(self, outside: Outside = "undefined", *, channel: int = 0) -> Reader:
        """Read the kernel."""
        return reader(self.kernel[channel], "w", outside)

    def d(self, outside: Outside = "undefined") -> Reader:
        """Read delta."""
        return reader(self.delta, "delta", outside)

    def b(self) -> Reader:
        """Read the bias of a pixel."""
        return reader(self.bias, "b")

    def f(self, x: int) -> int:
        """Return f(x)."""
        a, b, c = map(int, self.activation)
        return a * x * x + b * x + c

    def slope_of_f(self, x: int) -> int:
        """Return f'(x)."""
        a, b, _ = map(int, self.activation)
        return 2 * a * x + b

    def taps(self) -> Iterable[At]:
        """All (m', n')."""
        return np.ndindex(*self.kernel_size)

    def outputs(self) -> Iterable[At]:
        """All (i, j) of the output."""
        return np.ndindex(*self.output_size)

    def pixels(self) -> Iterable[At]:
        """All (i', j') of the image."""
        return np.ndindex(*self.map_size)


OPERANDS = tuple(field.name for field in fields(Case))


# Kernels of up to 3 x 3 with outputs of up to 3 x 3, (k1, k2, rows, columns), in the order of what they hold.
SIDES = (1, 2, 3)
SHAPES: tuple[Shape, ...] = tuple(
    sorted(
        product(SIDES, SIDES, SIDES, SIDES),
        key=lambda s: ((s[0] + s[2] - 1) * (s[1] + s[3] - 1) + s[0] * s[1], s),
    )
)


def cases(*, depth: int = 1, shape: Shape | None = None) -> st.SearchStrategy[Case]:
    """Draw operands of 1 to `depth` channels, with kernels from 1 x 1 to as large as the image, or of one shape."""
    shapes = st.sampled_from(SHAPES) if shape is None else st.just(shape)
    return st.tuples(shapes, st.integers(1, depth)).flatmap(lambda sizes: _strategy(sizes[0], sizes[1]))


def _strategy(shape: Shape, depth: int) -> st.SearchStrategy[Case]:
    return st.builds(Case, **{name: _integers(size) for name, size in _sizes(shape, depth).items()})


def _sizes(shape: Shape, depth: int) -> dict[str, tuple[int, ...]]:
    k1, k2, rows, columns = shape
    image = (depth, k1 + rows - 1, k2 + columns - 1)
    output = (rows, columns)
    sizes = (image, (depth, k1, k2), output, output, output, (3,))
    return dict(zip(OPERANDS, sizes, strict=True))


def _integers(shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    count = int(np.prod(shape))
    entries = st.lists(st.integers(-9, 9), min_size=count, max_size=count)
    return entries.map(lambda values: np.array(values, np.int64).reshape(shape))


def drawn(rng: np.random.Generator, shape: Shape, *, depth: int = 1) -> Case:
    """Return a case of this shape with entries from -9 to 9."""
    return Case(**{name: rng.integers(-9, 10, size) for name, size in _sizes(shape, depth).items()})


def generic(case: Case, rng: np.random.Generator, *, keep: str | None = None) -> Case:
    """Replace all operands but one by large random integers, so that only true equalities of polynomials remain.

    f becomes the identity: a common factor f' that happens to be zero would hide a difference.
    """
    drawn = {
        name: rng.integers(1, 10**6, getattr(case, name).shape) for name in OPERANDS if name not in (keep, "activation")
    }
    return replace(case, **drawn, activation=np.array([0, 1, 0]))


def small_case(sizes: Mapping[str, Pair], units: Mapping[str, At]) -> Case:
    """Return the case of these sizes (`image`, `kernel`) that is zero but for a 1 at each of `units`; f(x) = x."""
    (height, width), (k1, k2) = sizes["image"], sizes["kernel"]
    output = height - k1 + 1, width - k2 + 1
    shapes = {"image": (1, height, width), "kernel": (1, k1, k2), "delta": output, "bias": output, "curvature": output}
    arrays = {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}
    for name, at in units.items():
        arrays[name][(0, *at) if name in ("image", "kernel") else at] = 1
    return Case(**arrays, activation=np.array([0, 1, 0]))


def plain(case: Case) -> dict[str, Any]:
    """Return the operands as lists for JSON."""
    return {name: getattr(case, name).tolist() for name in OPERANDS}


def from_plain(operands: Mapping[str, Any]) -> Case:
    """Return the case that `plain` wrote."""
    return Case(**{name: np.array(operands[name], np.int64) for name in OPERANDS})


def derivative(function: Callable[[int], int]) -> Fraction:
    """Return the derivative at 0 of a polynomial of degree 4 at most, exactly, by the five-point difference.

    >>> derivative(lambda h: (3 + h) ** 4)
    Fraction(108, 1)
    """
    return Fraction(8 * (function(1) - function(-1)) - (function(2) - function(-2)), 12)


def moved(values: Array, at: At, step: int) -> Array:
    """Return the array with `step` added to one entry."""
    other = values.copy()
    other[at] += step
    return other
