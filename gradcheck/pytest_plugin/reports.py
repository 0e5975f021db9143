"""Reports on their way from a test to whoever prints and gathers them."""

import os
from typing import TYPE_CHECKING, Any

import pytest

from gradcheck.errors import GradientMismatch, InconclusiveCheck
from gradcheck.pytest_plugin import PROPERTY
from gradcheck.report.as_json import documents
from gradcheck.report.as_text import render
from gradcheck.report.headline import headline, label
from gradcheck.report.paper import printable
from gradcheck.runner.failing import failure_of

if TYPE_CHECKING:
    from gradcheck.report.record import Result


MISUSED = pytest.StashKey[BaseException]()  # what a check of this test raised because it could not be done


class TargetFailed(Exception):
    """A target disagrees, is inconclusive or could not be checked; `report` is the result."""

    def __init__(self, result: "Result") -> None:
        super().__init__(one_line(result))
        self.report = result


def keep(item: Any, result: "Result") -> None:
    """Keep a report with its test, as JSON, which pytest-xdist hands to the controller."""
    item.user_properties.append((PROPERTY, documents([result], "")))


def raised_result(item: pytest.Item, call: "pytest.CallInfo[None]") -> "Result | None":
    """Return the report that a test raised, or the failure that an error of a check in it comes to."""
    error = call.excinfo.value if call.excinfo else None
    if error is not None and error is item.stash.get(MISUSED, None):
        return failure_of(item.name, error)
    return error.report if isinstance(error, TargetFailed | GradientMismatch | InconclusiveCheck) else None


class _Place:
    """Where a test failed and in which words; what pytest's summary shows of it."""

    def __init__(self, path: str, lineno: int, message: str) -> None:
        self.path = path
        self.lineno = lineno
        self.message = message


class Shown:
    """How a failed check is printed: the line of the test that asked for it, and the report."""

    def __init__(self, item: pytest.Item, call: "pytest.CallInfo[None]", result: "Result") -> None:
        self._text = render(result)
        self.reprcrash = _Place(*_place(item, call), one_line(result))

    def __str__(self) -> str:
        where = f"{self.reprcrash.path}:{self.reprcrash.lineno}: " if self.reprcrash.lineno else ""
        return f"{where}{self._text}"

    def toterminal(self, writer: Any) -> None:
        """Write to pytest's terminal."""
        writer.line(str(self))


def _place(item: pytest.Item, call: "pytest.CallInfo[None]") -> tuple[str, int]:
    """Return the last line in the test's own file that the failure came through."""
    entries = call.excinfo.traceback if call.excinfo else []
    lines = [one.lineno + 1 for one in entries if str(one.path) == str(item.path)]
    line = lines[-1] if lines else (item.reportinfo()[1] or -1) + 1
    return os.path.relpath(item.path, item.config.invocation_params.dir), line


def one_line(result: "Result") -> str:
    """Say in one line what came of a check."""
    return printable(f"{label(result).lower()}: {headline(result)}")
