"""The JSON face: its one document, and what it says of text that is none."""

import json
from dataclasses import fields
from importlib.resources import files

import pytest

from gradcheck import verdict
from gradcheck.errors import GradcheckError
from gradcheck.report import as_json
from gradcheck.report.record import Failure, Report


def changed(report, **changes):
    document = json.loads(report.to_json())
    return json.dumps(document | changes)


def test_document_has_schema_version_and_a_list(disagreement):
    document = json.loads(disagreement.to_json())
    assert list(document) == ["schema", "gradcheck", "results"]
    assert document["schema"] == "gradcheck/report/1"
    assert document["gradcheck"] == "0.1.0"
    assert [entry["record"] for entry in document["results"]] == ["report"]
    assert document["results"][0]["arguments"]["weight"]["measured"]["value"] == 14.123456781234


def test_numbers_that_are_not_finite_are_strings(agreement):
    bias = {**json.loads(agreement.to_json())["results"][0]["arguments"]["bias"], "resolution": "inf", "bars": "nan"}
    again = Report.from_json(changed(agreement, results=[{**_entry(agreement), "arguments": {"bias": bias}}]))
    assert again.arguments["bias"].resolution == float("inf")
    assert json.loads(again.to_json())["results"][0]["arguments"]["bias"]["bars"] == "nan"


def _entry(report):
    return json.loads(report.to_json())["results"][0]


def test_fields_of_a_newer_version_are_left_out_and_missing_ones_take_their_defaults(agreement):
    entry = {**_entry(agreement), "mood": "cheerful"}
    del entry["seed"]
    again = Report.from_json(changed(agreement, results=[entry], more=1))
    assert again == agreement


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "a report must be a JSON document, this text is none"),
        ("[]", 'the schema of a report must be "gradcheck/report/1", this document says None'),
        ('{"schema": "gradcheck/report/2"}', "says 'gradcheck/report/2'; read it with the version of gradcheck that"),
        ('{"schema": "gradcheck/report/1"}', "`results` must be a list, it is NoneType; the document is damaged"),
        ('{"schema": "gradcheck/report/1", "results": []}', "must hold one report, it holds 0 reports and 0 targets"),
        ('{"schema": "gradcheck/report/1", "results": [3]}', '`record` of a result must be "report" or "failure"'),
        ('{"schema": "gradcheck/report/1", "results": [{"record": "report"}]}', "a result in the document is damaged"),
    ],
)
def test_text_that_is_no_report_raises_one_sentence(text, words):
    with pytest.raises(GradcheckError) as raised:
        Report.from_json(text)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"verdict": "perhaps"},
        {"seed": 1.5},
        {"points": "the given point"},
        {"target": None},
        {"arguments": {"x": 3}},
        {"evaluations": []},
        {"findings": [{"code": "a"}]},
    ],
)
def test_damaged_result_is_refused(agreement, damage):
    with pytest.raises(GradcheckError, match="a result in the document is damaged"):
        Report.from_json(changed(agreement, results=[{**_entry(agreement), **damage}]))


def test_failure_stands_in_the_list_and_is_no_report(agreement, failure):
    text = as_json.documents([agreement, failure], "0.1.0")
    assert as_json.read_documents(text) == (agreement, failure)
    with pytest.raises(GradcheckError, match="it holds 1 reports and 1 targets that could not be checked"):
        Report.from_json(text)


@pytest.mark.parametrize(
    "record",
    [Report, Failure]
    + [getattr(verdict, name) for name in ("Argument", "Census", "Cost", "Damage", "Diagnosis", "Evaluations")]
    + [getattr(verdict, name) for name in ("Finding", "Measured", "StepCurve", "WrongEntry")],
)
def test_schema_has_every_field_of_the_record(record):
    schema = json.loads(files("gradcheck.report").joinpath("report-1.schema.json").read_text(encoding="utf-8"))
    described = set(schema["$defs"][record.__name__]["properties"]) - {"record"}
    assert described == {field.name for field in fields(record)}
