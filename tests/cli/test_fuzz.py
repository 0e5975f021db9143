"""`gradcheck fuzz` from the outside: the smallest failure, its replay line, and what is remembered."""

import json
from types import SimpleNamespace

import pytest

from gradcheck.cli import main
from gradcheck.report.as_json import read_documents
from gradcheck.verdict import Verdict

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives

LAYERS = """
import numpy as np
from gradcheck.layers import Conv
class Right:
    def __init__(self, factor=2): self.factor = factor
    def forward(self, x): return self.factor * x
    def backward(self, grad_output, x): return self.factor * grad_output

class Wrong(Right):
    def backward(self, grad_output, x):
        return (1 if x.shape[1] > 2 and self.factor > 1 else self.factor) * grad_output

class Breaks(Right):
    def forward(self, x): return x[:, [0, 1]] if x.shape[1] < 2 else self.factor * x

class Refuses(Right):
    def forward(self, x): raise ValueError("never")

class WideKernel:
    def __init__(self, stride=1, padding=0): self.layer = Conv(stride, padding)
    def forward(self, x, w): return self.layer.forward(x, w)
    def backward(self, grad_output, x, w):
        grad_x, grad_w = self.layer.backward(grad_output, x, w)
        return (grad_x, grad_w[..., ::-1]) if w.shape[2] != w.shape[3] else (grad_x, grad_w)
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=out, err=err)

    return run


def test_a_failure_is_shrunk_replayed_and_tried_first_until_it_heals(run, tmp_path):
    asked = ("fuzz", "layers.py:Wrong", "--input", "x=NH", "--arg", "factor=1..3", "--json")
    done = run(*asked)
    assert done.code == 1
    (report,) = read_documents(done.out)
    assert report.sentence.startswith("1x3 x, factor=2: grad_x[0, 0] claimed 1, is 2")
    remembered = json.loads((tmp_path / ".gradcheck" / "failures.json").read_text())["failures"]
    assert [case["H"] for cases in remembered.values() for case in cases] == [3]
    assert not (tmp_path / ".hypothesis").exists()

    assert report.replay == "gradcheck check layers.py:Wrong --input x=1,3:whole:-3..3 --arg factor=2 --seed 0"
    again = read_documents(run(*asked).out)[0]
    assert "1 examples: 1 disagrees" in again.notes

    (tmp_path / "layers.py").write_text(LAYERS.replace("(1 if x", "(self.factor if x"))
    healed = run(*asked)
    assert healed.code == 0
    assert read_documents(healed.out)[0].sentence.startswith("no failure in ")
    assert json.loads((tmp_path / ".gradcheck" / "failures.json").read_text())["failures"] == {}


def test_many_targets_each_have_their_outcome(run, tmp_path):
    targets = [f"layers.py:{name}" for name in ("Breaks", "Refuses")]
    done = run("fuzz", *targets, "nowhere.py:X", "--input", "x=NH", "--max-examples", "5", "--forget", "-q")
    lines = done.out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["RAISED", "REJECTED", "NOT CHECKED"]
    assert "Breaks's forward raised IndexError" in lines[0]
    assert "gradcheck check layers.py:Breaks --input x=1,1:whole:-3..3 --seed 0)" in lines[0]
    assert "the layer took none of them" in lines[1]
    assert done.code == 2
    assert not (tmp_path / ".gradcheck").exists()


def test_like_a_kind_shapes_and_hyperparameters_are_found_and_drawn(run):
    done = run("fuzz", "layers.py:WideKernel", "--like", "conv2d", "--json", "--forget")
    assert done.code == 1
    (report,) = read_documents(done.out)
    assert report.verdict is Verdict.DISAGREES
    assert report.target.startswith("layers.py:WideKernel like conv2d (1x1x1x")
    assert "input, 1x2 kernel" in report.target
    assert "fuzz layers.py:WideKernel --seed 0 --like conv2d --max-examples 100" in report.replay


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument 'TARGET...'"),
        (("layers.py:Right",), "there must be something to draw: give inputs by shapes in letters"),
        (("layers.py:Right", "--input", "x=N", "--dim", "H=1"), "none has H. Give for instance --input x=NH"),
        (("layers.py:Right", "--input", "x=N", "--html", "no/where.html"), "must be written into a folder that exists"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(run, arguments, words):
    done = run("fuzz", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_damaged_memory_is_said_and_begun_anew(run, tmp_path):
    (tmp_path / ".gradcheck").mkdir()
    (tmp_path / ".gradcheck" / "failures.json").write_text("{")
    done = run("fuzz", "layers.py:Right", "--input", "x=N", "--max-examples", "3", "-q")
    assert done.code == 0
    assert "failures.json cannot be read (JSONDecodeError" in done.err


def test_several_searches_are_tasks_of_their_own_and_the_smallest_failure_is_told(run):
    asked = ("fuzz", "layers.py:Wrong", "--input", "x=NH", "--arg", "factor=1..3", "--seeds", "3", "--forget", "-q")
    done = run(*asked)
    assert done.code == 1
    assert "1x3 x, factor=2: grad_x[0, 0] claimed 1, is 2" in done.out
    done = run("fuzz", "layers.py:Right", "--input", "x=NH", "--seeds", "2", "--max-examples", "5", "--forget", "-q")
    assert done.code == 0
    assert "and none in 1 more searches" in done.out
