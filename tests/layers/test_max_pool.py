"""MaxPool against answers worked out by hand: who wins, and what the winner gets."""

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.layers import MaxPool

NAN, INF = np.nan, np.inf


def row(values):
    """Make a (1, 1, length) array of one row of numbers."""
    return np.array([[values]], float)


# pool, input, output, grad_output, grad_input
ROWS = {
    "side by side": (MaxPool(2), [1, 2, 4, 3], [2, 4], [5, 7], [0, 5, 7, 0]),
    "a remainder is left out": (MaxPool(2), [1, 2, 9], [2], [5], [0, 5, 0]),
    "ceil_mode keeps the remainder": (MaxPool(2, ceil_mode=True), [1, 2, 9], [2, 9], [5, 7], [0, 5, 7]),
    "ceil_mode drops a window that begins in the padding": (
        MaxPool(1, 2, ceil_mode=True),
        [1, 2],
        [1],
        [5],
        [5, 0],
    ),
    "ceil_mode lets the only window hang over": (MaxPool(2, ceil_mode=True), [3], [3], [5], [5]),
    "overlapping windows add": (MaxPool(2, 1), [1, 3, 2], [3, 3], [5, 7], [0, 12, 0]),
    "gaps get nothing": (MaxPool(1, 2), [1, 9, 2], [1, 2], [5, 7], [5, 0, 7]),
    "padding never wins against negatives": (MaxPool(2, padding=1), [-1, -2], [-1, -2], [5, 7], [5, 7]),
    "padding never wins against -inf": (MaxPool(2, padding=1), [-INF, -INF], [-INF, -INF], [5, 7], [5, 7]),
    "asymmetric padding": (MaxPool(2, padding=((0, 1),)), [1, 2, 3], [2, 3], [5, 7], [0, 5, 7]),
    "same padding": (MaxPool(2, 1, padding="same"), [1, 3, 2], [3, 3, 2], [1, 10, 100], [0, 11, 100]),
    "full padding": (MaxPool(2, 1, padding="full"), [1, 2], [1, 2, 2], [1, 10, 100], [1, 110]),
    "dilation": (MaxPool(2, 1, dilation=2), [4, 1, 3, 2], [4, 2], [5, 7], [5, 0, 0, 7]),
    "a window that meets nothing": (MaxPool(2, dilation=2, padding=1), [3], [-INF], [5], [0]),
    "first winner": (MaxPool(3), [2, 2, 1], [2], [6], [6, 0, 0]),
    "last winner": (MaxPool(3, ties="last"), [2, 2, 1], [2], [6], [0, 6, 0]),
    "equal shares": (MaxPool(3, ties="split"), [2, 2, 1], [2], [6], [3, 3, 0]),
    "a unit wins one tie and loses the other": (MaxPool(2, 1), [2, 2, 2], [2, 2], [5, 7], [5, 7, 0]),
    "minus zero ties with zero": (MaxPool(2), [0.0, -0.0], [0], [5], [5, 0]),
    "NaN wins": (MaxPool(2), [1, NAN, 2, 3], [NAN, 3], [5, 7], [0, 5, 0, 7]),
    "the first NaN wins": (MaxPool(3), [9, NAN, NAN], [NAN], [5], [0, 5, 0]),
    "the last NaN wins": (MaxPool(3, ties="last"), [9, NAN, NAN], [NAN], [5], [0, 0, 5]),
    "NaN share": (MaxPool(3, ties="split"), [9, NAN, NAN], [NAN], [6], [0, 3, 3]),
    "an infinite error reaches the winner alone": (MaxPool(2), [1, 2, 3, 4], [2, 4], [INF, NAN], [0, INF, 0, NAN]),
}


@pytest.mark.parametrize(("pool", "x", "y", "delta", "gradient"), ROWS.values(), ids=ROWS)
def test_max_pool_gives_the_answer_worked_out_by_hand(pool, x, y, delta, gradient):
    np.testing.assert_array_equal(pool.forward(row(x)), row(y))
    np.testing.assert_array_equal(pool.backward(row(delta), row(x)), row(gradient))


# Two winners, at (0, 1) and (1, 0): row-major order is not the order of columns.
ANTIDIAGONAL = np.array([[[[0.0, 5.0], [5.0, 0.0]]]])


@pytest.mark.parametrize(
    ("ties", "gradient"),
    [("first", [[0, 6], [0, 0]]), ("last", [[0, 0], [6, 0]]), ("split", [[0, 3], [3, 0]])],
)
def test_ties_are_resolved_in_row_major_order_of_the_window(ties, gradient):
    found = MaxPool(2, ties=ties).backward(np.array([[[[6.0]]]]), ANTIDIAGONAL)
    assert found.tolist() == [[gradient]]


def test_split_shares_equally_however_the_winners_are_spread_over_rows():
    x = np.array([[[[7.0, 7.0], [1.0, 7.0]]]])
    assert MaxPool(2, ties="split").backward(np.array([[[[6.0]]]]), x).tolist() == [[[[2, 2], [0, 2]]]]


def test_ties_in_three_dimensions_go_to_the_first_and_the_last_of_the_box():
    x, delta = np.ones((1, 1, 2, 2, 2)), np.full((1, 1, 1, 1, 1), 8.0)
    assert MaxPool(2).backward(delta, x).ravel().tolist() == [8, 0, 0, 0, 0, 0, 0, 0]
    assert MaxPool(2, ties="last").backward(delta, x).ravel().tolist() == [0, 0, 0, 0, 0, 0, 0, 8]
    assert MaxPool(2, ties="split").backward(delta, x).ravel().tolist() == [1] * 8


def test_channels_and_samples_are_pooled_apart():
    x = np.array([[[1.0, 2.0], [4.0, 3.0]], [[6.0, 5.0], [7.0, 8.0]]])
    assert MaxPool(2).forward(x).tolist() == [[[2], [4]], [[6], [8]]]
    delta = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
    assert MaxPool(2).backward(delta, x).tolist() == [[[0, 1], [2, 0]], [[3, 0], [0, 4]]]


def test_options_differ_from_axis_to_axis():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    pool = MaxPool((2, 3), (1, 2), padding=(0, 1), dilation=(2, 1))
    assert pool.forward(x).tolist() == [[[[9, 11]]]]
    assert pool.backward(np.array([[[[5.0, 7.0]]]]), x).sum(axis=2).tolist() == [[[0, 5, 0, 7]]]


def test_complex_entries_compete_by_their_real_part():
    x = np.array([[[1 + 9j, 2 - 1j, 2 + 5j, complex(NAN, 1)]]])
    np.testing.assert_array_equal(MaxPool(3, 1).forward(x), [[[2 - 1j, complex(NAN, 1)]]])


REFUSED = {
    "kernel of 0": ({"kernel_size": 0}, r"`kernel_size` must be an int of at least 1.* it is 0"),
    "stride of 0": ({"kernel_size": 2, "stride": 0}, r"`stride` must be an int of at least 1.* it is 0"),
    "negative padding": ({"kernel_size": 2, "padding": -1}, r"`padding` must be an int of at least 0.* it is -1"),
    "dilation of 0": ({"kernel_size": 2, "dilation": 0}, r"`dilation` must be an int of at least 1.* it is 0"),
    "unknown rule": ({"kernel_size": 2, "ties": "all"}, r"`ties` must be one of first, last, split; it is 'all'"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_max_pool_refuses_a_hyperparameter_and_says_what_must_hold(options, words):
    with pytest.raises(InvalidInput, match=words):
        MaxPool(**options)


def test_padding_as_wide_as_the_window_is_refused():
    with pytest.raises(InvalidInput, match=r"`padding` of a pool must be smaller than its window.* it is \(2, 2\)"):
        MaxPool(2, padding=2).forward(np.ones((1, 1, 3)))


@pytest.mark.parametrize(
    ("options", "size"), [({}, 2), ({"ceil_mode": True, "stride": 1}, 2), ({"ceil_mode": True, "stride": 2}, 1)]
)
def test_a_kernel_that_hangs_over_by_a_stride_or_more_is_refused(options, size):
    with pytest.raises(
        InvalidInput, match=rf"the kernel must fit into the padded input.* it spans 3 .* has {size} \+ 0"
    ):
        MaxPool(3, **options).forward(np.ones((1, 1, size)))


def test_a_kernel_with_too_few_axes_is_refused():
    with pytest.raises(InvalidInput, match=r"`kernel_size` must hold one int for each of the 2 spatial axes"):
        MaxPool((2,)).forward(np.ones((1, 1, 3, 3)))
