"""Linear layers, normalisation and losses, one number at a time; sums by math.fsum, which rounds once."""

import math

import numpy as np

from reference.elementary import along, log_softmax, softmax
from reference.geometry import Array, Floats


def linear(input: Array, weight: Array, bias: Array | None) -> Floats:
    """y[n, k] = b[k] + sum over c of x[n, c]·w[k, c]."""
    result = np.zeros((input.shape[0], weight.shape[0]))
    for n, k in np.ndindex(result.shape):
        products = [float(input[n, c]) * float(weight[k, c]) for c in range(weight.shape[1])]
        result[n, k] = math.fsum([*products, 0.0 if bias is None else float(bias[k])])
    return result


def linear_grads(grad_output: Array, input: Array, weight: Array) -> tuple[Floats, Floats, Floats]:
    """dE/dx[n, c] = Σ_k δ[n, k]·w[k, c]; dE/dw[k, c] = Σ_n δ[n, k]·x[n, c]; dE/db[k] = Σ_n δ[n, k]."""
    samples, units = range(input.shape[0]), range(weight.shape[0])
    grad_input, grad_weight, grad_bias = np.zeros(input.shape), np.zeros(weight.shape), np.zeros(len(units))
    for n, c in np.ndindex(input.shape):
        grad_input[n, c] = math.fsum(float(grad_output[n, k]) * float(weight[k, c]) for k in units)
    for k, c in np.ndindex(weight.shape):
        grad_weight[k, c] = math.fsum(float(grad_output[n, k]) * float(input[n, c]) for n in samples)
    for k in units:
        grad_bias[k] = math.fsum(float(grad_output[n, k]) for n in samples)
    return grad_input, grad_weight, grad_bias


def standardise(x: list[float], epsilon: float) -> list[float]:
    """(x[i] - mean) / sqrt(variance + ε), the variance divided by the number of entries."""
    mean = math.fsum(x) / len(x)
    variance = math.fsum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / math.sqrt(variance + epsilon) for v in x]


def standardise_grad(grad: list[float], x: list[float], epsilon: float) -> list[float]:
    """Sum over i of δ[i]·∂y[i]/∂x[j], with ∂y[i]/∂x[j] = ([i = j] - (1 + y[i]·y[j]) / m) / sqrt(variance + ε)."""
    m, y = len(x), standardise(x, epsilon)
    mean = math.fsum(x) / m
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in x) / m + epsilon)
    return [math.fsum(grad[i] * ((i == j) - (1 + y[i] * y[j]) / m) for i in range(m)) / deviation for j in range(m)]


def batch_norm(input: Array, weight: Array, bias: Array, epsilon: float) -> Floats:
    """Standardise each channel over samples and places, then w[c]·(...) + b[c]."""
    result = np.zeros(input.shape)
    for c in range(input.shape[1]):
        line = standardise([float(v) for v in input[:, c].ravel()], epsilon)
        result[:, c] = np.reshape([float(weight[c]) * v + float(bias[c]) for v in line], input[:, c].shape)
    return result


def batch_norm_grads(grad_output: Array, input: Array, weight: Array, epsilon: float) -> tuple[Floats, Floats, Floats]:
    """Return the gradients of input, weight and bias: channel by channel through `standardise_grad`."""
    grad_input, grad_weight, grad_bias = np.zeros(input.shape), np.zeros(weight.shape), np.zeros(weight.shape)
    for c in range(input.shape[1]):
        x = [float(v) for v in input[:, c].ravel()]
        grad = [float(v) for v in grad_output[:, c].ravel()]
        line = standardise_grad([float(weight[c]) * g for g in grad], x, epsilon)
        grad_input[:, c] = np.reshape(line, input[:, c].shape)
        grad_weight[c] = math.fsum(g * y for g, y in zip(grad, standardise(x, epsilon), strict=True))
        grad_bias[c] = math.fsum(grad)
    return grad_input, grad_weight, grad_bias


def layer_norm(input: Array, weight: Array, bias: Array, epsilon: float) -> Floats:
    """Standardise each sample over the last axes, those of `weight`, then w·(...) + b entry by entry."""
    result = np.zeros(input.shape)
    for place in np.ndindex(input.shape[: input.ndim - weight.ndim]):
        line = standardise([float(v) for v in input[place].ravel()], epsilon)
        result[place] = np.reshape(line, weight.shape) * weight + bias
    return result


def layer_norm_grads(grad_output: Array, input: Array, weight: Array, epsilon: float) -> tuple[Floats, Floats, Floats]:
    """Return the gradients of input, weight and bias: sample by sample through `standardise_grad`."""
    grad_input, grad_weight, grad_bias = np.zeros(input.shape), np.zeros(weight.shape), np.zeros(weight.shape)
    for place in np.ndindex(input.shape[: input.ndim - weight.ndim]):
        x = [float(v) for v in input[place].ravel()]
        line = standardise_grad([float(v) for v in (grad_output[place] * weight).ravel()], x, epsilon)
        grad_input[place] = np.reshape(line, weight.shape)
        grad_weight += grad_output[place] * np.reshape(standardise(x, epsilon), weight.shape)
        grad_bias += grad_output[place]
    return grad_input, grad_weight, grad_bias


def half_squared_error(prediction: Array, target: Array) -> float:
    """E = 1/2·Σ (t - y)², the article's Eq. 9; dE/dy = y - t."""
    return math.fsum((float(t) - float(y)) ** 2 for y, t in zip(prediction.flat, target.flat, strict=True)) / 2


def mean_squared_error(prediction: Array, target: Array) -> float:
    """E = Σ (t - y)² / P; dE/dy = 2·(y - t) / P."""
    return 2 * half_squared_error(prediction, target) / prediction.size


def cross_entropy(logits: Array, target: Array) -> float:
    """E = -Σ_i t[n, i]·ln softmax(x[n])[i] averaged over the samples n; the classes are on axis 1."""
    logs = along(log_softmax, 1, logits)
    terms = [-float(t) * float(v) for t, v in zip(np.ravel(target), np.ravel(logs), strict=True)]
    samples: int = logits.size // logits.shape[1]
    return math.fsum(terms) / samples


def cross_entropy_grad(logits: Array, target: Array) -> Floats:
    """dE/dx[n, j] = (softmax(x[n])[j]·Σ_i t[n, i] - t[n, j]) / (number of samples)."""
    shares = along(softmax, 1, logits)
    total = np.sum(np.asarray(target, float), axis=1, keepdims=True)
    samples: int = logits.size // logits.shape[1]
    return np.asarray(shares * total - target, float) / samples


def binary_cross_entropy(logits: Array, target: Array) -> float:
    """E = -Σ (t·ln σ(x) + (1 - t)·ln(1 - σ(x))) / P, as the cross-entropy of the two classes with logits (x, 0)."""
    pairs = np.stack([np.ravel(logits), np.zeros(logits.size)], axis=1)
    shares = np.stack([np.ravel(target), 1 - np.ravel(target)], axis=1)
    return cross_entropy(pairs, shares)


def binary_cross_entropy_grad(logits: Array, target: Array) -> Floats:
    """dE/dx = (σ(x) - t) / P."""
    pairs = np.stack([np.ravel(logits), np.zeros(logits.size)], axis=1)
    chance = along(softmax, 1, pairs)[:, 0].reshape(logits.shape)
    return np.asarray(chance - target, float) / logits.size
