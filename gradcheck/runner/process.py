"""A child process for one task: started in a session of its own, watched for time and memory, ended as a group."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO, Any

import psutil

from gradcheck.report import plain
from gradcheck.report.record import Failure
from gradcheck.runner.task import Answer, Task, digest
from gradcheck.runner.tracebacks import from_dump

_POLL = 0.05  # seconds between two looks at memory and clock; an answer wakes the wait at once
_TREE_EVERY = 5  # looks: finding a child's children reads the whole process table
_GRACE = 1.0  # seconds that the child has to end itself, with a stack dump, when its time is over
_STARTUP = 60.0  # seconds to import ourselves, on however slow a machine, before the task's own clock starts
_FREE_SHARE = 0.8  # of the memory available at the start, where the task sets no limit
_PRINTED = 1 << 16  # characters of the target's printing that are kept
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)  # fmt: skip


@dataclass
class _Heard:
    """What came out of a child so far; `answered` once that is all."""

    stage: str = ""
    answered: bool = False
    result: Any = None
    failure: Failure | None = None
    files: dict[str, str] = field(default_factory=dict)
    dump: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    kept: int = 0
    family: set[psutil.Process] = field(default_factory=set)


def run_task(task: Task, *, threads: int = 1, stopped: Callable[[], bool] = lambda: False) -> Answer:
    """Run a task in a child process and wait for its answer; whatever happens there becomes a Failure here.

    The child's BLAS gets so many `threads`; it is ended at the first look at which `stopped()` is true.
    """
    started = time.monotonic()
    heard = _Heard(files={os.path.join(task.folder, path): "" for path in task.reads})
    heard.files.update({path: digest(path) for path in heard.files})
    process = _start(task, threads)
    readers = [
        _reader(process.stdout, lambda line: _hear(heard, line)),
        _reader(process.stderr, lambda line: _keep(heard, line), _PRINTED),
    ]
    try:
        end = _watch(process, readers[0], heard, task=task, stopped=stopped)
    finally:
        _end(process, heard)
    for reader in readers:
        reader.join(_GRACE)
    failure, printed = heard.failure, "".join(heard.printed)
    if not heard.answered:
        failure = _failure(heard, task, end, process.returncode)
    if failure:
        failure = replace(failure, printed=printed)
    return Answer(heard.result, failure, printed, time.monotonic() - started, heard.files)


def _start(task: Task, threads: int) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gradcheck.runner.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env=_environment(threads),
        cwd=task.folder,
        start_new_session=True,  # a group of its own on POSIX; Windows has none, and goes by the children's list
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # a child that died at once is told by its return code
        process.stdin.write(task.to_json() + "\n")
        process.stdin.flush()
    return process


def _environment(threads: int) -> dict[str, str]:
    """Return the child's environment; BLAS reads its number of threads when NumPy loads, and never again."""
    return {
        **os.environ,
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:replace",
    }


def _reader(stream: IO[str] | None, take: Callable[[str], None], longest: int = -1) -> threading.Thread:
    assert stream is not None

    def read() -> None:
        with stream:
            for line in iter(lambda: stream.readline(longest), ""):
                take(line)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _hear(heard: _Heard, line: str) -> None:
    if not line.startswith("{"):
        heard.dump.append(line)
        return
    try:
        told = json.loads(line)
    except ValueError:
        heard.dump.append(line)
        return
    heard.stage = told.get("stage", heard.stage)
    heard.result = told.get("result", heard.result)
    heard.failure = plain.load(Failure, told["failure"]) if "failure" in told else None
    heard.files.update(told.get("files", {}))
    heard.answered = told.get("answered", False)


def _keep(heard: _Heard, line: str) -> None:
    if heard.kept < _PRINTED:
        heard.printed.append(line)
        heard.kept += len(line)


def _watch(
    process: "subprocess.Popen[str]",
    answers: threading.Thread,
    heard: _Heard,
    *,
    task: Task,
    stopped: Callable[[], bool],
) -> str:
    """Wait until the child has answered or ended, or must be; return "", "timeout", "memory" or "stopped"."""
    limit = task.memory or int(_FREE_SHARE * psutil.virtual_memory().available)
    deadline, ready, look = time.monotonic() + _STARTUP, False, 0
    while True:
        answers.join(_POLL)
        if not answers.is_alive() or heard.answered or process.poll() is not None:
            answers.join(_POLL)
            return ""
        if heard.stage and not ready:
            deadline, ready = time.monotonic() + task.timeout + _GRACE, True
        if stopped():
            return "stopped"
        if _timed_out(heard):
            answers.join(_POLL)  # the dump of the stack is still being written
            return "timeout"
        if time.monotonic() > deadline:
            return "timeout"
        if look % _TREE_EVERY == 0:
            heard.family |= _family(process.pid)
        look += 1
        if sum(map(_resident, heard.family)) > limit:
            return "memory"


def _timed_out(heard: _Heard) -> bool:
    return any(line.startswith("Timeout (") for line in heard.dump)


def _family(pid: int) -> set[psutil.Process]:
    try:
        child = psutil.Process(pid)
        return {child, *child.children(recursive=True)}
    except psutil.Error:
        return set()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _end(process: "subprocess.Popen[str]", heard: _Heard) -> None:
    """End the child and everything it started, and take in its return code."""
    if not heard.answered:
        with suppress(subprocess.TimeoutExpired):  # a child that is about to leave by itself has a code that tells how
            process.wait(_POLL)
    for member in heard.family | _family(process.pid):
        with suppress(psutil.Error):  # psutil compares creation times, so that a reused number is not killed
            member.kill()
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.close()


def _failure(heard: _Heard, task: Task, end: str, code: int) -> Failure:
    stage = "" if heard.stage == "ready" else heard.stage
    if end == "memory":
        kind, sentence = "memory", f"used more than {_size(task)} of memory: stopped; allow more with --memory"
    elif end == "timeout" or _timed_out(heard):
        kind = "timeout"
        sentence = f"not done after {task.timeout:g} s: stopped; allow more with --timeout, or give smaller inputs"
    elif end == "stopped":
        kind, sentence = "crashed", "stopped before it was done"
    else:
        kind, sentence = "crashed", _death(code)
    return Failure(target=task.label, kind=kind, sentence=sentence, traceback=from_dump(heard.dump), stage=stage)


def _size(task: Task) -> str:
    return f"{task.memory / 2**20:.0f} MiB" if task.memory else f"{_FREE_SHARE:.0%} of the free memory"


def _death(code: int) -> str:
    if code >= 0:
        return f"its process ended itself with code {code} before the check was done"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    meaning = {"SIGSEGV": "segmentation fault", "SIGABRT": "abort", "SIGKILL": "killed, perhaps for lack of memory"}
    return f"its process crashed with {name} ({meaning[name]})" if name in meaning else f"its process ended by {name}"
