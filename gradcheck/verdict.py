"""The records of a check: plain frozen data, made of strings, numbers and tuples, that survive JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Plain = str | int | float | bool | None | tuple["Plain", ...] | Mapping[str, "Plain"]


class Verdict(StrEnum):
    """The answer; `str(verdict)` is lower case."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    INCONCLUSIVE = "inconclusive"


class Severity(StrEnum):
    """How a finding weighs: an error makes the verdict DISAGREES, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Measured:
    """A number with the half-width that holds at the stated coverage."""

    value: float
    error_bar: float


@dataclass(frozen=True)
class Finding:
    """One observed fact: a stable `code`, one sentence, and the numbers that show it."""

    code: str
    sentence: str
    severity: Severity = Severity.ERROR
    argument: str | None = None
    evidence: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True)
class WrongEntry:
    """One entry of a gradient whose claim is outside the measured bar; `ulps` in the argument's dtype."""

    index: tuple[int, ...]
    claimed: float
    measured: Measured
    ulps: float


@dataclass(frozen=True)
class Census:
    """Where a gradient is wrong: how many entries, in which box, in which pattern, and the worst few.

    `exact` says whether `wrong` was counted or estimated from `sampled` entries, `at_least` whether there may be more;
    `box` is one (first, last) pair
    an axis; `patterns` are sentences; `heat_map` is a block map (at most 64 x 64) of |claimed - measured|.
    """

    wrong: int
    total: int
    exact: bool
    sampled: int
    box: tuple[tuple[int, int], ...]
    patterns: tuple[str, ...]
    worst: tuple[WrongEntry, ...]
    heat_map: tuple[tuple[float, ...], ...] = ()
    claimed_map: tuple[tuple[float, ...], ...] = ()
    measured_map: tuple[tuple[float, ...], ...] = ()
    map_tile: tuple[int, int] | None = None
    map_axes: tuple[str, str] = ("", "")
    at_least: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """A proved mistake: its `code`, a sentence to act on, the repair, and the evidence.

    `alternatives` are the codes of mistakes that predict the same gradient on these shapes.
    """

    code: str
    sentence: str
    repair: str = ""
    equation: str = ""
    evidence: str = ""
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepCurve:
    """Error of the difference quotient against the step, and the step chosen; three equally long rows."""

    steps: tuple[float, ...]
    truncation_errors: tuple[float, ...]
    roundoff_errors: tuple[float, ...]
    chosen: float


@dataclass(frozen=True)
class Argument:
    """The result for one argument: claimed and measured along the worst probe, and how far apart they are.

    `discrepancy` is |claimed - measured| and `bars` the same in units of `error_bar`; `threshold` is the number of
    bars beyond which the verdict is DISAGREES. `resolution` is the smallest relative error of the whole gradient,
    `entry_resolution` of a typical single entry, that this run would have seen with probability 99.9 %.
    `point` names the point at which the worst probe was taken, `derived_only` says that the given point shows no
    disagreement; `set_apart` counts kinky outputs judged on their own.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    verdict: Verdict
    reason: str | None = None
    sentence: str = ""
    claimed: float = 0.0
    measured: Measured = Measured(0.0, 0.0)
    discrepancy: float = 0.0
    error_bar: float = 0.0
    bars: float = 0.0
    threshold: float = 0.0
    resolution: float = float("inf")
    entry_resolution: float = float("inf")
    method: str = ""
    probes: int = 0
    point: str = "the given point"
    derived_only: bool = False
    set_apart: int = 0
    exact_bound: float | None = None
    census: Census | None = None
    diagnosis: Diagnosis | None = None
    step_curve: StepCurve | None = None


@dataclass(frozen=True)
class Cost:
    """Calls spent on one purpose; `state_forward` are forward calls that only a stateful backward needed."""

    purpose: str
    forward: int
    backward: int
    state_forward: int = 0


@dataclass(frozen=True)
class Evaluations:
    """Forward and backward calls used, in total and by purpose."""

    forward: int = 0
    backward: int = 0
    state_forward: int = 0
    spent: tuple[Cost, ...] = ()


@dataclass(frozen=True)
class Damage:
    """One deliberate damage to the claimed gradient (`prove=True`) and whether this very check caught it."""

    argument: str
    damage: str
    outcome: str
    size: float = 0.0
