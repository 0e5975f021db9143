"""Right layers, written with NumPy as a user would, for the zoo to damage; none of them is imported from `layers`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from gradcheck.faults.records import Pair

Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Conv2d:
    """Cross-correlation of x (N, C, H, W) with weight (K, C/groups, kh, kw), plus bias (K,)."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        """Add up one product over the channels for each tap of the kernel."""
        (p, q), kernel = self.padding, weight.shape[2:]
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)))
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, kernel, strict=True)]
        sizes = [(n - r) // s + 1 for n, r, s in zip(padded.shape[2:], reach, self.stride, strict=True)]
        output = np.zeros((len(x), len(weight), *sizes), np.result_type(x, weight))
        for i, j, (rows, columns) in self._taps(kernel, sizes):
            output += self._mix("ngchw,gkc->ngkhw", padded[:, :, rows, columns], weight[:, :, i, j])
        return output + bias[:, None, None]

    def backward(self, grad_output: Any, x: Any, weight: Any, _bias: Any) -> Any:
        """Return the gradients of x, weight and bias."""
        grad_weight = self.grad_weight(grad_output, x, weight)
        return self.grad_input(grad_output, x, weight), grad_weight, self.grad_bias(grad_output)

    def grad_input(self, grad_output: Any, x: Any, weight: Any) -> Any:
        """Scatter grad_output through every tap; taps that a wrong setting takes too far are cut off."""
        (p, q), (height, width), kernel = self.padding, x.shape[2:], weight.shape[2:]
        padded = self._room(grad_output.shape[2:], x, kernel)
        for i, j, (rows, columns) in self._taps(kernel, grad_output.shape[2:]):
            padded[:, :, rows, columns] += self._mix("ngkhw,gkc->ngchw", grad_output, weight[:, :, i, j])
        return padded[:, :, p : p + height, q : q + width]

    def grad_weight(self, grad_output: Any, x: Any, weight: Any) -> Any:
        """Correlate x with grad_output, tap by tap."""
        (p, q), (height, width), kernel = self.padding, x.shape[2:], weight.shape[2:]
        padded = self._room(grad_output.shape[2:], x, kernel)
        padded[:, :, p : p + height, q : q + width] = x
        grad_weight = np.zeros_like(weight)
        for i, j, (rows, columns) in self._taps(kernel, grad_output.shape[2:]):
            source, target = _grouped(padded[:, :, rows, columns], self.groups), _grouped(grad_output, self.groups)
            tap = np.einsum("ngkhw,ngchw->gkc", target, source)
            grad_weight[:, :, i, j] = tap.reshape(weight.shape[:2])
        return grad_weight

    def grad_bias(self, grad_output: Any) -> Any:
        """Sum over batch and space."""
        return grad_output.sum(axis=(0, 2, 3))

    def _taps(self, kernel: Any, sizes: Any) -> Iterator[tuple[int, int, Slices]]:
        (s, t), (d, e) = self.stride, self.dilation
        for i, j in product(*map(range, kernel)):
            rows = slice(i * d, i * d + s * (sizes[0] - 1) + 1, s)
            columns = slice(j * e, j * e + t * (sizes[1] - 1) + 1, t)
            yield i, j, (rows, columns)

    def _mix(self, rule: str, image: Any, tap: Any) -> Any:
        weight = tap.reshape(self.groups, -1, tap.shape[1])
        mixed = np.einsum(rule, _grouped(image, self.groups), weight)
        return mixed.reshape(len(image), -1, *image.shape[2:])

    def _room(self, sizes: Any, x: Any, kernel: Any) -> Any:
        settings = zip(sizes, x.shape[2:], self.padding, self.stride, self.dilation, kernel, strict=True)
        room = [max(n + 2 * p, s * (o - 1) + d * (k - 1) + 1) for o, n, p, s, d, k in settings]
        return np.zeros((*x.shape[:2], *room), x.dtype)


def _grouped(image: Any, groups: int) -> Any:
    return image.reshape(len(image), groups, -1, *image.shape[2:])


@dataclass(frozen=True)
class Pool2d:
    """Square windows over x (N, C, H, W): the taps of every window on a first axis, and back."""

    kernel: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)
    padding: int = 0

    def windows(self, x: Any, fill: float = 0.0) -> Any:
        """Return (taps, N, C, rows, columns): the values that each window sees."""
        padded = self._padded(x, fill)
        return np.stack([padded[:, :, rows, columns] for rows, columns in self._taps(padded)])

    def spread(self, shares: Any, x: Any, *, add: bool = True) -> Any:
        """Bring the windows' shares (taps, N, C, rows, columns) back to x, adding where windows overlap."""
        p, padded = self.padding, self._padded(np.zeros_like(x), 0.0)
        for share, (rows, columns) in zip(shares, self._taps(padded), strict=True):
            padded[:, :, rows, columns] = share + (padded[:, :, rows, columns] if add else 0)
        return padded[:, :, p : p + x.shape[2], p : p + x.shape[3]]

    def counts(self, x: Any) -> Any:
        """Return how many cells of x each window sees, padding not counted."""
        return self.windows(np.ones_like(x)).sum(axis=0)

    def _padded(self, x: Any, fill: float) -> Any:
        p = self.padding
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=fill)

    def _taps(self, padded: Any) -> Iterator[Slices]:
        (k, m), (s, t) = self.kernel, self.stride
        height, width = ((n - r) // q * q + 1 for n, r, q in zip(padded.shape[2:], (k, m), (s, t), strict=True))
        for i, j in product(range(k), range(m)):
            yield slice(i, i + height, s), slice(j, j + width, t)


def first_winner(windows: Any) -> Any:
    """Return True at the first largest value along axis 0 and False elsewhere."""
    return np.arange(len(windows)).reshape(-1, *[1] * (windows.ndim - 1)) == windows.argmax(axis=0)


def softmax(x: Any) -> Any:
    """Return the softmax along the last axis."""
    exponential = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponential / exponential.sum(axis=-1, keepdims=True)


def log_softmax(x: Any) -> Any:
    """Return the logarithm of the softmax along the last axis."""
    shifted = x - x.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sigmoid(x: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


LINEAR = Pair(
    lambda x, weight, bias: x @ weight + bias,
    lambda g, x, weight, _bias: (g @ weight.T, x.T @ g, g.sum(axis=0)),
)
CUBE = Pair(lambda x: x**3, lambda g, x: g * 3 * x**2)
SINE = Pair(np.sin, lambda g, x: g * np.cos(x))
RELU = Pair(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0))
SOFTMAX = Pair(softmax, lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(axis=-1, keepdims=True)))
