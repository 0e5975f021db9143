"""One result as a card of the HTML page, in the order of the text face."""

from gradcheck.report.as_text import color_of, evidence
from gradcheck.report.curve import svg_curve
from gradcheck.report.digits import percent, short, to_bar, whole, with_bar
from gradcheck.report.disagreement import WORST, judged, named, point, probe, where
from gradcheck.report.headline import gradient, headline, label
from gradcheck.report.heatmap import largest, svg_map
from gradcheck.report.markup import code, element, safe, table, terms
from gradcheck.report.paper import without_escapes
from gradcheck.report.record import Failure, Report, Result
from gradcheck.verdict import Argument, Census, Finding, Severity, Verdict

_SEVERITIES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def card(result: Result, *, anchor: str | None = None, folded: bool = False) -> str:
    """Write the card of a report or of a target that could not be checked; `folded` shows its first line alone."""
    body = "".join(_failure(result) if isinstance(result, Failure) else _report(result))
    title = element("h2", badge(result), safe(headline(result)))
    return element("article", title, _folded("More", body) if folded else body, id=anchor)


def badge(result: Result) -> str:
    """Write the verdict on its colour."""
    return element("span", safe(label(result)), class_=f"badge {color_of(result)}")


def _report(report: Report) -> list[str]:
    wrong = [argument for argument in report.arguments.values() if argument.verdict is not Verdict.AGREES]
    return [
        element("p", safe(f"read as: {report.convention}"), class_="muted") if report.convention else "",
        *(_argument(argument) for argument in wrong),
        _findings(report.findings),
        _agreements(report),
        _titled("Smallest input that shows it", code(report.witness)),
        _proof(report),
        _titled("Exact", element("p", safe(report.exact)) if report.exact else ""),
        _remarks(report),
        _folded("Printed by the layer", code(without_escapes(report.printed))),
        _circumstances(report),
        _titled("Replay", code(report.replay)),
    ]


def _failure(failure: Failure) -> list[str]:
    return [
        element("p", safe(f"stage: {failure.stage}"), class_="muted") if failure.stage else "",
        code(failure.traceback),
        _folded("Printed by the layer", code(without_escapes(failure.printed))),
    ]


def _titled(title: str, body: str) -> str:
    return element("h3", safe(title)) + body if body else ""


def _folded(title: str, body: str) -> str:
    return element("details", element("summary", safe(title)), body) if body else ""


def _argument(argument: Argument) -> str:
    worst = argument.census.worst if argument.census else ()
    index = str(list(worst[0].index)) if worst and worst[0].index else ""
    kind = element("span", safe(f" {argument.shape} {argument.dtype}"), class_="muted")
    sentence = element("p", safe(argument.sentence)) if argument.sentence else ""
    title = element("h3", element("code", safe(gradient(argument.name) + index)), kind)
    pictures = [*_maps(argument.census), _step_curve(argument)]
    compared = _comparison(argument) if judged(argument) else []
    body = terms([*compared, *_why(argument), *_where(argument.census)])
    shown = element("div", *pictures, class_="maps") if any(pictures) else ""
    return title + sentence + body + _worst(argument.census) + shown


def _comparison(argument: Argument) -> list[tuple[str, str]]:
    worst = argument.census.worst[:1] if argument.census else ()
    entry = [(to_bar(one.claimed, one.measured.error_bar), with_bar(one.measured)) for one in worst]
    claimed, measured = entry[0] if entry else ("", "")
    return [
        ("inconclusive", safe(argument.reason or "") if argument.verdict is Verdict.INCONCLUSIVE else ""),
        ("claimed", safe(claimed)),
        ("measured", safe(measured)),
        ("verdict from", safe(probe(argument))),
        ("point", safe(point(argument))),
    ]


def _why(argument: Argument) -> list[tuple[str, str]]:
    diagnosis = argument.diagnosis
    if diagnosis is None:
        return []
    label = f" [{diagnosis.code}]" if diagnosis.code else ""
    return [
        ("diagnosis", element("strong", safe(diagnosis.sentence)) + safe(label)),
        ("evidence", safe(diagnosis.evidence)),
        ("equation", safe(diagnosis.equation)),
        ("repair", code(diagnosis.repair)),
        ("also", safe(", ".join(named(diagnosis)) and "same here: " + ", ".join(named(diagnosis)))),
    ]


def _where(census: Census | None) -> list[tuple[str, str]]:
    return [("where", safe(where(census)))] if census else []


def _worst(census: Census | None) -> str:
    rows = [
        (str(list(e.index)), to_bar(e.claimed, e.measured.error_bar), with_bar(e.measured), short(e.ulps))
        for e in (census.worst[:WORST] if census else ())
    ]
    return table(("worst entries", "claimed", "measured", "ulps"), rows)


def _maps(census: Census | None) -> list[str]:
    """Draw claimed and measured on one scale, and the difference on its own."""
    if census is None:
        return []
    top = max(largest(census.claimed_map), largest(census.measured_map))
    error = largest(census.heat_map)
    rows = (
        ("claimed", census.claimed_map, top, True),
        ("measured", census.measured_map, top, True),
        ("|claimed - measured|", census.heat_map, error, False),
    )
    return [_map(census, *row) for row in rows if row[1] and row[1][0]]


def _map(census: Census, title: str, rows: tuple[tuple[float, ...], ...], top: float, signed: bool) -> str:
    axes = "; ".join(f"{word}: {axis}" for word, axis in zip(("rows", "columns"), census.map_axes, strict=True) if axis)
    scale = f"deepest at {short(top)}" + ("" if signed else ", by decades down to 1e-4 of it")
    picture = svg_map(rows, top=top, signed=signed, tile=census.map_tile, title=title)
    caption = f"{title}; {scale}" + (f". {axes}" if axes else "")
    return element("figure", picture, element("figcaption", safe(caption)))


def _step_curve(argument: Argument) -> str:
    picture = svg_curve(argument.step_curve) if argument.step_curve else ""
    words = "Error of the difference quotient against its step, both axes logarithmic."
    return element("figure", picture, element("figcaption", words)) if picture else ""


def _findings(findings: tuple[Finding, ...]) -> str:
    order = list(_SEVERITIES)
    items = []
    for finding in sorted(findings, key=lambda finding: order.index(finding.severity)):
        mark = element("span", safe(finding.severity.value), class_=f"badge {_SEVERITIES[finding.severity]}")
        of = f" ({finding.argument})" if finding.argument else ""
        shown = element("div", safe(evidence(finding)), class_="muted") if finding.evidence else ""
        items.append(element("li", mark, element("code", safe(finding.code + of)), ": ", safe(finding.sentence), shown))
    return _titled("Findings", element("ul", *items) if items else "")


def _agreements(report: Report) -> str:
    agreed = [argument for argument in report.arguments.values() if argument.verdict is Verdict.AGREES]
    titles = ("gradient", "shape", "dtype", "bars", "threshold", "seen above", "in one entry", "")
    rows = [
        (
            gradient(argument.name),
            str(argument.shape),
            argument.dtype,
            short(argument.bars),
            short(argument.threshold),
            percent(argument.resolution),
            percent(argument.entry_resolution),
            f"{whole(argument.set_apart, 'output')} at kinks set apart" if argument.set_apart else argument.sentence,
        )
        for argument in agreed
    ]
    return _titled("Agrees", table(titles, rows))


def _proof(report: Report) -> str:
    rows = [(damage.argument, damage.damage, short(damage.size), damage.outcome) for damage in report.proof]
    return _titled("Proof: damage done on purpose", table(("gradient of", "damage", "relative size", "outcome"), rows))


def _remarks(report: Report) -> str:
    return terms(
        [("warned", safe(warning)) for warning in report.warnings] + [("note", safe(note)) for note in report.notes]
    )


def _circumstances(report: Report) -> str:
    used = report.evaluations
    total = f"{used.forward} forward, {used.backward} backward"
    total += f", {used.state_forward} forward for a stateful backward" if used.state_forward else ""
    spent = [
        (cost.purpose, str(cost.forward), str(cost.backward), str(cost.state_forward or "")) for cost in used.spent
    ]
    took = f"{short(report.seconds)} s" if report.seconds is not None else ""
    listed = terms(
        [
            ("points", safe("; ".join(report.points))),
            ("calls", safe(total)),
            ("seed", str(report.seed)),
            ("effort", safe(", ".join(filter(None, (report.effort, report.dtype, took))))),
            ("gradcheck", safe(report.version)),
        ]
    )
    costs = _folded("What the calls were spent on", table(("purpose", "forward", "backward", "for state"), spent))
    return element("h3", "Circumstances") + listed + costs
