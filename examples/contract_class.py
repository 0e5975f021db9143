r"""The contract itself: forward(*inputs) and backward(grad_output, *inputs), hyperparameters on the object.

gradcheck check examples/contract_class.py:Conv1d examples/contract_class.py:WrongConv1d \
  --input x=2,3,9 --input w=4,3,3 --input b=4 --arg stride=2
"""

import numpy as np


class Conv1d:
    def __init__(self, stride=1):
        self.stride = stride

    def forward(self, x, w, b):
        windows = self.windows(x, w.shape[2])
        return np.einsum("nclj,kcj->nkl", windows, w) + b[:, None]

    def backward(self, grad_output, x, w, b):
        size = w.shape[2]
        grad_x = np.zeros_like(x)
        for step in range(grad_output.shape[2]):
            start = step * self.stride
            grad_x[:, :, start : start + size] += np.einsum("nk,kcj->ncj", grad_output[:, :, step], w)
        grad_w = np.einsum("nkl,nclj->kcj", grad_output, self.windows(x, size))
        return grad_x, grad_w, grad_output.sum(axis=(0, 2))

    def windows(self, x, size):
        return np.lib.stride_tricks.sliding_window_view(x, size, axis=2)[:, :, :: self.stride]


class WrongConv1d(Conv1d):
    """The gradient of the bias is averaged over the batch where it must be summed."""

    def backward(self, grad_output, x, w, b):
        grad_x, grad_w, _ = super().backward(grad_output, x, w, b)
        return grad_x, grad_w, grad_output.sum(axis=2).mean(axis=0)
