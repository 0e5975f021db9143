"""Where the contract is tested: one point, one cotangent, calls as a caller makes them, and the reference answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.answers import Difference, Yardstick
from gradcheck.checks.comparison import SUMMATION, THRESHOLD
from gradcheck.checks.instrument import Instrument, copied, usable_gradient
from gradcheck.checks.outputs import Form, as_arrays, flattened
from gradcheck.checks.probes import draw_cotangent
from gradcheck.checks.recall import RECALLS
from gradcheck.errors import GradcheckError
from gradcheck.numdiff.records import Vector, identical, norm
from gradcheck.subject import Array, Inputs, Passes
from gradcheck.verdict import Cost

Gradients = Mapping[str, Array | None]
Parts = tuple[Array, ...]

JUMP = 0.1  # a difference of which rounding of the inputs makes this share is a change of branch, not a mistake
ULPS = 8  # how far entries are moved, each on its own, to break ties and to cross kinks at the point
CLOSER_LOOKS = 2  # a branch is met with probability 1/2 in each


class OutOfBudget(Exception):
    """The calls granted to the contract are spent."""


@dataclass(frozen=True)
class Bench:
    """The given point, one cotangent, and backward's answer to it on plain arrays; calls stay within `budget`."""

    instrument: Instrument
    evidence: Evidence
    rng: np.random.Generator
    budget: int
    before: Cost = field(default_factory=lambda: Cost("", 0, 0))

    @property
    def inputs(self) -> Inputs:
        """The caller's values; only ever handed out in copies."""
        return self.evidence.place.inputs

    @property
    def form(self) -> Form:
        """Shapes and dtypes of the outputs at the given point."""
        return self.evidence.place.form

    @property
    def wrt(self) -> tuple[str, ...]:
        """The arguments whose gradients are under test."""
        return self.instrument.subject.wrt

    @property
    def judgeable(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The outputs that cotangents may weigh: the smooth ones, or the finite ones where none is smooth."""
        return self.evidence.together if self.smooth else np.isfinite(self.evidence.place.base)

    @property
    def smooth(self) -> bool:
        """Whether any output is smooth at the point."""
        return bool(self.evidence.together.any())

    @cached_property
    def _first(self) -> tuple[Vector, Gradients]:
        if self.smooth and self.evidence.cotangents:
            return self.evidence.cotangents[0], self.evidence.gradients[0]
        flat = draw_cotangent(self.rng, self.form, self.judgeable)
        return flat, self.usable(self.backward(self.form.cut(flat), copied(self.inputs)))

    @property
    def cotangent(self) -> Vector:
        """The flat cotangent of the reference answer."""
        return self._first[0]

    @property
    def expected(self) -> Gradients:
        """The reference answer: to `cotangent`, on a fresh instance and plain copies."""
        return self._first[1]

    @cached_property
    def parts(self) -> Parts:
        """What forward gives on plain copies in the caller's own dtypes (one call)."""
        return self.forward(copied(self.inputs))

    @property
    def outputs(self) -> Array:
        """The same as one flat vector."""
        return flattened(self.parts)

    @cached_property
    def _yardsticks(self) -> dict[str, Yardstick]:
        slacks = self.evidence.slacks
        return {name: Yardstick(name, self.inputs[name], slacks[name], self.cotangent) for name in self.wrt}

    def cut(self) -> Parts:
        """Return the reference cotangent as fresh arrays."""
        return self.form.cut(self.cotangent)

    def forward(self, inputs: Inputs, *, passes: Passes | None = None) -> Parts:
        """Call forward on these very arrays and return its outputs as real arrays."""
        self._afford(forward=1)
        return as_arrays(self.instrument.forward_in_use(passes or self.instrument.fresh(), inputs))

    def backward(self, parts: Parts, inputs: Inputs, *, passes: Passes | None = None) -> dict[str, Any]:
        """Call backward on these very arrays, by default on a fresh instance that is ready for it."""
        self._afford(backward=1)
        return self.instrument.backward_in_use(passes or self.instrument.prepared(inputs), parts, inputs)

    def ready(self, passes: Passes, inputs: Inputs) -> Passes:
        """Bring an instance into the state that backward needs at `inputs`."""
        if self.instrument.needs_forward:
            self.instrument.run_forward(passes, inputs)
        return passes

    def accepts(self, inputs: Inputs, *, passes: Passes | None = None) -> Parts | None:
        """Return forward's outputs on copies of `inputs`, or None where it refuses them or gives no finite answer."""
        try:
            parts = self.forward(copied(inputs), passes=passes)
        except GradcheckError:
            return None
        real = not any(np.iscomplexobj(part) for part in parts)
        return parts if real and all(np.all(np.isfinite(part)) for part in parts) else None

    def usable(self, claims: Mapping[str, Any], inputs: Inputs | None = None) -> Gradients:
        """Return claims as float64 arrays; None where none is claimed, or in another shape than its argument's."""
        return {name: usable_gradient(claims.get(name), (inputs or self.inputs)[name]) for name in self.wrt}

    def let_go(self) -> None:
        """Let go of the arrays of the one use but for its claims; nobody asks for them again."""
        if "used" in vars(self):
            vars(self)["used"] = Use(self.used.claims, {}, {}, (), (), ())

    def forget(self) -> None:
        """Let go of the answers that are kept: the traceback of what a layer raised may hold the bench for a while."""
        kept = [name for name, value in vars(type(self)).items() if isinstance(value, cached_property)]
        for name in kept:
            vars(self).pop(name, None)

    def _afford(self, *, forward: int = 0, backward: int = 0) -> None:
        rows = self.instrument.tally.values()
        forwards = sum(row[0] for row in rows) - self.before.forward + forward
        backwards = sum(row[1] for row in rows) - self.before.backward + backward
        if max(forwards, backwards) > self.budget:
            raise OutOfBudget

    def same_outputs(self, parts: Parts, expected: Array) -> bool:
        """Tell whether outputs are what is expected, but for rounding."""
        values = flattened(parts)
        if values.shape != expected.shape:
            return False
        slack = next(iter(self.evidence.slacks.values()), None)
        if slack is None or identical(values, expected):
            return identical(values, expected)
        known = np.isfinite(expected)
        room = SUMMATION * float(np.sqrt(slack.terms)) * norm(slack.noise[np.isfinite(slack.noise)])
        return bool(
            np.array_equal(known, np.isfinite(values)) and norm(values[known] - expected[known]) <= THRESHOLD * room
        )

    def repeats(self) -> bool:
        """Tell whether forward goes on answering alike, as far as the budget allows.

        One that draws one of a few answers may have given the same when it was asked before.
        """
        try:
            for _ in range(RECALLS):
                self._afford(forward=1)
                if not self.same_outputs(self.instrument.outputs(self.inputs), self.outputs):
                    return False
        except OutOfBudget:
            pass
        return True

    def differences(
        self,
        claims: Mapping[str, Any],
        expected: Gradients,
        *,
        beside: Sequence[Gradients] = (),
        factor: float = 1.0,
        response: Mapping[str, float] | None = None,
    ) -> list[Difference]:
        """Return where an answer is not what is expected, by more than rounding explains.

        `beside` are gradients that the expectation was computed from, whose rounding counts too; `factor` how much
        larger than the reference's the cotangent is; `response` replaces the one measured at the given point.
        """
        found = []
        for name in self.wrt:
            right = expected.get(name)
            if right is None or not np.all(np.isfinite(right)):
                continue
            terms = [g for answer in beside if (g := answer.get(name)) is not None]
            own = None if response is None else response.get(name, 0.0)
            difference = self._yardsticks[name].between(claims.get(name), right, terms, factor=factor, response=own)
            if difference is not None and difference.bars > THRESHOLD:
                found.append(difference)
        return found

    @cached_property
    def used(self) -> "Use":
        """One forward and one backward in the caller's own way: on one instance and on the very same arrays."""
        passes, inputs, parts = self.instrument.fresh(), copied(self.inputs), self.cut()
        outputs = self.forward(inputs, passes=passes)
        kept = tuple(part.copy() for part in outputs)
        between = copied(inputs)
        return Use(self.backward(parts, inputs, passes=passes), inputs, between, parts, outputs, kept)

    def unexplained(self, differences: list[Difference]) -> list[Difference]:
        """Leave out the differences that rounding of the inputs makes as well: a branch that changes at the point."""
        for nearby in self._nearby if differences else ():
            differences = [d for d in differences if not self._jumps(d, self.expected.get(d.argument), nearby)]
        return differences

    @cached_property
    def _nearby(self) -> list[Gradients]:
        try:
            return [self.usable(self.backward(self.cut(), self.nudged(self.inputs))) for _ in range(CLOSER_LOOKS)]
        except GradcheckError:
            return []

    def _jumps(self, difference: Difference, one: Array | None, nearby: Gradients) -> bool:
        other = nearby.get(difference.argument)
        if one is None or other is None or difference.shape is not None or not np.isfinite(difference.size):
            return False
        return self._yardsticks[difference.argument].size(one - other) > JUMP * difference.size

    def nudged(self, inputs: Inputs) -> dict[str, Any]:
        """Return the inputs with every entry under test moved by a few ulps of its own, so that ties break."""
        moved = copied(inputs)
        for name in self.wrt:
            steps = self.rng.integers(-ULPS, ULPS + 1, moved[name].shape)
            moved[name] = (moved[name] + steps * np.spacing(np.abs(moved[name]))).astype(moved[name].dtype)
        return moved


@dataclass(frozen=True)
class Use:
    """What came of one use: claims and arrays as they are now; `between` and `kept` are from before backward."""

    claims: Mapping[str, Any]
    inputs: Inputs
    between: Inputs
    parts: Parts
    outputs: Parts
    kept: Parts
