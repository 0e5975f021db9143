"""Print the command line of README.md that stands under the marker `<!-- ci: NAME -->`."""

import re
import sys
from pathlib import Path


def marked_line(text: str, name: str) -> str:
    """Return the only line of the fenced block that follows the marker `name`."""
    found = re.search(rf"<!-- ci: {re.escape(name)} -->\n```sh\n(?P<line>[^\n]+)\n```", text)
    if found is None:
        raise SystemExit(f"README has no one-line sh block under <!-- ci: {name} -->")
    return found["line"]


def only(line: str, word: str) -> str:
    """Return the part of an `&&` chain whose program's name is `word`."""
    parts = [part for part in line.split(" && ") if part.split()[0].endswith(f"/{word}")]
    if len(parts) != 1:
        raise SystemExit(f"README's line must run {word} exactly once; it runs it {len(parts)} times: {line}")
    return parts[0]


if __name__ == "__main__":
    chosen = marked_line(Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[1])
    print(only(chosen, sys.argv[4]) if sys.argv[3:4] == ["--only"] else chosen)
