"""Layers that keep state between calls, each in a way that goes wrong."""

from typing import Any

import numpy as np


class Accumulating:
    """Adds every gradient of the weight to the ones before and returns the total."""

    def __init__(self) -> None:
        self.grad_weight: Any = 0.0

    def forward(self, x: Any, weight: Any) -> Any:
        """Return x times weight."""
        return x @ weight

    def backward(self, grad_output: Any, x: Any, weight: Any) -> Any:
        """Return the gradients, the weight's over all calls so far."""
        self.grad_weight = self.grad_weight + x.T @ grad_output
        return grad_output @ weight.T, self.grad_weight


class KeepsTheFirst:
    """Keeps the first input that forward sees and uses it ever after."""

    def __init__(self) -> None:
        self.kept: Any = None

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        if self.kept is None:
            self.kept = x.copy()
        return np.sin(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient at the input that was kept."""
        kept = x if self.kept is None or self.kept.shape != x.shape else self.kept
        return grad_output * np.cos(kept)


class KeepsTheLast:
    """Keeps what forward saw last, and backward uses that instead of the x that it is handed."""

    def __init__(self) -> None:
        self.kept: Any = None

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        self.kept = x.copy()
        return np.sin(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient at the input that forward saw last."""
        return grad_output * np.cos(x if self.kept is None or self.kept.shape != x.shape else self.kept)


class ReusedBuffer:
    """Returns the same array from every call, so that a call changes what an earlier one returned."""

    def __init__(self) -> None:
        self.buffer: Any = np.zeros(0)

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        return np.sin(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient in a buffer that the next call writes over."""
        if self.buffer.shape != x.shape or self.buffer.dtype != x.dtype:
            self.buffer = np.empty_like(x)
        np.multiply(grad_output, np.cos(x), out=self.buffer)
        return self.buffer


class DrawsAgain:
    """Averages its noise away in forward and draws a mask in backward."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def forward(self, x: Any) -> Any:
        """Return x times the share that is kept."""
        return 0.5 * x

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return grad_output through a new random mask."""
        return grad_output * (self.rng.random(x.shape) < 0.5)


class SlightlyRandom:
    """Returns a gradient that differs by a relative 1e-4 from call to call."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        return np.sin(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient with some noise."""
        return grad_output * np.cos(x) * (1 + 1e-4 * self.rng.standard_normal(x.shape))


class ShrinksEachCall:
    """Multiplies a scale that it keeps by a decay in every backward, so that only the first call is right."""

    def __init__(self) -> None:
        self.scale = 1.0

    def forward(self, x: Any) -> Any:
        """Return the cube."""
        return x**3

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient times the scale."""
        gradient = self.scale * 3 * x**2 * grad_output
        self.scale *= 0.9
        return gradient
