"""Backward passes that remember what they should not, and those that break down far from where anybody looks."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Shows, fixed, normal, pair

VALUES = normal(x=(3, 4))
LAYER = normal(x=(5, 4), weight=(4, 3))


class KeepsTheGradOutput:
    """Keeps the first grad_output that it gets, by shape, and uses it ever after."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def forward(self, x: Any, weight: Any) -> Any:
        """Return x times weight."""
        return x @ weight

    def backward(self, grad_output: Any, x: Any, weight: Any) -> Any:
        """Return the gradients, the weight's for the grad_output that was kept."""
        kept = self.kept.setdefault(grad_output.shape, grad_output.copy())
        return grad_output @ weight.T, x.T @ kept


class ReusedOutput:
    """Writes its output into one array for each shape."""

    def __init__(self) -> None:
        self.buffers: dict[Any, Any] = {}

    def forward(self, x: Any) -> Any:
        """Return sin(x) in the buffer."""
        return np.sin(x, out=self.buffers.setdefault((x.shape, x.dtype), np.empty_like(x)))

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient."""
        return grad_output * np.cos(x)


class AveragesGradOutputs:
    """Takes the mean of each grad_output and the one before."""

    def __init__(self) -> None:
        self.last: Any = None

    def forward(self, x: Any) -> Any:
        """Return sin(x)."""
        return np.sin(x)

    def backward(self, grad_output: Any, x: Any) -> Any:
        """Return the gradient for that mean."""
        last = grad_output if self.last is None or self.last.shape != grad_output.shape else self.last
        self.last = grad_output.copy()
        return (grad_output + last) / 2 * np.cos(x)


def _logarithm_of_grad_output(g: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return 2 * np.exp(np.log(g)) * x


def _undefined_beyond(limit: float) -> Any:
    return lambda g, x: np.where(np.abs(x) > limit, np.nan, 2 * g * np.abs(x))


FAULTS = (
    Fault(
        "memories/calls/keeps-the-first-grad-output",
        "stale-cache",
        ("weight",),
        KeepsTheGradOutput,
        LAYER,
        "the weight's gradient belongs to the first grad_output ever seen",
        Shows.CALL,
    ),
    Fault(
        "memories/calls/averages-grad-outputs",
        "stale-cache",
        ("x",),
        AveragesGradOutputs,
        VALUES,
        "every grad_output is mixed with the one before",
        Shows.CALL,
    ),
    Fault(
        "memories/calls/output-reused",
        "aliases",
        ("x",),
        ReusedOutput,
        VALUES,
        "a call changes what an earlier call of forward returned",
        Shows.MANNERS,
    ),
    Fault(
        "memories/values/undefined-beyond-six",
        "not-finite",
        ("x",),
        pair(lambda x: x * np.abs(x), _undefined_beyond(6.0)),
        VALUES,
        "the gradient is NaN for large values, where forward is finite",
        Shows.ELSEWHERE,
    ),
    Fault(
        "memories/values/undefined-for-negative-grad-output",
        "not-finite",
        ("x",),
        pair(lambda x: (x * x).sum(), _logarithm_of_grad_output),
        VALUES,
        "the gradient of a scalar is NaN where grad_output is negative",
        also=("not-linear",),
    ),
    Fault(
        "memories/values/size-of-a-scalars-grad-output",
        "not-linear",
        ("x",),
        pair(lambda x: (x * x).sum(), lambda g, x: 2 * abs(g) * x),
        VALUES,
        "the gradient of a scalar has the sign of grad_output lost",
        also=("sign",),
    ),
    Fault(
        "memories/values/linear-below-a-hundred",
        "part-zeroed",
        ("x",),
        pair(lambda x: 3.0 * x, lambda g, x: g * np.where(np.abs(x) > 100, 0.0, 3.0)),
        VALUES,
        "large values get no gradient, where forward is linear throughout",
        Shows.ELSEWHERE,
        also=("zero", "clipped"),
    ),
    Fault(
        "memories/values/steeper-beyond-a-hundred",
        "part-off",
        ("x",),
        pair(lambda x: 3.0 * x, lambda g, x: g * np.where(np.abs(x) > 100, 3.3, 3.0)),
        fixed(x=[0.5, -1.25, 2.0]),
        "large values get a tenth too much, where forward is linear throughout",
        Shows.ELSEWHERE,
        also=("factor",),
    ),
)
