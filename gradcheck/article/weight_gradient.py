"""Eqs. 10 to 15, transcribed: from the chain rule to the gradient of the kernel."""

from dataclasses import replace
from fractions import Fraction

from gradcheck.article.cases import Case, derivative, moved
from gradcheck.article.forward_pass import eq7, valid_convolution
from gradcheck.article.indexing import At, convolution, correlation, rebased, rot180


def error(case: Case) -> int:
    """The loss E = sum of delta x + curvature x² of x by Eq. 7, in which no two pixels have the same derivative."""
    total = 0
    for at in case.outputs():
        x = eq7(case, at)
        total += int(case.delta[at]) * x + int(case.curvature[at]) * x * x
    return total


def delta_of(case: Case, at: At) -> int:
    """Eq. 15 for that loss: dE/dx = delta + 2 curvature x at one pixel."""
    return int(case.delta[at]) + 2 * int(case.curvature[at]) * eq7(case, at)


def with_weight(case: Case, tap: At, step: int) -> Case:
    """Return the case with w(m', n') moved by a step."""
    return replace(case, kernel=moved(case.kernel, (0, *tap), step))


def gradient(case: Case, tap: At) -> Fraction:
    """DE/dw(m', n'), by exact differences of the whole forward pass."""
    return derivative(lambda h: error(with_weight(case, tap, h)))


def eq13(case: Case, at: At) -> int:
    """Sum over i to H - k1 and j to W - k2 of delta(i, j) o(i + m', j + n')."""
    (m, n), (height, width), (k1, k2) = at, case.map_size, case.kernel_size
    d, o = case.d(), case.o()
    return sum(d(i, j) * o(i + m, j + n) for i in range(height - k1 + 1) for j in range(width - k2 + 1))


def eq10(case: Case, tap: At) -> Fraction:
    """Eq. 10, second line."""
    (height, width), (k1, k2) = case.map_size, case.kernel_size
    total = Fraction(0)
    for i in range(height - k1 + 1):
        for j in range(width - k2 + 1):
            total += delta_of(case, (i, j)) * slope_of_x(case, (i, j, *tap))
    return total


def slope_of_x(case: Case, at: At) -> Fraction:
    """dx(i, j) / dw(m', n')."""
    return derivative(lambda h: eq7(with_weight(case, at[2:], h), at[:2]))


def eq11(case: Case, at: At) -> Fraction:
    """Eq. 11, right side."""
    (i, j), tap, (k1, k2) = at[:2], at[2:], case.kernel_size

    def expanded(h: int) -> int:
        w, o = with_weight(case, tap, h).w(), case.o()
        return sum(w(m, n) * o(i + m, j + n) for m in range(k1) for n in range(k2)) + case.b()(0, 0)

    return derivative(expanded)


def eq12(case: Case, at: At) -> int:
    """Eq. 12, last line."""
    i, j, m, n = at
    return case.o()(i + m, j + n)


def slope_of_term(case: Case, at: At) -> Fraction:
    """The derivative by w(m', n') of one term, w(m, n) o(i + m, j + n)."""
    (i, j, m, n), tap = at[:4], at[4:]
    return derivative(lambda h: with_weight(case, tap, h).w()(m, n) * case.o()(i + m, j + n))


def term_of_eq12(case: Case, at: At) -> int:
    """Zero but where m = m' and n = n'."""
    i, j, m, n, *tap = at
    return case.o()(i + m, j + n) if (m, n) == tuple(tap) else 0


def gradient_by_eq13(case: Case, at: At) -> int:
    """Eq. 13 with the delta of the quadratic loss."""
    (m, n), (height, width), (k1, k2) = at, case.map_size, case.kernel_size
    total = 0
    for i in range(height - k1 + 1):
        for j in range(width - k2 + 1):
            total += delta_of(case, (i, j)) * case.o()(i + m, j + n)
    return total


def eq14(case: Case, at: At) -> int:
    """Eq. 14: o * rot180{delta}, re-based to valid."""
    size = case.output_size
    return valid_convolution(case.o(), rot180(case.d(), size), size)(*at)


def eq14_delta_is_the_image(case: Case, at: At) -> int:
    """Eq. 14: rot180{delta} * o, zeros outside, re-based by the size of delta."""
    (rows, columns), size = case.output_size, case.map_size
    turned = rot180(case.d("zero"), (rows, columns))
    return rebased(convolution(turned, case.o(), size), rows - 1, columns - 1)(*at)


def eq14_printed_index(case: Case, at: At) -> int:
    """Eq. 14: o * rot180{delta} at (m', n')."""
    size = case.output_size
    return convolution(case.o(), rot180(case.d(), size), size)(*at)


def eq14_printed_index_zero(case: Case, at: At) -> int:
    """The same with zeros outside."""
    size = case.output_size
    return convolution(case.o("zero"), rot180(case.d(), size), size)(*at)


def eq14_correlation(case: Case, at: At) -> int:
    """Eq. 14 with ⊗ for *: o ⊗ rot180{delta}."""
    size = case.output_size
    return correlation(case.o(), rot180(case.d(), size), size)(*at)


def eq14_correlation_delta_is_the_image(case: Case, at: At) -> int:
    """Eq. 14 with ⊗ for *: rot180{delta} ⊗ o, zeros outside, re-based by the kernel."""
    (height, width), (k1, k2) = case.map_size, case.kernel_size
    turned = rot180(case.d("zero"), case.output_size)
    return rebased(correlation(turned, case.o(), (height, width)), 1 - k1, 1 - k2)(*at)


def eq14_turning_o(case: Case, at: At) -> int:
    """rot180{o} * delta, re-based to valid."""
    size = case.output_size
    return valid_convolution(rot180(case.o(), case.map_size), case.d(), size)(*at)


def eq14_without_rotation(case: Case, at: At) -> int:
    """O ⊗ delta."""
    size = case.output_size
    return correlation(case.o(), case.d(), size)(*at)


def eq15(case: Case, at: At) -> Fraction:
    """Eq. 15, by exact differences of the loss."""
    x = eq7(case, at)
    return derivative(lambda h: int(case.delta[at]) * (x + h) + int(case.curvature[at]) * (x + h) ** 2)
