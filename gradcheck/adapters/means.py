"""Gradients that are divided by the batch size by design: multiplied by it where the caller says so."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.adapters.living import arrays_of
from gradcheck.adapters.spellings import is_label
from gradcheck.errors import GradcheckError, InvalidInput
from gradcheck.subject import Array, Cotangents, Inputs, Passes, Subject, is_floating

SCALES = ("mean",)
_STEP = 2.0**-12  # relative to the values: a difference good to about six digits, to tell 1/N from 1/M
_ALIKE = 0.01  # how near 1 a gradient's ratio to a difference must be for its factor to be told by it


def scaled(subject: Subject, scale: str) -> Subject:
    """Return the subject with the gradients of all parameters, or of all arguments, multiplied by the batch size.

    Which axis of the data the batch is, the first or the last, and whether the gradient of the data is divided too, is
    what most of the gradients say at the point; all are multiplied alike then, and judged as ever.

    Raises
    ------
    InvalidInput
        There is no such scale, or no batch to divide by.
    """
    if not scale:
        return subject
    if scale not in SCALES:
        raise InvalidInput(f"`scale` must be one of {', '.join(SCALES)}; it is {scale!r}.")
    floating = [name for name, value in subject.inputs.items() if is_floating(value)]
    data = next((name for name in floating if not is_label(name) and subject.inputs[name].ndim), "")
    if not data:
        raise InvalidInput("`scale` must go with an input that has a batch; there is no floating array of data.")
    others = tuple(name for name in subject.wrt if name != data)
    groups = [group for group in (others, subject.wrt) if group]
    ratios = _ratios(subject)
    best = max(
        ((axis, group) for group in groups for axis in (0, -1)),
        key=lambda one: _agreeing(ratios, one[1], subject.inputs[data].shape[one[0]]),
    )
    return _multiplied(subject, data, *best)


def _agreeing(ratios: Mapping[str, float], group: tuple[str, ...], length: int) -> int:
    """Count the gradients that are right when those of the group are multiplied by this length."""
    return sum(abs(ratio * (length if name in group else 1) - 1.0) < _ALIKE for name, ratio in ratios.items())


def _ratios(subject: Subject) -> dict[str, float]:
    """Return each claimed gradient over a plain difference along one direction, where both say anything."""
    generator = np.random.default_rng(0)
    passes = subject.fresh()
    try:
        outputs = arrays_of(passes.forward(subject.inputs))
        cotangents = tuple(generator.choice([-1.0, 1.0], size=one.shape).astype(one.dtype) for one in outputs)
        claims = passes.backward(cotangents, subject.inputs)
    except (GradcheckError, ArithmeticError, ValueError, TypeError, IndexError):
        return {}  # what fails here fails in the check, and is told there
    found = {}
    for name in subject.wrt:
        value = subject.inputs[name]
        direction = generator.choice([-1.0, 1.0], size=value.shape) * (np.abs(value).max(initial=0.0) or 1.0)
        slope = _slope(subject, name, direction, cotangents)
        claim = np.asarray(claims.get(name, np.nan), dtype=float)
        if slope and claim.shape == value.shape:
            found[name] = float(np.sum(claim * direction)) / slope
    return found


def _slope(subject: Subject, name: str, direction: Array, cotangents: Cotangents) -> float:
    passes, ends = subject.fresh(), []
    for sign in (1.0, -1.0):
        value = subject.inputs[name]
        moved = (value + sign * _STEP * direction).astype(value.dtype)
        outputs = arrays_of(passes.forward({**subject.inputs, name: moved}))
        ends.append(sum(float(np.sum(one * part)) for one, part in zip(cotangents, outputs, strict=True)))
    return (ends[0] - ends[1]) / (2.0 * _STEP)


def _multiplied(subject: Subject, data: str, axis: int, group: tuple[str, ...]) -> Subject:
    def fresh() -> Passes:
        passes = subject.fresh()

        def backward(cotangents: Cotangents, values: Inputs) -> dict[str, Any]:
            length = values[data].shape[axis]
            claims = passes.backward(cotangents, values)
            return {name: _times(value, length) if name in group else value for name, value in claims.items()}

        return replace(passes, backward=backward)

    length = subject.inputs[data].shape[axis]
    names = ", ".join(f"`{name}`" for name in group)
    where = "first" if axis == 0 else "last"
    note = f"as asked, the gradient of {names} is multiplied by the batch size, {length}: the {where} axis of `{data}`"
    return replace(subject, fresh=fresh, notes=(*subject.notes, note))


def _times(value: Any, length: int) -> Any:
    return None if value is None else np.asarray(value) * np.asarray(length, dtype=np.asarray(value).dtype)
