"""Jobs survive JSON, and their command line means the same job."""

import shlex

from gradcheck.cli.check import BESIDE
from gradcheck.cli.check import command as check_command
from gradcheck.cli.jobs import jobs_of
from gradcheck.runner.job import Job, command, label

FULL = Job(
    target="layers.py:Conv",
    inputs={"x": "2,3", "y": "[[1, 2]]"},
    args={"stride": "1,2", "mode": "a b"},
    grads={"W": "dW"},
    wrt=("x", "W"),
    points=({"x": "4,3"}, {"x": "[1.0]", "y": "2"}),
    errors=("input-mutated",),
    seed=7,
    effort="quick",
    dtype="float32",
    strict=True,
    prove=True,
    timeout=1.5,
    memory=2**30,
)
BARE = Job(target="layers.py:Conv", inputs={"x": "2,3"})


def read_back(line):
    arguments = shlex.split(line)[2:]
    context = check_command.make_context("check", arguments)
    return jobs_of(**{name: value for name, value in context.params.items() if name not in BESIDE})


def test_a_job_survives_json():
    assert Job.from_json(FULL.to_json()) == FULL
    assert Job.from_json(BARE.to_json()) == BARE


def test_the_command_of_a_job_is_read_back_as_that_job():
    assert read_back(command(FULL)) == [FULL]
    assert read_back(command(BARE)) == [BARE]


def test_the_command_leaves_out_defaults_but_not_the_seed():
    assert command(BARE) == "gradcheck check layers.py:Conv --input x=2,3 --seed 0"


def test_no_points_are_said_and_read_back():
    job = Job(target="a:b", inputs={"x": "2"}, points=())
    assert "--points none" in command(job)
    assert read_back(command(job)) == [job]


def test_a_label_names_what_is_swept():
    assert label(FULL) == "layers.py:Conv"
    assert label(FULL, frozenset({"stride"})) == "layers.py:Conv (stride=1,2)"
