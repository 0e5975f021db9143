r"""A convolution that is right, and one with the mistake that everybody makes once.

gradcheck check examples/convolution.py:Conv examples/convolution.py:WrongConv \
  --input x=2,3,6,7 --input w=4,3,3,2
"""

import numpy as np


def windows(x, rows, cols):
    """All windows of that size: (N, C, H, W) becomes (N, C, H', W', rows, cols)."""
    return np.lib.stride_tricks.sliding_window_view(x, (rows, cols), axis=(2, 3))


class Conv:
    """Cross-correlation of x (N, C, H, W) with w (K, C, rows, cols), as every deep-learning library calls it."""

    def forward(self, x, w):
        return np.einsum("nchwij,kcij->nkhw", windows(x, *w.shape[2:]), w)

    def backward(self, grad_output, x, w):
        rows, cols = w.shape[2:]
        grad_w = np.einsum("nkhw,nchwij->kcij", grad_output, windows(x, rows, cols))
        padded = np.pad(grad_output, [(0, 0), (0, 0), (rows - 1, rows - 1), (cols - 1, cols - 1)])
        rotated = w[:, :, ::-1, ::-1]
        grad_x = np.einsum("nkhwij,kcij->nchw", windows(padded, rows, cols), rotated)
        return grad_x, grad_w


class WrongConv(Conv):
    """The same, but the kernel is not rotated on the way back."""

    def backward(self, grad_output, x, w):
        rows, cols = w.shape[2:]
        grad_w = np.einsum("nkhw,nchwij->kcij", grad_output, windows(x, rows, cols))
        padded = np.pad(grad_output, [(0, 0), (0, 0), (rows - 1, rows - 1), (cols - 1, cols - 1)])
        grad_x = np.einsum("nkhwij,kcij->nchw", windows(padded, rows, cols), w)
        return grad_x, grad_w
