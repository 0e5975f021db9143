"""The judge's hand on the layer: every call goes through here, on copies, counted by purpose, warnings collected."""

import traceback
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck.checks.outputs import Form, as_arrays, flatten, form_of, is_numeric
from gradcheck.errors import GradcheckError, LayerFailed, LayerFault, described
from gradcheck.numdiff.records import Vector, identical
from gradcheck.subject import Array, Inputs, Passes, Subject
from gradcheck.verdict import Cost, Evaluations

OURS = __file__.replace("\\", "/").rsplit("/", 2)[0]
MOST_WARNINGS = 20
OPEN = 8  # calls of forward beyond the others where a question is open: a second look, or one for corners
BORROWED = 30  # and where it is wrong at ordinary points or nowhere: all that the contract has, which then comes last
CONTRACT = "the contract"
CLOSE = "close by"  # the purpose of a look at the given point with ties broken, which the contract pays for
PAY_THEMSELVES = frozenset({CONTRACT, CLOSE, "explaining"})  # purposes that have a budget of their own


def copied(inputs: Inputs, given_away: Collection[str] = ()) -> dict[str, Any]:
    """Return the inputs with every array copied, so that a layer that writes into them harms nobody.

    Those in `given_away` nobody needs any more.
    """
    return {
        name: value.copy() if isinstance(value, np.ndarray) and name not in given_away else value
        for name, value in inputs.items()
    }


def trimmed_traceback(error: BaseException) -> str:
    """Return the traceback of a layer's exception without this package's own frames."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.replace("\\", "/").startswith(OURS)]
    lines = traceback.format_list(theirs) + traceback.format_exception_only(error)
    return "".join(lines).rstrip()


class Instrument:
    """Calls a Subject's passes, on copies, and keeps the tally.

    Forward evaluations share one instance; every backward gets a fresh one, after a forward at the same inputs where
    the layer turns out to need it (these are counted apart).
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.purpose_now = "the gradient"
        self.tally: dict[str, list[int]] = {}
        self.warnings: list[str] = []
        self.needs_forward = subject.stateful
        self.allowed: int | None = None
        self.allowed_answers: int | None = None
        self.open = OPEN
        self.kept = 0  # of the calls of forward allowed, for what must still come
        self.left_out: list[str] = []  # what calls no longer sufficed for
        self._forward_passes: Passes | None = None
        # The judge mutes its own arithmetic; the layer runs under the caller's settings.
        self._errstate = np.geterr()

    @contextmanager
    def purpose(self, name: str) -> Iterator[None]:
        """Count the calls made inside under `name`."""
        before, self.purpose_now = self.purpose_now, name
        try:
            yield
        finally:
            self.purpose_now = before

    @contextmanager
    def borrowing(self, needed: bool) -> Iterator[None]:
        """Let what settles an open question inside take calls of the contract as well, if that is `needed`."""
        self.open = BORROWED if needed else OPEN
        try:
            yield
        finally:
            self.open = OPEN

    def count(self, forward: int = 0, backward: int = 0, state: int = 0) -> None:
        """Add calls to the tally of the present purpose."""
        row = self.tally.setdefault(self.purpose_now, [0, 0, 0])
        for i, number in enumerate((forward, backward, state)):
            row[i] += number

    @property
    def evaluations(self) -> Evaluations:
        """What was spent so far, in total and by purpose."""
        spent = tuple(Cost(purpose, f, b, s) for purpose, (f, b, s) in self.tally.items() if f or b or s)
        forward, backward, state = (sum(row[i] for row in self.tally.values()) for i in range(3))
        return Evaluations(forward, backward, state, spent)

    def left(self, *, settling: bool = False) -> float:
        """Return how many forward calls the judgement may still take; contract and explanation pay for themselves.

        What may settle an open question (a discrepancy that is not yet confirmed, a claim outside of its interval) may
        take a few more, and those kept: where a claim turns out wrong nothing else must come.
        """
        if self.allowed is None:
            return float("inf")
        if self.purpose_now == CLOSE:
            return self.lent()
        more = min(self.open, BORROWED - self._asked(0)) if settling else -self.kept
        return self.allowed + more - self._judging(0)

    def answers_left(self) -> float:
        """Return how many answers of backward the judgement may still ask for."""
        if self.allowed_answers is None:
            return float("inf")
        return self.lent(1) if self.purpose_now == CLOSE else self.allowed_answers - self._judging(1)

    def _judging(self, which: int) -> int:
        """Return the calls of forward (0) or of backward (1) that the judgement took so far."""
        return sum(row[which] for purpose, row in self.tally.items() if purpose not in PAY_THEMSELVES)

    def _asked(self, which: int) -> int:
        """Return the calls that the contract made so far, or paid for."""
        return sum(self.tally.get(purpose, [0, 0])[which] for purpose in (CONTRACT, CLOSE))

    def lent(self, which: int = 0) -> int:
        """Return how many calls of forward (0) or of backward (1) the contract can still pay for."""
        return BORROWED - self.overdrawn()[which]

    def overdrawn(self) -> tuple[int, int]:
        """Return the calls of forward and of backward beyond those allowed, and those that the contract paid for."""
        forward, backward = (
            self._asked(i) + (max(self._judging(i) - n, 0) if n is not None else 0)
            for i, n in enumerate((self.allowed, self.allowed_answers))
        )
        return forward, backward

    def fresh(self) -> Passes:
        """Make a new instance; an exception of the factory is the layer's failure."""
        with self._guarded("factory", collect=True):
            return self.subject.fresh()

    def outputs(self, inputs: Inputs, *, passes: Passes | None = None, collect: bool = False) -> tuple[Array, ...]:
        """Call forward on copies of `inputs`; raise LayerFailed where it raises or returns no numbers."""
        return tuple(np.array(part, copy=True) for part in self._returned(inputs, passes=passes, collect=collect))

    def answer(self, inputs: Inputs, *, collect: bool = False) -> tuple[Form, Array]:
        """Return the form and the flat outputs of forward at copies of `inputs`; raise as `outputs` does."""
        parts = self._returned(inputs, collect=collect)
        return form_of(parts), flatten(parts)

    def _returned(
        self, inputs: Inputs, *, passes: Passes | None = None, collect: bool = False, given_away: Collection[str] = ()
    ) -> tuple[Array, ...]:
        """Return the very arrays that forward returned, which may be its own or what it was handed."""
        if passes is None:
            self._forward_passes = self._forward_passes or self.fresh()
            passes = self._forward_passes
        self.count(forward=1)
        handed = copied(inputs, given_away)
        with self._guarded("forward", collect=collect):
            returned = passes.forward(handed)
        return as_arrays(returned)

    def evaluate(
        self, inputs: Inputs, form: Form, *, passes: Passes | None = None, given_away: Collection[str] = ()
    ) -> Vector | None:
        """Return the flat outputs at `inputs`, or None where forward refuses them or answers in another shape.

        Arrays in `given_away` are handed over without a copy.
        """
        try:
            parts = self._returned(inputs, passes=passes, given_away=given_away)
        except GradcheckError:
            return None
        if form_of(parts).shapes != form.shapes or any(np.iscomplexobj(part) for part in parts):
            return None
        return flatten(parts)

    def evaluate_complex(self, inputs: Inputs, form: Form, *, given_away: Collection[str] = ()) -> Any | None:
        """Return the flat complex outputs, or None where forward refuses complex numbers or drops them.

        They may be forward's own memory, and are to be read before the next call.
        """
        try:
            parts = self._returned(inputs, given_away=given_away)
        except GradcheckError:
            return None
        if form_of(parts).shapes != form.shapes or not any(np.iscomplexobj(part) for part in parts):
            return None
        alone = len(parts) == 1 and parts[0].dtype == np.complex128
        return parts[0].reshape(-1) if alone else flatten(parts)

    def raw_backward(
        self, cotangents: tuple[Array, ...], inputs: Inputs, *, passes: Passes | None = None, collect: bool = False
    ) -> dict[str, Any]:
        """Call backward on copies and return what it claims, unconverted, by name."""
        fresh = tuple(part.copy() for part in cotangents)
        return self._claimed(fresh, inputs, passes=passes, collect=collect)

    def _claimed(
        self, fresh: tuple[Array, ...], inputs: Inputs, *, passes: Passes | None = None, collect: bool = False
    ) -> dict[str, Any]:
        passes = passes or self.prepared(inputs)
        self.count(backward=1)
        with self._guarded("backward", collect=collect):
            return dict(passes.backward(fresh, copied(inputs)))

    def forward_in_use(self, passes: Passes, inputs: Inputs) -> Any:
        """Call forward as a caller does, on these very arrays; what it returns is neither read nor copied."""
        self.count(forward=1)
        with self._guarded("forward", collect=False):
            return passes.forward(inputs)

    def backward_in_use(self, passes: Passes, cotangents: tuple[Array, ...], inputs: Inputs) -> dict[str, Any]:
        """Call backward as a caller does, on these very arrays, and return what it claims, unconverted."""
        self.count(backward=1)
        with self._guarded("backward", collect=False):
            return dict(passes.backward(cotangents, inputs))

    def prepared(self, inputs: Inputs) -> Passes:
        """Return a fresh instance that is ready for backward at `inputs`."""
        passes = self.fresh()
        if self.needs_forward:
            self.run_forward(passes, inputs)
        return passes

    def run_forward(self, passes: Passes, inputs: Inputs) -> None:
        """Call forward only for the state that backward needs."""
        self.count(state=1)
        with self._guarded("forward", collect=False):
            passes.forward(copied(inputs))

    def gradients(self, flat: Vector, inputs: Inputs, form: Form) -> dict[str, Array | None]:
        """Return the claimed gradients for a flat cotangent as float64 arrays; None where none is claimed or usable."""
        raw = self._claimed(form.cut(flat), inputs)
        return {name: usable_gradient(raw.get(name), inputs[name]) for name in self.subject.wrt}

    @contextmanager
    def _guarded(self, stage: str, *, collect: bool) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always" if collect else "ignore")
            try:
                with np.errstate(**self._errstate):
                    yield
            except (GradcheckError, LayerFault):
                raise
            except (Exception, SystemExit) as error:
                text = f"{self.subject.name}'s {stage} raised {described(error)}"
                failed = LayerFailed(text, stage=stage, traceback=trimmed_traceback(error))
                if isinstance(error, StopIteration):
                    raise failed from None  # contextlib takes what is raised from one for the thing itself
                raise failed from error
        for item in caught[:MOST_WARNINGS]:
            text = f"{stage}: {item.category.__name__}: {item.message}"
            if text not in self.warnings and len(self.warnings) < MOST_WARNINGS:
                self.warnings.append(text)


def usable_gradient(value: Any, like: Array, *, copy: bool = True) -> Array | None:
    """Return a claimed gradient as float64 in the shape of its argument, or None where it is none.

    Without a `copy` it may be the layer's own memory.
    """
    if value is None:
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.shape != like.shape or np.iscomplexobj(array) or not is_numeric(array.dtype):
        return None
    return array.astype(np.float64, copy=copy)


def same_claims(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two answers of backward are equal to the bit (NaN equal to NaN)."""
    for name in one.keys() | other.keys():
        a, b = one.get(name), other.get(name)
        if (a is None) != (b is None):
            return False
        if a is not None and not _equal(np.asarray(a), np.asarray(b)):
            return False
    return True


def _equal(a: Array, b: Array) -> bool:
    if a.shape != b.shape or object in (a.dtype, b.dtype):
        return False
    inexact = np.issubdtype(a.dtype, np.inexact) and np.issubdtype(b.dtype, np.inexact)
    return identical(a, b) if inexact else bool(np.array_equal(a, b))
