"""What the rooms may do besides importing: import-linter cannot see a call of `open` or of a global random state.

Every rule is seen failing on a line that breaks it before the package is held to it.
"""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gradcheck"
MODULES = sorted(PACKAGE.rglob("*.py"))

OUTER_ROOMS = ("runner", "oracle", "cli", "pytest_plugin")
WORLDLY_MODULES = {
    *("asyncio", "concurrent", "ctypes", "fcntl", "getpass", "glob", "io", "logging", "mmap", "multiprocessing", "os"),
    *("pathlib", "platform", "psutil", "resource", "secrets", "select", "shutil", "signal", "socket"),
    *("subprocess", "tempfile", "time", "urllib"),
}
WORLDLY_CALLS = {"print", "open", "input", "breakpoint", "exit", "quit"}
WORLDLY_ATTRIBUTES = {
    *(f"sys.{name}" for name in ("argv", "exit", "stdin", "stdout", "stderr", "path")),
    *(f"np.{name}" for name in ("load", "save", "savez", "savetxt", "loadtxt", "genfromtxt", "fromfile", "memmap")),
}
RANDOM_RECORDS = {"Generator", "BitGenerator", "PCG64", "Philox", "SeedSequence", "default_rng"}
OTHER_PEOPLES_WORDS = {"dout", "dx", "eps", "tol", "res", "ctx", "cache", "rtol", "atol"}
MOST_POSITIONAL = 4

Faults = Iterator[tuple[int, str]]


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path) -> str:
    """The room that a file belongs to: `numdiff`, `errors`, ...; `__init__` for the front door."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def dotted(node: ast.AST) -> str:
    """The text of a name with dots, such as `np.random.rand`; nothing for what is called or computed."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def worldly(tree: ast.Module) -> Faults:
    """Find what touches files, the clock, the environment, processes or the terminal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name.split(".")[0] in WORLDLY_MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in WORLDLY_MODULES:
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Call) and dotted(node.func) in WORLDLY_CALLS:
            yield node.lineno, dotted(node.func)
        elif isinstance(node, ast.Attribute) and dotted(node) in WORLDLY_ATTRIBUTES:
            yield node.lineno, ast.unparse(node)


def globally_random(tree: ast.Module) -> Faults:
    """Find the global random states of Python and NumPy, and generators that are seeded by the clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name == "random")
        if isinstance(node, ast.Attribute) and dotted(node.value) == "np.random" and node.attr not in RANDOM_RECORDS:
            yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.Call) and dotted(node.func).endswith("default_rng") and not node.args:
            yield node.lineno, "a generator without a seed"


def roundabout(tree: ast.Module) -> Faults:
    """Find imports that the contracts cannot see: of a public name of `gradcheck`, or by a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "gradcheck":
            yield from ((node.lineno, each.name) for each in node.names if not is_module(each.name))
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name == "gradcheck")
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(("import_module", "__import__")):
            named = "gradcheck." in ast.unparse(node)
            yield from [(node.lineno, ast.unparse(node))] if named else []


def is_module(name: str) -> bool:
    return name == "__version__" or (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()


def foreign_words(tree: ast.Module) -> Faults:
    """Find names that the glossary rules out, where they are bound: parameters and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in OTHER_PEOPLES_WORDS:
            yield node.lineno, node.arg
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in OTHER_PEOPLES_WORDS:
            yield node.lineno, node.id


def many_positional(tree: ast.Module) -> Faults:
    """Find public functions with over four positional parameters; a layer's passes take as many arrays as it has."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith(("_", "forward", "backward")):
            names = [each.arg for each in [*node.args.posonlyargs, *node.args.args] if each.arg not in ("self", "cls")]
            if len(names) > MOST_POSITIONAL:
                yield node.lineno, f"{node.name}({', '.join(names)})"


@pytest.mark.parametrize(
    ("rule", "broken", "kept"),
    [
        (worldly, "print('x')", "repr('x')"),
        (worldly, "def f():\n    from time import perf_counter", "from math import sin"),
        (worldly, "import os.path", "import operator"),
        (worldly, "width = sys.stdout.columns", "width = sys.float_info.max"),
        (worldly, "np.load('x.npy')", "np.tile(x, 2)"),
        (globally_random, "np.random.rand(3)", "np.random.default_rng(3)"),
        (globally_random, "import random", "from numpy.random import Generator"),
        (globally_random, "np.random.default_rng()", "np.random.SeedSequence(3)"),
        (roundabout, "from gradcheck import check", "from gradcheck import verdict"),
        (roundabout, "import gradcheck", "import gradcheck.verdict"),
        (roundabout, "import_module('gradcheck.layers')", "import_module(name)"),
        (foreign_words, "def f(rtol): ...", "def f(error_bar): ..."),
        (foreign_words, "dx = 1", "step = 1"),
        (many_positional, "def f(a, b, c, d, e): ...", "def f(a, b, c, d, *, e): ..."),
        (many_positional, "def f(self, a, b, c, d, e): ...", "def forward(self, a, b, c, d, e): ..."),
    ],
)
def test_rule_finds_what_breaks_it_and_nothing_else(rule, broken, kept):
    assert list(rule(ast.parse(broken)))
    assert not list(rule(ast.parse(kept)))


@pytest.mark.parametrize(
    ("rule", "free_rooms"),
    [
        (worldly, OUTER_ROOMS),
        # They repeat a layer's own draws, give the caller's states back, seed a child's, hold a layer that draws.
        (globally_random, ("adapters", "examine", "faults", "runner")),
        (roundabout, ("__init__", "cli", "runner")),  # they load lazily, or ahead of a target's own modules
        (foreign_words, ("adapters", "faults", "cli")),  # other people's conventions, click's signatures
        (many_positional, ("cli", "faults")),  # a command's options come in by name; a fault is as its author wrote it
    ],
)
def test_package_keeps_the_rule(rule: Callable[[ast.Module], Faults], free_rooms):
    held = [path for path in MODULES if room_of(path) not in free_rooms]
    found = [f"{path.relative_to(ROOT)}:{line} {what}" for path in held for line, what in rule(tree_of(path))]
    assert held
    assert found == []
