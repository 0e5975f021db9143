"""Cases of the zoo tried here and now, a chunk at a time: what `gradcheck selftest` asks of a child."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradcheck.examine import check
from gradcheck.faults.records import Fault, Tricky
from gradcheck.faults.selftest import Trial, try_case
from gradcheck.faults.zoo import FAULTS, TRICKY
from gradcheck.report import plain
from gradcheck.verdict import Verdict

Case = Fault | Tricky


def zoo() -> list[Case]:
    """Return every case, the faults first."""
    return [*FAULTS, *TRICKY]


def perform_trials(spec: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Try the cases of these names; return of each trial all but the case, whose functions no process can hand on."""
    known = {case.name: case for case in zoo()}
    told = []
    for name in spec["names"]:
        tell(name)
        trial = try_case(check, known[name], seed=spec["seed"])
        told.append(plain.dump({field: value for field, value in vars(trial).items() if field != "case"}))
    return told


def trials_of(cases: Sequence[Case], told: Sequence[Mapping[str, Any]]) -> list[Trial]:
    """Put the cases and what a child told of their trials together again."""
    return [
        Trial(
            case,
            Verdict(one["verdict"]) if one["verdict"] else None,
            accused=tuple(one["accused"]),
            caught_by=tuple(one["caught_by"]),
            diagnoses=tuple((name, tuple(codes)) for name, codes in one["diagnoses"]),
            raised=one["raised"],
            deviation=one["deviation"],
        )
        for case, one in zip(cases, told, strict=True)
    ]
