"""How a conformance run is shown: a table with what deviates below it, one JSON document, or JUnit."""

import json
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gradcheck import __version__
from gradcheck.cli.terminal import terminal
from gradcheck.oracle.case import Case
from gradcheck.oracle.expectations import DEVIATIONS, Expectation, expected, is_deviation
from gradcheck.oracle.judging import Outcome
from gradcheck.oracle.summary import suspicions, table
from gradcheck.report import plain
from gradcheck.report.digits import whole
from gradcheck.report.paper import Paper, printable

SCHEMA = "gradcheck/conformance/1"


def text(
    outcomes: Sequence[Outcome],
    expectations: Sequence[Expectation],
    cases: Mapping[str, Case],
    *,
    told: Mapping[str, str],
    shown: int,
) -> list[str]:
    """Return the lines for a terminal; at most so many deviations are `shown` one by one."""
    screen = terminal()
    paper = Paper(width=screen.width, unicode=screen.unicode)
    head = f"{told['implementation']} {told['version']} on {told['device']}, suite {told['suite'][:16]}"
    lines = [*paper.wrap(head), "", *_aligned(table(outcomes))]
    deviating = [outcome for outcome in outcomes if is_deviation(outcome, expectations)]
    if shown and deviating:
        lines.append("")
        for outcome in deviating[:shown]:
            lines += paper.wrap(_sentence(outcome, expectations), rest="    ")
        lines += [f"... and {len(deviating) - shown} more"] if len(deviating) > shown else []
        lines += _suspected(deviating, outcomes, cases, paper)
    known = sum(o.status in DEVIATIONS and expected(o, expectations) is not None for o in outcomes)
    noted = f", {known} as expected" if expectations else ""
    lines += ["", f"{whole(len(outcomes), 'case')}, {whole(len(deviating), 'deviation')}{noted}"]
    lines += ["", "it may claim:", *paper.wrap(told["claim"], first="  ", rest="  ")] if shown and told["claim"] else []
    return lines


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    used = [column for column in range(len(rows[0])) if column < 2 or any(row[column] for row in rows[1:])]
    return [
        "  ".join(row[c].ljust(widths[c]) if c == 0 else row[c].rjust(widths[c]) for c in used).rstrip() for row in rows
    ]


def _sentence(outcome: Outcome, expectations: Sequence[Expectation]) -> str:
    line = expected(outcome, expectations)
    if line is not None and outcome.status not in DEVIATIONS:
        return f"passes unexpectedly  {outcome.case} {outcome.dtype}: --xfail says: {line.sentence}"
    return f"{outcome.status}  {outcome.case} {outcome.dtype}: {outcome.sentence}"


def _suspected(
    deviating: Sequence[Outcome], outcomes: Sequence[Outcome], cases: Mapping[str, Case], paper: Paper
) -> list[str]:
    operations = {outcome.operation for outcome in deviating if outcome.status in DEVIATIONS}
    lines = []
    for suspicion in suspicions([o for o in outcomes if o.operation in operations], cases):
        exactly = f"this mistake gives exactly the numbers of {whole(suspicion.cases, 'wrong case')}"
        told = exactly if suspicion.reproduced else f"it shows in {whole(suspicion.cases, 'failing case')}"
        said = f"{suspicion.operation}: [{suspicion.flag}] {told}: "
        lines += paper.wrap(said + suspicion.sentence, first="  ", rest="    ")
    return ["", "what explains it:", *lines] if lines else []


def document(
    outcomes: Sequence[Outcome],
    expectations: Sequence[Expectation],
    cases: Mapping[str, Case],
    *,
    told: Mapping[str, str],
) -> str:
    """Return one JSON document with every outcome."""
    rows = [
        {**plain.dump(outcome), "expected": (expected(outcome, expectations) or Expectation("", "", "")).sentence}
        for outcome in outcomes
    ]
    written = {
        "schema": SCHEMA,
        "gradcheck": __version__,
        **told,
        "deviations": sum(is_deviation(outcome, expectations) for outcome in outcomes),
        "suspicions": [plain.dump(one) for one in suspicions(outcomes, cases)],
        "outcomes": rows,
    }
    return json.dumps(written, indent=1, allow_nan=False) + "\n"


def junit(outcomes: Sequence[Outcome], expectations: Sequence[Expectation]) -> str:
    """Return a JUnit document: a test case for each outcome; what is unsupported or expected is skipped."""
    root = Element("testsuites")
    failing = [o for o in outcomes if is_deviation(o, expectations)]
    suite = SubElement(root, "testsuite", {"name": "gradcheck conform", "tests": str(len(outcomes))})
    suite.set("failures", str(len(failing)))
    for outcome in outcomes:
        name = printable(f"{outcome.case} {outcome.dtype}")
        case = SubElement(suite, "testcase", {"classname": f"gradcheck.{outcome.operation}", "name": name})
        line = expected(outcome, expectations)
        if is_deviation(outcome, expectations):
            SubElement(
                case, "failure", {"message": printable(_sentence(outcome, expectations)), "type": outcome.status}
            )
        elif outcome.status == "unsupported" or line is not None:
            SubElement(case, "skipped", {"message": printable(line.sentence if line else outcome.sentence)})
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"
