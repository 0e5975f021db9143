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
from gradcheck.checks.traits import is_symmetric
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.verdict import Finding


def mirrored_arguments(instrument: Instrument, place: Place, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that are symmetric, are claimed a symmetric gradient, and are read by half."""
    mirrored = []
    for name in instrument.subject.wrt:
        x = place.wide[name]
        unit = float(np.finfo(place.inputs[name].dtype).eps)
        claim = usable_gradient(claims.get(name), x) if is_symmetric(x, unit) else None
        if claim is not None and is_symmetric(claim, x.shape[-1] * unit) and _by_half(instrument, place, name):
            mirrored.append(name)
    return tuple(mirrored)


def finding_on(name: str) -> Finding:
    """Say along which directions the gradient was judged."""
    text = f"forward reads one triangle of the symmetric `{name}`; its gradient was judged along symmetric changes."
    return found("one-triangle", text, argument=name)


def _by_half(instrument: Instrument, place: Place, name: str) -> bool:
    x = place.wide[name]
    step = A_LITTLE * natural_scale(x)
    for part in (np.triu(step, 1), np.tril(step, -1)):
        outputs = instrument.evaluate({**place.wide, name: x + part}, place.form)
        if outputs is not None and np.array_equal(outputs, place.base, equal_nan=True):
            return True
    return False
