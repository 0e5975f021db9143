"""The pytest plugin: a fixture, a marker, and the targets of `[tool.gradcheck]` as tests.

Loaded with every run of pytest, it imports nothing but pytest until something of it is used.

A run has one seed, `--gradcheck-seed` or drawn once (under xdist by the controller, which hands it to the workers);
the seed of a test is derived from it and the test's node id. Reports travel as JSON in the user properties of tests,
so that the controller alone can write `--gradcheck-html`.
"""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck.pytest_plugin.checker import Checker
    from gradcheck.report.record import Result

PROPERTY = "gradcheck"
_FILE = "pyproject.toml"
_HERE = os.path.dirname(__file__)
_MARKER = (
    "gradcheck(inputs=None, allow_inconclusive=False, **options): the test returns a layer, or (layer, inputs), whose "
    "backward pass is checked; the options are those of gradcheck.check"
)
SEED = pytest.StashKey[int]()
_CHECKED = pytest.StashKey[bool]()


# -- options, and what a run has in common


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("gradcheck", "checking backward passes")
    group.addoption("--gradcheck", action="store_true", help="Check the targets of [tool.gradcheck] too, as tests.")
    group.addoption("--gradcheck-seed", type=int, metavar="N", help="Draw what a run with this seed drew.")
    group.addoption("--gradcheck-html", metavar="FILE", help="Write the reports of all checks as one HTML page.")
    group.addoption(
        "--gradcheck-allow-inconclusive",
        action="store_true",
        help="Skip a test whose check is inconclusive, with the reason, instead of failing it.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, draw the seed, and have the configuration collected."""
    config.addinivalue_line("markers", _MARKER)
    seed = getattr(config, "workerinput", {}).get("gradcheck_seed", config.option.gradcheck_seed)
    if seed is not None and seed < 0:
        raise pytest.UsageError(f"--gradcheck-seed must be at least 0; it is {seed}.")
    config.stash[SEED] = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    if not hasattr(config, "workerinput"):
        _check_page(config)
        config.pluginmanager.register(Reports(config), "gradcheck-reports")
    if config.option.gradcheck and not any(_FILE in word for word in config.args):
        from gradcheck.pytest_plugin.targets import project

        config.args.append(str(project(config).folder / _FILE))


def _check_page(config: pytest.Config) -> None:
    file = config.option.gradcheck_html
    if file and not Path(config.invocation_params.dir, file).parent.is_dir():
        raise pytest.UsageError(f"--gradcheck-html must name a file in a folder that exists; it is {file!r}.")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to a worker of pytest-xdist."""
    node.workerinput["gradcheck_seed"] = node.config.stash[SEED]


def seed_of(item: pytest.Item) -> int:
    """Return the seed of a test; pytest-xdist adds a group to the id, which is no part of it."""
    name = item.nodeid
    if item.get_closest_marker("xdist_group"):
        name = name.rpartition("@")[0] or name
    return int.from_bytes(hashlib.sha256(f"{item.config.stash[SEED]} {name}".encode()).digest()[:4], "big")


# -- tests that return a layer


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Call a marked test and check what it returns."""
    if pyfuncitem.get_closest_marker("gradcheck") is None:
        return None
    from gradcheck.pytest_plugin.checker import Checker, layer_and_inputs, marked_options

    pyfuncitem.stash[_CHECKED] = True
    options = marked_options(pyfuncitem)
    names = pyfuncitem._fixtureinfo.argnames
    returned = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    layer, inputs = layer_and_inputs(returned, options.pop("inputs", None), pyfuncitem.name)
    Checker(pyfuncitem)(layer, inputs, **options)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a marked test that is of a kind which hands nothing to this plugin."""
    outcome = yield
    if item.get_closest_marker("gradcheck") and not item.stash.get(_CHECKED, False):
        pytest.fail(
            f"@pytest.mark.gradcheck must mark a test function; {item.name} is of type {type(item).__name__}, whose "
            "result pytest does not hand on. Use the fixture `gradcheck`, or gradcheck.assert_agrees.",
            pytrace=False,
        )
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Generator[None, Any, Any]:
    """Refuse the marker on something that is not collected, where it would do nothing and say nothing."""
    collected = yield
    marks = vars(obj).get("pytestmark", []) if hasattr(obj, "__dict__") else []
    names = [getattr(mark, "name", "") for mark in (marks if isinstance(marks, list) else [marks])]
    if not collected and "gradcheck" in names:
        raise collector.CollectError(
            f"@pytest.mark.gradcheck must mark a test that pytest collects; `{name}` is none: call it test_{name}, "
            "or check it in a test with the fixture `gradcheck`."
        )
    return collected


# -- the fixture


@pytest.fixture(name="gradcheck")
def _gradcheck(request: pytest.FixtureRequest) -> "Checker":
    """Check layers in this test: `gradcheck(layer, inputs)` fails it unless the backward pass is right."""
    from gradcheck.pytest_plugin.checker import Checker

    return Checker(request.node)


# -- the targets of [tool.gradcheck]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the targets of pyproject.toml, if they are asked for."""
    config = parent.config
    if not config.option.gradcheck or file_path.name != _FILE:
        return None
    from gradcheck.pytest_plugin.targets import Targets, project

    if file_path.parent != project(config).folder:
        return None
    collector: pytest.Collector = Targets.from_parent(parent, path=file_path)
    return collector


# -- reports: kept with the test, printed in place of a traceback, gathered where the page is written


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Generator[None, Any, Any]:
    """Print the report of a failed check in place of the traceback."""
    told = yield
    if told.failed and "gradcheck.errors" in sys.modules:  # else nothing of ours was raised, and nothing need be loaded
        from gradcheck.pytest_plugin.reports import Shown, raised_result

        result = raised_result(item, call)
        if result is not None:
            told.longrepr = Shown(item, call, result)
    if told.skipped and isinstance(told.longrepr, tuple) and str(told.longrepr[0]).startswith(_HERE):
        path, line, _ = item.reportinfo()
        told.longrepr = (str(path), (line or 0) + 1, told.longrepr[2])
    return told


class Reports:
    """What all checks of a run came to; kept where outcomes are told, which under xdist is the controller."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._results: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the reports of a test that is done."""
        texts = [str(text) for name, text in report.user_properties if name == PROPERTY]
        if report.when == "teardown" and texts:
            from gradcheck.report.as_json import read_documents

            self._results += [result for text in texts for result in read_documents(text)]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was checked, and how the very same can be drawn again."""
        if self._results:
            counts = Counter(label.lower() for label in self._labels())
            told = ", ".join(f"{count} {label}" for label, count in counts.items())
            seed = self._config.stash[SEED]
            terminalreporter.write_line(f"gradcheck: {told}; --gradcheck-seed {seed} draws the same again")

    def pytest_sessionfinish(self) -> None:
        """Write the page."""
        file = self._config.option.gradcheck_html
        if file:
            from gradcheck import __version__
            from gradcheck.report.as_html import documents

            Path(self._config.invocation_params.dir, file).write_text(
                documents(self._results, __version__), encoding="utf-8"
            )

    def _labels(self) -> list[str]:
        from gradcheck.report.headline import label

        return [label(result) for result in self._results]
