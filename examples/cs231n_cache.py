r"""A pair of functions with a cache, and hyperparameters in a dict, as in Stanford's cs231n.

gradcheck check examples/cs231n_cache.py:conv_forward,conv_backward \
  examples/cs231n_cache.py:conv_forward,conv_backward_wrong \
  --input x=2,3,5,6 --input w=4,3,3,3 --input b=4 --arg conv_param='{"stride": 2, "pad": 1}'
"""

import numpy as np


def conv_forward(x, w, b, conv_param):
    """x (N, C, H, W), w (F, C, HH, WW), b (F,); returns (out, cache)."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = x_pad[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    HH, WW = w.shape[2:]
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            at = np.s_[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            dw += np.tensordot(dout[:, :, i, j], x_pad[at], axes=([0], [0]))
            dx_pad[at] += np.tensordot(dout[:, :, i, j], w, axes=1)
    H, W = x.shape[2:]
    return dx_pad[:, :, pad : pad + H, pad : pad + W], dw, db


def conv_backward_wrong(dout, cache):
    """The gradient of the bias is averaged over the batch where it must be summed."""
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw, db / len(dout)
