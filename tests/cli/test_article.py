"""`gradcheck article`: the table, one equation live, JSON, a rerun, and what it says where something is missing."""

import io
import json
import sys

import pytest

from gradcheck.cli import article as article_command
from gradcheck.cli import main
from gradcheck.cli.article import stored_entries


@pytest.fixture
def run(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_the_table_has_every_equation_and_the_conclusion_in_80_columns(run):
    code, out, _ = run("article")
    assert code == 0
    for number in range(1, 23):
        assert f"\nEq. {number}: " in "\n" + out
    assert "∂E/∂wˡ[m',n'] = rot180{δˡ[i,j]} * oˡ⁻¹[m',n']" in out
    assert "No single meaning of * makes all of them true" in out
    assert "Eq. 9: called a mean, it is half a sum." in out
    assert max(map(len, out.splitlines())) <= 80


def test_one_equation_runs_its_proofs_and_counterexamples_live(run):
    code, out, _ = run("article", "14", "--examples", "5")
    assert code == 0
    assert "exact on 5 drawn cases" in out
    assert "counterexample: H x W = 1 x 2, k1 x k2 = 1 x 1" in out
    assert "left 1, right 0" in out or "left 0, right 1" in out
    assert "Eq. 13" not in out


def test_a_sentence_and_a_question_can_be_shown_too(run):
    code, out, _ = run("article", "P4", "q5", "--examples", "5")
    assert code == 0
    assert "holds only if w is its own rotation by 180°" in out
    assert "Q5: Does max-pooling's backward pass multiply by the activation?" in out
    assert "yes: the winner, 7, gets delta = 5" in out


def test_json_is_the_list_of_entries(run):
    code, out, _ = run("article", "--json")
    assert code == 0
    assert json.loads(out) == stored_entries()


def test_json_of_one_equation_is_decided_now(run):
    rows = json.loads(run("article", "6", "--json", "--examples", "4")[1])
    assert {row["number"] for row in rows} == {6}
    assert {row["examples"] for row in rows} == {4}


def test_a_rerun_shows_its_progress_and_writes_the_ledger(run, tmp_path):
    code, out, err = run("article", "9", "--rerun", "--examples", "5", "--save", str(tmp_path / "ledger.json"))
    assert code == 0
    assert "deciding" in err
    assert "Eq. 9" in out
    saved = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"))
    assert saved["provenance"]["examples"] == 5
    assert {row["number"] for row in saved["entries"]} == {9}


def test_a_verdict_that_differs_from_the_stored_one_is_exit_code_1(run, monkeypatch):
    rows = [{**row, "verdict": "fails"} if row["number"] == 13 else row for row in stored_entries()]
    monkeypatch.setattr(article_command, "stored_entries", lambda: rows)
    code, _, err = run("article", "13", "--examples", "4")
    assert code == 1
    assert "Eq. 13, as printed: stored fails, found holds" in err


@pytest.mark.parametrize("number", ["0", "23", "P99", "fourteen"])
def test_a_number_that_the_article_does_not_have_is_exit_code_2(run, number):
    code, _, err = run("article", number)
    assert code == 2
    assert f"the article has no {number.upper()!r}" in err


def test_without_the_solver_proofs_are_shown_as_recorded(run, monkeypatch):
    monkeypatch.setattr(article_command, "find_spec", lambda _: None)
    code, out, _ = run("article", "13", "--examples", "4")
    assert code == 0
    assert "(recorded; needs gradcheck[proof] to rerun)" in " ".join(out.split())


@pytest.mark.parametrize("arguments", [(), ("8", "13", *(f"Q{number}" for number in range(1, 12)))])
def test_ascii_terminals_get_ascii(monkeypatch, arguments):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit):
        main(["article", *arguments])
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")
    assert "dE/dw^l[m',n'] = sum_{i=0..H-k1} sum_{j=0..W-k2} delta^l[i,j] o^(l-1)[i+m',j+n']" in " ".join(text.split())
    assert "\\u" not in text
    assert "\\x" not in text


def test_a_question_alone_decides_nothing(run):
    code, out, _ = run("article", "Q1", "--rerun")
    assert code == 0
    assert "Q1: What is the gradient of the bias?" in out
    assert "Eq. " not in out
