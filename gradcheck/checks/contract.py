"""The contract of a backward pass beside the gradient itself: the questions in their order, within one budget."""

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.aliasing import aliasing
from gradcheck.checks.batches import batches
from gradcheck.checks.bench import Bench, OutOfBudget
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.layouts import layouts
from gradcheck.checks.linearity import linearity
from gradcheck.checks.mutation import mutation
from gradcheck.checks.recall import ForwardAtRandom
from gradcheck.checks.repeatability import repeatability
from gradcheck.checks.sizes import sizes
from gradcheck.checks.variants import variants
from gradcheck.errors import GradcheckError
from gradcheck.verdict import Cost, Finding, Severity

MOST_CALLS = 30  # of forward and of backward each, whatever the sizes

# In this order: where backward cannot be relied on to answer twice alike, the later comparisons would mean nothing.
CHECKS: tuple[Callable[[Bench], Iterator[Finding]], ...] = (
    repeatability,
    linearity,
    mutation,
    aliasing,
    variants,
    layouts,
    batches,
    sizes,
)
UNRELIABLE = frozenset({"nondeterministic", "changes-with-calls"})


def contract_findings(
    instrument: Instrument, evidence: Evidence, rng: np.random.Generator, *, budget: int = MOST_CALLS
) -> list[Finding]:
    """Ask every question of the contract at the given point.

    Parameters
    ----------
    evidence : Evidence
        What was seen at the given point; its first cotangent and gradients are the reference answer.
    budget : int
        The most forward and the most backward calls; calls of forward for a stateful backward's sake come on top. What
        the judgement took beyond its own calls is taken from these, so that a check has a bound in all.

    Returns
    -------
    list of Finding
        With codes from `severities.SEVERITIES`. What the layer raises becomes a finding and is never passed on.

    Raises
    ------
    ForwardAtRandom
        Forward was seen to return different outputs for the same inputs, so that these findings say nothing.
    """
    if not instrument.subject.wrt:
        return []
    spent, (forward, backward) = instrument.evaluations, instrument.overdrawn()
    before = Cost("", spent.forward - forward, spent.backward - backward)
    bench = Bench(instrument, evidence, rng, budget, before)
    findings: list[Finding] = []
    for check in CHECKS:
        findings += _asked(check, bench)
        if any(finding.code in UNRELIABLE for finding in findings):
            break
    doubtful = any(f.severity is Severity.ERROR or f.code == "forward-remembers" for f in findings)
    if doubtful and not bench.repeats():
        raise ForwardAtRandom
    bench.forget()
    return findings


def _asked(check: Callable[[Bench], Iterator[Finding]], bench: Bench) -> Iterator[Finding]:
    """Yield what a check finds until the budget is spent, or the plain call itself raises, which is told elsewhere."""
    try:
        yield from check(bench)
    except (GradcheckError, OutOfBudget):
        return
