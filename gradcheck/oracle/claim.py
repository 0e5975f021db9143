"""What an implementation that was held to the whole suite may say of itself, in the words of docs/vectors.md."""

from collections.abc import Sequence

from gradcheck.oracle.expectations import DEVIATIONS
from gradcheck.oracle.judging import Outcome
from gradcheck.oracle.suite import Suite


def claim(outcomes: Sequence[Outcome], suite: Suite, name: str) -> str:
    """Return the sentence for what has this name, or nothing where a case deviates, or was not asked in a dtype."""
    dtypes = sorted({outcome.dtype for outcome in outcomes})
    due = {(case.name, dtype) for case in suite for dtype in dtypes if dtype in case.dtypes}
    passed = [outcome for outcome in outcomes if outcome.status not in (*DEVIATIONS, "unsupported")]
    deviating = any(outcome.status in DEVIATIONS for outcome in outcomes)
    if not passed or deviating or {(o.case, o.dtype) for o in outcomes} != due:
        return ""
    operations = ", ".join(sorted({outcome.operation for outcome in passed}))
    return (
        f"{name} conforms to gradcheck vectors, edition {suite.edition} (sha256 {suite.sha256}), "
        f"in {' and '.join(dtypes)}: {operations}; {_how_near(passed)}. {_left_out(outcomes, passed, suite)}"
    )


def _how_near(passed: Sequence[Outcome]) -> str:
    parts = [f"{sum(o.status == 'bit-exact' for o in passed)} cases to the bit"]
    for status, words in (("ulps", "within {:.3g} ulps"), ("reciprocal", "by a rounded reciprocal, {:.3g} ulps")):
        these = [outcome.ulps for outcome in passed if outcome.status == status]
        parts += [f"{len(these)} {words.format(max(these))}"] if these else []
    return ", ".join(parts)


def _left_out(outcomes: Sequence[Outcome], passed: Sequence[Outcome], suite: Suite) -> str:
    """Name what no case that was computed could have shown."""
    missing = len(outcomes) - len(passed)
    if not missing:
        return "No case is left out."
    flags = {case.name: case.flags for case in suite}
    shown = {flag for outcome in passed for flag in flags[outcome.case]}
    unseen = sorted({flag for outcome in outcomes for flag in flags[outcome.case]} - shown)
    return f"Not supported: {missing} cases; flags that none of the others carries: {', '.join(unseen) or 'none'}."
