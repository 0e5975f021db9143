"""What of a target's parameters is what: arrays and hyperparameters, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck.adapters.spellings import bound_flag
from gradcheck.errors import InvalidInput
from gradcheck.oracle.like.kinds import Kind
from gradcheck.oracle.like.layouts import shape_in
from gradcheck.oracle.like.setting import Setting
from gradcheck.oracle.like.spellings import ARRAYS_OF_CONSTRUCTOR, LABELS, array_role, hyperparameter, plain_name
from gradcheck.runner.arguments import parse_value
from gradcheck.runner.describing import Description, Parameter

_AXES = {"depth": -3, "height": -2, "width": -1}


@dataclass(frozen=True)
class Slot:
    """One hyperparameter: its parameter (with `init.` or `call.` where both take it), or a key of a dict parameter."""

    parameter: str
    role: str
    key: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    required: bool = False

    @property
    def in_words(self) -> bool:
        """Whether a padding is given by a word rather than by numbers."""
        words = {*self.choices, self.default} if isinstance(self.default, str) or self.default is None else set()
        return any(isinstance(word, str) and word.lower() in ("same", "valid") for word in words)


@dataclass(frozen=True)
class Matched:
    """Which parameter is which array, which is which hyperparameter.

    `fixed` are the caller's own arguments, `settled` what they mean: fields of a setting.
    """

    arrays: Mapping[str, str]
    slots: tuple[Slot, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)
    settled: Mapping[str, Any] = field(default_factory=dict)

    @property
    def roles(self) -> frozenset[str]:
        """The hyperparameters that are told to the target, without the axis: `kernel` for `kernel_height`."""
        return frozenset((*self.settled, *(_without_axis(slot.role) for slot in self.slots)))

    def args(
        self, kind: Kind, setting: Setting, *, layout: str, tuples: tuple[str, ...], whole: str = ""
    ) -> dict[str, str]:
        """Return the hyperparameters of a setting as `--arg` takes them; `whole` are the axes of a kernel's shape."""
        found: dict[str, Any] = {}
        for slot in self.slots:
            if slot.key:
                found.setdefault(slot.parameter, {})
            value = _value(kind, setting, slot, layout=layout, tuples=tuples)
            if whole and slot.role == "kernel":
                value = shape_in(whole, kind.sizes("weight", setting))
            if value is None:
                continue
            if slot.key:
                found.setdefault(slot.parameter, {})[slot.key] = value
            else:
                found[slot.parameter] = value
        return {**{name: str(value) for name, value in found.items()}, **self.fixed}


def match(kind: Kind, target: Description, args: Mapping[str, str]) -> Matched:
    """Match a target's parameters by their names.

    Raises
    ------
    InvalidInput
        A parameter that must be given has no counterpart in this kind.
    """
    # `forward(*args)`, or one that finds its input in an attribute, takes nothing by name
    arrays: dict[str, str] = {} if target.forward else {"input": "input"}
    slots: list[Slot] = []
    labels = [p.name for p in target.constructor if p.required and plain_name(p.name) in LABELS]
    given = {*labels, *(name.rpartition(".")[2] for name in args)}
    for parameter in target.forward:
        if parameter.name in given:
            continue
        found = _slots(parameter, kind, "call." if _takes(target.constructor, parameter.name) else "")
        role = array_role(parameter.name, tuple(kind.arrays))
        if role and role not in arrays.values() and not (parameter.keys and found) and _array(parameter, found):
            arrays[parameter.name] = role
        elif found:
            slots += found
        elif parameter.required and "input" not in arrays.values():
            arrays[parameter.name] = "input"
        elif parameter.required and bound_flag(parameter.name, None, required=True) is None:
            raise InvalidInput(_unmatched(parameter.name, target, kind))
    for parameter in target.constructor:
        if parameter.name in given:
            continue
        role = next((r for r, names in ARRAYS_OF_CONSTRUCTOR.items() if plain_name(parameter.name) in names), "")
        found = _slots(parameter, kind, "init." if _takes(target.forward, parameter.name) else "")
        if role in kind.arrays and parameter.required and role not in arrays.values():
            arrays[parameter.name] = role
        elif found:
            slots += found
        elif parameter.required:
            raise InvalidInput(_unmatched(parameter.name, target, kind))
    if "input" not in arrays.values():
        takes = ", ".join(parameter.name for parameter in target.forward) or "nothing"
        raise InvalidInput(
            f"{target.name} must have a forward that takes an input to be like a {kind.name}; it takes {takes}"
        )
    return Matched(
        arrays,
        tuple(_unlike(_both_axes(_depths(slots)))),
        {**dict.fromkeys(labels, "layer"), **args},
        _settled(kind, target, args),
    )


def _settled(kind: Kind, target: Description, args: Mapping[str, str]) -> dict[str, Any]:
    """Return the hyperparameters that the caller has settled, as fields of a setting."""
    found: dict[str, Any] = {}
    for name, text in args.items():
        value = parse_value(text)
        parameters = {p.name: p for p in (*target.constructor, *target.forward)}
        pairs = value.items() if isinstance(value, dict) else [(name.rpartition(".")[2], value)]
        if name.rpartition(".")[2] not in parameters:
            continue
        for key, one in pairs:
            role = hyperparameter(str(key), kind.roles)
            if role in ("kernel", "stride", "padding", "dilation") and _is_sizes(one):
                axes = len(kind.spatial)
                found[role] = (one,) * axes if isinstance(one, int) else tuple(one)
            elif role in ("channels", "filters", "groups") and isinstance(one, int):
                found[role] = one
    return found


def _is_sizes(value: Any) -> bool:
    return isinstance(value, int) or (
        isinstance(value, (tuple, list)) and all(isinstance(entry, int) for entry in value)
    )


def _takes(parameters: tuple[Parameter, ...], name: str) -> bool:
    return any(parameter.name == name for parameter in parameters)


def _array(parameter: Parameter, found: list[Slot]) -> bool:
    """Tell an array from a number of the same name (`k`, `f`, `d`): a number has a default, or is one in this kind."""
    return parameter.required or (parameter.default is None and not found)


def _slots(parameter: Parameter, kind: Kind, prefix: str) -> list[Slot]:
    name = prefix + parameter.name
    keyed = [Slot(name, role, key) for key in parameter.keys if (role := hyperparameter(key, kind.roles))]
    if keyed:
        return keyed
    role = hyperparameter(parameter.name, kind.roles)
    return [Slot(name, role, "", parameter.default, parameter.choices, parameter.required)] if role else []


def _unlike(slots: list[Slot]) -> list[Slot]:
    """Leave out a second parameter of the same role that need not be given: `d` beside `dilation`."""
    told: dict[str, Slot] = {}
    for slot in slots:
        if slot.role not in told or slot.default is None:
            told.setdefault(f"{slot.role}.{slot.key}" if slot.role in told else slot.role, slot)
    return list(told.values())


def _depths(slots: list[Slot]) -> list[Slot]:
    """Take a `depth` beside the whole shape of the input, which tells the channels, for the number of filters."""
    roles = {slot.role for slot in slots}
    if "shape" not in roles or "filters" in roles:
        return slots
    return [replace(slot, role="filters") if plain_name(slot.parameter) == "depth" else slot for slot in slots]


def _both_axes(slots: list[Slot]) -> list[Slot]:
    """Take a `filter_width` without a height beside it for the size of both."""
    roles = {slot.role for slot in slots}
    alone = [name for name in ("kernel", "stride", "padding") if not roles & {name, f"{name}_height"}]
    return [
        replace(slot, role=name) if slot.role == f"{name}_width" and name in alone else slot
        for slot in slots
        for name in (slot.role.partition("_")[0],)
    ]


def _without_axis(role: str) -> str:
    return role if role == "output_padding" else role.partition("_")[0]


def _unmatched(name: str, target: Description, kind: Kind) -> str:
    return (
        f"every argument that {target.name} needs must have its counterpart in {kind.name}; `{name}` has none by its "
        f"name. Give its value, for instance --arg {name}=3"
    )


def _value(kind: Kind, setting: Setting, slot: Slot, *, layout: str, tuples: tuple[str, ...]) -> Any:
    """Return what a parameter gets in this setting; None where it keeps its default."""
    role = _without_axis(slot.role)
    axis = slot.role.removeprefix(role).removeprefix("_")
    match role:
        case "kernel" | "stride" | "padding" | "dilation" | "output_padding":
            return _geometry(setting, slot, role, axis, tuples=tuples)
        case "height" | "width":
            return setting.size[_AXES[role]] if setting.size else None
        case "shape":
            sizes = kind.sizes("input", setting)
            shape = tuple(sizes[letter] for letter in layout if letter in sizes and letter != "N")
            return shape if len(shape) > 1 else shape[0]
        case "mode":
            return _mode(kind, slot)
        case "epsilon" | "training":
            return True if role == "training" and slot.required else None
    return getattr(setting, role)


def _geometry(setting: Setting, slot: Slot, role: str, axis: str, *, tuples: tuple[str, ...]) -> Any:
    """Return the sizes of all axes, or of one, as the target takes them."""
    values = getattr(setting, role)
    if not values or (axis and len(values) < -_AXES[axis]):
        return None
    if axis:
        return values[_AXES[axis]]
    if role == "padding" and slot.in_words:
        return padding_word(setting, slot)
    one = len(set(values)) == 1 and role not in tuples and not isinstance(slot.default, (tuple, list))
    return values[0] if one else values


def padding_word(setting: Setting, slot: Slot) -> str:
    """Return the word for a setting's padding: "valid" for none, "same" for what keeps the size at stride 1."""
    word = "same" if any(setting.padding) else "valid"
    return next((choice for choice in (*slot.choices, slot.default) if choice and choice.lower() == word), word)


def _mode(kind: Kind, slot: Slot) -> str | None:
    """Return the word by which a pool is told to take the maximum or the mean, as its code spells it."""
    if "pool" not in kind.name:
        return next((text for text in slot.choices if text.lower().startswith("train")), "train" if slot.key else None)
    wanted = ("max",) if kind.name.startswith("max") else ("av", "mean")
    spelled = [text for text in (*slot.choices, slot.default) if isinstance(text, str)]
    return next((text for text in spelled if text.lower().startswith(wanted)), wanted[0] if len(wanted) == 1 else "avg")
