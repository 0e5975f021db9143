"""Many cases through an implementation in child processes: it may refuse, raise, crash or hang; the rest goes on."""

from dataclasses import replace

import pytest

from gradcheck.errors import GradcheckError
from gradcheck.oracle.conforming import Conformance, conform
from gradcheck.oracle.exact import case_of, recipes
from gradcheck.oracle.suite import suite_of, write_suite
from gradcheck.runner.journal import Journal

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives

RELUS = ("relu/plain", "relu/plain-kinks", "relu6/plain", "leaky_relu/quarter", "leaky_relu/slope-two")
MINE = """
import ctypes, os, time
import numpy as np
def run(operation, hyperparameters, inputs, grad_output):
    x = inputs["input"]
    with open(os.environ["ASKED"], "a") as log:
        print(operation, hyperparameters, file=log)
    if operation == "relu6":
        raise NotImplementedError("no upper end here")
    if hyperparameters.get("negative_slope") == 0.25:
        {how}
    slope = hyperparameters.get("negative_slope", 0)
    return np.where(x > 0, x, slope * x), {{"input": grad_output * np.where(x > 0, 1, slope).astype(x.dtype)}}
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors") / "suite"
    found = suite_of([case_of(recipe) for recipe in recipes() if recipe.name in RELUS])
    write_suite(found, folder)
    return folder, found


def mine(tmp_path, monkeypatch, how):
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(how=how), encoding="utf-8")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked.txt"))
    return f"{path}:run"


def statuses(suite, asked, **running):
    _, found = suite
    outcomes = list(conform(asked, [(case, "float64") for case in found], **running))
    return {outcome.case: (outcome.status, outcome.sentence) for outcome in outcomes}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise ValueError('no quarters')", "ValueError: no quarters"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os._exit(3)", "3"),
    ],
    ids=["raises", "segfault", "exit"],
)
def test_a_case_that_breaks_the_implementation_costs_no_other(suite, tmp_path, monkeypatch, how, words):
    asked = Conformance(str(suite[0]), mine(tmp_path, monkeypatch, how))
    found = statuses(suite, asked)
    status, sentence = found.pop("leaky_relu/quarter")
    assert status == "crashed"
    assert words in sentence
    assert found.pop("relu6/plain") == ("unsupported", "no upper end here")
    assert {status for status, _ in found.values()} == {"bit-exact"}
    assert len(found) == 3


def test_a_case_that_hangs_costs_its_time_and_a_resumed_run_asks_nothing_again(suite, tmp_path, monkeypatch):
    asked = Conformance(str(suite[0]), mine(tmp_path, monkeypatch, "time.sleep(60)"), timeout=3.0)
    with Journal(tmp_path / "journal.jsonl") as journal:
        found = statuses(suite, asked, journal=journal)
    assert found["leaky_relu/quarter"][0] == "crashed"
    assert "time" in found["leaky_relu/quarter"][1] or "3 s" in found["leaky_relu/quarter"][1]
    calls = (tmp_path / "asked.txt").read_text()
    with Journal(tmp_path / "journal.jsonl", resume=True) as journal:
        assert statuses(suite, asked, journal=journal) == found
    assert (tmp_path / "asked.txt").read_text() == calls


def test_a_resumed_run_takes_no_answers_about_another_suite(suite, tmp_path, monkeypatch):
    asked = Conformance(str(suite[0]), mine(tmp_path, monkeypatch, "pass"), sha256="one")
    for checksum, asks in (("one", 5), ("one", 5), ("another", 10)):
        with Journal(tmp_path / "journal.jsonl", resume=True) as journal:
            statuses(suite, replace(asked, sha256=checksum), journal=journal)
        assert len((tmp_path / "asked.txt").read_text().splitlines()) == asks


@pytest.mark.parametrize(
    ("implementation", "words"),
    [("torc", "must be one of numpy, torch, jax, tensorflow"), ("nowhere.py:run", "there is no 'nowhere.py'")],
)
def test_an_implementation_that_cannot_be_loaded_ends_the_run(suite, implementation, words):
    with pytest.raises(GradcheckError, match=words):
        statuses(suite, Conformance(str(suite[0]), implementation))


def test_our_own_layers_pass_by_the_same_road(suite):
    assert {status for status, _ in statuses(suite, Conformance(str(suite[0]), "numpy")).values()} == {"bit-exact"}
