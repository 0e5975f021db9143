"""The examples are checked as their first lines say: the right layer agrees, the wrong one does not."""

import os
import re
import shlex
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from gradcheck.cli.check import BESIDE
from gradcheck.cli.check import command as check_command
from gradcheck.cli.jobs import jobs_of
from gradcheck.runner.executor import run_jobs
from gradcheck.verdict import Verdict

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives
ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds: jax compiles each operation for each shape, and the machine may be busy
PROGRAMS = {"train_digits.py"}  # run by themselves, with tests of their own
# What each wrong layer is accused of: its arguments, and the code of their diagnosis or of the finding.
WRONG = {
    "convolution.py": ({"x"}, "kernel-not-rotated"),
    "contract_class.py": ({"b"}, "factor-1/N"),
    "stateful_class.py": ({"x"}, "padding-one-side"),
    "two_functions.py": ({"x"}, "overlap-overwritten"),
    "cs231n_cache.py": ({"b"}, "factor-1/N"),
    "grads_dict.py": ({"W"}, "offset"),
    "update_inside.py": ({"input"}, "nonlinear"),
    "channels_last.py": ({"x"}, "kernel-not-rotated"),
    "single_sample.py": ({"filters"}, "overlap-overwritten"),
    "torch_function.py": (set(), "variant-wrong"),
    "jax_custom_vjp.py": ({"x"}, "f-prime-at-output"),
}
NEEDS = {"torch_function.py": "torch", "jax_custom_vjp.py": "jax"}


def command_of(file):
    told = re.search(r"^gradcheck (check (?:.*\\\n)*.*)$", (ROOT / "examples" / file).read_text(), re.MULTILINE)
    return shlex.split(told[1].replace("\\\n", " "))[1:]


def run(arguments):
    context = check_command.make_context("check", arguments)
    jobs = jobs_of(**{name: value for name, value in context.params.items() if name not in BESIDE})
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return list(run_jobs([replace(job, timeout=PATIENCE) for job in jobs]))
    finally:
        os.chdir(before)


def test_every_example_is_in_the_table():
    assert {file.name for file in (ROOT / "examples").glob("*.py")} == set(WRONG) | PROGRAMS


@pytest.mark.parametrize("file", WRONG)
def test_an_example_gives_its_verdicts(file):
    if file in NEEDS and find_spec(NEEDS[file]) is None:
        pytest.skip(f'needs the extra "{NEEDS[file]}"')
    right, wrong = run(command_of(file))
    assert right.verdict is Verdict.AGREES, str(right)
    assert wrong.verdict is Verdict.DISAGREES, str(wrong)
    arguments, code = WRONG[file]
    accused = {name: one for name, one in wrong.arguments.items() if one.verdict is Verdict.DISAGREES}
    assert accused.keys() == arguments
    told = {one.diagnosis.code if one.diagnosis else None for one in accused.values()}
    assert code in told | {finding.code for finding in wrong.findings}
