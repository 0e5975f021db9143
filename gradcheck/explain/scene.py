"""The scene of a disagreement: fresh cotangents with their claims, fresh tangents with their slopes, one test for all.

Everything is measured once and shared by every hypothesis. A hypothesis replaces the claims, or the cotangents, or
both, and the adjoint identity is asked again: <claim', tangent> = <cotangent', J tangent>.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import CONDITION, SMALLEST, SUMMATION, THRESHOLD, UNSTABLE, Comparison
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outputs import Form, flatten
from gradcheck.checks.places import Place, draw_tangent
from gradcheck.errors import GradcheckError
from gradcheck.explain.answers import Claims, kept
from gradcheck.explain.slopes import Budget, Gauge, Slope, slope
from gradcheck.explain.tables import Tables, inner_products, largest_sizes, norms_of_products
from gradcheck.numdiff.records import Mask, Vector, norm
from gradcheck.numdiff.tangents import natural_scale
from gradcheck.subject import Array, Inputs

CLOSE = 1e-9  # a first look may be wrong by so much, relative: a second one decides
KEPT_NUMBERS = 2**22  # 32 MB of directions and slopes: no more than a few of the arrays of a layer that has many
FEWEST_PROBES = 4  # with as many cotangents: sixteen comparisons
ROUNDED_UP = 1.001  # more than rounding can take from a bound
TELLING = 64.0  # bars that what is compared must amount to, for an agreement to mean anything


@dataclass(frozen=True)
class Rounding:
    """What a claim may be off by: its unit of rounding, the terms of its sums, forward's noise, and its own response.

    `response` is how much a claim changes, relative to its size, when its inputs change by a few ulps; `constants` is
    the rounding of a low-precision layer's constants where it is judged in float64.
    """

    unit: float
    terms: int
    noise: Vector
    response: float
    constants: float = 0.0

    @property
    def relative(self) -> float:
        """What a claim may be off by, relative to its size, for its sums and constants."""
        return float(np.hypot(SUMMATION * self.unit * np.sqrt(max(self.terms, 1)), self.constants))


@dataclass
class Scene:
    """One argument at one place, with what was measured for all hypotheses.

    `cotangents` is (K, outputs), `claims` (K, entries), `tangents` (R, entries), `slopes` and `slope_bars`
    (R, outputs), all flat; `others` are the claims for the other arguments. `answered` keeps what backward answered to
    the hypotheses' questions at the place itself: an answer serves the scenes of all arguments. `reach` keeps which
    indices of the outputs' axes an index of one of the argument's axes moves; `tables` what rows give with rows.
    """

    instrument: Instrument
    evidence: Evidence
    gauge: Gauge
    name: str
    slack: Rounding
    mask: Mask
    rng: np.random.Generator
    budget: Budget
    cotangents: Array
    claims: Array
    tangents: Array
    slopes: Array
    slope_bars: Array
    others: Mapping[str, Array] = field(default_factory=dict)
    answered: dict[bytes, Claims] = field(default_factory=dict)
    reach: dict[tuple[int, int], list[Array]] = field(default_factory=dict)
    tables: Tables = field(default_factory=Tables)

    def bare(self) -> "Scene":
        """Return the scene without what was measured, for who asks anew."""
        none = np.zeros((0, 0))
        return replace(
            self,
            cotangents=none,
            claims=none,
            tangents=none,
            slopes=none,
            slope_bars=none,
            others={},
            answered={},
            reach={},
            tables=Tables(),
        )

    @property
    def place(self) -> Place:
        """Where the disagreement was seen."""
        return self.gauge.place

    @property
    def inputs(self) -> Inputs:
        """The inputs there, as backward gets them."""
        return self.place.inputs

    @property
    def value(self) -> Array:
        """The argument's own value, in float64."""
        return np.asarray(self.place.wide[self.name], dtype=np.float64)

    @property
    def form(self) -> Form:
        """Shapes of the outputs."""
        return self.place.form

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the argument."""
        return tuple(int(n) for n in self.value.shape)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the only output, or one flat axis where there are several."""
        shapes = self.form.shapes
        return tuple(shapes[0]) if len(shapes) == 1 else (self.form.size,)

    def shaped(self, flat: Array) -> Array:
        """Return rows of flat gradients as (K, *shape)."""
        return flat.reshape(len(flat), *self.shape)

    def as_outputs(self, flat: Array) -> Array:
        """Return rows of flat outputs as (K, *output_shape)."""
        return flat.reshape(len(flat), *self.output_shape)

    def ask(self, cotangent: Vector, inputs: Inputs | None = None) -> Array | None:
        """Return backward's flat claim for this argument, or None where it gives none."""
        found = self.ask_all(cotangent, inputs)
        claim = found.get(self.name)
        return None if claim is None else claim.ravel()

    def ask_all(self, cotangent: Vector, inputs: Inputs | None = None) -> Claims:
        """Return backward's claims for every argument; nothing where it raises."""
        key = blake2b(np.ascontiguousarray(cotangent).data, digest_size=16).digest()
        if inputs is None and key in self.answered:
            return self.answered[key]
        self.budget.pay(backward=1)
        try:
            found = self.instrument.gradients(cotangent, self.inputs if inputs is None else inputs, self.form)
        except GradcheckError:
            found = {}
        if inputs is None:
            self.answered[key] = kept(cotangent, found, self.cotangents, {**self.others, self.name: self.claims})
        return found

    def judged(self, outputs: Array) -> Array:
        """Return rows of outputs with zeros where none is judged."""
        return outputs if self.mask.all() else np.where(self.mask, outputs, 0.0)

    def along(self, tangent: Array) -> Slope | None:
        """Measure the slope along one more direction of this argument."""
        return slope(self.instrument, self.gauge, {self.name: tangent.reshape(self.shape)}, self.budget)

    @property
    def probes(self) -> "Probes":
        """The directions, with their slopes and bars."""
        return Probes(self.tangents, self.slopes, self.slope_bars)

    def bars(
        self, claims: Array | None = None, cotangents: Array | None = None, *, along: "Probes | None" = None
    ) -> float:
        """Return the largest discrepancy in bars over all probes, with other claims or cotangents in place of these.

        `along` are other directions than the scene's.
        """
        g, c = self.claims if claims is None else claims, self.cotangents if cotangents is None else cotangents
        return largest_bars(g, c, self.probes if along is None else along, self.slack, tables=self.tables)

    def passes(self, claims: Array | None = None, cotangents: Array | None = None) -> float | None:
        """Return the largest discrepancy where the identity holds on every probe, else None."""
        g = self.claims if claims is None else claims
        c = self.cotangents if cotangents is None else cotangents
        if not self.may_pass(g, c) or not np.all(np.isfinite(g)):
            return None
        worst = self.bars(g, c)
        return worst if worst <= THRESHOLD and self._tells(g, c) else None

    def may_pass(self, claims: Array, cotangents: Array, *, along: "Probes | None" = None) -> bool:
        """Tell from one probe whether the identity may hold for the first claim and cotangent."""
        probes = self.probes if along is None else along
        claimed, measured = self._sides(claims, cotangents, probes, (1, 1))
        if abs(claimed[0] - measured[0]) > THRESHOLD * self._most(claims, cotangents, probes, 1)[0]:
            return False
        return largest_bars(claims, cotangents, probes, self.slack, tables=self.tables, first=(1, 1)) <= THRESHOLD

    def _sides(self, claims: Array, cotangents: Array, probes: "Probes", first: tuple[int, int]) -> tuple[Array, Array]:
        """Return what the first claim says along the first directions, and what was measured there."""
        claimed = self.tables.look(inner_products, claims, probes.tangents, first)
        return claimed[0], self.tables.look(inner_products, cotangents, probes.slopes, first)[0]

    def _most(self, claims: Array, cotangents: Array, probes: "Probes", number: int) -> Array:
        """Return what the first claim's bars along a few directions are at most: cheap, and mostly enough to say no.

        The norm of an entrywise product is at most that of one factor times the other's largest entry.
        """
        rows = (probes.bars, probes.tangents, self.slack.noise)
        bar, tangent, noise = (self.tables.look(largest_sizes, r, r, (1, number))[0] for r in rows)
        claim, cotangent = norm(claims[0]), norm(cotangents[0])
        parts = (cotangent * bar, (self.slack.relative + self.slack.response) * claim * tangent)
        underflow = SMALLEST * float(np.sqrt(self.value.size + self.mask.size))
        most: Array = ROUNDED_UP * (sum(parts) + CONDITION * cotangent * noise + underflow)
        return most

    def holds(self, claims: Array, *, along: "Probes") -> bool:
        """Tell whether the identity holds for other claims along other directions."""
        return self.may_pass(claims, self.cotangents, along=along) and self.bars(claims, along=along) <= THRESHOLD

    def plausible(self, claims: Array, cotangents: Array) -> bool:
        """Tell from two probes whether the first claim can be some multiple of the truth for the first cotangent."""
        if len(self.tangents) < 2:
            return True
        (one, other), (due, next_due) = self._sides(claims, cotangents, self.probes, (1, 2))
        if due == 0.0 or not np.isfinite(one):
            return bool(np.isfinite(one))
        apart, share = abs(other - one / due * next_due), abs(next_due / due)

        def beyond(bars: Array) -> bool:
            return not apart <= THRESHOLD * (bars[1] + share * bars[0]) + CLOSE * abs(other)

        if beyond(self._most(claims, cotangents, self.probes, 2)):
            return False
        return not beyond(bars_of(claims, cotangents, self.probes, self.slack, tables=self.tables, first=(1, 2))[0])

    def worst(self) -> Comparison:
        """Return the comparison of claim and measurement along the probe that shows the most."""
        claimed = self.tables.look(inner_products, self.claims, self.tangents)
        measured = self.tables.look(inner_products, self.cotangents, self.slopes)
        bars = bars_of(self.claims, self.cotangents, self.probes, self.slack, tables=self.tables)
        k, r = np.unravel_index(int(np.argmax(np.abs(claimed - measured) / bars)), bars.shape)
        return Comparison(
            argument=self.name,
            place=self.place.name,
            kind="fresh",
            claimed=float(claimed[k, r]),
            measured=float(measured[k, r]),
            measured_bar=float(np.sqrt(np.sum((self.cotangents[k] * self.slope_bars[r]) ** 2))),
            bar=float(bars[k, r]),
            reach=float(np.sqrt(np.sum((self.claims[k] * self.tangents[r]) ** 2))),
            entries=self.value.size,
            shown=float(np.sqrt(np.sum((self.cotangents[k] * self.slopes[r]) ** 2))),
            method="complex step" if self.gauge.carried else "central differences",
        )

    def _tells(self, claims: Array, cotangents: Array) -> bool:
        """Tell whether the probes could have said no: what they compare stands out of its bars."""
        size = np.abs(self.tables.look(inner_products, claims, self.tangents))
        bars = bars_of(claims, cotangents, self.probes, self.slack, tables=self.tables)
        return bool(np.median(size) > TELLING * np.median(bars))

    def apart(self, factor: float = 1.0) -> Array:
        """Return what the claims, divided by a factor, are off by along every direction, claims by directions."""
        claimed = self.tables.look(inner_products, self.claims, self.tangents)
        apart: Array = claimed / factor - self.tables.look(inner_products, self.cotangents, self.slopes)
        return apart


@dataclass(frozen=True)
class Probes:
    """Directions, the slopes along them, and their bars, a row each."""

    tangents: Array
    slopes: Array
    bars: Array


def largest_bars(
    claims: Array,
    cotangents: Array,
    probes: Probes,
    slack: Rounding,
    *,
    tables: Tables | None = None,
    first: tuple[int, int] | None = None,
) -> float:
    """Compare every claim with every probe, as `checks.comparison.compare` does one, and return the worst.

    `tables` are those of a scene that the arrays may be part of; `first` are how many claims and probes are compared.
    """
    tables = Tables() if tables is None else tables
    claimed = tables.look(inner_products, claims, probes.tangents, first)
    measured = tables.look(inner_products, cotangents, probes.slopes, first)
    bar = bars_of(claims, cotangents, probes, slack, tables=tables, first=first)
    apart = np.abs(claimed - measured)
    with np.errstate(all="ignore"):
        return float(np.max(np.where(apart == 0, 0.0, apart / bar), initial=0.0))


def bars_of(
    claims: Array,
    cotangents: Array,
    probes: Probes,
    slack: Rounding,
    *,
    tables: Tables | None = None,
    first: tuple[int, int] | None = None,
) -> Array:
    """Return the bar of every comparison: the measurement's, the claim's rounding, and what noise leaves open."""
    tables = Tables() if tables is None else tables
    measured_bar = tables.look(norms_of_products, cotangents, probes.bars, first)
    products = tables.look(norms_of_products, claims, probes.tangents, first)
    rounding = slack.relative * products
    condition = CONDITION * tables.look(norms_of_products, cotangents, slack.noise, first)
    response = np.minimum(slack.response * products, UNSTABLE * (condition + rounding))
    underflow = SMALLEST * float(np.sqrt(claims.shape[1] + cotangents.shape[1]))
    found: Array = np.sqrt(measured_bar**2 + rounding**2 + condition**2 + response**2) + underflow
    return found


def with_probes(scene: Scene, count: int) -> Scene:
    """Return the scene with `count` fresh directions measured, each at one pair of calls or one complex call.

    Where the arrays are large there are fewer, so that all of them together stay within `KEPT_NUMBERS`.
    """
    entries, outputs = scene.value.size, scene.mask.size
    count = min(count, max(KEPT_NUMBERS // (entries + 2 * outputs), FEWEST_PROBES))
    tangents, slopes, bars = np.empty((count, entries)), np.empty((count, outputs)), np.empty((count, outputs))
    kept = 0
    for _ in range(count):
        s = scene.along(draw_tangent(scene.rng, scene.place, scene.name))
        if s is not None:
            tangents[kept] = s.tangents[scene.name].ravel()
            slopes[kept], bars[kept] = scene.judged(s.value), scene.judged(s.bar)
            kept += 1
        del s  # large, while the next is measured
    if kept == 0:
        return scene
    return replace(scene, tangents=tangents[:kept], slopes=slopes[:kept], slope_bars=bars[:kept])


def stacked(rows: list[Vector]) -> Array:
    """Return vectors as the rows of a matrix; a single one is not copied."""
    return rows[0][None] if len(rows) == 1 else np.stack(rows)


def scale_of(scene: Scene) -> Array:
    """Return the natural scale of every entry of the argument, flat."""
    return natural_scale(scene.place.wide[scene.name]).ravel()


def ones_like_outputs(scene: Scene) -> Vector:
    """Return a cotangent of ones at the outputs that are judged, as backward will see it."""
    return flatten(scene.form.cut(scene.mask.astype(np.float64)))
