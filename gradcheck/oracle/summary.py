"""What a run says as a whole: the table by operation, and the mistakes that its failures point at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcheck.oracle.case import Case
from gradcheck.oracle.expectations import DEVIATIONS
from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.judging import Outcome
from gradcheck.oracle.loudness import LOUD

COLUMNS = ("bit-exact", "ulps", "reciprocal", "wrong", "unsupported", "crashed")
_TOLD = 3  # mistakes named for each operation
TITLES = ("operation", "bit-exact", "within ulps", "reciprocal", "wrong", "unsupported", "crashed", "worst ulps")


@dataclass(frozen=True)
class Suspicion:
    """A mistake that explains failures of an operation.

    Either it gives exactly the numbers of so many wrong cases (`reproduced`), or, where no mistake does, every case
    that shows it fails and no other mistake shows in more.
    """

    operation: str
    flag: str
    cases: int
    reproduced: bool
    sentence: str


def table(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Return the titles, a row of counts for each operation, and their sum; nothing for a count of zero."""
    operations = sorted({outcome.operation for outcome in outcomes})
    rows = [_row(name, [o for o in outcomes if o.operation == name]) for name in operations]
    return [TITLES, *rows, *([_row("all", outcomes)] if len(rows) > 1 else [])]


def _row(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    counts = [sum(o.status == status for o in outcomes) for status in COLUMNS]
    worst = max((o.ulps for o in outcomes if o.status in ("ulps", "reciprocal")), default=0.0)
    return (name, *(str(count or "") for count in counts), f"{worst:.3g}" if worst else "")


def suspicions(outcomes: Sequence[Outcome], cases: Mapping[str, Case]) -> list[Suspicion]:
    """Name the mistakes that explain the failures of each operation, the most telling first."""
    found = []
    for operation in sorted({o.operation for o in outcomes if _is_evidence(o)}):
        mine = [o for o in outcomes if o.operation == operation and o.status != "unsupported"]
        told = Counter(flag for o in mine for flag in o.flags)
        counted = told or _always_failing(mine, cases)
        found += [Suspicion(operation, flag, n, bool(told), FLAGS[flag]) for flag, n in counted.most_common(_TOLD)]
    return found


def _is_evidence(outcome: Outcome) -> bool:
    """Tell whether a case fails as by a mistake of ours: one of a window's size ends in an exception, too."""
    return outcome.status == "wrong" or outcome.raised


def _always_failing(outcomes: Sequence[Outcome], cases: Mapping[str, Case]) -> Counter[str]:
    """Count the failures that show each flag, less the flags of cases that pass, and keep those that show in the most.

    Where every case ends in an exception there is nothing to tell mistakes apart by.
    """
    failing = [o for o in outcomes if _is_evidence(o)]
    if all(outcome.status == "crashed" for outcome in outcomes):
        return Counter()
    shown: Counter[str] = Counter(flag for o in failing for flag in cases[o.case].flags)
    passing = {flag for o in outcomes if _refutes(o, cases[o.case]) for flag in cases[o.case].flags}
    kept = {flag: count for flag, count in shown.items() if flag not in passing}
    most = max(kept.values(), default=0)
    return Counter({flag: count for flag, count in kept.items() if count == most})


def _refutes(outcome: Outcome, case: Case) -> bool:
    """Tell whether a case passes that would not if its flags' mistakes were made.

    A flag of a rounded case says what the mistake costs in float64, which may be less than a case is let off with, and
    says nothing of a narrower dtype.
    """
    if outcome.status in DEVIATIONS:
        return False
    return case.result != "rounded" or (outcome.dtype == "float64" and outcome.ulps <= LOUD)
