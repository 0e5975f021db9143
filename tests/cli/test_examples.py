"""The examples are checked as their first lines say: the right layer agrees, the wrong one does not."""

import os
import re
import shlex
from pathlib import Path

import pytest

from gradcheck.cli.check import BESIDE
from gradcheck.cli.check import command as check_command
from gradcheck.cli.jobs import jobs_of
from gradcheck.runner.executor import run_jobs
from gradcheck.verdict import Verdict

ROOT = Path(__file__).parents[2]
PROGRAMS = {"train_digits.py"}  # run by themselves, with tests of their own
WRONG = {
    "convolution.py": ("x",),
    "contract_class.py": ("b",),
    "stateful_class.py": ("x",),
    "two_functions.py": ("x",),
}


def command_of(file):
    told = re.search(r"^gradcheck (check (?:.*\\\n)*.*)$", (ROOT / "examples" / file).read_text(), re.MULTILINE)
    return shlex.split(told[1].replace("\\\n", " "))[1:]


def run(arguments):
    context = check_command.make_context("check", arguments)
    jobs = jobs_of(**{name: value for name, value in context.params.items() if name not in BESIDE})
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return list(run_jobs(jobs))
    finally:
        os.chdir(before)


def test_every_example_is_in_the_table():
    assert {file.name for file in (ROOT / "examples").glob("*.py")} == set(WRONG) | PROGRAMS


@pytest.mark.parametrize("file", WRONG)
def test_an_example_gives_its_verdicts(file):
    right, wrong = run(command_of(file))
    assert right.verdict is Verdict.AGREES, str(right)
    assert wrong.verdict is Verdict.DISAGREES, str(wrong)
    assert tuple(name for name, one in wrong.arguments.items() if one.verdict is Verdict.DISAGREES) == WRONG[file]
