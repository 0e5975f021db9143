"""The smallest input that still shows the fault, as a snippet that needs only NumPy and the layer.

Values become small integers and axes are cut short, one reduction at a time, as long as the layer accepts it and the
claim still disagrees by more than a plain central difference can be off. Greedy, and cheap: a try costs two calls of
forward and one of backward.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.checks.outputs import form_of
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.explain.scene import Scene
from gradcheck.explain.slopes import OutOfCalls
from gradcheck.subject import Array, Script, Subject, is_floating

PLAIN_STEP = 1e-6
VISIBLE = 1e-3  # how far apart claimed and measured must be, relative, to be shown by a plain difference
MOST_ENTRIES = 64  # entries of one array that a reader still takes in
COTANGENTS, TANGENTS = (1.0, -2.0, 3.0, 2.0, -1.0), (1.0, 2.0, -1.0, 3.0, -2.0, 1.0, -3.0)
INTEGERS = 3  # the largest integer that values are rounded to first


@dataclass(frozen=True)
class Shown:
    """One try: claimed and measured along one direction, for one grad_output."""

    inputs: Mapping[str, Any]
    grad_output: Array
    tangent: Array
    claimed: float
    measured: float

    @property
    def size(self) -> int:
        """Entries of all arrays together."""
        return sum(int(np.size(value)) for value in self.inputs.values())


def witness_of(scene: Scene) -> str:
    """Return the snippet, or nothing where the fault is too small to be shown, or the input too large to be read."""
    best = _tried(scene, scene.inputs)
    if best is None or len(scene.form.shapes) != 1:
        return ""
    try:
        best = _rounded(scene, best)
        best = _cut(scene, best)
        best = _rounded(scene, best)
    except OutOfCalls:
        pass  # what was reached so far is a witness as well
    if max(int(np.size(value)) for value in best.inputs.values()) > MOST_ENTRIES:
        return ""
    return _snippet(scene, best)


def _tried(scene: Scene, inputs: Mapping[str, Any]) -> Shown | None:
    """Ask forward and backward at `inputs`; None where they refuse, or agree as far as can be shown."""
    x = inputs[scene.name]
    tangent = np.resize(TANGENTS, x.shape).astype(x.dtype)
    try:
        sides = [_evaluated(scene, {**inputs, scene.name: x + sign * PLAIN_STEP * tangent}) for sign in (1.0, -1.0)]
        if any(len(parts) != 1 or parts[0].shape != sides[0][0].shape for parts in sides) or not sides[0][0].size:
            return None
        form = form_of(sides[0])
        grad_output = np.resize(COTANGENTS, form.shapes[0])
        scene.budget.pay(backward=1)
        claim = scene.instrument.gradients(grad_output.ravel().astype(np.float64), inputs, form).get(scene.name)
    except (GradcheckError, LayerFault, ValueError):
        return None
    if claim is None:
        return None
    claimed = float(np.sum(claim * tangent))
    measured = float(np.sum(grad_output * (sides[0][0] - sides[1][0]))) / (2.0 * PLAIN_STEP)
    size = max(abs(claimed), abs(measured))
    if not np.isfinite(size) or abs(claimed - measured) <= VISIBLE * max(size, 1.0):
        return None
    return Shown(dict(inputs), grad_output, tangent, claimed, measured)


def _evaluated(scene: Scene, inputs: Mapping[str, Any]) -> tuple[Array, ...]:
    scene.budget.pay(forward=1)
    return scene.instrument.outputs(inputs)


def _rounded(scene: Scene, best: Shown) -> Shown:
    """Round the values: to small integers, else to halves, else to two digits."""
    for change in (_to_integers, _to_halves, _to_digits):
        moved = {n: change(v) if is_floating(v) else v for n, v in best.inputs.items()}
        if all(np.array_equal(moved[n], best.inputs[n]) for n in moved if isinstance(moved[n], np.ndarray)):
            return best
        found = _tried(scene, moved)
        if found is not None:
            return found
    return best


def _to_integers(value: Array) -> Array:
    found: Array = np.clip(
        np.where(np.abs(value) < 0.5, np.where(value < 0, -1.0, 1.0), np.rint(value)), -INTEGERS, INTEGERS
    )
    return found.astype(value.dtype)


def _to_halves(value: Array) -> Array:
    found: Array = np.where(np.abs(value) < 0.25, np.where(value < 0, -0.5, 0.5), np.rint(2.0 * value) / 2.0)
    return found.astype(value.dtype)


def _to_digits(value: Array) -> Array:
    found: Array = np.round(value, 2)
    return found.astype(value.dtype)


def _cut(scene: Scene, best: Shown) -> Shown:
    """Cut axes short, every array's axes of one length together first, then each on its own."""
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(best.inputs):
            found = _tried(scene, smaller)
            if found is not None and found.size < best.size:
                best, progress = found, True
                break
    return best


def _smaller(inputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    axes = [(n, a, v.shape[a]) for n, v in inputs.items() if isinstance(v, np.ndarray) for a in range(v.ndim)]
    lengths = sorted({length for _, _, length in axes if length > 1}, reverse=True)
    leading = [(n, a) for n, a, _ in axes if a == 0]
    seen: set[tuple[tuple[str, int, int], ...]] = set()
    for length in lengths:
        same = [(n, a) for n, a, k in axes if k == length]
        groups = [same, [one for one in same if one in leading], [one for one in same if one not in leading]]
        groups += [[one] for one in same]
        for group in groups:
            for to in dict.fromkeys((1, 2, length // 2, length - 1)):
                key = tuple((n, a, to) for n, a in group)
                if group and 0 < to < length and key not in seen:
                    seen.add(key)
                    yield _sliced(inputs, group, to)


def _sliced(inputs: Mapping[str, Any], group: list[tuple[str, int]], to: int) -> dict[str, Any]:
    cut = dict(inputs)
    for name, axis in group:
        cut[name] = cut[name][(slice(None),) * axis + (slice(0, to),)].copy()
    return cut


def _snippet(scene: Scene, shown: Shown) -> str:
    subject, name = scene.instrument.subject, scene.name
    lines = ["import numpy as np", *(f"{n} = {_literal(v)}" for n, v in shown.inputs.items())]
    lines += [f"grad_output = {_literal(shown.grad_output)}", f"tangent = {_literal(shown.tangent)}"]
    lines.append(f"h = {PLAIN_STEP}")
    if subject.script is not None and name in subject.script.gradients:
        lines += _by_script(subject.script, tuple(shown.inputs), name)
    else:
        lines += _by_name(subject, tuple(shown.inputs), name)
    lines += [
        f"print(np.sum(gradient * tangent))  # claimed: {shown.claimed:.6g}",
        f"print(np.sum(grad_output * change) / (2 * h))  # measured: {shown.measured:.6g}",
    ]
    return "\n".join(lines)


def _by_name(subject: Subject, names: tuple[str, ...], name: str) -> list[str]:
    moved = ", ".join(f"{n} {{}} h * tangent" if n == name else n for n in names)
    given, call = ", ".join(names), "layer." if subject.convention == "contract" else ""
    if subject.convention == "cached pair of functions":
        lines = [
            f"change = forward({moved.format('+')})[0] - forward({moved.format('-')})[0]",
            f"gradient = backward(grad_output, forward({given})[1])",
        ]
    else:
        lines = [
            f"change = {call}forward({moved.format('+')}) - {call}forward({moved.format('-')})",
            f"gradient = {call}backward(grad_output, {given})",
        ]
    if len(subject.inputs) > 1:
        position = names.index(name)
        lines.append(f"gradient = gradient[{name!r}] if isinstance(gradient, dict) else gradient[{position}]")
    return lines


def _by_script(script: Script, names: tuple[str, ...], name: str) -> list[str]:
    given = ", ".join(names)
    moved = ", ".join(f"{n} {{}} h * tangent" if n == name else n for n in names)
    return [
        f"def run({given}):",
        *(f"    {place} = {n}" for n, place in script.places.items()),
        f"    return {script.forward}",
        "",
        f"change = run({moved.format('+')}) - run({moved.format('-')})",
        f"run({given})",
        f"returned = {script.backward}",
        f"gradient = {script.gradients[name]}",
    ]


def _literal(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.size > 1 and np.all(value == value.flat[0]):
        return f"np.full({value.shape}, {value.flat[0].item()!r}{_dtype(value)})"
    return f"np.array({value.tolist()!r}{_dtype(value)})"


def _dtype(value: Array) -> str:
    usual = (np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_))
    return "" if value.dtype in usual else f", dtype=np.{value.dtype}"
