"""Hyperparameters from the command line: `NAME=VALUE`, and whether they go to the constructor or the call."""

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck.errors import InvalidInput, did_you_mean

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Takes:
    """What a callable takes by name: the `names`, those that are `required`, and whether `any` other is welcome."""

    names: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    any: bool = False


def parse_pair(text: str, what: str = "an argument", example: str = "stride=2") -> tuple[str, str]:
    """Split `NAME=VALUE`; the value stays a text.

    Raises
    ------
    InvalidInput
        There is no `=`, or no name before it.
    """
    name, equals, value = text.partition("=")
    if not equals or not all(part.isidentifier() for part in name.strip().split(".")):
        raise InvalidInput(f"{what} must be NAME=VALUE, for instance {example}; it is {text!r}.")
    return name.strip(), value.strip()


def parse_value(text: str) -> Any:
    """Read a value as a Python literal, or else as the text it is.

    Examples
    --------
    >>> parse_value("1,2"), parse_value("same"), parse_value("None")
    ((1, 2), 'same', None)
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def parse_size(text: str) -> int:
    """Read a number of bytes, in units of 1024.

    Raises
    ------
    InvalidInput
        It is no number above 0.

    Examples
    --------
    >>> parse_size("512M"), parse_size("1000")
    (536870912, 1000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    if not match or float(match[1]) == 0:
        raise InvalidInput(f"a size must be a number of bytes above 0, for instance 2G or 512M; it is {text!r}.")
    return int(float(match[1]) * _UNITS[match[2]])


def takes(function: Callable[..., Any]) -> Takes:
    """Look up what a callable takes by name; nothing is known of one without a signature, so that it takes anything."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Takes(any=True)
    named = [p for p in parameters if p.kind in _KEYWORDS]
    return Takes(
        names=tuple(p.name for p in named),
        required=tuple(p.name for p in named if p.default is inspect.Parameter.empty),
        any=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters),
    )


def distribute(args: Mapping[str, str], constructor: Takes, call: Takes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give each argument to the constructor if it takes that name, else to the call; `init.` and `call.` say which.

    Raises
    ------
    InvalidInput
        Neither takes an argument of that name.
    """
    init_args: dict[str, Any] = {}
    call_args: dict[str, Any] = {}
    for name, text in args.items():
        where, _, bare = name.rpartition(".")
        if where not in ("", "init", "call"):
            raise InvalidInput(f"an argument must be NAME, init.NAME or call.NAME; it is {name!r}.")
        if where != "call" and bare in constructor.names:
            init_args[bare] = parse_value(text)
        elif where != "init" and (bare in call.names or (call.any and not constructor.any)):
            call_args[bare] = parse_value(text)
        elif where != "call" and constructor.any:
            init_args[bare] = parse_value(text)
        else:
            raise InvalidInput(_unknown(bare, where, constructor, call))
    return init_args, call_args


def _unknown(name: str, where: str, constructor: Takes, call: Takes) -> str:
    of_init = f"the constructor takes {', '.join(constructor.names) or 'no arguments'}"
    of_call = f"forward takes {', '.join(call.names) or 'none by name'}"
    known = {"init": of_init, "call": of_call}.get(where, f"{of_init}, {of_call}")
    return f"--arg must name an argument of the layer; nothing takes `{name}`: {known}{_near(name, constructor, call)}"


def _near(name: str, constructor: Takes, call: Takes) -> str:
    return did_you_mean(name, (*constructor.names, *call.names)) or "."
