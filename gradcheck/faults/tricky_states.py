"""Right layers that keep state, and keep it properly."""

import threading
from typing import Any

import numpy as np

from gradcheck.faults.records import Tricky
from gradcheck.faults.tricky_manners import VALUES
from gradcheck.verdict import Verdict


class Cached:
    """Keeps what forward computed, and recomputes it where backward is handed another input."""

    def __init__(self) -> None:
        self.key: Any = None
        self.value: Any = None

    def forward(self, x: Any) -> Any:
        """Return tanh(x) and keep it."""
        self.key, self.value = x.copy(), np.tanh(x)
        return self.value.copy()

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient from the kept output."""
        if self.key is None or self.key.dtype != x.dtype or not np.array_equal(self.key, x):
            self.forward(x)
        return grad_output * (1 - self.value**2)


class RunningMean:
    """Updates a running mean in every forward, which the output does not use."""

    def __init__(self) -> None:
        self.mean: Any = 0.0

    def forward(self, x: Any) -> Any:
        """Return x minus its mean over the batch."""
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return x - x.mean(axis=0)

    def backward(self, grad_output: Any, x: Any) -> Any:  # noqa: ARG002 - the contract hands the inputs over
        """Return the gradient, which has no mean either."""
        return grad_output - grad_output.mean(axis=0)


class Locked:
    """Holds a lock, so that it cannot be copied."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        with self.lock:
            return np.sin(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient."""
        with self.lock:
            return grad_output * np.cos(x)


class SeededDropout:
    """Draws the same mask in every call from a seed of its own."""

    def mask(self, x: Any) -> Any:
        """Return the mask for this shape."""
        return 2.0 * (np.random.default_rng(7).random(x.shape) < 0.5)

    def forward(self, x: Any) -> Any:
        """Return what the mask lets through."""
        return x * self.mask(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient through the same mask."""
        return grad_output * self.mask(x)


class Dropout:
    """Draws a new mask in every forward, as dropout does in training."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)
        self.mask: Any = None

    def forward(self, x: Any) -> Any:
        """Return what a new mask lets through."""
        self.mask = 2.0 * (self.rng.random(x.shape) < 0.5)
        return x * self.mask

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient through the last mask."""
        return grad_output * (self.mask if self.mask is not None and self.mask.shape == x.shape else 1.0)


TRICKY = (
    Tricky("tricky-manners/state/cached", Cached, VALUES, "a cache that is looked after"),
    Tricky("tricky-manners/state/running-mean", RunningMean, VALUES, "state that the output does not use"),
    Tricky("tricky-manners/state/lock", Locked, VALUES, "an object that cannot be copied"),
    Tricky("tricky-manners/state/seeded-dropout", SeededDropout, VALUES, "random looking, and the same in every call"),
    Tricky(
        "tricky-manners/state/dropout",
        Dropout,
        VALUES,
        "forward is random, which no difference can see through",
        (Verdict.INCONCLUSIVE,),
    ),
)
