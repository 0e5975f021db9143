"""Target strings: `path.py:Name`, `package.module:name`, `path.py:forward_name,backward_name`."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.errors import TargetError, did_you_mean
from gradcheck.runner.importing import CLASH, clash_at, from_file, from_name

_FORMS = (
    "path.py:Name, package.module:name or path.py:forward_name,backward_name (of two files "
    "a.py:forward_name,b.py:backward_name)"
)
_TWO_PLACES = re.compile(r"(?P<first>.+):(?P<forward>[\w.]+)\s*,\s*(?P<second>.+):(?P<backward>[\w.]+)")


@dataclass(frozen=True)
class Target:
    """Where a layer is: a file or a dotted module, and one name in it or two (forward and backward).

    `second` is where the second name is, if that is another place.
    """

    text: str
    place: str
    names: tuple[str, ...]
    second: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the place is a path rather than a dotted module."""
        return is_file(self.place)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the target names."""
        return tuple(place for place in (self.place, self.second) if place and is_file(place))


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
    match = _TWO_PLACES.fullmatch(text.strip())
    if match:
        target = Target(text, match["first"], (match["forward"], match["backward"]), match["second"])
        for file in target.files:
            _check_file(Path(file))
        return target
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
    module = _module_at(target.place)
    found = tuple(_find(module, name, target.place) for name in target.names[: 1 if target.second else None])
    if not target.second:
        return found
    return (
        *found,
        _find(_module_at(target.second), target.names[1], target.second),
        *(_find(module, name, target.place) for name in target.names[2:]),
    )


def clash_note(target: Target) -> str:
    """Say so where a file beside the target has the name of this package, which it does not replace."""
    folder = Path(target.place).resolve().parent if target.is_file else Path.cwd()
    return clash_at(folder / CLASH) if (folder / CLASH).is_file() else ""


def _module_at(place: str) -> ModuleType:
    return from_file(Path(place)) if is_file(place) else from_name(place)


def is_file(place: str) -> bool:
    """Tell whether a place is a path rather than a dotted module."""
    return place.endswith(".py") or "/" in place or "\\" in place


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
