"""The exact tier: on integers, a layer that is linear in an argument leaves no room for tolerance.

At integer points forward's differences f(x + t) - f(x) are J t without any rounding, and so is the claim; the adjoint
identity is compared with `==`. Whether the layer is linear there is tested, not assumed: f(x + s + t) - f(x) must be
the sum of its parts. Piecewise linear layers (ReLU, max pooling) get inputs that stand further apart than any tangent
reaches, so that no branch changes.

Bounds. For the gradient claimed at the integer points tried, whatever backward is: a wrong gradient differs by some
d != 0, and <d, t> = 0 for at most one value of any entry of t with d_i != 0, so p independent tangents with entries
from S values all miss it with probability at most S^-p. For all points: where backward is a polynomial of degree k in
the inputs and the cotangent, a wrong one vanishes at points drawn from R values each with probability at most k / R
(Schwartz and Zippel).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import lcm
from typing import Any

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import Comparison
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import Form
from gradcheck.checks.ruling import Flag
from gradcheck.checks.traits import traits_of
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.numdiff.records import Vector
from gradcheck.numdiff.tangents import random_signs
from gradcheck.subject import Array, is_floating

TANGENTS = 4
TANGENT_VALUES = 2**16  # four tangents of so many values each: a wrong gradient passes with probability 2^-64
POINT_VALUES = 2**12  # products with a tangent leave 2^26 for the number of terms below 2^53
SPACING = 2**17  # odd multiples of it stand 2^18 apart, so that two tangents of at most 2^15 change no branch
LARGEST = 2.0**52
MOST_DIVISOR = 4096
NEARLY = 1e-7  # outputs are below 2^30 or so, and their fractions known to some 1e-7
INTEGER_POINT = "an integer point"
ALLOWED_TRAITS = frozenset({"all >= 0"})


@dataclass(frozen=True)
class ExactRuling:
    """Arguments whose claimed gradient was compared exactly, with the probability that a wrong one passes."""

    bounds: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What was compared, and both bounds."""
        if not self.bounds:
            return ""
        power = round(-np.log2(max(self.bounds.values())))
        names = ", ".join(f"grad_{name}" for name in self.bounds)
        return (
            f"on integers {names} equal forward's exact derivative; a wrong gradient at the points tried passes with "
            f"probability 2^-{power}, a wrong polynomial backward of degree k anywhere with k/{POINT_VALUES}"
        )


@dataclass(frozen=True)
class _Trial:
    """One integer point for one argument, and forward's exact answers around it."""

    inputs: Mapping[str, Any]
    base: Vector
    tangents: tuple[Array, ...]
    changes: tuple[Vector, ...]
    unit: int


def judge_exactly(instrument: Instrument, given: Evidence, rng: np.random.Generator) -> ExactRuling:
    """Compare exactly for every argument in which forward turns out to be linear on integers."""
    place = given.place
    names = [n for n in instrument.subject.wrt if place.wide[n].size and place.wide[n].dtype == np.float64]
    if place.work != np.float64 or place.base.size == 0 or not _unrestricted(place.wide, names):
        return ExactRuling()
    bounds: dict[str, float] = {}
    flags: dict[str, tuple[Flag, ...]] = {}
    unit = _unit(instrument, _integers(place.wide, names, rng, 1), place.form)
    if unit == 0:
        return ExactRuling()
    for name in names:
        trial = _linear_at(instrument, name, names, place.wide, place.form, rng, unit)
        if trial is None:
            continue
        wrong = _mismatch(instrument, name, trial, place.form, rng)
        if wrong is None:
            bounds[name] = float(TANGENT_VALUES) ** -TANGENTS
        elif wrong.bar == 0.0:
            flags[name] = (Flag(wrong, _mismatch(instrument, name, trial, place.form, rng)),)
    return ExactRuling(bounds, flags)


def _unrestricted(inputs: Mapping[str, Any], names: list[str]) -> bool:
    constants = [value for name, value in inputs.items() if name not in names and is_floating(value)]
    if not all(_whole(value) for value in constants):
        return False
    held = {trait.name for name in names for trait in traits_of(inputs[name])}
    return bool(names) and held <= ALLOWED_TRAITS


def _integers(inputs: Mapping[str, Any], names: list[str], rng: np.random.Generator, unit: int) -> dict[str, Any]:
    """Draw integer values for the arguments under test; constants stay what they are."""
    drawn = dict(inputs)
    for name, value in inputs.items():
        if name in names:
            values = _nonzero(rng, value.shape, POINT_VALUES) * unit
            drawn[name] = np.abs(values) if traits_of(value) else values
    return drawn


def _nonzero(rng: np.random.Generator, shape: tuple[int, ...], number: int) -> Array:
    """Draw from the `number` integers nearest to zero, zero left out."""
    half = rng.integers(1, number // 2, size=shape, endpoint=True).astype(np.float64)
    drawn: Array = half * random_signs(rng, shape)
    return drawn


def _unit(instrument: Instrument, inputs: Mapping[str, Any], form: Form) -> int:
    """Return the common divisor that the outputs show: 1 where they are integers, 9 for a 3 x 3 mean, 0 for none."""
    outputs = instrument.evaluate(inputs, form)
    if outputs is None or not np.all(np.isfinite(outputs)) or np.max(np.abs(outputs)) > LARGEST:
        return 0
    unit = 1
    for value in np.unique(np.abs(outputs - np.rint(outputs)))[-32:]:
        if abs(value * unit - round(value * unit)) > NEARLY * unit:
            unit = lcm(unit, _denominator(float(value)))
            if unit == 0 or unit > MOST_DIVISOR:
                return 0
    return unit


def _denominator(value: float) -> int:
    multiples = value * np.arange(1, MOST_DIVISOR + 1)
    found = np.flatnonzero(np.abs(multiples - np.rint(multiples)) < NEARLY)
    return int(found[0]) + 1 if found.size else 0


def _linear_at(
    instrument: Instrument,
    name: str,
    names: list[str],
    inputs: Mapping[str, Any],
    form: Form,
    rng: np.random.Generator,
    unit: int,
) -> _Trial | None:
    """Find an integer point at which forward is linear in `name`: a random one, or one of far-apart values."""
    # Far-apart values suit every layer of one argument; with weights beside them sums may grow too large.
    for spread_out in (True,) if len(names) == 1 else (False, True):
        point = _integers(inputs, names, rng, unit)
        if spread_out:
            point[name] = _far_apart(inputs[name], rng) * unit
        tangents = tuple(unit * _nonzero(rng, inputs[name].shape, TANGENT_VALUES) for _ in range(TANGENTS))
        answers = _answers(instrument, name, point, tangents, form)
        if answers is not None:
            return _Trial(point, answers[0], tangents, tuple(answers[1:]), unit)
    return None


def _far_apart(x: Array, rng: np.random.Generator) -> Array:
    ranks = rng.permutation(x.size).astype(np.float64)
    centre = 0.0 if traits_of(x) else float(x.size // 2)
    return (SPACING * (2.0 * (ranks - centre) + 1.0)).reshape(x.shape)


def _answers(
    instrument: Instrument, name: str, point: Mapping[str, Any], tangents: tuple[Array, ...], form: Form
) -> list[Vector] | None:
    """Return f(x) and the exact changes along the tangents, or None where f is not linear on these integers."""

    def at(tangent: Array) -> Vector | None:
        outputs = instrument.evaluate({**point, name: point[name] + tangent}, form)
        return outputs if outputs is not None and _whole(outputs) else None

    base, first = at(np.zeros(point[name].shape)), at(tangents[0])
    if base is None or first is None or not np.any(first - base):
        return None
    second, both = at(tangents[1]), at(tangents[0] + tangents[1])
    if second is None or both is None:
        return None
    if not np.array_equal(both - base, (first - base) + (second - base)):
        return None
    if not _between(instrument, name, point, tangents[0], base, first - base, form):
        return None
    rest = [at(t) for t in tangents[2:]]
    found = [value for value in (first, second, *rest) if value is not None]
    return [base, *(value - base for value in found)] if len(found) == len(tangents) else None


def _between(
    instrument: Instrument,
    name: str,
    point: Mapping[str, Any],
    tangent: Array,
    base: Vector,
    change: Vector,
    form: Form,
) -> bool:
    """Tell whether f is linear between the integers too: floor(x) is not, and looks like x on them."""
    part = instrument.evaluate({**point, name: point[name] + tangent / TANGENT_VALUES}, form)
    return part is not None and np.array_equal((part - base) * TANGENT_VALUES, change)


def _odd(instrument: Instrument, name: str, trial: _Trial, tangent: Array, change: Vector, form: Form) -> bool:
    """Tell whether f changes by the opposite along the opposite tangent: no branch lies in between."""
    opposite = instrument.evaluate({**trial.inputs, name: trial.inputs[name] - tangent}, form)
    return opposite is not None and np.array_equal(trial.base - opposite, change)


def _whole(values: Array) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values == np.rint(values)) and np.all(np.abs(values) <= LARGEST))


def _mismatch(
    instrument: Instrument, name: str, trial: _Trial, form: Form, rng: np.random.Generator
) -> Comparison | None:
    """Compare <claim, t> with <g, J t> exactly for every tangent; None where all are equal.

    A comparison with a bar that is not zero means that the claim is no integer, or that a branch was crossed:
    nothing was decided.
    """
    cotangent = trial.unit * _nonzero(rng, trial.base.shape, POINT_VALUES)
    try:
        claim = instrument.gradients(cotangent, trial.inputs, form).get(name)
    except (GradcheckError, LayerFault):
        claim = None
    if claim is None or not _whole(claim):
        return _comparison(name, 0, 0, claim, undecided=True)
    for tangent, change in zip(trial.tangents, trial.changes, strict=True):
        claimed, measured = exact_inner(claim, tangent), exact_inner(cotangent, change)
        if claimed != measured:
            decided = _odd(instrument, name, trial, tangent, change, form)
            return _comparison(name, claimed, measured, claim, undecided=not decided)
    return None


def _comparison(name: str, claimed: int, measured: int, claim: Array | None, *, undecided: bool) -> Comparison:
    return Comparison(
        argument=name,
        place=INTEGER_POINT,
        kind="exact",
        claimed=float(claimed),
        measured=float(measured),
        measured_bar=0.0,
        bar=1.0 if undecided else 0.0,
        reach=0.0,
        entries=1 if claim is None else max(claim.size, 1),
        shown=abs(float(measured)),
        method="exact integers",
    )


def exact_inner(a: Array, b: Array) -> int:
    """Return the inner product of two arrays of integers stored as floats, exactly."""
    x, y = a.ravel().astype(np.int64), b.ravel().astype(np.int64)
    largest = int(np.max(np.abs(x), initial=0)) * int(np.max(np.abs(y), initial=0))
    if largest * max(x.size, 1) < 2**62:
        return int(np.dot(x, y))
    return sum(int(p) * int(q) for p, q in zip(x.tolist(), y.tolist(), strict=True))
