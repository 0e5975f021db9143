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
from typing import Protocol

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
APART = 0.5  # of a quotient: two that differ by more tell of no derivative yet
KINK = 1e-3  # of the slope: a smaller gap is no kink worth setting an output apart, and stays in the bar
WHOLLY = 0.25  # of a slope: half the gap of a ReLU alone is at least half of it
VANISHED = 0.125  # of a gap seen at larger steps: an output known better than that has a kink close by, and none here
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
        self._curved: tuple[Vector, float] | None = None
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
        self.gap_seen = np.zeros(shape)

    def descend(self, step: float, plus: Vector, minus: Vector) -> None:
        """Take f(+h) and f(-h) into the tableau."""
        with np.errstate(all="ignore"):
            quotient = (plus - minus) / (2.0 * step)
            up, down = plus - self.base, self.base - minus
            gap = (up - down) / step
            ratio = self.step / step if self.step else 0.0
            row, errors = self._extrapolate(quotient, ratio)
            if self.steps_taken < CURVED_STEPS:
                self._curved = (gap, step)
            gaps = self._extrapolated_gaps(gap, ratio)
            kink = self._left_of_gap(gaps, step)
            moved = np.fmax(np.abs(up), np.abs(down))
            self.response = np.fmax(self.response, moved / step)
            self.variation = np.fmax(self.variation, np.where(np.isfinite(moved), moved, 0.0))
            noise = self._noise_at(plus, minus)
            roundoff = COVERAGE * noise / step
            if self.steps_taken < 2:
                apart = np.maximum(np.abs(gap), np.abs(quotient - self.row[0])) if self.row else np.abs(gap)
                self.bent |= apart * step > GAP_NOISE * noise
            if self.steps_taken:
                # One step alone has no error, so that it offers nothing and contradicts nothing.
                self._take_in(row, errors, ratio, (roundoff, kink), ~self._plateau(plus, minus), step)
            if self.steps_taken > 1:
                self._note_residual(quotient, step, ratio)
                # Far beyond the quanta of any arithmetic a contradiction is structure, and not noise.
                off = np.abs(quotient - self.value)
                self._refute(self.best_step > step, np.where(off * step > SPIKE * self.variation, off, 0.0), gap, step)
        self._note_rung(step, errors[-1], roundoff)
        self.row, self.errors, self.gaps = row, errors, gaps
        self.step, self.steps_taken = step, self.steps_taken + 1

    @property
    def curvature(self) -> Vector:
        """The second derivative, 0 where it is not finite."""
        if self._curved is None:
            return np.zeros(self.base.shape)
        gap, step = self._curved
        with np.errstate(all="ignore"):
            curvature: Vector = np.abs(gap) / step
        curvature[~np.isfinite(curvature)] = 0.0
        return curvature

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
        row, errors = [quotient], [quotient if self.row else np.full(quotient.shape, np.inf)]
        for order, before in enumerate(self.row[: ORDERS - 1]):
            weight = 1.0 / (ratio ** (2 * order + 2) - 1.0)
            better = row[order] + (row[order] - before) * weight
            apart = np.abs(row[order] - before)
            errors[order] = self._at_least_theory(apart, order, ratio)
            row.append(better)
            known = self.row[order + 1] if len(self.row) > order + 1 else None
            # Without a neighbour of its own order an estimate has no better witness than the lower order's difference.
            if known is None:
                estimate = apart
            else:
                own = np.maximum(np.abs(better - row[order]), np.abs(better - known))
                estimate = np.where(np.isfinite(known), own, apart)
            errors.append(self._at_least_theory(estimate, order + 1, ratio))
        return row, errors

    def _sharpened(self, errors: list[Vector], ratio: float) -> list[Vector]:
        """Divide errors by how much they overstate, where they have shrunk twice in a row as theory says."""
        sharp = []
        for order, error in enumerate(errors):
            if self.steps_taken > 1 and order < len(self.errors):
                factor, before = ratio ** (2 * order + 2), self.errors[order]
                as_told = np.isfinite(before) & (before >= error * (factor / LENIENT))
                self.regular[order] = np.where(as_told, np.minimum(self.regular[order] + 1, 2), 0)
                gain = max(factor / LENIENT**2, 1.0)
                twice = self.regular[order] == 2
                sharp.append(np.where(twice, error / gain, error) if twice.any() else error)
            else:
                sharp.append(error)
        return sharp

    def _at_least_theory(self, error: Vector, order: int, ratio: float) -> Vector:
        if self.steps_taken < 2 or len(self.errors) <= order:  # nothing is known of the first step's error
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
        least = np.abs(gaps[1])
        for higher in gaps[2:]:
            np.fmin(least, np.abs(higher), out=least)  # of steps outside f's domain nothing is known
        left: Vector = np.maximum(least - GAP_NOISE * self.noise / step, 0.0) / 2.0
        first = self.steps_taken < 2
        self.limit_error = np.abs(limit - (gaps[0] if first else self.limit))
        self.limit = limit
        return left

    def _take_in(
        self,
        row: list[Vector],
        errors: list[Vector],
        ratio: float,
        beside: tuple[Vector, Vector],
        heard: Mask,
        step: float,
    ) -> None:
        """Offer every order's estimate; the least bar of an output is taken. `beside` are its other parts."""
        roundoff, kink = beside
        taken = np.zeros(self.base.shape, dtype=bool)
        for value, error in zip(row, self._sharpened(errors, ratio), strict=True):
            bar = error + roundoff
            bar += kink
            better = (bar < self.bar) & heard & np.isfinite(value)
            np.copyto(self.value, value, where=better)
            np.copyto(self.bar, bar, where=better)
            taken |= better
        told = ((self.gap, self.limit), (self.gap_error, self.limit_error), (self.kink_part, kink))
        for kept, new in (*told, (self.best_step, step), (self.unexplained_noise, 0.0)):
            np.copyto(kept, new, where=taken)
        self.known |= self.bar < WELL_KNOWN * np.abs(self.value)

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
        known = error if finite.all() else error[finite]
        truncation = norm(known) if known.size else float("inf")
        self.rungs.append(Rung(step, truncation, norm(roundoff)))

    def settled(self, next_step: float) -> bool:
        """Tell whether no output can gain from a smaller step.

        Round-off alone would exceed its bar there, or it has a kink, which only a much smaller step can tell from one
        close by.
        """
        done = COVERAGE * self.noise / next_step >= self.bar
        return bool(np.all(done) or np.all(done | self.kinky))

    @property
    def wild(self) -> bool:
        """Whether the last two quotients have little in common for most outputs that respond: too large steps."""
        if self.steps_taken < 2:
            return False
        told = (self.response > 0) & np.isfinite(self.errors[0])
        apart = self.errors[0][told] > APART * np.abs(self.row[0][told])
        return 2 * int(np.count_nonzero(apart)) > apart.size

    @property
    def kinky(self) -> Mask:
        """Outputs whose bar is mostly a gap that the smallest step did not shrink, nor noise explains."""
        if self.steps_taken < self.fewest or (self.step > KINK_SEEN_AT and self.fewest == FEWEST_FOR_A_KINK):
            return np.zeros(self.base.shape, dtype=bool)
        mostly: Mask = self.kink_part >= self.bar / 2.0
        if not mostly.any():
            return mostly
        step = np.where(self.best_step > 0, self.best_step, 1.0)
        noise = GAP_NOISE * np.maximum(self.noise, self.unexplained_noise)
        lasting = mostly & (np.abs(self.limit) > np.abs(self.gap) / 2.0) & (np.abs(self.limit) > noise / self.step)
        lasting &= (self.limit_error < np.abs(self.limit) / 4.0) & (np.abs(self.gap) > KINK * np.abs(self.value))
        lasting &= self.kink_part > noise / step
        return lasting

    @property
    def gapped(self) -> Mask:
        """Outputs whose bar is mostly a gap that lasts, however small: what a complex step lost hides behind a kink.

        (numpy.abs drops imaginary parts.)
        """
        lasting = (self.kink_part >= self.bar / 2.0) & (self.kink_part > 0)
        if self.steps_taken >= FEWEST_FOR_A_KINK:  # of fewer steps nothing lasts
            lasting &= np.abs(self.limit) > np.abs(self.gap) / 2.0
            lasting &= self.limit_error < np.abs(self.limit) / 4.0
        self.gap_seen = np.where(lasting, np.maximum(self.gap_seen, self.kink_part), self.gap_seen)
        # At smaller steps rounding may be all of the bar, though the gap is still there.
        still = (self.bar > VANISHED * self.gap_seen) & (VANISHED * self.bar < self.gap_seen)
        gapped: Mask = lasting | (still & (self.gap_seen > 0))
        return gapped

    @property
    def mixed(self) -> bool:
        """Whether an output is smooth but for a kink that is too small to set it apart."""
        small = self.gapped & ~self.kinky & (self.gap_seen <= WHOLLY * np.abs(self.value))
        return bool(small.any())

    def derivative(self, method: str, evaluations: int) -> Derivative:
        """Return the best estimates; kinky outputs get the interval of their one-sided derivatives."""
        kinky, extra = self.kinky, self.unexplained_noise
        left = right = self.value
        bar, noise = self.bar.copy(), self.noise
        if kinky.any() or extra.any():
            half = np.where(kinky, self.gap / 2.0, 0.0)
            left, right = self.value - half, self.value + half
            step = np.where(self.best_step > 0, self.best_step, 1.0)
            within = np.maximum(self.bar - self.kink_part, COVERAGE * self.noise / step) + self.gap_error / 2.0
            bar = np.where(kinky, within, self.bar) + COVERAGE * extra / step
            noise = np.maximum(self.noise, extra)
        self.told = ~kinky & np.isfinite(self.bar)
        return Derivative(
            value=self.value,
            bar=bar,
            left=left,
            right=right,
            kinky=kinky,
            noise=noise,
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

    @property
    def wild(self) -> bool:
        """Whether the steps are too large for most outputs."""


def run_down(along: Along, steps: tuple[float, ...], ladder: Descending) -> None:
    """Descend `steps` (decreasing), two evaluations each; a step that leaves the domain is passed over.

    On a long ladder every second one of steps far too large is passed over.
    """
    at = 0
    while at < len(steps):
        if ladder.steps_taken > 1 and ladder.settled(steps[at]):
            break
        step_down(along, steps[at], ladder)
        leap = len(steps) > FEWEST_FOR_A_KINK and ladder.wild
        at = max(at + 1, min(at + 1 + leap, len(steps) - 1))


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
