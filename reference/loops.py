"""Convolution, transposed convolution and pooling as nested loops, each straight from its definition.

Every function works for any number of spatial axes: `cells` runs over all index tuples of a shape, and a sum in a
definition is a loop over one. Arrays are (N, C, *lengths), weights (K, C/groups, *kernel), all results float64.
"""

import itertools
from collections.abc import Iterator
from math import prod

import numpy as np

from reference.geometry import Array, Floats, Index, Pool, Sliding, Ties

Axes = list[list[list[int]]]


def cells(shape: Index) -> Iterator[Index]:
    """Yield every index tuple of an array of this shape, in the order of its memory."""
    return itertools.product(*(range(length) for length in shape))


def inside(place: Index, lengths: Index) -> bool:
    """Tell whether a place is a cell of the input and no padding."""
    return all(0 <= p < length for p, length in zip(place, lengths, strict=True))


def offset(tap: Index, kernel: Index, how: Sliding) -> Index:
    """Return how far from the start of its window a tap reads."""
    order = tuple(k - 1 - m for k, m in zip(kernel, tap, strict=True)) if how.flip else tap
    return tuple(d * m for d, m in zip(how.dilation, order, strict=True))


def read_place(out: Index, shift: Index, how: Sliding) -> Index:
    """Return the place in the input, padding not counted, that is `shift` into the window of output `out`."""
    axes = zip(out, how.stride, how.padding, shift, strict=True)
    return tuple(j * stride - before + t for j, stride, (before, _), t in axes)


def out_place(place: Index, shift: Index, how: Sliding, lengths: Index) -> Index | None:
    """Return the output whose window reads `place` at `shift`, the inverse of `read_place`, or None."""
    axes = zip(place, how.stride, how.padding, shift, strict=True)
    divided = [divmod(p + before - t, stride) for p, stride, (before, _), t in axes]
    out = tuple(j for j, _ in divided)
    return out if all(rest == 0 for _, rest in divided) and inside(out, lengths) else None


def output_lengths(lengths: Index, kernel: Index, how: Sliding) -> Index:
    """Count, along each axis, the windows that lie in the padded input as a whole."""
    counts = []
    for length, k, stride, (before, after), d in zip(
        lengths, kernel, how.stride, how.padding, how.dilation, strict=True
    ):
        padded = before + length + after
        counts.append(sum(1 for start in range(0, padded, stride) if start + d * (k - 1) < padded))
    return tuple(counts)


def convolution(input: Array, weight: Array, bias: Array | None, how: Sliding) -> Floats:
    """x[n, k, j] = b[k] + sum over c, m of w[k, c, m] · o[n, C·g + c, j·stride - before + offset(m)]."""
    (samples, _, *lengths), (maps, depth, *kernel) = input.shape, weight.shape
    result = np.zeros((samples, maps, *output_lengths(tuple(lengths), tuple(kernel), how)))
    for n, k, *out in cells(result.shape):
        total = 0.0 if bias is None else float(bias[k])
        first = k // (maps // how.groups) * depth
        for c, *tap in cells(weight.shape[1:]):
            place = read_place(tuple(out), offset(tuple(tap), tuple(kernel), how), how)
            if inside(place, tuple(lengths)):
                total += float(weight[(k, c, *tap)]) * float(input[(n, first + c, *place)])
        result[(n, k, *out)] = total
    return result


def convolution_grad_input(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """dE/do[n, c, p] = sum over k, m of δ[n, k, j] · w[k, c, m], over the outputs j that read p with tap m."""
    maps, depth, *kernel = weight.shape
    result = np.zeros(input.shape)
    for n, c, *place in cells(input.shape):
        group, within = divmod(c, depth)
        total = 0.0
        for k in range(group * (maps // how.groups), (group + 1) * (maps // how.groups)):
            for tap in cells(tuple(kernel)):
                out = out_place(tuple(place), offset(tap, tuple(kernel), how), how, grad_output.shape[2:])
                if out is not None:
                    total += float(grad_output[(n, k, *out)]) * float(weight[(k, within, *tap)])
        result[(n, c, *place)] = total
    return result


def convolution_grad_weight(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """dE/dw[k, c, m] = sum over n, j of δ[n, k, j] · o[n, C·g + c, j·stride - before + offset(m)]."""
    maps, depth, *kernel = weight.shape
    result = np.zeros(weight.shape)
    for k, c, *tap in cells(weight.shape):
        channel = k // (maps // how.groups) * depth + c
        shift = offset(tuple(tap), tuple(kernel), how)
        total = 0.0
        for n in range(input.shape[0]):
            for out in cells(grad_output.shape[2:]):
                place = read_place(out, shift, how)
                if inside(place, input.shape[2:]):
                    total += float(grad_output[(n, k, *out)]) * float(input[(n, channel, *place)])
        result[(k, c, *tap)] = total
    return result


def grad_bias(grad_output: Array) -> Floats:
    """dE/db[k] = sum over n, j of δ[n, k, j]."""
    result = np.zeros(grad_output.shape[1])
    for n, k, *out in cells(grad_output.shape):
        result[k] += float(grad_output[(n, k, *out)])
    return result


def transposed_convolution(
    input: Array, weight: Array, bias: Array | None, how: Sliding, output_padding: Index
) -> Floats:
    """Add x[n, c, i] · w[c, k, m] at i·stride - before + offset(m) of y[n, K·g + k]; weights (C, K/groups, *kernel)."""
    (samples, channels, *lengths), (_, maps, *kernel) = input.shape, weight.shape
    outputs = transposed_lengths(tuple(lengths), tuple(kernel), how, output_padding)
    result = np.zeros((samples, maps * how.groups, *outputs))
    if bias is not None:
        for n, k, *out in cells(result.shape):
            result[(n, k, *out)] = float(bias[k])
    for n, c, *place in cells(input.shape):
        first = c // (channels // how.groups) * maps
        for k, *tap in cells(weight.shape[1:]):
            out = list(read_place(tuple(place), offset(tuple(tap), tuple(kernel), how), how))
            if inside(tuple(out), outputs):
                result[(n, first + k, *out)] += float(input[(n, c, *place)]) * float(weight[(c, k, *tap)])
    return result


def transposed_lengths(lengths: Index, kernel: Index, how: Sliding, output_padding: Index) -> Index:
    """Return the span of all windows, less the padding, plus the cells that a stride leaves over."""
    axes = zip(lengths, kernel, how.stride, how.padding, how.dilation, output_padding, strict=True)
    return tuple((n - 1) * s + d * (k - 1) + 1 - before - after + rest for n, k, s, (before, after), d, rest in axes)


def transposed_grad_input(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """dE/dx[n, c, i] = sum over k, m of δ[n, K·g + k, i·stride - before + offset(m)] · w[c, k, m]."""
    _, maps, *kernel = weight.shape
    result = np.zeros(input.shape)
    for n, c, *place in cells(input.shape):
        first = c // (input.shape[1] // how.groups) * maps
        total = 0.0
        for k, *tap in cells(weight.shape[1:]):
            out = read_place(tuple(place), offset(tuple(tap), tuple(kernel), how), how)
            if inside(out, grad_output.shape[2:]):
                total += float(grad_output[(n, first + k, *out)]) * float(weight[(c, k, *tap)])
        result[(n, c, *place)] = total
    return result


def transposed_grad_weight(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """dE/dw[c, k, m] = sum over n, i of x[n, c, i] · δ[n, K·g + k, i·stride - before + offset(m)]."""
    _, maps, *kernel = weight.shape
    result = np.zeros(weight.shape)
    for c, k, *tap in cells(weight.shape):
        channel = c // (input.shape[1] // how.groups) * maps + k
        shift = offset(tuple(tap), tuple(kernel), how)
        total = 0.0
        for n in range(input.shape[0]):
            for place in cells(input.shape[2:]):
                out = read_place(place, shift, how)
                if inside(out, grad_output.shape[2:]):
                    total += float(input[(n, c, *place)]) * float(grad_output[(n, channel, *out)])
        result[(c, k, *tap)] = total
    return result


def sliding_windows(lengths: Index, pool: Pool) -> Axes:
    """List, for each axis and each output along it, the places of its window, those in the padding included."""
    axes = []
    for length, k, stride, (before, after), d in zip(
        lengths, pool.kernel, pool.stride, pool.padding, pool.dilation, strict=True
    ):
        end = length + after - d * (k - 1)
        overhanging = range(end, min(end + stride - 1, length)) if pool.ceil_mode else range(0)
        starts = [start for start in range(-before, length + after, stride) if start < end or start in overhanging]
        axes.append([[start + d * m for m in range(k)] for start in starts])
    return axes


def adaptive_windows(lengths: Index, outputs: Index) -> Axes:
    """List the windows from floor(i·H/O) up to, not including, ceil((i+1)·H/O)."""
    return [
        [list(range(i * length // count, -(-(i + 1) * length // count))) for i in range(count)]
        for length, count in zip(lengths, outputs, strict=True)
    ]


def window(axes: Axes, out: Index, lengths: Index) -> list[Index]:
    """Return the cells of the input that one output sees, in the order of memory."""
    places = itertools.product(*(axis[j] for axis, j in zip(axes, out, strict=True)))
    return [place for place in places if inside(place, lengths)]


def pooled_shape(input: Array, axes: Axes) -> Index:
    """Return (N, C, outputs along each axis)."""
    return (*input.shape[:2], *(len(axis) for axis in axes))


def max_pool(input: Array, axes: Axes) -> Floats:
    """y[n, c, j] = the largest x[n, c, p] in window j; padding never wins."""
    result = np.zeros(pooled_shape(input, axes))
    for n, c, *out in cells(result.shape):
        seen = window(axes, tuple(out), input.shape[2:])
        result[(n, c, *out)] = max((float(input[(n, c, *place)]) for place in seen), default=-np.inf)
    return result


def max_pool_grad_input(grad_output: Array, input: Array, axes: Axes, ties: Ties = "first") -> Floats:
    """Hand δ[n, c, j] to the winner of window j: the first, the last, or an equal share to each."""
    result = np.zeros(input.shape)
    for n, c, *out in cells(grad_output.shape):
        seen = window(axes, tuple(out), input.shape[2:])
        values = [float(input[(n, c, *place)]) for place in seen]
        winners = [place for place, value in zip(seen, values, strict=True) if value == max(values)]
        chosen = {"first": winners[:1], "last": winners[-1:], "split": winners}[ties]
        for place in chosen:
            result[(n, c, *place)] += float(grad_output[(n, c, *out)]) / len(chosen)
    return result


def window_sizes(axes: Axes, low: Index, high: Index) -> dict[Index, int]:
    """Count, for each output, the places of its window that lie in low <= place < high."""
    counts = [
        [sum(first <= place < last for place in places) for places in axis]
        for axis, first, last in zip(axes, low, high, strict=True)
    ]
    outputs = tuple(len(axis) for axis in axes)
    return {out: prod(count[j] for count, j in zip(counts, out, strict=True)) for out in cells(outputs)}


def avg_pool(input: Array, axes: Axes, divisors: dict[Index, int]) -> Floats:
    """y[n, c, j] = sum of x[n, c, p] over window j, divided by divisor[j]."""
    result = np.zeros(pooled_shape(input, axes))
    for n, c, *out in cells(result.shape):
        seen = window(axes, tuple(out), input.shape[2:])
        result[(n, c, *out)] = sum(float(input[(n, c, *place)]) for place in seen) / divisors[tuple(out)]
    return result


def avg_pool_grad_input(grad_output: Array, input: Array, axes: Axes, divisors: dict[Index, int]) -> Floats:
    """Hand δ[n, c, j] / divisor[j] to every cell of window j."""
    result = np.zeros(input.shape)
    for n, c, *out in cells(grad_output.shape):
        for place in window(axes, tuple(out), input.shape[2:]):
            result[(n, c, *place)] += float(grad_output[(n, c, *out)]) / divisors[tuple(out)]
    return result


def lp_pool(input: Array, axes: Axes, p: float) -> Floats:
    """y[n, c, j] = (sum of |x[n, c, i]|^p over window j)^(1/p)."""
    result = np.zeros(pooled_shape(input, axes))
    for n, c, *out in cells(result.shape):
        seen = window(axes, tuple(out), input.shape[2:])
        result[(n, c, *out)] = sum(abs(float(input[(n, c, *place)])) ** p for place in seen) ** (1 / p)
    return result


def lp_pool_grad_input(grad_output: Array, input: Array, axes: Axes, p: float) -> Floats:
    """Hand δ[n, c, j] · sign(x)·(|x| / y[n, c, j])^(p-1) to every x of window j, and nothing where x is 0."""
    result = np.zeros(input.shape)
    norm = lp_pool(input, axes, p)
    for n, c, *out in cells(grad_output.shape):
        for place in window(axes, tuple(out), input.shape[2:]):
            x = float(input[(n, c, *place)])
            if x != 0:
                share = np.sign(x) * (abs(x) / norm[(n, c, *out)]) ** (p - 1)
                result[(n, c, *place)] += float(grad_output[(n, c, *out)]) * share
    return result
