"""How a target's arrays are laid out and what it means: one reading of it as a layer of a kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck.oracle.like.kinds import Kind
from gradcheck.oracle.like.matching import Matched
from gradcheck.oracle.like.setting import Setting


@dataclass(frozen=True)
class Form:
    """One reading of a target.

    Parameters
    ----------
    layouts : mapping of str to str
        Axes of each array, by its role.
    output : str
        Axes of the output.
    variant : int
        Which meaning of the kind.
    tuples : tuple of str
        Which of kernel, stride and padding are given as tuples even where all axes are alike.
    whole : str
        The axes in which the whole shape of the weights is given for the kernel; empty where its own axes are.
    assumed : mapping of str to sizes or "same"
        What the target has built in, where it takes no such argument.
    names : mapping of str to str
        The name of each array in the target, by its role.
    """

    layouts: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    variant: int = 0
    tuples: tuple[str, ...] = ()
    whole: str = ""
    assumed: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def assumptions(kind: Kind, matched: Matched) -> list[dict[str, Any]]:
    """Return what may be built into a target that takes no such argument, the usual first."""
    axes = len(kind.spatial)
    if "pool" in kind.name:
        kernels: list[dict[str, Any]] = [{}] if "kernel" in matched.roles else [{"kernel": (k,) * axes} for k in (2, 3)]
        strides: list[dict[str, Any]] = (
            [{}]
            if "stride" in matched.roles
            else [{"stride": "kernel"}, {"stride": (1,) * axes}, {"stride": (2,) * axes}]
        )
        return [{**one, **other} for one in kernels for other in strides]
    if "conv" not in kind.name:
        return [{}]
    free = "kernel" in matched.roles or "weight" in matched.arrays.values()
    kernels = [{}] if free else [{"kernel": (k,) * axes} for k in (3, 5, 2, 1)]
    paddings: list[dict[str, Any]] = [{}] if "padding" in matched.roles else [{}, {"padding": "same"}]
    return [{**one, **other} for one in kernels for other in paddings]


def fitted(kind: Kind, matched: Matched, form: Form, setting: Setting) -> Setting | None:
    """Return the setting as this target can be given it, or None where it cannot."""
    layout = form.layouts["input"]
    changes: dict[str, Any] = {}
    if "N" not in layout:
        changes["batch"] = 1
    if "C" not in layout:
        changes["channels"] = 1
    if kind.spatial and not set(kind.spatial) & set(layout):
        changes["size"] = (1,) * len(kind.spatial)
    if kind.spatial and setting.kernel:
        changes |= _built_in(kind, matched, form, setting)
    if "groups" not in matched.roles:
        changes["groups"] = 1
    told = form.whole or "filters" in matched.roles or "weight" in matched.arrays.values()
    if not told and "weight" in kind.arrays:
        changes["filters"] = 1 if "conv" in kind.name else setting.filters
    found = replace(setting, **changes)
    return found if _is_possible(matched, found) else None


def _built_in(kind: Kind, matched: Matched, form: Form, setting: Setting) -> dict[str, Any]:
    """Return the geometry that the target cannot be told."""
    axes, weights = len(kind.spatial), "weight" in matched.arrays.values()
    found: dict[str, Any] = {}
    if "kernel" in form.assumed:
        found["kernel"] = form.assumed["kernel"]
    elif "kernel" not in matched.roles and not weights:
        return found
    kernel = found.get("kernel", setting.kernel)
    for name, plain in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)):
        if name in matched.roles or (name == "output_padding" and not setting.output_padding):
            continue
        value = form.assumed.get(name, (plain,) * axes)
        if value == "kernel":
            value = kernel
        elif value == "same":
            value = tuple((k - 1) // 2 for k in kernel)
        found[name] = value
    return found


def _is_possible(matched: Matched, setting: Setting) -> bool:
    if setting.kernel and not setting.fits:
        return False
    words = any(slot.role == "padding" and slot.in_words for slot in matched.slots)
    if words and any(setting.padding):
        same = all(2 * p == span - 1 for p, span in zip(setting.padding, setting.spans, strict=True))
        return same and set(setting.stride) == {1}
    return True
