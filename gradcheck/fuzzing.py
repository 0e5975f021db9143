"""fuzz(): check() over drawn shapes, hyperparameters and values, shrunk to the smallest counterexample."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from gradcheck.adapters.reading import subject_of
from gradcheck.errors import GradcheckError, InvalidInput, LayerFailed
from gradcheck.examine import check, verdict_of
from gradcheck.report.record import Report
from gradcheck.runner.inputs import make, parse_spec
from gradcheck.runner.refusals import is_refusal
from gradcheck.runner.sweeps import letters_in, with_sizes
from gradcheck.subject import Subject
from gradcheck.verdict import Verdict

AGREES, DISAGREES, INCONCLUSIVE = (str(verdict) for verdict in Verdict)
REJECTED, RAISED = "rejected", "raised"

EXAMPLES = 100  # tried, unless the caller says otherwise: Hypothesis' own default
SIZES = (1, 2, 3, 4)  # of a letter, unless the caller says otherwise
VALUES = ("whole:-3..3", "normal", "uniform:-4..4")  # from what is easy to read to what reaches into tails
SEEDS = 1000

_STEP = 2.0**-10  # of a difference that is only shown, to six digits
_VISIBLE = 1e-3  # relative; below it six digits of a difference with that step say little

Case = Mapping[str, Any]


class _Failed(Exception):
    """An example failed; Hypothesis shrinks what raises."""


class _Stopped(BaseException):
    """Time is up; no Exception, so that Hypothesis does not take it for a failure of the example."""


@dataclass(frozen=True)
class Search:
    """What a search came to: the smallest failing case, if any, and how many cases had which outcome."""

    case: Case | None
    tally: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FuzzResult:
    """What fuzzing found.

    Parameters
    ----------
    report : Report or None
        The whole report on the smallest counterexample; None where there is none.
    smallest : str
        The counterexample in one line: shapes, hyperparameters, the entry that is wrong; or what the layer raised.
    case : mapping
        Shapes, hyperparameters, kind of values and seed of it, as `known` of a later call takes them.
    tally : mapping of str to int
        How many examples agreed, disagreed, stayed inconclusive, were rejected or raised.
    """

    report: Report | None
    smallest: str
    case: Case | None
    tally: Mapping[str, int]

    @property
    def verdict(self) -> Verdict:
        """DISAGREES with a counterexample, AGREES where examples agreed and none failed, else INCONCLUSIVE."""
        if self.report is not None:
            return Verdict.DISAGREES
        return Verdict.AGREES if self.tally.get(AGREES) and not self.tally.get(RAISED) else Verdict.INCONCLUSIVE

    def _repr_html_(self) -> str:
        """Show the report in a notebook, or what was tried where nothing failed."""
        return self.report._repr_html_() if self.report else f"<pre>{escape(str(self))}</pre>"

    def __str__(self) -> str:
        lines = [self.smallest] if self.smallest else []
        lines += [f"tried: {told(self.tally)}"]
        return "\n".join([*lines, *([str(self.report)] if self.report else [])])


def fuzz(
    layer: Any,
    shapes: Mapping[str, Any],
    *,
    dims: Mapping[str, Sequence[int]] | None = None,
    args: Mapping[str, Sequence[Any]] | None = None,
    max_examples: int = EXAMPLES,
    seed: int = 0,
    effort: str = "quick",
    wrt: Sequence[str] | None = None,
    known: Sequence[Case] = (),
) -> FuzzResult:
    """Look for shapes, hyperparameters and values at which a backward pass is wrong, and shrink them.

    Parameters
    ----------
    layer : object, pair of callables, or class or function
        As for `check`; with `args` it is called with the hyperparameters and must return such a layer.
    shapes : mapping of str to str, tuple or strategy
        The inputs: shapes in letters ("NCHW", "N,3,H,W"), each letter a size that is drawn, `"N:int:0..9"` for
        integer constants; or Hypothesis strategies that draw arrays (`gradcheck.strategies`).
    dims : mapping of str to sequence of int, optional
        The sizes of letters; 1 to 4 where nothing is said.
    args : mapping of str to sequence, optional
        The values of each hyperparameter, the plainest first.
    max_examples : int
        Examples to try; those that the layer refuses by a `raise` or an `assert` of its own do not count. What is
        raised on its behalf (shapes that do not fit, say) is a failure, told if no gradient is wrong.
    seed, effort, wrt
        As for `check`; the same seed draws the same examples.
    known : sequence of mapping
        Cases to try first, such as the `case` of an earlier result.

    Raises
    ------
    InvalidInput
        A shape cannot be read, or nothing is left to draw.

    Examples
    --------
    >>> wrong = (lambda x, w: x @ w, lambda grad_output, x, w: (grad_output @ w.T, (x.T @ grad_output) / len(x)))
    >>> print(fuzz(wrong, {"x": "NC", "w": "CK"}).smallest)
    2x1 x, 1x1 w: grad_w[0, 0] claimed 0.5, is 1
    """
    specs, drawn = _specs(shapes)
    axes = _axes(specs, drawn, dims or {}, args or {})

    def subject(case: Case) -> Subject:
        made = layer(**{name: case[name] for name in args}) if args else layer
        return subject_of(made, _inputs(specs, drawn, case), wrt=wrt)

    def attempt(case: Case) -> str:
        try:
            made = subject(case)
        except Exception as err:  # noqa: BLE001 - a constructor may refuse in any way it likes
            return _outcome_of(err, "constructor")
        try:
            return str(verdict_of(made, seed=seed, effort=effort))
        except GradcheckError as err:
            return _outcome_of(err)

    found = search(axes, attempt, max_examples=max_examples, seed=seed, known=known)
    if found.case is None and RAISED in found.tally:
        again = search(axes, attempt, max_examples=max_examples, seed=seed, known=known, failing=(RAISED,))
        if again.case is not None:
            return FuzzResult(None, _raised(subject, again.case, args or {}), again.case, found.tally)
    if found.case is None:
        return FuzzResult(None, "", None, found.tally)
    smallest = subject(found.case)
    report = check(smallest, seed=seed, wrt=wrt)
    line = in_one_line(smallest, {name: found.case[name] for name in args or {}}, report)
    return FuzzResult(report, line, found.case, found.tally)


def _outcome_of(error: Exception, stage: str = "") -> str:
    """Tell a refusal, in the layer's own words, from a failure."""
    cause = error.__cause__ if isinstance(error, LayerFailed) and isinstance(error.__cause__, Exception) else error
    return REJECTED if is_refusal(cause, getattr(error, "stage", stage)) else RAISED


def _raised(subject: Callable[[Case], Subject], case: Case, args: Mapping[str, Any]) -> str:
    """Say what a case raises."""
    told = [f"{name}={value}" for name, value in case.items() if name in args or name not in ("values", "seed")]
    try:
        verdict_of(subject(case))
    except Exception as err:  # noqa: BLE001 - it did so before
        words = str(err) if isinstance(err, GradcheckError) else f"{type(err).__name__}: {err}"
        return f"{', '.join(told)}: {words}"
    return ", ".join(told)


def search(
    axes: Mapping[str, Any],
    attempt: Callable[[Case], str],
    *,
    max_examples: int = EXAMPLES,
    seed: int = 0,
    known: Sequence[Case] = (),
    failing: Sequence[str] = (DISAGREES,),
    stop: Callable[[], bool] = lambda: False,
) -> Search:
    """Draw cases until one has an outcome of `failing`, and shrink it as long as it has the same.

    Parameters
    ----------
    axes : mapping of str to sequence or strategy
        What a case is made of: values of which one is drawn, the plainest first, or a strategy.
    attempt : callable
        Tries a case and returns its outcome; a REJECTED one does not count as an example.
    stop : callable
        Whether time is up; what was found by then is returned.
    """
    outcomes: dict[str, str] = {}
    last: list[Case] = []
    found: list[str] = []

    def outcome_of(case: Case) -> str:
        key = repr({name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in case.items()})
        if key not in outcomes:
            outcomes[key] = attempt(case)
        if is_failing(outcomes[key]):
            found.append(outcomes[key])
            last.append(case)
        return outcomes[key]

    def is_failing(outcome: str) -> bool:
        return outcome == found[0] if found else outcome in failing

    if not any(is_failing(outcome_of(case)) for case in known):
        _draw(axes, outcome_of, max_examples=max_examples, seed=seed, is_failing=is_failing, stop=stop)
    told_outcomes = list(outcomes.values())
    tally = {one: told_outcomes.count(one) for one in dict.fromkeys(told_outcomes)}
    return Search(last[-1] if last else None, tally)


def _draw(
    axes: Mapping[str, Any],
    outcome_of: Callable[[Case], str],
    *,
    max_examples: int,
    seed: int,
    is_failing: Callable[[str], bool],
    stop: Callable[[], bool],
) -> None:
    """Let Hypothesis draw and shrink; the last case with the failing outcome that it tries is the smallest."""
    strategy = st.fixed_dictionaries(
        {name: one if isinstance(one, st.SearchStrategy) else st.sampled_from(list(one)) for name, one in axes.items()}
    )

    @seeded(seed)
    @settings(
        max_examples=max_examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(strategy)
    def example(case: Case) -> None:
        if stop():
            raise _Stopped
        outcome = outcome_of(case)
        if outcome == REJECTED:
            reject()
        if is_failing(outcome):
            raise _Failed

    try:
        example()
    except (_Failed, _Stopped, Unsatisfiable):
        return  # found, out of time, or nothing but refusals: the outcomes tell which


def in_one_line(subject: Subject, args: Mapping[str, Any], report: Report) -> str:
    """Write a counterexample as a person would: "1x1x2x3 x, 1x1x1x2 w, padding=1: grad_x[0, 0] claimed 0, is 2"."""
    shapes = {name: np.shape(value) for name, value in subject.inputs.items()}
    parts = [f"{'x'.join(map(str, shape)) or 'scalar'} {name}" for name, shape in shapes.items()]
    parts += [f"{name}={value}" for name, value in args.items()]
    return f"{', '.join(parts)}: {worst_entry(subject, report)}"


def worst_entry(subject: Subject, report: Report) -> str:
    """Name one wrong entry with what is claimed and what it is; else say the report's own sentence."""
    for name, argument in report.arguments.items():
        if argument.verdict is Verdict.DISAGREES and argument.census is not None and argument.census.worst:
            worst = argument.census.worst[0]
            claimed, measured = _for_ones(subject, name, worst.index) or (worst.claimed, worst.measured.value)
            index = f"[{', '.join(map(str, worst.index))}]" if worst.index else ""
            return f"grad_{name}{index} claimed {claimed:.6g}, is {measured:.6g}"
    wrong = [name for name, argument in report.arguments.items() if argument.verdict is Verdict.DISAGREES]
    return f"grad_{wrong[0]} is wrong" if wrong else next((f.sentence for f in report.findings), report.sentence)


def _for_ones(subject: Subject, name: str, index: tuple[int, ...]) -> tuple[float, float] | None:
    """Return one entry of a gradient for a cotangent of ones, claimed and measured; None where they are the same.

    Whole numbers go in, so that what comes out is easy to read. The report has the numbers that were judged.
    """
    inputs = {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in subject.inputs.items()}
    sums = []
    try:
        for sign in (-1.0, 1.0):
            moved = np.array(inputs[name])
            moved[index] += sign * _STEP
            sums.append(float(np.sum(subject.fresh().forward({**inputs, name: moved}))))
        passes = subject.fresh()
        ones = np.ones_like(np.asarray(passes.forward(inputs)))
        claimed = float(np.asarray(passes.backward((ones,), inputs)[name])[index])
    except Exception:  # noqa: BLE001 - a layer may fail in any way; the numbers of the report are told then
        return None
    measured = (sums[1] - sums[0]) / (2 * _STEP)
    return (claimed, measured) if abs(claimed - measured) > _VISIBLE * (1 + abs(measured)) else None


def told(tally: Mapping[str, int]) -> str:
    """Write a tally: "100 examples: 87 agrees, 13 rejected"."""
    total = sum(tally.values())
    return f"{total} examples: {', '.join(f'{count} {outcome}' for outcome, count in tally.items()) or 'none'}"


def _specs(shapes: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the inputs that are given by shapes, as specifications, and those that strategies draw."""
    drawn = {name: one for name, one in shapes.items() if isinstance(one, st.SearchStrategy)}
    specs = {
        name: one if isinstance(one, str) else ",".join(map(str, one)) or "()"
        for name, one in shapes.items()
        if name not in drawn
    }
    for name, spec in specs.items():
        if not letters_in(spec):
            parse_spec(name, spec)
    return specs, drawn


def _axes(
    specs: Mapping[str, str],
    drawn: Mapping[str, Any],
    dims: Mapping[str, Sequence[int]],
    args: Mapping[str, Sequence[Any]],
) -> dict[str, Any]:
    letters = dict.fromkeys(letter for spec in specs.values() for letter in letters_in(spec))
    for letter in dims:
        if letter not in letters:
            known = ", ".join(letters) or "none"
            raise InvalidInput(f"`dims` must name letters of `shapes` ({known}); it names {letter!r}.")
    for name, values in args.items():
        if isinstance(values, str) or not len(values):
            raise InvalidInput(f"`args` must give a sequence of values for each name; that of `{name}` is {values!r}.")
    axes: dict[str, Any] = {letter: sorted(dims.get(letter, SIZES)) for letter in letters}
    axes |= {name: list(values) for name, values in args.items()}
    if specs:
        axes |= {"values": VALUES, "seed": range(SEEDS)}
    return {**axes, **drawn}


def _inputs(specs: Mapping[str, str], drawn: Mapping[str, Any], case: Case) -> dict[str, Any]:
    sized = {name: drawn_spec(spec, case) for name, spec in specs.items()}
    made = make({name: parse_spec(name, spec) for name, spec in sized.items()}, seed=case.get("seed", 0))
    return {**made, **{name: case[name] for name in drawn}}


def drawn_spec(spec: str, case: Case) -> str:
    """Return the specification of an input in a case: letters by their sizes, values of its kind if none is named."""
    sized = with_sizes(spec, {name: value for name, value in case.items() if isinstance(value, int)})
    return sized if not letters_in(spec) or ":" in spec else f"{sized}:{case['values']}"
