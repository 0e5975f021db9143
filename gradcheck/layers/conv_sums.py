"""The three sums of a convolution (Eqs. 7, 13 and 20), each a matrix product on blocks of columns.

`weight` is read as the matrix W[k, (c, m)] (a view), `grad_output` as D[k, i], and a column holds what one window
sees, X[(c, m), i] = input[c, i * s + m * d - p]. Forward is W X, the weight's gradient D X', and W' D is the
gradient of the columns, whose entries are added back to where they came from. s, d and p are stride, dilation and
padding; i and m stand for all spatial axes at once. Arrays have one dtype and any strides; nothing is conjugated.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.layers.conv_blocks import FOLDED_SHARE, divide
from gradcheck.layers.conv_columns import gather, positions, room, scatter, store
from gradcheck.layers.geometry import Windows

Array = NDArray[Any]


def correlate(input: Array, weight: Array, windows: Windows, groups: int = 1) -> Array:
    """Return output[k, i] = sum over c, m of weight[k, c, m] * input[c, i * s + m * d - p] (Eq. 7)."""
    output = np.empty((len(input), len(weight), *windows.output_size), input.dtype)
    w = _matrix(weight, groups)
    for block in divide(windows, input, output, weight):
        x = gather(input, block, groups)
        store(np.matmul(w, x, out=positions(output, block, groups)), output, block)
    return output


def correlate_weight(grad_output: Array, input: Array, windows: Windows, groups: int = 1) -> Array:
    """Return grad_weight[k, c, m] = sum over i of grad_output[k, i] * input[c, i * s + m * d - p] (Eq. 13)."""
    grad_weight = np.zeros((grad_output.shape[1], input.shape[1] // groups, *windows.kernel_size), input.dtype)
    w = _matrix(grad_weight, groups)
    for number, block in enumerate(divide(windows, input, grad_output, grad_weight)):
        d, x = positions(grad_output, block, groups), gather(input, block, groups)
        if number == 0:
            np.matmul(d, x.swapaxes(1, 2), out=w)
        else:
            w += d @ x.swapaxes(1, 2)
    return grad_weight


def correlate_input(grad_output: Array, weight: Array, windows: Windows, groups: int = 1) -> Array:
    """Return grad_input[c, j] = sum over k, m of grad_output[k, i] * weight[k, c, m], j = i * s + m * d - p (Eq. 20).

    At stride 1, j - m + p is the article's i' - m; at any other, only those m count for which i is whole.
    """
    channels = weight.shape[1] * groups
    grad_input = np.zeros((len(grad_output), channels, *windows.input_size), grad_output.dtype)
    w = _matrix(weight, groups).swapaxes(1, 2)
    for block in divide(windows, grad_input, grad_output, weight, share=FOLDED_SHARE):
        d = positions(grad_output, block, groups)
        scatter(np.matmul(w, d, out=room(grad_input, block, groups)), grad_input, block)
    return grad_input


def _matrix(weight: Array, groups: int) -> Array:
    return weight.reshape(groups, len(weight) // groups, weight[0].size)
