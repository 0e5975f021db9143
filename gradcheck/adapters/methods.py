"""Which two methods of an object are its passes: by the table of spellings, the most specific first."""

from typing import Any

from gradcheck.adapters.roles import parameters_of
from gradcheck.adapters.spellings import BACKWARDS, FORWARDS, OTHER_FORWARDS, plain

Methods = tuple[str, str]


def methods_of(owner: Any) -> list[Methods]:
    """Return every pair (forward, backward) of methods that an object, or the instances of a class, could mean.

    Pairs stand in the order of the tables; the call operator comes before the words that may mean anything.
    """
    forwards = [*_named(owner, FORWARDS), *_call_operator(owner), *_named(owner, OTHER_FORWARDS)]
    return [(one, other) for other in _named(owner, BACKWARDS) for one in forwards if one != other]


def entry_of(owner: Any) -> str:
    """Return the name of the method that takes the inputs: the first spelling of forward that has an argument."""
    names = list(dict.fromkeys(one for one, _ in methods_of(owner)))
    return next((name for name in names if parameters_of(getattr(owner, name)) != ()), names[0])


def _named(owner: Any, table: tuple[str, ...]) -> list[str]:
    spelled = {plain(name): name for name in reversed(_callables(owner))}
    return [spelled[name] for name in table if name in spelled]


def _callables(owner: Any) -> list[str]:
    """Return the public methods; functions in attributes (`self.activation`) are what methods use, not passes."""
    kind = owner if isinstance(owner, type) else type(owner)
    names = [name for one in kind.__mro__ if one is not object for name in vars(one)]
    return [
        name
        for name in dict.fromkeys(names)
        if not name.startswith("_") and callable(getattr(owner, name, None)) and not _is_class(owner, name)
    ]


def _is_class(owner: Any, name: str) -> bool:
    return isinstance(getattr(owner, name), type)


def _call_operator(owner: Any) -> list[str]:
    kind = owner if isinstance(owner, type) else type(owner)
    return ["__call__"] if "__call__" in {name for one in kind.__mro__ for name in vars(one)} else []
