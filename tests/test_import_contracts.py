"""The import contracts of pyproject.toml hold, and each of them is seen failing on an import planted against it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason='the import contracts need the "dev" extra')

ROOT = Path(__file__).resolve().parents[1]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"


def lint_imports(folder: Path) -> subprocess.CompletedProcess:
    """Run import-linter on the packages of `folder`, with the contracts of its pyproject.toml."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    command = [sys.executable, "-c", LINT]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def broken(output: str) -> list[str]:
    return [line.partition(" BROKEN")[0] for line in output.splitlines() if " BROKEN" in line]


def why(done: subprocess.CompletedProcess) -> str:
    """The part of import-linter's output that says what is broken, or all of it."""
    return done.stdout.partition("Broken contracts")[2] or done.stdout + done.stderr


@pytest.fixture
def house(tmp_path):
    """A copy of the packages and the contracts, to plant violations in."""
    for package in ("gradcheck", "reference"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(house: Path, module: str, line: str) -> None:
    """Append a line inside a function, where the lazy imports hide; make the module where there is none."""
    path = house / f"{module}.py"
    path = path if path.exists() or not (house / module).is_dir() else house / module / "__init__.py"
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else '"""A room."""\n'
    path.write_text(f"{before}\n\ndef planted():\n    {line}\n", encoding="utf-8")


def test_import_contracts_hold():
    done = lint_imports(ROOT)
    assert done.returncode == 0, why(done)
    assert " 0 broken." in done.stdout


PLANTED = [
    ("gradcheck/verdict", "import gradcheck.report.record", "From the ground up"),
    ("gradcheck/numdiff", "import gradcheck.subject", "From the ground up"),
    ("gradcheck/adapters/contract", "import gradcheck.checks", "From the ground up"),
    ("gradcheck/fuzzing", "import gradcheck.cli", "From the ground up"),
    ("gradcheck/newroom", "import gradcheck.errors", "From the ground up"),
    ("gradcheck/examine", "import gradcheck.layers", "The judge never sees the judged"),
    ("gradcheck/fuzzing", "import gradcheck.layers", "The judge never sees the judged"),
    ("gradcheck/layers/geometry", "import gradcheck.verdict", "Layers and strategies see only errors"),
    ("gradcheck/strategies", "import gradcheck.layers", "Layers and strategies see only errors"),
    ("gradcheck/faults", "import gradcheck.numdiff", "Faults see only"),
    ("gradcheck/article", "import gradcheck.checks", "The article sees only"),
    ("gradcheck/checks", "import gradcheck.strategies", "Strategies are seen by"),
    ("gradcheck/pytest_plugin", "import gradcheck.layers", "Layers, faults and article are seen by"),
    ("gradcheck/layers/geometry", "import reference.loops", "Evidence is independent: the package"),
    ("gradcheck/checks", "import properties", "Evidence is independent: the package"),
    ("reference/loops", "import gradcheck.errors", "Evidence is independent: reference"),
    ("gradcheck/adapters/contract", "import torch", "A framework is imported only"),
    ("gradcheck/examine", "import pytest", "pytest is imported only"),
    ("gradcheck/numdiff", "from hypothesis import strategies", "Hypothesis is imported only"),
]


def first_is_quick(rows):
    """Leave all rows but the first to the slow tests: each takes a run of import-linter."""
    return [rows[0], *(pytest.param(*row, marks=pytest.mark.slow) for row in rows[1:])]


@pytest.mark.parametrize(("module", "line", "contract"), first_is_quick(PLANTED))
def test_planted_import_breaks_its_contract(house, module, line, contract):
    if line.startswith("import gradcheck."):
        plant(house, line.removeprefix("import ").replace(".", "/"), "pass")
    plant(house, module, line)
    done = lint_imports(house)
    assert done.returncode == 1, why(done)
    assert [name for name in broken(done.stdout) if name.startswith(contract)]


ALLOWED = [
    ("gradcheck/cli/planted", "import gradcheck.layers"),
    ("gradcheck/oracle", "import gradcheck.faults"),
    ("gradcheck/article", "from hypothesis import strategies"),
    ("gradcheck/adapters/torch", "import torch"),
    ("gradcheck/pytest_plugin", "import pytest"),
]


@pytest.mark.parametrize(("module", "line"), first_is_quick(ALLOWED))
def test_allowed_import_breaks_no_contract(house, module, line):
    plant(house, module, line)
    done = lint_imports(house)
    assert done.returncode == 0, why(done)
