"""Which two methods of an object are its passes: by the table of spellings, the most specific first."""

import functools
from typing import Any

from gradcheck.adapters.roles import parameters_of
from gradcheck.adapters.spellings import BACKWARDS, FORWARDS, OTHER_FORWARDS, plain, without_gradient_word

Methods = tuple[str, str]
_BY_NAME = ("forward", "backward")


def methods_of(owner: Any) -> list[Methods]:
    """Return every pair (forward, backward) of methods that an object, or the instances of a class, could mean.

    Pairs stand in the order of the tables; the call operator comes before the words that may mean anything. Where no
    backward is spelled as usual, the one method whose name holds a word for a gradient is it: `cross_entropy_grad`.
    """
    forwards = [*_named(owner, FORWARDS), *_call_operator(owner), *_named(owner, OTHER_FORWARDS)]
    spelled = _named(owner, BACKWARDS)
    if not spelled:
        spelled, forwards = _by_words(owner, forwards)
    return [(one, other) for other in spelled for one in forwards if one != other]


def entry_of(owner: Any) -> str:
    """Return the name of the method that takes the inputs: the first spelling of forward that has an argument."""
    names = list(dict.fromkeys(one for one, _ in methods_of(owner)))
    return next((name for name in names if parameters_of(getattr(owner, name)) != ()), names[0])


def _by_words(owner: Any, forwards: list[str]) -> tuple[list[str], list[str]]:
    """Find the one method with a word for a gradient in its name, and what it could be the gradient of."""
    public = _callables(owner)
    found = {name: rest for name in public if (rest := without_gradient_word(name)) is not None}
    if len(found) != 1:
        return [], []
    ((backward, rest),) = found.items()
    own = [name for name in public if plain(name) == rest]
    return [backward], list(dict.fromkeys((*own, *forwards)))


def _named(owner: Any, table: tuple[str, ...]) -> list[str]:
    spelled = {plain(name): name for name in reversed(_callables(owner))}
    return [spelled[name] for name in table if name in spelled]


def _callables(owner: Any) -> list[str]:
    """Return the public methods; functions in attributes (`self.activation`) are what methods use, not passes.

    Those called `forward` and `backward` are passes all the same, where the class has none. Methods are looked up
    without being asked for: a property may raise until forward has been called.
    """
    kind = owner if isinstance(owner, type) else type(owner)
    held = {name: raw for one in reversed(kind.__mro__) if one is not object for name, raw in vars(one).items()}
    names = dict.fromkeys(name for one in kind.__mro__ if one is not object for name in vars(one))
    if not isinstance(owner, type):
        own = {name: value for name, value in getattr(owner, "__dict__", {}).items() if name in _BY_NAME}
        held, names = own | held, dict.fromkeys((*names, *own))
    return [name for name in names if not name.startswith("_") and _is_method(held[name])]


def _is_method(raw: Any) -> bool:
    if isinstance(raw, (staticmethod, classmethod, functools.partialmethod)):
        return True
    return callable(raw) and not isinstance(raw, type)


def _call_operator(owner: Any) -> list[str]:
    kind = owner if isinstance(owner, type) else type(owner)
    return ["__call__"] if "__call__" in {name for one in kind.__mro__ for name in vars(one)} else []
