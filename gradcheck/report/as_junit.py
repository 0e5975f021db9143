"""The JUnit face: one test case a result, because a result is what one line replays and a finding may have no argument.

DISAGREES and INCONCLUSIVE are failures (their `type` says which), a target that could not be checked is an error, a
configuration that the layer refused and a waived disagreement are skipped. What every argument got stands in the
properties.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gradcheck.report.as_text import render
from gradcheck.report.digits import short
from gradcheck.report.headline import headline
from gradcheck.report.paper import printable
from gradcheck.report.record import Failure, Report, Result
from gradcheck.verdict import Verdict


def documents(results: Sequence[Result], version: str) -> str:
    """Write a `testsuites` document with one suite; the text of a case is the text face without colour."""
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", _totals(results))
    if version:
        _properties(suite, {"gradcheck": version})
    for name, result in zip(_names(results), results, strict=True):
        seconds = result.seconds if isinstance(result, Report) else None
        case = SubElement(suite, "testcase", {"classname": "gradcheck", "name": name, "time": f"{seconds or 0.0:.3f}"})
        _outcome(case, result)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _totals(results: Sequence[Result]) -> dict[str, str]:
    kinds = [_kind(result) for result in results]
    seconds = sum(result.seconds or 0.0 for result in results if isinstance(result, Report))
    counts = {"failures": kinds.count("failure"), "errors": kinds.count("error"), "skipped": kinds.count("skipped")}
    written = {key: str(count) for key, count in counts.items()}
    return {"name": "gradcheck", "tests": str(len(results)), **written, "time": f"{seconds:.3f}"}


def _kind(result: Result) -> str:
    if isinstance(result, Failure):
        return {"rejected": "skipped", "healed": "failure"}.get(result.kind, "error")
    if result.waived:
        return "skipped"
    return "system-out" if result.verdict is Verdict.AGREES and not result.has_error else "failure"


def _names(results: Sequence[Result]) -> list[str]:
    """Name each case after its target, numbered where a target comes up again."""
    seen: dict[str, int] = {}
    names = []
    for result in results:
        target = printable(result.target)
        seen[target] = seen.get(target, 0) + 1
        names.append(target if seen[target] == 1 else f"{target} ({seen[target]})")
    return names


def _outcome(case: Element, result: Result) -> None:
    if isinstance(result, Report):
        _properties(case, _facts(result))
    kind = _kind(result)
    outcome = SubElement(case, kind)
    outcome.text = render(result)
    if kind != "system-out":
        outcome.set("message", printable(headline(result)))
        outcome.set("type", result.kind if isinstance(result, Failure) else result.verdict.value)


def _facts(report: Report) -> dict[str, str]:
    facts = {"verdict": report.verdict.value, "reason": report.reason or "", "seed": str(report.seed)}
    facts |= {"effort": report.effort, "replay": report.replay, "convention": report.convention}
    for name, argument in report.arguments.items():
        facts[f"argument.{name}"] = f"{argument.verdict.value}, {short(argument.bars)} bars"
    return {key: value for key, value in facts.items() if value}


def _properties(parent: Element, facts: dict[str, str]) -> None:
    properties = SubElement(parent, "properties")
    for name, value in facts.items():
        SubElement(properties, "property", {"name": printable(name), "value": printable(value)})
