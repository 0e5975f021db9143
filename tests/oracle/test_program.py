"""Another program as an implementation: the protocol, line by line, and what breaks it."""

import sys

import numpy as np
import pytest

from gradcheck.errors import InvalidInput
from gradcheck.oracle.program import Program, ProgramFault, decoded, encoded

ECHO = """
import json, sys
print(json.dumps({"protocol": 1, "name": "echo", "operations": ["relu", "threshold"]}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    told = {"id": asked["id"], "output": asked["inputs"]["input"], "gradients": {"input": asked["grad_output"]}}
    if asked["operation"] == "threshold":
        told = {"id": asked["id"], "unsupported": "no thresholds here"}
    print("about to answer", file=sys.stderr)
    print(json.dumps(told), flush=True)
"""
X, ERROR = np.array([[1.0, -2.0]], np.float32), np.array([[3.0, 4.0]], np.float32)


def program(tmp_path, source):
    path = tmp_path / "program.py"
    path.write_text(source, encoding="utf-8")
    return f"{sys.executable} {path}"


def test_a_program_is_asked_and_answers(tmp_path):
    with Program(program(tmp_path, ECHO)) as run:
        for _ in range(2):
            output, gradients = run("relu", {}, {"input": X}, ERROR)
            np.testing.assert_array_equal(output, X)
            np.testing.assert_array_equal(gradients["input"], ERROR)
            assert output.dtype == np.float32


@pytest.mark.parametrize(
    ("operation", "words"), [("threshold", "no thresholds here"), ("conv", "conv is not among the operations")]
)
def test_what_a_program_does_not_support_is_said(tmp_path, operation, words):
    with Program(program(tmp_path, ECHO)) as run, pytest.raises(NotImplementedError, match=words):
        run(operation, {}, {"input": X}, ERROR)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ('{"id": 7}', "must have the id of its request, 1; it has 7"),
        ('{"id": 1, "error": "out of cheese"}', "out of cheese"),
        ('{"id": 1, "output": 3, "gradients": {}}', "must hold output and gradients as arrays"),
        ("hello", "must be one JSON object; it is 'hello"),
        ("[1]", "must be one JSON object"),
    ],
    ids=["id", "error", "no-array", "no-json", "no-object"],
)
def test_a_broken_reply_is_a_fault(tmp_path, reply, words):
    source = f"""
print('{{"protocol": 1, "operations": ["relu"]}}', flush=True)
input()
print({reply!r}, flush=True)
"""
    with Program(program(tmp_path, source)) as run, pytest.raises(ProgramFault, match=words):
        run("relu", {}, {"input": X}, ERROR)


def test_a_program_that_ends_is_a_fault(tmp_path):
    source = """print('{"protocol": 1, "operations": ["relu"]}', flush=True); input(); raise SystemExit(9)"""
    with Program(program(tmp_path, source)) as run, pytest.raises(ProgramFault, match="the program ended with 9"):
        run("relu", {}, {"input": X}, ERROR)


def test_a_program_without_a_hello_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r'must begin with \{"protocol": 1'):
        Program(program(tmp_path, """print('{"protocol": 2}', flush=True)"""))


def test_a_command_that_cannot_be_started_is_refused():
    with pytest.raises(InvalidInput, match="--program must be a command that can be started; 'nowhere/to/be-found'"):
        Program("nowhere/to/be-found")


@pytest.mark.parametrize("array", [np.float32([[1, 2]]), np.int64([3]), np.float16(4), np.zeros((0, 2))], ids=repr)
def test_arrays_survive_the_protocol(array):
    array = np.asarray(array)
    found = decoded(encoded(array))
    np.testing.assert_array_equal(found, array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
