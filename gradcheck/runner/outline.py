"""What a target looks like, read from its source without running it: names, arguments, defaults, what it stores."""

import ast
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from gradcheck.adapters.frameworks import FRAMEWORKS
from gradcheck.adapters.spellings import BACKWARDS, FORWARDS, plain
from gradcheck.errors import TargetError, did_you_mean
from gradcheck.runner.targets import Target, is_file

Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Parameter:
    """One argument: its name, and the source of its default (None where it must be given)."""

    name: str
    default: str | None = None


@dataclass(frozen=True)
class Function:
    """A function or method: its arguments (without self and ctx) and, of each return, how many things it returns.

    `line` is where its file defines it.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: tuple[int, ...]
    line: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments' names."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def required(self) -> tuple[Parameter, ...]:
        """The arguments that have no default."""
        return tuple(parameter for parameter in self.parameters if parameter.default is None)


@dataclass(frozen=True)
class Outline:
    """What a target looks like.

    `functions` are the passes that were found (forward, backward), or the function itself; `constructor` is there for
    a class; `stored` are the attributes that __init__ sets, `set_back` those that the backward pass sets; `bases` the
    names of a class's bases; `frameworks` those that the file imports; `draws` whether the class draws random numbers.
    """

    file: Path
    name: str
    functions: tuple[Function, ...]
    constructor: Function | None = None
    stored: tuple[str, ...] = ()
    set_back: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    draws: bool = False


def outline_of(target: Target) -> list[Outline]:
    """Return the outline of each name in the target.

    Raises
    ------
    TargetError
        The module's source cannot be found or read, or defines no such class or function.
    """
    places = [target.place, *([target.second] if target.second else [target.place] * (len(target.names) - 1))]
    return [_outline(place, name) for place, name in zip(places, target.names, strict=True)]


def _outline(place: str, name: str) -> Outline:
    file = Path(place) if is_file(place) else _source_of(place)
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as err:
        raise TargetError(f"a target's file must be Python that can be parsed; {str(file)!r}: {err}") from err
    frameworks = tuple(dict.fromkeys(found for node in ast.walk(tree) for found in _imports(node)))
    return _outlined(file, name, _find(tree, name, place), tree, frameworks)


def _source_of(module: str) -> Path:
    """Find a module's file as an import would, without importing any of its packages."""
    place: list[str] | None = [str(Path.cwd())]
    for part in module.split("."):
        spec = PathFinder.find_spec(part, place) or (PathFinder.find_spec(part) if part == module else None)
        if spec is None and "." in module and part == module.split(".", maxsplit=1)[0]:
            spec = PathFinder.find_spec(part)
        if spec is None:
            raise TargetError(f"a target's module must be importable from here; there is no module {part!r}.")
        place = list(spec.submodule_search_locations or [])
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise TargetError(f"a target's module must have a source in Python; {module!r} has none.")
    return Path(spec.origin)


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module]
    else:
        return []
    return [FRAMEWORKS[root] for name in names if (root := name.partition(".")[0]) in FRAMEWORKS]


def _find(tree: ast.Module, name: str, place: str) -> Definition:
    body: list[ast.stmt] = tree.body
    for part in name.split("."):
        known = {one.name: one for one in body if isinstance(one, (ast.FunctionDef, ast.ClassDef))}
        if part not in known:
            near = did_you_mean(part, known) or (f"; it defines {', '.join(known)}." if known else ".")
            raise TargetError(f"a target must be a class or function that {place} defines; there is no {part!r}{near}")
        found = known[part]
        body = found.body
    return found


def _outlined(file: Path, name: str, found: Definition, tree: ast.Module, frameworks: tuple[str, ...]) -> Outline:
    if isinstance(found, ast.FunctionDef):
        return Outline(file, name, (_function(found),), frameworks=frameworks)
    methods = _methods(found, tree)
    passes = [methods[one] for table in (FORWARDS, BACKWARDS) for one in _first(table, methods)]
    if "__call__" in methods and not _first(FORWARDS, methods):
        passes.insert(0, methods["__call__"])
    init = methods.get("__init__")
    return Outline(
        file,
        name,
        tuple(_function(one) for one in passes),
        constructor=_function(init) if init else Function("__init__", (), ()),
        stored=_stores(init),
        set_back=_stores(passes[-1] if len(passes) > 1 else None),
        bases=tuple(ast.unparse(base) for base in found.bases),
        frameworks=frameworks,
        draws=any("rand" in ast.unparse(method) for method in methods.values()),
    )


def _methods(kind: ast.ClassDef, tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the methods of a class and of its bases in the same file, its own first."""
    known = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}
    inherited = [_methods(known[b.id], tree) for b in kind.bases if isinstance(b, ast.Name) and b.id in known]
    own = {one.name: one for one in kind.body if isinstance(one, ast.FunctionDef)}
    return {name: method for methods in (*inherited, own) for name, method in methods.items()}


def _first(table: tuple[str, ...], methods: dict[str, ast.FunctionDef]) -> list[str]:
    spelled = {plain(name): name for name in methods if not name.startswith("_")}
    return [spelled[name] for name in table if name in spelled][:1]


def _function(node: ast.FunctionDef) -> Function:
    listed = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(listed) - len(node.args.defaults)) + [ast.unparse(d) for d in node.args.defaults]
    pairs = list(zip(listed, defaults, strict=True))
    pairs += [
        (one, None if default is None else ast.unparse(default))
        for one, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    ]
    named = [(arg.arg, default) for arg, default in pairs]
    leading = [n for n, (name, _) in enumerate(named[:1]) if name in ("self", "cls", "ctx")]
    return Function(
        node.name,
        tuple(Parameter(name, default) for n, (name, default) in enumerate(named) if n not in leading),
        tuple(_size(one.value) for one in ast.walk(node) if isinstance(one, ast.Return)),
        node.lineno,
    )


def _size(value: ast.expr | None) -> int:
    if value is None:
        return 0
    return len(value.elts) if isinstance(value, ast.Tuple) else 1


def _stores(method: ast.FunctionDef | None) -> tuple[str, ...]:
    """Return the attributes of self that a method sets."""
    if method is None:
        return ()
    names = [
        node.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]
    return tuple(dict.fromkeys(names))
