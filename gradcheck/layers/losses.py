"""Losses with hand-derived gradients: squared errors (Eq. 9) and the two cross-entropies, from logits."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import InvalidInput
from gradcheck.layers.elementwise import log1p, magnitude, positive_part
from gradcheck.layers.operands import cotangent, operand, rounded

Array = NDArray[Any]
Reduction = Literal["mean", "sum", "none"]
REDUCTIONS = ("mean", "sum", "none")


@dataclass(frozen=True)
class HalfSquaredError:
    """Half the sum of squared differences, the error of the article (Eq. 9).

    Parameters
    ----------
    reduction : {"sum", "mean", "none"}
        What becomes of the terms of the sum; Eq. 9 sums them.

    Notes
    -----
    With prediction y (`input`) and target t, E = 1/2 sum_p (t_p - y_p)^2 (Eq. 9), so dE/dy_p = y_p - t_p and
    dE/dt_p = t_p - y_p. Both arguments are floating arrays of one shape, and both get a gradient. The sum over
    nothing is 0, and so is the mean.

    Examples
    --------
    >>> import numpy as np
    >>> y, t = np.array([1.0, 2.0, 5.0]), np.array([1.0, 4.0, 2.0])
    >>> HalfSquaredError().forward(y, t)
    array(6.5)
    >>> HalfSquaredError().backward(np.array(1.0), y, t)[0]
    array([ 0., -2.,  3.])
    """

    reduction: Reduction = "sum"

    def __post_init__(self) -> None:
        _check_reduction(self.reduction)

    def forward(self, input: Array, target: Array) -> Array:
        """Return E (0-d), or the terms of the sum for reduction "none"."""
        difference = _difference(input, target)
        return rounded(_reduce(difference * difference / 2, self.reduction), input, target)

    def backward(self, grad_output: Array, input: Array, target: Array) -> tuple[Array, Array]:
        """Return the gradients of `input` and `target`."""
        difference = _difference(input, target)
        grad_input = _share(grad_output, difference.shape, self.reduction) * difference
        return rounded(grad_input, input), rounded(-grad_input, target)


@dataclass(frozen=True)
class MeanSquaredError:
    """Squared differences, averaged over every entry.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        What becomes of the squares.

    Notes
    -----
    E = 1/P sum_p (y_p - t_p)^2 over all P entries (batch and features alike), so dE/dy_p = 2 (y_p - t_p) / P and
    dE/dt_p is its negative. The mean over nothing is taken as 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, t = np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])
    >>> MeanSquaredError().forward(y, t)
    array(2.)
    >>> MeanSquaredError().backward(np.array(1.0), y, t)[0]
    array([[ 0., -2.]])
    """

    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        _check_reduction(self.reduction)

    def forward(self, input: Array, target: Array) -> Array:
        """Return the mean square (0-d), or the squares for reduction "none"."""
        difference = _difference(input, target)
        return rounded(_reduce(difference * difference, self.reduction), input, target)

    def backward(self, grad_output: Array, input: Array, target: Array) -> tuple[Array, Array]:
        """Return the gradients of `input` and `target`."""
        difference = _difference(input, target)
        grad_input = 2 * _share(grad_output, difference.shape, self.reduction) * difference
        return rounded(grad_input, input), rounded(-grad_input, target)


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """Cross-entropy of integer labels under the softmax of the logits, fused.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        What becomes of the losses, one a sample and position; "mean" divides by how many there are.

    Notes
    -----
    `input` holds logits (N, C, *spatial), `target` integer labels 0..C-1 of shape (N, *spatial); labels are constants
    and get None for a gradient. With p = softmax(z) over C, E = -log p_t = log(sum_c exp z_c) - z_t, so
    dE/dz_c = p_c - [c = t].

    The largest logit is subtracted first, its own exp(0) = 1 goes through log1p, and 1 - p_t is summed from the other
    classes and never subtracted: neither huge nor confident logits overflow or lose digits. Logits of -inf are
    classes ruled out; NaN, +inf, or nothing but -inf give NaN. The mean over nothing is taken as 0.

    Examples
    --------
    >>> import numpy as np
    >>> logits, labels = np.zeros((1, 4)), np.array([2])
    >>> bool(SoftmaxCrossEntropy().forward(logits, labels) == np.log(4))
    True
    >>> SoftmaxCrossEntropy().backward(np.array(1.0), logits, labels)[0]
    array([[ 0.25,  0.25, -0.75,  0.25]])
    """

    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        _check_reduction(self.reduction)

    def forward(self, input: Array, target: Array) -> Array:
        """Return the loss (0-d), or the losses (N, *spatial) for reduction "none"."""
        logits, labels = _logits_and_labels(input, target)
        shifted, largest = _shifted(logits)
        others = np.exp(shifted)
        np.put_along_axis(others, largest, 0, axis=1)
        losses = log1p(others.sum(axis=1)) - np.take_along_axis(shifted, labels, axis=1)[:, 0]
        return rounded(_reduce(losses, self.reduction), input)

    def backward(self, grad_output: Array, input: Array, target: Array) -> tuple[Array, None]:
        """Return the gradient of the logits, and None for the labels."""
        logits, labels = _logits_and_labels(input, target)
        share = _share(grad_output, (labels.shape[0], *labels.shape[2:]), self.reduction)
        exponentials = np.exp(_shifted(logits)[0])
        total = exponentials.sum(axis=1, keepdims=True)
        np.put_along_axis(exponentials, labels, 0, axis=1)
        np.put_along_axis(exponentials, labels, -exponentials.sum(axis=1, keepdims=True), axis=1)
        return rounded(exponentials / total * np.expand_dims(share, 1), input), None


@dataclass(frozen=True)
class BinaryCrossEntropyWithLogits:
    """Cross-entropy of probabilities (or 0 and 1) under the sigmoid of the logits, fused.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        What becomes of the losses, one an entry; "mean" divides by how many there are.

    Notes
    -----
    `input` holds logits x and `target` floating t of the same shape, meant for [0, 1] but defined for all t. With the
    softplus s(x) = log(1 + exp x), E = (1 - t) s(x) + t s(-x), whose terms share their sign for t in [0, 1]. Since
    s'(x) = sigmoid(x) and s(x) - s(-x) = x: dE/dx = (1 - t) sigmoid(x) - t sigmoid(-x) and dE/dt = -x. No exponent is
    ever positive, so nothing overflows. The mean over nothing is taken as 0.

    Examples
    --------
    >>> import numpy as np
    >>> x, t = np.array([0.0, 0.0]), np.array([1.0, 0.0])
    >>> bool(BinaryCrossEntropyWithLogits().forward(x, t) == np.log(2))
    True
    >>> BinaryCrossEntropyWithLogits("sum").backward(np.array(1.0), x, t)[0]
    array([-0.5,  0.5])
    """

    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        _check_reduction(self.reduction)

    def forward(self, input: Array, target: Array) -> Array:
        """Return the loss (0-d), or the losses for reduction "none"."""
        logits, wanted = _pair(input, target)
        losses = (1 - wanted) * _softplus(logits) + wanted * _softplus(-logits)
        return rounded(_reduce(losses, self.reduction), input, target)

    def backward(self, grad_output: Array, input: Array, target: Array) -> tuple[Array, Array]:
        """Return the gradients of `input` and `target`."""
        logits, wanted = _pair(input, target)
        share = _share(grad_output, logits.shape, self.reduction)
        slope = (1 - wanted) * _sigmoid(logits) - wanted * _sigmoid(-logits)
        return rounded(share * slope, input), rounded(-share * logits, target)


def _check_reduction(reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise InvalidInput(
            f"`reduction` must be one of {', '.join(REDUCTIONS)}; it is {reduction!r}. Pass e.g. 'mean'."
        )


def _reduce(losses: Array, reduction: str) -> Any:
    if reduction == "none":
        return losses
    return losses.sum() / (max(losses.size, 1) if reduction == "mean" else 1)


def _share(grad_output: Any, shape: tuple[int, ...], reduction: str) -> Array:
    """Return what each of the losses gets of grad_output: the transpose of `_reduce`."""
    if reduction == "none":
        return cotangent(grad_output, shape)
    share = cotangent(grad_output, ())
    if reduction == "mean":
        share = share / max(int(np.prod(shape)), 1)
    return np.broadcast_to(share, shape)


def _pair(input: Any, target: Any) -> tuple[Array, Array]:
    prediction, wanted = operand("input", input), operand("target", target)
    if prediction.shape != wanted.shape:
        raise InvalidInput(
            f"`input` and `target` must have one shape; they have {prediction.shape} and {wanted.shape}. "
            "Broadcast or reshape one of them before the loss."
        )
    return prediction, wanted


def _difference(input: Any, target: Any) -> Array:
    prediction, wanted = _pair(input, target)
    return np.asarray(prediction - wanted)


def _logits_and_labels(input: Any, target: Any) -> tuple[Array, Array]:
    """Return the logits and the labels, both with the class axis 1."""
    logits, labels = operand("input", input), np.asarray(target)
    if logits.ndim < 2 or logits.shape[1] == 0:
        raise InvalidInput(f"`input` must hold logits (N, C, ...) with C >= 1; its shape is {logits.shape}.")
    wanted = (logits.shape[0], *logits.shape[2:])
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != wanted:
        raise InvalidInput(
            f"`target` must hold integer labels of shape {wanted}, that of `input` without its class axis 1; it is "
            f"{labels.dtype} of shape {labels.shape}. Pass class numbers, e.g. probabilities.argmax(1)."
        )
    classes = logits.shape[1]
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise InvalidInput(
            f"`target` must hold labels from 0 to {classes - 1}; it holds {labels.min()} to {labels.max()}. "
            "Number the classes from 0, or give `input` a logit for each."
        )
    return logits, np.expand_dims(labels.astype(np.intp), 1)


def _shifted(logits: Array) -> tuple[Array, Array]:
    """Return the logits minus the largest (by real part) of their position, and its index along axis 1."""
    largest = np.expand_dims(logits.real.argmax(axis=1), 1)
    return logits - np.take_along_axis(logits, largest, axis=1), largest


def _softplus(x: Array) -> Array:
    return positive_part(x) + log1p(np.exp(-magnitude(x)))


def _sigmoid(x: Array) -> Array:
    decayed = np.exp(-magnitude(x))
    return np.asarray(np.where(x.real < 0, decayed, 1) / (1 + decayed))
