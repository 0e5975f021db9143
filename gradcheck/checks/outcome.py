"""What one check is to do, and what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gradcheck.checks.adjoint import Evidence
from gradcheck.subject import Inputs
from gradcheck.verdict import Argument, Damage, Finding


@dataclass(frozen=True)
class Plan:
    """What one check is to do.

    `asked` says that the caller named the arguments under test; `points` are the caller's further points, None for
    derived ones; `prove` asks for deliberate damage.
    """

    seed: int = 0
    effort: str = "normal"
    asked: bool = False
    points: Sequence[Inputs] | None = None
    prove: bool = False


@dataclass(frozen=True)
class Outcome:
    """What the checks found: arguments, findings, and the evidence that an explanation can start from.

    The first evidence is of the given point. `reason` and `sentence` say why nothing could be judged at all.
    """

    arguments: Mapping[str, Argument] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    evidences: tuple[Evidence, ...] = ()
    points: tuple[str, ...] = ()
    reason: str | None = None
    sentence: str = ""
    exact: str = ""
    proof: tuple[Damage, ...] = ()
