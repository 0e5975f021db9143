r"""A backward that takes the learning rate and updates the weights itself, as in many networks from scratch.

gradcheck check examples/update_inside.py:Dense examples/update_inside.py:WrongDense \
  --input input=5,1 --arg input_size=5 --arg output_size=3
"""

import numpy as np


class Dense:
    """One sample at a time, as a column."""

    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)
        self.bias = np.random.randn(output_size, 1)

    def forward(self, input):
        self.input = input
        return np.dot(self.weights, self.input) + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        input_gradient = np.dot(self.weights.T, output_gradient)
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * output_gradient
        return input_gradient


class WrongDense(Dense):
    """The gradient of the input is taken with the weights as they are after the update."""

    def backward(self, output_gradient, learning_rate):
        self.weights -= learning_rate * np.dot(output_gradient, self.input.T)
        self.bias -= learning_rate * output_gradient
        return np.dot(self.weights.T, output_gradient)
