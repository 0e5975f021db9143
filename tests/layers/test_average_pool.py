"""AvgPool against answers worked out by hand: what is summed, and by what it is divided."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import AvgPool


def row(values):
    """Make a (1, 1, length) array of one row of numbers."""
    return np.array([[values]], float)


# pool, input, output, grad_output, grad_input
ROWS = {
    "side by side": (AvgPool(2), [1, 3, 5, 9], [2, 7], [4, 6], [2, 2, 3, 3]),
    "a remainder is left out": (AvgPool(2), [1, 3, 9], [2], [4], [2, 2, 0]),
    "overlapping windows add": (AvgPool(2, 1), [1, 3, 5], [2, 4], [4, 6], [2, 5, 3]),
    "gaps get nothing": (AvgPool(1, 2), [1, 9, 2], [1, 2], [5, 7], [5, 0, 7]),
    "padding is counted": (AvgPool(2, padding=1), [2, 4], [1, 2], [4, 6], [2, 3]),
    "padding is not counted": (AvgPool(2, padding=1, count_include_pad=False), [2, 4], [2, 4], [4, 6], [4, 6]),
    "asymmetric padding": (AvgPool(2, padding=((0, 1),)), [1, 3, 4], [2, 2], [4, 6], [2, 2, 3]),
    "same padding": (AvgPool(2, 1, padding="same"), [2, 4], [3, 2], [4, 6], [2, 5]),
    # The window hangs over by one beyond the padding: 3 of its 4 places count, 2 of them hold input.
    "ceil_mode counts padding but nothing beyond": (
        AvgPool(4, 3, padding=1, ceil_mode=True),
        [1, 2, 3, 6],
        [1.5, 3],
        [4, 6],
        [1, 1, 3, 2],
    ),
    "ceil_mode without padding counts the input": (AvgPool(2, ceil_mode=True), [1, 3, 5], [2, 5], [4, 6], [2, 2, 6]),
    "ceil_mode lets the only window hang over": (AvgPool(2, ceil_mode=True), [3], [3], [5], [5]),
    "divisor_override": (AvgPool(2, divisor_override=4), [1, 3, 5, 7], [1, 3], [4, 8], [1, 1, 2, 2]),
    "divisor_override is for cut windows, too": (
        AvgPool(2, ceil_mode=True, divisor_override=4),
        [1, 3, 8],
        [1, 2],
        [4, 8],
        [1, 1, 2],
    ),
    "thirds are divided, not multiplied": (AvgPool(3), [7, 7, 7], [7], [21], [7, 7, 7]),
}


@pytest.mark.parametrize(("pool", "x", "y", "delta", "gradient"), ROWS.values(), ids=ROWS)
def test_average_pool_gives_the_answer_worked_out_by_hand(pool, x, y, delta, gradient):
    np.testing.assert_array_equal(pool.forward(row(x)), row(y))
    np.testing.assert_array_equal(pool.backward(row(delta), row(x)), row(gradient))


def test_the_article_s_share_is_one_in_n_times_n():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    assert AvgPool(2).forward(x).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    shares = AvgPool(2).backward(np.array([[[[4.0, 8.0], [12.0, 16.0]]]]), x)
    assert shares.tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]]


def test_a_corner_divides_by_what_both_axes_leave_of_the_window():
    x = np.full((1, 1, 2, 2), 8.0)
    counted, not_counted = AvgPool(2, padding=1), AvgPool(2, padding=1, count_include_pad=False)
    assert counted.forward(x).tolist() == [[[[2, 2], [2, 2]]]]
    assert not_counted.forward(x).tolist() == [[[[8, 8], [8, 8]]]]


def test_three_dimensions_average_over_the_box():
    x = np.arange(8.0).reshape(1, 1, 2, 2, 2)
    assert AvgPool(2).forward(x).tolist() == [[[[[3.5]]]]]
    assert (AvgPool(2).backward(np.full((1, 1, 1, 1, 1), 8.0), x) == 1).all()


def test_nan_and_infinity_stay_within_their_windows():
    x = row([np.nan, 1, np.inf, 2, 3, 5])
    np.testing.assert_array_equal(AvgPool(2).forward(x), row([np.nan, np.inf, 4]))
    np.testing.assert_array_equal(
        AvgPool(2).backward(row([np.inf, 2, np.nan]), x), row([np.inf, np.inf, 1, 1, *[np.nan] * 2])
    )


@pytest.mark.parametrize("divisor", [0, -2, np.inf, "two"])
def test_a_divisor_that_divides_nothing_is_refused(divisor):
    with pytest.raises(InvalidInput, match=r"`divisor_override` must be a finite number above 0; it is"):
        AvgPool(2, divisor_override=divisor)


def test_padding_as_wide_as_the_window_is_refused():
    with pytest.raises(InvalidInput, match=r"`padding` of a pool must be smaller than its window.* it is \(0, 2\)"):
        AvgPool(2, padding=((0, 2),)).forward(np.ones((1, 1, 3)))
