"""The windows of a pool, one axis at a time: which outputs meet which inputs at each place within the window.

Maximum and sum over a box are the same taken along one axis after another, so that a k_1 x k_2 pool needs k_1 + k_2
passes over strided views, not k_1 * k_2, and one formulation serves 1, 2 and 3 spatial dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.geometry import Padding, Sizes, Windows, kernel_spans, per_axis, place_windows
from gradcheck.layers.operands import operand

Array = NDArray[Any]
Index = tuple[slice, ...]


@dataclass(frozen=True)
class AxisWindows:
    """The windows along one axis of an array.

    `taps` are pairs (outputs, inputs) of indices into the output and the input, entry for entry: for each window in
    the order of its places. Padding is in no tap, and no tap meets an entry twice, so that `combine` can add through
    either index.
    """

    axis: int
    input_size: int
    output_size: int
    taps: tuple[tuple[Index, Index], ...]

    def output_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return `shape` with this axis as long as it has windows."""
        return (*shape[: self.axis], self.output_size, *shape[self.axis + 1 :])

    def input_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return `shape` with this axis as long as it has inputs."""
        return (*shape[: self.axis], self.input_size, *shape[self.axis + 1 :])


def combine(operation: Any, result: Array, index: Index, values: Array) -> None:
    """Set result[index] to operation(result[index], values), in place; `operation` takes `out` as a ufunc does."""
    operation(result[index], values, out=result[index])


def spatial_size(input: Any) -> tuple[int, ...]:
    """Return the spatial part of the shape (N, C, *spatial), after making sure that there is one."""
    shape = operand("input", input).shape
    if len(shape) < 3 or 0 in shape[2:]:
        raise InvalidInput(
            f"`input` must have the shape (N, C, *spatial) with at least one spatial axis, none of them empty; its "
            f"shape is {shape}. Add the missing axes, e.g. input[np.newaxis]."
        )
    return shape[2:]


def pool_windows(
    input: Any,
    kernel_size: Sizes,
    *,
    stride: Sizes | None,
    padding: Padding,
    dilation: Sizes = 1,
    ceil_mode: bool,
) -> Windows:
    """Place a pool's windows on the spatial axes of `input`; `stride` None is the kernel's size, side by side.

    Raises
    ------
    InvalidInput
        What `place_windows` refuses, and padding as wide as the window: one of nothing but padding has no value.
    """
    input_size = spatial_size(input)
    windows = place_windows(
        input_size,
        per_axis("kernel_size", kernel_size, len(input_size)),
        stride=kernel_size if stride is None else stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
    )
    spans = kernel_spans(windows.kernel_size, windows.dilation)
    for axis, (span, pair) in enumerate(zip(spans, windows.padding, strict=True)):
        if max(pair) >= span:
            raise InvalidInput(
                f"`padding` of a pool must be smaller than its window, so that each window meets the input; on spatial "
                f"axis {axis} it is {pair} and the window spans {span}. Use less padding or a larger kernel."
            )
    return windows


def sliding_axes(windows: Windows) -> list[AxisWindows]:
    """Return the windows axis by axis, the first spatial axis first."""
    return [_sliding_axis(windows, axis) for axis in range(len(windows.input_size))]


def _sliding_axis(windows: Windows, axis: int) -> AxisWindows:
    taps = tuple((at(axis + 2, outputs), at(axis + 2, inputs)) for inputs, outputs in windows.overlaps(axis))
    return AxisWindows(axis + 2, windows.input_size[axis], windows.output_size[axis], taps)


def adaptive_spans(input_size: Sequence[int], output_size: Sizes) -> list[list[slice]]:
    """Divide each axis evenly: of n entries, window i of o covers floor(i n / o) up to ceil((i + 1) n / o)."""
    sizes = zip(input_size, per_axis("output_size", output_size, len(input_size)), strict=True)
    return [[slice(i * n // o, -(-(i + 1) * n // o)) for i in range(o)] for n, o in sizes]


def even_kernel(input_size: Sequence[int], output_size: Sizes) -> tuple[int, ...] | None:
    """Return the kernel and stride of the ordinary pool with the windows of `adaptive_spans`, where it is worth using.

    It is where each axis divides evenly, and where a window is no longer than the axis has windows: the ordinary pool
    makes a pass for each place within the window, the adaptive one for each window.
    """
    sizes = [*zip(input_size, per_axis("output_size", output_size, len(input_size)), strict=True)]
    if any(n % o or n // o > o for n, o in sizes):
        return None
    return tuple(n // o for n, o in sizes)


def at(axis: int, index: slice) -> Index:
    """Return the index that takes `index` along `axis`, and everything before it."""
    return (slice(None),) * axis + (index,)
