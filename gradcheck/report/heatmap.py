"""Heat maps of a gradient: shaded blocks in text, inline SVG in a page."""

import math
from collections.abc import Iterable, Sequence

from gradcheck.report.digits import short
from gradcheck.report.paper import Paper
from gradcheck.verdict import Census

Rows = Sequence[Sequence[float]]

_LEVELS = (1e-4, 1e-2, 0.1, 0.5)  # shares of the largest value at which the next shade begins
_SHADES = {True: "·░▒▓█", False: ".:+*#"}
_TEXT_ROWS = 16  # a map is a hint in a terminal; the page has all of it
_INDENT = 4


def text_map(census: Census, paper: Paper) -> list[str]:
    """Draw |claimed - measured| in shades, shrunk to fit by taking the largest of each block."""
    if not census.heat_map or not census.heat_map[0] or census.total < 2:
        return []
    shown = shrink(census.heat_map, _TEXT_ROWS, paper.width - _INDENT)
    top = largest(shown)
    if top == 0:
        return []
    wide = 2 if 2 * len(shown[0]) <= paper.width - _INDENT else 1
    shades = _SHADES[paper.unicode]
    lines = ["".join(_shade(value, top, shades) * wide for value in row) for row in shown]
    legend = f"|claimed - measured|, {shades[-1]} above half of {short(top)}, {shades[0]} below 1e-4 of it"
    return [*paper.wrap(legend, first="  map        "), *(" " * _INDENT + line for line in lines)]


def shrink(rows: Rows, most_rows: int, most_columns: int) -> list[list[float]]:
    """Reduce a map to at most that many rows and columns, keeping the largest value of each block."""
    down, across = _blocks(len(rows), most_rows), _blocks(len(rows[0]), most_columns)
    return [[_peak(rows[i][j] for i in block for j in cells) for cells in across] for block in down]


def largest(rows: Rows) -> float:
    """Give the largest finite absolute value of a map, 0 where there is none."""
    return max((abs(value) for row in rows for value in row if math.isfinite(value)), default=0.0)


def _blocks(length: int, most: int) -> list[range]:
    """Cut `length` places into at most `most` ranges of equal size, the last one perhaps shorter."""
    size = max(1, -(-length // max(1, most)))
    return [range(start, min(start + size, length)) for start in range(0, length, size)]


def _peak(values: Iterable[float]) -> float:
    best = 0.0
    for value in values:
        if math.isnan(value):
            return math.nan
        best = max(best, abs(value))
    return best


def _shade(value: float, top: float, shades: str) -> str:
    if not math.isfinite(value):
        return "?"
    return shades[sum(abs(value) >= level * top for level in _LEVELS)]
