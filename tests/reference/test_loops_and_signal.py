"""The references against answers worked out by hand; both implementations run through the same tables."""

from types import ModuleType

import numpy as np
import pytest

from reference import loops, signal
from reference.geometry import Pool, Sliding


def axis(values):
    """Make a (1, 1, length) array of one row of numbers."""
    return np.array([[values]], float)


def slide(stride=1, padding=(0, 0), dilation=1, *, flip=False):
    return Sliding((stride,), (padding,), (dilation,), 1, flip)


# x = 1 2 3 4, w = 10 1: each output is 10·(first tap) + 1·(second tap).
CONVOLUTIONS = {
    # 10+2, 20+3, 30+4
    "plain": (slide(), [12, 23, 34]),
    # flipped: 1+20, 2+30, 3+40
    "true convolution": (slide(flip=True), [21, 32, 43]),
    # windows at 1 2 and 3 4
    "stride 2": (slide(stride=2), [12, 34]),
    # 1 3 and 2 4
    "dilation 2": (slide(dilation=2), [13, 24]),
    # true convolution: the second tap reads first: 1·1 + 10·3, 1·2 + 10·4
    "dilation 2, flipped": (slide(dilation=2, flip=True), [31, 42]),
    # one zero in front: 0 1 | 1 2 | 2 3 | 3 4
    "padding before": (slide(padding=(1, 0)), [1, 12, 23, 34]),
    # two zeros behind: ... 4 0 | 0 0
    "padding after": (slide(padding=(0, 2)), [12, 23, 34, 40, 0]),
    # 0 1 | 2 3 | 4 0
    "padding and stride": (slide(stride=2, padding=(1, 1)), [1, 23, 40]),
}


@pytest.mark.parametrize("reference", [loops, signal])
@pytest.mark.parametrize(("how", "expected"), CONVOLUTIONS.values(), ids=CONVOLUTIONS.keys())
def test_convolution_has_the_outputs_worked_out_by_hand(reference: ModuleType, how, expected):
    out = reference.convolution(axis([1, 2, 3, 4]), axis([10, 1]), None, how)
    assert out.tolist() == [[expected]]


# The same x and w with δ = 1, 100, ...: digits show which output reached which entry.
GRADIENTS = {
    # o0 = 10·x0 + x1, o1 = 10·x1 + x2, o2 = 10·x2 + x3, δ = 1 100 10000:
    # dx = 10, 1 + 1000, 100 + 100000, 10000; dw0 = 1·1 + 100·2 + 10000·3, dw1 = 1·2 + 100·3 + 10000·4
    "plain": (slide(), [1, 100, 10000], [10, 1001, 100100, 10000], [30201, 40302]),
    # o0 = x0 + 10·x1, ...: dx = 1, 10 + 100, 1000 + 10000, 100000; the two taps change places
    "true convolution": (slide(flip=True), [1, 100, 10000], [1, 110, 11000, 100000], [40302, 30201]),
    # o0 = 10·x0 + x1, o1 = 10·x2 + x3: dx = 10, 1, 1000, 100; dw0 = 1 + 300, dw1 = 2 + 400
    "stride 2": (slide(stride=2), [1, 100], [10, 1, 1000, 100], [301, 402]),
    # o0 = 10·x0 + x2, o1 = 10·x1 + x3: dx = 10, 1000, 1, 100; dw0 = 1 + 200, dw1 = 3 + 400
    "dilation 2": (slide(dilation=2), [1, 100], [10, 1000, 1, 100], [201, 403]),
    # o0 = x0, o1 = 10·x1 + x2, o2 = 10·x3: dx = 1, 1000, 100, 100000; dw0 = 100·2 + 10000·4, dw1 = 1 + 100·3
    "padding and stride": (slide(2, (1, 1)), [1, 100, 10000], [1, 1000, 100, 100000], [40200, 301]),
}


@pytest.mark.parametrize("reference", [loops, signal])
@pytest.mark.parametrize(("how", "delta", "grad_input", "grad_weight"), GRADIENTS.values(), ids=GRADIENTS.keys())
def test_convolution_has_the_gradients_worked_out_by_hand(reference, how, delta, grad_input, grad_weight):
    x, w, d = axis([1, 2, 3, 4]), axis([10, 1]), axis(delta)
    assert reference.convolution_grad_input(d, x, w, how).tolist() == [[grad_input]]
    assert reference.convolution_grad_weight(d, x, w, how).tolist() == [[grad_weight]]
    assert reference.grad_bias(d).tolist() == [sum(delta)]


@pytest.mark.parametrize("reference", [loops, signal])
def test_convolution_in_two_dimensions_reads_rows_and_columns_in_order(reference):
    # Window at (0, 0): 1·1 + 2·10 + 4·100 + 5·1000; at (0, 1): 2 + 30 + 500 + 6000.
    image = np.array([[[[1, 2, 3], [4, 5, 6]]]], float)
    kernel = np.array([[[[1, 10], [100, 1000]]]], float)
    how = Sliding((1, 1), ((0, 0), (0, 0)), (1, 1))
    assert reference.convolution(image, kernel, None, how).tolist() == [[[[5421, 6532]]]]


@pytest.mark.parametrize("reference", [loops, signal])
def test_convolution_keeps_groups_apart_and_adds_the_bias(reference):
    # Two groups of one channel each, two maps a group: maps 0 and 1 see channel 0 only, 2 and 3 channel 1 only.
    x = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    w = np.array([1.0, 10.0, 100.0, 1000.0]).reshape(4, 1, 1)
    how = Sliding((1,), ((0, 0),), (1,), groups=2)
    out = reference.convolution(x, w, np.array([0.5, 0, 0, 0]), how)
    assert out.tolist() == [[[1.5, 2.5], [10, 20], [300, 400], [3000, 4000]]]
    # δ = 1 everywhere: channel 0 gets 1 + 10, channel 1 gets 100 + 1000; each weight gets the sum of its channel.
    assert reference.convolution_grad_input(np.ones((1, 4, 2)), x, w, how).tolist() == [[[11, 11], [1100, 1100]]]
    assert reference.convolution_grad_weight(np.ones((1, 4, 2)), x, w, how).ravel().tolist() == [3, 3, 7, 7]


# x = 1 2 3, w = 10 1: x[i] puts 10·x[i] and x[i] down, i·stride cells from the start.
TRANSPOSED = {
    # 10, 1 + 20, 2 + 30, 3
    "plain": (slide(), 0, [10, 21, 32, 3]),
    "flipped": (slide(flip=True), 0, [1, 12, 23, 30]),
    "stride 2": (slide(stride=2), 0, [10, 1, 20, 2, 30, 3]),
    # stride 3 leaves a hole after each pair; output_padding adds the last hole
    "stride 3": (slide(stride=3), 0, [10, 1, 0, 20, 2, 0, 30, 3]),
    "stride 3 with remainder": (slide(stride=3), 1, [10, 1, 0, 20, 2, 0, 30, 3, 0]),
    # 10, 20, 1 + 30, 2, 3
    "dilation 2": (slide(dilation=2), 0, [10, 20, 31, 2, 3]),
    # the plain result with one cell cut off in front
    "padding before": (slide(padding=(1, 0)), 0, [21, 32, 3]),
    # two cut off behind, one of them given back
    "padding after, remainder": (slide(2, (0, 2)), 1, [10, 1, 20, 2, 30]),
}


@pytest.mark.parametrize("reference", [loops, signal])
@pytest.mark.parametrize(("how", "rest", "expected"), TRANSPOSED.values(), ids=TRANSPOSED.keys())
def test_transposed_convolution_has_the_outputs_worked_out_by_hand(reference, how, rest, expected):
    out = reference.transposed_convolution(axis([1, 2, 3]), axis([10, 1]), None, how, (rest,))
    assert out.tolist() == [[expected]]


@pytest.mark.parametrize("reference", [loops, signal])
def test_transposed_convolution_has_the_gradients_worked_out_by_hand(reference):
    # y = 10·x0, x0, 10·x1, x1 and δ = 1 100 10000 1000000:
    # dx = 10 + 100, 100000 + 1000000; dw0 = 1·1 + 2·10000, dw1 = 1·100 + 2·1000000
    x, w, d, how = axis([1, 2]), axis([10, 1]), axis([1, 100, 10000, 1000000]), slide(stride=2)
    assert reference.transposed_grad_input(d, x, w, how).tolist() == [[[110, 1100000]]]
    assert reference.transposed_grad_weight(d, x, w, how).tolist() == [[[20001, 2000100]]]


def pool(kernel, stride, padding=(0, 0), dilation=1, *, ceil_mode=False):
    return Pool((kernel,), (stride,), (padding,), (dilation,), ceil_mode)


# x = 1 -2 3 3 -5
POOLS = {
    "plain": (pool(2, 2), [[0, 1], [2, 3]]),
    "overlapping": (pool(3, 1), [[0, 1, 2], [1, 2, 3], [2, 3, 4]]),
    "dilation 2": (pool(2, 1, dilation=2), [[0, 2], [1, 3], [2, 4]]),
    "ceil mode keeps the rest": (pool(2, 2, ceil_mode=True), [[0, 1], [2, 3], [4, 5]]),
    "padding": (pool(2, 2, (1, 0)), [[-1, 0], [1, 2], [3, 4]]),
    # a third window would start at 5, behind the input
    "ceil mode starts no window in the padding": (pool(2, 3, (1, 1), ceil_mode=True), [[-1, 0], [2, 3]]),
    "ceil mode may hang over by less than a stride": (pool(3, 2, ceil_mode=True), [[0, 1, 2], [2, 3, 4]]),
}


@pytest.mark.parametrize(("how", "windows"), POOLS.values(), ids=POOLS.keys())
def test_sliding_windows_are_those_counted_by_hand(how, windows):
    assert loops.sliding_windows((5,), how) == [windows]


@pytest.mark.parametrize(("how", "windows"), POOLS.values(), ids=POOLS.keys())
def test_max_pool_takes_the_largest_cell_of_each_window(how, windows):
    values = [1, -2, 3, 3, -5]
    expected = [max(values[p] for p in places if 0 <= p < 5) for places in windows]
    assert loops.max_pool(axis(values), [windows]).tolist() == [[expected]]
    assert signal.max_pool(axis(values), how).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("ties", "expected"), [("first", [0, 0, 10, 1, 0]), ("last", [0, 0, 0, 11, 0]), ("split", [0, 0, 5, 6, 0])]
)
def test_max_pool_grad_input_goes_to_the_winners_asked_for(ties, expected):
    # Windows 1 -2 3 3 (a tie of cells 2 and 3) and 3 -5 (cell 3 alone), δ = 10 and 1.
    windows = [[[0, 1, 2, 3], [3, 4]]]
    assert loops.max_pool_grad_input(axis([10, 1]), axis([1, -2, 3, 3, -5]), windows, ties).tolist() == [[expected]]


def test_adaptive_windows_are_those_counted_by_hand():
    # 5 cells on 3 outputs: [0, 5/3) [5/3, 10/3) [10/3, 5), each widened to whole cells; 2 on 3 repeats cells.
    assert loops.adaptive_windows((5,), (3,)) == [[[0, 1], [1, 2, 3], [3, 4]]]
    assert loops.adaptive_windows((2,), (3,)) == [[[0], [0, 1], [1]]]


@pytest.mark.parametrize(
    ("include", "override", "expected"),
    [
        # windows (pad, 6), (2, 4), (8, overhang): the padding counts if asked to, the overhang never
        (True, None, [3, 3, 8]),
        (False, None, [6, 3, 8]),
        (True, 4, [1.5, 1.5, 2]),
    ],
)
def test_avg_pool_divides_by_the_cells_that_count(include, override, expected):
    how, x = pool(2, 2, (1, 0), ceil_mode=True), axis([6, 2, 4, 8])
    windows = loops.sliding_windows((4,), how)
    sizes = loops.window_sizes(windows, (-1,) if include else (0,), (4,))
    divisors = sizes if override is None else dict.fromkeys(sizes, override)
    assert loops.avg_pool(x, windows, divisors).tolist() == [[expected]]
    assert signal.avg_pool(x, how, count_include_pad=include, divisor_override=override).tolist() == [[expected]]


def test_avg_pool_grad_input_gives_each_cell_its_share():
    # Windows of 2 and 4 cells, δ = 2 and 8: shares of 1 and 2; cell 1 is in both.
    windows = [[[0, 1], [1, 2, 3, 4]]]
    divisors = loops.window_sizes(windows, (0,), (5,))
    assert loops.avg_pool_grad_input(axis([2, 8]), axis([0] * 5), windows, divisors).tolist() == [[[1, 3, 2, 2, 2]]]


def test_lp_pool_is_the_norm_and_its_gradient_the_unit_vector():
    # |(3, -4)| = 5 with gradient (3/5, -4/5); the norm of zeros is 0 and passes nothing back.
    windows, x = [[[0, 1], [2, 3]]], axis([3, -4, 0, 0])
    assert loops.lp_pool(x, windows, 2).tolist() == [[[5, 0]]]
    assert signal.lp_pool(x, pool(2, 2), 2).tolist() == [[[5, 0]]]
    assert loops.lp_pool_grad_input(axis([5, 1]), x, windows, 2).tolist() == [[[3, -4, 0, 0]]]
    # p = 1: the sum of absolute values, with the signs as gradient
    assert loops.lp_pool(x, windows, 1).tolist() == [[[7, 0]]]
    assert loops.lp_pool_grad_input(axis([5, 1]), x, windows, 1).tolist() == [[[5, -5, 0, 0]]]
