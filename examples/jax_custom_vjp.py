r"""A jax.custom_vjp, for a function whose own derivative overflows. Needs the extra `jax`.

gradcheck check examples/jax_custom_vjp.py:softplus examples/jax_custom_vjp.py:wrong_softplus --input x=3,4
"""

import jax
import jax.numpy as jnp


@jax.custom_vjp
def softplus(x):
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def softplus_forward(x):
    return softplus(x), x


def softplus_backward(x, grad):
    return (grad * jax.nn.sigmoid(x),)


softplus.defvjp(softplus_forward, softplus_backward)


@jax.custom_vjp
def wrong_softplus(x):
    return softplus(x)


def wrong_softplus_backward(x, grad):
    """The derivative is taken at the output, as is right for the sigmoid and not here."""
    return (grad * jax.nn.sigmoid(softplus(x)),)


wrong_softplus.defvjp(softplus_forward, wrong_softplus_backward)
