"""What is known to deviate: a file of patterns, each with the sentence that explains it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gradcheck.errors import InvalidInput
from gradcheck.oracle.judging import Outcome

DEVIATIONS = ("wrong", "crashed")
_LINE = re.compile(r"(?P<pattern>\S+?)(?:\s+(?P<dtype>float\d+))?\s*:\s+(?P<sentence>\S.*)")


@dataclass(frozen=True)
class Expectation:
    """One line of the file: which cases fail, in which dtype (any, where empty), and why."""

    pattern: str
    dtype: str
    sentence: str

    def covers(self, outcome: Outcome) -> bool:
        """Tell whether the line speaks of this case."""
        return fnmatchcase(outcome.case, self.pattern) and self.dtype in ("", outcome.dtype)


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """Read `PATTERN [DTYPE]: SENTENCE` lines; empty ones and those that begin with # are left out.

    Raises
    ------
    InvalidInput
        The file cannot be read, or a line has no sentence.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidInput(f"--xfail must name a text file that can be read; {str(path)!r}: {err}") from err
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InvalidInput(
                f"a line of {path} must be PATTERN: SENTENCE or PATTERN DTYPE: SENTENCE; "
                f"line {number} is {line.strip()!r}."
            )
        found.append(Expectation(match["pattern"], match["dtype"] or "", match["sentence"]))
    return tuple(found)


def expected(outcome: Outcome, expectations: Sequence[Expectation]) -> Expectation | None:
    """Return the line that speaks of this case, if there is one."""
    return next((line for line in expectations if line.covers(outcome)), None)


def is_deviation(outcome: Outcome, expectations: Sequence[Expectation]) -> bool:
    """Tell whether a case failed and nobody said so, or passed although somebody said that it fails."""
    told = expected(outcome, expectations)
    if outcome.status == "unsupported":
        return False
    return (outcome.status in DEVIATIONS) != (told is not None)
