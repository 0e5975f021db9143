"""The ledger that comes with the package is what the machine finds today."""

import importlib.util

import pytest

from gradcheck.article.comparison import conclusion, corrections, cross_table, deviations, listed
from gradcheck.article.ledger import CLAIMS, SCHEMA, STATEMENTS, beyond, entries
from gradcheck.article.misprints import MISPRINTS, misprinted
from gradcheck.cli.article import stored_entries, stored_ledger

SOLVER = importlib.util.find_spec("z3") is not None
# Enough to break every claim and condition that does not hold; the stored ledger rests on 200. The proofs that go with
# them are those of test_proof.py, and are compared with the stored ones where the slow tests run.
FEW, MORE = 6, 40
STORED = stored_entries()


def named(number, reading):
    return next(row for row in STORED if (row["number"], row["reading"]) == (number, reading))


def test_a_rerun_finds_the_numbers_readings_verdicts_and_conditions_that_are_stored():
    fresh = list(entries(examples=FEW, stored=STORED, proofs=False))
    assert deviations(STORED, fresh) == []
    for before, now in zip(STORED, fresh, strict=True):
        assert now["counterexample"] == before["counterexample"], "a pinned counterexample is replayed as it was"


@pytest.mark.slow
@pytest.mark.skipif(not SOLVER, reason="needs gradcheck[proof]")
def test_a_rerun_proves_what_is_stored_and_finds_the_same_on_more_cases():
    fresh = list(entries(examples=MORE, stored=STORED))
    assert deviations(STORED, fresh) == []
    for before, now in zip(STORED, fresh, strict=True):
        assert (now["proof"] or {}).get("outcome") == (before["proof"] or {}).get("outcome")


def test_what_is_stored_beside_the_verdicts_is_what_the_tables_say():
    for claim, row in zip(CLAIMS, STORED, strict=True):
        about, statement = STATEMENTS[claim.number]
        told = (row["about"], row["statement"], row["star"], row["relation"], row["corrected"], row["note"])
        assert told == (about, statement, claim.star, claim.relation, claim.corrected, claim.note)


def test_the_stored_ledger_says_how_it_came_about():
    provenance = stored_ledger()["provenance"]
    assert provenance["examples"] >= 200
    assert provenance["seconds"] > 0
    assert {"gradcheck", "numpy", "hypothesis", "z3-solver"} <= provenance["versions"].keys()


def test_every_entry_has_the_promised_fields_and_every_verdict_its_evidence():
    fields = {"schema", "number", "reading", "verdict", "condition", "counterexample", "evidence"}
    assert len(STORED) == len(CLAIMS)
    for row in STORED:
        assert fields <= row.keys()
        assert row["schema"] == SCHEMA
        assert row["evidence"]
        assert (row["counterexample"] is None) == (row["verdict"] in ("holds", "definition"))
        assert (row["condition"] is None) == (row["verdict"] != "holds only if")


def test_every_relation_is_proved_with_its_condition():
    outcomes = {row["proof"]["outcome"] for row in STORED if row["relation"]}
    assert outcomes == {"proved", "condition proved"}
    assert all((row["proof"]["outcome"] == "proved") == (row["verdict"] == "holds") for row in STORED if row["proof"])


@pytest.mark.skipif(not SOLVER, reason="needs gradcheck[proof]")
def test_what_goes_beyond_the_article_is_proved_as_stored():
    assert beyond() == stored_ledger()["beyond"]
    assert {one["outcome"] for row in beyond() for one in row["obligations"]} == {"proved"}


def test_no_meaning_of_the_star_makes_all_equations_true():
    true = {(number, star) for number, cells in cross_table(STORED).items() for star in cells if cells[star] == "holds"}
    assert true == {
        (4, "cross-correlation"),
        (5, "cross-correlation"),
        (22, "cross-correlation"),
        (6, "convolution"),
        (14, "convolution"),
    }
    assert "No single meaning of * makes all of them true" in " ".join(conclusion(STORED))


def test_an_equation_that_no_reading_makes_true_is_named():
    assert conclusion(STORED)[-1] == "In no reading of what is printed does Eq. 21 hold for all operands."
    others = [row for row in STORED if row["number"] != 21]
    assert "In no reading" not in " ".join(conclusion(others))


def test_the_conclusion_follows_from_the_verdicts():
    rows = [{**row, "verdict": "holds", "condition": None} if row["star"] else row for row in STORED]
    assert "hold together" in conclusion(rows)[-1]


def test_every_misprint_has_a_correction_that_holds_and_is_proved():
    corrected = {row["number"] for row in corrections(STORED)}
    assert corrected >= {3, 4, 5, 19, 21, 22}
    assert all(row["proof"]["outcome"] == "proved" for row in corrections(STORED))


@pytest.mark.parametrize("one", MISPRINTS, ids=lambda one: f"{one.number}-{one.said[:20]}")
def test_a_misprint_fails_as_printed_and_holds_as_it_is_put_right(one):
    assert named(one.number, one.printed)["verdict"] in ("fails", "holds only if")
    assert named(one.number, one.right)["verdict"] in ("holds", "definition")


def test_a_misprint_is_told_with_its_verdict_and_not_told_where_the_printed_reading_holds():
    row = named(21, MISPRINTS[-2].printed)
    told = misprinted(STORED)
    assert len(told) == len(MISPRINTS)
    assert "Eq. 19: the first line's indices begin with 0 - m and 0 - n in place of i' - m and j' - n." in told[-3]
    assert misprinted([row])[0].endswith("As printed it holds only if delta is its own rotation by 180°.")
    assert misprinted([{**row, "verdict": "holds", "condition": None}]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "fails"}, "Eq. 13, as printed: stored fails, found holds"),
        ({"condition": "b = 0"}, "Eq. 13, as printed: stored holds b = 0, found holds"),
        ({"reading": "another"}, "Eq. 13, another: no longer there"),
    ],
)
def test_a_deviation_is_named(change, words):
    row = named(13, "as printed")
    assert words in deviations([{**row, **change}], [row])


def test_a_list_of_numbers_reads_as_a_sentence():
    assert (listed([6]), listed([4, 5, 22])) == ("6", "4, 5 and 22")
