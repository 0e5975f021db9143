"""The derivation of Eqs. 11, 12, 18 and 19 term by term, and the region Q: entries of Jacobians, held to both sides.

The article's transcriptions (gradcheck.article) and the slow loops (reference) know nothing of each other; here every
entry of the derivatives is compared, with those that must vanish.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.article import delta_gradient, weight_gradient
from gradcheck.article.cases import Case, cases
from gradcheck.article.forward_pass import eq7
from reference import loops
from reference.geometry import Sliding

PLAIN = Sliding((1, 1), ((0, 0), (0, 0)), (1, 1), 1, False)
FEWER = 15  # each case has hundreds of entries


def output(image, kernel):
    """Return Eq. 7 without its bias by the reference's loops."""
    return loops.convolution(image[None].astype(float), kernel[None].astype(float), None, PLAIN)[0, 0]


def jacobian(function, array):
    """Return d(output)/d(entry), exactly: the function is affine in the array, whose entries are integers."""
    base = function(array)
    result = np.zeros((*base.shape, *array.shape[1:]))
    for at in np.ndindex(*array.shape[1:]):
        moved = array.copy()
        moved[(0, *at)] += 1
        result[(..., *at)] = function(moved) - base
    return result


def activated(case: Case):
    a, b, c = (int(v) for v in case.activation)
    return a * case.image**2 + b * case.image + c


@settings(max_examples=FEWER)
@given(cases())
def test_equation_7_is_the_reference_convolution(case: Case):
    expected = output(case.image, case.kernel) + case.bias
    assert [eq7(case, at) for at in case.outputs()] == list(expected.ravel())


@settings(max_examples=FEWER)
@given(cases())
def test_equations_11_and_12_give_every_entry_of_the_jacobian_by_the_kernel(case: Case):
    found = jacobian(lambda kernel: output(case.image, kernel), case.kernel)
    for i, j in case.outputs():
        for m, n in case.taps():
            at = (i, j, m, n)
            assert found[at] == weight_gradient.eq11(case, at) == weight_gradient.eq12(case, at)


@settings(max_examples=FEWER)
@given(cases())
def test_each_term_of_equation_12_vanishes_but_one(case: Case):
    for at in list(case.outputs())[:3]:
        for tap in case.taps():
            terms = {term: weight_gradient.slope_of_term(case, (*at, *term, *tap)) for term in case.taps()}
            assert all(value == 0 for term, value in terms.items() if term != tap)
            assert terms[tap] == case.image[0][at[0] + tap[0], at[1] + tap[1]]


@settings(max_examples=FEWER)
@given(cases())
def test_equations_18_and_19_give_every_entry_of_the_jacobian_by_a_pixel(case: Case):
    by_o = jacobian(lambda image: output(image, case.kernel), activated(case))
    a, b, _ = (int(v) for v in case.activation)
    slopes = 2 * a * case.image[0] + b
    for (i, j), (m, n) in [(pixel, tap) for pixel in case.pixels() for tap in case.taps()]:
        if 0 <= i - m < case.output_size[0] and 0 <= j - n < case.output_size[1]:
            expected = by_o[i - m, j - n, i, j] * slopes[i, j]
            assert delta_gradient.eq18(case, (i, j, m, n)) == delta_gradient.eq19(case, (i, j, m, n)) == expected


@settings(max_examples=FEWER)
@given(cases())
def test_the_region_q_is_what_a_pixel_affects_clipped_at_the_border(case: Case):
    (k1, k2), (rows, columns) = case.kernel_size, case.output_size
    by_o = jacobian(lambda image: output(image, np.ones_like(case.kernel)), case.image)
    for i, j in case.pixels():
        affected = {tuple(at) for at in np.argwhere(by_o[..., i, j]).tolist()}
        top, left = max(0, i - k1 + 1), max(0, j - k2 + 1)
        bottom, right = min(rows - 1, i), min(columns - 1, j)
        assert affected == {(p, q) for p in range(top, bottom + 1) for q in range(left, right + 1)}
        inside = k1 - 1 <= i < rows and k2 - 1 <= j < columns
        assert (len(affected) == k1 * k2) == inside


@settings(max_examples=FEWER)
@given(cases(), st.data())
def test_the_jacobian_is_sparse_and_its_weights_are_shared(case: Case, data):
    by_o = jacobian(lambda image: output(image, case.kernel), case.image)
    i, j = data.draw(st.sampled_from(list(case.outputs())))
    pattern = np.zeros(case.map_size)
    pattern[i : i + case.kernel_size[0], j : j + case.kernel_size[1]] = case.kernel[0]
    np.testing.assert_array_equal(by_o[i, j], pattern)


@settings(max_examples=FEWER)
@given(cases())
def test_the_chain_ends_in_the_gradients_of_the_reference(case: Case):
    delta = case.delta[None, None].astype(float)
    linear = Case(case.image, case.kernel, case.delta, case.bias, np.zeros_like(case.curvature), np.array([0, 1, 0]))
    image, kernel = case.image[None].astype(float), case.kernel[None].astype(float)
    grad_kernel = loops.convolution_grad_weight(delta, image, kernel, PLAIN)[0, 0]
    grad_image = loops.convolution_grad_input(delta, image, kernel, PLAIN)[0, 0]
    assert [weight_gradient.eq10(linear, tap) for tap in case.taps()] == list(grad_kernel.ravel())
    assert [delta_gradient.eq16_clipped(linear, pixel) for pixel in case.pixels()] == list(grad_image.ravel())
    assert [delta_gradient.eq17_zero(linear, pixel) for pixel in case.pixels()] == list(grad_image.ravel())
