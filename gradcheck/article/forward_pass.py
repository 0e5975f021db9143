"""Eqs. 1 to 9, transcribed: loops and indices as printed, one function a side."""

from fractions import Fraction

import numpy as np

from gradcheck.article.cases import Case, derivative
from gradcheck.article.indexing import At, Reader, convolution, correlation, rebased, rot180


def valid_convolution(image: Reader, kernel: Reader, size: tuple[int, int]) -> Reader:
    """Eq. 2, re-based: its first index that reads inside the image, (k1 - 1, k2 - 1), becomes (0, 0)."""
    return rebased(convolution(image, kernel, size), size[0] - 1, size[1] - 1)


def eq1(case: Case, at: At) -> int:
    """Eq. 1 as printed."""
    return correlation(case.o(), case.w(), case.kernel_size)(*at)


def eq1_full(case: Case, at: At) -> int:
    """Eq. 1 with zeros outside, from its first index at which the kernel touches the image."""
    k1, k2 = case.kernel_size
    return rebased(correlation(case.o("zero"), case.w(), (k1, k2)), 1 - k1, 1 - k2)(*at)


def eq2(case: Case, at: At) -> int:
    """Eq. 2 as printed, with zeros outside."""
    return convolution(case.o("zero"), case.w(), case.kernel_size)(*at)


def eq2_valid(case: Case, at: At) -> int:
    """Eq. 2, re-based to valid."""
    return valid_convolution(case.o(), case.w(), case.kernel_size)(*at)


def eq3(case: Case, at: At) -> int:
    """Eq. 3, ranges as printed."""
    (i, j), (k1, k2) = at, case.kernel_size
    return sum(case.o("zero")(i + m, j + n) * case.w()(-m, -n) for m in range(k1) for n in range(k2))


def eq3_zero(case: Case, at: At) -> int:
    """Eq. 3, ranges as printed, K zero outside."""
    (i, j), (k1, k2) = at, case.kernel_size
    return sum(case.o("zero")(i + m, j + n) * case.w("zero")(-m, -n) for m in range(k1) for n in range(k2))


def eq3_backwards(case: Case, at: At) -> int:
    """Eq. 3, m and n from -(k - 1) to 0."""
    (i, j), (k1, k2) = at, case.kernel_size
    o, w = case.o("zero"), case.w()
    return sum(o(i + m, j + n) * w(-m, -n) for m in range(1 - k1, 1) for n in range(1 - k2, 1))


def eq3_rotated(case: Case, at: At) -> int:
    """Eq. 3 with K(k1 - 1 - m, k2 - 1 - n) for K(-m, -n)."""
    return correlation(case.o(), rot180(case.w(), case.kernel_size), case.kernel_size)(*at)


def eq3_rotated_full(case: Case, at: At) -> int:
    """The same with zeros outside of I."""
    return correlation(case.o("zero"), rot180(case.w(), case.kernel_size), case.kernel_size)(*at)


def full(case: Case) -> np.ndindex:
    """All (i, j) at which the kernel touches the image."""
    (height, width), (k1, k2) = case.map_size, case.kernel_size
    return np.ndindex(height + k1 - 1, width + k2 - 1)


def eq4(case: Case, at: At) -> int:
    """Eqs. 4 and 5, right side."""
    return eq4_sum(case, at) + case.b()(*at)


def eq4_sum(case: Case, at: At) -> int:
    """Eq. 4, right side without b."""
    (i, j), (k1, k2), channels = at, case.kernel_size, len(case.image)
    total = 0
    for m in range(k1):
        for n in range(k2):
            for c in range(1, channels + 1):
                total += case.w(channel=c - 1)(m, n) * case.o(channel=c - 1)(i + m, j + n)
    return total


def channels_correlated(case: Case, at: At) -> int:
    """I ⊗ K, summed over the channels."""
    size, channels = case.kernel_size, range(len(case.image))
    return sum(correlation(case.o(channel=c), case.w(channel=c), size)(*at) for c in channels)


def channels_convolved(case: Case, at: At) -> int:
    """I * K re-based to valid, summed over the channels."""
    size, channels = case.kernel_size, range(len(case.image))
    return sum(valid_convolution(case.o(channel=c), case.w(channel=c), size)(*at) for c in channels)


def channels_convolved_rotated(case: Case, at: At) -> int:
    """rot180{K} * I re-based to valid, summed over the channels, plus b."""
    size, channels = case.kernel_size, range(len(case.image))
    return sum(
        valid_convolution(case.o(channel=c), rot180(case.w(channel=c), size), size)(*at) for c in channels
    ) + case.b()(*at)


def correlated_and_bias(case: Case, at: At) -> int:
    """I ⊗ K + b."""
    return channels_correlated(case, at) + case.b()(*at)


def convolved_and_bias(case: Case, at: At) -> int:
    """I * K + b, re-based to valid."""
    return channels_convolved(case, at) + case.b()(*at)


def eq6(case: Case, at: At) -> int:
    """Eq. 6 with Eq. 2 for *, re-based to valid."""
    size = case.kernel_size
    return valid_convolution(case.o(), rot180(case.w(), size), size)(*at) + case.b()(*at)


def eq6_printed_index(case: Case, at: At) -> int:
    """Eq. 6 with Eq. 2 for *, at the printed index."""
    size = case.kernel_size
    return convolution(case.o("zero"), rot180(case.w(), size), size)(*at) + case.b()(*at)


def eq6_correlation(case: Case, at: At) -> int:
    """Eq. 6 with Eq. 1 for *."""
    size = case.kernel_size
    return correlation(case.o(), rot180(case.w(), size), size)(*at) + case.b()(*at)


def eq6_w_is_the_image(case: Case, at: At) -> int:
    """Eq. 6 in the printed order: rot180{w} * o, zeros outside of w, re-based by the size of w."""
    (k1, k2), size = case.kernel_size, case.map_size
    turned = rot180(case.w("zero"), (k1, k2))
    return rebased(convolution(turned, case.o(), size), k1 - 1, k2 - 1)(*at) + case.b()(*at)


def eq6_correlation_w_is_the_image(case: Case, at: At) -> int:
    """Eq. 6 in the printed order with ⊗ for *: rot180{w} ⊗ o, zeros outside of w, re-based by the output's size."""
    (rows, columns), size = case.output_size, case.map_size
    turned = rot180(case.w("zero"), case.kernel_size)
    return rebased(correlation(turned, case.o(), size), 1 - rows, 1 - columns)(*at) + case.b()(*at)


def eq7(case: Case, at: At) -> int:
    """Eq. 7 as printed."""
    (i, j), (k1, k2) = at, case.kernel_size
    return sum(case.w()(m, n) * case.o()(i + m, j + n) for m in range(k1) for n in range(k2)) + case.b()(i, j)


def notation_6(case: Case, at: At) -> int:
    """The same with one bias b^l for the whole map, here that of the first pixel."""
    (i, j), (k1, k2) = at, case.kernel_size
    return sum(case.w()(m, n) * case.o()(i + m, j + n) for m in range(k1) for n in range(k2)) + case.b()(0, 0)


def eq8(case: Case, at: At) -> int:
    """Eq. 8 with the ReLU."""
    return max(0, case.o()(*at))


def layer_8(case: Case, at: At) -> int:
    """The layer ReLU."""
    from gradcheck.layers import ReLU

    return int(ReLU().forward(case.image[0].astype(np.float64))[at])


def squares(case: Case) -> int:
    """The sum over p of (t_p - y_p)²; t and y take the values of two maps, P is their number of pixels."""
    return sum((int(t) - int(y)) ** 2 for t, y in zip(case.delta.flat, case.bias.flat, strict=True))


def eq9(case: Case, _: At) -> Fraction:
    """Eq. 9 as printed."""
    return Fraction(1, 2) * squares(case)


def mean_squared_error(case: Case, _: At) -> Fraction:
    """(1 / P) times the sum of squares."""
    return Fraction(1, case.delta.size) * squares(case)


def layer_9(case: Case, _: At) -> Fraction:
    """The layer HalfSquaredError."""
    from gradcheck.layers import HalfSquaredError

    return Fraction(float(HalfSquaredError().forward(case.bias.astype(np.float64), case.delta.astype(np.float64))))


def slope_of_eq9(case: Case, at: At) -> Fraction:
    """dE/dy_p, by exact differences of the term that y_p is in."""
    t, y = int(case.delta[at]), int(case.bias[at])
    return derivative(lambda h: (t - y - h) ** 2) / 2


def residual(case: Case, at: At) -> int:
    """y_p - t_p."""
    return int(case.bias[at]) - int(case.delta[at])


def once(_: Case) -> list[At]:
    """The one index of a claim about a number."""
    return [()]
