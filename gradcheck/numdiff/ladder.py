"""Central differences on a ladder of steps with Richardson extrapolation, every output entry with its own bar.

For f smooth, D(h) = (f(h) - f(-h)) / 2h = f' + c2 h^2 + c4 h^4 + ..., and with r the ratio of two neighbouring steps
T1(h) = D(h) + (D(h) - D(rh)) / (r^2 - 1) = f' + O(h^4), and so on (Richardson 1911). The truncation error of an entry
is bounded by how far it stands from its two neighbours in the tableau; it is never taken to shrink faster from step to
step than theory allows, so that two entries that agree by coincidence do not make a small bar. That overstates it by
the factor r^(2j+2), which is taken out, but for 16, where the estimates did shrink by at least a quarter of that factor
twice in a row. Round-off is the measured noise of f over the step. The gap between the one-sided derivatives,
S(h) = (f(h) - 2 f(0) + f(-h)) / h, vanishes like h where f is smooth and stays at a kink, which a central difference
cannot see; what is left of it after extrapolation to h = 0 is part of the bar.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from gradcheck.numdiff.records import Derivative, Mask, Rung, Vector, norm, typical_size

Along = Callable[[float], Vector | None]

COARSE_STEPS = tuple(2.0**-k for k in (3, 5, 7, 9, 11, 13, 15, 17))
NEAR_STEPS = tuple(2.0**-k for k in (17, 20))
NEAREST_STEPS = tuple(2.0**-k for k in (27, 34))
KINK_STEPS = tuple(2.0**-k for k in (24, 27, 34))
CONFIRMING_STEPS = tuple(2.0**-k for k in (7, 9, 11))
ORDERS = 3
COVERAGE = 3.0  # standard deviations: a quotient's own noise is 0.7 to 0.8 of noise / h, so that bars hold at 4 sigma
WELL_KNOWN = 0.5  # a derivative known better than this is not given up for a step too small for f to respond to
SENTINEL_STEP = 2.0**-24  # one look much closer than the ladder: a function with a second, finer scale differs there
SPIKE = 1e-3  # of f's variation along the ladder: float16, the coarsest arithmetic, has quanta of half of that
KINK_SEEN_AT = 2.0**-8  # of the scale: at larger steps a gap is as well a curve's
KINK = 1e-3  # of the slope: a smaller gap is no kink worth setting an output apart, and stays in the bar
CONTRADICTED = 3.0  # bars of both together, beyond which the closer look refutes the ladder
LENIENT = 4.0  # errors that shrink from step to step by at least theory's factor over this shrink as theory says
FEWEST_FOR_A_KINK = 3  # a gap must have been seen not to shrink twice before it counts as a kink
CURVED_STEPS = 3  # the second derivative is read off early steps, before rounding drowns it
GAP_NOISE = 8.0  # the extrapolated gap weighs six values of f with at most (r + 1) / (r - 1) <= 5/3 each over h


class Ladder:
    """The state of a descent: the best estimate of each output so far, and the last row of the tableau.

    Memory is a fixed number of vectors, whatever the number of steps. `relative_noise` is the least noise of an
    output beside its size, where that is known from more outputs than these.
    """

    def __init__(
        self,
        base: Vector,
        noise: Vector,
        *,
        fewest: int = FEWEST_FOR_A_KINK,
        relative_noise: float | None = None,
    ) -> None:
        self.base, self.noise, self.fewest = base, noise, fewest
        shape = base.shape
        self.value, self.gap = np.zeros(shape), np.zeros(shape)
        self.bar = np.full(shape, np.inf)
        self.kink_part = np.zeros(shape)
        self.gap_error = np.zeros(shape)
        self.limit, self.limit_error = np.zeros(shape), np.zeros(shape)
        self.row: list[Vector] = []
        self.errors: list[Vector] = []
        self.gaps: list[Vector] = []
        self.curvature = np.zeros(shape)
        self.step, self.steps_taken = 0.0, 0
        self.rungs: list[Rung] = []
        self.best_step = np.zeros(shape)
        self.unexplained_noise = np.zeros(shape)
        self.relative_noise = least_relative(noise, base) if relative_noise is None else relative_noise
        self.known = np.zeros(shape, dtype=bool)
        self.told = np.zeros(shape, dtype=bool)
        self.regular = [np.zeros(shape, dtype=np.int8) for _ in range(ORDERS)]
        self.response, self.variation = np.zeros(shape), np.zeros(shape)
        self.bent = np.zeros(shape, dtype=bool)

    def descend(self, step: float, plus: Vector, minus: Vector) -> None:
        """Take f(+h) and f(-h) into the tableau."""
        with np.errstate(all="ignore"):
            quotient = (plus - minus) / (2.0 * step)
            gap = ((plus - self.base) - (self.base - minus)) / step
            ratio = self.step / step if self.step else 0.0
            row, errors = self._extrapolate(quotient, ratio)
            if self.steps_taken < CURVED_STEPS:
                self.curvature = np.nan_to_num(np.abs(gap) / step, nan=0.0, posinf=0.0)
            gaps = self._extrapolated_gaps(gap, ratio)
            kink = self._left_of_gap(gaps, step)
            moved = np.fmax(np.abs(plus - self.base), np.abs(minus - self.base))
            self.response = np.fmax(self.response, moved / step)
            self.variation = np.fmax(self.variation, np.where(np.isfinite(moved), moved, 0.0))
            sharp = self._sharpened(errors, ratio)
            if self.steps_taken < 2:
                apart = np.abs(quotient - self.row[0]) if self.row else 0.0
                self.bent |= np.maximum(np.abs(gap), apart) * step > GAP_NOISE * self._noise_at(plus, minus)
        roundoff = COVERAGE * self._noise_at(plus, minus) / step
        heard = ~self._plateau(plus, minus)
        for value, error in zip(row, sharp, strict=True):
            self._offer(
                value,
                error + roundoff,
                kink,
                heard,
                {"gap": self.limit, "gap_error": self.limit_error, "kink_part": kink},
                step,
            )
        with np.errstate(all="ignore"):
            self.known |= self.bar < WELL_KNOWN * np.abs(self.value)
        self._note_residual(quotient, step, ratio)
        # Far beyond the quanta of any arithmetic a contradiction is structure, and not noise.
        off = np.abs(quotient - self.value)
        self._refute(self.best_step > step, np.where(off * step > SPIKE * self.variation, off, 0.0), gap, step)
        self._note_rung(step, errors[-1], roundoff)
        self.row, self.errors, self.gaps = row, errors, gaps
        self.step, self.steps_taken = step, self.steps_taken + 1

    def challenge(self, step: float, plus: Vector, minus: Vector) -> None:
        """Hold the best estimates against a much smaller step: what it refutes has structure finer than the ladder."""
        with np.errstate(all="ignore"):
            off = np.abs((plus - minus) / (2.0 * step) - self.value)
            gap = ((plus - self.base) + (minus - self.base)) / step
        self._refute(~self._plateau(plus, minus), off, gap, step)

    def _refute(self, where: Mask, off: Vector, gap: Vector, step: float) -> None:
        """Widen the bars of estimates that a smaller step contradicts.

        Either its quotient stands elsewhere, or its one-sided gap has grown: a gap shrinks with the step where f is
        smooth and stays at a kink; where it grows f is a spike to the ladder, or noise. Quanta are told from spikes by
        their size beside f's whole variation.
        """
        with np.errstate(all="ignore"):
            size = np.abs(gap)
            noise = COVERAGE * self.noise / step
            elsewhere = off > CONTRADICTED * (self.bar + noise + size / 2.0)
            grown = size > CONTRADICTED * (np.abs(self.gap) + self.bar + noise)
            grown &= size * step > SPIKE * self.variation
        refuted = where & (elsewhere | grown)
        self.bar = np.where(refuted, np.maximum(self.bar, np.maximum(off, size)), self.bar)

    def _noise_at(self, plus: Vector, minus: Vector) -> Vector:
        """Return the noise of f(h) and f(-h): where f grows away from the point its rounding does."""
        return np.maximum(self.noise, self.relative_noise * np.maximum(np.abs(plus), np.abs(minus)))

    def _plateau(self, plus: Vector, minus: Vector) -> Mask:
        """Outputs that do not respond to this step although larger steps found a well-known derivative: quantised."""
        silent: Mask = self.known & (plus == self.base) & (minus == self.base)
        return silent

    def _extrapolate(self, quotient: Vector, ratio: float) -> tuple[list[Vector], list[Vector]]:
        row, errors = [quotient], [np.full(quotient.shape, np.inf)]
        for order, before in enumerate(self.row[: ORDERS - 1]):
            weight = 1.0 / (ratio ** (2 * order + 2) - 1.0)
            better = row[order] + (row[order] - before) * weight
            apart = np.abs(row[order] - before)
            errors[order] = self._at_least_theory(apart, order, ratio)
            row.append(better)
            known = self.row[order + 1] if len(self.row) > order + 1 else None
            # Without a neighbour of its own order an estimate has no better witness than the lower order's difference.
            estimate = apart if known is None else np.maximum(np.abs(better - row[order]), np.abs(better - known))
            errors.append(self._at_least_theory(estimate, order + 1, ratio))
        return row, errors

    def _sharpened(self, errors: list[Vector], ratio: float) -> list[Vector]:
        """Divide errors by how much they overstate, where they have shrunk twice in a row as theory says."""
        sharp = []
        for order, error in enumerate(errors):
            if order < len(self.errors):
                factor, before = ratio ** (2 * order + 2), self.errors[order]
                as_told = np.isfinite(before) & (before >= error * (factor / LENIENT))
                self.regular[order] = np.where(as_told, np.minimum(self.regular[order] + 1, 2), 0)
                gain = max(factor / LENIENT**2, 1.0)
                sharp.append(np.where(self.regular[order] == 2, error / gain, error))
            else:
                sharp.append(error)
        return sharp

    def _at_least_theory(self, error: Vector, order: int, ratio: float) -> Vector:
        if len(self.errors) <= order:
            return error
        floor = self.errors[order] / ratio ** (2 * order + 2)
        return np.where(np.isfinite(floor), np.maximum(error, floor), error)

    def _extrapolated_gaps(self, gap: Vector, ratio: float) -> list[Vector]:
        """Extrapolate the one-sided gap S(h) = c1 h + c3 h^3 + ... to h = 0, term by term."""
        gaps = [gap]
        for order, before in enumerate(self.gaps[:ORDERS]):
            gaps.append(gaps[order] + (gaps[order] - before) / (ratio ** (2 * order + 1) - 1.0))
        return gaps

    def _left_of_gap(self, gaps: list[Vector], step: float) -> Vector:
        """Half of what remains of the one-sided gap at h -> 0 beyond its noise.

        Unknown (inf) at the first step. A kink stays in every order of the extrapolation, what is smooth shrinks the
        faster the higher the order, so that the least remainder counts.
        """
        if len(gaps) == 1:
            return np.full(gaps[0].shape, np.inf)
        limit = gaps[1]
        least = np.min(np.abs(gaps[1:]), axis=0)
        left: Vector = np.maximum(least - GAP_NOISE * self.noise / step, 0.0) / 2.0
        first = self.steps_taken < 2
        self.limit_error = np.abs(limit - (gaps[0] if first else self.limit))
        self.limit = limit
        return left

    def _offer(
        self, value: Vector, error: Vector, kink: Vector, heard: Mask, beside: dict[str, Any], step: float
    ) -> None:
        bar = error + kink
        better = (bar < self.bar) & heard & np.isfinite(value)
        for kept, new in ((self.value, value), (self.bar, bar), *((getattr(self, k), v) for k, v in beside.items())):
            np.copyto(kept, new, where=better)
        self.best_step[better] = step
        self.unexplained_noise[better] = 0.0

    def _note_residual(self, quotient: Vector, step: float, ratio: float) -> None:
        """Note how far f must be off to explain that a smaller step contradicts the best estimate.

        The quotient may err by the last one's error over the square of the ratio, as theory says.
        """
        if not self.errors:
            return
        with np.errstate(all="ignore"):
            beyond = (np.abs(quotient - self.value) - self.bar - self.errors[0] / ratio**2) * step
        usable = np.isfinite(beyond) & (self.best_step > step)
        self.unexplained_noise = np.maximum(self.unexplained_noise, np.where(usable, beyond, 0.0))

    def _note_rung(self, step: float, error: Vector, roundoff: Vector) -> None:
        finite = np.isfinite(error)
        truncation = norm(error[finite]) if finite.any() else float("inf")
        self.rungs.append(Rung(step, truncation, norm(roundoff)))

    def settled(self, next_step: float) -> bool:
        """Tell whether no output can gain from a smaller step.

        Round-off alone would exceed its bar there, or it has a kink, which only a much smaller step can tell from one
        close by.
        """
        done = COVERAGE * self.noise / next_step >= self.bar
        return bool(np.all(done) or np.all(done | self.kinky))

    @property
    def kinky(self) -> Mask:
        """Outputs whose bar is mostly a gap that the smallest step did not shrink, nor noise explains."""
        if self.steps_taken < self.fewest or (self.step > KINK_SEEN_AT and self.fewest == FEWEST_FOR_A_KINK):
            return np.zeros(self.base.shape, dtype=bool)
        step = np.where(self.best_step > 0, self.best_step, 1.0)
        noise = GAP_NOISE * np.maximum(self.noise, self.unexplained_noise)
        lasting = (np.abs(self.limit) > np.abs(self.gap) / 2.0) & (np.abs(self.limit) > noise / self.step)
        lasting &= (self.limit_error < np.abs(self.limit) / 4.0) & (np.abs(self.gap) > KINK * np.abs(self.value))
        return lasting & (self.kink_part >= self.bar / 2.0) & (self.kink_part > noise / step)

    def derivative(self, method: str, evaluations: int) -> Derivative:
        """Return the best estimates; kinky outputs get the interval of their one-sided derivatives."""
        kinky = self.kinky
        self.told = ~kinky & np.isfinite(self.bar)
        half = np.where(kinky, self.gap / 2.0, 0.0)
        step = np.where(self.best_step > 0, self.best_step, 1.0)
        within = np.maximum(self.bar - self.kink_part, COVERAGE * self.noise / step) + self.gap_error / 2.0
        smooth = np.where(kinky, within, self.bar)
        extra = self.unexplained_noise
        return Derivative(
            value=self.value,
            bar=smooth + COVERAGE * extra / step,
            left=self.value - half,
            right=self.value + half,
            kinky=kinky,
            noise=np.maximum(self.noise, extra),
            response=self.response,
            method=method,
            evaluations=evaluations,
            step=typical_size(self.best_step[self.told]),
            rungs=tuple(self.rungs),
            steps=self.best_step.copy(),
            straight=int(np.count_nonzero(~self.bent & (self.response > 0))),
        )


def least_relative(noise: Vector, base: Vector) -> float:
    """Return the least noise of an output beside its size, 0 where all outputs are zero."""
    told = np.isfinite(base) & (base != 0)
    return float(np.min(noise[told] / np.abs(base[told]), initial=1.0)) if told.any() else 0.0


class Descending(Protocol):
    """What takes evaluations on a ladder of decreasing steps."""

    steps_taken: int

    def descend(self, step: float, plus: Vector, minus: Vector) -> None:
        """Take f(+h) and f(-h)."""

    def settled(self, next_step: float) -> bool:
        """Tell whether no output can gain from a smaller step."""


def run_down(along: Along, steps: tuple[float, ...], ladder: Descending) -> None:
    """Descend `steps` (decreasing), two evaluations each; a step that leaves the domain is passed over."""
    for step in steps:
        if ladder.steps_taken > 1 and ladder.settled(step):
            break
        step_down(along, step, ladder)


def step_down(along: Along, step: float, ladder: Descending) -> None:
    """Take one step of two evaluations, unless it leaves the domain."""
    plus = along(step)
    minus = along(-step) if plus is not None else None
    if plus is not None and minus is not None:
        ladder.descend(step, plus, minus)


def run_ladder(
    along: Along, base: Vector, noise: Vector, steps: tuple[float, ...], *, ladder: Ladder | None = None
) -> Ladder:
    """Return the ladder after descending `steps`."""
    ladder = ladder or Ladder(base, noise)
    run_down(along, steps, ladder)
    return ladder
