"""The article's sentences as claims, of the same kind as its equations: P1, P2, ... in the order of the text."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from gradcheck.article.cases import Case, derivative, moved
from gradcheck.article.claims import Claim
from gradcheck.article.forward_pass import channels_convolved, channels_correlated, eq3_rotated, eq7
from gradcheck.article.indexing import At, OutsideError, correlation, rebased


@dataclass(frozen=True)
class Sentence:
    """One claim of the prose: its label, what the article says, and the formula that is tried (LaTeX)."""

    label: str
    said: str
    statement: str


_OF_O = r"\frac{\partial y}{\partial o_{p,q}}"
SENTENCES = (
    Sentence("P1", "units share weights", r"\frac{\partial x_{i,j}}{\partial o_{i+m,j+n}} = w_{m,n}"),
    Sentence("P2", "sparse connectivity", r"\frac{\partial x_{i,j}}{\partial o_{p,q}} = w_{p-i,q-j}"),
    Sentence(
        "P3", "convolution is correlation with a flipped kernel", r"I * K = I \otimes \text{rot}_{180^\circ}\{K\}"
    ),
    Sentence("P4", "... i.e. for a kernel where K(-m, -n) == K(m, n)", r"I * K = I \otimes K"),
    Sentence("P5", "the size of the output", r"(H - k_1 + 1) \cdot (W - k_2 + 1)"),
    Sentence("P6", "max-pooling: the error goes to the winning unit", rf"{_OF_O} \in \{{0, 1\}}"),
    Sentence("P7", "average pooling: 1 / (N x N) of the error", rf"{_OF_O} = \frac{{1}}{{N \cdot N}}"),
    Sentence("P8", "L2-norm pooling (no derivation given)", rf"y {_OF_O} = o_{{p,q}}"),
    Sentence("P9", "convolution leads to translation invariance", r"x_{i+1,j}(o_{p,q}) = x_{i,j}(o_{p+1,q})"),
    Sentence("P10", "pooling leads to translation invariance", r"y_{i,j}(o_{p,q}) = y_{i,j}(o_{p+1,q})"),
)


def _slope(case: Case, at: At) -> Fraction:
    """dx(i, j) / do(p, q)."""
    out, (p, q) = at[:2], at[2:]
    return derivative(lambda h: eq7(replace(case, image=moved(case.image, (0, p, q), h)), out))


def _slope_at_tap(case: Case, at: At) -> Fraction:
    i, j, m, n = at
    return _slope(case, (i, j, i + m, j + n))


def _shared_weight(case: Case, at: At) -> int:
    return case.w()(*at[2:])


def _weight_or_none(case: Case, at: At) -> int:
    i, j, p, q = at
    return case.w("zero")(p - i, q - j)


def _layer_size(case: Case, _: At) -> int:
    from gradcheck.layers import Conv

    return Conv().forward(case.image[None, :1].astype(float), case.kernel[None, :1].astype(float)).size


def _printed_size(case: Case, _: At) -> int:
    (height, width), (k1, k2) = case.map_size, case.kernel_size
    return (height - k1 + 1) * (width - k2 + 1)


def _slope_of_maximum(case: Case, at: At) -> Fraction:
    """The derivative of the largest entry by one of them; undefined where it differs to the left and to the right."""
    half, block = Fraction(1, 2), case.image[0]
    largest = int(block.max())
    rest: list[Fraction | int] = [int(v) for index, v in np.ndenumerate(block) if index != at]
    here = int(block[at])
    right = (max([*rest, here + half]) - largest) / half
    left = (largest - max([*rest, here - half])) / half
    if left != right:
        raise OutsideError(f"the derivative at {at} is {left} from below and {right} from above")
    return right


def _winner(case: Case, at: At) -> int:
    return int(case.image[0][at] == case.image[0].max())


def _slope_of_mean(case: Case, at: At) -> Fraction:
    count = int(case.image[0].size)
    return derivative(lambda h: int(moved(case.image[0], at, h).sum())) / count


def _one_in_all(case: Case, _: At) -> Fraction:
    rows, columns = case.map_size
    return Fraction(1, rows * columns)


def _half_slope_of_square(case: Case, at: At) -> Fraction:
    return derivative(lambda h: int((moved(case.image[0], at, h) ** 2).sum())) / 2


def _entry(case: Case, at: At) -> int:
    return int(case.image[0][at])


def _moved_output(case: Case, at: At) -> int:
    return correlation(case.o(), case.w(), case.kernel_size)(at[0] + 1, at[1])


def _output_of_moved(case: Case, at: At) -> int:
    return correlation(rebased(case.o(), 1, 0), case.w(), case.kernel_size)(*at)


def _pooled(case: Case, at: At) -> int:
    i, j = at
    return max(case.o()(2 * i, j), case.o()(2 * i + 1, j))


def _pooled_after_move(case: Case, at: At) -> int:
    i, j = at
    return max(case.o()(2 * i + 1, j), case.o()(2 * i + 2, j))


def _outputs_and_taps(case: Case) -> list[At]:
    return [(*out, *tap) for out in case.outputs() for tap in case.taps()]


def _outputs_and_pixels(case: Case) -> list[At]:
    return [(*out, *pixel) for out in case.outputs() for pixel in case.pixels()]


def _but_the_last_row(case: Case) -> list[At]:
    rows, columns = case.output_size
    return list(np.ndindex(rows - 1, columns))


def _blocks_and_one_row(case: Case) -> list[At]:
    rows, columns = case.map_size
    return list(np.ndindex(max(0, (rows - 1) // 2), columns))


def _once(_: Case) -> list[At]:
    return [()]


NO_SUM = "no sum of products"
CLAIMS = (
    Claim("P1", "of Eq. 7", _slope_at_tap, _shared_weight, _outputs_and_taps, relation="Eq. 19"),
    Claim("P2", "of Eq. 7, w zero outside", _slope, _weight_or_none, _outputs_and_pixels, relation="Eq. 16, Q"),
    Claim("P3", "* re-based to valid", channels_convolved, eq3_rotated, Case.outputs, relation="Eq. 3, rotated"),
    Claim(
        "P4",
        "* re-based to valid, the same kernel",
        channels_convolved,
        channels_correlated,
        Case.outputs,
        relation="I * K, valid = Eq. 5",
    ),
    Claim(
        "P5",
        "held against the layer Conv",
        _layer_size,
        _printed_size,
        _once,
        note="proved for every shape as an output size, below",
    ),
    Claim(
        "P6",
        "the whole map as one block",
        _slope_of_maximum,
        _winner,
        Case.pixels,
        note=f"{NO_SUM}: one-sided differences of the maximum, exact",
    ),
    Claim(
        "P7",
        "the whole map as one block",
        _slope_of_mean,
        _one_in_all,
        Case.pixels,
        note="for windows that overlap: proved for every shape, below",
    ),
    Claim(
        "P8",
        "y² differentiated, y > 0",
        _half_slope_of_square,
        _entry,
        Case.pixels,
        note=f"{NO_SUM}: the chain rule; at 0 the subdifferential is the unit ball (properties)",
    ),
    Claim(
        "P9",
        "equivariance: a moved image gives a moved output",
        _moved_output,
        _output_of_moved,
        _but_the_last_row,
        note="the same sum, read at i + 1",
    ),
    Claim(
        "P10",
        "maximum of 2 rows, stride 2, the image moved by 1",
        _pooled,
        _pooled_after_move,
        _blocks_and_one_row,
        note=NO_SUM,
    ),
)
