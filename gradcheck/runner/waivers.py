"""Waivers: known disagreements, each with its reason, that count as expected until they heal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradcheck.errors import InvalidInput, did_you_mean
from gradcheck.report.headline import headline
from gradcheck.report.record import Failure, Report, Result
from gradcheck.verdict import Severity, Verdict


@dataclass(frozen=True)
class Waiver:
    """A disagreement that is known: of this target (as the report calls it), and why it stands.

    With `argument` or `code` it covers the gradient of that argument or the finding of that code alone.
    """

    target: str
    reason: str
    argument: str = ""
    code: str = ""


def check_waivers(waivers: Sequence[Waiver], targets: Sequence[str]) -> None:
    """Refuse a waiver for something that is not checked at all.

    Raises
    ------
    InvalidInput
        It names none of the targets, nor a configuration of one: `FILE:NAME (stride=2)`.
    """
    for waiver in waivers:
        if waiver.target.partition(" (")[0] not in targets:
            near = did_you_mean(waiver.target, targets) or "."
            raise InvalidInput(f"a waiver must name a target that is checked; {waiver.target!r} is none{near}")


ALLOWED = "an inconclusive check is allowed here"


def waived(result: Result, target: str, waivers: Sequence[Waiver], *, allow_inconclusive: bool = False) -> Result:
    """Return the result as the waivers for its target (or for its own name) leave it.

    A disagreement that is covered whole says so, and an inconclusive check where it is allowed; an agreement where a
    waiver expects none is a failure of its own.
    """
    if allow_inconclusive and not isinstance(result, Failure) and result.verdict is Verdict.INCONCLUSIVE:
        return replace(result, waived=ALLOWED)
    mine = [waiver for waiver in waivers if waiver.target in (target, result.target)]
    if not mine or isinstance(result, Failure):
        return result
    healed = [waiver for waiver in mine if not _covered(result, waiver)]
    if healed and result.verdict is not Verdict.INCONCLUSIVE:
        return Failure(target=result.target, kind="healed", sentence=_healing(healed[0], result))
    if result.verdict is Verdict.DISAGREES and _faults(result) <= {f for one in mine for f in _covered(result, one)}:
        return replace(result, waived="; ".join(waiver.reason for waiver in mine))
    return result


def _covered(report: Report, waiver: Waiver) -> set[tuple[str, str]]:
    """Return the faults of the report that the waiver is about, each as (argument, code)."""
    return {
        (argument, code)
        for argument, code in _faults(report)
        if waiver.argument in ("", argument) and waiver.code in ("", code)
    }


def _faults(report: Report) -> set[tuple[str, str]]:
    """Return what makes the report disagree: wrong gradients, of the code "gradient", and findings that are errors."""
    wrong = {(name, "gradient") for name, one in report.arguments.items() if one.verdict is Verdict.DISAGREES}
    return wrong | {(f.argument or "", f.code) for f in report.findings if f.severity is Severity.ERROR}


def _healing(waiver: Waiver, report: Report) -> str:
    about = " ".join(filter(None, (waiver.argument, waiver.code)))
    what = f"the waiver{f' of {about}' if about else ''} ({waiver.reason}) covers nothing any more"
    return f"{what}: remove it from `waive` in pyproject.toml. Now it is: {report.verdict.upper()}  {headline(report)}"
