"""Right layers that remember: parameters drawn in a first call, a first batch, a cache that all instances share."""

from typing import Any

import numpy as np

from gradcheck.faults.records import HONEST, Tricky, drawn, fixed, joined, normal, pair

VALUES = normal(x=(4, 3))
TABLE = joined(normal(x=(5, 3)), fixed(index=[0.0, 3.0, 3.0, 1.0]))


class NormalisesByTheFirstBatch:
    """Keeps mean and deviation of the first batch, as data-dependent initialisation does."""

    def __init__(self) -> None:
        self.kept: Any = None

    def forward(self, x: Any) -> Any:
        """Return x, normalised as the first batch was."""
        if self.kept is None:
            self.kept = x.mean(axis=0), x.std(axis=0)
        return (x - self.kept[0]) / self.kept[1]

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient, in which the first batch counts as a constant."""
        if self.kept is None:
            self.forward(x)
        return grad_output / self.kept[1]


class DrawsItsWeight:
    """Draws its weight in the first call, as layers do that are told no sizes."""

    def __init__(self) -> None:
        self.matrix: Any = None

    def forward(self, x: Any) -> Any:
        """Return x times the weight."""
        if self.matrix is None:
            self.matrix = np.random.standard_normal((x.shape[-1], 2))  # noqa: NPY002 - as such layers do
        return x @ self.matrix

    def backward(self, grad_output: Any, x: Any) -> Any:  # noqa: ARG002 - the contract hands the inputs over
        """Return the gradient."""
        return grad_output @ self.matrix.T


class SharedCache:
    """Keeps what forward saw in an attribute of the class."""

    kept: Any = None

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        SharedCache.kept = x.copy()
        return np.sin(x)

    def backward(self, grad_output: Any) -> Any:
        """Return the gradient."""
        return grad_output * np.cos(SharedCache.kept)


def _added_up(g: Any, x: Any, index: Any) -> Any:
    gradient = np.zeros_like(x)
    np.add.at(gradient, index.astype(int), g)
    return gradient, np.zeros_like(index)


def _shares(z: Any) -> Any:
    size = np.exp(z - z.max(axis=0, keepdims=True))
    return size / size.sum(axis=0, keepdims=True)


def _narrow(rng: np.random.Generator) -> Any:
    return _shares(rng.standard_normal((5, 4))).astype(np.float32)


TRICKY = (
    Tricky(
        "tricky-memories/state/first-batch",
        NormalisesByTheFirstBatch,
        VALUES,
        "forward is another function after its first call",
        HONEST,
    ),
    Tricky(
        "tricky-memories/state/weight-drawn-in-the-first-call",
        DrawsItsWeight,
        VALUES,
        "every copy draws parameters of its own",
        HONEST,
    ),
    Tricky("tricky-memories/state/shared-cache", SharedCache, VALUES, "all instances share what forward keeps"),
    Tricky(
        "tricky-memories/result/named-as-derivatives",
        pair(np.matmul, lambda g, x, w: {"dw": x.T @ g, "dx": g @ w.T}),
        normal(x=(5, 4), w=(4, 3)),
        "gradients by the names dx and dw",
    ),
    Tricky(
        "tricky-memories/domains/shares-rounded-to-float32",
        pair(
            lambda z, target: -(target * np.log(_shares(z))).sum(),
            lambda g, z, target: (g * (_shares(z) - target), -g * np.log(_shares(z))),
        ),
        joined(normal(z=(5, 4), dtype=np.float32), drawn(target=_narrow)),
        "columns sum to one as well as float32 can tell, and the layer is judged in float64",
    ),
    Tricky(
        "tricky-memories/constants/index-stored-as-floats",
        pair(lambda x, index: x[index.astype(int)], _added_up),
        TABLE,
        "forward jumps at the index, whose gradient is claimed zero",
    ),
)
