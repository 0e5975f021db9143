"""The sheet that a text report is written on: its width, its characters, and what is safe to print on a terminal."""

import re
import unicodedata
from dataclasses import dataclass

_ASCII = {
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "±": "+-",
    "°": " degrees",
    "·": ".",
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "ᵀ": "^T",
    "²": "^2",
    "½": "1/2",
    "∞": "inf",
    "∂": "d",
    "Σ": "sum",
}
# Sequences that start with the escape character: of control (CSI), of text up to a bell (OSC and its like), short ones.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, invisible format marks, surrogates, line separators
_JOINTS = "/\\,:;=+"  # signs behind which a long word may be cut
_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def printable(text: str) -> str:
    """Keep one line of harmless characters: white space becomes a space, controls become visible escapes."""
    spaced = "".join(" " if character in "\t\n\r\v\f" else character for character in text)
    return "".join(map(_visible, spaced))


def without_escapes(text: str) -> str:
    """Take out what would move a terminal's cursor or paint its text, and keep what would be read there."""
    return _ESCAPE.sub("", text)


def columns(text: str) -> int:
    """Count the columns of a terminal that a text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_column_count(character) for character in text)


@dataclass(frozen=True)
class Paper:
    """How to write: `width` in columns, ANSI colours or none, characters beyond ASCII or none."""

    width: int = 80
    color: bool = False
    unicode: bool = True

    def clean(self, text: str) -> str:
        """Make a text printable here, with an ASCII stand-in for every character that the stream can't encode."""
        safe = printable(text)
        if self.unicode or safe.isascii():
            return safe
        swapped = "".join(_ASCII.get(character, character) for character in safe)
        return swapped.encode("ascii", "backslashreplace").decode("ascii")

    def wrap(self, text: str, *, first: str = "", rest: str | None = None) -> list[str]:
        """Break a sentence into lines of this width, after `first` and then after `rest` (default: as many spaces)."""
        first = self.clean(first)
        rest = " " * columns(first) if rest is None else self.clean(rest)
        lines, line, empty = [], first, True
        for word in self._words(text, self.width - max(columns(first), columns(rest))):
            if not empty and columns(line) + 1 + columns(word) > self.width:
                lines.append(line)
                line, empty = rest, True
            line, empty = (line + word if empty else f"{line} {word}"), False
        return [*lines, line.rstrip()]

    def verbatim(self, text: str, *, indent: str = "") -> list[str]:
        """Keep the lines of code or of output as they are, however long, without their controls."""
        return [(indent + self.clean(line.expandtabs(4))).rstrip() for line in text.splitlines()]

    def paint(self, text: str, color: str) -> str:
        """Colour a text that is already wrapped."""
        return f"\x1b[{_COLORS[color]}m{text}\x1b[0m" if self.color else text

    def rule(self) -> str:
        """Draw a line across the sheet."""
        return ("─" if self.unicode else "-") * self.width

    def _words(self, text: str, room: int) -> list[str]:
        """Split at spaces, and inside a word that no line can hold."""
        room = max(room, 8)
        return [piece for word in self.clean(text).split() for piece in _pieces(word, room)]


def _pieces(word: str, room: int) -> list[str]:
    """Cut a word that is too long: behind the last sign in it that joins parts of a path or a list, if there is one."""
    pieces, piece = [], ""
    for character in word:
        if columns(piece) + columns(character) > room:
            joint = max(map(piece.rfind, _JOINTS)) + 1
            cut = joint if joint > len(piece) // 3 else len(piece)  # no line is to be nearly empty for it
            pieces.append(piece[:cut])
            piece = piece[cut:]
        piece += character
    return [*pieces, piece]


def _visible(character: str) -> str:
    if unicodedata.category(character) in _UNSAFE:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _column_count(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
