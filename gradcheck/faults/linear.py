"""Mistakes in linear and bilinear layers, and in what is shared or broadcast."""

from typing import Any

import numpy as np

from gradcheck.faults.records import Fault, Make, normal, pair
from gradcheck.faults.specimens import LINEAR

OBLONG = normal(x=(5, 4), weight=(4, 3), bias=(3,))
SQUARE = normal(x=(4, 3), weight=(3, 3), bias=(3,))
SHARED = normal(x=(4, 3), weight=(3, 3))
STACK = normal(x=(2, 5, 4), weight=(4, 3))


def _linear(grad_input: Any, grad_weight: Any) -> Make:
    return pair(LINEAR.forward, lambda g, x, w, _b: (grad_input(g, x, w), grad_weight(g, x, w), g.sum(axis=0)))


def _right_input(g: Any, _x: Any, w: Any) -> Any:
    return g @ w.T


def _right_weight(g: Any, x: Any, _w: Any) -> Any:
    return x.T @ g


def _bilinear(x: Any, form: Any, y: Any) -> Any:
    return np.einsum("ni,ij,nj->n", x, form, y)


def _bilinear_swapped(g: Any, x: Any, form: Any, y: Any) -> Any:
    grad_form = np.einsum("n,ni,nj->ji", g, x, y)
    return g[:, None] * (y @ form.T), grad_form, g[:, None] * (x @ form)


def _bilinear_not_transposed(g: Any, x: Any, form: Any, y: Any) -> Any:
    return g[:, None] * (y @ form), np.einsum("n,ni,nj->ij", g, x, y), g[:, None] * (x @ form)


def _shared_first_use(g: Any, x: Any, w: Any) -> Any:
    return g @ w.T @ w.T, x.T @ (g @ w.T)


def _tied_decoder_only(g: Any, x: Any, w: Any) -> Any:
    return g @ w @ w.T, (g.T @ (x @ w))


def _penalised(g: Any, x: Any, w: Any) -> Any:
    return g * (w @ np.ones(w.shape[1])), g * np.outer(x, np.ones(w.shape[1]))


def _residual(g: Any, x: Any, w: Any) -> Any:
    inner = g * (1 - np.tanh(x @ w) ** 2)
    return inner @ w.T, x.T @ inner


FAULTS = (
    Fault(
        "linear/input/weight-not-transposed",
        "transposed",
        ("x",),
        _linear(lambda g, _x, w: g @ w, _right_weight),
        SQUARE,
        "a square weight is used where its transpose belongs",
    ),
    Fault(
        "linear/weight/transposed",
        "transposed",
        ("weight",),
        _linear(_right_input, lambda g, x, _w: g.T @ x),
        SQUARE,
        "the transpose of the weight's gradient",
    ),
    Fault(
        "linear/weight/mean-over-batch",
        "factor-1/N",
        ("weight",),
        _linear(_right_input, lambda g, x, _w: x.T @ g / len(x)),
        OBLONG,
        "the weight's gradient is divided by the batch size",
    ),
    Fault(
        "linear/weight/batch-ignored",
        "batch-ignored",
        ("weight",),
        _linear(_right_input, lambda g, x, _w: np.outer(x[0], g[0])),
        OBLONG,
        "only the first sample counts",
    ),
    Fault(
        "linear/weight/grad-output-averaged",
        "grad-output-averaged",
        ("weight",),
        _linear(_right_input, lambda g, x, _w: x.T @ np.full_like(g, g.mean())),
        OBLONG,
        "every entry of grad_output is replaced by their mean",
    ),
    Fault(
        "linear/weight/sum-of-inputs-times-sum-of-grads",
        "batch-leak",
        ("weight",),
        _linear(_right_input, lambda g, x, _w: np.outer(x.sum(axis=0), g.sum(axis=0))),
        OBLONG,
        "the product of the sums where the sum of the products belongs",
    ),
    Fault(
        "linear/input/sign",
        "sign",
        ("x",),
        _linear(lambda g, _x, w: -g @ w.T, _right_weight),
        OBLONG,
        "the input's gradient is negated",
    ),
    Fault(
        "linear/input/after-the-update",
        "other",
        ("x",),
        _linear(lambda g, x, w: g @ (w - 0.1 * x.T @ g).T, _right_weight),
        OBLONG,
        "the input's gradient uses the weight after its own update",
        also=("not-linear",),
    ),
    Fault(
        "linear/weight/updated-weight-returned",
        "other",
        ("weight",),
        _linear(_right_input, lambda g, x, w: w - 0.1 * x.T @ g),
        OBLONG,
        "the updated weight is returned instead of its gradient",
        also=("not-linear", "zero-cotangent"),
    ),
    Fault(
        "linear/bias/mean",
        "bias-mean",
        ("bias",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w.T, x.T @ g, g.mean(axis=0))),
        OBLONG,
        "the bias gets the mean over the batch",
    ),
    Fault(
        "linear/bias/first-sample-only",
        "bias-batch-missing",
        ("bias",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w.T, x.T @ g, g[0].copy())),
        OBLONG,
        "the bias gets the first sample's share",
    ),
    Fault(
        "linear/bias/kept-as-a-row",
        "wrong-shape",
        ("bias",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w.T, x.T @ g, g.sum(axis=0, keepdims=True))),
        OBLONG,
        "the bias gradient has the shape (1, 3) where the bias has (3,)",
    ),
    Fault(
        "linear/bias/summed-over-features",
        "transposed",
        ("bias",),
        pair(LINEAR.forward, lambda g, x, w, _b: (g @ w.T, x.T @ g, g.sum(axis=1))),
        normal(x=(3, 4), weight=(4, 3), bias=(3,)),
        "the sum runs over the features instead of the batch, which are equally many",
    ),
    Fault(
        "linear/stack/weight-not-summed",
        "wrong-shape",
        ("weight",),
        pair(np.matmul, lambda g, x, w: (g @ w.T, x.swapaxes(1, 2) @ g)),
        STACK,
        "a weight shared by a stack of matrices gets one gradient for each of them",
    ),
    Fault(
        "linear/stack/weight-of-first-only",
        "batch-ignored",
        ("weight",),
        pair(np.matmul, lambda g, x, w: (g @ w.T, x[0].T @ g[0])),
        STACK,
        "only the first matrix of the stack counts",
    ),
    Fault(
        "linear/bilinear/form-transposed",
        "transposed",
        ("form",),
        pair(_bilinear, _bilinear_swapped),
        normal(x=(4, 3), form=(3, 3), y=(4, 3)),
        "the gradient of the form is transposed",
    ),
    Fault(
        "linear/bilinear/form-not-transposed-for-x",
        "transposed",
        ("x",),
        pair(_bilinear, _bilinear_not_transposed),
        normal(x=(4, 3), form=(3, 3), y=(4, 3)),
        "x gets its gradient through the form where the transposed form belongs",
    ),
    Fault(
        "linear/shared/one-use-counted",
        "path-missing",
        ("weight",),
        pair(lambda x, weight: x @ weight @ weight, _shared_first_use),
        SHARED,
        "a weight used twice gets the gradient of its first use only",
    ),
    Fault(
        "linear/shared/tied-encoder-forgotten",
        "path-missing",
        ("weight",),
        pair(lambda x, weight: x @ weight @ weight.T, _tied_decoder_only),
        normal(x=(4, 3), weight=(3, 2)),
        "a tied autoencoder's weight gets the decoder's gradient only",
    ),
    Fault(
        "linear/shared/penalty-forgotten",
        "path-missing",
        ("weight",),
        pair(lambda x, weight: (x @ weight).sum() + 0.05 * (weight**2).sum(), _penalised),
        normal(x=(4,), weight=(4, 3)),
        "forward adds weight decay to the loss and backward does not",
    ),
    Fault(
        "linear/product/arguments-exchanged",
        "equals-other-argument",
        ("x", "y"),
        pair(lambda x, y: x * y, lambda g, x, y: (g * x, g * y)),
        normal(x=(3, 4), y=(3, 4)),
        "each factor gets the other's gradient",
    ),
    Fault(
        "linear/difference/sign-of-the-second",
        "sign",
        ("y",),
        pair(np.subtract, lambda g, _x, _y: (g.copy(), g.copy())),
        normal(x=(3, 4), y=(3, 4)),
        "both terms of a difference get the gradient of a sum",
    ),
    Fault(
        "linear/residual/skip-forgotten",
        "path-missing",
        ("x",),
        pair(lambda x, weight: x + np.tanh(x @ weight), _residual),
        SHARED,
        "a residual block without the path around it",
    ),
)
