r"""A convolution in a shared library, held to the golden vectors by way of ctypes.

c++ -O2 -std=c++17 -shared -fPIC -o libconvolution.so shared.cpp
gradcheck conform with_ctypes.py:run --dtype float64 --only 'conv2d/*'
"""

import ctypes
from pathlib import Path

import numpy as np

LIBRARY = ctypes.CDLL(str(Path(__file__).with_name("libconvolution.so")))


def run(operation, hyperparameters, inputs, grad_output):
    if operation != "conv" or inputs["input"].ndim != 4:
        raise NotImplementedError("only convolution over two axes")
    if grad_output.dtype != np.float64:
        raise NotImplementedError("only float64")
    names = [name for name in ("input", "weight", "bias") if name in inputs]
    arrays = {name: np.ascontiguousarray(inputs[name]) for name in names}
    gradients = {name: np.zeros_like(arrays[name]) for name in names}
    output = np.zeros_like(grad_output)
    (before, after) = zip(*hyperparameters["padding"], strict=True)
    settings = [*hyperparameters["stride"], *before, *after, *hyperparameters["dilation"]]
    settings += [hyperparameters["groups"], int(hyperparameters["flip"])]
    LIBRARY.convolve_double(
        longs([*arrays["input"].shape, *arrays["weight"].shape]),
        longs(settings),
        *(pointer(arrays.get(name)) for name in ("input", "weight", "bias")),
        pointer(np.ascontiguousarray(grad_output)),
        pointer(output),
        *(pointer(gradients.get(name)) for name in ("input", "weight", "bias")),
    )
    return output, gradients


def longs(values):
    return (ctypes.c_long * len(values))(*values)


def pointer(array):
    return None if array is None else array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
