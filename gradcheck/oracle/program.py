"""Another program as an implementation: one JSON line to its stdin, one from its stdout, a case at a time.

Protocol, version 1. The program first writes a hello: `{"protocol": 1, "name": "...", "operations": ["conv", ...]}`.
Then each request is a line `{"id": 1, "operation": ..., "hyperparameters": {...}, "dtype": "float32", "inputs": {...},
"grad_output": ...}` and its reply a line with the same id and either `output` and `gradients`, or `unsupported` or
`error` with a sentence. An array is `{"dtype": "float32", "shape": [2, 3], "data": "..."}`, its data base64 of the
little-endian bytes in C order. Stdin is closed when there is no more to ask. Stderr is free for logs.
"""

import base64
import json
import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, cast

import numpy as np

from gradcheck.errors import InvalidInput
from gradcheck.oracle.case import Array
from gradcheck.oracle.implementation import Results

PROTOCOL = 1
_GRACE = 1.0  # seconds that a program has to end itself


class ProgramFault(Exception):
    """The program ended, or answered something that is not in the protocol."""


class Program:
    """A running program, which is a function of the protocol of `implementation`; a context manager."""

    def __init__(self, command: str) -> None:
        words = shlex.split(command)
        try:
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except (OSError, IndexError) as err:
            raise InvalidInput(f"--program must be a command that can be started; {command!r}: {err}") from err
        self._asked = 0
        self.operations = self._hello()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        """Let the program end by itself, which it should when its stdin closes; after a second it is ended."""
        with suppress(OSError):  # what could not be written any more
            cast(IO[str], self._process.stdin).close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        cast(IO[str], self._process.stdout).close()

    def __call__(
        self, operation: str, hyperparameters: Mapping[str, Any], inputs: Mapping[str, Array], grad_output: Array
    ) -> Results:
        """Ask the program, and return what it answers."""
        if operation not in self.operations:
            raise NotImplementedError(f"{operation} is not among the operations of its hello")
        self._asked += 1
        request = {
            "id": self._asked,
            "operation": operation,
            "hyperparameters": dict(hyperparameters),
            "dtype": grad_output.dtype.name,
            "inputs": {name: encoded(value) for name, value in inputs.items()},
            "grad_output": encoded(grad_output),
        }
        reply = self._exchange(json.dumps(request))
        if reply.get("id") != self._asked:
            raise ProgramFault(f"a reply must have the id of its request, {self._asked}; it has {reply.get('id')!r}")
        if "unsupported" in reply:
            raise NotImplementedError(str(reply["unsupported"]))
        if "error" in reply:
            raise ProgramFault(str(reply["error"]))
        try:
            return decoded(reply["output"]), {name: decoded(value) for name, value in reply["gradients"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise ProgramFault(
                f"a reply must hold output and gradients as arrays ({type(err).__name__}: {err})"
            ) from err

    def _hello(self) -> frozenset[str]:
        hello = self._read()
        if hello.get("protocol") != PROTOCOL or not isinstance(hello.get("operations"), list):
            self._close()
            raise InvalidInput(
                f'a program must begin with {{"protocol": {PROTOCOL}, "operations": [...]}}; '
                f"it wrote {str(hello)[:80]}."
            )
        return frozenset(map(str, hello["operations"]))

    def _exchange(self, line: str) -> dict[str, Any]:
        stdin = cast(IO[str], self._process.stdin)
        try:
            stdin.write(line + "\n")
            stdin.flush()
        except OSError as err:
            raise ProgramFault(f"the program ended with {self._process.wait()}") from err
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = cast(IO[str], self._process.stdout).readline()
        if not line:
            raise ProgramFault(f"the program ended with {self._process.wait()}")
        try:
            told = json.loads(line)
        except ValueError as err:
            raise ProgramFault(f"a line must be one JSON object; it is {line[:60]!r}") from err
        if not isinstance(told, dict):
            raise ProgramFault(f"a line must be one JSON object; it is {line[:60]!r}")
        return told


def encoded(array: Array) -> dict[str, Any]:
    """Return an array as the protocol writes it.

    >>> encoded(np.array([1.0], np.float32))
    {'dtype': 'float32', 'shape': [1], 'data': 'AACAPw=='}
    """
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": base64.b64encode(data).decode("ascii")}


def decoded(told: Mapping[str, Any]) -> Array:
    """Return the array that the protocol wrote; raise ValueError where its parts do not fit together."""
    dtype = np.dtype(told["dtype"]).newbyteorder("<")
    flat = np.frombuffer(base64.b64decode(told["data"], validate=True), dtype)
    return flat.reshape(told["shape"]).astype(dtype.newbyteorder("="))
