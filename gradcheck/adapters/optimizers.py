"""A recording optimizer, handed to layers that update themselves through one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.adapters.spellings import is_optimizer, is_rate
from gradcheck.subject import Array

_METHODS = ("update", "step", "apply", "optimize", "get_update", "apply_gradients", "update_params", "__call__")


@dataclass
class Book:
    """What a recorder was told, (parameter, gradient) in order, and how it answers; its shallow copies share it."""

    told: list[tuple[Any, Array]] = field(default_factory=list)
    rate: float = 1.0
    in_place: bool = False

    def gradient_of(self, parameter: Any, shape: tuple[int, ...]) -> Array | None:
        """Return the gradient that came with this very array, and None where there was none."""
        found = [gradient for told, gradient in self.told if told is parameter]
        return found[0] if found and (len(found) == 1 or found[0].shape == shape) else None


class Recorder:
    """Takes the place of any optimizer: plain gradient descent under every method name, which keeps what it is told.

    With `in_place` it changes the parameter that it is given; else it returns a new one. `gradients` are those that
    came by name and without their parameters, `update(layer, {"dW": ...})`.
    """

    def __init__(self) -> None:
        self.book = Book()
        self.gradients: dict[str, Array] = {}

    def __getattr__(self, name: str) -> Any:
        """Answer to every name: a learning rate is the rate, anything else a method."""
        if name.startswith("__") or name in ("book", "gradients"):
            raise AttributeError(name)
        return self.book.rate if is_rate(name) and name not in _METHODS else self.__call__

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Note (parameter, gradient) and return the updated parameter; for a gradient alone, what to take off."""
        arrays = [one for one in (*arguments, *named.values()) if _holds_arrays(one)]
        if len(arrays) == 1:
            if isinstance(arrays[0], Mapping):
                self.gradients |= {str(name): np.array(gradient) for name, gradient in arrays[0].items()}
            return self._each(self._step, arrays[0])
        return self._each(self._updated, *arrays[:2]) if arrays else None

    def _step(self, gradient: Any) -> Any:
        self.book.told.append((None, np.array(gradient)))
        return self.book.rate * gradient

    def _updated(self, parameter: Any, gradient: Any) -> Any:
        self.book.told.append((parameter, np.array(gradient)))
        if self.book.in_place:
            parameter -= self.book.rate * gradient
            return parameter
        return parameter - self.book.rate * gradient

    def _each(self, act: Callable[..., Any], *groups: Any) -> Any:
        """Apply to arrays, or to the arrays in lists and dicts, one after another."""
        first = groups[0]
        if isinstance(first, Mapping):
            rows = zip(*(group.values() for group in groups), strict=False)
            return dict(zip(first, [act(*row) for row in rows], strict=False))
        if isinstance(first, (list, tuple)):
            return [act(*row) for row in zip(*groups, strict=False)]
        return act(*groups)


def hand_in(owner: Any, recorder: Recorder, *, missing: bool = False) -> list[str]:
    """Put the recorder in place of every optimizer that an object holds; return the attributes' names.

    With `missing` also where an optimizer is still to be set (None).
    """
    held = [name for name, value in getattr(owner, "__dict__", {}).items() if _is_optimizer(name, value)]
    held += lacking(owner) if missing else []
    held += [name for name in _properties(owner) if is_optimizer(name)]
    for name in held:
        setattr(owner, name, recorder)
    return held


def lacking(owner: Any) -> list[str]:
    """Return the attributes for an optimizer that hold none yet."""
    return [name for name, value in getattr(owner, "__dict__", {}).items() if value is None and is_optimizer(name)]


def _properties(owner: Any) -> list[str]:
    """Return the properties that can be set, which may make an optimizer when they are first asked for one."""
    kinds = type(owner).__mro__
    return [
        name for kind in kinds for name, raw in vars(kind).items() if isinstance(raw, property) and raw.fset is not None
    ]


def rates_in(owner: Any) -> Iterator[tuple[str, ...]]:
    """Yield the paths of numbers that are learning rates by name: of the object, and of its optimizer."""
    for name, value in list(getattr(owner, "__dict__", {}).items()):
        if is_rate(name) and isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            yield (name,)
        elif is_optimizer(name) and not isinstance(value, Recorder) and hasattr(value, "__dict__"):
            yield from ((name, *path) for path in rates_in(value))


def rate_at(owner: Any, path: Sequence[str]) -> Any:
    """Return the number at a path; None where there is none."""
    for name in path:
        owner = getattr(owner, name)
    return owner if path else None


def set_rate(owner: Any, path: Sequence[str], rate: float) -> None:
    """Set the number at a path."""
    for name in path[:-1]:
        owner = getattr(owner, name)
    setattr(owner, path[-1], rate)


def _is_optimizer(name: str, value: Any) -> bool:
    plainly = isinstance(value, (type(None), bool, int, float, str, Mapping, Sequence, np.ndarray, type))
    return is_optimizer(name) and not plainly and any(hasattr(value, method) for method in _METHODS)


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(one, (np.ndarray, np.generic)) for one in value)
    return isinstance(value, (np.ndarray, np.generic))
