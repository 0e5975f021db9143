"""A target's module, imported with what its imports need: its folder, its project's root, stubs for what is aside."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.errors import GradcheckError, LayerFailed, MissingExtra, TargetError

CLASH = "gradcheck.py"
_MARKS = (".git", "pyproject.toml", "setup.py")  # in the folder of a whole project
_ABOVE = 4  # folders above a target's that are looked through for the root of its project
_roots: list[str] = []  # what was put on the path in this process because the target's imports start there


def root_notes() -> tuple[str, ...]:
    """Say which folders were put on the path because the target's imports start there."""
    return tuple(_roots)


def from_file(path: Path) -> ModuleType:
    """Import a file; one with relative imports as a part of its folder, whether or not that is a package."""
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
    top = name.split(".", maxsplit=1)[0]
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


def from_name(name: str) -> ModuleType:
    """Import a module by its dotted name, from the working folder first."""
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
    """Import, with the project's root on the path where imports start there, and stubs for what is aside."""
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
            if isinstance(err, ImportError) and stand_in(
                str(err.name)
            ):  # another version than the target was written for
                continue
            words = f"{type(err).__name__}: {err}".strip().rstrip(":")
            raise LayerFailed(f"{what} raised {words} while it was imported{_clash_of(err)}", stage="import") from err
        else:
            return module


def _put_root(missing: str, folder: Path | None) -> bool:
    """Put the nearest folder above the target's on the path that has the missing module, if any."""
    top = missing.partition(".")[0]
    if folder is None or top in sys.modules:
        return False
    for above in _within_project(folder):
        for root in (above, above / "src"):
            if str(root) not in sys.path and ((root / top).is_dir() or (root / f"{top}.py").is_file()):
                sys.path.append(str(root))
                importlib.invalidate_caches()
                _roots.append(f"`{top}` is imported from {os.path.relpath(root)}, above the target's folder")
                return True
    return False


def _within_project(folder: Path) -> list[Path]:
    """Return the folders above, up to the one that holds the whole project, where that can be told."""
    above = folder.parents[:_ABOVE]
    top = next(
        (n for n, one in enumerate((folder, *above)) if any((one / mark).exists() for mark in _MARKS)), len(above)
    )
    return list(above[:top])


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
    local = next((Path(folder) / CLASH for folder in sys.path if (Path(folder) / CLASH).is_file()), None)
    return f": {clash_at(local)}" if local else ""


def clash_at(local: Path) -> str:
    """Say what a file of this package's name does not do."""
    return f"{local.name} beside the target is not what `import gradcheck` gives here; rename it if the layer needs it"
