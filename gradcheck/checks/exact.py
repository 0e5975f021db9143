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

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import lcm
from typing import Any, Literal

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import Comparison, Slack, inner, stands_out
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import Form
from gradcheck.checks.ruling import Flag
from gradcheck.checks.traits import traits_of
from gradcheck.errors import GradcheckError, LayerFault
from gradcheck.numdiff.records import Vector, norm_of_products
from gradcheck.numdiff.tangents import random_signs
from gradcheck.subject import Array, is_floating

TANGENTS = 3
TANGENT_VALUES = 2**22  # three tangents of so many values each: a wrong gradient passes with probability 2^-66
POINT_VALUES = 2**12  # products with a tangent leave 2^21 for the number of terms below 2^53
SPACING = 2**23  # odd multiples of it stand 2^24 apart, so that three tangents of at most 2^21 change no branch
BETWEEN = 2.0**-16  # of a tangent: most of its entries become fractions
CALLS = 6  # of forward for an argument
STRAIGHT = 0.5  # of the outputs that respond
LARGEST = 2.0**52
MOST_DIVISOR = 4096
NEARLY = 1e-7  # what a fraction may be off by, or by rounding of the largest output where that is more
INTEGER_POINT = "an integer point"
EQUAL: Literal[False] = False  # what a comparison found that has nothing to tell
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


def judge_exactly(
    instrument: Instrument, given: Evidence, rng: np.random.Generator, *, wrong: Collection[str] = ()
) -> ExactRuling:
    """Compare exactly for every argument in which forward turns out to be linear on integers.

    Those in `wrong` need no more evidence, and those along which most outputs were seen to curve are not tried; nor is
    any for which the calls left do not suffice.
    """
    place = given.place
    names = [n for n in instrument.subject.wrt if place.wide[n].size and place.wide[n].dtype == np.float64]
    asked = [n for n in names if n not in wrong and _mostly_straight(given, n)]
    affordable = instrument.left() >= CALLS
    if place.work != np.float64 or place.base.size == 0 or not (asked and affordable):
        return ExactRuling()
    if not _unrestricted(place.wide, names):
        return ExactRuling()
    bounds: dict[str, float] = {}
    flags: dict[str, tuple[Flag, ...]] = {}
    table = _Table(instrument, names, place.wide, place.form, rng)
    for name in asked:
        trial = table.trial(name) if instrument.left() >= CALLS else None
        if trial is None:
            continue
        slack = given.slacks[name]
        found = _compared(instrument, name, trial, place.form, rng, slack=slack)
        if found is EQUAL:
            bounds[name] = float(TANGENT_VALUES) ** -TANGENTS
        elif found is not None:
            flags[name] = (Flag(found, _compared(instrument, name, trial, place.form, rng, slack=slack) or None),)
    return ExactRuling(bounds, flags)


def _mostly_straight(given: Evidence, name: str) -> bool:
    found = given.measured.get(name, [])
    responding = max((m.facts.responding for m in found[:1]), default=0)
    return any(m.derivative.straight >= STRAIGHT * responding > 0 for m in found[:1])


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


def _unit(outputs: Vector | None) -> int:
    """Return the common divisor that the outputs show: 1 where they are integers, 9 for a 3 x 3 mean, 0 for none."""
    if outputs is None or not np.all(np.isfinite(outputs)) or np.max(np.abs(outputs)) > LARGEST:
        return 0
    unit = 1
    off = max(NEARLY, float(np.spacing(np.max(np.abs(outputs), initial=0.0))))
    for value in np.unique(np.abs(outputs - np.rint(outputs)))[-32:]:
        if abs(value * unit - round(value * unit)) > off * unit:
            unit = lcm(unit, _denominator(float(value), off))
            if unit == 0 or unit > MOST_DIVISOR:
                return 0
    return unit


def _divides(outputs: Vector | None, unit: int) -> bool:
    """Tell whether outputs are quotients of integers by a divisor of `unit`, rounded once.

    A layer that multiplies by a rounded reciprocal returns other last digits for some of them.
    """
    return outputs is not None and np.array_equal(np.rint(outputs * unit) / unit, outputs)


def _denominator(value: float, off: float) -> int:
    """Return the smallest number that makes a multiple of `value` whole, which is known to within `off`; 0 for none."""
    numbers = np.arange(1, MOST_DIVISOR + 1)
    multiples = value * numbers
    found = np.flatnonzero(np.abs(multiples - np.rint(multiples)) < off * numbers)
    return int(found[0]) + 1 if found.size else 0


class _Table:
    """Integer points of one layer: a random one that serves all arguments, and far-apart values for one of them.

    Far-apart values suit every layer of one argument; with weights beside them sums may grow too large.
    """

    def __init__(
        self,
        instrument: Instrument,
        names: list[str],
        inputs: Mapping[str, Any],
        form: Form,
        rng: np.random.Generator,
    ) -> None:
        self._instrument, self._names, self._inputs, self._form, self._rng = instrument, names, inputs, form, rng
        self._alone = len(names) == 1
        self._point = self._drawn(names[0] if self._alone else None, 1)
        self._base = instrument.evaluate(self._point, form)
        self.unit = _unit(self._base)
        if self.unit > 1 and not _divides(self._base, self.unit):
            self.unit = 0
        if self.unit > 1:
            self._point = self._drawn(names[0] if self._alone else None, self.unit)
            self._base = instrument.evaluate(self._point, form)

    def _drawn(self, far_apart: str | None, unit: int) -> dict[str, Any]:
        point = _integers(self._inputs, self._names, self._rng, unit)
        if far_apart is not None:
            point[far_apart] = _far_apart(self._inputs[far_apart], self._rng) * unit
        return point

    def trial(self, name: str) -> _Trial | None:
        """Find an integer point at which forward is linear in `name`: the random one, or one of far-apart values."""
        if self.unit == 0:
            return None
        found = self._at(name, self._point, self._base)
        if found is None and not self._alone and self._instrument.left() >= CALLS:
            point = self._drawn(name, self.unit)
            found = self._at(name, point, self._instrument.evaluate(point, self._form))
        return found

    def _at(self, name: str, point: Mapping[str, Any], base: Vector | None) -> _Trial | None:
        if base is None or not _whole(base):
            return None
        shape = self._inputs[name].shape
        tangents = tuple(self.unit * _nonzero(self._rng, shape, TANGENT_VALUES) for _ in range(TANGENTS))
        changes = _changes(self._instrument, name, point, base, tangents, form=self._form)
        return None if changes is None else _Trial(point, base, tangents, changes, self.unit)


def _far_apart(x: Array, rng: np.random.Generator) -> Array:
    """Return values that stand about 2 SPACING apart, with small parts in which a divisor of a power of two shows."""
    small = rng.integers(0, POINT_VALUES, size=x.shape).astype(np.float64)
    ranks = rng.permutation(x.size).astype(np.float64)
    centre = 0.0 if traits_of(x) else float(x.size // 2)
    return (SPACING * (2.0 * (ranks - centre) + 1.0)).reshape(x.shape) + small


def _changes(
    instrument: Instrument,
    name: str,
    point: Mapping[str, Any],
    base: Vector,
    tangents: tuple[Array, ...],
    *,
    form: Form,
) -> tuple[Vector, ...] | None:
    """Return the exact changes along the tangents, or None where f is not linear on these integers and between them.

    The changes along all tangents together must be the sum of theirs, and along a small part of one the same part of
    its own: floor(x) looks like x on integers.
    """

    def along(tangent: Array) -> Vector | None:
        outputs = instrument.evaluate({**point, name: point[name] + tangent}, form)
        return None if outputs is None or not np.all(np.isfinite(outputs)) else outputs - base

    changes: list[Vector] = []
    for tangent in tangents:
        change = along(tangent)
        if change is None or not _whole(change + base) or not np.any(change):
            return None
        changes.append(change)
    together = along(np.sum(tangents, axis=0))
    if together is None or not np.array_equal(together, np.sum(changes, axis=0)):
        return None
    share = _share(point[name])
    part = along(tangents[0] * share)
    return tuple(changes) if part is not None and np.array_equal(part / share, changes[0]) else None


def _share(x: Array) -> float:
    """Return a power of two, a part of a tangent for which a sum of all values still is exact."""
    room = LARGEST / max(float(np.max(np.abs(x), initial=1.0)) * x.size, 1.0)
    return float(2.0 ** -np.clip(np.floor(np.log2(room)), 1, -np.log2(BETWEEN)))


def _odd(instrument: Instrument, name: str, trial: _Trial, tangent: Array, change: Vector, form: Form) -> bool:
    """Tell whether f changes by the opposite along the opposite tangent: no branch lies in between."""
    opposite = instrument.evaluate({**trial.inputs, name: trial.inputs[name] - tangent}, form)
    return opposite is not None and np.array_equal(trial.base - opposite, change)


def _whole(values: Array) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values == np.rint(values)) and np.all(np.abs(values) <= LARGEST))


def _compared(
    instrument: Instrument, name: str, trial: _Trial, form: Form, rng: np.random.Generator, *, slack: Slack
) -> Comparison | Literal[False] | None:
    """Compare <claim, t> with <g, J t> for every tangent: EQUAL where all are, to the bit; None where that is open.

    It is where a branch was crossed, or where the claim is off by no more than rounding explains: it is no integer (a
    factor was rounded), or of a layer that may round it to a lower precision.
    """
    cotangent = trial.unit * _nonzero(rng, trial.base.shape, POINT_VALUES)
    try:
        claim = instrument.gradients(cotangent, trial.inputs, form).get(name)
    except (GradcheckError, LayerFault):
        claim = None
    if claim is None or not np.all(np.isfinite(claim)):
        return None
    whole, rounded = _whole(claim), slack.constants > 0.0 or slack.unit > np.finfo(np.float64).eps
    for tangent, change in zip(trial.tangents, trial.changes, strict=True):
        measured = exact_inner(cotangent, change)
        claimed = exact_inner(claim, tangent) if whole else inner(claim, tangent)
        if claimed == measured:
            continue
        reach, shown = norm_of_products(claim, tangent), norm_of_products(cotangent, change)
        relative = float(np.hypot(slack.relative_rounding, slack.relative_response))
        bar = 0.0 if whole and not rounded else relative * max(reach, shown)
        found = Comparison(
            argument=name,
            place=INTEGER_POINT,
            kind="exact",
            claimed=float(claimed),
            measured=float(measured),
            measured_bar=0.0,
            bar=bar,
            reach=reach,
            entries=max(claim.size, 1),
            shown=shown,
            method="exact integers",
        )
        if ((whole and not rounded) or stands_out(found)) and _odd(instrument, name, trial, tangent, change, form):
            return found
        return None
    return EQUAL if whole else None


def exact_inner(a: Array, b: Array) -> int:
    """Return the inner product of two arrays of integers stored as floats, exactly."""
    x, y = a.ravel().astype(np.int64), b.ravel().astype(np.int64)
    largest = int(np.max(np.abs(x), initial=0)) * int(np.max(np.abs(y), initial=0))
    most = (2**62 - 1) // max(largest, 1)  # products that fit into 63 bits together
    if most == 0:
        return sum(int(p) * int(q) for p, q in zip(x.tolist(), y.tolist(), strict=True))
    return sum(int(np.dot(x[i : i + most], y[i : i + most])) for i in range(0, x.size, most))
