"""`gradcheck check` from the outside: exit codes, streams, options and faces."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from gradcheck.cli import main
from gradcheck.cli.exits import exit_code
from gradcheck.report.as_json import read_documents
from gradcheck.report.record import Failure, Report
from gradcheck.verdict import Finding, Severity, Verdict

LAYERS = """
import time
import numpy as np

class Right:
    def __init__(self, factor=2): self.factor = factor
    def forward(self, x): print("\\x1b[31mcomputing\\x1b[0m"); return self.factor * x
    def backward(self, grad_output, x): return self.factor * grad_output

class Wrong(Right):
    def backward(self, grad_output, x): return -self.factor * grad_output

class Step:
    def forward(self, x): return np.zeros_like(x)
    def backward(self, grad_output, x): return np.zeros_like(x)

class Hangs(Right):
    def forward(self, x):
        import subprocess
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        while True: time.sleep(0.1)

class Product:
    def forward(self, x, w): return x * w
    def backward(self, grad_output, x, w): return grad_output * w, -grad_output * x

class Picky:
    def __init__(self, least=2): self.least = least
    def forward(self, x):
        if x.shape[0] < self.least: raise ValueError("too few rows")
        return 2 * x
    def backward(self, grad_output, x): return (1 if x.shape[1] == 3 else 2) * grad_output

class Doubling:
    def forward(self, x, w): return 2 * x @ w
    def backward(self, grad_output, x, w): return 2 * grad_output @ w.T, 2 * x.T @ grad_output

class Offset:
    def forward(self, x, offset=0): return x + offset
    def backward(self, grad_output, x): return grad_output * 1.0

def power(x, exponent): return x ** exponent
def power_backward(grad_output, x, exponent): return grad_output * exponent * x ** (exponent - 1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    (folder / "layers.py").write_text(LAYERS)
    return folder


@pytest.fixture
def run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["check", *arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=out, err=err)

    return run


QUICK = ("--input", "x=2,3", "--effort", "quick")


def test_a_right_layer_exits_with_0_and_says_agrees(run):
    done = run("layers.py:Right", *QUICK)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("AGREES  layers.py:Right: ")
    assert "computing" not in done.out


def test_a_wrong_layer_exits_with_1_and_says_disagrees(run):
    done = run("layers.py:Wrong", *QUICK)
    assert done.code == 1
    assert done.out.startswith("DISAGREES  layers.py:Wrong: grad_x is wrong")


def test_the_report_is_80_columns_wide_without_colour_in_a_pipe(run):
    done = run("layers.py:Wrong", *QUICK)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "\x1b" not in done.out


def test_the_replay_line_replays(run):
    done = run("layers.py:Right", *QUICK, "--arg", "factor=3", "--seed", "4")
    assert "gradcheck check layers.py:Right --input x=2,3 --arg factor=3 --seed 4" in done.out
    assert "--effort quick" in done.out


def test_json_is_one_document_and_nothing_else(run):
    done = run("layers.py:Right", "layers.py:Wrong", "layers.py:Missing", *QUICK, "--json")
    document = json.loads(done.out)
    assert (document["schema"], done.err) == ("gradcheck/report/1", "")
    assert [result["record"] for result in document["results"]] == ["report", "report", "failure"]
    right, wrong, missing = read_documents(done.out)
    assert (right.verdict, wrong.verdict, missing.kind) == (Verdict.AGREES, Verdict.DISAGREES, "load")
    assert "computing" in right.printed
    assert done.code == 1


def test_files_are_written_beside_the_text(run, folder):
    done = run("layers.py:Wrong", *QUICK, "--junit", "report.xml", "--html", "report.html")
    suite = ElementTree.parse(folder / "report.xml").getroot().find("testsuite")
    assert suite.get("failures") == "1"
    assert "DISAGREES" in (folder / "report.html").read_text(encoding="utf-8")
    assert done.out.startswith("DISAGREES")


def test_a_file_in_no_folder_is_refused_before_anything_runs(run):
    done = run("layers.py:Hangs", *QUICK, "--html", "nofolder/report.html")
    assert (done.code, done.out) == (2, "")
    assert "must be written into a folder that exists; there is no 'nofolder'" in done.err


def test_verbose_shows_what_was_printed(run):
    done = run("layers.py:Right", *QUICK, "-v")
    assert "printed by layers.py:Right:\n  computing\n" in done.out


def test_quiet_is_one_line_a_target(run):
    done = run("layers.py:Right", "layers.py:Wrong", *QUICK, "-q")
    assert [line.split()[0] for line in done.out.splitlines()] == ["AGREES", "DISAGREES"]


def test_a_repeated_argument_sweeps(run):
    done = run("layers.py:Right", *QUICK, "--arg", "factor=2", "--arg", "factor=3", "--input", "x=4", "-q")
    assert [line.split(": ")[0] for line in done.out.splitlines()] == [
        f"AGREES  layers.py:Right (x={shape}, factor={factor})" for shape in ("2,3", "4") for factor in (2, 3)
    ]


LETTERS = ("--input", "x=NH", "--dim", "N=1..2", "--dim", "H=3,4", "--effort", "quick")


def test_letters_sweep_shapes_and_a_refused_configuration_is_no_failure(run):
    done = run("layers.py:Picky", *LETTERS)
    assert done.code == 1
    assert done.out.startswith("DISAGREES  layers.py:Picky (x=2,3): grad_x is wrong")
    assert done.out.count("read as") == 1
    summary = done.out[done.out.index("4 configurations") :].splitlines()
    assert summary[0].endswith(": 2 rejected, 1 disagrees, 1 agrees")
    assert summary[1].startswith("  REJECTED          layers.py:Picky (x=1,3): Picky's forward raised ValueError:")


def test_a_sweep_of_refusals_alone_is_inconclusive_and_one_refusal_asked_for_has_raised(run):
    done = run("layers.py:Picky", *LETTERS, "--arg", "least=5", "-q")
    assert done.code == 3
    assert run("layers.py:Picky", *QUICK, "--arg", "least=5", "-q").out.startswith("RAISED")


def test_a_sample_of_a_sweep_is_said_on_stderr(run):
    done = run("layers.py:Right", *LETTERS, "--max-configs", "2", "-q")
    assert [line.split(": ")[0] for line in done.out.splitlines()] == [
        "AGREES  layers.py:Right (x=1,3)", "AGREES  layers.py:Right (x=2,4)",
    ]  # fmt: skip
    assert done.err.startswith("note: 4 configurations: 2 of them are checked")


def test_a_layer_unlike_its_kind_exits_with_1_unless_that_is_allowed(run):
    done = run("layers.py:Doubling", "--like", "linear", "--effort", "quick")
    assert done.code == 1
    assert done.out.startswith("AGREES  layers.py:Doubling like linear (1x1 input): its gradient is right, but")
    assert "error: not-like-linear: output[0, 0] is" in done.out
    assert "--effort quick --like linear" in done.out
    done = run("layers.py:Doubling", "--like", "linear", "--effort", "quick", "--no-like-error")
    assert done.code == 0
    assert "warning: not-like-linear" in done.out


def test_a_dry_run_says_how_a_target_is_read_and_what_would_be_tried(run):
    done = run("layers.py:Picky", "layers.py:Nothing", *LETTERS, "--arg", "least=1", "--dry-run")
    assert done.code == 2
    lines = done.out.splitlines()
    assert lines[:4] == [
        "layers.py:Picky",
        "  read as: contract",
        "  constructor takes least=1",
        "  forward takes x=1,3",
    ]
    assert "  input x: float64 of shape (1, 3), gradient checked" in lines
    assert "  4 configurations, about 6 forward and 3 backward calls each" in lines
    assert "    --input x=2,4 --arg least=1" in lines
    assert lines[-2] == "layers.py:Nothing"
    assert "there is no 'Nothing'" in lines[-1]


def test_a_dry_run_like_a_kind_lists_the_sweep(run):
    done = run("layers.py:Doubling", "--like", "linear", "--dry-run")
    assert done.code == 0
    assert "  like linear: x is the input NC, w is the weight IO, the output NO" in done.out
    assert "    5x1 input, 3 outputs: sizes 5, 1, 3\n" in done.out


def test_call_arguments_reach_forward_only(run):
    assert run("layers.py:Offset", *QUICK, "--arg", "offset=1.5").code == 0


def test_a_pair_of_functions_gets_its_hyperparameters_in_both(run):
    assert run("layers.py:power,power_backward", "--input", "x=2:uniform:1..2", "--arg", "exponent=3", "-q").code == 0


def test_wrt_checks_the_named_argument_only(run):
    inputs = ("--input", "x=2,3", "--input", "w=2,3", "--effort", "quick", "--json")
    assert run("layers.py:Product", *inputs).code == 1
    done = run("layers.py:Product", *inputs, "--wrt", "x")
    assert done.code == 0
    assert list(read_documents(done.out)[0].arguments) == ["x"]


def test_dtype_is_that_of_the_inputs(run):
    done = run("layers.py:Right", *QUICK, "--dtype", "float32", "--json")
    assert read_documents(done.out)[0].arguments["x"].dtype == "float32"


def test_a_vacuous_agreement_fails_only_when_strict(run):
    assert run("layers.py:Step", "--input", "x=2,3").code == 0
    assert run("layers.py:Step", "--input", "x=2,3", "--strict").code == 3


WRONG_USAGE = [
    ((), "Missing argument 'TARGET...', and no pyproject.toml here or above has a [tool.gradcheck] with `targets`"),
    (("a:b", "--input", "x"), "an input must be NAME=SPEC"),
    (("a:b", "--arg", "stride"), "an argument must be NAME=VALUE"),
    (("a:b", "--grad", "W"), "a gradient must be NAME=VALUE, for instance W=dW"),
    (("a:b", "--effort", "much"), "'much' is not one of 'quick', 'normal', 'thorough'"),
    (("a:b", "--memory", "lots"), "a size must be a number of bytes above 0, for instance 2G or 512M; it is 'lots'"),
    (("a:b", "--points", "nothere.json"), "--points must name a JSON file that can be read"),
    (("a:b", "--points", "0"), "--points must give one point, 'x=2,3; w=3,4'"),
    (("a:b", "--input", "x=NH", "--dim", "N=2"), "every letter of a shape must have its sizes; H of x=NH has none"),
    (("a:b", "--like", "convolution"), "'convolution' is not one of 'conv2d', 'conv1d'"),
    (("a:b", "--inputs", "x=2"), "No such option"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG_USAGE, ids=[words[:20] for _, words in WRONG_USAGE])
def test_wrong_usage_exits_with_2_and_says_why(run, arguments, words):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_points_are_read_from_options_and_from_a_file(run, folder):
    (folder / "points.json").write_text('[{"x": "3,1"}, {"x": [[1, 2], [3, 4]]}]')
    done = run("layers.py:Right", *QUICK, "--points", "points.json", "--points", "x=1,1", "--json")
    assert done.code == 0
    assert "--points x=3,1 --points 'x=[[1, 2], [3, 4]]' --points x=1,1" in read_documents(done.out)[0].replay


def report(verdict, vacuous=False):
    return Report(target="t", convention="", verdict=verdict, reason=None, sentence="", vacuous=vacuous)


AGREES, WRONG, UNSURE = report(Verdict.AGREES), report(Verdict.DISAGREES), report(Verdict.INCONCLUSIVE)
BROKEN, REJECTED = Failure("t", "crashed", "crashed"), Failure("t", "rejected", "no")
UNLIKE = replace(AGREES, findings=(Finding("not-like-conv2d", "It computes something else."),))
LENIENT = replace(AGREES, findings=(Finding("not-like-conv2d", "It does.", Severity.WARNING),))
CODES = [
    ([UNLIKE], 1), ([LENIENT], 0),
    ([AGREES], 0), ([WRONG], 1), ([BROKEN], 2), ([UNSURE], 3), ([AGREES, BROKEN, WRONG], 1), ([UNSURE, BROKEN], 2),
    ([AGREES, UNSURE], 3), ([AGREES, REJECTED], 0), ([REJECTED], 3), ([], 3),
]  # fmt: skip


@pytest.mark.parametrize(("results", "code"), CODES)
def test_the_exit_code_is_the_first_of_1_2_3_0(results, code):
    assert exit_code(results) == code


def test_strict_takes_a_vacuous_agreement_for_inconclusive():
    results = [report(Verdict.AGREES, vacuous=True)]
    assert (exit_code(results), exit_code(results, strict=True)) == (0, 3)


def test_an_interrupt_exits_with_130_and_leaves_no_child(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "gradcheck", "check", "layers.py:Hangs", "--input", "x=2"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    import psutil

    children = []
    deadline = time.monotonic() + 20
    while not children and time.monotonic() < deadline:
        time.sleep(0.05)
        children = psutil.Process(process.pid).children()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_killed_command_takes_its_child_and_all_it_started_along(folder):
    import psutil

    process = subprocess.Popen(
        [sys.executable, "-m", "gradcheck", "check", "layers.py:Hangs", "--input", "x=2"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    children = []
    deadline = time.monotonic() + 20
    while len(children) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not psutil.wait_procs(children, timeout=10)[1]


PROJECT = """
[tool.gradcheck]
effort = "quick"
inputs = { x = "2,3" }
targets = ["layers.py:Right", { target = "layers.py:Wrong", args = { factor = [2, 3] } }]
waive = [{ target = "layers.py:Wrong", argument = "x", reason = "the sign is somebody else's" }]
"""


@pytest.fixture
def project(folder):
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "deeper").mkdir(exist_ok=True)
    yield folder
    (folder / "pyproject.toml").unlink()


def test_without_targets_those_of_the_project_are_checked_and_waivers_hold(run, project, monkeypatch):
    monkeypatch.chdir(project / "deeper")
    done = run("-q", "--html", "report.html")
    assert (done.code, done.err) == (0, "")
    assert [line.split(": ")[0] for line in done.out.splitlines()] == [
        "AGREES  layers.py:Right", "WAIVED  layers.py:Wrong (factor=2)", "WAIVED  layers.py:Wrong (factor=3)",
    ]  # fmt: skip
    assert "WAIVED" in (project / "deeper" / "report.html").read_text()


def test_options_win_over_the_project_and_only_chooses(run, project):
    done = run("--only", "Right", "--seed", "4", "--json")
    (report,) = read_documents(done.out)
    assert (report.target, report.seed, report.effort) == ("layers.py:Right", 4, "quick")


def test_only_is_for_the_project(run):
    done = run("layers.py:Right", "--only", "Right", *QUICK)
    assert (done.code, done.out) == (2, "")
    assert "--only chooses among the targets of pyproject.toml; it can't go with a TARGET." in done.err
