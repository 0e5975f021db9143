"""The judge on trial: every case of the zoo through a given `check`, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradcheck.errors import LayerFailed
from gradcheck.faults.codes import WITNESSES
from gradcheck.faults.records import Fault, Shows, Tricky, point_of
from gradcheck.verdict import Severity, Verdict

Check = Callable[[Any, dict[str, Any]], Any]
GIVEN_POINT = "the given point"  # what a report calls the caller's point


@dataclass(frozen=True)
class Trial:
    """What the judge said of one case.

    `verdict` is None where check raised, and `raised` then says what. `accused` are the arguments that disagree,
    `caught_by` the checks that saw something wrong: "gradient", "elsewhere" (at a derived point), or the code of a
    finding. `diagnoses` are (argument, codes) pairs. `deviation` is empty where mathematics and the judge agree.
    """

    case: Fault | Tricky
    verdict: Verdict | None
    accused: tuple[str, ...] = ()
    caught_by: tuple[str, ...] = ()
    diagnoses: tuple[tuple[str, tuple[str, ...]], ...] = ()
    raised: str = ""
    deviation: str = ""


def try_case(check: Check, case: Fault | Tricky, *, seed: int = 0) -> Trial:
    """Run one case through `check` and hold the answer against the expected one."""
    try:
        report = check(case.make(), dict(point_of(case, seed)))
    except LayerFailed as err:
        refused = isinstance(case, Fault) and case.code == "crash"
        return Trial(case, None, raised=str(err), caught_by=("raised",), deviation="" if refused else "raised")
    except Exception as err:  # noqa: BLE001 - whatever the judge trips over is a deviation, and not the end
        return Trial(case, None, raised=f"{type(err).__name__}: {err}", deviation="raised")
    accused = {name: a for name, a in report.arguments.items() if a.verdict is Verdict.DISAGREES}
    seen = dict.fromkeys("gradient" if a.point == GIVEN_POINT else "elsewhere" for a in accused.values())
    named = WITNESSES.get(case.code, ()) if isinstance(case, Fault) and case.shows is Shows.MANNERS else ()
    findings = dict.fromkeys(f.code for f in report.findings if f.severity is not Severity.NOTE or f.code in named)
    told = {n: a.diagnosis for n, a in report.arguments.items() if a.diagnosis}
    diagnoses = {n: (d.code, *d.alternatives) for n, d in told.items()}
    return Trial(
        case,
        report.verdict,
        accused=tuple(accused),
        caught_by=(*seen, *findings),
        diagnoses=tuple(diagnoses.items()),
        deviation=_deviation(case, report.verdict, tuple(accused), any(c in named for c in findings), diagnoses),
    )


def _deviation(
    case: Fault | Tricky, verdict: Verdict, accused: tuple[str, ...], witnessed: bool, diagnoses: Any
) -> str:
    if isinstance(case, Tricky):
        if verdict in case.accepted:
            return ""
        return "false alarm" if verdict is Verdict.DISAGREES else "undecided"
    if verdict is not Verdict.DISAGREES and not witnessed:
        return "undecided" if verdict is Verdict.INCONCLUSIVE else "missed"
    if any(name not in case.wrong_arguments for name in accused):
        return "right argument accused"
    if any({case.code, *case.also}.isdisjoint(codes) for codes in diagnoses.values()):
        return "wrong diagnosis"
    return ""
