"""A Report is plain data, whatever it was built from."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from gradcheck.report.record import Report
from gradcheck.verdict import Argument, Finding, Measured, Verdict


def test_report_built_from_numpy_scalars_holds_plain_numbers():
    evidence = {"largest": np.float32(0.5), "shape": np.array([2, 3]), "flag": np.bool_(True), "nothing": None}
    argument = Argument(
        "x", [np.int64(2)], "float64", Verdict.AGREES, measured=Measured(np.float64(1.0), np.float64(0.0)), bars=1
    )
    report = Report(
        "a", "", "agrees", None, "", arguments={"x": argument}, findings=[Finding("c", "s", evidence=evidence)]
    )
    held = report.arguments["x"]
    assert report.verdict is Verdict.AGREES
    assert (held.shape, type(held.shape[0]), type(held.measured.value), type(held.bars)) == ((2,), int, float, float)
    assert report.findings[0].evidence == {"largest": 0.5, "shape": (2, 3), "flag": True, "nothing": None}


def test_later_changes_of_a_mapping_do_not_reach_the_report(agreement):
    arguments = dict(agreement.arguments)
    report = replace(agreement, arguments=arguments)
    arguments.clear()
    assert list(report.arguments) == ["input", "bias"]


def test_report_is_frozen_and_can_be_copied_and_pickled(disagreement):
    with pytest.raises(FrozenInstanceError):
        disagreement.seed = 3
    assert copy.deepcopy(disagreement) == disagreement
    assert pickle.loads(pickle.dumps(disagreement)) == disagreement


def test_reports_differ_in_any_field(disagreement):
    assert disagreement != replace(disagreement, seed=8)
    assert disagreement != "DISAGREES"


def test_evidence_that_is_not_plain_is_kept_as_its_words():
    finding = Finding("c", "s", evidence={"dtype": np.dtype("float32")})
    assert Report("a", "", Verdict.AGREES, None, "", findings=(finding,)).findings[0].evidence == {"dtype": "float32"}
