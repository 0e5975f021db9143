"""A ladder over very many outputs: worked through in blocks that stay in cache, and in little memory.

The state of a descent is some twenty vectors. Where there are many outputs only what forward returned is kept, and
each block of them descends afresh whenever something is asked: the steps are few, and a block is fast.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.numdiff.complex_step import COMPLEX_STEP
from gradcheck.numdiff.ladder import FEWEST_FOR_A_KINK, Ladder, least_relative
from gradcheck.numdiff.records import Derivative, Rung, Vector, blocks, joint_norm, sparsely, typical_size

FAINT = 2.0**-126  # a response that single precision would take for none stays one
REMEMBERED = 2**17  # outputs up to which every block keeps its state


class LongLadder:
    """The evaluations of a descent, and the ladder of each block of outputs as they are asked for."""

    def __init__(
        self,
        base: Vector,
        noise: Vector,
        *,
        fewest: int = FEWEST_FOR_A_KINK,
        relative_noise: float | None = None,
    ) -> None:
        self.base, self.noise, self.fewest = base, noise, fewest
        self.step, self.steps_taken = 0.0, 0
        self._blocks = list(blocks(base.size)) or [slice(0, 0)]
        self._relative_noise = self._least_relative() if relative_noise is None else relative_noise
        self._taken: list[tuple[bool, float, Vector, Vector]] = []
        few = base.size <= REMEMBERED
        self._alive = {i: self._new(at) for i, at in enumerate(self._blocks) if few or i == 0}

    def narrowed(self, chosen: NDArray[np.intp]) -> "LongLadder":
        """Return the ladder of some of very many outputs, at the step where this one is."""
        noise = self._relative_noise
        part = LongLadder(self.base[chosen], self.noise[chosen], fewest=self.fewest, relative_noise=noise)
        for is_rung, step, plus, minus in self._taken:
            (part.descend if is_rung else part.challenge)(step, plus[chosen], minus[chosen])
        return part

    def _least_relative(self) -> float:
        told = [at for at in self._blocks if np.any(np.isfinite(self.base[at]) & (self.base[at] != 0))]
        return min((least_relative(self.noise[at], self.base[at]) for at in told), default=0.0)

    def _new(self, at: slice) -> Ladder:
        return Ladder(self.base[at], self.noise[at], fewest=self.fewest, relative_noise=self._relative_noise)

    def descend(self, step: float, plus: Vector, minus: Vector) -> None:
        """Take f(+h) and f(-h)."""
        self.step, self.steps_taken = step, self.steps_taken + 1
        self._take(True, step, plus, minus)

    def challenge(self, step: float, plus: Vector, minus: Vector) -> None:
        """Hold the best estimates against a much smaller step."""
        self._take(False, step, plus, minus)

    def _take(self, is_rung: bool, step: float, plus: Vector, minus: Vector) -> None:
        for i, ladder in self._alive.items():
            _follow(ladder, self._blocks[i], is_rung, step, plus, minus)
        if len(self._alive) < len(self._blocks):
            self._taken.append((is_rung, step, plus, minus))

    def settled(self, next_step: float) -> bool:
        """Tell whether no output can gain from a smaller step; a block that could is kept alive, to be asked first."""
        if not all(ladder.settled(next_step) for ladder in self._alive.values()):
            return False
        for i in range(len(self._blocks)):
            ladder = self._descended(i)
            if not ladder.settled(next_step):
                self._alive[i] = ladder
                return False
        return True

    @property
    def wild(self) -> bool:
        """Whether the steps are too large for most outputs of the first block."""
        return self._alive[0].wild

    def parts(self) -> Iterator[tuple[slice, Ladder]]:
        """Yield the outputs block by block, each with its ladder."""
        for i, at in enumerate(self._blocks):
            yield at, self._descended(i)

    def _descended(self, i: int) -> Ladder:
        if i in self._alive:
            return self._alive[i]
        ladder = self._new(self._blocks[i])
        for taken in self._taken:
            _follow(ladder, self._blocks[i], *taken)
        return ladder


def _follow(ladder: Ladder, at: slice, is_rung: bool, step: float, plus: Vector, minus: Vector) -> None:
    (ladder.descend if is_rung else ladder.challenge)(step, plus[at], minus[at])


class Together:
    """Derivatives of blocks put together; a vector that stands for another's everywhere is that very object."""

    def __init__(self, noise: Vector, into: tuple[Vector, Vector] | None) -> None:
        size = noise.size
        self.value, self.bar = into or (np.empty(size), np.empty(size))
        self.left = self.right = self.value
        self.kinky = np.zeros(size, dtype=bool)
        self.noise, self.measured_noise = noise, noise
        self.response = np.empty(size, dtype=np.float32)
        self.proven: NDArray[np.floating] | None = None
        self.rungs: list[tuple[Rung, ...]] = []
        self._best: list[Vector] = []  # the steps that some of the outputs were read off at
        self._every = sparsely(size)
        self._sure = self._straight = 0
        self.carried = True

    def add(self, at: slice, found: Derivative, ladder: Ladder) -> None:
        """Take in the outputs `at`; blocks come in their order."""
        if found.kinky.any() and self.left is self.value:
            self.left, self.right = self.value.copy(), self.value.copy()
        self.value[at], self.bar[at], self.kinky[at] = found.value, found.bar, found.kinky
        if self.left is not self.value:
            self.left[at], self.right[at] = found.left, found.right
        if self.noise is self.measured_noise and found.noise is not ladder.noise:
            self.noise = self.measured_noise.copy()
        if self.noise is not self.measured_noise:
            self.noise[at] = found.noise
        self.response[at] = np.maximum(found.response, FAINT * (found.response > 0))
        if found.proven is not None:
            if self.proven is None:
                self.proven = np.empty(self.noise.size, dtype=np.float32)
            self.proven[at] = found.proven
        self._straight += found.straight
        self.carried &= found.carried
        self._sure += int(np.count_nonzero((found.steps == 0) & np.isfinite(found.bar)))
        self._best.append(ladder.best_step[ladder.told][:: self._every])
        self.rungs.append(tuple(ladder.rungs))

    def derivative(self, real: str, evaluations: int) -> Derivative:
        """Return everything as one measurement; `real` is the method of the outputs without a complex step."""
        rungs = tuple(_joint_rung(parts) for parts in zip(*self.rungs, strict=True))
        size = max(self.bar.size, 1)
        return Derivative(
            value=self.value,
            bar=self.bar,
            left=self.left,
            right=self.right,
            kinky=self.kinky,
            noise=self.noise,
            response=self.response,
            method=COMPLEX_STEP if 2 * self._sure >= size else real,
            evaluations=evaluations,
            step=typical_size(np.concatenate(self._best)),
            carried=self.carried,
            proven=self.proven,
            rungs=rungs,
            straight=self._straight,
        )


def put_back(found: Derivative, closer: Derivative, chosen: NDArray[np.intp]) -> Derivative:
    """Put outputs that were looked at more closely back among the others, whose vectors are written over."""
    left, right, noise, proven = found.left, found.right, found.noise, found.proven
    if closer.kinky.any() and left is found.value:
        left, right = found.value.copy(), found.value.copy()
    found.value[chosen], found.bar[chosen], found.kinky[chosen] = closer.value, closer.bar, closer.kinky
    left[chosen], right[chosen] = closer.left, closer.right
    if not np.array_equal(noise[chosen], closer.noise):
        noise = noise.copy()
        noise[chosen] = closer.noise
    found.response[chosen] = np.maximum(closer.response, FAINT * (closer.response > 0))
    if proven is not None and closer.proven is not None:
        proven[chosen] = closer.proven
    rungs = (*found.rungs, *closer.rungs[len(found.rungs) :])
    carried = found.carried and closer.carried
    return replace(
        found, left=left, right=right, noise=noise, rungs=rungs, evaluations=closer.evaluations, carried=carried
    )


def _joint_rung(parts: tuple[Rung, ...]) -> Rung:
    """Add up one step's errors; blocks of which nothing is known yet count only where that is true of all."""
    truncation = [rung.truncation_error for rung in parts if np.isfinite(rung.truncation_error)]
    return Rung(
        parts[0].step,
        joint_norm(truncation) if truncation else float("inf"),
        joint_norm(rung.roundoff_error for rung in parts),
    )
