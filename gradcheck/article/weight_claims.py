"""The readings of Eqs. 10 to 15: which sides of `weight_gradient` are compared, and where."""

from gradcheck.article import weight_gradient as sides
from gradcheck.article.cases import Case
from gradcheck.article.claims import Claim
from gradcheck.article.indexing import At


def _outputs_and_taps(case: Case) -> list[At]:
    return [(*out, *tap) for out in case.outputs() for tap in case.taps()]


def _outputs_taps_and_taps(case: Case) -> list[At]:
    return [(*at, *tap) for at in _outputs_and_taps(case) for tap in case.taps()]


PLAIN_14 = r"\frac{\partial E}{\partial w_{m',n'}^l} = \left( o^{l-1} \otimes \delta^l \right)_{m',n'}"
CHAIN = "the chain rule: exact differences of a quadratic loss"
FIRST_IS_I = "the first operand the image, as it is printed"
O_IS_I = "o the image, as in Eq. 2"

CLAIMS = (
    Claim(10, "x by Eq. 7, ranges as printed", sides.gradient, sides.eq10, Case.taps, note=CHAIN),
    Claim(
        11, "as printed", sides.slope_of_x, sides.eq11, _outputs_and_taps, note="Eq. 7 substituted: exact differences"
    ),
    Claim(12, "last line", sides.slope_of_x, sides.eq12, _outputs_and_taps, relation="Eq. 12"),
    Claim(
        12,
        "each term of the first line by itself",
        sides.slope_of_term,
        sides.term_of_eq12,
        _outputs_taps_and_taps,
        relation="Eq. 12",
    ),
    Claim(13, "as printed", sides.gradient, sides.gradient_by_eq13, Case.taps, relation="Eq. 13"),
    Claim(
        14,
        "* = convolution, re-based to valid",
        sides.eq13,
        sides.eq14,
        Case.taps,
        "convolution",
        relation="Eq. 14, convolution",
        note=O_IS_I,
    ),
    Claim(
        14,
        "* = convolution, delta the image, zero outside, re-based",
        sides.eq13,
        sides.eq14_delta_is_the_image,
        Case.taps,
        relation="Eq. 14, delta the image",
        note=FIRST_IS_I,
    ),
    Claim(
        14,
        "* = convolution, index as printed, undefined outside",
        sides.eq13,
        sides.eq14_printed_index,
        Case.taps,
        relation="Eq. 14, printed, undefined",
        note="the negative indices of which a reader asks",
    ),
    Claim(
        14,
        "* = convolution, index as printed, zero outside",
        sides.eq13,
        sides.eq14_printed_index_zero,
        Case.taps,
        relation="Eq. 14, printed",
        note=O_IS_I,
    ),
    Claim(
        14,
        "* = cross-correlation",
        sides.eq13,
        sides.eq14_correlation,
        Case.taps,
        "cross-correlation",
        relation="Eq. 14, correlation",
        note=O_IS_I,
    ),
    Claim(
        14,
        "* = cross-correlation, delta the image, zero outside, re-based",
        sides.eq13,
        sides.eq14_correlation_delta_is_the_image,
        Case.taps,
        relation="Eq. 14, correlation, delta the image",
        note=FIRST_IS_I,
    ),
    Claim(
        14,
        "rot180 of o in place of delta, * = convolution",
        sides.eq13,
        sides.eq14_turning_o,
        Case.taps,
        relation="Eq. 14, o turned",
        note="asked by a reader",
    ),
    Claim(
        14,
        "without rot180, * = cross-correlation",
        sides.eq13,
        sides.eq14_without_rotation,
        Case.taps,
        relation="Eq. 14, plain",
        corrected=PLAIN_14,
    ),
    Claim(
        15,
        "as printed",
        sides.eq15,
        sides.delta_of,
        Case.outputs,
        definition=True,
        note="no sum of products: the name of a derivative; exact differences of a quadratic loss",
    ),
)
