"""The JSON face: one document with a list of results, of the schema `gradcheck/report/1`, written and read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gradcheck.errors import InvalidInput
from gradcheck.report import plain
from gradcheck.report.record import Failure, Report, Result

SCHEMA = "gradcheck/report/1"

_RECORDS: dict[str, type[Report] | type[Failure]] = {"report": Report, "failure": Failure}


def documents(results: Sequence[Result], version: str) -> str:
    """Write results as one document, `{"schema": ..., "gradcheck": version, "results": [...]}`, in ASCII.

    Each result has a line of its own, with the key "record", "report" or "failure", and the fields of that record.
    """
    entries = ",\n".join(json.dumps(entry(result), allow_nan=False) for result in results)
    head = f'"schema": {json.dumps(SCHEMA)}, "gradcheck": {json.dumps(version)}'
    return f'{{{head}, "results": [\n{entries}\n]}}\n'


def read_documents(text: str) -> tuple[Result, ...]:
    """Read the results of a document.

    Raises
    ------
    InvalidInput
        If the text is no such document, or of a schema that this version does not know.
    """
    return tuple(read_entry(one) for one in _entries(text))


def read_report(text: str) -> Report:
    """Read a document that holds exactly one report; raises InvalidInput otherwise."""
    results = read_documents(text)
    if len(results) != 1 or not isinstance(results[0], Report):
        raise InvalidInput(
            f"the document must hold one report, it holds {_tally(results)}; "
            "read it with gradcheck.report.as_json.read_documents"
        )
    return results[0]


def entry(result: Result) -> dict[str, Any]:
    """Turn one result into plain data, as it stands in the list of a document."""
    return {"record": "report" if isinstance(result, Report) else "failure", **plain.dump(result)}


def _entries(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except ValueError as err:
        raise InvalidInput(f"a report must be a JSON document, this text is none ({err})") from err
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema != SCHEMA:
        raise InvalidInput(
            f'the schema of a report must be "{SCHEMA}", this document says {schema!r}; '
            "read it with the version of gradcheck that wrote it, or a newer one"
        )
    results = document.get("results")
    if not isinstance(results, list):
        raise InvalidInput(f"`results` must be a list, it is {type(results).__name__}; the document is damaged")
    return results


def read_entry(entry: Any) -> Result:
    """Read what `entry` made; raises InvalidInput where it is damaged."""
    kind = entry.get("record") if isinstance(entry, Mapping) else None
    if kind not in _RECORDS:
        raise InvalidInput(f'`record` of a result must be "report" or "failure", it is {kind!r}')
    try:
        result: Result = plain.load(_RECORDS[kind], entry)
    except (TypeError, ValueError, AttributeError) as err:
        raise InvalidInput(f"a result in the document is damaged: {err}") from err
    return result


def _tally(results: Sequence[Result]) -> str:
    reports = sum(isinstance(result, Report) for result in results)
    return f"{reports} reports and {len(results) - reports} targets that could not be checked"
