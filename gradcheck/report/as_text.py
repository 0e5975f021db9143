"""The text face of a report: verdict, what is wrong and why, what agrees, what it cost, the line that replays it."""

from collections.abc import Sequence

from gradcheck.report.digits import short, whole
from gradcheck.report.disagreement import explain
from gradcheck.report.headline import headline, label
from gradcheck.report.paper import Paper, without_escapes
from gradcheck.report.record import Failure, Report, Result
from gradcheck.report.replay import replay_lines
from gradcheck.report.table import agreements
from gradcheck.verdict import Cost, Finding, Plain, Severity, Verdict

_COLOR = {Verdict.AGREES: "green", Verdict.DISAGREES: "red", Verdict.INCONCLUSIVE: "yellow"}
_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_SEVERITY_COLOR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_PRINTED_LINES = 5  # what a layer prints belongs to its author; a few lines tell which print it was


def render(result: Result, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """Render one result as text without a trailing newline; a pure function of its arguments.

    Parameters
    ----------
    result : Report or Failure
        What to render.
    width : int
        Columns to keep to; only code (the replay line, a witness, a traceback) is never broken inside a word.
    color : bool
        Whether to mark verdicts and names with ANSI colours; nothing is said by colour alone.
    unicode : bool
        Whether the stream can encode more than ASCII.
    """
    paper = Paper(width, color, unicode)
    sections = _failure(result, paper) if isinstance(result, Failure) else _report(result, paper)
    return "\n\n".join("\n".join(section) for section in sections if section)


def documents(
    results: Sequence[Result],
    version: str,
    *,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
    brief: bool = False,
) -> str:
    """Render many results one below the other, and for two or more a line for each of them at the end.

    With `brief`, of several results those that agree or were rejected have that line alone.
    """
    paper = Paper(width, color, unicode)
    shown = [result for result in results if not (brief and len(results) > 1 and _is_unremarkable(result))]
    texts = [render(result, width=width, color=color, unicode=unicode) for result in shown]
    if len(results) > 1:
        texts.append("\n".join(_summary(results, version, paper)))
    return f"\n\n{paper.rule()}\n\n".join(texts)


def _is_unremarkable(result: Result) -> bool:
    if isinstance(result, Failure):
        return result.kind == "rejected"
    return result.verdict is Verdict.AGREES and not result.has_error


def _report(report: Report, paper: Paper) -> list[list[str]]:
    wrong = [argument for argument in report.arguments.values() if argument.verdict is not Verdict.AGREES]
    return [
        _first_line(report, paper),
        *(explain(argument, paper) for argument in wrong),
        _findings(report.findings, paper),
        agreements(report, paper),
        _code("smallest input that shows it", report.witness, paper),
        _proof(report, paper),
        _remarks(report, paper),
        _printed(report.printed, paper),
        _circumstances(report, paper),
    ]


def _failure(failure: Failure, paper: Paper) -> list[list[str]]:
    stage = paper.wrap(failure.stage, first="stage  ") if failure.stage else []
    return [
        _first_line(failure, paper),
        stage,
        paper.verbatim(failure.traceback, indent="  "),
        _printed(failure.printed, paper),
    ]


def _first_line(result: Result, paper: Paper) -> list[str]:
    verdict = label(result)
    lines = paper.wrap(headline(result), first=f"{verdict}  ", rest="  ")
    lines[0] = paper.paint(verdict, color_of(result)) + lines[0][len(verdict) :]
    if isinstance(result, Report) and result.convention:
        lines += paper.wrap(f"read as: {result.convention}", first="  ")
    return lines


def color_of(result: Result) -> str:
    """Give the colour of a result's verdict."""
    if isinstance(result, Failure):
        return "yellow" if result.kind == "rejected" else "red"
    if result.has_error and not result.waived:
        return "red"
    return "yellow" if result.vacuous or result.waived else _COLOR[result.verdict]


def _findings(findings: Sequence[Finding], paper: Paper) -> list[str]:
    lines = []
    for finding in sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity)):
        of = f" ({finding.argument})" if finding.argument else ""
        head = f"{finding.severity.value}: {finding.code}{of}: "
        wrapped = paper.wrap(head + finding.sentence, rest="  ")
        severity = finding.severity.value
        wrapped[0] = paper.paint(severity, _SEVERITY_COLOR[finding.severity]) + wrapped[0][len(severity) :]
        lines += wrapped
        if finding.evidence:
            lines += paper.wrap(evidence(finding), first="  ")
    return lines


def evidence(finding: Finding) -> str:
    """Write the numbers that show a finding: "largest change 0.5; entries 3"."""
    return "; ".join(f"{key.replace('_', ' ')} {_value(value)}" for key, value in finding.evidence.items())


def _value(value: Plain) -> str:
    if isinstance(value, float):
        return short(value, 6)
    if isinstance(value, tuple):
        shown = ", ".join(map(_value, value[:6]))
        return f"({shown}, ... {len(value)} in all)" if len(value) > 6 else f"({shown})"
    return str(value)


def _code(title: str, code: str, paper: Paper) -> list[str]:
    return [f"{title}:", *paper.verbatim(code, indent="  ")] if code else []


def _proof(report: Report, paper: Paper) -> list[str]:
    if not report.proof:
        return []
    lines = paper.wrap("proof: the claimed gradient was damaged on purpose", rest="  ")
    for damage in report.proof:
        size = f" (relative size {short(damage.size)})" if damage.size else ""
        lines += paper.wrap(f"{damage.argument}, {damage.damage}{size}: {damage.outcome}", first="  ", rest="    ")
    return lines


def _remarks(report: Report, paper: Paper) -> list[str]:
    lines = paper.wrap(report.exact, first="exact: ", rest="  ") if report.exact else []
    for word, sentences in (("warned: ", report.warnings), ("note: ", report.notes)):
        for sentence in sentences:
            lines += paper.wrap(sentence, first=word, rest="  ")
    return lines


def _printed(text: str, paper: Paper) -> list[str]:
    lines = paper.verbatim(without_escapes(text), indent="  ")
    if not lines:
        return []
    left = len(lines) - _PRINTED_LINES
    more = [f"  ... {whole(left, 'more line')}"] if left > 0 else []
    return ["printed by the layer:", *lines[:_PRINTED_LINES], *more]


def _circumstances(report: Report, paper: Paper) -> list[str]:
    lines = _listed("points", report.points, paper)
    lines += paper.wrap(_cost(report), first="calls   ")
    with_dtype = f", {report.dtype}" if report.dtype else ""
    took = f", {short(report.seconds)} s" if report.seconds is not None else ""
    by = f", gradcheck {report.version}" if report.version else ""
    lines += paper.wrap(f"{report.seed}, effort {report.effort}{with_dtype}{took}{by}", first="seed    ")
    return lines + replay_lines(report.replay, paper)


def _listed(key: str, items: Sequence[str], paper: Paper) -> list[str]:
    return paper.wrap("; ".join(items), first=f"{key:8}") if items else []


def _cost(report: Report) -> str:
    used = report.evaluations
    total = f"{used.forward} forward, {used.backward} backward"
    if used.state_forward:
        total += f", {used.state_forward} forward for a stateful backward"
    spent = "; ".join(f"{cost.purpose} {_calls(cost)}" for cost in used.spent)
    return f"{total} ({spent})" if spent else total


def _calls(cost: Cost) -> str:
    state = f"+{cost.state_forward}" if cost.state_forward else ""
    return f"{cost.forward}+{cost.backward}{state}"


def _summary(results: Sequence[Result], version: str, paper: Paper) -> list[str]:
    by = f" by gradcheck {version}" if version else ""
    lines = paper.wrap(f"{_counted(results)} checked{by}{_tally(results)}")
    for result in results:
        refused = f": {result.sentence}" if isinstance(result, Failure) and result.kind == "rejected" else ""
        lines += paper.wrap(result.target + refused, first=f"  {label(result):18}", rest=" " * 20)
    return lines


def _counted(results: Sequence[Result]) -> str:
    """Count targets, and their configurations where there are more of them: a sweep names them in brackets."""
    targets = len({result.target.partition(" (")[0] for result in results})
    if targets == len(results):
        return whole(targets, "target")
    return f"{len(results)} configurations" + (f" of {targets} targets" if targets > 1 else "")


def _tally(results: Sequence[Result]) -> str:
    """Count the outcomes of a sweep."""
    if all(" (" not in result.target for result in results):
        return ""
    labels = [label(result).lower() for result in results]
    return ": " + ", ".join(f"{labels.count(one)} {one}" for one in dict.fromkeys(labels))
