"""A function that gets its arguments by name: which it takes, which are missing, and the call itself."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck.errors import InvalidInput, did_you_mean

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Signature:
    """The parameters of a call; () where nothing is known of them, and `several` where *args takes any number."""

    parameters: tuple[inspect.Parameter, ...] = ()
    several: bool = False
    keywords: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names that can be given."""
        return tuple(parameter.name for parameter in self.parameters)

    def placed(self, values: Mapping[str, Any], *, positional: bool = False) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments; `positional` writes every default out and uses no keywords."""
        left, args, gap = dict(values), [], False
        for parameter in self.parameters:
            if parameter.name in left and parameter.kind in _POSITIONAL and not gap:
                args.append(left.pop(parameter.name))
            elif positional and parameter.default is not parameter.empty:
                args.append(parameter.default)
            else:
                gap = True
        if self.several or not self.parameters:
            return [*args, *left.values()], {}
        return args, left

    def check(self, values: Mapping[str, Any], *, extra: Sequence[str] = ()) -> None:
        """Raise where an argument is missing, or a value belongs to none; `extra` are names known besides.

        Raises
        ------
        InvalidInput
            It names the argument, and what would be taken.
        """
        needed = [p.name for p in self.parameters if p.default is p.empty]
        missing = [name for name in needed if name not in values]
        if missing and not self.several:
            examples = " ".join(f"--input {name}=2,3" for name in missing)
            raise InvalidInput(
                f"every argument of forward must be an input or an --arg; it takes {', '.join(self.names)}, and "
                f"{', '.join(f'`{name}`' for name in missing)} is not given. "
                f"Give shapes (or values), for instance {examples}"
            )
        for name in values:
            known = (*self.names, *extra)
            if name not in known and self.parameters and not (self.several or self.keywords):
                near = did_you_mean(name, known) or "."
                raise InvalidInput(
                    f"an input must be an argument of forward ({', '.join(known)}); `{name}` is not{near}"
                )


def signature_of(function: Callable[..., Any], *, skip: int = 0) -> Signature:
    """Look up a function's parameters; `skip` leaves out the first ones (`ctx`)."""
    try:
        listed = list(inspect.signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):
        return Signature()
    return Signature(
        tuple(p for p in listed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)),
        several=any(p.kind is p.VAR_POSITIONAL for p in listed),
        keywords=any(p.kind is p.VAR_KEYWORD for p in listed),
    )


def leaves_of(returned: Any) -> list[Any]:
    """Return what a forward returned as a flat list: the values of tuples, lists and dicts, in their order; no None."""
    if returned is None:
        return []
    if isinstance(returned, Mapping):
        return [leaf for value in returned.values() for leaf in leaves_of(value)]
    if isinstance(returned, (tuple, list)):
        return [leaf for value in returned for leaf in leaves_of(value)]
    return [returned]
