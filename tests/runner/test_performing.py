"""A job performed in this process: what the judge is asked, and what its trouble becomes."""

import sys

import numpy as np
import pytest

from gradcheck.report.record import Failure
from gradcheck.runner import performing
from gradcheck.runner.job import Job
from gradcheck.verdict import Verdict

LAYER = """
class Double:
    def forward(self, x): return 2 * x
    def backward(self, grad_output, x): return 2 * grad_output
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    (tmp_path / "doubling_layer.py").write_text(LAYER)
    return lambda **options: Job(target=f"{tmp_path}/doubling_layer.py:Double", inputs={"x": "2,3"}, **options)


@pytest.fixture
def asked(monkeypatch):
    seen = {}

    def check(subject, **options):
        seen.update(options, subject=subject)
        raise KeyError("stop here")

    monkeypatch.setattr(performing, "check", check)
    return seen


def test_every_option_reaches_the_judge(job, asked):
    performing.perform(
        job(seed=5, effort="thorough", prove=True, strict=True, errors=("input-mutated",), wrt=("x",)), lambda _: None
    )
    wanted = {"seed": 5, "effort": "thorough", "prove": True, "strict": True, "errors": ("input-mutated",)}
    assert {name: asked[name] for name in wanted} == wanted
    assert asked["subject"].wrt == ("x",)
    assert asked["replay"].endswith("--seed 5 --effort thorough --strict --prove-it")


def test_points_are_drawn_apart_and_absent_ones_left_to_the_judge(job, asked):
    performing.perform(job(points=({"x": "4,3"}, {"x": "4,3"})), lambda _: None)
    first, second = asked["points"]
    assert first["x"].shape == (4, 3)
    assert not np.array_equal(first["x"], second["x"])
    performing.perform(job(points=()), lambda _: None)
    assert asked["points"] == ()
    performing.perform(job(), lambda _: None)
    assert asked["points"] is None


def test_trouble_of_our_own_is_said_to_be_ours(job, monkeypatch):
    monkeypatch.setattr(performing, "check", len)
    result = performing.perform(job(), lambda _: None)
    assert isinstance(result, Failure)
    assert result.sentence == "gradcheck itself failed: TypeError: len() takes no keyword arguments; please report it"
    assert "performing.py" in result.traceback


def test_stages_are_told_as_they_begin(job):
    stages = []
    report = performing.perform(job(effort="quick"), stages.append)
    assert report.verdict is Verdict.AGREES
    assert stages == ["import", "check"]


def test_memory_that_runs_out_is_called_that(job, monkeypatch):
    def check(*_, **__):
        raise MemoryError("too much")

    monkeypatch.setattr(performing, "check", check)
    result = performing.perform(job(), lambda _: None)
    assert (result.kind, result.sentence) == ("memory", "out of memory: too much")
