"""The house as seen from outside: the public names, what an import of them costs, and how modules are called."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import gradcheck

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gradcheck"
MODULES = sorted(PACKAGE.rglob("*.py"))

PUBLIC_NAMES = [
    "Finding",
    "GradcheckError",
    "GradientMismatch",
    "InconclusiveCheck",
    "Report",
    "Subject",
    "Verdict",
    "assert_agrees",
    "check",
    "fuzz",
    "layers",
    "read_case",
    "strategies",
]
EXTRAS = {
    "pytest",
    "plot",
    "proof",
    "oracle",
    "dask",
    "torch",
    "jax",
    "autograd",
    "tinygrad",
    "tensorflow",
    "examples",
    "docs",
    "dev",
}
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "core", "base", "shared", "stuff", "tools"}
SLOW_IMPORTS = {"scipy", "torch", "jax", "tensorflow", "matplotlib", "z3", "sklearn"}


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_loaded_by(code: str, *options: str) -> set[str]:
    """Run `code` in a fresh interpreter and return the top-level names of the modules that it loads."""
    listing = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    command = [sys.executable, *options, "-c", listing]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return {name.split(".")[0] for name in found.split()}


def test_public_names_are_exactly_the_snapshot():
    assert sorted(gradcheck.__all__) == PUBLIC_NAMES


def test_public_names_are_at_most_fifteen():
    assert len(gradcheck.__all__) <= 15


@pytest.mark.parametrize("name", [*PUBLIC_NAMES, "__version__"])
def test_public_name_can_be_loaded(name):
    assert getattr(gradcheck, name) is not None
    assert name in dir(gradcheck)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'gradcheck' has no attribute 'chek'"):
        gradcheck.__getattr__("chek")


def test_version_is_that_of_the_metadata_the_citation_and_the_changelog():
    assert gradcheck.__version__ == version("gradcheck")
    assert f"\nversion: {gradcheck.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert gradcheck.__version__ in changes[:2]


def test_extras_are_those_offered_and_every_extra_that_a_message_names_is_one():
    named = set()
    for path in MODULES:
        named |= set(re.findall(r"""MissingExtra\(["'](\w+)["']""", path.read_text(encoding="utf-8")))
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(offered) == EXTRAS
    assert named <= EXTRAS


def test_import_gradcheck_loads_only_the_standard_library():
    loaded = modules_loaded_by("import gradcheck", "-I")
    assert "gradcheck" in loaded
    assert loaded - {"gradcheck"} <= set(sys.stdlib_module_names)


def test_import_of_every_room_loads_no_scipy_and_no_framework():
    names = [name_of(path) for path in MODULES if path.stem not in ("__main__", "pytest_plugin")]
    loaded = modules_loaded_by(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert "numpy" in loaded
    assert not loaded & SLOW_IMPORTS


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a module is imported: all but function bodies and what stands under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from at_import(ast.Module(child.orelse, []))
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from at_import(child)


def imports_scipy(statement: ast.AST) -> bool:
    if isinstance(statement, ast.Import):
        return any(alias.name.split(".")[0] == "scipy" for alias in statement.names)
    return isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == "scipy"


def scipy_at_import(source: str) -> bool:
    return any(imports_scipy(node) for node in at_import(ast.parse(source)))


def test_scipy_is_imported_only_inside_functions():
    assert scipy_at_import("try:\n    import scipy.signal\nexcept ImportError: ...")
    assert not scipy_at_import("def f():\n    from scipy import signal")
    assert not [name_of(path) for path in MODULES if scipy_at_import(path.read_text(encoding="utf-8"))]


def test_no_module_is_named_like_one_of_the_standard_library():
    assert not [name_of(path) for path in MODULES if path.stem in sys.stdlib_module_names]


def test_no_module_has_a_vague_name():
    everything = [path for folder in ("gradcheck", "reference", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert not [name_of(path) for path in everything if path.stem in VAGUE_NAMES]


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem == "__init__"], ids=name_of)
def test_no_public_name_of_a_package_is_that_of_a_submodule(path):
    """The import system binds a submodule on its package, and would replace a function of that name."""
    package = importlib.import_module(name_of(path))
    submodules = {
        child.stem for child in path.parent.iterdir() if child.suffix == ".py" or (child / "__init__.py").exists()
    }
    clashes = [name for name in getattr(package, "__all__", vars(package)) if name in submodules]
    assert [name for name in clashes if not isinstance(getattr(package, name), ModuleType)] == []
