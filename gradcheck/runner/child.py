"""The child process of one job: `python -P -m gradcheck.runner.child`, JSON in on stdin, JSON lines out on stdout.

Each line out is `{"stage": NAME}` or, once, `{"result": DOCUMENT}`; a line that is no JSON belongs to a stack dump of
faulthandler (a crash, or the time limit). Whatever the target prints goes to stderr.
"""

import faulthandler
import importlib
import json
import os
import pkgutil
import sys
import threading
from typing import TextIO

_PARTS = ("gradcheck.numdiff", "gradcheck.checks", "gradcheck.explain", "gradcheck.report")


def main() -> None:
    """Read one job, perform it, write its result, and leave without waiting for threads of the target."""
    channel = _take_streams()
    job_text = sys.stdin.readline()
    _import_ours()
    from gradcheck.report.as_json import documents
    from gradcheck.runner.job import Job
    from gradcheck.runner.performing import perform

    job = Job.from_json(job_text)
    _leave_with_parent()
    sys.dont_write_bytecode = True
    faulthandler.enable(channel, all_threads=False)
    _tell(channel, "stage", "ready")
    faulthandler.dump_traceback_later(job.timeout, exit=True, file=channel)
    result = perform(job, lambda stage: _tell(channel, "stage", stage))
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.flush()
    sys.stderr.flush()
    _tell(channel, "result", documents([result], ""))
    os._exit(0)


def _take_streams() -> TextIO:
    """Keep stdout for the answer and send everything that is printed, from Python or from C, to stderr."""
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return channel


def _import_ours() -> None:
    """Load all of our code that a check may need, before the target's folder can put files of the same names first."""
    importlib.import_module("gradcheck.examine")
    for part in _PARTS:
        package = importlib.import_module(part)
        for module in pkgutil.walk_packages(package.__path__, f"{part}."):
            importlib.import_module(module.name)


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


def _tell(channel: TextIO, key: str, value: str) -> None:
    channel.write(json.dumps({key: value}) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()
