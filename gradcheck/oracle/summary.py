"""What a run says as a whole: the table by operation, and the mistakes that its failures point at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcheck.oracle.case import Case
from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.judging import Outcome

COLUMNS = ("bit-exact", "ulps", "reciprocal", "wrong", "unsupported", "crashed")
TITLES = ("operation", "bit-exact", "within ulps", "reciprocal", "wrong", "unsupported", "crashed", "worst ulps")


@dataclass(frozen=True)
class Suspicion:
    """A mistake that would explain failures of an operation: every case that shows it fails, and so many do."""

    operation: str
    flag: str
    failing: int
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
    """Name, for each operation with wrong cases, the mistakes whose every case is wrong; most telling first.

    A flag is told only where the operation has a case without it that passes: what fails everywhere points nowhere.
    """
    found = []
    for operation in sorted({o.operation for o in outcomes if o.status == "wrong"}):
        mine = [o for o in outcomes if o.operation == operation and o.status not in ("unsupported", "crashed")]
        wrong = [o for o in mine if o.status == "wrong"]
        for flag in sorted({flag for o in wrong for flag in cases[o.case].flags}):
            showing = [o for o in mine if flag in cases[o.case].flags]
            if all(o.status == "wrong" for o in showing) and len(showing) < len(mine):
                found.append(Suspicion(operation, flag, len(showing), FLAGS[flag]))
    return sorted(found, key=lambda s: (s.operation, -s.failing))
