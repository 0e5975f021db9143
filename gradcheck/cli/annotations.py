"""Annotations of a GitHub workflow: a line on stdout that shows a failing target beside its code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcheck.cli.exits import AGREES, exit_code

if TYPE_CHECKING:
    from gradcheck.report.record import Result

# What the workflow's commands take for themselves is written as it asks: percent signs and line ends, and in
# properties the separators too.
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def annotations(results: "Sequence[Result]") -> list[str]:
    """Return a line for each result that fails the run: an error, or a warning where it is inconclusive."""
    return [_line(result) for result in results if exit_code([result]) != AGREES and not _is_rejected(result)]


def _line(result: "Result") -> str:
    from gradcheck.report.headline import headline, label
    from gradcheck.report.paper import printable

    place = result.target.partition(" (")[0].rpartition(":")[0]
    kind = "warning" if exit_code([result]) == 3 else "error"
    file = f" file={_escaped(place, _PROPERTY)}," if place.endswith(".py") else " "
    text = _escaped(printable(f"{label(result)}  {headline(result)}"), _DATA)
    return f"::{kind}{file}title={_escaped('gradcheck', _PROPERTY)}::{text}"


def _is_rejected(result: "Result") -> bool:
    return getattr(result, "kind", "") == "rejected"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
