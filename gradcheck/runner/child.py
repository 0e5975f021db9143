"""The child process of one task: `python -P -m gradcheck.runner.child`, JSON in on stdin, JSON lines out on stdout.

Each line out is an object: `stage` says what is being done, `result` what is known so far, `files` what it rests on,
`failure` why there is none, and `answered` that this is all. A line that is no JSON belongs to a stack dump of
faulthandler (a crash, or the time limit). Whatever the target prints goes to stderr.
"""

import faulthandler
import importlib
import json
import os
import pkgutil
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from gradcheck.runner.kinds import KINDS, Kind


def main() -> None:
    """Read one task, perform it, write its answer, and leave without waiting for threads of the target."""
    channel = _take_streams()
    task = json.loads(sys.stdin.readline())
    perform = _import_ours(KINDS[task["kind"]])
    _leave_with_parent()
    sys.dont_write_bytecode = True
    faulthandler.enable(channel, all_threads=False)
    _tell(channel, stage="ready")
    faulthandler.dump_traceback_later(task["timeout"], exit=True, file=channel)
    answer = _answer(perform, task, channel)
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.flush()
    sys.stderr.flush()
    _tell(channel, **answer, answered=True)
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
    for name in kind.packages:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
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
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _tell(channel: TextIO, **told: Any) -> None:
    channel.write(json.dumps(told) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()
