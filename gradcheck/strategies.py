"""Hypothesis strategies for layers: shapes, hyperparameters that fit together, values that hurt, odd memory layouts.

Everything shrinks towards the small and plain: fewer axes, size 1, kernel 1, stride 1, no padding, zeros, C order.

>>> from hypothesis import given
>>> @given(convolutions(spatial_dims=2))
... def kernels_fit(case):
...     assert all(k >= 1 for k in case.weight_shape[2:])
>>> kernels_fit()
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import DTypeLike, NDArray

from gradcheck.errors import InvalidInput

Array = NDArray[Any]
Shape = tuple[int, ...]
Strategy = st.SearchStrategy
Values = Literal["integers", "normals", "special"]

seeds = st.integers(0, 2**32 - 1)  # of numpy.random.default_rng


@dataclass(frozen=True)
class ConvolutionCase:
    """Shapes and hyperparameters of a convolution that are valid together; `options` are the constructor's."""

    input_shape: Shape
    weight_shape: Shape
    bias_shape: Shape
    options: Mapping[str, Any]


@dataclass(frozen=True)
class PoolingCase:
    """The input's shape and the hyperparameters of a pool that are valid together; `options` are the constructor's."""

    input_shape: Shape
    options: Mapping[str, Any]


def shapes(*, min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 5) -> Strategy[Shape]:
    """Draw a shape with sides from `min_side` to `max_side`: 0-d, size-1, empty, and rarely square.

    >>> from hypothesis import find
    >>> find(shapes(min_dims=2), lambda shape: 0 not in shape and shape[0] != shape[1])
    (1, 2)
    """
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def images(
    draw: st.DrawFn, *, spatial_dims: int | None = None, min_batch: int = 0, min_size: int = 1, max_size: int = 6
) -> Shape:
    """Draw a shape (N, C, *spatial) with 1 to 3 spatial axes, each drawn by itself; N may be 0.

    >>> from hypothesis import find
    >>> find(images(spatial_dims=2), lambda shape: shape[2] != shape[3])
    (0, 1, 1, 2)
    """
    count = draw(st.integers(1, 3)) if spatial_dims is None else spatial_dims
    size = draw(_per_axis(count, min_size, max_size))
    return (draw(st.integers(min_batch, 3)), draw(st.integers(1, 3)), *size)


@st.composite
def convolutions(draw: st.DrawFn, *, spatial_dims: int | None = None, min_batch: int = 0) -> ConvolutionCase:
    """Draw a convolution whose kernel fits the padded input, exactly now and then.

    Padding comes as an int, one int an axis, (before, after) pairs, "valid", "same" or "full"; strides need not
    divide; `groups` reaches from 1 to depthwise; batches may be empty.

    >>> from hypothesis import find
    >>> case = find(convolutions(spatial_dims=1), lambda case: case.options["stride"] == (2,))
    >>> case.input_shape, case.weight_shape
    ((0, 1, 1), (1, 1, 1))
    """
    count = draw(st.integers(1, 3)) if spatial_dims is None else spatial_dims
    kernel, stride, dilation = _kernel(draw, count), draw(_per_axis(count, 1, 3)), draw(_per_axis(count, 1, 3))
    spans = _spans(kernel, dilation)
    padding = draw(_paddings(count) | st.sampled_from(["valid", "same", "full"]))
    axes = zip(spans, _totals(padding, count, spans), strict=True)
    size = tuple(max(1, span - total) + draw(st.integers(0, 3)) for span, total in axes)
    groups, depth, maps = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "flip": draw(st.booleans()),
    }
    batch = draw(st.integers(min_batch, 3))
    weight_shape = (maps * groups, depth, *kernel)
    return ConvolutionCase((batch, depth * groups, *size), weight_shape, (maps * groups,), _frozen(options))


@st.composite
def transposed_convolutions(draw: st.DrawFn, *, spatial_dims: int | None = None, min_batch: int = 0) -> ConvolutionCase:
    """Draw a transposed convolution with at least one output an axis.

    Weights are (C, K/groups, *kernel); `output_padding` lies below the stride or the dilation, whichever is larger.

    >>> from hypothesis import find
    >>> case = find(transposed_convolutions(spatial_dims=1), lambda case: case.options["output_padding"] == (1,))
    >>> max(*case.options["stride"], *case.options["dilation"])
    2
    """
    count = draw(st.integers(1, 3)) if spatial_dims is None else spatial_dims
    kernel, stride, dilation = _kernel(draw, count), draw(_per_axis(count, 1, 3)), draw(_per_axis(count, 1, 3))
    padding = draw(_paddings(count))
    spans = _spans(kernel, dilation)
    axes = zip(spans, _totals(padding, count, spans), stride, strict=True)
    least = [max(0, -((span - 1 - total) // s)) + 1 for span, total, s in axes]
    groups, depth, maps = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    options = {
        "stride": stride,
        "padding": padding,
        "output_padding": tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)),
        "dilation": dilation,
        "groups": groups,
        "flip": draw(st.booleans()),
    }
    size = tuple(low + draw(st.integers(0, 2)) for low in least)
    batch = draw(st.integers(min_batch, 3))
    weight_shape = (depth * groups, maps, *kernel)
    return ConvolutionCase((batch, depth * groups, *size), weight_shape, (maps * groups,), _frozen(options))


@st.composite
def poolings(
    draw: st.DrawFn, *, spatial_dims: int | None = None, min_batch: int = 0, dilated: bool = False
) -> PoolingCase:
    """Draw a pool: strides below, at and above the kernel, ceil_mode, and padding of at most half the kernel.

    Every window holds at least one entry of the input. `dilated` adds `dilation`, which max-pooling has.

    >>> from hypothesis import find
    >>> find(poolings(spatial_dims=1), lambda case: case.options["padding"] == (1,)).options["kernel_size"]
    (2,)
    """
    count = draw(st.integers(1, 3)) if spatial_dims is None else spatial_dims
    kernel = _kernel(draw, count)
    dilation = draw(_per_axis(count, 1, 3)) if dilated else (1,) * count
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    axes = zip(_spans(kernel, dilation), padding, dilation, strict=True)
    # A window that starts in the padding still meets one of the first `d` entries.
    size = tuple(max(d, span - 2 * pad) + draw(st.integers(0, 4)) for span, pad, d in axes)
    options = {
        "kernel_size": kernel,
        "stride": draw(_per_axis(count, 1, 4)),
        "padding": padding,
        "ceil_mode": draw(st.booleans()),
    }
    if dilated:
        options["dilation"] = dilation
    return PoolingCase((draw(st.integers(min_batch, 3)), draw(st.integers(1, 3)), *size), _frozen(options))


def arrays(
    shape: Shape | Strategy[Shape], *, dtype: DTypeLike = np.float64, values: Values = "normals"
) -> Strategy[Array]:
    """Draw a C-ordered array of `dtype` whose entries are of one kind.

    "integers": -9 to 9, in which layers without divisions are exact. "normals": signed, one seed for the whole array.
    "special": a few values from `special_values`, so that ties abound.

    >>> from hypothesis import find
    >>> find(arrays((2,), values="integers"), lambda x: x[0] < x[1])
    array([0., 1.])
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise InvalidInput(f"`dtype` must be a floating one; it is {dtype}. Pass e.g. np.float64.")
    if values == "normals":
        sides = st.just(shape) if isinstance(shape, tuple) else shape
        return st.builds(lambda side, seed: _normals(side, seed, dtype), sides, seeds)
    if values == "integers":
        return hnp.arrays(dtype, shape, elements=st.integers(-9, 9).map(float), fill=st.nothing())
    if values == "special":
        return hnp.arrays(dtype, shape, elements=st.sampled_from(special_values(dtype)), fill=st.nothing())
    raise InvalidInput(f"`values` must be 'integers', 'normals' or 'special'; it is {values!r}. Pass one of these.")


def special_values(dtype: DTypeLike) -> tuple[float, ...]:
    """Return the values that layers stumble over: signed zeros, kinks, subnormals, tiny steps, the far ends.

    >>> special_values(np.float16)[-4:]
    (-255.875, 255.875, -65504.0, 65504.0)
    """
    info = np.finfo(dtype)
    subnormal, tiny, step, largest = (float(v) for v in (info.smallest_subnormal, info.tiny, info.eps, info.max))
    root = float(np.sqrt(info.max).astype(dtype))  # its square is on the edge
    positive = (1.0, 0.5, 3.0, 6.0, subnormal, tiny, step, 1 + step, 20.0, root, largest)
    return (0.0, -0.0, *(sign * value for value in positive for sign in (-1, 1)))


def _within(x: Array, *, step: int) -> Array:
    """Return x as every second entry of a larger array, or backwards, along every axis."""
    room = np.full([abs(step) * side for side in x.shape], np.nan, x.dtype)
    every: tuple[Any, ...] = (..., *(slice(None, None, step) for _ in x.shape))
    view: Array = room[every]
    view[...] = x
    return view


def _unaligned(x: Array) -> Array:
    """Return x at an address that is no multiple of its item size."""
    room = np.zeros(x.nbytes + 1, np.uint8)
    view = np.ndarray(x.shape, x.dtype, buffer=room, offset=1)
    view[...] = x
    return view


def _read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


# Each returns the array it is given, equal entry for entry, in another layout.
LAYOUTS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "c": lambda x: x,
        "fortran": lambda x: np.asfortranarray(x) if x.ndim else x,
        "strided": lambda x: _within(x, step=2),
        "negative": lambda x: _within(x, step=-1),
        "unaligned": _unaligned,
        "read-only": _read_only,
    }
)


@st.composite
def layouts(draw: st.DrawFn, array: Array | Strategy[Array], *, broadcast: bool = True) -> Array:
    """Draw an array in an odd layout: Fortran order, strided, backwards, unaligned, read-only, broadcast.

    Values stay as they are but for the last one: a broadcast array repeats its first entries along some axes with
    stride 0, and is read-only as NumPy makes it. Leave it out by `broadcast=False`.

    >>> from hypothesis import find
    >>> find(layouts(np.arange(6.0).reshape(2, 3)), lambda x: 0 in x.strides).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    x = array if isinstance(array, np.ndarray) else draw(array)
    names = (*LAYOUTS, "broadcast") if broadcast and x.size else tuple(LAYOUTS)
    name = draw(st.sampled_from(names))
    if name != "broadcast":
        return LAYOUTS[name](x)
    kept = draw(st.lists(st.booleans(), min_size=x.ndim, max_size=x.ndim))
    return np.broadcast_to(x[tuple(slice(None) if keep else slice(0, 1) for keep in kept)], x.shape)


def _per_axis(count: int, low: int, high: int) -> Strategy[Shape]:
    return st.tuples(*[st.integers(low, high)] * count)


def _kernel(draw: st.DrawFn, count: int) -> Shape:
    return draw(_per_axis(count, 1, 4 if count < 3 else 3))


def _paddings(count: int) -> Strategy[Any]:
    side = st.integers(0, 2)
    return side | st.tuples(*[side] * count) | st.tuples(*[st.tuples(side, side)] * count)


def _totals(padding: Any, count: int, spans: Shape) -> Shape:
    """Return how much is padded on both sides of each axis together, at least, where the size settles it."""
    if isinstance(padding, str):
        return (0,) * count if padding == "valid" else spans
    if not isinstance(padding, tuple):
        return (2 * padding,) * count
    return tuple(sum(p) if isinstance(p, tuple) else 2 * p for p in padding)


def _spans(kernel: Shape, dilation: Shape) -> Shape:
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def _frozen(options: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(options)


def _normals(shape: Shape, seed: int, dtype: np.dtype[Any]) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)
