"""The textbook central difference."""

from collections.abc import Callable

import numpy as np

from reference.geometry import Array, Floats


def central_difference(function: Callable[[Floats], float], x: Array, step: float = 1e-6) -> Floats:
    """Return (f(x + h·e) - f(x - h·e)) / 2h for the unit vector e of each entry of x; f returns one number."""
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[place] = step
        gradient[place] = (function(x + unit) - function(x - unit)) / (2 * step)
    return gradient


def complex_step(function: Callable[[Array], complex], x: Array, step: float = 1e-30) -> Floats:
    """Return Im f(x + i·h·e) / h for the unit vector e of each entry of x, where f is analytic."""
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        unit = np.zeros(x.shape, complex)
        unit[place] = 1j * step
        gradient[place] = complex(function(x + unit)).imag / step
    return gradient
