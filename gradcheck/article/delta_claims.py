"""The readings of Eqs. 16 to 22: which sides of `delta_gradient` are compared, and where."""

from gradcheck.article import delta_gradient as sides
from gradcheck.article.cases import Case
from gradcheck.article.claims import Claim
from gradcheck.article.indexing import At


def _pixels_and_taps(case: Case) -> list[At]:
    """All (i', j', m, n) for which the next layer has an output (i' - m, j' - n)."""
    rows, columns = case.output_size
    every = [(*pixel, *tap) for pixel in case.pixels() for tap in case.taps()]
    return [(i, j, m, n) for i, j, m, n in every if 0 <= i - m < rows and 0 <= j - n < columns]


def _with_second_taps(case: Case) -> list[At]:
    return [(*at, *tap) for at in _pixels_and_taps(case) for tap in case.taps()]


def _interior(case: Case) -> list[At]:
    """The pixels whose region Q lies inside the output."""
    (rows, columns), (k1, k2) = case.output_size, case.kernel_size
    return [(i, j) for i, j in case.pixels() if k1 - 1 <= i < rows and k2 - 1 <= j < columns]


Q = r"\max(0, i'-k_1+1) \le i \le \min(H-k_1, i'), \quad \max(0, j'-k_2+1) \le j \le \min(W-k_2, j')"
TERMS_18 = r"\sum_{m'} \sum_{n'} w_{m',n'}^{l+1} f \left( x_{i'-m+m',j'-n+n'}^l \right)"
INSIDE_21 = (
    r"\sum_{m=0}^{k_1-1} \sum_{n=0}^{k_2-1} \delta_{i'+m-(k_1-1),j'+n-(k_2-1)}^{l+1} "
    r"\text{rot}_{180^\circ} \{ w^{l+1} \}_{m,n} f' \left( x_{i',j'}^l \right)"
)
PLAIN_22 = r"\left( \delta^{l+1} * w^{l+1} \right)_{i',j'} f' \left( x_{i',j'}^l \right)"
CHAIN = "the chain rule: exact differences of both layers' forward passes; Q itself is an index relation"
FACTOR = "f' is a factor of both sides and drops out of the relation"

CLAIMS = (
    Claim(
        16,
        "Q as printed, undefined outside the output",
        sides.gradient,
        sides.eq16_undefined,
        Case.pixels,
        relation="Eq. 16, undefined",
        note=CHAIN,
    ),
    Claim(
        16,
        "Q as printed, zero outside the output",
        sides.gradient,
        sides.eq16_zero,
        Case.pixels,
        relation="Eq. 16, Q",
        note=CHAIN,
    ),
    Claim(
        16,
        "Q clipped to the output",
        sides.gradient,
        sides.eq16_clipped,
        Case.pixels,
        relation="Eq. 16, Q",
        corrected=Q,
        note=CHAIN,
    ),
    Claim(
        17,
        "undefined outside the output",
        sides.gradient,
        sides.eq17_undefined,
        Case.pixels,
        relation="Eq. 16, undefined",
        note=CHAIN,
    ),
    Claim(
        17,
        "undefined outside, pixels whose Q is inside",
        sides.gradient,
        sides.eq17_undefined,
        _interior,
        relation="Eq. 17, interior",
        note=CHAIN,
    ),
    Claim(
        17, "zero outside the output", sides.gradient, sides.eq17_zero, Case.pixels, relation="Eq. 16, Q", note=CHAIN
    ),
    Claim(
        18,
        "as printed",
        sides.of_next,
        sides.eq18,
        _pixels_and_taps,
        note="Eqs. 7 and 8 substituted: exact differences",
    ),
    Claim(19, "last line", sides.of_next, sides.eq19, _pixels_and_taps, relation="Eq. 19", note=FACTOR),
    Claim(
        19,
        "each term by itself",
        sides.slope_of_term,
        sides.term_of_eq19,
        _with_second_taps,
        relation="Eq. 19",
        note=FACTOR,
    ),
    Claim(
        19,
        "first line as printed: x(0 - m + m', 0 - n + n')",
        sides.sum_of_eq18,
        sides.first_line_of_eq19,
        _pixels_and_taps,
        relation="Eq. 19, first line",
    ),
    Claim(
        19,
        "first line corrected: x(i' - m + m', j' - n + n')",
        sides.sum_of_eq18,
        sides.first_line_corrected,
        _pixels_and_taps,
        relation="Eq. 19, corrected",
        corrected=TERMS_18,
    ),
    Claim(
        20,
        "delta undefined outside",
        sides.gradient,
        sides.eq20_undefined,
        Case.pixels,
        relation="Eq. 16, undefined",
        note=FACTOR,
    ),
    Claim(20, "delta zero outside", sides.gradient, sides.eq20_zero, Case.pixels, relation="Eq. 20", note=FACTOR),
    Claim(
        21,
        "rot180 of the whole sum, zero outside, re-based",
        sides.eq20,
        sides.eq21_whole_sum,
        Case.pixels,
        relation="Eq. 21, whole sum",
        note=FACTOR,
    ),
    Claim(
        21,
        "rot180 of the whole sum, zero outside, index as printed",
        sides.eq20,
        sides.eq21_whole_sum_printed,
        Case.pixels,
        relation="Eq. 21, printed",
        note=FACTOR,
    ),
    Claim(
        21,
        "rot180 of the whole sum, undefined outside",
        sides.eq20,
        sides.eq21_undefined,
        Case.pixels,
        relation="Eq. 21, undefined",
        note=FACTOR,
    ),
    Claim(
        21,
        "corrected: rot180 of w alone, zero outside, re-based",
        sides.eq20,
        sides.eq21_kernel,
        Case.pixels,
        relation="Eq. 22, correlation",
        corrected=INSIDE_21,
        note=FACTOR,
    ),
    Claim(
        22,
        "* = cross-correlation, zero outside, re-based",
        sides.eq20,
        sides.eq22_correlation,
        Case.pixels,
        "cross-correlation",
        relation="Eq. 22, correlation",
        note=FACTOR,
    ),
    Claim(
        22,
        "* = cross-correlation, valid: no zero padding",
        sides.eq20,
        sides.eq22_valid,
        Case.pixels,
        relation="Eq. 22, valid",
        note=FACTOR,
    ),
    Claim(
        22,
        "* = cross-correlation, w the image, zero outside, re-based",
        sides.eq20,
        sides.eq22_kernel_is_the_image,
        Case.pixels,
        relation="Eq. 22, w the image",
        note=FACTOR,
    ),
    Claim(
        22,
        "* = convolution, zero outside",
        sides.eq20,
        sides.eq22_convolution,
        Case.pixels,
        "convolution",
        relation="Eq. 22, convolution",
        note=FACTOR,
    ),
    Claim(
        22,
        "corrected: without rot180, * = convolution, zero outside",
        sides.eq20,
        sides.eq22_without_rotation,
        Case.pixels,
        relation="Eq. 22, plain",
        corrected=PLAIN_22,
        note=FACTOR,
    ),
)
