"""Annotations of a GitHub workflow: a line on stdout that shows a failing target beside its code."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcheck.cli.exits import AGREES, exit_code

if TYPE_CHECKING:
    from gradcheck.report.record import Result

# What the workflow's commands take for themselves is written as it asks: percent signs and line ends, and in
# properties the separators too.
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_ADDED = re.compile(r"( like \w+)?( \(.*)?$")  # what a sweep adds to a target's name
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def annotations(results: "Sequence[Result]") -> list[str]:
    """Return a line for each result that fails the run: an error, or a warning where it is inconclusive."""
    return [_line(result) for result in results if exit_code([result]) != AGREES and not _is_rejected(result)]


def _line(result: "Result") -> str:
    from gradcheck.report.headline import headline, label
    from gradcheck.report.paper import printable

    place, line = _place(result.target)
    kind = "warning" if exit_code([result]) == 3 else "error"
    file = f" file={_escaped(place, _PROPERTY)}," if place.endswith(".py") else " "
    file += f"line={line}," if line and place.endswith(".py") else ""
    text = _escaped(printable(f"{label(result)}  {headline(result)}"), _DATA)
    return f"::{kind}{file}title={_escaped('gradcheck', _PROPERTY)}::{text}"


def _place(told: str) -> tuple[str, int]:
    """Return the file of a target and the line of its backward pass, as far as its source tells them."""
    from gradcheck.errors import GradcheckError
    from gradcheck.runner.outline import outline_of
    from gradcheck.runner.targets import parse_target

    text = _ADDED.sub("", told)
    try:
        outlines = outline_of(parse_target(text))
    except (GradcheckError, OSError):
        return text.rpartition(":")[0], 0
    functions = outlines[-1].functions
    passes = len(outlines) > 1 or len(functions) > 1
    own = parse_target(text)
    return own.second or own.place, functions[-1].line if functions and passes else 0


def _is_rejected(result: "Result") -> bool:
    return getattr(result, "kind", "") == "rejected"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
