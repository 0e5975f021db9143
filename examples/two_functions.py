r"""Two functions, where backward gets the inputs again.

gradcheck check examples/two_functions.py:conv_forward,conv_backward \
  examples/two_functions.py:conv_forward,wrong_conv_backward \
  --input x=1,2,6,5 --input w=3,2,3,2 --arg stride=2
"""

import numpy as np


def conv_forward(x, w, stride=1):
    rows, cols = w.shape[2:]
    height, width = (x.shape[2] - rows) // stride + 1, (x.shape[3] - cols) // stride + 1
    out = np.zeros((x.shape[0], w.shape[0], height, width), x.dtype)
    for i in range(height):
        for j in range(width):
            patch = x[:, :, i * stride : i * stride + rows, j * stride : j * stride + cols]
            out[:, :, i, j] = np.tensordot(patch, w, axes=([1, 2, 3], [1, 2, 3]))
    return out


def conv_backward(grad, x, w, stride=1):
    rows, cols = w.shape[2:]
    grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
    for i in range(grad.shape[2]):
        for j in range(grad.shape[3]):
            window = np.s_[:, :, i * stride : i * stride + rows, j * stride : j * stride + cols]
            grad_x[window] += np.tensordot(grad[:, :, i, j], w, axes=1)
            grad_w += np.tensordot(grad[:, :, i, j], x[window], axes=([0], [0]))
    return grad_x, grad_w


def wrong_conv_backward(grad, x, w, stride=1):
    """Overlapping windows overwrite each other in grad_x: = where += belongs."""
    rows, cols = w.shape[2:]
    grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
    for i in range(grad.shape[2]):
        for j in range(grad.shape[3]):
            window = np.s_[:, :, i * stride : i * stride + rows, j * stride : j * stride + cols]
            grad_x[window] = np.tensordot(grad[:, :, i, j], w, axes=1)
            grad_w += np.tensordot(grad[:, :, i, j], x[window], axes=([0], [0]))
    return grad_x, grad_w
