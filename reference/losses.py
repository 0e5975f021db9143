"""The losses term by term, as the textbook writes them, each with the slope of a term; sums are the caller's."""

from decimal import Decimal

import numpy as np

from reference.elementary import ONE, along, at_each, log_softmax, plain_softplus, sigmoid, softmax
from reference.geometry import Array, Floats


def squared_errors(prediction: Array, target: Array) -> Floats:
    """(t - y)², whose half, summed, is the article's Eq. 9."""
    return at_each(lambda y, t: (t - y) ** 2, prediction, target)


def squared_error_slopes(prediction: Array, target: Array) -> Floats:
    """d(t - y)²/dy = -2·(t - y), and with the other sign the slope in t."""
    return at_each(lambda y, t: -2 * (t - y), prediction, target)


def cross_entropies(logits: Array, labels: Array) -> Floats:
    """-ln softmax(x[n])[t[n]], the classes on axis 1, a term for each sample and place."""
    logs, result = along(log_softmax, 1, logits), np.zeros(labels.shape)
    for n, *place in np.ndindex(labels.shape):
        result[(n, *place)] = -logs[(n, labels[(n, *place)], *place)]
    return result


def cross_entropy_slopes(logits: Array, labels: Array) -> Floats:
    """softmax(x[n])[j] - [j = t[n]]: the slope of the term of (n, place) in its logit j."""
    wanted = np.zeros(logits.shape)
    for n, *place in np.ndindex(labels.shape):
        wanted[(n, labels[(n, *place)], *place)] = 1
    return along(lambda x, t: [y - one for y, one in zip(softmax(x), t, strict=True)], 1, logits, wanted)


def binary_cross_entropies(logits: Array, target: Array) -> Floats:
    """-(t·ln σ(x) + (1 - t)·ln(1 - σ(x))), with -ln σ(x) = ln(1 + e^-x) and -ln(1 - σ(x)) = ln(1 + e^x)."""

    def term(x: Decimal, t: Decimal) -> Decimal:
        return t * plain_softplus(-x) + (ONE - t) * plain_softplus(x)

    return at_each(term, logits, target)


def binary_cross_entropy_slopes(logits: Array, target: Array) -> tuple[Floats, Floats]:
    """Return the slopes in x, σ(x) - t, and in t, ln(1 - σ(x)) - ln σ(x) = -x."""
    return at_each(lambda x, t: sigmoid(x) - t, logits, target), -np.asarray(logits, float)
