"""Mistakes that do not show at the caller's point, but a little way off: other values, another batch size."""

from typing import Any

import numpy as np

from gradcheck.faults.convolution import PLAIN, grad_input
from gradcheck.faults.convolution_weights import grad_weight
from gradcheck.faults.records import Fault, Shows, drawn, fixed, joined, normal, pair, uniform
from gradcheck.faults.specimens import LINEAR, sigmoid

SMALL = uniform(-1.0, 1.0, x=(4, 5))
ELSEWHERE = Shows.ELSEWHERE
SYMMETRIC = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]])


def _softplus(x: Any) -> Any:
    return np.logaddexp(0, x)


def _relu6(x: Any) -> Any:
    return np.clip(x, 0, 6)


def _hidden_not_transposed(g: Any, x: Any, weight: Any) -> Any:
    inner = g * (1 - np.tanh(x @ weight) ** 2)
    return inner @ weight, x.T @ inner


FAULTS = (
    Fault(
        "points/large/beyond-four",
        "wrong-branch",
        ("x",),
        pair(np.tanh, lambda g, x: g * np.where(np.abs(x) > 4, 1.0, 1 - np.tanh(x) ** 2)),
        normal(x=(4, 5)),
        "the derivative is wrong where |x| is above 4",
        ELSEWHERE,
    ),
    Fault(
        "points/large/above-four",
        "sign",
        ("x",),
        pair(lambda x: x**3, lambda g, x: g * 3 * x**2 * np.where(x > 4, -1, 1)),
        SMALL,
        "the derivative has the wrong sign where x is above 4",
        ELSEWHERE,
    ),
    Fault(
        "points/large/relu6-without-its-upper-end",
        "wrong-branch",
        ("x",),
        pair(_relu6, lambda g, x: g * (x > 0)),
        normal(x=(4, 5)),
        "the mask lacks the upper end at 6",
        ELSEWHERE,
    ),
    Fault(
        "points/large/softplus-cut-off",
        "part-zeroed",
        ("x",),
        pair(_softplus, lambda g, x: g * np.where(x > 5, 0, sigmoid(x))),
        normal(x=(4, 5)),
        "beyond a threshold the gradient is 0 where it is nearly 1",
        ELSEWHERE,
    ),
    Fault(
        "points/negative/hard-tanh-one-sided",
        "wrong-branch",
        ("x",),
        pair(lambda x: np.clip(x, -1, 1), lambda g, x: g * (x < 1)),
        uniform(-0.6, 0.8, x=(4, 5)),
        "the mask lacks the lower end at -1",
        ELSEWHERE,
    ),
    Fault(
        "points/negative/all-dead-relu",
        "factor-2",
        ("x",),
        pair(lambda x: np.maximum(x, 0), lambda g, x: 2 * g * (x > 0)),
        uniform(-3.0, -0.5, x=(4, 5)),
        "every unit is off at the caller's point, and the slope is 2 where units are on",
        ELSEWHERE,
    ),
    Fault(
        "points/negative/below-minus-two",
        "f-prime-missing",
        ("x",),
        pair(lambda x: np.where(x > 0, x, np.expm1(x)), lambda g, x: g * np.where((x > 0) | (x < -2), 1, np.exp(x))),
        uniform(-1.5, 1.5, x=(4, 5)),
        "the derivative of ELU is taken as 1 below -2",
        ELSEWHERE,
    ),
    Fault(
        "points/saturated/sign-in-the-tail",
        "sign",
        ("x",),
        pair(sigmoid, lambda g, x: g * sigmoid(x) * (1 - sigmoid(x)) * np.where(np.abs(x) > 3, -1, 1)),
        fixed(x=[[-6.0, 4.5, 7.0], [5.5, -4.0, -8.0]]),
        "the sign is wrong in the tails, where the caller's values lie",
    ),
    Fault(
        "points/saturated/sign-far-in-the-tail",
        "sign",
        ("x",),
        pair(np.tanh, lambda g, x: -g / np.cosh(x) ** 2),
        fixed(x=[[-16.0, 15.0, 17.0], [15.5, -14.0, -18.0]]),
        "the sign is wrong, at values where the derivative is about 1e-13",
    ),
    Fault(
        "points/zero/tanh-at-the-input",
        "f-prime-at-input",
        ("x",),
        pair(np.tanh, lambda g, x: g * (1 - x**2)),
        fixed(x=np.zeros((3, 4))),
        "1 - x squared, which is right where x is 0",
        ELSEWHERE,
    ),
    Fault(
        "points/zero/sine-linearised",
        "f-prime-missing",
        ("x",),
        pair(np.sin, lambda g, _x: g.copy()),
        fixed(x=np.zeros((3, 4))),
        "the derivative is taken as 1, which is right where x is 0",
        ELSEWHERE,
    ),
    Fault(
        "points/symmetric/kernel-not-rotated",
        "kernel-not-rotated",
        ("x",),
        grad_input(PLAIN, lambda g, x, w: PLAIN.grad_input(g, x, w[..., ::-1, ::-1])),
        joined(normal(x=(2, 1, 5, 5)), fixed(weight=SYMMETRIC[None, None] / 16, bias=np.zeros(1))),
        "the kernel is not rotated, and the caller's kernel is symmetric",
        ELSEWHERE,
    ),
    Fault(
        "points/symmetric/identity-not-transposed",
        "transposed",
        ("x",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w, x.T @ g, g.sum(axis=0))),
        joined(normal(x=(4, 3)), fixed(weight=np.eye(3), bias=np.zeros(3))),
        "the weight is not transposed, and the caller's weight is the identity",
        ELSEWHERE,
    ),
    Fault(
        "points/symmetric/equal-factors",
        "equals-other-argument",
        ("x", "y"),
        pair(np.multiply, lambda g, x, y: (g * x, g * y)),
        fixed(x=[[0.4, -1.3, 2.1], [-0.7, 1.9, 0.2]], y=[[0.4, -1.3, 2.1], [-0.7, 1.9, 0.2]]),
        "each factor gets the other's gradient, and the caller's factors are equal",
        ELSEWHERE,
    ),
    Fault(
        "points/batch/weight-of-first-sample",
        "batch-ignored",
        ("weight",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w.T, np.outer(x[0], g[0]), g.sum(axis=0))),
        normal(x=(1, 4), weight=(4, 3), bias=(3,)),
        "only the first sample counts, and the caller's batch has one",
        ELSEWHERE,
    ),
    Fault(
        "points/batch/weight-mean",
        "factor-1/N",
        ("weight",),
        grad_weight(PLAIN, lambda g, x, w: PLAIN.grad_weight(g, x, w) / len(x)),
        normal(x=(1, 2, 5, 4), weight=(3, 2, 3, 2), bias=(3,)),
        "the mean over the batch, and the caller's batch has one",
        ELSEWHERE,
    ),
    Fault(
        "points/batch/input-of-first-sample",
        "batch-ignored",
        ("x",),
        pair(np.sin, lambda g, x: g * np.cos(x) * (np.arange(len(x)) == 0)[:, None]),
        normal(x=(1, 6)),
        "only the first sample gets a gradient, and the caller's batch has one",
        ELSEWHERE,
    ),
    Fault(
        "points/batch/bias-of-first-sample",
        "bias-batch-missing",
        ("bias",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w.T, x.T @ g, g[0].copy())),
        normal(x=(1, 4), weight=(4, 3), bias=(3,)),
        "the bias gets the first sample's share, and the caller's batch has one",
        ELSEWHERE,
    ),
    Fault(
        "points/batch/bias-of-one-row",
        "batch-ignored",
        ("bias",),
        pair(lambda x, w, bias: x @ w + bias, lambda g, x, w, _b: (g @ w.T, x.T @ g, g[:1].copy())),
        normal(x=(1, 4), weight=(4, 3), bias=(1, 3)),
        "the bias, a row, gets the first sample's share, and the caller's batch has one",
        ELSEWHERE,
    ),
    Fault(
        "points/constant/weight-where-inputs-are-equal",
        "reversed",
        ("weight",),
        pair(lambda x, weight: x @ weight, lambda g, x, w: (g @ w.T, x[:, ::-1].T @ g)),
        joined(drawn(x=lambda _rng: np.full((3, 4), 0.7)), normal(weight=(4, 3))),
        "the inputs are reversed, and the caller's are all equal",
        ELSEWHERE,
    ),
    Fault(
        "points/zero/weight-not-transposed",
        "transposed",
        ("x",),
        pair(lambda x, weight: np.tanh(x @ weight), _hidden_not_transposed),
        joined(normal(x=(4, 3)), fixed(weight=np.zeros((3, 3)))),
        "the weight is not transposed, and the caller's weight is zero",
        ELSEWHERE,
    ),
    Fault(
        "points/symmetric/ones-not-transposed",
        "transposed",
        ("x",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w, x.T @ g, g.sum(axis=0))),
        joined(normal(x=(4, 3)), fixed(weight=np.ones((3, 3)), bias=np.zeros(3))),
        "the weight is not transposed, and the caller's weight is all ones",
        ELSEWHERE,
    ),
    Fault(
        "points/size/clipped-at-five",
        "not-linear",
        ("x",),
        pair(np.sin, lambda g, x: np.clip(g * np.cos(x), -5, 5)),
        normal(x=(3, 4)),
        "the gradient is clipped at 5, which no grad_output of ordinary size reaches",
        Shows.CALL,
    ),
)
