"""The claims on Eqs. 3 to 22 once more, as index relations along one axis; the name is the claim's `relation`.

These are written down from the equations, not from the transcriptions; tests hold the two together by integer probing.
"""


# ruff: noqa: ARG005 - the rows of the table read alike, whichever of the indices a place needs

from typing import Any

from gradcheck.article.relations import Axis, Equal, Gradient, Int, Place, Relation, Single, Sum

OW, DW, OD = ("o", "w"), ("delta", "w"), ("o", "delta")


_SAMPLE = Axis(5, 3)


def sum_of(names: tuple[str, str], first: Place, second: Place, **options: Any) -> Sum:
    """Return a sum whose places move by 1, -1 or 0 with t: t is then found from either place, or from the other."""
    options["zero"] = frozenset(options.get("zero", ()))
    return Sum(names, first, second, _inverse(first), _inverse(second), **options)


def _inverse(place: Place) -> Place | None:
    slope = place(_SAMPLE, 0, 1) - place(_SAMPLE, 0, 0)
    if slope == 0:
        return None
    return lambda z, at, found: slope * (found - place(z, at, 0))


def valid(z: Axis, i: Int) -> list[Any]:
    """All outputs."""
    return [i >= 0, i < z.n]


def full(z: Axis, i: Int) -> list[Any]:
    """All indices at which kernel and map touch."""
    return [i >= 0, i < z.size + z.k - 1]


def taps(z: Axis, m: Int) -> list[Any]:
    """All entries of the kernel."""
    return [m >= 0, m < z.k]


def pixels(z: Axis, j: Int) -> list[Any]:
    """All entries of the map."""
    return [j >= 0, j < z.size]


def _interior(z: Axis, j: Int) -> list[Any]:
    return [j >= z.k - 1, j < z.n]


def _pixel_and_tap(z: Axis, j: Int) -> list[Any]:
    return [j >= 0, j < z.size, z.tap >= 0, z.tap < z.k, j - z.tap >= 0, j - z.tap < z.n]


def _outputs(z: Axis, _: Int) -> Int:
    return z.n - 1


def _map(z: Axis, _: Int) -> Int:
    return z.size - 1


# o and w: name of the places, then t from o's place p, t from w's place q.
CORR = sum_of(OW, lambda z, i, m: i + m, lambda z, i, m: m)
CONV_VALID = sum_of(OW, lambda z, i, m: i + z.k - 1 - m, lambda z, i, m: m)
CONV_FULL = sum_of(OW, lambda z, i, m: i - m, lambda z, i, m: m, zero=["o"])
EQ3 = sum_of(OW, lambda z, i, m: i + m, lambda z, i, m: -m, zero=["o"])
EQ3_ZERO = sum_of(OW, lambda z, i, m: i + m, lambda z, i, m: -m, zero=OW)
EQ3_BACK = sum_of(
    OW, lambda z, i, m: i + m, lambda z, i, m: -m, zero=["o"], low=lambda z, i: 1 - z.k, high=lambda z, i: 0
)
CORR_ROT = sum_of(OW, lambda z, i, m: i + m, lambda z, i, m: z.k - 1 - m)
CORR_ROT_FULL = sum_of(OW, lambda z, i, m: i + m, lambda z, i, m: z.k - 1 - m, zero=["o"])
CONV_ROT = sum_of(OW, lambda z, i, m: i + z.k - 1 - m, lambda z, i, m: z.k - 1 - m)
CONV_ROT_PRINTED = sum_of(OW, lambda z, i, m: i - m, lambda z, i, m: z.k - 1 - m, zero=["o"])
EQ6_W = sum_of(OW, lambda z, i, a: a, lambda z, i, a: a - i, high=_map, zero=["w"])
EQ6_CORR_W = sum_of(OW, lambda z, i, a: a, lambda z, i, a: z.k + z.n - 2 - i - a, high=_map, zero=["w"])

# o and delta, at the tap m'.
EQ13 = sum_of(OD, lambda z, m, i: i + m, lambda z, m, i: i, high=_outputs)
EQ14_CONV = sum_of(OD, lambda z, m, a: m + z.n - 1 - a, lambda z, m, a: z.n - 1 - a, high=_outputs)
EQ14_DELTA = sum_of(OD, lambda z, m, a: a, lambda z, m, a: a - m, high=_map, zero=["delta"])
EQ14_PRINTED = sum_of(OD, lambda z, m, a: m - a, lambda z, m, a: z.n - 1 - a, high=_outputs)
EQ14_PRINTED_ZERO = sum_of(OD, lambda z, m, a: m - a, lambda z, m, a: z.n - 1 - a, high=_outputs, zero=["o"])
EQ14_CORR = sum_of(OD, lambda z, m, a: m + a, lambda z, m, a: z.n - 1 - a, high=_outputs)
EQ14_CORR_DELTA = sum_of(OD, lambda z, m, a: a, lambda z, m, a: z.n + z.k - 2 - m - a, high=_map, zero=["delta"])
EQ14_TURNED_O = sum_of(OD, lambda z, m, a: z.k - 1 - m + a, lambda z, m, a: a, high=_outputs)

# delta and w, at the pixel j'.
EQ20 = sum_of(DW, lambda z, j, m: j - m, lambda z, j, m: m, zero=["delta"])
EQ20_UNDEFINED = sum_of(DW, lambda z, j, m: j - m, lambda z, j, m: m)
EQ21_WHOLE = sum_of(DW, lambda z, j, m: z.n - 1 - j + m, lambda z, j, m: m, zero=["delta"])
EQ21_PRINTED = sum_of(DW, lambda z, j, m: z.size - 1 - j + m, lambda z, j, m: m, zero=["delta"])
EQ21_UNDEFINED = sum_of(DW, lambda z, j, m: z.size - 1 - j + m, lambda z, j, m: m)
EQ22_CORR = sum_of(DW, lambda z, j, m: j + m - (z.k - 1), lambda z, j, m: z.k - 1 - m, zero=["delta"])
EQ22_VALID = sum_of(DW, lambda z, j, m: j + m, lambda z, j, m: z.k - 1 - m)
EQ22_W = sum_of(DW, lambda z, j, a: a, lambda z, j, a: z.k - 1 - j + z.n - 1 - a, high=_outputs, zero=["w"])
EQ22_CONV = sum_of(DW, lambda z, j, m: j - m, lambda z, j, m: z.k - 1 - m, zero=["delta"])

# o and w, at the pixel j' and the tap m of Eq. 19.
EQ18 = sum_of(OW, lambda z, j, t: j - z.tap + t, lambda z, j, t: t)
EQ19_FIRST = sum_of(OW, lambda z, j, t: 0 - z.tap + t, lambda z, j, t: t)
DELTA_O = sum_of(("delta", "o"), lambda z, m, i: i, lambda z, m, i: i + m, high=_outputs)

RELATIONS: dict[str, Relation] = {
    "Eq. 3, undefined": Equal(CONV_FULL, EQ3, full, "k = 1"),
    "Eq. 3, zero": Equal(CONV_FULL, EQ3_ZERO, full, "second vanishes"),
    "Eq. 3, backwards": Equal(CONV_FULL, EQ3_BACK, full),
    "Eq. 3, rotated": Equal(CONV_VALID, CORR_ROT, valid),
    "Eq. 3, rotated full": Equal(CONV_FULL, CORR_ROT_FULL, full, "k = 1"),
    "I ⊗ K, valid = Eq. 5": Equal(CORR, CORR, valid),
    "I * K, valid = Eq. 5": Equal(CONV_VALID, CORR, valid, "second turned"),
    "Eq. 6, convolution": Equal(CONV_ROT, CORR, valid),
    "Eq. 6, printed": Equal(CONV_ROT_PRINTED, CORR, valid, "k = 1"),
    "Eq. 6, correlation": Equal(CORR_ROT, CORR, valid, "second turned"),
    "Eq. 6, w the image": Equal(EQ6_W, CORR, valid),
    "Eq. 6, correlation, w the image": Equal(EQ6_CORR_W, CORR, valid, "first turned"),
    "Eq. 12": Single(CORR, "second", valid, lambda z, i, m: m, lambda z, i, m: taps(z, m)),
    "Eq. 13": Gradient(CORR, "second", DELTA_O, valid),
    "Eq. 14, convolution": Equal(EQ13, EQ14_CONV, taps),
    "Eq. 14, delta the image": Equal(EQ13, EQ14_DELTA, taps),
    "Eq. 14, printed, undefined": Equal(EQ13, EQ14_PRINTED, taps, "H = k"),
    "Eq. 14, printed": Equal(EQ13, EQ14_PRINTED_ZERO, taps, "H = k"),
    "Eq. 14, correlation": Equal(EQ13, EQ14_CORR, taps, "second turned"),
    "Eq. 14, correlation, delta the image": Equal(EQ13, EQ14_CORR_DELTA, taps, "first turned"),
    "Eq. 14, o turned": Equal(EQ13, EQ14_TURNED_O, taps, "k = 1"),
    "Eq. 14, plain": Equal(EQ13, EQ13, taps),
    "Eq. 16, undefined": Equal(EQ20, EQ20_UNDEFINED, pixels, "k = 1"),
    "Eq. 16, Q": Single(CORR, "first", valid, lambda z, i, j: j - i, lambda z, i, j: [j - z.k + 1 <= i, i <= j]),
    "Eq. 17, interior": Equal(EQ20, EQ20_UNDEFINED, _interior),
    "Eq. 19": Single(CORR, "first", valid, lambda z, i, j: j - i, lambda z, i, j: [i >= j - z.k + 1, i <= j]),
    "Eq. 19, first line": Equal(EQ18, EQ19_FIRST, _pixel_and_tap, "H = 1"),
    "Eq. 19, corrected": Equal(EQ18, EQ18, _pixel_and_tap),
    "Eq. 20": Gradient(CORR, "first", EQ20, valid),
    "Eq. 21, whole sum": Equal(EQ20, EQ21_WHOLE, pixels, "first turned"),
    "Eq. 21, printed": Equal(EQ20, EQ21_PRINTED, pixels, "H = 1"),
    "Eq. 21, undefined": Equal(EQ20, EQ21_UNDEFINED, pixels, "H = 1"),
    "Eq. 22, correlation": Equal(EQ20, EQ22_CORR, pixels),
    "Eq. 22, valid": Equal(EQ20, EQ22_VALID, pixels, "k = 1"),
    "Eq. 22, w the image": Equal(EQ20, EQ22_W, pixels, "H = 1"),
    "Eq. 22, convolution": Equal(EQ20, EQ22_CONV, pixels, "second turned"),
    "Eq. 22, plain": Equal(EQ20, EQ20, pixels),
}
