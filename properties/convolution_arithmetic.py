"""The sizes of outputs: Dumoulin and Visin's relationships 1 to 15, each under its own precondition."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gradcheck.layers import Conv, ConvTranspose, MaxPool
from properties.drawing import integers, seeds

sizes, kernels, strides, pads = st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4)


def out(i: int, k: int, **options) -> int:
    """Return the output size of a convolution of i entries with a kernel of k."""
    return Conv(**options).forward(np.zeros((1, 1, i)), np.zeros((1, 1, k))).shape[2]


def back(i: int, k: int, **options) -> int:
    """Return the output size of a transposed convolution of i entries with a kernel of k."""
    return ConvTranspose(**options).forward(np.zeros((1, 1, i)), np.zeros((1, 1, k))).shape[2]


@given(sizes, kernels, pads)
def test_unit_strides_give_i_minus_k_plus_twice_p_plus_1(i, k, p):
    # Relationships 1 and 2; the article's (H - k1 + 1) x (W - k2 + 1) is p = 0.
    assume(i + 2 * p >= k)
    assert out(i, k, padding=p) == i - k + 2 * p + 1


@given(sizes, st.sampled_from([1, 3, 5]))
def test_half_padding_keeps_the_size_for_odd_kernels(i, k):
    # Relationship 3.
    assert out(i, k, padding=k // 2) == i == out(i, k, padding="same")


def test_half_padding_does_not_keep_the_size_for_even_kernels():
    assert out(5, 4, padding=2) == 6
    assert out(5, 4, padding="same") == 5


@given(sizes, kernels)
def test_full_padding_gives_i_plus_k_minus_1(i, k):
    # Relationship 4.
    assert out(i, k, padding=k - 1) == i + k - 1 == out(i, k, padding="full")


@given(sizes, kernels, strides, pads)
def test_strides_divide_and_round_down(i, k, s, p):
    # Relationships 5 and 6.
    assume(i + 2 * p >= k)
    assert out(i, k, stride=s, padding=p) == (i + 2 * p - k) // s + 1


@given(sizes, kernels, strides)
def test_pooling_without_padding_divides_and_rounds_down(i, k, s):
    # Relationship 7; with ceil_mode up, if the last window begins within the input.
    assume(i >= k)
    assert MaxPool(k, s).forward(np.zeros((1, 1, i))).shape[2] == (i - k) // s + 1
    up = -(-(i - k) // s) + 1
    up -= (up - 1) * s >= i
    assert MaxPool(k, s, ceil_mode=True).forward(np.zeros((1, 1, i))).shape[2] == up


@given(sizes, kernels, pads)
def test_transposed_convolution_with_unit_strides_gives_back_the_size(i, k, p):
    # Relationships 8 to 11: o' = i' + (k - 1) - 2p.
    assume(i + 2 * p >= k)
    o = out(i, k, padding=p)
    assert back(o, k, padding=p) == o + (k - 1) - 2 * p == i


@given(sizes, kernels, strides, pads)
@example(5, 3, 2, 0)
def test_transposed_convolution_gives_back_the_size_where_the_stride_divides(i, k, s, p):
    # Relationships 12 and 13: o' = s(i' - 1) + k - 2p.
    assume(i + 2 * p >= k and (i + 2 * p - k) % s == 0)
    o = out(i, k, stride=s, padding=p)
    assert back(o, k, stride=s, padding=p) == s * (o - 1) + k - 2 * p == i


@given(sizes, kernels, strides, pads)
@example(6, 3, 2, 1)
def test_the_remainder_as_output_padding_gives_back_the_size(i, k, s, p):
    # Relationship 14: o' = s(i' - 1) + a + k - 2p with a = (i + 2p - k) mod s.
    assume(i + 2 * p >= k)
    a = (i + 2 * p - k) % s
    o = out(i, k, stride=s, padding=p)
    assume(s * (o - 1) + k - 2 * p >= 1)
    assert back(o, k, stride=s, padding=p, output_padding=a) == i
    assert back(o, k, stride=s, padding=p) == i - a


@given(sizes, kernels, strides, pads, st.integers(1, 4))
def test_a_dilated_kernel_counts_with_its_span(i, k, s, p, d):
    # Relationship 15: k becomes k + (k - 1)(d - 1).
    span = k + (k - 1) * (d - 1)
    assume(i + 2 * p >= span)
    assert out(i, k, stride=s, padding=p, dilation=d) == (i + 2 * p - k - (k - 1) * (d - 1)) // s + 1


@pytest.mark.parametrize(("i", "o"), [(5, 2), (6, 2)])
def test_two_input_sizes_share_an_output_size_where_the_stride_leaves_a_remainder(i, o):
    # Why the transposed layer must be told: 5 and 6 entries both give 2 outputs.
    assert out(i, 3, stride=2) == o
    assert back(o, 3, stride=2, output_padding=i - 5) == i


@given(sizes, st.integers(2, 4), pads)
def test_relationship_2_fails_without_its_precondition_of_unit_strides(i, s, p):
    # Two outputs or more are counted by steps of 1; larger steps leave fewer.
    assume(i + 2 * p >= 2)
    assert out(i, 1, stride=s, padding=p) < i + 2 * p


@given(sizes, kernels, st.integers(2, 4))
def test_relationships_1_and_4_fail_without_unit_strides(i, k, s):
    assert out(i, k, padding="full", stride=s) < i + k - 1 or i + k == 2
    assume(i > k)
    assert out(i, k, stride=s) < i - k + 1


@given(sizes, kernels, strides, pads)
def test_relationship_5_fails_with_padding_of_a_stride(i, k, s, p):
    # Without padding (i - k) // s + 1; zeros on both sides that make a stride together make an output more.
    assume(i >= k and 2 * p >= s)
    assert out(i, k, stride=s, padding=p) > (i - k) // s + 1


@given(st.integers(2, 4), st.integers(0, 3), st.integers(0, 3), st.integers(1, 3))
def test_relationship_7_fails_where_a_window_may_hang_over(s, wider, steps, rest):
    # A kernel as large as the stride, and a rest of it: the last window begins within the input.
    assume(rest < s)
    k = s + wider
    i = k + steps * s + rest
    assert MaxPool(k, s).forward(np.zeros((1, 1, i))).shape[2] == (i - k) // s + 1
    assert MaxPool(k, s, ceil_mode=True).forward(np.zeros((1, 1, i))).shape[2] == (i - k) // s + 2


@given(st.integers(2, 12), kernels, st.integers(2, 4), pads)
def test_relationships_8_to_11_fail_without_unit_strides(o, k, s, p):
    # Each of the o - 1 gaps holds s - 1 further entries.
    assume(o + k - 1 - 2 * p >= 1)
    assert back(o, k, stride=s, padding=p) - (o + (k - 1) - 2 * p) == (o - 1) * (s - 1)


@given(sizes, kernels, st.integers(2, 4), st.integers(0, 3))
def test_relationship_14_fails_with_any_other_remainder(i, k, s, other):
    assume(i >= k and other < s)
    a = (i - k) % s
    assert (back(out(i, k, stride=s), k, stride=s, output_padding=other) == i) == (other == a)


@given(sizes, st.sampled_from([2, 4]))
def test_relationship_3_fails_for_every_even_kernel(i, k):
    assert out(i, k, padding=k // 2) == i + 1


@given(sizes, kernels, strides, pads)
def test_relationships_12_and_13_fail_wherever_the_stride_does_not_divide(i, k, s, p):
    assume(i + 2 * p >= k and (i + 2 * p - k) % s != 0)
    o = out(i, k, stride=s, padding=p)
    assume(s * (o - 1) + k - 2 * p >= 1)
    assert back(o, k, stride=s, padding=p) < i


@given(sizes, st.integers(2, 4), st.integers(2, 4))
def test_relationship_15_counts_the_span_and_not_the_kernel(i, k, d):
    # Each of the k - 1 gaps holds d - 1 entries that the undilated formula leaves out.
    assume(i >= k + (k - 1) * (d - 1))
    assert out(i, k) - out(i, k, dilation=d) == (k - 1) * (d - 1)


@given(sizes, kernels, strides, pads, st.integers(1, 3), seeds)
def test_transposed_convolution_is_the_adjoint_of_convolution_exactly(i, k, s, p, d, seed):
    span = d * (k - 1) + 1
    assume(i + 2 * p >= span)
    x, w = integers(seed, (1, 2, i)), integers(seed + 1, (3, 2, k))
    how = {"stride": s, "padding": p, "dilation": d}
    y = Conv(**how).forward(x, w)
    u = integers(seed + 2, y.shape)
    rest = (i + 2 * p - span) % s
    assume(s * (y.shape[2] - 1) + span - 2 * p + rest >= 1)
    assert np.sum(y * u) == np.sum(x * ConvTranspose(**how, output_padding=rest).forward(u, w))
