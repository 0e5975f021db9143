"""LpPool and GlobalLpPool against answers worked out by hand, at zeros, and at the ends of the dtype's range."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import GlobalLpPool, LpPool


def row(values, dtype=float):
    """Make a (1, 1, length) array of one row of numbers."""
    return np.array([[values]], dtype)


# pool, input, output, grad_output, grad_input
ROWS = {
    "L2 of 3 and 4": (LpPool(2), [3, -4, 5, 12], [5, 13], [10, 26], [6, -8, 10, 24]),
    "L1 sums magnitudes": (LpPool(2, p=1), [3, -4, 0, 2], [7, 2], [5, 7], [5, -5, 0, 7]),
    "one entry is its own norm": (LpPool(1, p=3), [-3, 2], [3, 2], [5, 7], [-5, 7]),
    "overlapping windows add": (LpPool(2, 1), [3, 4, 3], [5, 5], [5, 5], [3, 8, 3]),
    "padding adds nothing": (LpPool(2, padding=1), [-3, 4], [3, 4], [5, 7], [-5, 7]),
    "ceil_mode keeps the remainder": (LpPool(2, ceil_mode=True), [3, 4, -2], [5, 2], [5, 7], [3, 4, -7]),
    "a window of zeros has gradient 0": (LpPool(2), [0, 0, 3, 4], [0, 5], [7, 5], [0, 0, 3, 4]),
    "L1 has gradient 0 at a zero": (LpPool(2, p=1), [0, -2], [2], [7], [0, -7]),
}


@pytest.mark.parametrize(("pool", "x", "y", "delta", "gradient"), ROWS.values(), ids=ROWS)
def test_lp_pool_gives_the_answer_worked_out_by_hand(pool, x, y, delta, gradient):
    np.testing.assert_array_equal(pool.forward(row(x)), row(y))
    np.testing.assert_allclose(pool.backward(row(delta), row(x)), row(gradient), rtol=4e-16, atol=0)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 7])
def test_a_box_of_equal_entries_has_the_norm_of_their_number(p):
    x = np.full((1, 1, 2, 2), -3.0)
    np.testing.assert_allclose(LpPool(2, p=p).forward(x), 3 * 4 ** (1 / p), rtol=1e-15)
    # Euler: the norm is homogeneous, so the gradient times x is the norm itself.
    for layer in (LpPool(2, p=p), GlobalLpPool(p)):
        gradient = layer.backward(np.ones((1, 1, 1, 1)), x)
        np.testing.assert_allclose((gradient * x).sum(), layer.forward(x).item(), rtol=1e-15)


@pytest.mark.parametrize("p", [1, 2, 2.5, 3, 64, 65, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", [lambda p: LpPool(2, p=p), GlobalLpPool], ids=["window", "global"])
def test_huge_and_tiny_entries_neither_overflow_nor_vanish(layer, dtype, p):
    largest, smallest = float(np.finfo(dtype).max) / 8, float(np.finfo(dtype).tiny)
    usual = layer(p).backward(row([1], dtype), row([3, -4], dtype))
    norm = layer(p).forward(row([3, -4], dtype)).item()
    for scale in (largest / 4, smallest):
        x = row([3, -4], dtype) * dtype(scale)
        np.testing.assert_allclose(layer(p).forward(x) / dtype(scale), norm, rtol=4 * np.finfo(dtype).eps)
        # A rounding of |x| / y counts p - 1 times in its power.
        room = (10 + 2 * p) * np.finfo(dtype).eps
        np.testing.assert_allclose(layer(p).backward(row([1], dtype), x), usual, rtol=room)


def test_float16_norm_of_its_largest_numbers_is_that_of_float32():
    x = row([30_000, 40_000], np.float16)
    assert LpPool(2).forward(x) == np.float16(50_000)
    assert GlobalLpPool().forward(x) == np.float16(50_000)


@pytest.mark.parametrize("layer", [LpPool(2), GlobalLpPool()], ids=["window", "global"])
def test_scaling_by_a_power_of_two_is_exact(layer):
    assert layer.forward(row([1, 1])).item() == np.sqrt(2)
    assert layer.forward(row([6, 7])).item() == np.sqrt(85)


@pytest.mark.parametrize("layer", [LpPool(2), GlobalLpPool()], ids=["window", "global"])
def test_a_norm_beyond_the_dtype_is_inf_and_its_gradient_is_not(layer):
    x = row([1.5e308, -1.6e308])
    assert layer.forward(x) == np.inf
    np.testing.assert_allclose(layer.backward(row([1]), x), layer.backward(row([1]), x / 2**10), rtol=1e-15)


@pytest.mark.parametrize("layer", [LpPool(2), GlobalLpPool()], ids=["window", "global"])
def test_nan_and_infinity_show(layer):
    assert np.isnan(layer.forward(row([np.nan, 1])))
    assert layer.forward(row([-np.inf, 1])) == np.inf
    assert layer.forward(row([-np.inf, 1e300])) == np.inf
    assert np.isnan(layer.backward(row([1]), row([np.nan, 1]))).all()
    assert np.isnan(layer.backward(row([1]), row([np.inf, 1]))).any()


@pytest.mark.parametrize("p", [0.5, 0, -1])
@pytest.mark.parametrize("layer", [lambda p: LpPool(2, p=p), GlobalLpPool], ids=["window", "global"])
def test_an_order_below_one_is_refused(layer, p):
    with pytest.raises(InvalidInput, match=rf"`p` must be at least 1, else it is no norm; it is {p}"):
        layer(p)


def test_an_infinite_order_is_refused():
    with pytest.raises(InvalidInput, match=r"`p` must be a finite number; it is inf"):
        LpPool(2, p=np.inf)
