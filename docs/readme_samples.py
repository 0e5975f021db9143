"""The samples of README and the tutorial: read them, run them, compare what they print, and write that down anew.

    python docs/readme_samples.py refresh          run every shell session and put its output into the pages
    python docs/readme_samples.py line "main job"  print one of the two commands

A comment above a fenced block says what it is: `ci: NAME` (one of the two commands, run by .ci/run in a fresh clone),
`run: exit N` (a shell session, run in a process of its own; `run: exit N, 30 lines` shows the first of its output),
`file: NAME` (saved for the sessions), `session` (a Python session, run as a doctest), `not run: WHY`.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = (README, ROOT / "docs" / "tutorial.md", ROOT / "docs" / "conventions.md")
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
MARK = re.compile(r"run: exit (?P<code>\d+)(?:, (?P<lines>\d+) lines)?")
SESSION = re.compile(r"\$ (?P<line>(?:[^\n]*\\\n)*[^\n]*)\n(?P<shown>.*)", re.DOTALL)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# What a check costs, and how long it takes, is no part of what README promises.
COST = re.compile(r"\b\d+(\.\d+)? s\b|(?<=calls ).*?(?= seed )")
NOISE_FACTOR = 30.0  # bars and resolutions are made of measured rounding, which differs between processors and versions
FEWEST_DIGITS = 4  # a number that is written with so many digits is no noise, and must be the same in three


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment above it; `start` and `end` are where its body stands."""

    page: Path
    mark: str
    body: str
    start: int
    end: int

    @property
    def line(self) -> int:
        """The number of its first line in the page."""
        return self.page.read_text(encoding="utf-8")[: self.start].count("\n") + 1


def blocks(mark: str = "", *, pages: tuple[Path, ...] = PAGES) -> list[Block]:
    """Return the fenced blocks whose mark starts with `mark`."""
    found = [
        Block(page, each["mark"] or "", each["body"], each.start("body"), each.end("body"))
        for page in pages
        for each in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]
    return [block for block in found if block.mark.startswith(mark)]


def set_desk(folder: Path) -> None:
    """Lay out a stranger's working directory: the examples, and the files that the pages tell one to write."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for block in blocks("file: "):
        (folder / block.mark.removeprefix("file: ")).write_text(block.body, encoding="utf-8")


def run_line(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run one command line with this environment's programs, at 80 columns and on no terminal."""
    search = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    program, *arguments = shlex.split(line.replace("\\\n", " "))
    found = shutil.which(program, path=search)
    if found is None:
        raise SystemExit(f"{program} is not installed here")
    return subprocess.run(
        [found, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": search, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def expected(block: Block, done: "subprocess.CompletedProcess[str]") -> str | None:
    """Return what a page should show of a session that was run, or None where it ended with another exit code."""
    mark = MARK.fullmatch(block.mark)
    if mark is None or int(mark["code"]) != done.returncode:
        return None
    lines = done.stdout.splitlines(keepends=True)
    shown = lines[: int(mark["lines"] or len(lines))]
    return "".join([*shown, "...\n"] if len(shown) < len(lines) else shown)


def alike(shown: str, printed: str) -> bool:
    """Tell whether two texts say the same, up to white space, cost and measured noise."""
    left, right = (COST.sub("some", " ".join(text.split())) for text in (shown, printed))
    if NUMBER.split(left) != NUMBER.split(right):
        return False
    return all(map(_close, NUMBER.findall(left), NUMBER.findall(right)))


def _close(left: str, right: str) -> bool:
    """Integers must be equal, long numbers in three digits; short decimals may be noise."""
    if left == right:
        return True
    if re.fullmatch(r"[-+]?\d+", left) or re.fullmatch(r"[-+]?\d+", right):
        return False
    a, b = float(left), float(right)
    if len(re.sub(r"e.*|\D", "", left).lstrip("0")) >= FEWEST_DIGITS:
        return abs(a - b) <= 1e-3 * abs(a)
    return a * b > 0 and 1 / NOISE_FACTOR < a / b < NOISE_FACTOR


def _refreshed(folder: Path) -> Iterator[tuple[Block, str]]:
    for block in blocks("run: "):
        line = SESSION.fullmatch(block.body)["line"].rstrip("\n")
        done = run_line(line, folder)
        output = expected(block, done)
        if output is None:
            raise SystemExit(f"{block.mark!r} was expected of: {line}\n{done.stdout}{done.stderr}")
        yield block, f"$ {line}\n{output}"


def refresh() -> None:
    """Put into the pages what their shell sessions print today."""
    with tempfile.TemporaryDirectory() as folder:
        set_desk(Path(folder))
        fresh = list(_refreshed(Path(folder)))
    for block, body in reversed(fresh):
        text = block.page.read_text(encoding="utf-8")
        block.page.write_text(text[: block.start] + body + text[block.end :], encoding="utf-8")


def command(name: str) -> str:
    """Return one of the two commands: `main job` or `tests`."""
    (block,) = blocks(f"ci: {name}")
    if block.body.count("\n") != 1:
        raise SystemExit(f"the command {name!r} must be one line")
    return block.body.strip()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["refresh"]:
            refresh()
        case ["line", name]:
            print(command(name))
        case _:
            raise SystemExit(__doc__)
