"""Right layers whose rounding, scale or bookkeeping is easily taken for a mistake."""

from typing import Any

import numpy as np

from gradcheck.faults.activations import elementwise
from gradcheck.faults.records import HONEST, Tricky, drawn, fixed, normal, pair, uniform
from gradcheck.faults.specimens import SOFTMAX


def _real(x: Any) -> Any:
    return np.asarray(x, dtype=float)


def _centred(rng: np.random.Generator) -> Any:
    rows = rng.standard_normal((50, 20))
    return (rows - rows.mean(axis=1, keepdims=True)).astype(np.float32)


def _exponential(a: Any) -> Any:
    """The exponential of a matrix: a Taylor series after scaling down, squared up again."""
    squarings = max(0, int(np.ceil(np.log2(max(float(np.abs(a).sum(axis=0).max()), 1e-30)))) + 3)
    small, term, total = a / 2.0**squarings, np.eye(len(a)), np.eye(len(a))
    for k in range(1, 14):
        term = term @ small / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


def _exponential_backward(g: Any, a: Any) -> Any:
    n = len(a)
    return _exponential(np.block([[a.T, g], [np.zeros((n, n)), a.T]]))[:n, n:]


def _logistic(x: Any) -> Any:
    for _ in range(40):
        x = 3.9 * x * (1 - x)
    return x


def _logistic_backward(g: Any, x: Any) -> Any:
    for _ in range(40):
        g, x = g * 3.9 * (1 - 2 * x), 3.9 * x * (1 - x)
    return g


class DropoutOfTheGlobalState:
    """Inverted dropout whose mask comes from NumPy's global generator."""

    def forward(self, x: Any) -> Any:
        """Draw a mask and apply it."""
        self.mask = 2.0 * (np.random.rand(*x.shape) > 0.5)  # noqa: NPY002 - the global state is the point
        return x * self.mask

    def backward(self, grad_output: Any, x: Any) -> Any:  # noqa: ARG002 - the contract hands the inputs over
        """Apply the same mask."""
        return grad_output * self.mask


TRICKY = (
    Tricky(
        "tricky-adversary/noise/log-of-one-plus-tiny",
        elementwise(lambda x: np.log(1 + x), lambda x: 1 / (1 + x)),
        drawn(x=lambda rng: 1e-10 * np.abs(rng.standard_normal((3, 4)))),
        "1 + x has quanta a millionth of x, and answers smaller changes with silence",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/noise/rounded-to-four-decimals",
        elementwise(lambda x: np.round(np.sin(_real(x)), 4), np.cos),
        normal(x=(3, 4)),
        "quanta of 1e-4 are no kinks",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/noise/loss-to-eight-decimals",
        elementwise(lambda x: np.round(np.sin(_real(x)).sum(), 8), np.cos),
        normal(x=(3, 4)),
        "one output: four rounded values may look smooth by chance",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/noise/sum-and-difference",
        elementwise(lambda x: (_real(x) + 1e6) - 1e6, np.ones_like),
        normal(x=(3, 4)),
        "an offset added and taken away leaves its rounding",
    ),
    Tricky(
        "tricky-adversary/scale/two-frequencies",
        elementwise(lambda x: x + 1e-6 * np.sin(1e6 * x), lambda x: 1 + np.cos(1e6 * x)),
        normal(x=(3, 4)),
        "coarse steps see a straight line",
    ),
    Tricky(
        "tricky-adversary/scale/cosine-of-1e8",
        elementwise(np.cos, lambda x: -np.sin(x)),
        normal(1e8, x=(4, 5)),
        "the period is a hundred-millionth of the spread",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/scale/loss-over-18-decades",
        elementwise(lambda x: np.sin(x).sum(), np.cos),
        fixed(x=np.logspace(-9, 9, 12)),
        "the largest entries turn many times within any relative step",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/scale/forty-logistic-maps",
        pair(_logistic, _logistic_backward),
        uniform(0.1, 0.9, x=(6,)),
        "chaotic: no difference can follow it, only the complex step",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/scale/offset-of-1e13",
        elementwise(lambda x: np.tanh(x - 1e13), lambda x: 1 - np.tanh(x - 1e13) ** 2),
        normal(offset=1e13, x=(3, 4)),
        "a spread of 500 ulps is still the scale",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/scale/softmax-of-hundreds-again",
        pair(*SOFTMAX),
        normal(200.0, x=(4, 6)),
        "1 - 1e-7 cancels in a right backward, which errs by 1e-9 of its answer",
    ),
    Tricky(
        "tricky-adversary/precision/half-softmax-of-tens",
        pair(*SOFTMAX),
        normal(30.0, dtype=np.float16, x=(3, 4)),
        "gradients of 1e-21 are below the smallest float16 number",
        HONEST,
    ),
    Tricky(
        "tricky-adversary/precision/relu-of-centred-rows",
        pair(lambda x: np.maximum(x.sum(axis=1), 0), lambda g, x: (g * (x.sum(axis=1) > 0))[:, None] * np.ones_like(x)),
        drawn(x=_centred),
        "every sum is a rounding error away from the kink",
    ),
    Tricky(
        "tricky-adversary/precision/factor-rounded-in-one-pass",
        elementwise(lambda x: x * np.float32(0.1), lambda x: np.full_like(x, 0.1)),
        normal(dtype=np.float32, x=(4, 5)),
        "0.1 in float32 and 0.1 are one number to a float32 layer",
    ),
    Tricky(
        "tricky-adversary/precision/related-constants",
        pair(lambda x: np.log(x) / np.float32(np.log(2)), lambda g, x: g / x * np.float32(1 / np.log(2))),
        uniform(0.5, 4.0, dtype=np.float32, x=(4, 5)),
        "constants that belong together, each rounded to float32",
    ),
    Tricky(
        "tricky-adversary/linear/exponential-of-a-matrix",
        pair(_exponential, _exponential_backward),
        normal(a=(3, 3)),
        "the block formula loses digits for a grad_output of a million, and is right",
    ),
    Tricky(
        "tricky-adversary/result/nested-list",
        pair(np.tanh, lambda g, x: (g * (1 - np.tanh(x) ** 2)).tolist()),
        normal(x=(3, 4)),
        "a gradient as a list of lists is one gradient, not three",
    ),
    Tricky(
        "tricky-adversary/state/dropout-of-the-global-state",
        DropoutOfTheGlobalState,
        normal(x=(4, 5)),
        "reading the layer must not move NumPy's global state",
        HONEST,
    ),
)
