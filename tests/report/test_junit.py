"""The JUnit face: what a dashboard counts."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from gradcheck.report import as_junit, as_text
from gradcheck.report.record import Failure
from gradcheck.verdict import Finding


def suite(results):
    return ET.fromstring(as_junit.documents(results, "0.1.0").encode()).find("testsuite")


def facts(case):
    return {one.get("name"): one.get("value") for one in case.find("properties")}


def test_counts_failures_errors_and_skips(disagreement, agreement, undecided, failure):
    refused = Failure("net.py:Conv", "rejected", "stride must be positive")
    found = suite([disagreement, agreement, undecided, failure, refused])
    assert {key: found.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }


def test_failure_carries_the_text_and_its_type(disagreement, undecided, failure):
    cases = suite([disagreement, undecided, failure]).findall("testcase")
    assert cases[0].find("failure").text == str(disagreement)
    assert [cases[place].find("failure").get("type") for place in (0, 1)] == ["disagrees", "inconclusive"]
    assert cases[0].find("failure").get("message").endswith("grad_weight is wrong (3 of 18 entries)")
    assert cases[2].find("error").get("type") == "raised"


def test_properties_hold_seed_and_replay(disagreement):
    (case,) = suite([disagreement]).findall("testcase")
    assert facts(case)["seed"] == "7"
    assert facts(case)["replay"] == disagreement.replay
    assert facts(case)["argument.weight"] == "disagrees, 8.6e8 bars"
    assert case.get("time") == "0.412"


def test_agreement_passes_with_its_text(agreement):
    (case,) = suite([agreement]).findall("testcase")
    assert case.find("failure") is None
    assert case.find("system-out").text == str(agreement)


def test_an_agreement_with_an_error_beside_it_fails(agreement):
    unlike = replace(agreement, findings=(Finding("not-like-conv2d", "It computes something else."),))
    (case,) = suite([unlike]).findall("testcase")
    assert case.find("failure").get("type") == "agrees"
    assert as_text.color_of(unlike) == "red"


def test_configurations_of_one_target_have_names_of_their_own(agreement):
    names = [case.get("name") for case in suite([agreement] * 3).findall("testcase")]
    assert names == ["net.py:Conv", "net.py:Conv (2)", "net.py:Conv (3)"]


def test_characters_that_xml_forbids_are_escaped(agreement):
    (case,) = suite([replace(agreement, target="a\x00<b>\ud800&", replay="\x1b")]).findall("testcase")
    assert case.get("name") == "a\\x00<b>\\ud800&"
    assert facts(case)["replay"] == "\\x1b"
