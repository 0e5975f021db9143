"""Convolution through scipy.signal and pooling through scipy.ndimage: slide at stride 1 over everything, then sample.

A kernel with dilation is a kernel with zeros between its taps, an output gradient of a strided layer is one with
zeros between its entries; with those written out, every pass is one plain correlation or convolution a channel pair.
"""

from typing import Any

import numpy as np
from scipy import ndimage, signal

from reference.geometry import Array, Floats, Index, Pairs, Pool, Sliding


def spread(array: Array, gaps: Index) -> Floats:
    """Put the entries `gaps` apart along the last axes, with zeros between them."""
    lead = array.shape[: array.ndim - len(gaps)]
    lengths = tuple(max(0, (n - 1) * gap + 1) for n, gap in zip(array.shape[len(lead) :], gaps, strict=True))
    result = np.zeros((*lead, *lengths))
    result[every(gaps)] = array
    return result


def every(steps: Index) -> tuple[Any, ...]:
    """Return the index that samples the last axes every so many entries."""
    return (..., *(slice(None, None, step) for step in steps))


def pad(array: Array, padding: Pairs, value: float = 0.0) -> Floats:
    """Put `value` around the last axes."""
    lead = ((0, 0),) * (array.ndim - len(padding))
    return np.pad(np.asarray(array, float), (*lead, *padding), constant_values=value)


def crop(array: Array, start: Index, lengths: Index) -> Floats:
    """Cut `lengths` cells out of an array that is zero beyond its end."""
    short = tuple((0, max(0, s + n - have)) for s, n, have in zip(start, lengths, array.shape, strict=True))
    return pad(array, short)[tuple(slice(s, s + n) for s, n in zip(start, lengths, strict=True))]


def taps(weight: Array, how: Sliding) -> Floats:
    """Return the kernels as they lie on the input: flipped for true convolution, zeros between dilated taps."""
    axes = tuple(range(2, weight.ndim))
    return spread(np.flip(weight, axes) if how.flip else weight, how.dilation)


def correlate(image: Array, kernel: Array) -> Floats:
    """Sum image · kernel at every place where the whole kernel lies on the image (scipy's "valid", which may swap)."""
    lengths = tuple(n - k + 1 for n, k in zip(image.shape, kernel.shape, strict=True))
    if min(lengths) < 1:
        return np.zeros(tuple(max(0, n) for n in lengths))
    return np.asarray(signal.correlate(image, kernel, mode="valid", method="direct"))


def pairs(weight: Array, groups: int) -> list[tuple[int, int, int]]:
    """List (output map, input channel, channel within its group) for every kernel of a weight (K, C/groups, ...)."""
    maps, depth = weight.shape[:2]
    return [(k, k // (maps // groups) * depth + c, c) for k in range(maps) for c in range(depth)]


def add_bias(result: Floats, bias: Array | None) -> Floats:
    """Add b[k] to the whole of output map k."""
    if bias is not None:
        for k, value in enumerate(bias):
            result[:, k] += float(value)
    return result


def convolution(input: Array, weight: Array, bias: Array | None, how: Sliding) -> Floats:
    """Correlate the padded input with the kernels, then keep every stride-th entry."""
    kernels, padded = taps(weight, how), pad(input, how.padding)
    lengths = tuple(max(0, n - k + 1) for n, k in zip(padded.shape[2:], kernels.shape[2:], strict=True))
    dense = np.zeros((len(input), len(weight), *lengths))
    for n in range(len(input)):
        for k, channel, c in pairs(weight, how.groups):
            dense[n, k] += correlate(padded[n, channel], kernels[k, c])
    result = dense[every(how.stride)]
    return add_bias(result, bias)


def convolution_grad_input(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """Convolve δ, spread by the stride, with the kernels in full, then cut the padding off."""
    kernels, spaced = taps(weight, how), spread(grad_output, how.stride)
    result = np.zeros(input.shape)
    start = tuple(before for before, _ in how.padding)
    for n in range(len(input)):
        for k, channel, c in pairs(weight, how.groups):
            full = signal.convolve(spaced[n, k], kernels[k, c], mode="full", method="direct")
            result[n, channel] += crop(full, start, input.shape[2:])
    return result


def convolution_grad_weight(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """Correlate the padded input with δ, spread by the stride, then keep every dilation-th entry."""
    spaced, padded = spread(grad_output, how.stride), pad(input, how.padding)
    result = np.zeros(weight.shape)
    for n in range(len(input)):
        for k, channel, c in pairs(weight, how.groups):
            dense = correlate(padded[n, channel], spaced[n, k])
            result[k, c] += crop(dense[every(how.dilation)], (0,) * dense.ndim, weight.shape[2:])
    return np.flip(result, tuple(range(2, weight.ndim))) if how.flip else result


def grad_bias(grad_output: Array) -> Floats:
    """Sum δ over samples and places."""
    return np.array([np.sum(grad_output[:, k], dtype=float) for k in range(grad_output.shape[1])])


def transposed_convolution(
    input: Array, weight: Array, bias: Array | None, how: Sliding, output_padding: Index
) -> Floats:
    """Convolve the input, spread by the stride, with the kernels in full, then cut the padding off."""
    kernels, spaced = taps(weight, how), spread(input, how.stride)
    start = tuple(before for before, _ in how.padding)
    spans = tuple(n + k - 1 for n, k in zip(spaced.shape[2:], kernels.shape[2:], strict=True))
    lengths = tuple(
        span - before - after + rest
        for span, (before, after), rest in zip(spans, how.padding, output_padding, strict=True)
    )
    result = np.zeros((len(input), weight.shape[1] * how.groups, *lengths))
    for n in range(len(input)):
        for channel, k, within in pairs(weight, how.groups):
            full = signal.convolve(spaced[n, channel], kernels[channel, within], mode="full", method="direct")
            result[n, k] += crop(full, start, lengths)
    return add_bias(result, bias)


def transposed_grad_input(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """Correlate the padded δ with the kernels, then keep every stride-th entry."""
    kernels, padded = taps(weight, how), pad(grad_output, how.padding)
    result = np.zeros(input.shape)
    for n in range(len(input)):
        for channel, k, within in pairs(weight, how.groups):
            dense = correlate(padded[n, k], kernels[channel, within])[every(how.stride)]
            result[n, channel] += crop(dense, (0,) * dense.ndim, input.shape[2:])
    return result


def transposed_grad_weight(grad_output: Array, input: Array, weight: Array, how: Sliding) -> Floats:
    """Correlate the padded δ with the input, spread by the stride, then keep every dilation-th entry."""
    spaced, padded = spread(input, how.stride), pad(grad_output, how.padding)
    result = np.zeros(weight.shape)
    for n in range(len(input)):
        for channel, k, within in pairs(weight, how.groups):
            dense = correlate(padded[n, k], spaced[n, channel])[every(how.dilation)]
            result[channel, within] += crop(dense, (0,) * dense.ndim, weight.shape[2:])
    return np.flip(result, tuple(range(2, weight.ndim))) if how.flip else result


def window_places(lengths: Index, pool: Pool) -> tuple[Pairs, tuple[Any, ...]]:
    """Return the padding that holds the last overhanging window, and the index of the windows' starts in it."""
    padding, starts = [], []
    for n, k, s, (before, after), d in zip(lengths, pool.kernel, pool.stride, pool.padding, pool.dilation, strict=True):
        room = before + n + after - d * (k - 1) - 1
        last = room // s
        if pool.ceil_mode and room % s and (last + 1) * s < before + n:
            last += 1
        padding.append((before, after + max(0, last * s - room)))
        starts.append(slice(0, max(0, last * s + 1), s))
    return tuple(padding), (..., *starts)


def footprint(pool: Pool) -> tuple[Floats, list[int]]:
    """Return the window as zeros and ones with two leading axes, and the origins that make it start at its place."""
    ones = spread(np.ones((1, 1, *pool.kernel)), pool.dilation)
    return ones, [-(length // 2) for length in ones.shape]


def max_pool(input: Array, pool: Pool) -> Floats:
    """Take scipy.ndimage's maximum filter over the input in a frame of minus infinity, and sample it."""
    padding, places = window_places(input.shape[2:], pool)
    ones, origin = footprint(pool)
    frame = pad(input, padding, -np.inf)
    dense = ndimage.maximum_filter(frame, footprint=ones > 0, mode="constant", cval=-np.inf, origin=origin)
    return np.array(dense[places], float)


def sum_pool(input: Array, pool: Pool, *, count_padding: bool = False) -> Floats:
    """Sum each window with scipy.ndimage; with `count_padding` the declared padding counts as ones."""
    padding, places = window_places(input.shape[2:], pool)
    ones, origin = footprint(pool)
    frame = pad(input, pool.padding, 1.0 if count_padding else 0.0)
    overhang = tuple((0, wide - after) for (_, wide), (_, after) in zip(padding, pool.padding, strict=True))
    dense = ndimage.correlate(pad(frame, overhang), ones, mode="constant", cval=0.0, origin=origin)
    return np.array(dense[places], float)


def avg_pool(input: Array, pool: Pool, *, count_include_pad: bool, divisor_override: int | None = None) -> Floats:
    """Divide the sum of each window by the number of its cells (and of its padding, where that is counted)."""
    sizes = sum_pool(np.ones(input.shape), pool, count_padding=count_include_pad)
    return sum_pool(input, pool) / (sizes if divisor_override is None else divisor_override)


def lp_pool(input: Array, pool: Pool, p: float) -> Floats:
    """Take the p-th root of the sum of |x|^p over each window."""
    return sum_pool(np.abs(np.asarray(input, float)) ** p, pool) ** (1 / p)
