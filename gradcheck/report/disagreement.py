"""The passage on one gradient that does not agree: where, claimed against measured, why, and the worst entries."""

from gradcheck.report.digits import short, to_bar, whole, with_bar
from gradcheck.report.headline import gradient
from gradcheck.report.heatmap import text_map
from gradcheck.report.paper import Paper, columns
from gradcheck.verdict import Argument, Census, Diagnosis, Verdict, WrongEntry

WORST = 3  # entries named one by one (STYLE.md: at most three)
_GIVEN = "the given point"


def explain(argument: Argument, paper: Paper) -> list[str]:
    """Write the passage in the order of STYLE.md: index, claimed and measured, diagnosis, census, worst entries."""
    lines = _heading(argument, paper)
    if judged(argument):
        lines += paper.wrap(argument.sentence, first="  ") if argument.sentence else []
        lines += _comparison(argument, paper)
    if argument.verdict is Verdict.DISAGREES:
        lines += _why(argument.diagnosis, paper)
    if argument.census is not None:
        lines += _where(argument.census, paper)
    return lines


def judged(argument: Argument) -> bool:
    """Tell whether the gradient was compared with anything; of one that was not a finding says why."""
    return argument.verdict is not Verdict.DISAGREES or argument.probes > 0 or argument.threshold > 0


def _heading(argument: Argument, paper: Paper) -> list[str]:
    worst = argument.census.worst if argument.census else ()
    index = str(list(worst[0].index)) if worst and worst[0].index else ""
    name = paper.clean(gradient(argument.name))
    undecided = f", inconclusive: {argument.reason or 'no reason given'}" if _open(argument) else ""
    lines = paper.wrap(f"{name}{index} of {_kind(argument)}{undecided}", rest="  ")
    if lines[0].startswith(name):
        lines[0] = paper.paint(name, "bold") + lines[0][len(name) :]
    return lines


def _open(argument: Argument) -> bool:
    return argument.verdict is Verdict.INCONCLUSIVE


def _kind(argument: Argument) -> str:
    dtype = f", {argument.dtype}" if argument.dtype else ""
    return f"shape {str(argument.shape).replace(' ', '')}{dtype}"


def _comparison(argument: Argument, paper: Paper) -> list[str]:
    worst = argument.census.worst if argument.census else ()
    lines = []
    if worst:
        lines += paper.wrap(_entry(worst[0]), first="  ", rest="    ")
    lines += paper.wrap(probe(argument), first="  ", rest="    ")
    return lines + (paper.wrap(point(argument), first="  ", rest="    ") if point(argument) else [])


def _entry(entry: WrongEntry) -> str:
    claimed = to_bar(entry.claimed, entry.measured.error_bar)
    return f"claimed {claimed}, measured {with_bar(entry.measured)}, {short(entry.ulps)} ulps apart"


def probe(argument: Argument) -> str:
    """Say what the worst probe claimed and measured, and how far apart that is in error bars."""
    probes = f"along the worst of {argument.probes} probes" if argument.probes > 1 else "along the probe"
    method = f" ({argument.method})" if argument.method else ""
    claimed = to_bar(argument.claimed, argument.measured.error_bar)
    if argument.reason == "choice-of-branch":
        probes = f"what is not at that kink agrees: {probes}"
    said = f"{probes}{method}: claimed {claimed}, measured {with_bar(argument.measured)}"
    if not argument.threshold:
        return said
    return f"{said}; {short(argument.bars)} error bars apart (threshold {short(argument.threshold)})"


def point(argument: Argument) -> str:
    """Say at which point that was, unless it was the given one."""
    if argument.point in ("", _GIVEN):
        return ""
    return f"{'seen only at' if argument.derived_only else 'at'} a further point: {argument.point}"


def _why(diagnosis: Diagnosis | None, paper: Paper) -> list[str]:
    if diagnosis is None:
        return []
    code = f" [{diagnosis.code}]" if diagnosis.code else ""  # a symptom belongs to no class of mistakes
    lines = paper.wrap(f"{diagnosis.sentence}{code}", first="  diagnosis  ", rest="             ")
    for key in ("evidence", "equation"):
        if text := getattr(diagnosis, key):
            lines += paper.wrap(text, first=f"  {key:9}  ")
    lines += _repair(diagnosis.repair, paper)
    if same := ", ".join(named(diagnosis)):
        lines += paper.wrap(f"on these shapes the same as {same}", first="  also       ")
    return lines


def named(diagnosis: Diagnosis) -> list[str]:
    """Return the classes that the mistake may have as well; that it may be one without a name says nothing."""
    return [code for code in diagnosis.alternatives if code != "other"]


def _repair(repair: str, paper: Paper) -> list[str]:
    """Write the repair unbroken, since it is code."""
    code = paper.verbatim(repair)
    return [f"  repair     {code[0]}", *(f"             {line}" for line in code[1:])] if code else []


def _where(census: Census, paper: Paper) -> list[str]:
    lines = paper.wrap(where(census), first="  where      ")
    if len(census.worst) > 1:
        lines += ["  worst", *_table(census.worst[:WORST], paper)]
    return lines + text_map(census, paper)


def where(census: Census) -> str:
    """Say how many entries are wrong, in which box, and in which pattern."""
    sample = whole(census.sampled, "sampled entry", "sampled entries")
    how = (
        "counted" if census.exact else f"{census.sampled} looked at" if census.at_least else f"estimated from {sample}"
    )
    least = "at least " if census.at_least else ""
    spans = ", ".join(f"{first}" if first == last else f"{first}..{last}" for first, last in census.box)
    box = f", in [{spans}]" if spans and census.wrong else ""
    counted = f"{least}{census.wrong} of {whole(census.total, 'entry', 'entries')} wrong ({how}){box}"
    return "; ".join([counted, *census.patterns])


def _table(worst: tuple[WrongEntry, ...], paper: Paper) -> list[str]:
    rows = [
        (
            str(list(entry.index)),
            f"claimed {to_bar(entry.claimed, entry.measured.error_bar)}",
            paper.clean(f"measured {with_bar(entry.measured)}"),
            f"{short(entry.ulps)} ulps",
        )
        for entry in worst
    ]
    widths = [max(columns(row[column]) for row in rows) for column in range(4)]
    aligned = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if max(map(columns, aligned)) + 4 <= paper.width:
        return [f"    {line}" for line in aligned]
    return [line for row in rows for line in paper.wrap(" ".join(row), first="    ", rest="      ")]
