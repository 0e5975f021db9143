"""The spellings of gradients, as published layers have them."""

import pytest

from gradcheck.adapters.spellings import spells_gradient

PAIRS = [
    ("dW", "W"), ("dw", "W"), ("db", "b"), ("dweights", "weights"), ("dbiases", "biases"), ("dW", "weights"),
    ("grad_W", "W"), ("W_grad", "W"), ("grad_weight", "weight"), ("weight_grad", "weight"),
    ("weights_gradient", "weights"), ("dLdW", "W"), ("dL_dW", "W"), ("weights_update", "weights"),
    ("grads.W", "params.W"), ("gradients.b", "b"),
    ("W.grad", "W.data"), ("params.W.grad", "params.W.value"), ("dW2", "W2"), ("dgamma", "gamma"), ("_dW", "_W"),
    ("kernel_grad", "kernel"), ("delta_b", "b"), ("grads.0", "params.0"), ("dfilters", "filters"),
]  # fmt: skip

OTHERS = [
    ("dW", "b"), ("dW1", "W2"), ("x", "W"), ("W", "W"), ("d", "W"), ("dbeta", "b"), ("grads.W", "params.b"),
    ("dx", "W"), ("grads.0", "params.1"), ("momentum_W", "W"),
]  # fmt: skip


def path(text):
    return tuple(text.split("."))


@pytest.mark.parametrize(("gradient", "parameter"), PAIRS, ids=[f"{g}-of-{p}" for g, p in PAIRS])
def test_a_gradient_is_recognised(gradient, parameter):
    assert spells_gradient(path(gradient), path(parameter))


@pytest.mark.parametrize(("gradient", "parameter"), OTHERS, ids=[f"{g}-not-of-{p}" for g, p in OTHERS])
def test_another_name_is_not(gradient, parameter):
    assert not spells_gradient(path(gradient), path(parameter))
