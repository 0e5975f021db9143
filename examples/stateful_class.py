r"""A class that keeps what it needs between forward(x) and backward(grad), with gradients in dW and db.

gradcheck check examples/stateful_class.py:Conv2d examples/stateful_class.py:WrongConv2d \
  --input x=2,3,7,6 --arg in_channels=3 --arg out_channels=4
"""

import numpy as np


class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size=3, padding=1):
        self.padding = padding
        self.W = 0.1 * np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self.b = np.zeros(out_channels)

    def forward(self, x):
        p = self.padding
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        size = self.W.shape[2]
        self.patches = np.lib.stride_tricks.sliding_window_view(self.x, (size, size), axis=(2, 3))
        return np.einsum("nchwij,kcij->nkhw", self.patches, self.W) + self.b[:, None, None]

    def backward(self, grad):
        self.dW = np.einsum("nkhw,nchwij->kcij", grad, self.patches)
        self.db = grad.sum(axis=(0, 2, 3))
        dx = np.zeros_like(self.x)
        height, width = grad.shape[2:]
        for i in range(self.W.shape[2]):
            for j in range(self.W.shape[3]):
                dx[:, :, i : i + height, j : j + width] += np.einsum("nkhw,kc->nchw", grad, self.W[:, :, i, j])
        return self.unpad(dx)

    def unpad(self, dx):
        p = self.padding
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]


class WrongConv2d(Conv2d):
    """The padding is cut off one pixel too early, at the top and at the left."""

    def unpad(self, dx):
        p = self.padding
        return dx[:, :, : dx.shape[2] - 2 * p, : dx.shape[3] - 2 * p]
