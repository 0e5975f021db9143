"""What a loaded target takes: its constructor's and passes' parameters, and the keys of dict arguments."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gradcheck.adapters.methods import entry_of, methods_of

_NAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


_DICTS = re.compile(r"(param|params|parameters|config|cfg|options|opts|dict|kwargs)$", re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    """One parameter: whether it must be given, and its default.

    `keys` are those that are read where it is a dict, `choices` the texts that it is compared with.
    """

    name: str
    required: bool
    default: Any = None
    keys: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """What a target is ("class", "object", "pair" or "function"), and what its callables take."""

    kind: str
    name: str
    constructor: tuple[Parameter, ...] = ()
    forward: tuple[Parameter, ...] = ()
    backward: tuple[Parameter, ...] = ()


def describe(found: tuple[Any, ...]) -> Description:
    """Look at a loaded target, by the methods that its adapter would call."""
    if len(found) == 2:
        passes = tuple(map(parameters_of, found))
        return Description("pair", getattr(found[0], "__name__", "forward"), (), *passes)
    one = found[0]
    name = getattr(one, "__name__", type(one).__name__)
    methods = methods_of(one)
    if not methods and not hasattr(one, "forward"):
        return Description("function", name, (), parameters_of(one) if callable(one) else ())
    forward, backward = (entry_of(one), methods[0][1]) if methods else ("forward", "backward")
    passes = tuple(parameters_of(getattr(one, each, None)) for each in (forward, backward))
    if not isinstance(one, type):
        return Description("object", name, (), *passes)
    own = (tuple(p for p in each if p.name != "self") for each in passes)
    return Description("class", name, parameters_of(one), *own)


def parameters_of(function: Any) -> tuple[Parameter, ...]:
    """Return the named parameters of a callable; none where it has no signature that can be read."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    texts = {**_texts_of_module(function), **_texts(function)}
    return tuple(
        Parameter(
            p.name,
            p.default is inspect.Parameter.empty,
            None if p.default is inspect.Parameter.empty else p.default,
            texts.get((p.name, "key"), ()),
            texts.get((p.name, "choice"), ()),
        )
        for p in found
        if p.kind in _NAMED
    )


def _texts_of_module(function: Any) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return what is read anywhere in the module: keys of names that say that they are dicts, and choices."""
    try:
        found = _texts_in(inspect.getsource(sys.modules[function.__module__]))
    except (OSError, TypeError, SyntaxError, KeyError, AttributeError):
        return {}
    return {place: keys for place, keys in found.items() if place[1] == "choice" or _DICTS.search(place[0])}


def _texts(function: Callable[..., Any]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    try:
        return _texts_in(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError):
        return {}


@cache
def _texts_in(source: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the texts that each name, or attribute of that name, is subscribed by or compared with.

    `param['stride']` and `param.get('pad', 0)` are keys; `mode == 'max'` and `mode in ('max', 'avg')` choices.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for node in ast.walk(ast.parse(source)):
        for owner, kind, text in (*_keys(node), *_choices(node)):
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found.setdefault((name, kind), []).append(text.value)
    return {place: tuple(dict.fromkeys(texts)) for place, texts in found.items()}


_Told = tuple[ast.expr, str, ast.expr]


def _keys(node: ast.AST) -> list[_Told]:
    if isinstance(node, ast.Subscript):
        return [(node.value, "key", node.slice)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return [(node.func.value, "key", node.args[0])]
    return []


def _choices(node: ast.AST) -> list[_Told]:
    if not isinstance(node, ast.Compare):
        return []
    told = []
    for other in node.comparators:
        texts = other.elts if isinstance(other, (ast.Tuple, ast.List, ast.Set)) else [other]
        told += [(node.left, "choice", text) for text in texts]
    return told
