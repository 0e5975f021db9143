"""`[tool.gradcheck]` in pyproject.toml: the targets of a project with what each needs, and its waivers.

    [tool.gradcheck]
    effort = "thorough"                     # settings here hold for every target
    targets = [
      "layers.py:Product",                  # a target, or a table with settings of its own
      { target = "layers.py:Conv", inputs = { x = "2,3,8,8", w = "4,3,3,3" }, args = { stride = [1, 2] } },
    ]
    waive = [{ target = "layers.py:Old", argument = "b", reason = "the bias gradient is a mean; issue 12" }]

A list in `inputs` or `args` is a sweep, as if the option were repeated.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.runner.arguments import parse_size
from gradcheck.runner.inputs import DTYPES
from gradcheck.runner.job import Job
from gradcheck.runner.planning import Planned, plan
from gradcheck.runner.sweeps import MOST
from gradcheck.runner.waivers import Waiver, check_waivers

FILE = "pyproject.toml"
SWEPT = ("inputs", "args", "dims")
_NAMED = (*SWEPT, "grads", "passing")
_DEFAULTS = {one.name: getattr(Job(""), one.name) for one in fields(Job) if one.name not in ("target", "swept")}
SETTINGS = {**_DEFAULTS, "dims": {}, "max_configs": MOST}
_CHOICES = {"effort": ("quick", "normal", "thorough"), "dtype": DTYPES}

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    """What a project asks for: the folder that its paths refer to, each target with its settings, and the waivers."""

    folder: Path
    targets: tuple[tuple[str, Settings], ...] = ()
    waivers: tuple[Waiver, ...] = field(default=())


def find_config(start: Path) -> Config | None:
    """Read the section of the nearest pyproject.toml that has one, in `start` or above it.

    Raises
    ------
    InvalidInput
        The file or the section cannot be read; the sentence names the key.
    """
    for folder in (start, *start.parents):
        file = folder / FILE
        if file.is_file():
            section = _section(file)
            if section is not None:
                return read_config(section, folder)
    return None


def read_config(section: Mapping[str, Any], folder: Path) -> Config:
    """Read what `[tool.gradcheck]` holds.

    Raises
    ------
    InvalidInput
        A key is unknown, or a value is not what it must be.
    """
    _check_keys(section, ("targets", "waive", *SETTINGS), "[tool.gradcheck]")
    shared = _settings({key: value for key, value in section.items() if key in SETTINGS}, "[tool.gradcheck]")
    targets = [_target(entry, shared) for entry in _list(section.get("targets", []), "targets")]
    waivers = [_waiver(entry) for entry in _list(section.get("waive", []), "waive")]
    return Config(folder, tuple(targets), tuple(waivers))


def configured(config: Config, *, only: Sequence[str] = (), overrides: Settings | None = None) -> list[Planned]:
    """Return the jobs of the targets that have one of the texts of `only` in their names; the overrides win.

    The current folder must be that of the configuration, whose paths are looked at.

    Raises
    ------
    InvalidInput
        Nothing is chosen, a waiver is for something that is not listed, or an input cannot be read.
    """
    chosen = [one for one in config.targets if not only or any(text in one[0] for text in only)]
    if not chosen:
        names = ", ".join(name for name, _ in config.targets) or "none"
        raise InvalidInput(f"`targets` of {config.folder / FILE} must list what is to be checked; it lists {names}.")
    check_waivers(config.waivers, [name for name, _ in config.targets])
    return [plan(target, **_for_plan(_merged(settings, overrides or {}))) for target, settings in chosen]


def _for_plan(settings: Settings) -> dict[str, Any]:
    """Write tables of lists as pairs, a name as often as it has values."""
    pairs = {key: [(name, one) for name, ones in settings.get(key, {}).items() for one in ones] for key in SWEPT}
    return {**settings, **pairs}


def _section(file: Path) -> Mapping[str, Any] | None:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InvalidInput(f"a configuration must be TOML that can be read; {str(file)!r}: {err}") from err
    section = document.get("tool", {}).get("gradcheck")
    if section is not None and not isinstance(section, Mapping):
        raise InvalidInput(f"[tool.gradcheck] of {str(file)!r} must be a table; it is {section!r}.")
    return section


def _target(entry: Any, shared: Settings) -> tuple[str, Settings]:
    if isinstance(entry, str):
        return entry, shared
    name = entry.get("target") if isinstance(entry, Mapping) else None
    if not isinstance(name, str):
        raise InvalidInput(
            'an entry of `targets` must be "FILE:NAME" or a table with it, { target = "FILE:NAME", inputs = ... }; '
            f"it is {entry!r}."
        )
    _check_keys(entry, ("target", *SETTINGS), f"the target {name!r}")
    own = _settings({key: value for key, value in entry.items() if key != "target"}, f"the target {name!r}")
    return name, _merged(shared, own)


def _waiver(entry: Any) -> Waiver:
    known = [one.name for one in fields(Waiver)]
    if not isinstance(entry, Mapping) or not {"target", "reason"} <= set(entry):
        raise InvalidInput(
            'an entry of `waive` must be { target = "FILE:NAME", reason = "why it is known" }, and may name the '
            f"`argument` or the `code`; it is {entry!r}."
        )
    _check_keys(entry, known, "an entry of `waive`")
    for key, value in entry.items():
        if not isinstance(value, str) or not value.strip():
            raise InvalidInput(f"`{key}` of an entry of `waive` must be a text; it is {value!r}.")
    return Waiver(**entry)


def _settings(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    return {key: _setting(key, value, f"`{key}` of {where}") for key, value in given.items()}


def _setting(key: str, value: Any, what: str) -> Any:
    if key in _NAMED:
        return _by_name(key, value, what)
    if key == "points":
        return tuple({name: _text(one) for name, one in _table(point, what).items()} for point in _list(value, what))
    default = SETTINGS[key]
    if isinstance(default, tuple):
        return tuple(_string(one, what) for one in (value if isinstance(value, list) else [value]))
    if key == "memory":
        return parse_size(str(value))
    if key in _CHOICES and value not in _CHOICES[key]:
        raise InvalidInput(f"{what} must be one of {', '.join(_CHOICES[key])}; it is {value!r}.")
    kinds = (int, float) if isinstance(default, float) else (type(default),)
    least = {float: 0.1, int: 0}.get(type(default))
    if type(value) not in kinds or (least is not None and value < least):
        raise InvalidInput(f"{what} must be {_NOUNS[type(default)]}; it is {value!r}.")
    return float(value) if isinstance(default, float) else value


_NOUNS = {bool: "true or false", int: "an integer of at least 0", float: "a number of at least 0.1", str: "a text"}


def _by_name(key: str, value: Any, what: str) -> dict[str, Any]:
    table = _table(value, what)
    if key in ("grads", "passing"):
        return {name: _string(one, what) for name, one in table.items()}
    return {name: tuple(map(_text, one if isinstance(one, list) else [one])) for name, one in table.items()}


def _merged(under: Settings, over: Settings) -> dict[str, Any]:
    """Lay one set of settings over the other; what is given by name is laid over name by name."""
    named = {key: {**under.get(key, {}), **over[key]} for key in _NAMED if key in over}
    return {**under, **over, **named}


def _text(value: Any) -> str:
    """Write a value of TOML as the command line would have it."""
    return value if isinstance(value, str) else repr(value)


def _string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be a text; it is {value!r}.")
    return value


def _table(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f'{what} must be a table, for instance {{ x = "2,3,8,8" }}; it is {value!r}.')
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"`{what.strip('`')}` must be a list; it is {value!r}.")
    return value


def _check_keys(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in given:
        if key not in known:
            near = did_you_mean(key, known) or f"; it may have {', '.join(known)}."
            raise InvalidInput(f"{where} must hold known keys; there is no `{key}`{near}")
