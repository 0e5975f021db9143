"""A trial: one function at one point along one direction, measured as a check measures it, beside the truth.

A trial goes the whole way of `gradcheck.check`: the point is surveyed, the direction drawn and rounded to the grid, the
derivative measured; the true derivative is taken along that very direction. Every function runs as it is and with
complex numbers refused; the plain ones also in float32 and float16, and at other scales of their input.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import Place, draw_tangent, survey, with_noise
from gradcheck.checks.probes import Measured, measure
from gradcheck.numdiff.records import Derivative
from gradcheck.numdiff.tangents import MANY_DECADES
from gradcheck.subject import Passes, Subject
from tests.calibration.arithmetics import Floats, true_derivatives
from tests.calibration.functions import FUNCTIONS, Function


@dataclass(frozen=True)
class Way:
    """A way to run a function: the input's dtype, its scale, and what forward does to its input first."""

    name: str
    dtype: type = np.float64
    scale: int = 1
    upscaled: bool = False
    narrowed: type | None = None
    carries: bool = True

    def formula(self, function: Function) -> Callable:
        """Return the function of the scaled input."""
        if self.scale == 1:
            return function.formula
        if self.upscaled:
            return lambda m, x: function.formula(m, x / self.scale)
        return lambda m, x: function.formula(m, x * self.scale)

    def point(self, function: Function, rng: np.random.Generator):
        """Return where the function is evaluated."""
        x = function.draw(rng)
        return (x * self.scale if self.upscaled else x / self.scale).astype(self.dtype)

    def forward(self, function: Function) -> Callable:
        """Return the function as a layer's forward."""
        formula = self.formula(function)

        def forward(x):
            if not self.carries and np.iscomplexobj(x):
                raise TypeError("only real numbers")
            if self.narrowed is None:
                return formula(Floats, x)
            return np.asarray(formula(Floats, x.astype(self.narrowed))).astype(self.dtype)

        return forward


ALL_WAYS = (Way("as it is"), Way("real numbers only", carries=False))
PLAIN_WAYS = (
    Way("input of size 1e-8", scale=10**8),
    Way("input of size 1e6", scale=10**6, upscaled=True, carries=False),
    Way("input of size 1e12", scale=10**12, upscaled=True),
    Way("float32 input", dtype=np.float32),
    Way("float32 throughout", dtype=np.float32, narrowed=np.float32, carries=False),
    Way("float32 inside float64", narrowed=np.float32, carries=False),
    Way("float16 throughout", dtype=np.float16, narrowed=np.float16, carries=False),
)


@dataclass(frozen=True)
class Trial:
    """What was measured and what is true, entry by entry (outputs that are not finite are left out)."""

    function: str
    way: str
    derivative: Derivative
    truth: np.ndarray
    second: np.ndarray
    base: np.ndarray
    unit: float
    quantum: float

    @property
    def name(self) -> str:
        """Function and way."""
        return f"{self.function}, {self.way}"

    @property
    def judged(self):
        """Entries at which forward and its true derivative are finite."""
        return np.isfinite(self.base) & np.isfinite(self.truth)

    @property
    def told(self):
        """Entries for which a bar was given."""
        return self.derivative.measured & self.judged

    @property
    def error(self):
        """How far the truth lies from the value, or from the interval between the one-sided derivatives."""
        d = self.derivative
        low, high = np.minimum(d.left, d.right), np.maximum(d.left, d.right)
        outside = np.maximum(np.maximum(low - self.truth, self.truth - high), 0.0)
        return np.where(d.kinky, outside, np.abs(d.value - self.truth))[self.told]

    @property
    def bars(self):
        """The true error in error bars."""
        bar = self.derivative.bar[self.told]
        with np.errstate(all="ignore"):
            return np.where(self.error == 0, 0.0, self.error / bar)

    @property
    def ulp(self):
        """One ulp of the derivative; where differences decide, of forward's working precision over the step.

        Both count a unit round-off of the value, and of the input as the value feels it (its derivative along the
        tangent, which has the input's own scale).
        """
        d = self.derivative
        sizes = np.abs(self.base)
        sizes = np.where(sizes > 0, sizes, np.median(sizes[sizes > 0])) if sizes.any() else sizes
        felt = np.maximum(np.abs(self.truth), np.abs(self.second))
        precise = 2.0 * self.unit * felt + self.quantum
        with np.errstate(all="ignore"):
            differenced = (2.0 * self.unit * np.maximum(sizes, np.abs(self.truth)) + self.quantum) / d.steps
        return np.where(d.steps > 0, np.maximum(precise, differenced), precise)[self.told]

    @property
    def sharpness(self):
        """The median bar over the larger of the median true error and the median ulp.

        Where the derivatives span decades, a median of sizes says nothing; there all three are taken relative to it.
        """
        told = self.told
        size = np.abs(self.truth[told])
        if not told.any():
            return np.inf
        low, high = np.quantile(size, [0.1, 0.9])
        spans = high > MANY_DECADES * low
        scale = np.where(size > np.finfo(np.float64).tiny, size, np.inf) if spans and high > 0 else np.ones(size.shape)
        least = max(np.median(self.error / scale), np.median(self.ulp / scale))
        bar = float(np.median(self.derivative.bar[told] / scale))
        return bar / least if least > 0 else 0.0


def instrument_for(forward: Callable, inputs: dict) -> Instrument:
    """Return the judge's hand on a function without a backward."""
    passes = Passes(lambda given: forward(**given), lambda _cotangents, _given: {})
    return Instrument(Subject("a function", inputs, lambda: passes, tuple(inputs)))


def surveyed(forward: Callable, x, rng: np.random.Generator) -> tuple[Place, Measured, Instrument]:
    """Survey `x` and measure the derivative along a random direction."""
    instrument = instrument_for(forward, {"x": x})
    place = with_noise(instrument, survey(instrument, {"x": x}))
    return place, measure(instrument, place, {"x": draw_tangent(rng, place, "x")}), instrument


def run(function: Function, way: Way) -> Trial:
    """Measure one function one way, a scalar at several points; the draws are always the same."""
    taken = [_once(function, way, np.random.default_rng([seed, 20160905])) for seed in range(function.points)]
    derivatives, truths, seconds, places = zip(*taken, strict=True)
    unit = max(function.unit, *(place.unit for place in places), 0.0)
    base = np.concatenate([place.base for place in places])
    known = (np.concatenate(truths), np.concatenate(seconds), base, unit, function.quantum)
    return Trial(function.name, way.name, joined(derivatives), *known)


def _once(function: Function, way: Way, rng: np.random.Generator):
    x = way.point(function, rng)
    place, measured, _ = surveyed(way.forward(function), x, rng)
    truths = true_derivatives(way.formula(function), place.wide["x"], measured.tangents["x"])
    return measured.derivative, *truths, place


def sample(function: Function, way: Way, seed: int = 0):
    """Return a point of a function, and the tangent that `run` measures along."""
    rng = np.random.default_rng([seed, 20160905])
    x = way.point(function, rng)
    place, measured, _ = surveyed(way.forward(function), x, rng)
    return place.wide["x"], measured.tangents["x"]


def joined(derivatives) -> Derivative:
    """Return the entries of several measurements as one."""
    fields = ("value", "bar", "left", "right", "kinky", "noise", "steps")
    return replace(derivatives[0], **{n: np.concatenate([getattr(d, n) for d in derivatives]) for n in fields})


def all_trials() -> Iterator[Trial]:
    """Run every function every way that it is meant for."""
    for function in FUNCTIONS:
        for way in (*ALL_WAYS, *(PLAIN_WAYS if function.plain else ())):
            yield run(function, way)
