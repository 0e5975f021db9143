"""Heat maps of a gradient: shaded blocks in text, inline SVG in a page."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gradcheck.report.digits import short
from gradcheck.report.markup import element, safe
from gradcheck.report.paper import Paper
from gradcheck.verdict import Census

Rows = Sequence[Sequence[float]]


class Cell(NamedTuple):
    """One cell of a picture: where it stands, its value, and the opacity of its colour."""

    x: float
    y: float
    value: float
    depth: float


_LEVELS = (1e-4, 1e-2, 0.1, 0.5)  # shares of the largest value at which the next shade begins
_SHADES = {True: "·░▒▓█", False: ".:+*#"}
_TEXT_ROWS = 16  # a map is a hint in a terminal; the page has all of it
_INDENT = 4
_NAMED_CELLS = 256  # up to here each cell of a picture says its value when pointed at
_MAP_PIXELS, _LEAST_PIXELS, _MOST_PIXELS = 264, 4, 22  # width of a picture; least and most of a cell
_GAP = 0.35  # between tiles, in cells


def text_map(census: Census, paper: Paper) -> list[str]:
    """Draw |claimed - measured| in shades, shrunk to fit by taking the largest of each block."""
    if not census.heat_map or not census.heat_map[0] or census.total < 2:
        return []
    shown = shrink(census.heat_map, _TEXT_ROWS, paper.width - _INDENT)
    top = largest(shown)
    if not any(value for row in shown for value in row):
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
    if value == 0:
        return shades[0]
    return shades[sum(abs(value) >= level * top for level in _LEVELS)]


def svg_map(rows: Rows, *, top: float, signed: bool, tile: tuple[int, int] | None, title: str) -> str:
    """Draw a map as SVG: the deeper a cell the larger its value, warm above zero and cold below.

    Parameters
    ----------
    rows : sequence of equally long rows
        The values; what is not finite is drawn as a cross.
    top : float
        The value of the deepest colour, shared by maps that are to be compared.
    signed : bool
        True shades in proportion and in two colours; False shades by decades, four below `top`.
    tile : (rows, columns) or None
        Leaves a gap after so many rows and columns.
    title : str
        What the picture shows, for those who can't see it.
    """
    down, across = _offsets(len(rows), tile and tile[0]), _offsets(len(rows[0]), tile and tile[1])
    high, wide = down[-1] + 1, across[-1] + 1
    cells = [
        Cell(x, y, value, _depth(value, top, signed))
        for y, row in zip(down, rows, strict=True)
        for x, value in zip(across, row, strict=True)
    ]
    scale = max(_LEAST_PIXELS, min(_MOST_PIXELS, _MAP_PIXELS / wide))
    return element(
        "svg",
        element("title", safe(title)),
        *_painted(cells),
        *(_named(cells) if len(cells) <= _NAMED_CELLS else []),
        viewBox=f"0 0 {wide:g} {high:g}",
        width=round(wide * scale),
        role="img",
        shape_rendering="crispEdges",
    )


def _offsets(length: int, tile: int | None) -> list[float]:
    return [place + (_GAP * (place // tile) if tile else 0.0) for place in range(length)]


def _depth(value: float, top: float, signed: bool) -> float:
    """Give the opacity of a cell in steps of an eighth: linear, or by decades."""
    share = abs(value) / top if top > 0 and math.isfinite(value) else 0.0
    if not signed:
        share = 0.0 if share < _LEVELS[0] else 1 + math.log10(share) / 4
    return math.ceil(8 * min(max(share, 0.0), 1.0)) / 8 if share > 0 else 0.0


def _painted(cells: Sequence[Cell]) -> list[str]:
    """Draw all cells, one path for each colour, so that a map of 64 x 64 stays small."""
    paths: dict[tuple[str, float], str] = {("empty", 1.0): ""}
    for cell in cells:
        square = f"M{cell.x:g} {cell.y:g}h1v1h-1z"
        paths["empty", 1.0] += square
        if not math.isfinite(cell.value):
            key, square = ("cross", 1.0), f"M{cell.x + 0.2:g} {cell.y + 0.2:g}l.6 .6m0 -.6l-.6 .6"
        else:
            key = ("warm" if cell.value > 0 else "cold", cell.depth)
        if cell.depth or key[0] == "cross":
            paths[key] = paths.get(key, "") + square
    return [_path(drawn, color, depth) for (color, depth), drawn in paths.items()]


def _path(drawn: str, color: str, depth: float) -> str:
    if color == "cross":
        return element("path", d=drawn, stroke="currentColor", stroke_width=0.15, fill="none")
    return element("path", d=drawn, fill=f"var(--{color})", fill_opacity=depth if depth < 1 else None)


def _named(cells: Sequence[Cell]) -> list[str]:
    """Lay an invisible square over each cell that says its value when pointed at."""
    return [
        element("rect", element("title", safe(short(cell.value, 6))), x=cell.x, y=cell.y, width=1, height=1, opacity=0)
        for cell in cells
    ]
