"""Child processes: whatever a target does there comes back as a report or as one clear line, and nothing is left."""

import os
import re
import time
from pathlib import Path

import psutil
import pytest

from gradcheck.report.record import Failure, Report
from gradcheck.runner.executor import run_jobs
from gradcheck.runner.job import Job
from gradcheck.verdict import Verdict

LAYERS = """
import os, pathlib, random, signal, subprocess, sys, time
import numpy as np

HERE = pathlib.Path(__file__).parent

class Double:
    def forward(self, x): return 2 * x
    def backward(self, grad_output, x): return 2 * grad_output

class Verbose(Double):
    def forward(self, x): raise ValueError("v" * 200_000)

class Loud(Double):
    def forward(self, x):
        print("printed \\x1b[31mred"); os.write(1, b"written\\n"); sys.stderr.write("complained\\n")
        return 2 * x

class Asks(Double):
    def forward(self, x): input("name? ")

class Nothing(Double):
    def forward(self, x): return None

class Raises(Double):
    def forward(self, x): return self.inner(x)
    def inner(self, x): raise ValueError("the shape is odd")

class Exits(Double):
    def forward(self, x): sys.exit(7)

class ExitsHard(Double):
    def forward(self, x): os._exit(5)

class Segfaults(Double):
    def forward(self, x): os.kill(os.getpid(), signal.SIGSEGV)

class Hangs(Double):
    def forward(self, x):
        (HERE / "family").write_text(f"{os.getpid()} {subprocess.Popen(['sleep', '600']).pid}")
        while True: pass

class Swells(Double):
    def forward(self, x):
        kept = []
        while True:
            kept.append(np.ones(4_000_000)); time.sleep(0.01)

class Threads(Double):
    def forward(self, x):
        import threading
        threading.Thread(target=time.sleep, args=(600,)).start()
        return 2 * x

class Draws(Double):
    def __init__(self): self.factor = float(np.random.randn() + random.random())
    def forward(self, x): print(self.factor); return self.factor * x
    def backward(self, grad_output, x): return self.factor * grad_output

class Needs(Double):
    def __init__(self, channels, size=3): pass

class InitRaises(Double):
    def __init__(self, stride): raise KeyError("cfg")

class NoBackward:
    def forward(self, x): return x

class Environment(Double):
    def __init__(self): print(os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"], os.getcwd())

number = 5

def lonely(x): return x

def case(x, factor=2):
    return factor * x, lambda grad_output: {"x": factor * grad_output}
"""

BASE = {"inputs": {"x": "2,3"}, "effort": "quick", "timeout": 20.0}
CASES = {
    "Double": {},
    "Verbose": {},
    "Loud": {},
    "Asks": {},
    "Nothing": {},
    "Raises": {},
    "Exits": {},
    "ExitsHard": {},
    "Segfaults": {},
    "Hangs": {"timeout": 1.0},
    "Swells": {"memory": 300 << 20},
    "Threads": {},
    "Draws": {"seed": 3},
    "Needs": {},
    "InitRaises": {"args": {"stride": "2"}},
    "NoBackward": {},
    "Environment": {},
    "number": {},
    "lonely": {},
    "case": {"args": {"factor": "3"}},
    "Duoble": {},
    "raises.py": {"target": "raises.py:Conv"},
    "exits.py": {"target": "exits.py:Conv"},
    "needs.py": {"target": "needs.py:Conv"},
    "syntax.py": {"target": "syntax.py:Conv"},
    "nothere.py": {"target": "nothere.py:Conv"},
    "no input": {"target": "layers.py:Double", "inputs": {}},
    "no floats": {"target": "layers.py:Double", "inputs": {"x": "3:int:0..4"}},
    "same seed": {"target": "layers.py:Draws", "seed": 3},
    "nested": {"target": "package/sub/layer.py:Conv"},
    "dotted": {"target": "package.sub.layer:Conv"},
    "no module": {"target": "pakage.sub:Conv"},
    "shadow": {"target": "shadow/layer.py:Conv"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("targets")
    (folder / "layers.py").write_text(LAYERS)
    (folder / "raises.py").write_text('raise RuntimeError("no configuration")\n')
    (folder / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "needs.py").write_text("import cupy_of_nobody\n")
    (folder / "syntax.py").write_text("def f(:\n")
    nested = folder / "package" / "sub"
    nested.mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("FACTOR = 2\n")
    (nested / "__init__.py").write_text("")
    (nested / "layer.py").write_text(
        "from .. import FACTOR\n"
        "class Conv:\n"
        "    def forward(self, x): return FACTOR * x\n"
        "    def backward(self, grad_output, x): return FACTOR * grad_output\n"
    )
    shadow = folder / "shadow"
    shadow.mkdir()
    for name in ("gradcheck", "html", "json", "scipy", "reprlib", "difflib", "tokenize", "psutil"):
        (shadow / f"{name}.py").write_text('raise RuntimeError("the wrong module")\n')
    (shadow / "beside.py").write_text("FACTOR = 2\n")
    (shadow / "layer.py").write_text(
        "from beside import FACTOR\n"
        "class Conv:\n"
        "    def forward(self, x): return FACTOR * x\n"
        "    def backward(self, grad_output, x): return FACTOR * grad_output\n"
    )
    return folder


@pytest.fixture(scope="module")
def results(folder):
    jobs = [Job(**{**BASE, "target": f"layers.py:{name}", **case}) for name, case in CASES.items()]
    before = Path.cwd()
    os.chdir(folder)
    try:
        return dict(zip(CASES, run_jobs(jobs, workers=2), strict=True))
    finally:
        os.chdir(before)


def test_a_long_message_is_cut_and_its_length_told(results):
    sentence = failure(results, "Verbose").sentence
    assert sentence.endswith("v ... (200000 characters)")
    assert len(sentence) < 2000


def failure(results, name):
    assert isinstance(results[name], Failure), results[name]
    return results[name]


AGREEING = ["Double", "Loud", "Threads", "Draws", "Environment", "case", "nested", "dotted", "shadow"]


@pytest.mark.parametrize("name", AGREEING)
def test_a_right_layer_agrees(results, name):
    assert isinstance(results[name], Report), results[name]
    assert results[name].verdict is Verdict.AGREES


FAILURES = [
    ("Asks", "raised", r"EOFError"),
    ("Nothing", "raised", r"forward must return .*; it returned None\."),
    ("Raises", "raised", r"forward raised ValueError: the shape is odd"),
    ("Exits", "raised", r"forward raised SystemExit: it called sys\.exit\(7\)"),
    ("ExitsHard", "crashed", r"its process ended itself with code 5 before the check was done"),
    ("Segfaults", "crashed", r"its process crashed with SIGSEGV \(segmentation fault\)"),
    ("Hangs", "timeout", r"not done after 1 s: stopped; allow more with --timeout, or give smaller inputs"),
    ("Swells", "memory", r"used more than 300 MiB of memory: stopped; allow more with --memory"),
    ("Needs", "usage", r"Needs\(channels, size\) needs must be given; `channels` is not\. .*--arg channels=3"),
    ("InitRaises", "raised", r"InitRaises\(stride=2\) raised KeyError: 'cfg'"),
    (
        "NoBackward",
        "usage",
        r"a class must have the methods forward and backward, or the like .*; NoBackward has no backward\.",
    ),
    ("number", "usage", r"'number' is of type int\."),
    ("lonely", "usage", r"must be a case, .*lonely returned ndarray\. For a pair .* name both: FILE:lonely,BACKWARD\."),
    ("Duoble", "load", r"there is no 'Duoble'; did you mean `Double`\?"),
    ("raises.py", "load", r"raises\.py raised RuntimeError: no configuration while it was imported"),
    ("exits.py", "load", r"exits\.py called sys\.exit\(3\) while it was imported"),
    ("needs.py", "load", r"'cupy_of_nobody', which is not installed; if .* --stub cupy_of_nobody stands in for it"),
    ("syntax.py", "load", r"syntax\.py raised SyntaxError: invalid syntax"),
    ("nothere.py", "load", r"a target's file must exist; there is no 'nothere\.py'"),
    ("no input", "usage", r"it takes x, and `x` is not given\. Give shapes \(or values\), for instance --input x=2,3"),
    ("no floats", "usage", r"must hold at least one floating array to differentiate; `x` is int64 of shape \(3,\)"),
    ("no module", "load", r"there is no module 'pakage' in "),
]


@pytest.mark.parametrize(("name", "kind", "words"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_failing_target_is_told_in_one_sentence(results, name, kind, words):
    result = failure(results, name)
    assert result.kind == kind
    assert re.search(words, result.sentence), result.sentence
    assert "\n" not in result.sentence


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("Raises", 'raise ValueError("the shape is odd")'),
        ("Hangs", "while True: pass"),
        ("Segfaults", "os.kill(os.getpid(), signal.SIGSEGV)"),
        ("raises.py", 'raise RuntimeError("no configuration")'),
        ("Exits", "sys.exit(7)"),
    ],
)
def test_the_traceback_holds_the_users_frames_only(results, name, last):
    shown = failure(results, name).traceback
    assert last in shown
    assert "gradcheck/" not in shown
    assert "importlib" not in shown


def test_printing_is_captured_from_python_and_from_below(results):
    printed = results["Loud"].printed
    for text in ("printed \x1b[31mred", "written", "complained"):
        assert text in printed


def test_a_hanging_layer_leaves_no_process(results, folder):
    del results
    for pid in map(int, (folder / "family").read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_global_random_states_follow_the_seed(results):
    assert results["Draws"].printed
    assert results["Draws"].printed == results["same seed"].printed


def test_the_child_has_one_blas_thread(results):
    assert results["Environment"].printed.startswith("1 1 ")


def test_files_beside_the_target_do_not_replace_ours(results):
    assert any("gradcheck.py beside the target is not what" in note for note in results["shadow"].notes)


def test_nothing_is_written_beside_the_target(results, folder):
    del results
    assert not list(folder.glob("**/__pycache__"))


def test_a_job_that_is_stopped_ends_its_child(folder):
    waiting = run_jobs([Job(**{**BASE, "target": f"{folder}/layers.py:{name}"}) for name in ("Double", "Hangs")])
    assert isinstance(next(waiting), Report)
    started = time.monotonic()
    waiting.close()
    assert time.monotonic() - started < 5


def test_a_bad_target_starts_no_child(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("started"))
    assert [type(result) for result in run_jobs([Job(target="nowhere")])] == [Failure]
