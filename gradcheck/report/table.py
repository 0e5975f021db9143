"""The arguments whose gradients agree: one aligned line each."""

from gradcheck.report.digits import percent, short, whole
from gradcheck.report.headline import gradient
from gradcheck.report.paper import Paper, columns
from gradcheck.report.record import Report
from gradcheck.verdict import Argument, Verdict

_TITLES = ("agrees", "shape", "dtype", "bars", "of", "seen above", "in one entry")
_NAME_COLUMNS = 24  # a longer name gets a line of its own


def agreements(report: Report, paper: Paper) -> list[str]:
    """Write a table of the gradients that agree: how far apart, the threshold, and what would have been seen."""
    agreed = [argument for argument in report.arguments.values() if argument.verdict is Verdict.AGREES]
    if not agreed:
        return []
    rows = [_TITLES, *(_row(argument, paper) for argument in agreed)]
    widths = [max(_fitting(row[column]) for row in rows) for column in range(len(_TITLES))]
    lines = [line for row in rows for line in _line(row, widths, paper)]
    return lines + [line for argument in agreed for line in _aside(argument, paper)]


def _row(argument: Argument, paper: Paper) -> tuple[str, ...]:
    return (
        paper.clean(gradient(argument.name)),
        str(argument.shape).replace(" ", ""),
        paper.clean(argument.dtype),
        short(argument.bars),
        short(argument.threshold),
        percent(argument.resolution),
        percent(argument.entry_resolution),
    )


def _fitting(cell: str) -> int:
    return columns(cell) if columns(cell) <= _NAME_COLUMNS else 0


def _line(row: tuple[str, ...], widths: list[int], paper: Paper) -> list[str]:
    cells = [cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
    line = "  ".join(cells).rstrip()
    if columns(line) <= paper.width:
        return [line]
    return [] if row is _TITLES else _sentence(row, paper)


def _sentence(row: tuple[str, ...], paper: Paper) -> list[str]:
    """Write a row that does not fit the width as a sentence."""
    name, shape, dtype, bars, threshold, seen, one_entry = row
    said = f"{name} of shape {shape}, {dtype}, agrees: {bars} bars of {threshold}; seen above {seen}"
    return paper.wrap(f"{said}, in one entry {one_entry}", rest="    ")


def _aside(argument: Argument, paper: Paper) -> list[str]:
    """Say what the row has no room for: outputs set apart at kinks, and the reason."""
    said = []
    if argument.set_apart:
        said.append(f"{whole(argument.set_apart, 'output')} at a kink, held against their one-sided slopes")
    if argument.sentence:
        said.append(argument.sentence)
    return paper.wrap(f"{gradient(argument.name)}: {'; '.join(said)}", first="  ", rest="    ") if said else []
