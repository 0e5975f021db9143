"""What the terminal (or the pipe in its place) can show, and printing for it."""

import os
import shutil
import sys
from dataclasses import dataclass

_WIDTH = 80  # the report is composed for it; a narrower terminal gets narrower lines


@dataclass(frozen=True)
class Terminal:
    """How to write to stdout: columns, colours, characters beyond ASCII."""

    width: int = _WIDTH
    color: bool = False
    unicode: bool = True


def terminal(*, color: bool = True) -> Terminal:
    """Look at stdout: colour only on a terminal and not where NO_COLOR is set or `color` is False."""
    is_terminal = sys.stdout.isatty()
    width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns) if is_terminal else _WIDTH
    allowed = color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Terminal(width=width, color=is_terminal and allowed, unicode=_encodes_more())


def _encodes_more() -> bool:
    try:
        "±→∂Σ─█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
