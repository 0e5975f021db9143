"""Labels, lengths and indices that are stored as floating numbers: constants, though nobody says so.

Forward casts them to integers, so that it is constant from each number on and jumps right at it. A gradient of zero is
the only one that can be claimed there, and the only question left is whether it is.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.checks.instrument import Instrument, usable_gradient
from gradcheck.checks.places import A_LITTLE, Place
from gradcheck.numdiff.records import Vector
from gradcheck.subject import Array
from gradcheck.verdict import Argument, Verdict

WITHIN = (A_LITTLE, 0.25)  # of the way to the next whole number: where a cast changes nothing
SENTENCE = "forward jumps at its whole numbers and is constant beside them, and nothing was claimed"


def labels(instrument: Instrument, place: Place, claims: Mapping[str, Any]) -> dict[str, Argument]:
    """Return the results for arguments that are labels of others: whole numbers that are cast, with a claim of zero.

    Four to eight calls of forward for an argument of whole numbers with a claim of zero, none for others.
    """
    found = {}
    for name in instrument.subject.wrt:
        x = place.wide[name]
        claim = usable_gradient(claims.get(name), x)
        told = claim is not None and x.size and not claim.any() and np.array_equal(np.rint(x), x)
        if told and _is_cast(instrument, place, name):
            like = place.inputs[name]
            found[name] = Argument(name, like.shape, str(like.dtype), Verdict.AGREES, "vacuous", SENTENCE)
    return found if len(found) < len(instrument.subject.wrt) else {}


def _is_cast(instrument: Instrument, place: Place, name: str) -> bool:
    return any(_constant(instrument, place, name, side) and _jumps(instrument, place, name, -side) for side in (1, -1))


def _constant(instrument: Instrument, place: Place, name: str, side: int) -> bool:
    return all(_same(instrument, place, name, place.wide[name] + side * part) for part in WITHIN)


def _jumps(instrument: Instrument, place: Place, name: str, side: int) -> bool:
    """Tell whether forward jumps and is constant from there on: at a kink it goes on changing."""
    x = place.wide[name]
    beside = _outputs(instrument, place, name, np.nextafter(x, side * np.inf))
    if beside is None or np.array_equal(beside, place.base, equal_nan=True):
        return False
    further = _outputs(instrument, place, name, x + side * A_LITTLE)
    return further is not None and np.array_equal(further, beside, equal_nan=True)


def _same(instrument: Instrument, place: Place, name: str, values: Array) -> bool:
    outputs = _outputs(instrument, place, name, values)
    return outputs is not None and np.array_equal(outputs, place.base, equal_nan=True)


def _outputs(instrument: Instrument, place: Place, name: str, values: Array) -> Vector | None:
    return instrument.evaluate({**place.wide, name: values.astype(place.wide[name].dtype)}, place.form)
