"""Tracebacks cut down to the user's own frames."""

import linecache
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

from gradcheck.runner.task import digest

_OURS = str(Path(__file__).resolve().parent.parent)
_FOREIGN = tuple({_OURS, *(sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib"))})
_INSTALLED = {"site-packages", "dist-packages"}  # of another environment, on the path by a .pth file, say
_FRAMES = 12  # a deep recursion repeats itself
_DUMPED = re.compile(r'^\s*File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)$')


def trimmed(error: BaseException) -> str:
    """Return the traceback of an exception with the user's frames only, or all of it where there are none."""
    told = traceback.TracebackException.from_exception(error, compact=True)
    frames = [frame for frame in told.stack if is_users(frame.filename)]
    if not frames and not isinstance(error, SyntaxError):
        return ""
    return _written(frames) + "".join(told.format_exception_only())


def from_dump(lines: Iterable[str]) -> str:
    """Return the user's frames of the first thread in a dump of faulthandler, which lists the innermost first."""
    frames = []
    for line in lines:
        match = _DUMPED.match(line)
        if match and is_users(match["file"]):
            text = linecache.getline(match["file"], int(match["line"])).strip()
            frames.append(traceback.FrameSummary(match["file"], int(match["line"]), match["name"], line=text))
        elif frames and line.startswith("Thread "):
            break
    return _written(frames[::-1])


def is_users(file: str) -> bool:
    """Tell whether a file is neither ours nor part of Python or of an installed package."""
    foreign = file.startswith(("<frozen", "<string", *(f"{folder}/" for folder in _FOREIGN), *_FOREIGN))
    return not foreign and not _INSTALLED.intersection(Path(file).parts)


def users_files() -> dict[str, str]:
    """Return a digest of each file that a module of the user's was loaded from."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {file: digest(file) for file in sorted(filter(None, files)) if is_users(file)}


def _written(frames: list[traceback.FrameSummary]) -> str:
    if not frames:
        return ""
    return "Traceback (most recent call last):\n" + "".join(
        traceback.StackSummary.from_list(frames[-_FRAMES:]).format()
    )
