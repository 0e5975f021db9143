"""The contract of a backward pass beside the gradient itself: the questions in their order, within one budget."""

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.aliasing import aliasing
from gradcheck.checks.bench import Bench, OutOfBudget
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.linearity import linearity
from gradcheck.checks.mutation import mutation
from gradcheck.errors import GradcheckError
from gradcheck.verdict import Cost, Finding

MOST_CALLS = 30  # of forward and of backward each, whatever the sizes

# In this order: where backward cannot be relied on to answer twice alike, the later comparisons would mean nothing.
CHECKS: tuple[Callable[[Bench], Iterator[Finding]], ...] = (
    mutation,
    aliasing,
    linearity,
)
UNRELIABLE = frozenset({"nondeterministic"})


def contract_findings(
    instrument: Instrument, evidence: Evidence, rng: np.random.Generator, *, budget: int = MOST_CALLS
) -> list[Finding]:
    """Ask every question of the contract at the given point.

    Parameters
    ----------
    evidence : Evidence
        What was seen at the given point; its first cotangent and gradients are the reference answer.
    budget : int
        The most forward and the most backward calls; calls of forward for a stateful backward's sake come on top.

    Returns
    -------
    list of Finding
        With codes from `severities.SEVERITIES`. What the layer raises becomes a finding and is never passed on.
    """
    if not instrument.subject.wrt:
        return []
    spent = instrument.evaluations
    bench = Bench(instrument, evidence, rng, budget, Cost("", spent.forward, spent.backward))
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            for finding in check(bench):
                findings.append(finding)
        except OutOfBudget:
            break
        except GradcheckError:
            continue  # raised on the plain call, of which the judgement of the gradient has told already
        if any(finding.code in UNRELIABLE for finding in findings):
            break
    return findings
