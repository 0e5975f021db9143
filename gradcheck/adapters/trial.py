"""Trial runs of a stateful layer: what its attributes do while forward and backward are called."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.adapters.living import Living, arrays_of
from gradcheck.adapters.slots import Path, Slot, slots_of
from gradcheck.errors import LayerFailed, described
from gradcheck.subject import Array, Inputs, is_floating

_FACTOR, _SHIFT = 1.25, 0.375  # a change of every entry, zeros included, that is exact in binary


@dataclass(frozen=True)
class Held:
    """An array that forward leaves alone: all `paths` to it, and whether forward's output answers to its values."""

    paths: tuple[Path, ...]
    responds: bool


@dataclass(frozen=True)
class Observed:
    """The floating attributes around one backward: copies from before and after, and which of them changed.

    `after` are the arrays themselves and `borrowed` the caller's (inputs, cotangents) and the returned ones, which an
    attribute may merely keep.
    """

    before: Mapping[Path, Array]
    after: Mapping[Path, Array]
    values: Mapping[Path, Array]
    changed: frozenset[Path]
    borrowed: tuple[Array, ...]
    returned: Any


def held_arrays(living: Living, inputs: Inputs) -> list[Held]:
    """Find the arrays that survive a forward; each is changed for one forward call to see whether it matters.

    What forward writes itself (a saved input, a mask, running statistics) does not survive. Cost: one forward an array.
    """
    with quietly():
        output = outputs_of(run_forward(living, inputs))
        groups = _aliases(slots_of(living.owner))
        return [held for paths in groups if (held := _tried(living, inputs, paths, unmoved=output))]


def observe_backward(living: Living, inputs: Inputs) -> Observed:
    """Run forward and backward once and note what backward did to the attributes."""
    with quietly():
        cotangents = cotangents_of(run_forward(living, inputs))
        slots = slots_of(living.owner)
        before = {path: slot.array.copy() for path, slot in slots.items()}
        returned = run_backward(living, cotangents, inputs)
    after = slots_of(living.owner)
    changed = frozenset(
        path for path, slot in after.items() if path not in slots or _moved(slot, slots[path], before[path])
    )
    kept = (*cotangents, *inputs.values(), *(returned if isinstance(returned, tuple) else (returned,)))
    return Observed(
        before=before,
        after={path: slot.array for path, slot in after.items()},
        values={path: slot.array.copy() for path, slot in after.items()},
        changed=changed,
        borrowed=tuple(array for array in kept if isinstance(array, np.ndarray)),
        returned=returned,
    )


def run_forward(living: Living, inputs: Inputs) -> Any:
    """Call forward, and say so where it raises."""
    try:
        return living.forward(inputs)
    except Exception as err:
        raise LayerFailed(f"forward raised {described(err)}", stage="forward") from err


def run_backward(living: Living, cotangents: tuple[Array, ...], inputs: Inputs) -> Any:
    """Call backward, and say so where it raises."""
    try:
        return living.backward(cotangents, inputs)
    except Exception as err:
        raise LayerFailed(f"backward raised {described(err)}", stage="backward") from err


def copies(given: Inputs) -> dict[str, Any]:
    """Return copies for a trial run: a layer may write into its inputs, and these are the point of the check."""
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in given.items()}


def outputs_of(output: Any) -> tuple[Array, ...]:
    """Return forward's outputs as arrays.

    Raises
    ------
    LayerFailed
        If one of them is no array of numbers.
    """
    arrays = arrays_of(output)
    for array in arrays:
        if array.dtype.kind not in "fiub":
            part = output if len(arrays) == 1 else array.item() if array.ndim == 0 else array
            raise LayerFailed(
                f"forward must return an array of numbers; it returned {type(part).__name__}.", stage="forward"
            )
    return arrays


def cotangents_of(output: Any) -> tuple[Array, ...]:
    """Return a cotangent for each of forward's outputs."""
    return tuple(_cotangent(array) for array in outputs_of(output))


@contextmanager
def quietly() -> Iterator[None]:
    """Keep NumPy's warnings of a trial run out of the user's sight: the check itself collects them."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _aliases(slots: Mapping[Path, Slot]) -> list[tuple[Path, ...]]:
    """Group the paths that lead to one and the same array, the shortest first."""
    groups: dict[int, list[Path]] = {}
    for path in sorted(slots, key=len):
        if is_floating(slots[path].value):
            groups.setdefault(id(slots[path].value), []).append(path)
    return [tuple(paths) for paths in groups.values()]


def _tried(living: Living, inputs: Inputs, paths: tuple[Path, ...], *, unmoved: tuple[Array, ...]) -> Held | None:
    slots = slots_of(living.owner)
    if any(path not in slots for path in paths):
        return None
    kept = slots[paths[0]].value
    if any(kept is value for value in inputs.values()):
        return None  # a saved input
    changed = (kept * _FACTOR + _SHIFT).astype(kept.dtype)
    copy = changed.copy()
    for path in paths:
        slots[path].put(changed)
    try:
        moved = outputs_of(living.forward(inputs))
        responds = len(moved) != len(unmoved) or not all(map(_same, moved, unmoved))
    except Exception:  # noqa: BLE001 - a refusal of the changed values, of any kind, is an answer to them
        responds = True
    now = slots_of(living.owner)
    survives = all(path in now and now[path].value is changed for path in paths) and _same(changed, copy)
    if not survives:
        return None
    for path in paths:
        now[path].put(kept)
    return Held(paths, responds)


def _cotangent(output: Array) -> Array:
    """Return a cotangent of both signs without zeros or repetitions."""
    values: Array = np.cos(np.arange(1.0, output.size + 1.0)).reshape(output.shape)
    return values.astype(output.dtype if np.issubdtype(output.dtype, np.floating) else np.float64)


def _moved(now: Slot, before: Slot, copy: Array) -> bool:
    """Tell whether a slot was written: another array in it, even of equal values, or other values."""
    rebound = now.value is not before.value and isinstance(now.value, np.ndarray)
    return rebound or not _same(now.array, copy)


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))
