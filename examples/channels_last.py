r"""Channels last: images (N, H, W, C), filters (rows, cols, C in, C out), as TensorFlow lays them out.

gradcheck check examples/channels_last.py:Conv2D examples/channels_last.py:WrongConv2D \
  --input x=2,6,5,3 --arg filters=4 --arg channels=3
"""

import numpy as np


class Conv2D:
    def __init__(self, filters, channels, size=3):
        self.size = size
        self.kernel = np.random.default_rng(1).standard_normal((size, size, channels, filters))

    def __call__(self, x):
        self.x = x
        n, height, width, _ = x.shape
        out = np.zeros((n, height - self.size + 1, width - self.size + 1, self.kernel.shape[3]))
        for i in range(self.size):
            for j in range(self.size):
                out += x[:, i : i + out.shape[1], j : j + out.shape[2]] @ self.kernel[i, j]
        return out

    def backward(self, grad):
        _, height, width, _ = grad.shape
        dx, self.dkernel = np.zeros_like(self.x), np.zeros_like(self.kernel)
        for i in range(self.size):
            for j in range(self.size):
                window = self.x[:, i : i + height, j : j + width]
                self.dkernel[i, j] = np.tensordot(window, grad, axes=([0, 1, 2], [0, 1, 2]))
                dx[:, i : i + height, j : j + width] += grad @ self.tap(i, j).T
        return dx

    def tap(self, i, j):
        return self.kernel[i, j]


class WrongConv2D(Conv2D):
    """On the way back the kernel is read from its other end."""

    def tap(self, i, j):
        return self.kernel[-1 - i, -1 - j]
