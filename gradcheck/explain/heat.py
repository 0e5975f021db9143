"""The pictures of a census: claimed, measured and how far apart, laid out as kernels by channels, at most 64 x 64."""

from typing import Any

import numpy as np

from gradcheck.subject import Array

MOST = 64  # rows and columns of a map


def maps_of(claimed: Array, measured: Array, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the fields of a Census that hold maps; entries of larger arrays are joined to blocks by their largest."""
    if claimed.size < 2:
        return {}
    grid, tile, axes = _layout(shape)
    order = grid.ravel()
    pictures = {
        "heat_map": np.abs(claimed - measured),
        "claimed_map": claimed,
        "measured_map": measured,
    }
    blocked = max(grid.shape) > MOST
    found: dict[str, Any] = {key: _rows(_shrunk(v[order].reshape(grid.shape))) for key, v in pictures.items()}
    return found | {"map_tile": None if blocked else tile, "map_axes": axes}


def _layout(shape: tuple[int, ...]) -> tuple[Array, tuple[int, int] | None, tuple[str, str]]:
    """Return flat indices laid out in two dimensions: the last two axes tiled over the two before them."""
    flat = np.arange(int(np.prod(shape, dtype=np.int64)))
    if len(shape) <= 1:
        return flat.reshape(1, -1), None, ("", "axis 0")
    if len(shape) == 2:
        return flat.reshape(shape), None, ("axis 0", "axis 1")
    *lead, rows, columns = shape
    across = lead[-1] if len(lead) > 1 else 1
    down = int(np.prod(lead, dtype=np.int64)) // max(across, 1)
    tiled = flat.reshape(down, across, rows, columns).transpose(0, 2, 1, 3)
    n = len(shape)
    names = (f"axis {n - 3}, axis {n - 2}", f"axis {n - 1}")
    if len(lead) > 1:
        names = (f"axis {n - 4}, axis {n - 2}", f"axis {n - 3}, axis {n - 1}")
    return tiled.reshape(down * rows, across * columns), (rows, columns), names


def _shrunk(picture: Array) -> Array:
    """Reduce to at most 64 x 64, each block by its entry of the largest size, so that a single one stays in sight."""
    for axis in (0, 1):
        length = picture.shape[axis]
        if length <= MOST:
            continue
        size = -(-length // MOST)
        padding = [(0, 0), (0, 0)]
        padding[axis] = (0, -length % size)
        blocks = np.moveaxis(np.pad(picture, padding), axis, 0).reshape(-1, size, picture.shape[1 - axis])
        best = np.argmax(np.abs(blocks), axis=1)[:, None]
        picture = np.moveaxis(np.take_along_axis(blocks, best, axis=1)[:, 0], 0, axis)
    return picture


def _rows(picture: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in picture)
