r"""A class with dicts: parameters in `params`, their gradients in `grads`, as many courses and books have it.

gradcheck check examples/grads_dict.py:Affine examples/grads_dict.py:WrongAffine \
  --input x=5,4 --arg input_size=4 --arg output_size=3
"""

import numpy as np


class Affine:
    def __init__(self, input_size, output_size):
        rng = np.random.default_rng(0)
        self.params = {"W": rng.standard_normal((input_size, output_size)), "b": np.zeros(output_size)}
        self.grads = {}
        self.x = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.params["W"]) + self.params["b"]

    def backward(self, dout):
        self.grads["W"] = np.dot(self.x.T, dout)
        self.grads["b"] = np.sum(dout, axis=0)
        return np.dot(dout, self.params["W"].T)


class WrongAffine(Affine):
    """Weight decay is added to the gradient, though forward knows of none."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.grads["W"] += 0.1 * self.params["W"]
        return dx
