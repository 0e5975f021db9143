"""Lists in which a layer keeps what every forward saw, until an update empties them: they would grow without end."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from gradcheck.adapters.living import Living
from gradcheck.adapters.slots import Path, spelled
from gradcheck.adapters.trial import quietly, run_forward
from gradcheck.subject import Inputs

_FORWARDS = 3  # a list that is built once grows once; a copy that trails it by a call grows twice
_DEPTH = 2  # self.X, and self.derived["Z"], are the spellings met in published layers

Lengths = dict[Path, int]


def growing_lists(living: Living, inputs: Inputs) -> Lengths:
    """Return the lists that each forward makes longer, with their first lengths; one that is only built grows once.

    Such a layer pairs the gradients it is handed with all inputs since its last update, the first with the first. It
    must be checked as after an update: with these lists as they were. Cost: one forward, or three where a list grows.
    """
    seen = [_lengths(living.owner)]
    with quietly():
        while len(seen) <= _FORWARDS and (len(seen) == 1 or seen[-1] != seen[-2]):
            run_forward(living, inputs)
            seen.append(_lengths(living.owner))
    return {path: seen[0].get(path, 0) for path in seen[-1] if all(_longer(path, *two) for two in pairwise(seen))}


def rewind(owner: Any, lengths: Lengths) -> None:
    """Cut the lists back to these lengths."""
    for path, found in _lists(owner, ()) if lengths else ():
        if path in lengths:
            del found[lengths[path] :]


def notes_on(lengths: Lengths) -> tuple[str, ...]:
    """Say which lists are cut back, for the report."""
    names = ", ".join(f"`{spelled(path)}`" for path in lengths)
    return (f"forward adds to {names} from call to call: emptied before each call",) if names else ()


def _longer(path: Path, sooner: Lengths, later: Lengths) -> bool:
    return later.get(path, 0) > sooner.get(path, 0)


def _lengths(owner: Any) -> Lengths:
    return {path: len(found) for path, found in _lists(owner, ())}


def _lists(owner: Any, above: Path) -> Iterator[tuple[Path, list[Any]]]:
    entries = owner if isinstance(owner, dict) else getattr(owner, "__dict__", {})
    for key, value in entries.items():
        path = (*above, str(key))
        if isinstance(value, list):
            yield path, value
        elif isinstance(value, dict) and len(path) < _DEPTH:
            yield from _lists(value, path)
