"""Target strings: `path.py:Name`, `package.module:name`, `path.py:forward_name,backward_name`."""

import ast
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.errors import GradcheckError, LayerFailed, MissingExtra, TargetError, did_you_mean

_CLASH = "gradcheck.py"
_FORMS = "path.py:Name, package.module:name or path.py:forward_name,backward_name"


@dataclass(frozen=True)
class Target:
    """Where a layer is: a file or a dotted module, and one name in it or two (forward and backward)."""

    text: str
    place: str
    names: tuple[str, ...]

    @property
    def is_file(self) -> bool:
        """Whether the place is a path rather than a dotted module."""
        return self.place.endswith(".py") or "/" in self.place or "\\" in self.place


def parse_target(text: str) -> Target:
    r"""Split a target at its last colon.

    Raises
    ------
    TargetError
        There is no name after a colon, or the file does not exist.

    Examples
    --------
    >>> parse_target("nets.layers:conv, conv_backward").names
    ('conv', 'conv_backward')
    """
    place, colon, after = text.rpartition(":")
    names = tuple(name.strip() for name in after.split(","))
    if not colon or not place or not all(_is_dotted(name) for name in names) or len(names) > 2:
        raise TargetError(f"a target must be {_FORMS}; it is {text!r}.{_contents(text)}")
    target = Target(text, place, names)
    if target.is_file:
        _check_file(Path(place))
    return target


def load(target: Target) -> tuple[Any, ...]:
    """Import the target's module and return the named objects; the module's folder comes first on the import path.

    Raises
    ------
    TargetError
        There is no such module, or no such name in it.
    LayerFailed
        The module raised while it was imported.
    """
    module = _from_file(Path(target.place)) if target.is_file else _from_name(target.place)
    return tuple(_find(module, name, target.place) for name in target.names)


def clash_note(target: Target) -> str:
    """Say so where a file beside the target has the name of this package, which it does not replace."""
    folder = Path(target.place).resolve().parent if target.is_file else Path.cwd()
    return _clash(folder / _CLASH) if (folder / _CLASH).is_file() else ""


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _contents(text: str) -> str:
    """Say what could be named in a file that was given without a name."""
    names = _names_in(Path(text)) if text.endswith(".py") and Path(text).is_file() else []
    return f" {text} defines {', '.join(names)}." if names else ""


def _names_in(path: Path) -> list[str]:
    try:
        statements = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError):
        return []
    kinds = (ast.ClassDef, ast.FunctionDef)
    return [one.name for one in statements if isinstance(one, kinds) and not one.name.startswith("_")]


def _check_file(path: Path) -> None:
    if path.is_file() and path.suffix == ".py":
        return
    if path.exists():
        raise TargetError(
            f"a target's file must be a Python file; {str(path)!r} is {'a folder' if path.is_dir() else 'not'}."
        )
    beside = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
    raise TargetError(f"a target's file must exist; there is no {str(path)!r}{did_you_mean(path.name, beside) or '.'}")


def _from_file(path: Path) -> ModuleType:
    path = path.resolve()
    root, name = package_of(path)
    _put_first(path.parent, root, Path.cwd())
    top = name.split(".")[0]
    if "." in name and top not in sys.modules and top not in sys.stdlib_module_names:
        return _imported(lambda: importlib.import_module(name), path.name)
    taken = name in sys.modules or name in sys.stdlib_module_names or "." in name
    return _imported(lambda: _run(f"target_{path.stem}" if taken else name, path), path.name)


def package_of(path: Path) -> tuple[Path, str]:
    """Return the folder above the outermost package that holds the file, and the file's dotted name from there."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _put_first(*folders: Path) -> None:
    for folder in reversed(list(dict.fromkeys(str(folder) for folder in folders))):
        sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
    importlib.invalidate_caches()


def _run(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"a target's file must be a Python file; {str(path)!r} is none.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _from_name(name: str) -> ModuleType:
    _put_first(Path.cwd())
    if name == "gradcheck" and (Path.cwd() / "gradcheck.py").is_file():
        raise TargetError(
            "gradcheck.py here has the name of this package, which is loaded already; say ./gradcheck.py:NAME."
        )
    try:
        return _imported(lambda: importlib.import_module(name), name)
    except LayerFailed as err:
        missing = err.__cause__
        if isinstance(missing, ModuleNotFoundError) and missing.name and f"{name}.".startswith(f"{missing.name}."):
            raise TargetError(
                f"a target's module must be importable from here; there is no module {missing.name!r} "
                f"in {Path.cwd()} or among the installed packages."
            ) from None
        raise


def _imported(run: Any, what: str) -> ModuleType:
    try:
        module: ModuleType = run()
    except GradcheckError:
        raise
    except SystemExit as err:
        raise LayerFailed(f"{what} called sys.exit({err.code!r}) while it was imported", stage="import") from err
    except ModuleNotFoundError as err:
        from gradcheck.adapters.frameworks import FRAMEWORKS  # only now: it loads NumPy

        if (extra := FRAMEWORKS.get(str(err.name))) is not None:
            raise MissingExtra(extra) from err
        sentence = f"{what} needs the module {err.name!r}, which is not installed"
        advice = _clash_of(err) or f"; if the layer works without it, --stub {err.name} stands in for it"
        raise LayerFailed(sentence + advice, stage="import") from err
    except Exception as err:
        words = f"{type(err).__name__}: {err}".strip().rstrip(":")
        raise LayerFailed(f"{what} raised {words} while it was imported{_clash_of(err)}", stage="import") from err
    return module


def _clash_of(error: Exception) -> str:
    """Say so where an import failed because a file of the user's has the name of this package."""
    if not isinstance(error, ImportError) or str(error.name).partition(".")[0] != "gradcheck":
        return ""
    local = next((Path(folder) / _CLASH for folder in sys.path if (Path(folder) / _CLASH).is_file()), None)
    return f": {_clash(local)}" if local else ""


def _clash(local: Path) -> str:
    return f"{local.name} beside the target is not what `import gradcheck` gives here; rename it if the layer needs it"


def _find(module: ModuleType, name: str, place: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [one for one in vars(found) if not one.startswith("_")] if hasattr(found, "__dict__") else []
            own = [n for n in known if getattr(vars(found)[n], "__module__", None) == module.__name__]
            hint = did_you_mean(part, known) or (f"; it defines {', '.join(own[:12])}." if own else ".")
            raise TargetError(f"a target must name something that {place} defines; there is no {part!r}{hint}")
        found = getattr(found, part)
    return found
