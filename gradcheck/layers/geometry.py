"""Where the windows of a sliding kernel lie: the shape arithmetic that convolution and pooling share."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from gradcheck.errors import InvalidInput

Sizes = int | tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
Padding = Sizes | Pairs | Literal["valid", "same", "full"]

PADDING_WORDS = ("valid", "same", "full")


@dataclass(frozen=True)
class Windows:
    """The windows of a kernel on an input, one entry a spatial axis.

    Output position i meets the input, at kernel offset m, at index i * stride + m * dilation - before, where `before`
    is the first of the axis' two paddings; with `flip` (true convolution, Eq. 2) the kernel is read from its other end.
    `output_size` is kept and not derived, because ceil_mode and transposed convolutions choose it.
    """

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Pairs
    output_size: tuple[int, ...]
    flip: bool = False

    @property
    def pointwise(self) -> bool:
        """Whether each window sees the one input entry at its own position, as in a 1 x 1 convolution."""
        in_place = self.input_size == self.output_size and not any(before for before, _ in self.padding)
        return in_place and {*self.kernel_size, *self.stride} == {1}

    def overlaps(self, axis: int) -> tuple[tuple[slice, slice], ...]:
        """Return, for each kernel offset of one axis, which inputs meet which outputs, entry for entry; no padding."""
        return _overlaps(
            self.input_size[axis],
            self.output_size[axis],
            self.kernel_size[axis],
            self.stride[axis],
            self.dilation[axis],
            self.padding[axis][0],
            self.flip,
        )

    def band(self, first: int, stop: int) -> tuple["Windows", slice]:
        """Return the windows of output rows first..stop-1 of the leading axis, on the input rows that they reach alone.

        Those input rows come second; the padding behind them is not kept.
        """
        if stop - first == self.output_size[0]:
            return self, slice(0, self.input_size[0])
        begin = -self.padding[0][0] + first * self.stride[0]
        end = begin + (stop - first - 1) * self.stride[0] + self.dilation[0] * (self.kernel_size[0] - 1) + 1
        rows = clipped(begin, end, self.input_size[0])
        band = Windows(
            (rows.stop - rows.start, *self.input_size[1:]),
            self.kernel_size,
            self.stride,
            self.dilation,
            ((rows.start - begin, 0), *self.padding[1:]),
            (stop - first, *self.output_size[1:]),
            self.flip,
        )
        return band, rows


@lru_cache(maxsize=1024)  # forward and backward ask for the same axes, block after block
def _overlaps(*axis: int) -> tuple[tuple[slice, slice], ...]:
    size, outputs, kernel, stride, dilation, before, flip = axis
    found = []
    for m in reversed(range(kernel)) if flip else range(kernel):
        shift = m * dilation - before
        first = max(0, -(shift // stride))
        stop = min(outputs, (size - 1 - shift) // stride + 1)
        if stop <= first:
            found.append((slice(0, 0), slice(0, 0)))
        else:
            inside = slice(first * stride + shift, (stop - 1) * stride + shift + 1, stride)
            found.append((inside, slice(first, stop)))
    return tuple(found)


def clipped(first: int, stop: int, size: int) -> slice:
    """Return the part of first..stop-1 that lies in 0..size-1."""
    start = min(max(0, first), size)
    return slice(start, max(start, min(stop, size)))


def place_windows(
    input_size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    flip: bool = False,
) -> Windows:
    """Lay a kernel over an input.

    Each axis has floor((size + before + after - span) / stride) + 1 windows, span = dilation * (kernel - 1) + 1;
    with `ceil_mode` rounded up, unless the last window would begin in the padding behind the input (as in PyTorch).
    Rounded up, the only window of a short axis may hang over its end, too, by less than a stride.

    Raises
    ------
    InvalidInput
        A hyperparameter out of range or of another length than the spatial axes, or a kernel that does not fit.
    """
    return _place_windows(
        _frozen(input_size),
        _frozen(kernel_size),
        stride=_frozen(stride),
        padding=_frozen(padding),
        dilation=_frozen(dilation),
        ceil_mode=ceil_mode,
        flip=flip,
    )


@lru_cache(maxsize=1024, typed=True)  # forward and backward, and each call on the same shapes, ask for the same windows
def _place_windows(
    input_size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    *,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    ceil_mode: bool,
    flip: bool,
) -> Windows:
    ndim = len(input_size)
    kernel_size = per_axis("kernel_size", kernel_size, ndim)
    strides = per_axis("stride", stride, ndim)
    dilations = per_axis("dilation", dilation, ndim)
    pairs = padding_pairs(padding, input_size, kernel_size, stride=strides, dilation=dilations)
    spans = kernel_spans(kernel_size, dilations)
    for axis, (size, (before, after), span) in enumerate(zip(input_size, pairs, spans, strict=True)):
        overhang = strides[axis] - 1 if ceil_mode else 0
        if size + before + after + overhang < span:
            raise InvalidInput(
                f"the kernel must fit into the padded input; on spatial axis {axis} it spans {span} and the input has "
                f"{size} + {before} + {after} entries. Use a larger input, more `padding` or a smaller kernel."
            )
    axes = zip(input_size, pairs, spans, strides, strict=True)
    output_size = tuple(_output_size(*axis, ceil_mode=ceil_mode) for axis in axes)
    return Windows(input_size, kernel_size, strides, dilations, pairs, output_size, flip)


def _frozen(value: Any) -> Any:
    """Return lists as tuples, so that they can be looked up."""
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _output_size(size: int, pair: tuple[int, int], span: int, stride: int, *, ceil_mode: bool) -> int:
    room = size + sum(pair) - span
    if not ceil_mode:
        return room // stride + 1
    windows = -(-room // stride) + 1
    return windows - 1 if (windows - 1) * stride >= size + pair[0] else windows


def kernel_spans(kernel_size: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many input entries the dilated kernel reaches across, per axis."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True))


def padding_pairs(
    padding: Padding,
    input_size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    *,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pairs:
    """Return `padding` as one (before, after) pair an axis.

    "valid" is none; "full" is every position where kernel and input touch, span - 1 on both sides; "same" makes
    ceil(size / stride) outputs, the odd entry going behind (as TensorFlow, JAX and ONNX's SAME_UPPER do for any
    stride, PyTorch for stride 1).
    """
    spans = kernel_spans(kernel_size, dilation)
    if padding == "same":
        axes = zip(input_size, spans, stride, strict=True)
        totals = [max(0, (-(-size // s) - 1) * s + span - size) for size, span, s in axes]
        return tuple((total // 2, total - total // 2) for total in totals)
    if padding == "full":
        return tuple((span - 1, span - 1) for span in spans)
    if padding == "valid":
        return tuple((0, 0) for _ in spans)
    check_padding(padding)
    if isinstance(padding, (tuple, list)) and any(isinstance(entry, (tuple, list)) for entry in padding):
        if len(padding) != len(input_size):
            raise InvalidInput(_wrong_length("padding", padding, len(input_size), "one (before, after) pair"))
        return tuple((int(before), int(after)) for before, after in padding)  # type: ignore[misc]  # checked above
    return tuple((p, p) for p in per_axis("padding", padding, len(input_size), minimum=0))


def per_axis(name: str, value: Any, ndim: int, *, minimum: int = 1) -> tuple[int, ...]:
    """Return an int, or a tuple with one int an axis, as a tuple of `ndim` ints not below `minimum`."""
    check_sizes(name, value, minimum=minimum)
    if not isinstance(value, (tuple, list)):
        return (int(value),) * ndim
    if len(value) != ndim:
        raise InvalidInput(_wrong_length(name, value, ndim, "one int"))
    return tuple(int(entry) for entry in value)


def check_sizes(name: str, value: Any, *, minimum: int = 1) -> None:
    """Refuse what is neither an int nor a tuple of ints, or below `minimum`; needs no number of axes."""
    for entry in value if isinstance(value, (tuple, list)) else (value,):
        if not _is_whole(entry, minimum):
            raise InvalidInput(
                f"`{name}` must be an int of at least {minimum}, or a tuple with one such int for each spatial axis; "
                f"it is {value!r}. Pass e.g. {name}={max(minimum, 1)}."
            )


def whole(name: str, value: Any, *, minimum: int = 1) -> int:
    """Return a single int not below `minimum`."""
    if not _is_whole(value, minimum):
        raise InvalidInput(
            f"`{name}` must be an int of at least {minimum}; it is {value!r}. Pass e.g. {name}={minimum}."
        )
    return int(value)


def _is_whole(value: Any, minimum: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= minimum)


def check_padding(padding: Any) -> None:
    """Refuse what is no form of padding at all; needs no number of axes."""
    if isinstance(padding, str):
        if padding not in PADDING_WORDS:
            raise InvalidInput(
                f"`padding` must be numbers or one of {', '.join(PADDING_WORDS)}; it is {padding!r}. Pass e.g. 'same'."
            )
    elif isinstance(padding, (tuple, list)) and any(isinstance(entry, (tuple, list)) for entry in padding):
        if not all(isinstance(entry, (tuple, list)) and len(entry) == 2 for entry in padding):
            raise InvalidInput(
                f"asymmetric `padding` must be one (before, after) pair for each spatial axis; it is {padding!r}. "
                "Pass e.g. ((0, 1), (0, 1))."
            )
        for pair in padding:
            check_sizes("padding", pair, minimum=0)
    else:
        check_sizes("padding", padding, minimum=0)


def _wrong_length(name: str, value: Any, ndim: int, entry: str) -> str:
    return (
        f"`{name}` must hold {entry} for each of the {ndim} spatial axes; it is {value!r}, of length {len(value)}. "
        f"Pass {ndim} of them, or a single int for all axes."
    )
