"""What a target did in one setting, compared with what our layer does: its output, and then its gradients."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.adapters.trial import quietly
from gradcheck.errors import InvalidInput
from gradcheck.oracle.like.form import Form
from gradcheck.oracle.like.kinds import DISTINCT, Kind
from gradcheck.oracle.like.layouts import layouts_of, to_canonical, to_layout
from gradcheck.oracle.like.setting import Setting
from gradcheck.oracle.like.spellings import array_role
from gradcheck.oracle.like.trial import Bench, Observation
from gradcheck.subject import Subject, is_floating

Array = NDArray[Any]

# A stranger's layer may compute in single precision whatever it is given; a different function differs by far more.
SINGLE = float(np.finfo(np.float32).eps) / 2
ROUNDINGS = 16  # operations behind one value of an elementary function, a generous count


@dataclass(frozen=True)
class Difference:
    """Where a target differs from our layer: in the output or in a gradient."""

    what: str
    sentence: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The first difference, if any; `complete` where the output and the gradient of every argument were compared."""

    apart: Difference | None
    complete: bool = True


def readings(bench: Bench, form: Form, setting: Setting, seen: Observation) -> list[Form]:
    """Return every reading of what was seen: layouts of inner arrays and of the output, and what the kind may mean."""
    kind = bench.kind
    names = _roles(bench, seen.subject)
    if "weight" in kind.arrays and "weight" not in names and kind.name != "batch_norm":
        known = ", ".join(f"`{name}`" for name in seen.subject.inputs)
        raise InvalidInput(
            f"the weight of {seen.subject.name} must be an argument or a parameter with a gradient to be held to "
            f"{kind.name}; {known} alone could be found"
        )
    found = [replace(form, names=names)]
    for role, name in names.items():
        shape, sizes = np.shape(seen.subject.inputs[name]), kind.sizes(role, setting)
        if role in form.layouts:
            continue
        layouts = list(layouts_of(shape, sizes, kind.layouts[role]))
        found = [replace(one, layouts={**one.layouts, role: layout}) for one in found for layout in layouts]
    readings = []
    for one in found:
        for number, _ in enumerate(kind.variants):
            expected = expected_output(bench, replace(one, variant=number), setting, seen)
            if expected is None:
                continue
            sizes = dict(zip(kind.output, expected.shape, strict=False))
            usual = one.layouts["input"].replace("C", "O") if "O" in kind.output else one.layouts["input"]
            outputs = layouts_of(seen.output.shape, sizes, (usual,))
            readings += [replace(one, variant=number, output=output) for output in outputs]
    return readings


def expected_output(bench: Bench, form: Form, setting: Setting, seen: Observation) -> Array | None:
    """Return our layer's output in our axes, or None where our layer refuses the setting."""
    try:
        arrays = _canonical(bench, form, setting, seen)
        with quietly():
            return np.asarray(bench.kind.variants[form.variant].make(setting).forward(*arrays))
    except InvalidInput:
        return None


def compare(bench: Bench, form: Form, setting: Setting, seen: Observation) -> Comparison:
    """Compare the output, and then the gradients, with those of our layer."""
    kind = bench.kind
    title = kind.variants[form.variant].name or kind.name
    expected = expected_output(bench, form, setting, seen)
    if expected is None:
        return Comparison(None, complete=False)
    arrays = _canonical(bench, form, setting, seen)
    layer = kind.variants[form.variant].make(setting)
    wanted = _arranged(expected, kind.output, form.output, seen.output.shape)
    if wanted is None or wanted.shape != seen.output.shape:
        shape = expected.shape if wanted is None else wanted.shape
        text = f"its output has the shape {seen.output.shape}, that of {title} {shape}"
        return Comparison(Difference("output", text, {"shape": seen.output.shape, f"shape of {title}": shape}))
    scale = _magnitude(layer.forward, kind, arrays, expected)
    found = _unequal("output", title, wanted, seen.output, bound=_terms(kind, arrays) * _unit(seen) * scale)
    if found:
        return Comparison(found)
    cotangent = to_canonical(seen.cotangent, kind.output, form.output) if kind.output else seen.cotangent.reshape(())
    if cotangent.shape != expected.shape:
        cotangent = cotangent.reshape(expected.shape)
    with quietly():
        gradients = layer.backward(cotangent, *arrays)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return _compare_gradients(bench, form, seen, dict(zip(_given_roles(kind, form), gradients, strict=False)))


def _compare_gradients(
    bench: Bench, form: Form, seen: Observation, gradients: Mapping[str, Array | None]
) -> Comparison:
    kind = bench.kind
    title = kind.variants[form.variant].name or kind.name
    compared = set()
    for role, gradient in gradients.items():
        name = form.names.get(role, "")
        claimed = seen.gradients.get(name)
        if gradient is None or claimed is None or name not in seen.subject.wrt:
            continue
        wanted = to_layout(np.asarray(gradient), kind.arrays[role], form.layouts[role])
        if np.shape(claimed) != wanted.shape:
            continue  # a fault of its own, which the check tells
        terms = seen.cotangent.size + ROUNDINGS
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)), float(np.sum(np.abs(seen.cotangent))))
        found = _unequal(f"grad_{name}", title, wanted, np.asarray(claimed), bound=terms * _unit(seen) * scale)
        if found:
            return Comparison(found)
        compared.add(name)
    return Comparison(None, complete=compared == set(seen.subject.wrt))


def _unequal(what: str, title: str, wanted: Array, got: Array, *, bound: float) -> Difference | None:
    apart = np.abs(np.asarray(got, np.float64) - np.asarray(wanted, np.float64))
    apart = np.where(np.isfinite(apart), apart, np.where(_same_kind(got, wanted), 0.0, np.inf))
    if not apart.size or float(apart.max()) <= bound:
        return None
    index = tuple(int(i) for i in np.argwhere(apart > bound)[0])
    place = f"{what}[{', '.join(map(str, index))}]" if index else what
    text = f"{place} is {_number(got[index])}, that of {title} {_number(wanted[index])}"
    wrong = int(np.count_nonzero(apart > bound))
    return Difference(what, text, {"differing entries": f"{wrong} of {apart.size}", "largest": float(apart.max())})


def _same_kind(got: Array, wanted: Array) -> Array:
    both_nan = np.isnan(got) & np.isnan(wanted)
    return np.asarray(both_nan | (got == wanted))


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _terms(kind: Kind, arrays: list[Array]) -> int:
    """Return how many roundings lie between two correct outputs, each of the largest sum of absolute terms."""
    if kind.values == DISTINCT and "pool" in kind.name:
        return 0  # a choice among the inputs, not a computation
    return (prod(arrays[1].shape[1:]) if kind.exact and len(arrays) > 1 else 1) + ROUNDINGS


def _unit(seen: Observation) -> float:
    """Return the unit of rounding that the target may have worked in."""
    floating = np.issubdtype(seen.output.dtype, np.floating)
    return max(SINGLE, float(np.finfo(seen.output.dtype).eps) / 2 if floating else 0.0)


def _magnitude(forward: Any, kind: Kind, arrays: list[Array], expected: Array) -> float:
    """Return the largest sum of absolute values behind an output, at least 1."""
    if kind.exact:
        with quietly():
            expected = np.asarray(forward(*map(np.abs, arrays)))
    finite = np.abs(expected[np.isfinite(expected)])
    return max(1.0, float(np.max(finite, initial=0.0)))


def _canonical(bench: Bench, form: Form, setting: Setting, seen: Observation) -> list[Array]:
    """Return the target's arrays in our axes, in the order of our layer's arguments; a missing scale is 1."""
    kind, arrays = bench.kind, []
    for role, letters in kind.arrays.items():
        if role in form.names:
            value = np.asarray(seen.subject.inputs[form.names[role]])
            if role == "target" and "C" in form.layouts[role]:
                arrays.append(to_canonical(value, "NC", form.layouts[role]).argmax(axis=1))
            else:
                arrays.append(to_canonical(value, letters, form.layouts[role]))
        elif kind.name == "batch_norm":
            arrays.append(np.full(setting.channels, 1.0 if role == "weight" else 0.0))
    return arrays


def _given_roles(kind: Kind, form: Form) -> list[str]:
    return [role for role in kind.arrays if role in form.names or kind.name == "batch_norm"]


def _roles(bench: Bench, subject: Subject) -> dict[str, str]:
    """Return the target's name of each array, by its role; inner arrays go by their names, or else by their axes."""
    roles = {role: name for name, role in bench.matched.arrays.items() if name in subject.inputs}
    left = [name for name, value in subject.inputs.items() if name not in roles.values() and is_floating(value)]
    wanted = [role for role in bench.kind.arrays if role not in roles and role not in ("input", "target")]
    for name in left:
        role = array_role(name, tuple(wanted))
        if not role and wanted:
            role = wanted[0] if np.ndim(subject.inputs[name]) > 1 or len(wanted) == 1 else wanted[-1]
        if role:
            roles[role] = name
            wanted.remove(role)
    return {role: roles[role] for role in bench.kind.arrays if role in roles}


def _arranged(array: Array, canonical: str, layout: str, shape: tuple[int, ...]) -> Array | None:
    """Bring our output into the target's axes; where both are one number, whatever its axes."""
    if array.size == 1 and np.prod(shape, dtype=int) == 1:
        return array.reshape(shape)
    try:
        return to_layout(array, canonical, layout)
    except ValueError:
        return None  # an axis that the layout leaves out has more than one entry
