"""Symmetric matrices of which forward reads one triangle: the gradient that everybody writes for them is symmetric.

The eigenvalues of `A` (or its Cholesky factor) are computed from its lower triangle, so that entry by entry half of the
derivative is zero and the other half doubled, while the formulas of the literature give the symmetric matrix G with
df = <G, dA> for symmetric dA. Such a G is determined by these directions alone: a claim that is symmetric is judged
along them, and nothing that could be wrong with it is missed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.checks.instrument import Instrument, usable_gradient
from gradcheck.checks.places import A_LITTLE, Place
from gradcheck.checks.severities import found
from gradcheck.checks.traits import CLOSE
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array
from gradcheck.verdict import Finding


def mirrored_arguments(instrument: Instrument, place: Place, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that are symmetric, are claimed a symmetric gradient, and are read by half."""
    return tuple(
        name
        for name in instrument.subject.wrt
        for x in [place.wide[name]]
        for claim in [usable_gradient(claims.get(name), x)]
        if claim is not None
        and _is_symmetric(x, 0.0)
        and _is_symmetric(claim, CLOSE * len(x))
        and _by_half(instrument, place, name)
    )


def finding_on(name: str) -> Finding:
    """Say along which directions the gradient was judged."""
    text = f"forward reads one triangle of the symmetric `{name}`; its gradient was judged along symmetric changes."
    return found("one-triangle", text, argument=name)


def _is_symmetric(x: Array, relative: float) -> bool:
    square = x.ndim >= 2 and x.shape[-1] == x.shape[-2] >= 2
    if not square or not np.all(np.isfinite(x)) or not np.any(np.triu(x, 1)):
        return False
    return bool(np.all(np.abs(x - np.swapaxes(x, -1, -2)) <= relative * np.abs(x).max()))


def _by_half(instrument: Instrument, place: Place, name: str) -> bool:
    x = place.wide[name]
    step = A_LITTLE * natural_scale(x)
    for part in (np.triu(step, 1), np.tril(step, -1)):
        outputs = instrument.evaluate({**place.wide, name: x + part}, place.form)
        if outputs is not None and np.array_equal(outputs, place.base, equal_nan=True):
            return True
    return False
