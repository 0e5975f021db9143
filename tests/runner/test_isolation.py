"""Isolation: what detaches itself is ended, what was known is kept, and nothing of the target's replaces ours."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gradcheck.report.record import Report
from gradcheck.runner.executor import run_jobs
from gradcheck.runner.job import Job
from gradcheck.verdict import Verdict

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives

PACKAGE = Path(__file__).parents[2] / "gradcheck"
LAYERS = """
import ctypes, os, pathlib, signal, subprocess, sys, time, traceback
import numpy as np

HERE = pathlib.Path(__file__).parent

class Double:
    def forward(self, x): return 2 * x
    def backward(self, grad_output, x): return 2 * grad_output

def being_explained():
    return any("/explain/" in frame.filename for frame in traceback.extract_stack())

class HangsExplained(Double):
    def forward(self, x):
        while being_explained(): pass
        return 2 * x
    def backward(self, grad_output, x): return -2 * grad_output

class CrashesExplained(HangsExplained):
    def forward(self, x):
        if being_explained(): os.kill(os.getpid(), signal.SIGSEGV)
        return 2 * x

def daemon(name):
    # A process that detaches itself in every way: a session of its own, and no living parent.
    code = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
    code += f"open({str(HERE / name)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    subprocess.run([sys.executable, "-c", code])
    while not (HERE / name).exists() or not (HERE / name).read_text(): time.sleep(0.01)

class LeavesDaemon(Double):
    def __init__(self): daemon("daemon-1")

class CrashesWithDaemon(Double):
    def __init__(self):
        daemon("daemon-2"); time.sleep(0.6); os.kill(os.getpid(), signal.SIGSEGV)

class Forks(Double):
    def forward(self, x):
        os.fork()
        return 2 * x

class ReadsNothing(Double):
    def forward(self, x):
        ctypes.string_at(0)

class TakesStreams(Double):
    def forward(self, x):
        sys.stdout = sys.stderr = None
        return 2 * x
"""
STUBBED = """
import numpy as np
import cupy_of_nobody as cp
import plots_of_nobody.pyplot as plt
from plots_of_nobody.animation import Writer

plt.rcParams["figure.figsize"] = (5, 5)
figure, axes = plt.subplots(), [axis for axis in plt.axes]
with plt.style.context("dark"): plt.plot([1], [2])

class Plots(Writer.Base): pass

class Conv:
    @cp.fuse()
    def forward(self, x):
        if cp.cuda.is_available(): return cp.asnumpy(x)
        return 2 * x
    def backward(self, grad_output, x): return 2 * grad_output

class Uses(Conv):
    def forward(self, x): return np.dot(x, cp.eye(3))
"""
OLD = """
import numpy as np
class Conv:
    def forward(self, x):
        factors = np.array([1, 2], dtype=np.float)
        scale = np.product(factors).astype(np.float_)
        return x.astype(np.float) * scale * np.alltrue(x < np.Inf)
    def backward(self, grad_output, x): return 2 * np.asfarray(grad_output)
"""

BASE = {"inputs": {"x": "2,3"}, "effort": "quick", "timeout": 20.0}
CASES = {
    "HangsExplained": {"timeout": 4.0},
    "CrashesExplained": {},
    "LeavesDaemon": {},
    "CrashesWithDaemon": {},
    "Forks": {},
    "ReadsNothing": {},
    "TakesStreams": {},
    "stubbed": {"target": "stubs.py:Conv", "stubs": ("cupy_of_nobody", "plots_of_nobody")},
    "stub used": {"target": "stubs.py:Uses", "stubs": ("cupy_of_nobody", "plots_of_nobody")},
    "no stub": {"stubs": ("cu-py",), "target": "layers.py:Double"},
    "old names": {"target": "old.py:Conv", "old_numpy": True},
    "new names": {"target": "old.py:Conv"},
    "clash": {"target": "clash/layer.py:Conv"},
}
AGREEING = ["LeavesDaemon", "Forks", "TakesStreams", "stubbed", "old names"]
FAILURES = [
    ("CrashesWithDaemon", "crashed", r"its process crashed with SIGSEGV"),
    ("ReadsNothing", "crashed", r"its process crashed with SIGSEGV \(segmentation fault\)"),
    ("stub used", "raised", r"cupy_of_nobody\.eye\(\) is a stub and has no values; this layer really needs the module"),
    ("no stub", "usage", r"--stub must name a module, for instance cupy; it names 'cu-py'"),
    ("new names", "raised", r"has no attribute 'float'\.?; NumPy has removed np\.float, --old-numpy puts it back"),
    (
        "clash",
        "load",
        r"ImportError: .*: gradcheck\.py beside the target is not what .*; rename it if the layer needs it",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("isolation")
    (folder / "layers.py").write_text(LAYERS)
    (folder / "stubs.py").write_text(STUBBED)
    (folder / "old.py").write_text(OLD)
    (folder / "clash").mkdir()
    (folder / "clash" / "gradcheck.py").write_text("def helper(): pass\n")
    (folder / "clash" / "layer.py").write_text("from gradcheck import helper\n")
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


@pytest.mark.parametrize("name", AGREEING)
def test_a_right_layer_agrees(results, name):
    assert isinstance(results[name], Report), results[name]
    assert results[name].verdict is Verdict.AGREES


@pytest.mark.parametrize(("name", "kind", "words"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_failing_target_is_told_in_one_sentence(results, name, kind, words):
    assert results[name].kind == kind
    assert re.search(words, results[name].sentence), results[name].sentence
    assert "\n" not in results[name].sentence


def test_a_verdict_is_kept_where_the_explanation_is_cut_off(results):
    hangs, crashes = results["HangsExplained"], results["CrashesExplained"]
    assert (hangs.verdict, crashes.verdict) == (Verdict.DISAGREES, Verdict.DISAGREES)
    assert hangs.notes[-1].startswith("cut off in the explanation, so that it may be missing: not done after 4 s")
    assert crashes.notes[-1].startswith("cut off in the explanation, so that it may be missing: its process crashed")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands orphans to an ancestor")
@pytest.mark.parametrize("name", ["daemon-1", "daemon-2"])
def test_what_detached_itself_is_ended_too(results, folder, name):
    del results
    pid = int((folder / name).read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_was_put_in_place_is_said(results):
    assert results["stubbed"].notes == (
        "stubbed where missing: cupy_of_nobody, plots_of_nobody; whatever they compute is left out",
    )
    assert re.search(
        r"NumPy \S+ was given back the names it has removed: .*float, .*product", results["old names"].notes[0]
    )


def test_our_lazy_imports_of_the_standard_library_are_loaded_before_the_target():
    rooms = ("adapters", "checks", "explain", "numdiff", "report", "runner")
    files = [path for room in rooms for path in (PACKAGE / room).rglob("*.py")] + sorted(PACKAGE.glob("*.py"))
    names = {name.split(".")[0] for path in files for name in imported(path)} & set(sys.stdlib_module_names)
    code = (
        "import sys; from gradcheck.runner import child, kinds; child._import_ours(kinds.KINDS['check']); "
        f"print(*[name for name in {sorted(names)} if name not in sys.modules])"
    )
    missing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(missing) <= {"concurrent", "fcntl", "tomllib"}  # of the parent alone


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
