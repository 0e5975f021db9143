"""Eqs. 16 to 22, transcribed: from the region Q to the gradient of the layer before.

`case.image` is x^l here and o^l = f(x^l); `case.kernel` is w^{l+1}, and x^{l+1} is Eq. 7 of o^l. Pixels are (i', j').
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from gradcheck.article.cases import Case, derivative, moved
from gradcheck.article.forward_pass import eq7
from gradcheck.article.indexing import At, Outside, Reader, convolution, correlation, rebased, rot180
from gradcheck.article.weight_gradient import delta_of, error


def activated(case: Case) -> Case:
    """Return the next layer's operands, whose image is o^l = f(x^l)."""
    values = [case.f(int(x)) for x in case.image[0].flat]
    return replace(case, image=np.array(values, np.int64).reshape(case.image.shape[1:])[None])


def with_pixel(case: Case, pixel: At, step: int) -> Case:
    """Return the next layer's operands after x^l(i', j') moved by a step."""
    return activated(replace(case, image=moved(case.image, (0, *pixel), step)))


def gradient(case: Case, pixel: At) -> Fraction:
    """DE/dx^l(i', j'), by exact differences of both layers' forward passes."""
    return derivative(lambda h: error(with_pixel(case, pixel, h)))


def slope(case: Case, pixel: At) -> int:
    """f'(x(i', j'))."""
    return case.slope_of_f(case.o()(*pixel))


def eq20(case: Case, at: At, outside: Outside = "zero") -> int:
    """The sum over m and n of delta(i' - m, j' - n) w(m, n), times f'."""
    (i, j), (k1, k2), d, w = at, case.kernel_size, case.d(outside), case.w()
    return sum(d(i - m, j - n) * w(m, n) for m in range(k1) for n in range(k2)) * slope(case, at)


def _next_delta(case: Case, outside: Outside) -> Reader:
    """delta^{l+1} of the quadratic loss, by Eq. 15."""
    following, (rows, columns) = activated(case), case.output_size

    def read(i: int, j: int) -> int:
        if 0 <= i < rows and 0 <= j < columns:
            return delta_of(following, (i, j))
        return case.d(outside)(i, j)

    return read


def _slope_of_next(case: Case, at: At, outside: Outside) -> Fraction:
    """dx^{l+1}(i, j) / dx^l(i', j'); outside of the output as the reading says."""
    (i, j), pixel = at[:2], at[2:]
    if outside == "zero" and not (0 <= i < case.output_size[0] and 0 <= j < case.output_size[1]):
        return Fraction(0)
    return derivative(lambda h: eq7(with_pixel(case, pixel, h), (i, j)))


def _eq16(case: Case, pixel: At, outside: Outside) -> Fraction:
    (i, j), (k1, k2) = pixel, case.kernel_size
    delta, total = _next_delta(case, outside), Fraction(0)
    for row in range(i - k1 + 1, i + 1):
        for column in range(j - k2 + 1, j + 1):
            total += delta(row, column) * _slope_of_next(case, (row, column, *pixel), outside)
    return total


def eq16_undefined(case: Case, pixel: At) -> Fraction:
    """Eq. 16 over the whole of Q; no value outside the output."""
    return _eq16(case, pixel, "undefined")


def eq16_zero(case: Case, pixel: At) -> Fraction:
    """Eq. 16 over the whole of Q; zero outside the output."""
    return _eq16(case, pixel, "zero")


def eq16_clipped(case: Case, pixel: At) -> Fraction:
    """Eq. 16 over the part of Q inside the output."""
    (i, j), (k1, k2), (rows, columns) = pixel, case.kernel_size, case.output_size
    delta, total = _next_delta(case, "undefined"), Fraction(0)
    for row in range(max(0, i - k1 + 1), min(rows - 1, i) + 1):
        for column in range(max(0, j - k2 + 1), min(columns - 1, j) + 1):
            total += delta(row, column) * _slope_of_next(case, (row, column, *pixel), "undefined")
    return total


def _eq17(case: Case, pixel: At, outside: Outside) -> Fraction:
    (i, j), (k1, k2) = pixel, case.kernel_size
    delta, total = _next_delta(case, outside), Fraction(0)
    for m in range(k1):
        for n in range(k2):
            total += delta(i - m, j - n) * _slope_of_next(case, (i - m, j - n, *pixel), outside)
    return total


def eq17_undefined(case: Case, pixel: At) -> Fraction:
    """Eq. 17; no value outside the output."""
    return _eq17(case, pixel, "undefined")


def eq17_zero(case: Case, pixel: At) -> Fraction:
    """Eq. 17; zero outside the output."""
    return _eq17(case, pixel, "zero")


def of_next(case: Case, at: At) -> Fraction:
    """dx^{l+1}(i' - m, j' - n) / dx^l(i', j') of the forward pass."""
    i, j, m, n = at
    return _slope_of_next(case, (i - m, j - n, i, j), "undefined")


def eq18(case: Case, at: At) -> Fraction:
    """Eq. 18, second line."""
    (i, j, m, n), (k1, k2) = at, case.kernel_size

    def expanded(h: int) -> int:
        x, w = replace(case, image=moved(case.image, (0, i, j), h)).o(), case.w()
        terms = (w(p, q) * case.f(x(i - m + p, j - n + q)) for p in range(k1) for q in range(k2))
        return sum(terms) + case.b()(0, 0)

    return derivative(expanded)


def eq19(case: Case, at: At) -> int:
    """Eq. 19, last line."""
    i, j, m, n = at
    return case.w()(m, n) * slope(case, (i, j))


def sum_of_eq18(case: Case, at: At) -> int:
    """The double sum of Eq. 18 as the forward pass has it."""
    i, j, m, n = at
    return eq7(activated(case), (i - m, j - n)) - case.b()(i - m, j - n)


def first_line_of_eq19(case: Case, at: At) -> int:
    """The terms that the first line prints: w(m', n') f(x(0 - m + m', 0 - n + n'))."""
    (_, _, m, n), (k1, k2), x, w = at, case.kernel_size, case.o(), case.w()
    total = 0
    for p in range(k1):
        for q in range(k2):
            total += w(p, q) * case.f(x(0 - m + p, 0 - n + q))
    return total


def first_line_corrected(case: Case, at: At) -> int:
    """The terms w(m', n') f(x(i' - m + m', j' - n + n'))."""
    (i, j, m, n), (k1, k2), x, w = at, case.kernel_size, case.o(), case.w()
    return sum(w(p, q) * case.f(x(i - m + p, j - n + q)) for p in range(k1) for q in range(k2))


def slope_of_term(case: Case, at: At) -> Fraction:
    """The derivative by x(i', j') of one term, w(m', n') f(x(i' - m + m', j' - n + n'))."""
    i, j, m, n, p, q = at

    def term(h: int) -> int:
        x = replace(case, image=moved(case.image, (0, i, j), h)).o()
        return case.w()(p, q) * case.f(x(i - m + p, j - n + q))

    return derivative(term)


def term_of_eq19(case: Case, at: At) -> int:
    """Zero but where m' = m and n' = n."""
    i, j, m, n, p, q = at
    return case.w()(m, n) * slope(case, (i, j)) if (p, q) == (m, n) else 0


def _gradient_by_eq20(case: Case, pixel: At, outside: Outside) -> int:
    (i, j), (k1, k2), delta, w = pixel, case.kernel_size, _next_delta(case, outside), case.w()
    return sum(delta(i - m, j - n) * w(m, n) for m in range(k1) for n in range(k2)) * slope(case, pixel)


def eq20_undefined(case: Case, pixel: At) -> int:
    """Eq. 20 with the delta of the quadratic loss; no value outside."""
    return _gradient_by_eq20(case, pixel, "undefined")


def eq20_zero(case: Case, pixel: At) -> int:
    """Eq. 20 with the delta of the quadratic loss; zero outside."""
    return _gradient_by_eq20(case, pixel, "zero")


def eq21_whole_sum(case: Case, at: At) -> int:
    """Eq. 21: the map of sums, re-based to the image, turned as a whole."""
    (height, width), (k1, k2) = case.map_size, case.kernel_size
    summed = rebased(correlation(case.d("zero"), case.w(), (k1, k2)), 1 - k1, 1 - k2)
    return rot180(summed, (height, width))(*at) * slope(case, at)


def eq21_whole_sum_printed(case: Case, at: At) -> int:
    """Eq. 21: the map of sums at the printed indices, turned as a whole."""
    summed = correlation(case.d("zero"), case.w(), case.kernel_size)
    return rot180(summed, case.map_size)(*at) * slope(case, at)


def eq21_undefined(case: Case, at: At) -> int:
    """The same without values outside."""
    summed = correlation(case.d(), case.w(), case.kernel_size)
    return rot180(summed, case.map_size)(*at) * slope(case, at)


def eq21_kernel(case: Case, at: At) -> int:
    """Eq. 21 with rot180 around w alone, delta re-based."""
    (i, j), (k1, k2), d = at, case.kernel_size, case.d("zero")
    turned = rot180(case.w(), (k1, k2))
    total = 0
    for m in range(k1):
        for n in range(k2):
            total += d(i + m - (k1 - 1), j + n - (k2 - 1)) * turned(m, n)
    return total * slope(case, at)


def eq22_correlation(case: Case, at: At) -> int:
    """Eq. 22 with ⊗ for *: delta ⊗ rot180{w}, zeros outside, re-based."""
    k1, k2 = case.kernel_size
    turned = rot180(case.w(), (k1, k2))
    return rebased(correlation(case.d("zero"), turned, (k1, k2)), 1 - k1, 1 - k2)(*at) * slope(case, at)


def eq22_valid(case: Case, at: At) -> int:
    """The same without zero padding."""
    size = case.kernel_size
    return correlation(case.d(), rot180(case.w(), size), size)(*at) * slope(case, at)


def eq22_convolution(case: Case, at: At) -> int:
    """Eq. 22 with Eq. 2 for *: delta * rot180{w}."""
    size = case.kernel_size
    return convolution(case.d("zero"), rot180(case.w(), size), size)(*at) * slope(case, at)


def eq22_kernel_is_the_image(case: Case, at: At) -> int:
    """Eq. 22 with ⊗ for *: rot180{w} ⊗ delta, zeros outside, re-based by the size of delta."""
    (rows, columns), size = case.output_size, case.kernel_size
    turned = rot180(case.w("zero"), size)
    return rebased(correlation(turned, case.d(), (rows, columns)), 1 - rows, 1 - columns)(*at) * slope(case, at)


def eq22_without_rotation(case: Case, at: At) -> int:
    """Delta * w."""
    return convolution(case.d("zero"), case.w(), case.kernel_size)(*at) * slope(case, at)
