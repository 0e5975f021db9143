"""How near is near: a number of units in the last place of the terms that were added, never a bare tolerance."""

import numpy as np
from numpy.typing import NDArray

from properties.drawing import Array


def assert_within_ulps(
    found: Array,
    expected: NDArray[np.float64],
    ulps: float | NDArray[np.float64],
    *,
    of: Array | None = None,
    grains: float | NDArray[np.float64] = 1.0,
) -> None:
    """Hold |found - expected| to so many roundings, in found's dtype, of the magnitude `of` (by default |expected|).

    `of` is the sum of the absolute values of what was added up, where positive and negative terms may cancel.
    `grains` is what a factor that has become subnormal, and thus a multiple of the smallest number, is multiplied by.
    """
    assert found.shape == expected.shape
    precision = np.finfo(found.dtype)
    magnitude = np.abs(expected) if of is None else np.maximum(np.abs(of), np.abs(expected))
    bound = ulps * np.maximum(magnitude * float(precision.eps), float(precision.smallest_subnormal) * grains)
    excess = np.abs(found.astype(np.float64) - expected) - bound
    worst = np.unravel_index(np.argmax(excess), excess.shape) if excess.size else ()
    assert not np.any(excess > 0), f"{found[worst]!r} is not {expected[worst]!r} within the bound at {worst}"
    assert np.all(np.isfinite(found) == np.isfinite(expected))
