"""Which known mistake gives exactly the numbers that an implementation gave: then it is that mistake."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.oracle.case import Array, Case, GoldenVector
from gradcheck.oracle.exact import MISTAKES
from gradcheck.oracle.mistakes import Scene
from gradcheck.oracle.operations import layer_of


def reproduced(case: Case, dtype: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the flags of the case whose mistake, made here, leads to just what was given.

    Parameters
    ----------
    given : mapping of str to array-like
        "output", and the gradients by the names of the inputs.
    """
    vector = case.vector(dtype)
    scene = Scene(case, layer_of(case), case.vector("float64" if "float64" in case.dtypes else dtype))
    rows = (row for row in MISTAKES if row.flag in case.flags and case.operation in row.operations)
    return tuple(row.flag for row in rows if _leads_to(row.mistake, scene, vector, given))


def _leads_to(mistake: Any, scene: Scene, vector: GoldenVector, given: Mapping[str, Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            changed = mistake(scene)
    except (GradcheckError, ValueError, IndexError):
        return False  # that mistake ends in an exception on this case, and these are numbers
    due: dict[str, Array] = {"output": vector.output, **vector.gradients, **changed}
    return all(name in given and _same(given[name], numbers) for name, numbers in due.items())


def _same(given: Any, numbers: Array) -> bool:
    """Numbers of an exact case are whole, or quotients of whole ones, which a float rounds once."""
    got = np.asarray(given)
    wanted = np.asarray(numbers, dtype=np.float64)
    if got.shape != wanted.shape or got.dtype.kind not in "fiu":
        return False
    return np.array_equal(got, wanted.astype(got.dtype), equal_nan=True)
