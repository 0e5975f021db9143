"""The journal of a run: every answer as it comes, one JSON line each, so that a killed run can go on.

The first line names the schema. A line that was being written when the run was killed is cut off and its task runs
again. An answer is used again only while the files that it rests on are what they were.
"""

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from gradcheck.errors import InvalidInput
from gradcheck.runner.task import Answer, Task, canonical, digest

SCHEMA = "gradcheck/journal/1"


class Journal:
    """An open journal, held by this run alone; a context manager.

    Parameters
    ----------
    path : path
        Where it is; its folder must exist.
    resume : bool
        Whether to go on with what is recorded there; else it starts empty.

    Raises
    ------
    InvalidInput
        The file cannot be written, is no journal, is damaged, or another run is writing it.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self._digests: dict[str, str] = {}
        try:
            self._file: IO[bytes] = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 - closed by __exit__
        except OSError as err:
            raise InvalidInput(f"a journal must be a file that can be written; {str(path)!r}: {err}") from err
        try:
            _lock(self._file, path)
            self._answers = self._read() if resume else {}
            self._file.truncate(self._file.tell())
            if self._file.tell() == 0:
                self._write({"schema": SCHEMA})
        except BaseException:  # an interrupt too must not leave the file open, and locked to nobody; it goes on up
            self._file.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()

    @property
    def count(self) -> int:
        """How many answers are recorded."""
        return len(self._answers)

    def recorded(self, task: Task) -> Answer | None:
        """Return the task's answer if it is recorded and the files that it rests on have not changed since."""
        answer = self._answers.get(task.key)
        if answer is None or any(self._digest(path) != known for path, known in answer.files.items()):
            return None
        return answer

    def record(self, task: Task, answer: Answer) -> None:
        """Write an answer down for good before anything else happens; one that is recorded already is left alone."""
        if self.recorded(task) is None:
            self._answers[task.key] = answer
            self._write({"key": task.key, "label": task.label, "answer": json.loads(answer.to_json())})

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = digest(path)
        return self._digests[path]

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(canonical(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> dict[str, Answer]:
        """Read the whole lines, and leave the file at the end of the last one."""
        lines = self._file.read().splitlines(keepends=True)
        answers: dict[str, Answer] = {}
        whole = 0
        for number, line in enumerate(lines):
            try:
                _take(line, answers, first=number == 0)
            except (ValueError, TypeError, KeyError) as err:
                if number == len(lines) - 1 and (number or not line.endswith(b"\n")):
                    break  # torn: the run was killed while it was written
                raise InvalidInput(_damage(self.path, number)) from err
            whole += len(line)
        self._file.seek(whole)
        return answers


def _take(line: bytes, answers: dict[str, Answer], *, first: bool) -> None:
    if not line.endswith(b"\n"):
        raise ValueError("cut off")
    told = json.loads(line)
    if first:
        if told["schema"] != SCHEMA:
            raise ValueError(told["schema"])
        return
    answers[told["key"]] = Answer.from_json(json.dumps(told["answer"]))


def _damage(path: Path, number: int) -> str:
    if number == 0:
        return f"a journal must be of the schema {SCHEMA!r}; {str(path)!r} is none. Name another file."
    return f"line {number + 1} of the journal {str(path)!r} is damaged; remove that line (its task runs again)."


def _lock(file: IO[bytes], path: Path) -> None:
    """Hold the file for this process, which is the end of the lock too, however it ends; Windows locks on its own."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        raise InvalidInput(f"a journal must belong to one run; another run is writing {str(path)!r}.") from err
