"""`gradcheck explain`: what a code of a report means, and what to do about it."""

from collections.abc import Iterator

import click

from gradcheck.errors import did_you_mean

_HELP = """Explain a CODE of a report: a finding, a reason, a diagnosis, or what
kept a target from being checked. Without CODE, list them all.

\b
Examples:
  gradcheck explain kernel-not-rotated
  gradcheck explain noise
  gradcheck explain"""

_LIKE = "not-like-"


@click.command("explain", help=_HELP)
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Print what the code means, or the list of all codes."""
    from gradcheck.report.paper import Paper

    paper = Paper()
    if code is None:
        for kind, codes in known_codes().items():
            click.echo("\n".join([f"{kind}:", *paper.wrap(", ".join(codes), first="  "), ""]))
        return 0
    paragraphs = list(meanings(code.strip("[]").replace(" ", "-")))
    if not paragraphs:
        near = did_you_mean(code, [one for codes in known_codes().values() for one in codes]) or "."
        raise click.UsageError(f"CODE must be one of those that `gradcheck explain` lists; there is no {code!r}{near}")
    click.echo("\n\n".join("\n".join(paper.wrap(paragraph)) for paragraph in paragraphs))
    return 0


def known_codes() -> dict[str, tuple[str, ...]]:
    """Return every code, by what it is a code of."""
    from gradcheck.cli.meanings.diagnoses import DIAGNOSES
    from gradcheck.cli.meanings.findings import FINDINGS
    from gradcheck.cli.meanings.outcomes import FAILURES, REASONS

    tables = {"findings": FINDINGS, "reasons": REASONS, "diagnoses": DIAGNOSES, "not checked": FAILURES}
    return {kind: tuple(sorted(table)) for kind, table in tables.items()}


def meanings(code: str) -> Iterator[str]:
    """Yield a paragraph for each thing that the code is a code of."""
    from gradcheck.checks.severities import OPENING, SEVERITIES
    from gradcheck.cli.meanings.diagnoses import DIAGNOSES
    from gradcheck.cli.meanings.findings import FINDINGS, LIKE
    from gradcheck.cli.meanings.outcomes import FAILURES, REASONS
    from gradcheck.faults.codes import CODES

    if code in FINDINGS:
        severity, why = {**SEVERITIES, **OPENING}[code]
        yield f"{code} (finding, {severity}): {FINDINGS[code]} It counts as {_article(severity)}: {why}."
    if code.startswith(_LIKE):
        yield f"{code} (finding, error): {LIKE}"
    if code in REASONS:
        yield f"{code} (reason): {REASONS[code]}"
    if code in DIAGNOSES:
        yield f"{code} (diagnosis): {CODES[code]}. {DIAGNOSES[code]}"
    if code in FAILURES:
        yield f"{code} (not checked): {FAILURES[code]}"


def _article(severity: str) -> str:
    return f"an {severity}" if severity[0] in "aeiou" else f"a {severity}"
