"""JAX functions read as Subjects, with and without a custom_vjp, right and wrong."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason='needs the extra "jax"')

from gradcheck import Verdict, check  # noqa: E402 - after the skip
from gradcheck.adapters.reading import subject_of  # noqa: E402 - after the skip
from gradcheck.errors import InvalidInput, LayerFailed  # noqa: E402 - after the skip

jnp = jax.numpy
X, W = np.random.default_rng(4).standard_normal((3, 4)), np.random.default_rng(5).standard_normal((5, 4))


@jax.custom_vjp
def linear(x, w):
    return x @ w.T


@jax.custom_vjp
def wrong_linear(x, w):
    return x @ w.T


def _forward(x, w):
    return x @ w.T, (x, w)


linear.defvjp(_forward, lambda kept, g: (g @ kept[1], g.T @ kept[0]))
wrong_linear.defvjp(_forward, lambda kept, g: (g @ kept[1], -(g.T @ kept[0])))


def swish(x, slope=1.0):
    return {"out": x * jax.nn.sigmoid(slope * x), "largest": jnp.argmax(x), "none": None}


@pytest.mark.parametrize(
    ("layer", "inputs", "convention"),
    [
        (linear, {"x": X, "w": W}, "jax custom_vjp"),
        (jax.jit(linear), {"x": jnp.asarray(X), "w": W}, "jax function"),
        (swish, {"x": X, "slope": 2.0}, "jax function"),
    ],
)
def test_agrees_with_a_right_function(layer, inputs, convention):
    report = check(layer, inputs, effort="quick")
    assert (report.verdict, report.convention) == (Verdict.AGREES, convention), str(report)


def test_disagrees_where_a_custom_vjp_is_wrong():
    report = check(wrong_linear, {"x": X[:1, :2], "w": W[:1, :2]}, effort="quick")
    assert [name for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES] == ["w"]


def test_computes_in_64_bits_and_leaves_the_setting_alone():
    before = jax.config.jax_enable_x64
    assert check(linear, {"x": X, "w": W}, effort="quick").arguments["x"].resolution < 1e-7
    assert jax.config.jax_enable_x64 == before
    narrow = subject_of(linear, {"x": X.astype("f4"), "w": W.astype("f4")})
    assert narrow.fresh().forward(narrow.inputs).dtype == np.float32


def test_outputs_that_are_not_floating_are_left_out_and_said():
    assert subject_of(swish, {"x": X}).notes == ("output 1 is of dtype int64: left out",)


def test_refuses_with_a_sentence():
    with pytest.raises(InvalidInput, match=r"it takes x, w, and `w` is not given"):
        subject_of(linear, {"x": X})
    with pytest.raises(LayerFailed, match="forward raised TypeError"):
        subject_of(linear, {"x": X, "w": W.T})
    with pytest.raises(LayerFailed, match="must return a floating array; it returned none"):
        subject_of(jnp.argmax, {"a": X})
