"""What differs between a stored suite and one that was just made."""

from dataclasses import replace

from gradcheck.oracle.case import Array, Case
from gradcheck.oracle.suite import Suite


def differences(stored: Suite, made: Suite) -> list[str]:
    """Return a line for each case that is missing, too many, or of other content; none where all is alike."""
    old, new = ({case.name: case for case in suite} for suite in (stored, made))
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            lines.append(f"{name}: {'not in the stored suite' if name not in old else 'not made by this release'}")
        else:
            lines += _of_case(old[name], new[name])
    return lines


def _of_case(old: Case, new: Case) -> list[str]:
    stated = [replace(case, tensors={}, hyperparameters=dict(case.hyperparameters)) for case in (old, new)]
    lines = [] if stated[0] == stated[1] else [f"{old.name}: other hyperparameters, flags or dtypes"]
    for role in sorted(old.tensors.keys() | new.tensors.keys()):
        one, other = old.tensors.get(role), new.tensors.get(role)
        if one is None or other is None or _bytes(one) != _bytes(other):
            lines.append(f"{old.name}: {role} differs{_where(one, other)}")
    return lines


def _bytes(tensor: Array) -> tuple[str, tuple[int, ...], bytes]:
    return tensor.dtype.name, tensor.shape, tensor.tobytes()


def _where(one: Array | None, other: Array | None) -> str:
    """Say at which entry, with both numbers, where dtype and shape are the same."""
    if one is None or other is None or (one.dtype, one.shape) != (other.dtype, other.shape):
        return ""
    pairs = zip(one.reshape(-1), other.reshape(-1), strict=True)
    place, (a, b) = next((place, pair) for place, pair in enumerate(pairs) if pair[0].tobytes() != pair[1].tobytes())
    return f" at entry {place}: stored {a}, computed {b}"
