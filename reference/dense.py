"""Linear layers and normalisation, one number at a time; sums by math.fsum, which rounds once."""

import math

import numpy as np

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
