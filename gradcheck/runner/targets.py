"""Target strings: `path.py:Name`, `package.module:name`, `path.py:forward_name,backward_name`."""

import ast
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.errors import GradcheckError, LayerFailed, MissingExtra, TargetError, did_you_mean

_CLASH = "gradcheck.py"
_roots: list[str] = []  # what was put on the path in this process because the target's imports start there
_ABOVE = 4  # folders above a target's that are looked through for the root of its project
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


def root_notes() -> tuple[str, ...]:
    """Say which folders were put on the path because the target's imports start there."""
    return tuple(_roots)


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
    try:
        return _module_of(path, name)
    except LayerFailed as err:
        found = _as_part(path, root, name) if _wants_a_package(err.__cause__) else None
        if found is None:
            raise
        return found


def _module_of(path: Path, name: str) -> ModuleType:
    top = name.split(".")[0]
    if "." in name and top not in sys.modules and top not in sys.stdlib_module_names:
        return _imported(lambda: importlib.import_module(name), path.name, path.parent)
    taken = name in sys.modules or name in sys.stdlib_module_names or "." in name
    return _imported(lambda: _run(f"target_{path.stem}" if taken else name, path), path.name, path.parent)


def _wants_a_package(error: BaseException | None) -> bool:
    return isinstance(error, ImportError) and "relative import" in str(error)


def _as_part(path: Path, root: Path, name: str) -> ModuleType | None:
    """Import a file with relative imports as a part of its folder, or of one above, that is no package by itself."""
    for folder in (root, *root.parents[: _ABOVE - 1]):
        if not folder.name.isidentifier() or folder.name in sys.stdlib_module_names:
            return None
        name = f"{folder.name}.{name}"
        sys.path.insert(0, str(folder.parent))
        full, known = name, set(sys.modules)
        try:
            return _imported(lambda: importlib.import_module(full), path.name, path.parent)  # noqa: B023 - called at once
        except LayerFailed as err:
            if not _wants_a_package(err.__cause__):
                raise
        for module in set(sys.modules) - known:
            del sys.modules[module]
    return None


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


def _imported(run: Any, what: str, folder: Path | None = None) -> ModuleType:
    """Import, with the project's root on the path where its modules are named from there, and stubs for what is aside."""
    from gradcheck.runner.substitutes import stand_in  # only now: it loads NumPy

    while True:
        try:
            module: ModuleType = run()
        except GradcheckError:
            raise
        except SystemExit as err:
            raise LayerFailed(f"{what} called sys.exit({err.code!r}) while it was imported", stage="import") from err
        except ModuleNotFoundError as err:
            missing = str(err.name)
            if not (_put_root(missing, folder) or stand_in(missing)):
                raise _missing(err, what) from err
        except Exception as err:
            words = f"{type(err).__name__}: {err}".strip().rstrip(":")
            raise LayerFailed(f"{what} raised {words} while it was imported{_clash_of(err)}", stage="import") from err
        else:
            return module


def _put_root(missing: str, folder: Path | None) -> bool:
    """Put the nearest folder above the target's on the path that has the missing module, if any."""
    top = missing.partition(".")[0]
    if folder is None or top in sys.modules:
        return False
    for above in folder.parents[:_ABOVE]:
        for root in (above, above / "src"):
            if str(root) not in sys.path and ((root / top).is_dir() or (root / f"{top}.py").is_file()):
                sys.path.append(str(root))
                importlib.invalidate_caches()
                _roots.append(f"`{top}` is imported from {os.path.relpath(root)}, above the target's folder")
                return True
    return False


def _missing(error: ModuleNotFoundError, what: str) -> GradcheckError:
    from gradcheck.adapters.frameworks import FRAMEWORKS

    if (extra := FRAMEWORKS.get(str(error.name))) is not None:
        return MissingExtra(extra)
    advice = _clash_of(error) or (
        f"; if it is a file of the project, name its folder by PYTHONPATH=FOLDER; "
        f"if the layer works without it, --stub {error.name} stands in for it"
    )
    return LayerFailed(f"{what} needs the module {error.name!r}, which is not installed{advice}", stage="import")


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
