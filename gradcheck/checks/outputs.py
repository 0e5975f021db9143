"""What forward returned, read as real arrays, and as one flat vector."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import LayerFailed
from gradcheck.numdiff.records import Vector
from gradcheck.subject import Array

WANTED = "forward must return a real array, a number or a tuple of arrays"


@dataclass(frozen=True)
class Form:
    """Shapes and dtypes of the outputs: what is needed to cut a flat cotangent back into arrays."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]

    @property
    def size(self) -> int:
        """Entries of all outputs together."""
        return sum(int(np.prod(shape, dtype=np.int64)) for shape in self.shapes)

    def cut(self, flat: Vector) -> tuple[Array, ...]:
        """Return one cotangent an output, in its shape and dtype (float64 where an output is not floating)."""
        parts, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            size = int(np.prod(shape, dtype=np.int64))
            kind = dtype if np.issubdtype(dtype, np.floating) else np.dtype(np.float64)
            parts.append(flat[start : start + size].reshape(shape).astype(kind))
            start += size
        return tuple(parts)

    @property
    def coarsest(self) -> np.dtype[Any]:
        """The lowest floating precision among the outputs."""
        floating = [dtype for dtype in self.dtypes if np.issubdtype(dtype, np.floating)]
        return max(floating, key=lambda dtype: np.finfo(dtype).eps) if floating else np.dtype(np.float64)


def as_arrays(returned: Any) -> tuple[Array, ...]:
    """Return the outputs as arrays; a tuple or list of arrays stays several, a list of numbers is one.

    Raises
    ------
    LayerFailed
        The output is None, an object, no number, or there is none at all.
    """
    several = isinstance(returned, tuple) or (
        isinstance(returned, list) and any(isinstance(v, np.ndarray) for v in returned)
    )
    try:
        parts = tuple(np.asarray(value) for value in returned) if several else (np.asarray(returned),)
    except ValueError as err:
        kind = type(returned).__name__
        raise LayerFailed(f"{WANTED}; it returned a {kind} whose rows differ in length.") from err
    if not parts:
        raise LayerFailed(f"{WANTED}; it returned an empty {type(returned).__name__}.")
    masked = returned if several else (returned,)
    if any(isinstance(value, np.ma.MaskedArray) for value in masked):
        raise LayerFailed(f"{WANTED}; it returned a masked array.")
    for part in parts:
        if not is_numeric(part.dtype):
            what = "None" if returned is None else f"{type(returned).__name__} (dtype {part.dtype})"
            raise LayerFailed(f"{WANTED}; it returned {what}.")
    return parts


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is one of numbers or truth values; NumPy takes spans of time for integers."""
    return dtype.kind in "biufc"


def form_of(parts: tuple[Array, ...]) -> Form:
    """Return the shapes and dtypes of `parts`."""
    return Form(tuple(part.shape for part in parts), tuple(part.dtype for part in parts))


def flattened(parts: tuple[Array, ...]) -> Array:
    """Return all entries as one vector to be read at once: the very memory of a single part, else a copy."""
    alone = len(parts) == 1 and parts[0].dtype in (np.float64, np.complex128)
    return parts[0].reshape(-1) if alone else flatten(parts)


def flatten(parts: tuple[Array, ...]) -> Array:
    """Return a copy of all entries as one vector: float64, or complex128 where any part is complex."""
    kind = np.complex128 if any(np.iscomplexobj(part) for part in parts) else np.float64
    flat = np.empty(sum(part.size for part in parts), dtype=kind)
    start = 0
    for part in parts:
        flat[start : start + part.size].reshape(part.shape)[...] = part
        start += part.size
    return flat
