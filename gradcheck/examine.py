"""check(): a layer through the checks in order, and the Report."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from gradcheck.adapters.reading import Hints, subject_of
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.outcome import Outcome, Plan
from gradcheck.checks.procedure import judge
from gradcheck.checks.severities import OPENING, SEVERITIES
from gradcheck.errors import GradientMismatch, InconclusiveCheck, InvalidInput, did_you_mean
from gradcheck.explain.explanation import explain
from gradcheck.report.record import Report
from gradcheck.subject import Subject, further_points
from gradcheck.verdict import Finding, Severity, Verdict

EFFORTS = ("quick", "normal", "thorough")
EXPLAINING = 20160906  # keeps the draws of an explanation apart from the check's own


def check(
    layer: Any,
    inputs: Any = None,
    *,
    seed: int = 0,
    effort: str = "normal",
    wrt: Sequence[str] | None = None,
    points: Sequence[Any] | None = None,
    factory: Callable[[], Any] | None = None,
    wrap: Any = None,
    grad_attr: str = "grad",
    grads: Mapping[str, str] | None = None,
    passing: Mapping[str, str] | None = None,
    scale: str = "",
    prove: bool = False,
    strict: bool = False,
    errors: Sequence[str] = (),
    name: str = "",
    replay: str = "",
    judged: Callable[[Report], None] | None = None,
) -> Report:
    """Tell whether a layer's backward pass is the adjoint of its forward pass.

    Parameters
    ----------
    layer : object, pair of callables or Subject
        `forward(*inputs)` and `backward(grad_output, *inputs)`, as methods or as a pair.
    inputs : mapping of str to array, sequence of arrays, or array
        The point. Floating arrays are differentiated; everything else is handed on as a constant.
    seed : int
        Seeds every random draw of the check; the global random states are left as they were.
    effort : {"quick", "normal", "thorough"}
        How much is spent: quick judges the gradient at the given point alone; thorough takes four times as many
        probes and derived points, and at most four times the calls.
    wrt : sequence of str, optional
        The arguments under test; by default every floating input that backward claims a gradient for.
    points : sequence of inputs, optional
        Further points to judge at instead of the derived ones; an empty sequence for none. What a point leaves out
        keeps the given value.
    factory : callable, optional
        Returns a fresh instance of the layer; without it the layer is deep-copied.
    wrap : callable or str, optional
        For functions of a tape of your own: what makes one of its nodes from an array (the class, usually). Or the name
        of the framework that a function is written for, where its code does not tell: "torch", "jax", ...
    grad_attr : str
        The attribute in which a node of that tape has its gradient.
    grads : mapping of str to str, optional
        The attribute that holds a parameter's gradient, by parameter, where that cannot be told.
    passing : mapping of str to str, optional
        What an argument of backward gets, where its name does not tell: "grad", "output", "cache", an input, ...
    scale : {"", "mean"}
        "mean" for gradients that are divided by the batch size by design: those of all parameters, or of none.
    prove : bool
        Damage the claimed gradient on purpose and confirm that this very check sees it.
    strict : bool
        Take an agreement that is vacuous for INCONCLUSIVE.
    errors : sequence of str
        Codes of findings that are warnings by default and shall make the verdict DISAGREES here.
    name, replay : str
        How the report calls the layer, and the line that it says replays the check.

    judged : callable, optional
        Is told the report as it stands before a disagreement is explained, which may take long.

    Returns
    -------
    Report
        `report.verdict`, `report.arguments[name]`, `report.findings`, `report.evaluations`; `str(report)` explains.

    Raises
    ------
    InvalidInput, InvalidLayer
        The inputs or the layer cannot be used.
    LayerFailed
        The layer's own code raised at the given point.

    Examples
    --------
    >>> import numpy as np
    >>> square = (lambda x: x * x, lambda grad_output, x: grad_output * x)
    >>> str(check(square, {"x": np.array([1.0, 2.0, 3.0])}).verdict)
    'disagrees'
    """
    if effort not in EFFORTS:
        raise InvalidInput(f"`effort` must be one of {', '.join(EFFORTS)}; it is {effort!r}.")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InvalidInput(f"`seed` must be an integer of at least 0; it is {seed!r}.")
    if wrt is not None and not (isinstance(wrt, (str, Sequence)) and all(isinstance(one, str) for one in wrt)):
        raise InvalidInput(f"`wrt` must be a sequence of names of inputs; it is {wrt!r}.")
    errors = known_codes(errors)
    hints = Hints(grads=grads or {}, passing=passing or {}, scale=scale)
    options: dict[str, Any] = {"wrt": wrt, "factory": factory, "name": name, "wrap": wrap, "grad_attr": grad_attr}
    with _random_states_kept():
        subject = subject_of(layer, inputs, hints=hints, **options)
        further = None if points is None else further_points(points, subject.inputs)
        instrument = Instrument(subject)
        with np.errstate(all="ignore"):
            outcome = judge(instrument, Plan(int(seed), effort, wrt is not None, further, prove))
            seen = (*subject.findings, *outcome.findings)
            verdict, reason = overall(replace(outcome, findings=seen), strict=strict, errors=errors)
            report = _report(subject, instrument, outcome, verdict=verdict, reason=reason)
            report = replace(
                report,
                findings=raised(seen, errors),
                seed=seed,
                effort=effort,
                replay=replay or f"gradcheck.check({subject.name}, inputs, seed={seed})",
            )
            if judged is not None and verdict is Verdict.DISAGREES:
                judged(report)
            explained = explain(
                instrument, outcome, np.random.default_rng([seed, EXPLAINING]), thorough=effort == "thorough"
            )
    return replace(
        report,
        arguments=explained.arguments,
        witness=explained.witness,
        evaluations=instrument.evaluations,
        warnings=tuple(instrument.warnings),
    )


def _report(
    subject: Subject, instrument: Instrument, outcome: Outcome, *, verdict: Verdict, reason: str | None
) -> Report:
    """Write down what was judged, before it is explained."""
    return Report(
        target=subject.name,
        convention=subject.convention,
        verdict=verdict,
        reason=reason,
        sentence=outcome.sentence,
        vacuous=is_vacuous(outcome, verdict),
        arguments=outcome.arguments,
        evaluations=instrument.evaluations,
        dtype=dtype_of(subject),
        points=outcome.points,
        warnings=tuple(instrument.warnings),
        notes=subject.notes,
        exact=outcome.exact,
        proof=outcome.proof,
        version=version("gradcheck"),
    )


def verdict_of(subject: Subject, *, seed: int = 0, effort: str = "quick") -> Verdict:
    """Return the verdict on a subject at its point alone, with nothing explained: for searches that ask often.

    Raises
    ------
    LayerFailed
        The layer's own code raised.
    """
    with _random_states_kept(), np.errstate(all="ignore"):
        outcome = judge(Instrument(subject), Plan(int(seed), effort, points=()))
    return overall(outcome, strict=False, errors=())[0]


def known_codes(errors: Sequence[str]) -> tuple[str, ...]:
    """Return the codes of findings in `errors`; a misspelt one would silently raise nothing.

    Raises
    ------
    InvalidInput
        There is no such code.
    """
    codes = (errors,) if isinstance(errors, str) else tuple(errors)
    known = (*SEVERITIES, *OPENING)
    for code in codes:
        if code not in known:
            near = did_you_mean(code, known) or "."
            raise InvalidInput(f"`errors` must hold codes of findings; there is no {code!r}{near}")
    return codes


def overall(outcome: Outcome, *, strict: bool, errors: Sequence[str]) -> tuple[Verdict, str | None]:
    """Join the arguments' verdicts and the findings: any disagreement decides, then any doubt."""
    verdicts = [argument.verdict for argument in outcome.arguments.values()]
    if Verdict.DISAGREES in verdicts or any(f.severity is Severity.ERROR for f in raised(outcome.findings, errors)):
        return Verdict.DISAGREES, None
    if outcome.reason is not None:
        return Verdict.INCONCLUSIVE, outcome.reason
    if Verdict.INCONCLUSIVE in verdicts:
        return Verdict.INCONCLUSIVE, next(
            a.reason for a in outcome.arguments.values() if a.verdict is Verdict.INCONCLUSIVE
        )
    if strict and is_vacuous(outcome, Verdict.AGREES):
        return Verdict.INCONCLUSIVE, "vacuous"
    return Verdict.AGREES, None


def is_vacuous(outcome: Outcome, verdict: Verdict) -> bool:
    """Tell whether an agreement rests on nothing: forward never responded, and nothing was claimed."""
    return verdict is Verdict.AGREES and all(a.reason == "vacuous" for a in outcome.arguments.values())


def raised(findings: Sequence[Finding], errors: Sequence[str]) -> tuple[Finding, ...]:
    """Return the findings with the severity of the codes in `errors` raised to ERROR."""
    return tuple(replace(f, severity=Severity.ERROR) if f.code in errors else f for f in findings)


def dtype_of(subject: Subject) -> str:
    """Name the dtypes under test."""
    return ", ".join(dict.fromkeys(str(subject.inputs[name].dtype) for name in subject.wrt))


def assert_agrees(layer: Any, inputs: Any = None, *, allow_inconclusive: bool = False, **options: Any) -> Report:
    """Check a layer and raise unless it agrees; takes every option of `check` and returns the report.

    Raises
    ------
    GradientMismatch
        The verdict is DISAGREES; the report is its text.
    InconclusiveCheck
        The verdict is INCONCLUSIVE, unless `allow_inconclusive`.
    """
    report = check(layer, inputs, **options)
    if report.verdict is Verdict.DISAGREES:
        raise GradientMismatch(report)
    if report.verdict is Verdict.INCONCLUSIVE and not allow_inconclusive:
        raise InconclusiveCheck(report)
    return report


@contextmanager
def _random_states_kept() -> Iterator[None]:
    """Give the caller's global random states back as they were, whatever the layer draws from them."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - the global state is the point
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002 - given back as it was
        random.setstate(python_state)
