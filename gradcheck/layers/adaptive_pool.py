"""Pools that are told the size of their output: as many windows as that, as even as can be."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.average_pool import AvgPool, outer_product
from gradcheck.layers.geometry import Sizes, check_sizes
from gradcheck.layers.global_pool import by_position, share_of_winners, winner_of
from gradcheck.layers.max_pool import MaxPool, Ties, check_ties
from gradcheck.layers.operands import cotangent, operand, rounded
from gradcheck.layers.windows import adaptive_spans, at, even_kernel, spatial_size

Array = NDArray[Any]


@dataclass(frozen=True)
class AdaptiveMaxPool:
    """The largest entry of each of `output_size` windows an axis.

    Parameters
    ----------
    output_size : int or tuple of int
        How many windows, for all spatial axes or one number an axis.
    ties : {"first", "last", "split"}
        Which of several equal winners gets the error, as in `MaxPool`.

    Notes
    -----
    Of n entries, window i of o covers those from floor(i n / o) up to ceil((i + 1) n / o), so that neighbours share an
    entry where o does not divide n, and windows repeat where o > n. Derivation, NaN and complex entries as in
    `MaxPool`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0, 2.0]]])
    >>> AdaptiveMaxPool(2).forward(x)
    array([[[3., 3.]]])
    >>> AdaptiveMaxPool(2).backward(np.array([[[5.0, 7.0]]]), x)
    array([[[ 0., 12.,  0.]]])
    """

    output_size: Sizes
    _: KW_ONLY
    ties: Ties = "first"

    def __post_init__(self) -> None:
        check_sizes("output_size", self.output_size)
        check_ties(self.ties)

    def forward(self, input: Array) -> Array:
        """Return the largest entry of each window, (N, C, *output_size)."""
        kernel_size = even_kernel(spatial_size(input), self.output_size)
        if kernel_size is not None:
            return MaxPool(kernel_size, ties=self.ties).forward(input)
        values, winners = by_position(operand("input", input)), self._winners(input, "first")
        largest = np.take_along_axis(values, by_position(winners), axis=-1)
        return rounded(largest.reshape(winners.shape), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: each error at its window's winner."""
        kernel_size = even_kernel(spatial_size(input), self.output_size)
        if kernel_size is not None:
            return MaxPool(kernel_size, ties=self.ties).backward(grad_output, input)
        values, deltas = operand("input", input), cotangent(grad_output, self._output_shape(input))
        grad_input = np.zeros(values.shape, deltas.dtype)
        if self.ties == "split":
            for out, box in self._boxes(input):
                share = share_of_winners(deltas[out][..., np.newaxis], by_position(values[box]), ties="split")
                grad_input[box] += share.reshape(grad_input[box].shape)
        else:
            winners = self._winners(input, self.ties)
            first_of_channel = np.arange(0, values.size, prod(values.shape[2:])).reshape(*values.shape[:2])
            places = np.expand_dims(first_of_channel, tuple(range(2, values.ndim))) + winners
            np.add.at(grad_input.reshape(-1), places.reshape(-1), deltas.reshape(-1))
        return rounded(grad_input, input)

    def _winners(self, input: Any, ties: str) -> Array:
        """Return the position, in C order, of each window's winner within its channel."""
        values = operand("input", input)
        positions = np.arange(prod(values.shape[2:])).reshape(values.shape[2:])
        winners = np.empty(self._output_shape(input), np.intp)
        for out, box in self._boxes(input):
            winners[out] = positions[box[1:]].reshape(-1)[winner_of(by_position(values[box]), ties=ties)]
        return winners

    def _output_shape(self, input: Any) -> tuple[int, ...]:
        return (*np.shape(input)[:2], *map(len, adaptive_spans(spatial_size(input), self.output_size)))

    def _boxes(self, input: Any) -> Iterator[tuple[Any, Any]]:
        """Iterate over (output index, input slices), window by window."""
        for window in product(*map(enumerate, adaptive_spans(spatial_size(input), self.output_size))):
            yield (..., *(place for place, _ in window)), (..., *(span for _, span in window))


@dataclass(frozen=True)
class AdaptiveAvgPool:
    """The mean of each of `output_size` windows an axis.

    Parameters
    ----------
    output_size : int or tuple of int
        How many windows, for all spatial axes or one number an axis.

    Notes
    -----
    The windows are those of `AdaptiveMaxPool`, the derivation that of `AvgPool` with D_i the entries of window i.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0, 2.0]]])
    >>> AdaptiveAvgPool(2).forward(x)
    array([[[2. , 2.5]]])
    >>> AdaptiveAvgPool(2).backward(np.array([[[2.0, 4.0]]]), x)
    array([[[1., 3., 2.]]])
    """

    output_size: Sizes

    def __post_init__(self) -> None:
        check_sizes("output_size", self.output_size)

    def forward(self, input: Array) -> Array:
        """Return the mean of each window, (N, C, *output_size)."""
        kernel_size = even_kernel(spatial_size(input), self.output_size)
        if kernel_size is not None:
            return AvgPool(kernel_size).forward(input)
        values = operand("input", input)
        for axis, spans in enumerate(adaptive_spans(spatial_size(input), self.output_size), start=2):
            sums = [values[at(axis, span)].sum(axis=axis, keepdims=True) for span in spans]
            values = np.concatenate(sums, axis=axis)
        return rounded(values / self._divisors(input, values), input)

    def backward(self, grad_output: Array, input: Array) -> Array:
        """Return the gradient of `input`: equal shares of the errors of its windows."""
        kernel_size = even_kernel(spatial_size(input), self.output_size)
        if kernel_size is not None:
            return AvgPool(kernel_size).backward(grad_output, input)
        size = spatial_size(input)
        all_spans = adaptive_spans(size, self.output_size)
        deltas = cotangent(grad_output, (*np.shape(input)[:2], *map(len, all_spans)))
        deltas = deltas / self._divisors(input, deltas)
        for axis, spans in reversed([*enumerate(all_spans, start=2)]):
            total = np.zeros((*deltas.shape[:axis], size[axis - 2], *deltas.shape[axis + 1 :]), deltas.dtype)
            for place, span in enumerate(spans):
                total[at(axis, span)] += deltas[at(axis, slice(place, place + 1))]
            deltas = total
        return rounded(deltas, input)

    def _divisors(self, input: Any, values: Array) -> Array:
        """Return D, one an output position, in the precision of `values`."""
        all_spans = adaptive_spans(spatial_size(input), self.output_size)
        counts = [np.array([span.stop - span.start for span in spans]) for spans in all_spans]
        return outer_product(counts, values)
