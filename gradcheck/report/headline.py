"""The first line of a report: the verdict in capitals, the target, and one sentence."""

import math
from collections.abc import Iterable

from gradcheck.report.digits import percent, short, whole
from gradcheck.report.record import Failure, Report, Result
from gradcheck.verdict import Argument, Severity, Verdict

COARSE = 0.01  # a one-entry resolution above this is said in the first line (DESIGN.md, "Verdict")

IN_STEPS = "moves in steps and is constant close by"  # in the sentence of an argument
_LITTLE = 1e-3  # of a gradient: below it training goes on much as before, and the size belongs into the first line
_FAILURE_LABELS = {
    "rejected": "REJECTED",
    "load": "NOT CHECKED",
    "usage": "NOT CHECKED",
    "raised": "RAISED",
    "crashed": "CRASHED",
    "timeout": "TIMED OUT",
    "memory": "OUT OF MEMORY",
    "healed": "WAIVER HEALED",
}


def label(result: Result) -> str:
    """Say the outcome in one or two words in capitals."""
    if isinstance(result, Failure):
        return _FAILURE_LABELS.get(result.kind, result.kind.upper())
    if result.waived:
        return "WAIVED"
    if result.verdict is Verdict.AGREES and result.vacuous:
        return "AGREES, VACUOUSLY"
    return result.verdict.upper()


def headline(result: Result) -> str:
    """Say what was found of what, without the verdict: "Conv: grad_weight is wrong (3 of 18 entries)"."""
    if isinstance(result, Failure):
        return f"{result.target}: {result.sentence}"
    said = f"{result.target}: {result.sentence or compose(result)}{_coarse(result)}"
    return f"{said}; waived: {result.waived}" if result.waived else said


def compose(report: Report) -> str:
    """Make the sentence of the first line from the rest of a report."""
    match report.verdict:
        case Verdict.DISAGREES:
            return _disagreement(report)
        case Verdict.INCONCLUSIVE:
            return _undecided(report)
    return _agreement(report)


def gradient(name: str) -> str:
    """Name the gradient of an argument: grad_weight."""
    return name if name.startswith("grad_") else f"grad_{name}"


def _disagreement(report: Report) -> str:
    wrong = [argument for argument in report.arguments.values() if argument.verdict is Verdict.DISAGREES]
    if wrong:
        return _listed(map(_wrong, wrong))
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    return errors[0].sentence if errors else "a contract is broken"


def _wrong(argument: Argument) -> str:
    if argument.reason is not None and argument.sentence:  # it could not be judged: its shape, NaN in it
        return argument.sentence.rstrip(".")
    return f"{gradient(argument.name)} is wrong{_small(argument)}{_count(argument)}"


def _small(argument: Argument) -> str:
    """Say how far off a gradient is where that is little: an epsilon left out is not a sign turned round."""
    size = max(abs(argument.claimed), abs(argument.measured.value))
    relative = argument.discrepancy / size if size and math.isfinite(size) else math.inf
    return f" by {short(relative, 1)} of its size" if 0 < relative < _LITTLE else ""


def _count(argument: Argument) -> str:
    census = argument.census
    if census is None or not census.wrong:
        return ""
    about = "" if census.exact else "at least " if census.at_least else "about "
    return f" ({about}{census.wrong} of {whole(census.total, 'entry', 'entries')})"


def _undecided(report: Report) -> str:
    undecided = [argument for argument in report.arguments.values() if argument.verdict is Verdict.INCONCLUSIVE]
    said = [argument.sentence or f"{gradient(argument.name)} could not be judged" for argument in undecided]
    reason = f" ({report.reason})" if report.reason else ""
    return (_listed(dict.fromkeys(said)) or "no gradient could be judged") + reason


def _agreement(report: Report) -> str:
    if report.vacuous:
        stepped = any(IN_STEPS in argument.sentence for argument in report.arguments.values())
        responded = f"forward {IN_STEPS}" if stepped else "forward did not respond at any point tried"
        return f"{responded}, and no gradient is claimed"
    nothing = [argument.name for argument in report.arguments.values() if argument.reason == "vacuous"]
    agreed = whole(len(report.arguments) - len(nothing), "gradient agrees", "gradients agree")
    agreed += f", {_named(nothing)} vacuously" if nothing else ""
    whole_gradient, one_entry = worst_resolutions(report)
    if not math.isfinite(whole_gradient):
        return agreed
    seen = f"{percent(whole_gradient)} of a gradient"
    seen += f", {percent(one_entry)} of one entry," if math.isfinite(one_entry) else ""
    return f"{agreed}; errors above {seen} would have been seen"


def worst_resolutions(report: Report) -> tuple[float, float]:
    """Give the worst resolution of a whole gradient and of one entry over all arguments (0 where there is none).

    Arguments of which there was nothing to judge have none.
    """
    arguments = [argument for argument in report.arguments.values() if argument.reason != "vacuous"]
    return (
        max((argument.resolution for argument in arguments), default=0.0),
        max((argument.entry_resolution for argument in arguments), default=0.0),
    )


def _coarse(report: Report) -> str:
    """Say that one wrong entry could have been missed, where the sentence does not say it already."""
    worst = worst_resolutions(report)[1]
    if report.verdict is not Verdict.AGREES or report.vacuous or worst <= COARSE or "one entry" in report.sentence:
        return ""
    if not math.isfinite(worst):
        return "; an error in one entry alone could have been missed"
    if not report.sentence:
        return ""  # the composed sentence has said it
    return f"; in one entry only an error above {percent(worst)} would have been seen"


def _named(arguments: list[str]) -> str:
    """Name the gradients of the first three arguments and count the rest."""
    said = [gradient(name) for name in arguments[:3]]
    return ", ".join([*said, *([f"{len(arguments) - 3} more"] if len(arguments) > 3 else [])])


def _listed(parts: Iterable[str]) -> str:
    """Join the first three parts and count the rest."""
    said = list(parts)
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")
