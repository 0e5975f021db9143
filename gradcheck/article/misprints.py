"""What the article misprints, each with the reading that fails for it and the one that holds in its place.

The sentences are ours; that the printed reading fails and the other holds is read from the ledger, and a misprint whose
printed reading holds would not be told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck.article.comparison import called, verdict

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Misprint:
    """One misprint: what is wrong, the `printed` reading and, where there is one, the reading that is `right`."""

    number: int
    said: str
    printed: str
    right: str


MISPRINTS = (
    Misprint(
        3,
        "the ranges of m and n: K(-m, -n) exists for m and n from -(k-1) to 0",
        "ranges as printed, K undefined outside",
        "m, n from -(k-1) to 0",
    ),
    *(
        Misprint(
            number,
            "* was defined as convolution, but K is not rotated",
            "* = convolution, re-based to valid, b part of it",
            "corrected: K rotated, * = convolution",
        )
        for number in (4, 5)
    ),
    *(
        Misprint(
            number,
            "b stands on the right alone",
            "* = cross-correlation, b on the right alone",
            "* = cross-correlation, b part of it",
        )
        for number in (4, 5)
    ),
    Misprint(
        6,
        "b has the indices of a pixel, in notation 6 and from Eq. 11 on it is one a map",
        "* = convolution, b per pixel here, b per map in notation 6",
        "* = convolution, re-based to valid",
    ),
    Misprint(
        7,
        "b has the indices of a pixel, in notation 6 and from Eq. 11 on it is one a map",
        "b per pixel here, b per map in notation 6",
        "b per pixel",
    ),
    Misprint(9, "called a mean, it is half a sum", "the mean that its name says", "half the sum of squares"),
    Misprint(
        19,
        "the first line's indices begin with 0 - m and 0 - n in place of i' - m and j' - n",
        "first line as printed: x(0 - m + m', 0 - n + n')",
        "first line corrected: x(i' - m + m', j' - n + n')",
    ),
    Misprint(
        21,
        "rot180 stands around the whole sum in place of around w",
        "rot180 of the whole sum, zero outside, re-based",
        "corrected: rot180 of w alone, zero outside, re-based",
    ),
    Misprint(
        22,
        "* was defined as convolution, which rotates w already, but w is rotated once more",
        "* = convolution, zero outside",
        "corrected: without rot180, * = convolution, zero outside",
    ),
)


def misprinted(rows: Sequence[Entry]) -> list[str]:
    """Say plainly what is misprinted, of those whose printed reading does not hold, with the verdict on it."""
    found = {(row["number"], row["reading"]): row for row in rows}
    told = [(one, found[one.number, one.printed]) for one in MISPRINTS if (one.number, one.printed) in found]
    return [
        f"{called(one.number)}: {one.said}. As printed it {verdict(row)}."
        for one, row in told
        if row["verdict"] not in ("holds", "definition")
    ]
