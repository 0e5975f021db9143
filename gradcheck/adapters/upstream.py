"""A backward that gets no gradient from above: what it returns is multiplied by the cotangent here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.subject import Cotangents


def times(cotangents: Cotangents, gradients: Mapping[str, Any]) -> dict[str, Any]:
    """Multiply gradients, or an elementwise derivative, by the cotangent of the one output, in their own dtype."""
    return {name: None if one is None else _multiplied(cotangents[0], one) for name, one in gradients.items()}


def _multiplied(cotangent: Any, gradient: Any) -> Any:
    array = np.asarray(gradient)
    factor = (
        cotangent.item() if cotangent.size == 1 else cotangent.astype(array.dtype if array.dtype.kind == "f" else float)
    )
    return array * factor
