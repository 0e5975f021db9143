"""The pytest plugin, from the outside: what a user's tests look like, and what is printed of them."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import gradcheck.examine  # noqa: F401 - and with it NumPy, which no process can load twice

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives

pytest_plugins = "pytester"

# The entry point is there where gradcheck was installed since it has one.
PLUGIN = () if entry_points(group="pytest11", name="gradcheck") else ("-p", "gradcheck.pytest_plugin")

LAYERS = """
import numpy as np
class Double:
    def __init__(self, factor=2): self.factor = factor
    def forward(self, x): return self.factor * x
    def backward(self, grad_output, x): return self.factor * grad_output

class Wrong(Double):
    def backward(self, grad_output, x): return -self.factor * grad_output

class Noisy(Double):
    def forward(self, x): return self.factor * x + 0.3 * np.random.default_rng().standard_normal(x.shape)

class Refuses(Double):
    def __init__(self, factor=2):
        if factor == 3: raise ValueError("factor must be even")
        super().__init__(factor)
"""
HEAD = "import numpy as np, pytest\nfrom layers import Double, Noisy, Wrong\nX = {'x': np.ones(3)}\n"


@pytest.fixture
def project(pytester, monkeypatch):
    """A project of a user, and a way to run its tests; the entry point is there where gradcheck is installed."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(layers=LAYERS)
    pytester.makeini("[pytest]\nfilterwarnings = error\npythonpath = .\n")

    def run(tests, *options):
        pytester.makepyfile(test_layers=HEAD + tests)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *PLUGIN, *options)

    run.pytester = pytester
    return run


def text(result):
    return result.stdout.str()


# -- the fixture


def test_the_fixture_passes_a_right_layer_and_fails_a_wrong_one_with_the_report_alone(project):
    result = project("""
def test_right(gradcheck):
    assert str(gradcheck(Double(), X).verdict) == "agrees"

def test_wrong(gradcheck):
    gradcheck(Wrong(), X)
""")
    result.assert_outcomes(passed=1, failed=1)
    shown = text(result)
    assert "test_layers.py:9: DISAGREES  test_wrong: grad_x is wrong" in shown
    assert "replay  pytest test_layers.py::test_wrong --gradcheck-seed " in shown
    assert "Traceback" not in shown
    assert "def test_wrong" not in shown
    assert "FAILED test_layers.py::test_wrong - disagrees: test_wrong: grad_x is wrong" in shown
    assert re.search(r"gradcheck: 1 agrees, 1 disagrees; --gradcheck-seed \d+ draws the same again", shown)


def test_an_inconclusive_check_fails_unless_allowed_and_then_skips_with_its_reason(project):
    tests = """
def test_noisy(gradcheck):
    gradcheck(Noisy(), X)

def test_allowed(gradcheck):
    gradcheck(Noisy(), X, allow_inconclusive=True)
"""
    result = project(tests, "-rs")
    result.assert_outcomes(failed=1, skipped=1)
    assert "INCONCLUSIVE  test_noisy: " in text(result)
    assert re.search(r"SKIPPED \[1\] test_layers\.py:\d+: inconclusive: test_allowed: ", text(result))
    project(tests, "--gradcheck-allow-inconclusive").assert_outcomes(skipped=2)


def test_check_keeps_a_report_without_judging_it(project):
    project("def test_it(gradcheck): assert str(gradcheck.check(Wrong(), X).verdict) == 'disagrees'\n").assert_outcomes(
        passed=1
    )


def test_assert_agrees_in_a_plain_test_prints_the_report_too(project):
    result = project("import gradcheck\ndef test_it(): gradcheck.assert_agrees(Wrong(), X)\n")
    result.assert_outcomes(failed=1)
    assert "DISAGREES  Wrong: grad_x is wrong" in text(result)
    assert "examine.py" not in text(result)


# -- the marker


def test_a_marked_test_returns_the_layer_with_fixtures_and_parameters(project):
    result = project("""
@pytest.fixture
def factor(): return 5

@pytest.mark.gradcheck
def test_both(factor): return Double(factor), X

@pytest.mark.gradcheck(inputs=X, effort="quick")
@pytest.mark.parametrize("kind", [Double, Wrong])
def test_kind(kind): return kind()

@pytest.mark.gradcheck(inputs=X)
def test_pair(): return np.sin, lambda grad_output, x: grad_output * np.cos(x)

@pytest.mark.gradcheck(effort="quick")
class TestClass:
    @pytest.mark.gradcheck(inputs=X)
    def test_method(self): return Double()

@pytest.mark.gradcheck(inputs=X, allow_inconclusive=True)
def test_noisy(): return Noisy()
""")
    result.assert_outcomes(passed=4, failed=1, skipped=1)
    assert "DISAGREES  test_kind[Wrong]: grad_x is wrong" in text(result)
    assert "warning" not in text(result)


SENTENCES = [
    (
        "@pytest.mark.gradcheck\ndef test_it(): Double()",
        "must return a layer, or (layer, inputs); test_it returned None.",
    ),
    ("@pytest.mark.gradcheck(X)\ndef test_it(): return Double()", "must have its options by name"),
    ("@pytest.mark.gradcheck(input=X)\ndef test_it(): return Double()", "there is no `input`; did you mean `inputs`"),
    ("@pytest.mark.gradcheck\ndef test_it(): return Double()", "test_layers.py:4: NOT CHECKED test_it: `inputs` must"),
    (
        "import unittest\nclass TestCase(unittest.TestCase):\n    @pytest.mark.gradcheck(inputs=X)\n"
        "    def test_it(self): pass",
        "test_it is of type TestCaseFunction, whose result pytest does not hand on.",
    ),
]


@pytest.mark.parametrize(("tests", "words"), SENTENCES, ids=[words[:24] for _, words in SENTENCES])
def test_a_marker_that_cannot_work_is_told_in_a_sentence(project, tests, words):
    result = project(tests)
    result.assert_outcomes(failed=1)
    assert words in re.sub(r"\s+", " ", text(result))


@pytest.mark.parametrize(
    "tests",
    ["@pytest.mark.gradcheck\ndef conv(): return Double(), X", "@pytest.mark.gradcheck\nclass Layer(Double): pass"],
)
def test_a_marker_on_something_not_collected_is_an_error(project, tests):
    result = project(tests + "\ndef test_other(): pass\n")
    result.assert_outcomes(errors=1)
    assert "@pytest.mark.gradcheck must mark a test that pytest collects; `" in text(result)


# -- the targets of [tool.gradcheck]

TARGETS = """
[tool.gradcheck]
effort = "quick"
inputs = { x = "2,3" }
targets = [
  "layers.py:Double",
  { target = "layers.py:Wrong", args = { factor = [2, 3] } },
  { target = "layers.py:Refuses", args = { factor = [2, 3] } },
  "layers.py:Missing",
  { target = "layers.py:Noisy", allow_inconclusive = true },
]
waive = [{ target = "layers.py:Wrong (factor=2)", reason = "known since 2020" }]
"""


def test_targets_are_collected_as_tests_and_run_apart(project):
    project.pytester.makepyprojecttoml(TARGETS)
    result = project("def test_other(): pass\n", "--gradcheck", "-rfsx")
    result.assert_outcomes(passed=3, failed=2, skipped=2, xfailed=1)
    shown = text(result)
    assert "FAILED pyproject.toml::layers.py:Wrong (factor=3)" in shown
    assert "NOT CHECKED  layers.py:Missing: a target must name something that layers.py\n" in shown
    assert "XFAIL pyproject.toml::layers.py:Wrong (factor=2) - known since 2020" in shown
    assert re.search(r"SKIPPED \[1\] pyproject\.toml:1: inconclusive: layers\.py:Noisy", shown)
    assert re.search(r"SKIPPED \[1\] pyproject\.toml:1: rejected: .*factor must be even", shown)
    assert re.search(r"gradcheck check layers\.py:Wrong .*--seed \d{3,}", re.sub(r"\s*\\?\n\s*", " ", shown))


def test_targets_are_tests_only_when_asked_for_and_can_be_chosen(project):
    project.pytester.makepyprojecttoml(TARGETS)
    project("def test_other(): pass\n").assert_outcomes(passed=1)
    project("def test_other(): pass\n", "--gradcheck", "-k", "Double").assert_outcomes(passed=1, deselected=7)
    project("", "--gradcheck", "pyproject.toml::layers.py:Double").assert_outcomes(passed=1)


def test_a_configuration_that_cannot_be_read_is_told_in_a_sentence(project):
    result = project("", "--gradcheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--gradcheck must find [tool.gradcheck] with `targets`" in result.stderr.str()
    project.pytester.makepyprojecttoml(TARGETS.replace('x = "2,3"', 'x = "2,,3"'))
    result = project("", "--gradcheck")
    result.assert_outcomes(errors=1)
    assert "`x` must be a shape" in text(result)
    project.pytester.makepyprojecttoml(TARGETS.replace("effort", "efort"))
    assert "there is no `efort`; did you mean `effort`" in project("", "--gradcheck").stderr.str()


# -- seeds


SEEDED = """
@pytest.mark.parametrize("number", [1, 2])
def test_it(gradcheck, number): print(f"<{number} {gradcheck.seed} {gradcheck.check(Double(), X).seed}>")
"""


def seeds(result):
    found = {number: seed for number, seed, _ in re.findall(r"<(\d) (\d+) (\d+)>", text(result))}
    assert all(seed == used for _, seed, used in re.findall(r"<(\d) (\d+) (\d+)>", text(result)))
    assert len(found) == 2
    return found


def test_seeds_differ_by_run_and_test_and_are_replayed(project):
    first, second = project(SEEDED, "-s"), project(SEEDED, "-s")
    assert len({*seeds(first).values(), *seeds(second).values()}) == 4
    told = re.search(r"--gradcheck-seed (\d+)", text(first))[1]
    assert seeds(project(SEEDED, "-s", "--gradcheck-seed", told)) == seeds(first)
    assert "test_it[1]" in text(project(SEEDED, "-v", "--gradcheck-seed", told))


def test_a_seed_below_0_is_refused(project):
    assert "--gradcheck-seed must be at least 0; it is -1." in project("", "--gradcheck-seed", "-1").stderr.str()


@pytest.mark.slow
def test_under_xdist_workers_draw_from_the_controllers_seed_and_it_alone_writes_the_page(project):
    pytest.importorskip("xdist")
    tests = SEEDED + "def test_wrong(gradcheck): gradcheck(Wrong(), X)\n"
    alone = project(tests, "-rP", "--gradcheck-seed", "7")
    together = project(tests, "-rP", "--gradcheck-seed", "7", "-n2", "--gradcheck-html", "page.html")
    together.assert_outcomes(passed=2, failed=1)
    assert seeds(together) == seeds(alone)
    assert "DISAGREES  test_wrong: grad_x is wrong" in text(together)
    assert "gradcheck: 2 agrees, 1 disagrees; --gradcheck-seed 7" in text(together)
    page = (project.pytester.path / "page.html").read_text(encoding="utf-8")
    assert "3 targets: agrees 2; disagrees 1" in page


# -- reports


def test_the_page_holds_every_report(project):
    project("def test_it(gradcheck): gradcheck(Double(), X)\n", "--gradcheck-html", "page.html")
    assert "AGREES" in (project.pytester.path / "page.html").read_text(encoding="utf-8")


def test_a_page_in_no_folder_is_refused(project):
    result = project("", "--gradcheck-html", "nowhere/page.html")
    assert (
        "--gradcheck-html must name a file in a folder that exists; it is 'nowhere/page.html'." in result.stderr.str()
    )


def test_reports_travel_as_json_in_the_user_properties(project):
    project("def test_it(gradcheck): gradcheck(Double(), X)\n", "--junit-xml", "junit.xml")
    from xml.etree import ElementTree

    (found,) = ElementTree.parse(project.pytester.path / "junit.xml").iter("property")
    document = json.loads(found.get("value"))
    assert (found.get("name"), document["schema"]) == ("gradcheck", "gradcheck/report/1")


# -- what is not used is not in the way


def test_the_unused_plugin_imports_nothing_but_pytest():
    code = (
        "import sys, pytest, hashlib; before = set(sys.modules); import gradcheck.pytest_plugin; "
        "print(*(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) <= {"gradcheck", "gradcheck.pytest_plugin"}


def test_an_unused_plugin_loads_nothing_of_ours_and_says_nothing(project):
    project.pytester.makeconftest(
        "import sys\n"
        "def pytest_sessionfinish(): print('loaded', [n for n in sys.modules if n.startswith('gradcheck')])\n"
    )
    project.pytester.makepyfile("def test_it(): assert True\ndef test_bad(): assert 0\n")
    result = project.pytester.runpytest_subprocess("-s", *PLUGIN)
    assert "loaded ['gradcheck', 'gradcheck.pytest_plugin']" in text(result)
    assert "gradcheck:" not in text(result)


@pytest.mark.slow
def test_coverage_of_a_project_is_not_disturbed(project):
    pytest.importorskip("pytest_cov")
    project.pytester.makepyprojecttoml('[tool.gradcheck]\ntargets = ["layers.py:Missing"]\n')

    def executed(tests, *options):
        project.pytester.makepyfile(test_layers=HEAD + tests)
        project.pytester.runpytest_subprocess("--cov=layers", "--cov-report=json:cov.json", *options)
        report = json.loads((project.pytester.path / "cov.json").read_text())
        return {file: one["executed_lines"] for file, one in report["files"].items()}

    plain = "def test_it():\n    d = Double()\n    d.forward(1.0), d.backward(1.0, 1.0)\n"
    used = "def test_it(gradcheck): gradcheck(Double(), X, effort='quick')\n"
    without = executed(plain, *(() if PLUGIN else ("-p", "no:gradcheck")))
    assert executed(used, *PLUGIN, "--gradcheck") == without
