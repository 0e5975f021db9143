"""What the properties draw: geometries of 1 to 3 axes, and dense arrays of small integers to compare with `==`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference.geometry import Pool, Sliding

Array = NDArray[Any]

# Windows have at most 6 cells an axis: multiples of 60³ can be divided by every product of three of those sizes.
DIVISIBLE = 60**3

seeds = st.integers(0, 2**32 - 1)
axes_counts = st.integers(1, 3)


def integers(seed: int, shape: tuple[int, ...], *, low: int = -9, high: int = 9) -> Array:
    """Return float64 integers: every product and sum of a small layer is then exact."""
    return np.random.default_rng(seed).integers(low, high, shape, endpoint=True).astype(np.float64)


def distinct(seed: int, shape: tuple[int, ...], *, spacing: float = 1.0) -> Array:
    """Return a shuffle of distinct multiples of `spacing`, none of them zero, so that no maximum is tied."""
    count = int(np.prod(shape))
    values = np.arange(count) - count // 2 + 0.5
    return np.random.default_rng(seed).permutation(values).reshape(shape) * spacing


def per_axis(count: int, low: int, high: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw one integer an axis."""
    return st.tuples(*[st.integers(low, high)] * count)


def paddings(count: int, high: int) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    """Draw one pair (before, after) an axis."""
    return st.tuples(*[st.tuples(st.integers(0, high), st.integers(0, high))] * count)


def options(how: Sliding) -> dict[str, Any]:
    """Return the hyperparameters as the layers spell them."""
    return {
        "stride": how.stride,
        "padding": how.padding,
        "dilation": how.dilation,
        "groups": how.groups,
        "flip": how.flip,
    }


@dataclass(frozen=True)
class Convolution:
    """A geometry with operands that fit it; `output_padding` is for the transposed layer alone."""

    how: Sliding
    input: Array
    weight: Array
    bias: Array
    seed: int
    output_padding: tuple[int, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The hyperparameters as `Conv` spells them."""
        return options(self.how)

    @property
    def transposed_options(self) -> dict[str, Any]:
        """The hyperparameters as `ConvTranspose` spells them."""
        return {**options(self.how), "output_padding": self.output_padding}

    def cotangent(self, output: Array) -> Array:
        """Return an integer grad_output for an output."""
        return integers(self.seed + 3, output.shape)


@st.composite
def slidings(draw: st.DrawFn, count: int, *, dense: bool = False) -> Sliding:
    """Draw a geometry; `dense` keeps stride and dilation at 1, without padding or groups."""
    flip = draw(st.booleans())
    if dense:
        return Sliding((1,) * count, ((0, 0),) * count, (1,) * count, 1, flip)
    return Sliding(
        draw(per_axis(count, 1, 3)),
        draw(paddings(count, 2)),
        draw(per_axis(count, 1, 3)),
        draw(st.integers(1, 2)),
        flip,
    )


@st.composite
def convolutions(draw: st.DrawFn, *, dense: bool = False, least_batch: int = 0) -> Convolution:
    """Draw a convolution whose kernel fits the padded input, the fit being tight now and then."""
    count = draw(axes_counts)
    how = draw(slidings(count, dense=dense))
    kernel = draw(per_axis(count, 1, 3 if count < 3 else 2))
    slack = draw(per_axis(count, 0, 4 if count < 3 else 2))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, how.dilation, strict=True)]
    lengths = [max(1, span - sum(p)) + more for span, p, more in zip(spans, how.padding, slack, strict=True)]
    depth, maps = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    batch, seed = draw(st.integers(least_batch, 2)), draw(seeds)
    return Convolution(
        how,
        integers(seed, (batch, depth * how.groups, *lengths)),
        integers(seed + 1, (maps * how.groups, depth, *kernel)),
        integers(seed + 2, (maps * how.groups,)),
        seed,
    )


@st.composite
def transposed_convolutions(draw: st.DrawFn, *, least_batch: int = 0) -> Convolution:
    """Draw a transposed convolution with at least one output; weights are (C, K/groups, *kernel)."""
    count = draw(axes_counts)
    how = draw(slidings(count))
    kernel = draw(per_axis(count, 1, 3 if count < 3 else 2))
    rest = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(how.stride, how.dilation, strict=True))
    lengths = []
    for k, s, p, d in zip(kernel, how.stride, how.padding, how.dilation, strict=True):
        least = 1
        while (least - 1) * s + d * (k - 1) + 1 - sum(p) < 1:
            least += 1
        lengths.append(least + draw(st.integers(0, 2)))
    depth, maps = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    batch, seed = draw(st.integers(least_batch, 2)), draw(seeds)
    return Convolution(
        how,
        integers(seed, (batch, depth * how.groups, *lengths)),
        integers(seed + 1, (depth * how.groups, maps, *kernel)),
        integers(seed + 2, (maps * how.groups,)),
        seed,
        rest,
    )


@st.composite
def pools(draw: st.DrawFn, *, dilated: bool = True) -> tuple[Pool, tuple[int, ...]]:
    """Draw a pooling geometry and input lengths; less padding than the window is wide, so that each has a cell."""
    count = draw(axes_counts)
    kernel = draw(per_axis(count, 1, 4 if count < 3 else 3))
    dilation = draw(per_axis(count, 1, 2)) if dilated else (1,) * count
    padding = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in kernel)
    slack = draw(per_axis(count, 0, 4 if count < 3 else 2))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    lengths = tuple(max(1, span - sum(p)) + more for span, p, more in zip(spans, padding, slack, strict=True))
    return Pool(kernel, draw(per_axis(count, 1, 4)), padding, dilation, draw(st.booleans())), lengths
