"""Gradients that backward adds to from call to call: read off each call, and told where nothing sets them back."""

import dis
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.adapters.living import Living
from gradcheck.adapters.slots import Path, spelled
from gradcheck.adapters.trial import Observed
from gradcheck.subject import Array
from gradcheck.verdict import Finding, Severity

_WORDS = ("zero", "reset", "clear", "flush")  # of methods that set gradients back, whatever they call to do it
_BUILDS = ("__init__", "__new__", "__post_init__")


def start_of(path: Path, seen: Observed, again: Observed, living: Living) -> Array | None:
    """Return what a gradient grows from, where a second, equal backward added it once more; None where none did.

    It may be nothing (`None`, or the number 0) until the first backward. Such a one counts where a method of the layer
    sets it back; else nobody would know that it has to be.
    """
    start, once, twice = seen.before.get(path), seen.values.get(path), again.values.get(path)
    if once is None or twice is None or once.shape != twice.shape:
        return None
    if start is None or (start.ndim == 0 and not start):
        passes = (living.way.forward, living.way.backward)
        start = np.zeros_like(once) if _is_set_back(living.owner, path[0], passes) else None
    if start is None or start.shape != once.shape:
        return None
    return start if np.any(once != start) and np.allclose(twice - once, once - start) else None


def findings_on(
    owner: Any, passes: tuple[str, str], gradients: Mapping[str, Path], growing: Mapping[str, Array]
) -> tuple[Finding, ...]:
    """Return a warning for each gradient that grows and that nothing in the class sets back: its caller must."""
    return tuple(
        Finding(
            "accumulates",
            f"The gradient of `{name}` adds up over calls: backward adds to `{spelled(gradients[name])}`, and nothing "
            f"in {type(owner).__name__} sets it back. Each call was judged by itself.",
            Severity.WARNING,
            name,
        )
        for name in growing
        if not _is_set_back(owner, gradients[name][0], passes)
    )


def _is_set_back(owner: Any, attribute: str, passes: tuple[str, str]) -> bool:
    """Tell whether a method besides the passes says by its name, or by what it stores, that it sets gradients back."""
    for kind in type(owner).__mro__[:-1]:
        for name, raw in vars(kind).items():
            function = getattr(raw, "__func__", raw)
            if name in (*passes, *_BUILDS) or not isinstance(function, types.FunctionType):
                continue
            if any(word in name.casefold() for word in _WORDS) or _stores(function, attribute):
                return True
    return False


def _stores(function: types.FunctionType, attribute: str) -> bool:
    """Tell whether a function's code stores the attribute, or names it and stores entries of something."""
    code = list(dis.get_instructions(function))
    named = any(one.argval == attribute for one in code)
    return named and any(
        (one.opname == "STORE_ATTR" and one.argval == attribute)
        or one.opname == "STORE_SUBSCR"
        or one.argval in ("fill", "fill_")
        for one in code
    )
