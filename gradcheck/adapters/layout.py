"""Where a stateful layer keeps its parameters and their gradients, as a trial run shows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.adapters.growing import start_of
from gradcheck.adapters.living import Living
from gradcheck.adapters.matching import matched
from gradcheck.adapters.returned import data_input, odd_shapes, order_of
from gradcheck.adapters.slots import Path, spelled
from gradcheck.adapters.spellings import INPUT_GRADIENTS, bare, plain, spells_gradient
from gradcheck.adapters.trial import Held, Observed, held_arrays, observe_backward
from gradcheck.adapters.updates import Update, find_update, updated_by
from gradcheck.errors import InvalidInput, InvalidLayer, did_you_mean
from gradcheck.subject import Array, Inputs, is_floating

Places = Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Layout:
    """Where a layer keeps what.

    `parameters` are all places of each parameter and `values` what they held; `gradients` the place of each gradient
    that is an attribute; `order` whose gradients backward returns; `growing` what a gradient that is added to from
    call to call starts from.
    """

    parameters: Places
    values: Mapping[str, Array]
    gradients: Mapping[str, Path]
    order: tuple[str, ...]
    growing: Mapping[str, Array]
    update: Update
    restores: bool
    notes: tuple[str, ...]

    @property
    def claimed(self) -> tuple[str, ...]:
        """The names for which a gradient is found somewhere."""
        return tuple(dict.fromkeys((*self.order, *self.gradients, *self.update.places)))


def find_layout(
    make: Callable[[], Living],
    inputs: Inputs,
    *,
    pairs: Mapping[str, str],
    wrt: Sequence[str] = (),
    told: Sequence[str] = (),
) -> Layout:
    """Run forward and backward a few times at `inputs` and watch the attributes.

    `pairs` names the attribute that holds the gradient, by parameter, where shapes and names leave it open; `wrt` are
    the arguments under test, to which a single gradient belongs first; `told` whose gradients backward returns.

    Raises
    ------
    InvalidLayer
        Several arrays could be the gradient of one parameter, or backward changes the parameters itself.
    InvalidInput
        `pairs` names no parameter, or no attribute.
    LayerFailed
        One of the passes raised.
    """
    held = held_arrays(make(), inputs)
    living = make()
    seen = observe_backward(living, inputs)
    named = {name: one for name, one in _names(held, inputs).items() if one.paths[0] in seen.before}
    shapes = {name: seen.before[one.paths[0]].shape for name, one in named.items()}
    floating = {name: np.shape(value) for name, value in inputs.items() if is_floating(value)}
    given = {name: floating[name] for name in sorted(floating, key=lambda name: name not in wrt)}
    moved = updated_by(living, held, seen)
    still = {n: one for n, one in named.items() if one not in moved}
    responding = {n: shapes[n] for n, one in still.items() if one.responds}
    order = order_of(seen.returned, tuple(inputs), given, responding, told=told)
    searched = {n: one for n, one in still.items() if n not in order}
    gradients = _gradients(searched, shapes, given, seen, pairs=pairs)
    places = {n: one.paths[0] for n, one in named.items() if one in moved}
    update = Update({})
    try:
        update = find_update(make(), inputs, places) if places else update
    except InvalidLayer:
        kept = _named_gradients({n: one for n, one in named.items() if n in places}, shapes, seen)
        if not places.keys() <= kept.keys():
            raise
        gradients, places = {**gradients, **kept}, {}
    parameters = {n: one.paths for n, one in named.items() if one.responds or n in gradients}
    again = observe_backward(living, inputs)
    starts = {name: start_of(path, seen, again, living) for name, path in gradients.items()}
    growing = {name: start for name, start in starts.items() if start is not None}
    odd = odd_shapes(seen.returned, order, {n: seen.after[at] for n, at in gradients.items()}, {**given, **shapes})
    return Layout(
        parameters=parameters,
        values={name: seen.before[paths[0]] for name, paths in parameters.items()},
        gradients=gradients,
        order=order,
        growing=growing,
        update=update,
        restores=bool(moved),
        notes=(*update.notes, *_notes(parameters, gradients, (*order, *places), growing), *odd),
    )


def _names(held: list[Held], inputs: Inputs) -> dict[str, Held]:
    """Name each array by its last word where that is its own, else by its whole path."""
    leaves = [bare(one.paths[0]).strip("_") for one in held]
    return {
        leaf if leaves.count(leaf) == 1 and leaf not in inputs and not leaf.isdigit() else spelled(one.paths[0]): one
        for leaf, one in zip(leaves, held, strict=True)
    }


def _gradients(
    named: Mapping[str, Held],
    shapes: Mapping[str, tuple[int, ...]],
    given: Mapping[str, tuple[int, ...]],
    seen: Observed,
    *,
    pairs: Mapping[str, str],
) -> dict[str, Path]:
    """Find the attribute that holds each gradient; that of an input only where backward returned nothing."""
    told = _told(pairs, {**shapes, **given}, seen)
    free = {path: array for path, array in seen.after.items() if path not in told.values()}
    found = dict(told)
    for responds in (True, False):  # an array that forward ignores is a parameter only if a gradient bears its name
        places = {name: one.paths for name, one in named.items() if one.responds is responds and name not in told}
        owned = {path for one in named.values() if one.responds or not responds for path in one.paths}
        arrays = {path: array for path, array in free.items() if path not in owned and path not in found.values()}
        found |= matched({name: shapes[name] for name in places}, places, arrays, seen, by_shape=responds)
    if seen.returned is None:
        found |= _of_inputs(given, seen, found)
    return found


def _named_gradients(
    named: Mapping[str, Held], shapes: Mapping[str, tuple[int, ...]], seen: Observed
) -> dict[str, Path]:
    """Find gradients by their names alone: beside an update, an array of the same shape may be a momentum."""
    places = {name: one.paths for name, one in named.items()}
    owned = {path for paths in places.values() for path in paths}
    arrays = {path: array for path, array in seen.after.items() if path not in owned}
    return matched({name: shapes[name] for name in places}, places, arrays, seen, by_shape=False)


def _of_inputs(given: Mapping[str, tuple[int, ...]], seen: Observed, found: Mapping[str, Path]) -> dict[str, Path]:
    """Find the gradient of each input in an attribute that backward wrote: by its name, or as what layers call it."""
    free = {path: array for path, array in seen.after.items() if path in seen.changed and path not in found.values()}
    places = {}
    for name, shape in given.items():
        fitting = [path for path in free if spells_gradient(path, (name,)) and free[path].shape == shape]
        usual = [p for known in INPUT_GRADIENTS for p in free if plain(p[-1]) == known and free[p].shape == shape]
        if fitting or (usual and name == data_input(seen.after[usual[0]], given)):
            places[name] = (fitting or usual)[0]
    return places


def _told(pairs: Mapping[str, str], names: Mapping[str, Any], seen: Observed) -> dict[str, Path]:
    attributes = {spelled(path): path for path in seen.after}
    for name, attribute in pairs.items():
        _known(name, list(names), "a parameter")
        _known(attribute, list(attributes), "an attribute that holds an array after backward")
    return {name: attributes[attribute] for name, attribute in pairs.items()}


def _known(name: str, names: list[str], what: str) -> None:
    if name not in names:
        raise InvalidInput(f"`grads` must name {what}; it names `{name}`{did_you_mean(name, names)}.")


def _notes(
    parameters: Places, gradients: Mapping[str, Path], order: tuple[str, ...], growing: Mapping[str, Array]
) -> tuple[str, ...]:
    idle = [f"`{name}`" for name in parameters if name not in gradients and name not in order]
    pairs = ", ".join(f"{name} in {spelled(path)}" for name, path in gradients.items())
    added = ", ".join(f"`{spelled(gradients[name])}`" for name in growing)
    notes = (
        pairs and f"gradients found in attributes: {pairs}",
        idle and f"no gradient was found for {', '.join(idle)}: held constant and not checked",
        added and f"backward adds to {added} from call to call: put back before each call",
    )
    return tuple(note for note in notes if note)
