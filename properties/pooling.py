"""Pooling is what its definition says, and its gradient goes where the definition sends it, by both references."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.layers import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalLpPool,
    GlobalMaxPool,
    LpPool,
    MaxPool,
)
from properties.closeness import assert_within_ulps
from properties.drawing import DIVISIBLE, axes_counts, integers, per_axis, pools, seeds
from reference import loops, signal
from reference.geometry import Pool, Ties

all_ties = pytest.mark.parametrize("ties", ["first", "last", "split"])
geometries = pools()
undilated = pools(dilated=False)
batches = st.integers(0, 2)


def spelled(pool: Pool) -> dict[str, Any]:
    """Return the geometry as the layers spell it, dilation apart."""
    return {
        "kernel_size": pool.kernel,
        "stride": pool.stride,
        "padding": pool.padding,
        "ceil_mode": pool.ceil_mode,
    }


@given(geometries, seeds, batches)
def test_max_pool_equals_both_references_exactly(geometry, seed, batch):
    pool, lengths = geometry
    x = integers(seed, (batch, 2, *lengths), low=-3, high=3)
    found = MaxPool(**spelled(pool), dilation=pool.dilation).forward(x)
    np.testing.assert_array_equal(found, loops.max_pool(x, loops.sliding_windows(lengths, pool)))
    np.testing.assert_array_equal(found, signal.max_pool(x, pool))


@all_ties
@given(geometries, seeds, batches)
def test_max_pool_routes_each_error_to_the_winner_that_the_reference_finds(ties: Ties, geometry, seed, batch):
    # Seven values for up to a hundred cells: ties abound. At most 36 winners share, so multiples of their counts.
    pool, lengths = geometry
    x = integers(seed, (batch, 2, *lengths), low=-1, high=1)
    windows = loops.sliding_windows(lengths, pool)
    layer = MaxPool(**spelled(pool), dilation=pool.dilation, ties=ties)
    delta = integers(seed + 1, layer.forward(x).shape)
    expected = loops.max_pool_grad_input(delta, x, windows, ties)
    magnitude = loops.max_pool_grad_input(np.abs(delta), x, windows, ties)
    # Whole errors add up exactly; shares are rounded once each, at most 27 of them meet in a cell.
    assert_within_ulps(layer.backward(delta, x), expected, 27 if ties == "split" else 0, of=magnitude)


@given(undilated, seeds, batches, st.booleans(), st.none() | st.integers(1, 5))
def test_avg_pool_equals_both_references_exactly(geometry, seed, batch, counted, override):
    pool, lengths = geometry
    x = integers(seed, (batch, 2, *lengths))
    layer = AvgPool(**spelled(pool), count_include_pad=counted, divisor_override=override)
    windows, divisors = divided(pool, lengths, counted=counted, override=override)
    found = layer.forward(x)
    np.testing.assert_array_equal(found, loops.avg_pool(x, windows, divisors))
    np.testing.assert_array_equal(found, signal.avg_pool(x, pool, count_include_pad=counted, divisor_override=override))


@given(undilated, seeds, batches, st.booleans(), st.none() | st.integers(1, 5))
def test_avg_pool_gives_every_cell_its_share_exactly(geometry, seed, batch, counted, override):
    pool, lengths = geometry
    x = integers(seed, (batch, 2, *lengths))
    layer = AvgPool(**spelled(pool), count_include_pad=counted, divisor_override=override)
    delta = integers(seed + 1, layer.forward(x).shape) * DIVISIBLE
    windows, divisors = divided(pool, lengths, counted=counted, override=override)
    np.testing.assert_array_equal(layer.backward(delta, x), loops.avg_pool_grad_input(delta, x, windows, divisors))


def divided(pool: Pool, lengths: tuple[int, ...], *, counted: bool, override: int | None):
    """Return the windows with their divisors: padding counts where asked, what hangs over the end never."""
    windows = loops.sliding_windows(lengths, pool)
    low = tuple(-before if counted else 0 for before, _ in pool.padding)
    high = tuple(n + after if counted else n for n, (_, after) in zip(lengths, pool.padding, strict=True))
    sizes = loops.window_sizes(windows, low, high)
    return windows, sizes if override is None else dict.fromkeys(sizes, override)


@given(undilated, seeds, batches, st.sampled_from([1.0, 1.5, 2.0, 3.0, 7.0]))
def test_lp_pool_equals_both_references(geometry, seed, batch, p):
    pool, lengths = geometry
    x = integers(seed, (batch, 2, *lengths), low=-2, high=2)
    found = LpPool(**spelled(pool), p=p).forward(x)
    # Up to 27 positive terms with a rounded power each, and a rounded root, on both sides: no cancellation.
    assert_within_ulps(found, loops.lp_pool(x, loops.sliding_windows(lengths, pool), p), 0 if p == 1 else 16)
    assert_within_ulps(found, signal.lp_pool(x, pool, p), 0 if p == 1 else 16)


@given(undilated, seeds, batches, st.sampled_from([1.0, 1.5, 2.0, 3.0, 7.0]))
def test_lp_pool_gradient_equals_the_reference(geometry, seed, batch, p):
    pool, lengths = geometry
    x = integers(seed, (batch, 2, *lengths), low=-2, high=2)
    windows = loops.sliding_windows(lengths, pool)
    layer = LpPool(**spelled(pool), p=p)
    delta = integers(seed + 1, layer.forward(x).shape)
    magnitude = loops.lp_pool_grad_input(np.abs(delta), np.abs(x), windows, p)
    expected = loops.lp_pool_grad_input(delta, x, windows, p)
    # The norm's error times p - 1, and one rounding for each of up to 27 windows that a cell is in.
    assert_within_ulps(layer.backward(delta, x), expected, 0 if p == 1 else 16 * p + 27, of=magnitude)


@given(st.data(), axes_counts, seeds, batches)
def test_adaptive_average_equals_the_reference_exactly(data, count, seed, batch):
    lengths, outputs = data.draw(per_axis(count, 1, 6)), data.draw(per_axis(count, 1, 6))
    x = integers(seed, (batch, 2, *lengths)) * DIVISIBLE
    windows = loops.adaptive_windows(lengths, outputs)
    divisors = loops.window_sizes(windows, (0,) * count, lengths)
    found = AdaptiveAvgPool(outputs).forward(x)
    np.testing.assert_array_equal(found, loops.avg_pool(x, windows, divisors))
    delta = integers(seed + 1, found.shape) * DIVISIBLE
    expected = loops.avg_pool_grad_input(delta, x, windows, divisors)
    np.testing.assert_array_equal(AdaptiveAvgPool(outputs).backward(delta, x), expected)


@all_ties
@given(st.data(), axes_counts, seeds, batches)
def test_adaptive_maximum_equals_the_reference(ties: Ties, data, count, seed, batch):
    lengths, outputs = data.draw(per_axis(count, 1, 6)), data.draw(per_axis(count, 1, 6))
    x = integers(seed, (batch, 2, *lengths), low=-1, high=1)
    windows = loops.adaptive_windows(lengths, outputs)
    layer = AdaptiveMaxPool(outputs, ties=ties)
    found = layer.forward(x)
    np.testing.assert_array_equal(found, loops.max_pool(x, windows))
    delta = integers(seed + 1, found.shape)
    expected = loops.max_pool_grad_input(delta, x, windows, ties)
    magnitude = loops.max_pool_grad_input(np.abs(delta), x, windows, ties)
    # An output more than inputs repeats a window up to 6 times an axis.
    assert_within_ulps(layer.backward(delta, x), expected, 216 if ties == "split" else 0, of=magnitude)


@all_ties
@given(st.data(), axes_counts, seeds, batches)
def test_global_pools_are_adaptive_pools_with_one_output(ties: Ties, data, count, seed, batch):
    lengths = data.draw(per_axis(count, 1, 5))
    x = integers(seed, (batch, 2, *lengths), low=-2, high=2)
    delta = integers(seed + 1, (batch, 2, *(1,) * count)) * DIVISIBLE
    windows = loops.adaptive_windows(lengths, (1,) * count)
    divisors = loops.window_sizes(windows, (0,) * count, lengths)
    maximum, average, norm = GlobalMaxPool(ties=ties), GlobalAvgPool(), GlobalLpPool(p=1.0)
    np.testing.assert_array_equal(maximum.forward(x), loops.max_pool(x, windows))
    np.testing.assert_array_equal(maximum.backward(delta, x), loops.max_pool_grad_input(delta, x, windows, ties))
    np.testing.assert_array_equal(average.forward(x), loops.avg_pool(x, windows, divisors))
    np.testing.assert_array_equal(average.backward(delta, x), loops.avg_pool_grad_input(delta, x, windows, divisors))
    np.testing.assert_array_equal(norm.forward(x), loops.lp_pool(x, windows, 1))
    np.testing.assert_array_equal(norm.backward(delta, x), loops.lp_pool_grad_input(delta, x, windows, 1))


@given(geometries, seeds)
def test_all_that_a_max_pool_hands_back_is_all_that_came(geometry, seed):
    pool, lengths = geometry
    x = integers(seed, (1, 2, *lengths))
    layer = MaxPool(**spelled(pool), dilation=pool.dilation)
    output = layer.forward(x)
    delta = integers(seed + 1, output.shape) * np.isfinite(output)
    assert layer.backward(delta, x).sum() == delta.sum()


@given(undilated, seeds)
def test_a_stride_left_out_is_the_kernel_size(geometry, seed):
    pool, lengths = geometry
    x = integers(seed, (1, 1, *lengths))
    for kind in (MaxPool, AvgPool, LpPool):
        np.testing.assert_array_equal(
            kind(pool.kernel).forward(np.pad(x, ((0, 0), (0, 0), *((0, 4),) * len(lengths)))),
            kind(pool.kernel, pool.kernel).forward(np.pad(x, ((0, 0), (0, 0), *((0, 4),) * len(lengths)))),
        )
