"""One piece of work for one child process, as plain data: what is asked, within which limits, and what came of it."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

from gradcheck.report import plain
from gradcheck.report.record import Failure

TIMEOUT = 60.0  # seconds over import, check and explanation: a check of a small layer takes well under one


@dataclass(frozen=True)
class Task:
    """What a child is asked to do.

    Parameters
    ----------
    kind : str
        A row of `gradcheck.runner.kinds.KINDS`: which function the child calls.
    spec : mapping of str to plain data
        What that function is given; whatever JSON can hold.
    label : str
        How progress and failures name it; two tasks that differ in their labels alone are the same work.
    reads : tuple of str
        Files that the answer rests on, besides the modules of the target, which the child tells of itself.
    timeout : float
        Seconds that the child may take, once it has loaded our own code.
    memory : int or None
        Resident bytes of the child and its children; None for most of what the machine has free.
    folder : str
        Where the child runs, and what relative paths refer to.
    """

    kind: str
    spec: Mapping[str, Any]
    label: str = ""
    reads: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    memory: int | None = None
    folder: str = field(default_factory=os.getcwd)

    @cached_property
    def key(self) -> str:
        """A hash of all that is asked, the label apart, in canonical JSON, with the version of gradcheck."""
        asked = {name: value for name, value in vars(self).items() if name not in ("label", "reads", "key")}
        return hashlib.sha256(canonical({**asked, "gradcheck": version("gradcheck")}).encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """Write the task as one line of JSON."""
        return canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Read what `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "reads": tuple(told["reads"])})


@dataclass(frozen=True)
class Answer:
    """What came of a task.

    Parameters
    ----------
    result : plain data or None
        What the kind's function returned; with a `failure` beside it, the part that was done before that.
    failure : Failure or None
        Why there is no (whole) result.
    printed : str
        What was printed in the child.
    seconds : float
        How long the task took.
    files : mapping of str to str
        The files that the answer rests on, with a digest of each.
    """

    result: Any = None
    failure: Failure | None = None
    printed: str = ""
    seconds: float = 0.0
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Write the answer as one line of JSON."""
        return canonical({**vars(self), "failure": plain.dump(self.failure)})

    @classmethod
    def from_json(cls, text: str) -> "Answer":
        """Read what `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "failure": plain.load(Failure | None, told["failure"])})


def canonical(value: Any) -> str:
    """Write plain data as JSON in the one way that equal data always has: keys sorted, ASCII, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(path: str) -> str:
    """Return a hash of what the file holds; nothing where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError:
        return ""
