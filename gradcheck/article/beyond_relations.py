"""Beyond the article: stride, dilation and padding as symbols; transposed convolution, average pooling, output sizes.

Forward reads o at i * stride + m * dilation - padding, and zeros outside of the map. The number of outputs is left
free here: the gradients are right for any. What it is, with its floor, is `SIZES`.
"""

from collections.abc import Sequence
from typing import Any

# ruff: noqa: ARG005 - the rows of the table read alike, whichever of the indices a place needs
from gradcheck.article.article_relations import valid
from gradcheck.article.proof import Query, Symbols, solver
from gradcheck.article.relations import Axis, Constraint, Gradient, Int, Sum


def read(z: Axis, i: Int, m: Int) -> Int:
    """Return the place that output i reads with tap m."""
    return i * z.stride + m * z.dilation - z.padding


def _second(names: tuple[str, str], first: Any, **options: Any) -> Sum:
    return Sum(names, first, lambda z, at, m: m, None, lambda z, at, q: q, **options)


def _spread(z: Axis, j: Int, m: Int) -> Int:
    """Return the output that reads j with tap m: the quotient of j + padding - m * dilation by the stride."""
    return z.divide(j + z.padding - m * z.dilation, z.stride)[0]


def _divides(z: Axis, j: Int, m: Int) -> list[Constraint]:
    return [z.divide(j + z.padding - m * z.dilation, z.stride)[1] == 0]


def _window(z: Axis, i: Int, t: Int) -> Int:
    return i * z.stride + t - z.padding


def _first_window(z: Axis, j: Int) -> Int:
    """Return ceil((j + padding - k + 1) / stride), the first window that may hold j."""
    return -z.divide(z.k - 1 - j - z.padding, z.stride)[0]


def _last_window(z: Axis, j: Int) -> Int:
    return z.divide(j + z.padding, z.stride)[0]


OW, DW, DO = ("o", "w"), ("delta", "w"), ("delta", "o")
OF_O, OF_DELTA = frozenset({"o"}), frozenset({"delta"})

STRIDED = _second(OW, read, zero=OF_O)
SCATTERED = _second(DW, _spread, zero=OF_DELTA, guard=_divides)
STRIDED_BY_W = Sum(
    DO, lambda z, m, i: i, lambda z, m, i: read(z, i, m), lambda z, m, p: p, None, high=lambda z, m: z.n - 1, zero=OF_O
)
POOLED = Sum(
    ("o", "cell"),
    _window,
    lambda z, i, t: t,
    lambda z, i, p: p - i * z.stride + z.padding,
    lambda z, i, q: q,
    zero=OF_O,
)
SHARED = Sum(
    ("delta", "cell"),
    lambda z, j, i: i,
    lambda z, j, i: j + z.padding - i * z.stride,
    lambda z, j, p: p,
    None,
    low=_first_window,
    high=_last_window,
    zero=OF_DELTA,
)

BEYOND: dict[str, Gradient] = {
    "gradient of o: any stride, dilation, padding": Gradient(STRIDED, "first", SCATTERED, valid),
    "gradient of w: any stride, dilation, padding": Gradient(STRIDED, "second", STRIDED_BY_W, valid),
    "average pooling: each cell of a window gets its share": Gradient(POOLED, "first", SHARED, valid),
}


def _adjoint(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    """<conv(o), u> and <o, convT(u)> have the same monomials o[j] w[m] u[i]: j is spread from i that reads it."""
    i, j, m = solver().Ints("i j m")
    quotient, rest = z.divide(j + z.padding - m * z.dilation, z.stride)
    return [read(z, i, m) == j], [rest == 0, quotient == i]


def _adjoint_back(_: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    j, m = solver().Ints("j m")
    quotient, rest = z.divide(j + z.padding - m * z.dilation, z.stride)
    return [rest == 0], [read(z, quotient, m) == j]


def _fits(symbols: Symbols, z: Axis, beyond: bool) -> tuple[Constraint, Constraint]:
    """Relationships 1, 2, 5, 6 and 15: output i exists exactly if its last tap lies in the padded map.

    With q the quotient of the formula and i = q - more, or q + 1 + more, what is left over is compared. The padded
    size and the kernel's span, 1 + d (k - 1), enter only by their difference, which stands for itself.
    """
    more, room = solver().Ints("more room")
    quotient, _ = symbols.divide(room, z.stride)
    i = quotient + 1 + more if beyond else quotient - more
    return more >= 0, i * z.stride <= room


def _outputs(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    more, fits = _fits(symbols, z, beyond=False)
    return [more], [fits]


def _no_more_outputs(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    more, fits = _fits(symbols, z, beyond=True)
    return [more], [solver().Not(fits)]


def _size(z: Axis, symbols: Symbols) -> Int:
    return symbols.divide(z.size + 2 * z.padding - z.k, z.stride)[0] + 1


def _half(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    premises = [z.stride == 1, z.k == 2 * z.padding + 1]
    return premises, [_size(z, symbols) == z.size]


def _half_even(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    return [z.stride == 1, z.k == 2 * z.padding], [_size(z, symbols) == z.size + 1]


def _full(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    return [z.stride == 1, z.padding == z.k - 1], [_size(z, symbols) == z.size + z.k - 1]


def _given_back(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    """O' = stride (o - 1) + a + k - 2 p with a = (i + 2 p - k) mod stride."""
    quotient, rest = symbols.divide(z.size + 2 * z.padding - z.k, z.stride)
    return [z.size + 2 * z.padding >= z.k], [z.stride * quotient + rest + z.k - 2 * z.padding == z.size]


def _not_without_rest(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    quotient, rest = symbols.divide(z.size + 2 * z.padding - z.k, z.stride)
    given_back = z.stride * quotient + z.k - 2 * z.padding == z.size
    return [z.size + 2 * z.padding >= z.k], [given_back == (rest == 0)]


def _hanging(symbols: Symbols, z: Axis) -> tuple[Sequence[Constraint], Sequence[Constraint]]:
    """Round up in place of down: one window more exactly if there is a remainder."""
    low, rest = symbols.divide(z.size - z.k, z.stride)
    high, _ = symbols.divide(z.size - z.k + z.stride - 1, z.stride)
    return [z.size >= z.k], [high == low + solver().If(rest == 0, 0, 1)]


# The size formulas of Dumoulin and Visin's guide, by the number of the relationship.
SIZES: dict[str, Query] = {
    "relationships 1, 2, 5, 6, 15: floor((i + 2p - d(k-1) - 1) / s) + 1 outputs fit": _outputs,
    "relationships 1, 2, 5, 6, 15: and no more": _no_more_outputs,
    "relationship 3: half padding keeps the size for odd k": _half,
    "relationship 3 without its precondition: for even k one more": _half_even,
    "relationship 4: full padding gives i + k - 1": _full,
    "relationship 7: pooling without padding; ceil_mode gives one more exactly if a rest is left": _hanging,
    "relationships 8 to 13: the size comes back exactly where the stride divides": _not_without_rest,
    "relationship 14: with the rest it always comes back": _given_back,
    "transposed convolution is the adjoint: every monomial of convolution is one of it": _adjoint,
    "transposed convolution is the adjoint: it has no others": _adjoint_back,
}
