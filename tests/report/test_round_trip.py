"""Every report that can be built survives JSON, and renders on any terminal, page and dashboard."""

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.report import as_html, as_json, as_junit
from gradcheck.report.paper import columns
from gradcheck.report.record import Failure, Report
from gradcheck.verdict import Census, StepCurve

TEXT = st.one_of(
    st.sampled_from(["", "x", "grad_weight", "<b>&\"'", "\x1b[31m", "a b\nc", "名前", "\ud800"]), st.text(max_size=8)
)
SCALARS = {str: TEXT, bool: st.booleans(), int: st.integers(), float: st.floats()}
EVIDENCE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=2).map(tuple), st.dictionaries(TEXT, inner, max_size=2)),
    max_leaves=4,
)
KINDS = st.sampled_from(["load", "raised", "crashed", "timeout", "memory", "rejected", "usage"])


def made(hint):
    """Build a strategy from a type hint, as the records are read by theirs."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint in SCALARS:
        return SCALARS[hint]
    if origin in (typing.Union, types.UnionType):
        kinds = [part for part in parts if part is not type(None)]
        return EVIDENCE if len(kinds) > 1 else st.one_of(st.none(), made(kinds[0]))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(made(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(made, parts))
    if origin is Mapping:
        return st.dictionaries(TEXT, made(parts[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert is_dataclass(hint)
    return st.builds(hint, **{field.name: field_of(hint, field) for field in fields(hint)})


def field_of(record, field):
    special = SPECIAL.get((record, field.name))
    return made(field.type) if special is None else special


@st.composite
def maps(draw):
    wide = draw(st.integers(1, 3))
    row = st.lists(st.floats(), min_size=wide, max_size=wide).map(tuple)
    return tuple(draw(st.lists(row, max_size=3)))


SPECIAL = {(Census, name): maps() for name in ("heat_map", "claimed_map", "measured_map")} | {
    (Census, "map_tile"): st.one_of(st.none(), st.tuples(st.integers(1, 3), st.integers(1, 3))),
    (StepCurve, "steps"): st.lists(st.floats(), max_size=4).map(tuple),
    (Failure, "kind"): KINDS,
}
REPORTS = made(Report)
RESULTS = st.one_of(REPORTS, made(Failure))


def widest(text):
    return max(columns(line) for line in text.splitlines())


@given(REPORTS)
def test_report_equals_itself_after_json_and_renders_every_face_the_same(report):
    again = Report.from_json(report.to_json())
    assert again == report
    assert hash(again) == hash(report)
    assert again.to_json() == report.to_json()
    assert again.text() == report.text()
    assert again.text(50, True, False) == report.text(50, True, False)
    assert again.to_html() == report.to_html()
    assert again._repr_html_() == report._repr_html_()
    assert again.to_junit() == report.to_junit()


@given(st.lists(RESULTS, max_size=3))
def test_a_document_of_many_results_reads_back_in_order(results):
    text = as_json.documents(results, "1.2.3")
    again = as_json.read_documents(text)
    assert [type(one) for one in again] == [type(one) for one in results]
    assert as_json.documents(again, "1.2.3") == text
    assert text.isascii()


@given(st.lists(RESULTS, max_size=3))
def test_json_document_keeps_to_the_schema(results):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("gradcheck.report").joinpath("report-1.schema.json").read_text(encoding="utf-8"))
    document = json.loads(as_json.documents(results, "1.2.3"), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(schema).validate(document)


@given(REPORTS, st.integers(40, 120), st.booleans())
def test_text_keeps_to_its_width_where_there_is_no_code(report, width, unicode):
    arguments = {name: replace(one, diagnosis=None) for name, one in report.arguments.items()}
    bare = replace(report, replay="", witness="", printed="", arguments=arguments)
    assert widest(bare.text(width, unicode=unicode)) <= width


@given(REPORTS)
def test_text_moves_no_cursor_and_ascii_means_ascii(report):
    text = report.text(unicode=False)
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\x1b" not in report.text()


@given(st.lists(RESULTS, min_size=1, max_size=2))
def test_html_and_junit_can_be_written_to_a_file_and_parsed(results):
    page = as_html.documents(results, "1.2.3")
    assert page.encode("utf-8")
    suite = ET.fromstring(as_junit.documents(results, "1.2.3").encode("utf-8")).find("testsuite")
    assert len(suite.findall("testcase")) == len(results)
    assert math.fsum(int(suite.get(key)) for key in ("failures", "errors", "skipped")) <= len(results)
