"""What a layer takes from its attributes and leaves in them: inputs that are set, outputs that are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters.living import Living
from gradcheck.adapters.roles import Parameters, Roles, is_required, unplaced
from gradcheck.adapters.spellings import OUTPUT_ATTRIBUTES, plain
from gradcheck.adapters.trial import copies, run_forward
from gradcheck.errors import LayerFailed
from gradcheck.subject import Inputs


def first_forward(living: Living, inputs: Inputs) -> Any:
    """Call forward; where it fails for want of an attribute of another name than the input's, say which there are."""
    held = getattr(living.owner, "__dict__", {})
    unknown = [name for name in living.way.sets if name not in held]
    open_to = ", ".join(f"`{name}`" for name, value in held.items() if value is None)
    try:
        return run_forward(living, copies(inputs))
    except LayerFailed as err:
        if not unknown or not open_to:
            raise
        said = f"forward takes no arguments, and `{unknown[0]}` was no attribute: name the input after one ({open_to})"
        raise LayerFailed(f"{err}; {said}", stage=err.stage) from err.__cause__


def set_as_attributes(owner: Any, inputs: Inputs, roles: Roles, parameters: Parameters) -> tuple[str, ...]:
    """Return the inputs that no argument of forward gets, and that go to attributes of their names."""
    free = [p for p in parameters if is_required(p) and p.name not in roles]
    left = () if free or isinstance(owner, tuple) else unplaced(roles, tuple(inputs))
    return tuple(name for name in left if name.isidentifier() and (not parameters or hasattr(owner, name)))


def output_attribute(owner: Any, passing: Mapping[str, str]) -> str:
    """Return the attribute in which forward left its output."""
    held = getattr(owner, "__dict__", {})
    if passing.get("output") in held:
        return passing["output"]
    found = attributes_like(owner, OUTPUT_ATTRIBUTES, None)
    if not found:
        raise LayerFailed(
            "forward must return an array of numbers; it returned NoneType. If it leaves its output in an attribute, "
            "name it: --pass output=ATTRIBUTE.",
            stage="forward",
        )
    return found[0]


def attributes_like(owner: Any, table: Sequence[str], shape: tuple[int, ...] | None) -> list[str]:
    """Return the attributes whose names the table has, in its order, that hold arrays (of this shape)."""
    held = {plain(n): n for n, v in getattr(owner, "__dict__", {}).items() if isinstance(v, (np.ndarray, np.generic))}
    names = [held[plain(name)] for name in table if plain(name) in held]
    return [name for name in names if shape is None or np.shape(getattr(owner, name)) == shape]
