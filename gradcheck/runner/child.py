"""The child process of one task: `python -P -m gradcheck.runner.child`, JSON in on stdin, JSON lines out on stdout.

Each line out is an object: `stage` says what is being done, `result` what is known so far, `files` what it rests on,
`failure` why there is none, and `answered` that this is all. A line that is no JSON belongs to a stack dump of
faulthandler (a crash, or the time limit). Whatever the target prints goes to stderr.
"""

import faulthandler
import importlib
import importlib.metadata
import json
import os
import pkgutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from gradcheck.runner.kinds import KINDS, Kind

_SELF = os.getpid()
_ALONE = 10  # seconds that a child outlives its time at most, should nobody be there to end it
_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)
_LAZY = (
    "ctypes",
    "difflib",
    "psutil",
    "tokenize",
)  # what our code, or the standard library for it, loads only when used


def main() -> None:
    """Read one task, perform it, write its answer, and leave without waiting for threads of the target."""
    channel = _take_streams()
    task = json.loads(sys.stdin.readline())
    perform = _import_ours(KINDS[task["kind"]])
    _adopt_orphans()
    _leave_with_parent()
    sys.dont_write_bytecode = True
    faulthandler.enable(channel, all_threads=False)
    _tell(channel, stage="ready")
    faulthandler.dump_traceback_later(task["timeout"], file=channel)
    if hasattr(signal, "alarm"):
        signal.alarm(int(task["timeout"]) + _ALONE)
    answer = _answer(perform, task, channel)
    faulthandler.cancel_dump_traceback_later()
    with suppress(Exception):  # the target may have put anything in their place
        sys.stdout.flush()
        sys.stderr.flush()
    _tell(channel, **answer, answered=True)
    time.sleep(_ALONE)  # until the parent ends us, while it still sees what we have started
    os._exit(0)


def _answer(perform: Callable[..., Any], task: dict[str, Any], channel: TextIO) -> dict[str, Any]:
    from gradcheck.report import plain
    from gradcheck.runner.failing import failure_of
    from gradcheck.runner.tracebacks import users_files

    def tell(stage: str, partial: Any = None) -> None:
        known = {} if partial is None else {"result": partial}
        _tell(channel, stage=stage, files=users_files(), **known)

    try:
        return {"result": perform(task["spec"], tell), "files": users_files()}
    except BaseException as err:  # noqa: BLE001 - whatever the target raises, SystemExit included, is its answer
        return {"failure": plain.dump(failure_of(task["label"], err)), "files": users_files()}


def _take_streams() -> TextIO:
    """Keep stdout for the answer and send everything that is printed, from Python or from C, to stderr."""
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return channel


def _import_ours(kind: Kind) -> Callable[..., Any]:
    """Load all of our code that a task may need, before the target's folder can put files of the same names first."""
    for name in _LAZY:
        importlib.import_module(name)
    importlib.metadata.version("gradcheck")
    for name in kind.packages:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
            importlib.import_module(module.name)
    perform: Callable[..., Any] = getattr(importlib.import_module(kind.module), kind.function)
    return perform


def _leave_with_parent() -> None:
    """End this process when the parent's end of stdin closes, however the parent ended; the target sees no stdin."""
    parent = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        while os.read(parent, 1):
            pass
        _end_family()

    threading.Thread(target=watch, daemon=True).start()


def _adopt_orphans() -> None:
    """Stay the ancestor of all that is started from here, however it detaches itself, so that it can be ended."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_family() -> None:
    """End everything that this process has started, and itself with its group."""
    import psutil

    for member in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            member.kill()
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _tell(channel: TextIO, **told: Any) -> None:
    if os.getpid() != _SELF:  # a copy that the target forked off and let go on
        os._exit(0)
    channel.write(json.dumps(told) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()
