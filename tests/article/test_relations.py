"""The index relations are those of the code: probed with one 1 in each operand, in integers, on drawn shapes."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gradcheck.article.article_relations import RELATIONS
from gradcheck.article.beyond_relations import POOLED, SCATTERED, SHARED, STRIDED, STRIDED_BY_W
from gradcheck.article.cases import small_case
from gradcheck.article.claims import Claim
from gradcheck.article.ledger import CLAIMS
from gradcheck.article.relations import Axis, Equal, Sum, gradient_monomials, monomials
from gradcheck.layers import AvgPool, Conv, ConvTranspose

SIZES = [((1, 2), (1, 2)), ((3, 2), (2, 1)), ((3, 3), (2, 2)), ((2, 4), (1, 3))]  # map, kernel
OPERAND = {"o": "image", "w": "kernel", "delta": "delta"}
EQUAL = [one for one in CLAIMS if one.relation and isinstance(RELATIONS[one.relation], Equal) and one.depth == 1]


def axes(sizes, taps=(0, 0)) -> list[Axis]:
    return [Axis(size, k, tap=tap) for size, k, tap in zip(*sizes, taps, strict=True)]


def expected(one: Sum, sizes, at) -> Counter | str:
    """The monomials of a relation on both axes: the product of those along each."""
    taps = at[2:] if len(at) == 4 else (0, 0)
    try:
        along = [monomials(one, z, i) for z, i in zip(axes(sizes, taps), at, strict=False)]
    except LookupError:
        return "undefined"
    return Counter(
        {((p, r), (q, s)): m * n for ((p, q), m), ((r, s), n) in product(along[0].items(), along[1].items())}
    )


def probed(side, names: tuple[str, str], sizes, at) -> Counter | str:
    """The coefficients of a transcription: its value for a 1 at each place of either operand."""
    shapes = dict(zip(("image", "kernel"), sizes, strict=True))
    empty = small_case(shapes, {})
    extent = {"o": empty.map_size, "w": empty.kernel_size, "delta": empty.output_size}
    found = Counter()
    for p, q in product(np.ndindex(*extent[names[0]]), np.ndindex(*extent[names[1]])):
        try:
            value = side(small_case(shapes, {OPERAND[names[0]]: p, OPERAND[names[1]]: q}), at)
        except LookupError:
            return "undefined"
        if value:
            found[p, q] = int(value)
    return found


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("claim", EQUAL, ids=lambda claim: f"{claim.number}-{claim.reading}")
def test_transcription_has_the_monomials_of_its_relation(claim: Claim, sizes):
    relation = RELATIONS[claim.relation]
    case = small_case(dict(zip(("image", "kernel"), sizes, strict=True)), {})
    for at in list(claim.domain(case))[:6]:
        for side, one in ((claim.left, relation.left), (claim.right, relation.right)):
            assert probed(side, one.names, sizes, at) == expected(one, sizes, at), at


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("number", [13, 20])
def test_gradient_has_the_monomials_of_forward_and_of_the_claim(number, sizes):
    claim = next(one for one in CLAIMS if one.number == number and one.relation == f"Eq. {number}")
    relation = RELATIONS[claim.relation]
    case = small_case(dict(zip(("image", "kernel"), sizes, strict=True)), {})
    for at in claim.domain(case):
        along = [gradient_monomials(relation.forward, relation.by, z, i) for z, i in zip(axes(sizes), at, strict=True)]
        derived = Counter({((p, r), (q, s)): 1 for (p, q), (r, s) in product(*along)})
        names = relation.claimed.names
        assert probed(claim.left, names, sizes, at) == derived == expected(relation.claimed, sizes, at)
        assert probed(claim.right, names, sizes, at) == derived


def outputs(size: int, k: int, stride: int, dilation: int, padding: int) -> int:
    return (size + 2 * padding - dilation * (k - 1) - 1) // stride + 1


@st.composite
def slides(draw, *, dilations: int = 3) -> Axis:
    """An axis whose kernel fits: tight now and then, with a rest of the stride now and then."""
    k, stride, padding = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    dilation = draw(st.integers(1, dilations))
    size = max(1, dilation * (k - 1) + 1 - 2 * padding) + draw(st.integers(0, 4))
    return Axis(size, k, stride, dilation, padding, outputs=outputs(size, k, stride, dilation, padding))


def unit(size: int, at: int) -> np.ndarray:
    return np.eye(size)[at].reshape(1, 1, size)


@settings(max_examples=15)
@given(slides())
def test_layer_has_the_monomials_of_strided_dilated_padded_convolution(z):
    layer = Conv(stride=z.stride, dilation=z.dilation, padding=z.padding)
    found_x, found_w = Counter(), Counter()
    for i, j, m in product(range(z.n), range(z.size), range(z.k)):
        grad_x, grad_w = layer.backward(unit(z.n, i), unit(z.size, j), unit(z.k, m))
        found_x.update({(i, m, place): 1 for place in np.flatnonzero(grad_x) if j == 0})
        found_w.update({(i, j, place): 1 for place in np.flatnonzero(grad_w) if m == 0})
    for j in range(z.size):
        pattern = Counter({(i, m): count for (i, m, place), count in found_x.items() if place == j})
        assert pattern == gradient_monomials(STRIDED, "first", z, j) == monomials(SCATTERED, z, j)
    for m in range(z.k):
        pattern = Counter({(i, j): count for (i, j, place), count in found_w.items() if place == m})
        assert pattern == gradient_monomials(STRIDED, "second", z, m) == monomials(STRIDED_BY_W, z, m)


@settings(max_examples=15)
@given(slides())
def test_transposed_layer_has_the_monomials_of_the_adjoint(z):
    rest = (z.size + 2 * z.padding - z.dilation * (z.k - 1) - 1) % z.stride
    layer = ConvTranspose(stride=z.stride, dilation=z.dilation, padding=z.padding, output_padding=rest)
    for i, m in product(range(z.n), range(z.k)):
        reached = np.flatnonzero(layer.forward(unit(z.n, i), unit(z.k, m)))
        assert reached.tolist() == [j for j in range(z.size) if (i, m) in monomials(SCATTERED, z, j)]


@settings(max_examples=15)
@given(slides(dilations=1))
def test_average_pool_has_the_monomials_of_shares(z):
    assume(z.padding < z.k)
    layer, x = AvgPool(z.k, z.stride, padding=z.padding), np.zeros((1, 1, z.size))
    for j in range(z.size):
        assert gradient_monomials(POOLED, "first", z, j) == monomials(SHARED, z, j)
        windows = {i for i, _ in monomials(SHARED, z, j)}
        assert windows == {i for i in range(z.n) if layer.backward(unit(z.n, i), x)[0, 0, j] == 1 / z.k}
