"""The readings of Eqs. 1 to 9: which sides of `forward_pass` are compared, and where."""

from gradcheck.article import forward_pass as sides
from gradcheck.article.cases import Case
from gradcheck.article.claims import Claim
from gradcheck.article.scipy_sums import convolve, correlate

CORRELATE, CONVOLVE = "I ⊗ K, valid", "I * K, valid"
ROTATED_4 = (
    r"(\text{rot}_{180^\circ}\{K\} * I)_{ij} + b = "
    r"\sum_{m=0}^{k_1-1} \sum_{n=0}^{k_2-1} \sum_{c=1}^{C} K_{m,n,c} \cdot I_{i+m,j+n,c} + b"
)
ROTATED_5 = (
    r"(\text{rot}_{180^\circ}\{K\} * I)_{ij} + b = \sum_{m=0}^{k_1-1} \sum_{n=0}^{k_2-1} K_{m,n} \cdot I_{i+m,j+n} + b"
)
CORRECT_3 = r"(I * K)_{ij} = \sum_{m=-(k_1-1)}^{0} \sum_{n=-(k_2-1)}^{0} I(i+m, j+n) K(-m, -n)"
SCIPY = "held against scipy.signal"
OWN_TERM = "b is a term of its own, no product"
ON_BOTH_SIDES = "b is on both sides and drops out of the relation"

CLAIMS = (
    Claim(1, "indices inside I", sides.eq1, correlate("valid"), Case.outputs, definition=True, note=SCIPY),
    Claim(1, "zero outside I", sides.eq1_full, correlate("full"), sides.full, definition=True, note=SCIPY),
    Claim(
        2,
        "indices inside I, re-based to valid",
        sides.eq2_valid,
        convolve("valid"),
        Case.outputs,
        definition=True,
        note=SCIPY,
    ),
    Claim(2, "zero outside I", sides.eq2, convolve("full"), sides.full, definition=True, note=SCIPY),
    Claim(3, "ranges as printed, K undefined outside", sides.eq2, sides.eq3, sides.full, relation="Eq. 3, undefined"),
    Claim(3, "ranges as printed, K zero outside", sides.eq2, sides.eq3_zero, sides.full, relation="Eq. 3, zero"),
    Claim(
        3,
        "m, n from -(k-1) to 0",
        sides.eq2,
        sides.eq3_backwards,
        sides.full,
        relation="Eq. 3, backwards",
        corrected=CORRECT_3,
    ),
    Claim(
        3,
        "K(-m, -n) re-indexed as rot180, re-based to valid",
        sides.eq2_valid,
        sides.eq3_rotated,
        Case.outputs,
        relation="Eq. 3, rotated",
    ),
    Claim(
        3,
        "K(-m, -n) re-indexed as rot180, not re-based",
        sides.eq2,
        sides.eq3_rotated_full,
        sides.full,
        relation="Eq. 3, rotated full",
    ),
    Claim(
        4,
        "* = cross-correlation, b part of it",
        sides.correlated_and_bias,
        sides.eq4,
        Case.outputs,
        "cross-correlation",
        relation=f"{CORRELATE} = Eq. 5",
        depth=3,
        note=ON_BOTH_SIDES,
    ),
    Claim(
        4,
        "* = convolution, re-based to valid, b part of it",
        sides.convolved_and_bias,
        sides.eq4,
        Case.outputs,
        "convolution",
        relation=f"{CONVOLVE} = Eq. 5",
        depth=3,
        note=ON_BOTH_SIDES,
    ),
    Claim(
        4,
        "* = cross-correlation, b on the right alone",
        sides.channels_correlated,
        sides.eq4,
        Case.outputs,
        depth=3,
        note=OWN_TERM,
    ),
    Claim(
        4,
        "corrected: K rotated, * = convolution",
        sides.channels_convolved_rotated,
        sides.eq4,
        Case.outputs,
        relation="Eq. 6, convolution",
        depth=3,
        corrected=ROTATED_4,
        note=ON_BOTH_SIDES,
    ),
    Claim(
        5,
        "* = cross-correlation, b part of it",
        sides.correlated_and_bias,
        sides.eq4,
        Case.outputs,
        "cross-correlation",
        relation=f"{CORRELATE} = Eq. 5",
        note=ON_BOTH_SIDES,
    ),
    Claim(
        5,
        "* = convolution, re-based to valid, b part of it",
        sides.convolved_and_bias,
        sides.eq4,
        Case.outputs,
        "convolution",
        relation=f"{CONVOLVE} = Eq. 5",
        note=ON_BOTH_SIDES,
    ),
    Claim(
        5,
        "* = cross-correlation, b on the right alone",
        sides.channels_correlated,
        sides.eq4,
        Case.outputs,
        note=OWN_TERM,
    ),
    Claim(
        5,
        "corrected: K rotated, * = convolution",
        sides.channels_convolved_rotated,
        sides.eq4,
        Case.outputs,
        relation="Eq. 6, convolution",
        corrected=ROTATED_5,
        note=ON_BOTH_SIDES,
    ),
    Claim(
        6,
        "* = convolution, re-based to valid",
        sides.eq6,
        sides.eq7,
        Case.outputs,
        "convolution",
        relation="Eq. 6, convolution",
        note=ON_BOTH_SIDES,
    ),
    Claim(
        6,
        "* = convolution, zero outside, index as printed",
        sides.eq6_printed_index,
        sides.eq7,
        Case.outputs,
        relation="Eq. 6, printed",
        note=ON_BOTH_SIDES,
    ),
    Claim(
        6,
        "* = cross-correlation",
        sides.eq6_correlation,
        sides.eq7,
        Case.outputs,
        "cross-correlation",
        relation="Eq. 6, correlation",
        note=ON_BOTH_SIDES,
    ),
    Claim(
        6,
        "* = convolution, b per pixel here, b per map in notation 6",
        sides.eq6,
        sides.notation_6,
        Case.outputs,
        note=OWN_TERM,
    ),
    Claim(7, "b per pixel", sides.eq7, correlate("valid", bias=True), Case.outputs, definition=True, note=SCIPY),
    Claim(7, "b per pixel here, b per map in notation 6", sides.eq7, sides.notation_6, Case.outputs, note=OWN_TERM),
    Claim(
        8,
        "f = max(0, x)",
        sides.eq8,
        sides.layer_8,
        Case.pixels,
        definition=True,
        note="no sum of products: held against the layer ReLU; f' against SymPy in the properties",
    ),
    Claim(
        9,
        "half the sum of squares",
        sides.eq9,
        sides.layer_9,
        sides.once,
        definition=True,
        note="no sum of products: held against the layer HalfSquaredError",
    ),
    Claim(
        9,
        "the mean that its name says",
        sides.eq9,
        sides.mean_squared_error,
        sides.once,
        note="no sum of products of two arrays",
    ),
    Claim(
        9,
        "derivative by y_p is y_p - t_p",
        sides.slope_of_eq9,
        sides.residual,
        Case.outputs,
        note="a polynomial: exact differences",
    ),
)
