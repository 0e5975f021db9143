"""Which array is the gradient of which parameter: by shape, then by name; what stays open is asked, never guessed."""

from collections.abc import Callable, Mapping

import numpy as np

from gradcheck.adapters.slots import Path, spelled
from gradcheck.adapters.spellings import spells_gradient
from gradcheck.adapters.trial import Observed
from gradcheck.errors import InvalidLayer
from gradcheck.subject import Array

Shapes = Mapping[str, tuple[int, ...]]
Places = Mapping[str, tuple[Path, ...]]


def matched(
    shapes: Shapes, places: Places, arrays: Mapping[Path, Array], seen: Observed, *, by_shape: bool
) -> dict[str, Path]:
    """Return the path of the gradient of each parameter that has one.

    Parameters
    ----------
    shapes, places : mappings by parameter name
        Its shape, and all paths that lead to it.
    arrays : mapping of path to array
        What could be a gradient: the floating attributes after backward, without the parameters.
    seen : Observed
        The trial run. An attribute that backward left alone counts only where its name says so, and so does one that
        merely keeps an input or a cotangent.
    by_shape : bool
        Whether these are known to be parameters, so that a gradient may be told by its shape alone.

    Raises
    ------
    InvalidLayer
        Several arrays fit one parameter equally well.
    """
    named = {name: _by_name(name, places[name], shape, arrays) for name, shape in shapes.items()}
    found = {name: path for name, path in named.items() if path is not None}
    free = [path for path in arrays if path in seen.changed and path not in found.values() and not _kept(path, seen)]
    for name in [name for name in shapes if by_shape and name not in found]:
        fitting = [path for path in free if arrays[path].shape == shapes[name] and path not in found.values()]
        rivals = [n for n in shapes if n not in found and n != name and shapes[n] == shapes[name]]
        if len(fitting) > 1 or (fitting and rivals):
            raise InvalidLayer(_question(name, shapes[name], fitting, rivals))
        if fitting:
            found[name] = fitting[0]
    return found


def _kept(path: Path, seen: Observed) -> bool:
    return any(np.shares_memory(seen.after[path], array) for array in seen.borrowed)


def _by_name(name: str, places: tuple[Path, ...], shape: tuple[int, ...], arrays: Mapping[Path, Array]) -> Path | None:
    """Return the one array that is spelled as the gradient of this parameter; same shape, place and letters first."""
    fitting = [path for path in arrays if any(spells_gradient(path, place) for place in places)]
    preferences: tuple[Callable[[Path], bool], ...] = (
        lambda path: arrays[path].shape == shape,
        lambda path: any(spells_gradient(path, place, exactly=True) for place in places),
        lambda path: any(path[:-1] == place[:-1] for place in places),
    )
    for prefers in preferences:
        fitting = [path for path in fitting if prefers(path)] or fitting
    if len(fitting) > 1 and not _one_array(fitting, arrays):
        raise InvalidLayer(_question(name, shape, fitting, []))
    return fitting[0] if fitting else None


def _one_array(paths: list[Path], arrays: Mapping[Path, Array]) -> bool:
    return all(arrays[path] is arrays[paths[0]] for path in paths)


def _question(name: str, shape: tuple[int, ...], fitting: list[Path], rivals: list[str]) -> str:
    shown = ", ".join(f"`{spelled(path)}`" for path in sorted(fitting)[:4])
    others = f" and of {', '.join(f'`{rival}`' for rival in rivals)}" if rivals else ""
    return (
        f"the gradient of `{name}`{others}, of shape {shape}, must be one attribute that backward sets; {shown} "
        f"could be it. Name the pair, for instance --grad {name}={spelled(min(fitting, key=len))}."
    )
