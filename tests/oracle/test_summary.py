"""The table by operation, and the mistakes that failures point at."""

from dataclasses import replace
from types import SimpleNamespace

from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.judging import Outcome
from gradcheck.oracle.summary import suspicions, table

CASES = {
    "a": SimpleNamespace(result="exact", flags=("kernel-not-rotated", "stride-forgotten")),
    "b": SimpleNamespace(result="exact", flags=("kernel-not-rotated",)),
    "c": SimpleNamespace(result="exact", flags=("groups-interleaved",)),
    "d": SimpleNamespace(result="exact", flags=()),
}


def outcome(case, status, *flags, operation="conv", ulps=0.0):
    return Outcome(case, operation, "float32", status, ulps, "", flags)


def test_the_table_counts_by_operation_and_in_all():
    rows = table([outcome("a", "bit-exact"), outcome("b", "wrong"), outcome("c", "ulps", operation="relu", ulps=2.5)])
    assert rows[1] == ("conv", "1", "", "", "1", "", "", "")
    assert rows[2] == ("relu", "", "1", "", "", "", "", "2.5")
    assert rows[3] == ("all", "1", "1", "", "1", "", "", "2.5")


def test_a_single_operation_has_no_sum():
    assert len(table([outcome("a", "bit-exact")])) == 2


def test_a_mistake_that_gives_the_numbers_is_told_first():
    found = suspicions([outcome("a", "wrong", "stride-forgotten"), outcome("b", "wrong")], CASES)
    assert [(s.flag, s.cases, s.reproduced) for s in found] == [("stride-forgotten", 1, True)]
    assert found[0].sentence == FLAGS["stride-forgotten"]


def test_else_the_mistake_that_shows_in_wrong_cases_alone_and_in_most_of_them_is_told():
    outcomes = [outcome("a", "wrong"), outcome("b", "wrong"), outcome("c", "bit-exact"), outcome("d", "wrong")]
    assert [(s.flag, s.cases, s.reproduced) for s in suspicions(outcomes, CASES)] == [("kernel-not-rotated", 2, False)]


def raised(case):
    return replace(outcome(case, "crashed"), raised=True)


def test_an_exception_is_a_failure_as_of_a_wrong_window_and_the_end_of_a_process_is_none():
    rest = [outcome("b", "bit-exact"), outcome("d", "bit-exact")]
    assert [s.flag for s in suspicions([raised("a"), *rest], CASES)] == ["stride-forgotten"]
    assert suspicions([outcome("a", "crashed"), *rest], CASES) == []


def test_where_every_case_ends_in_an_exception_nothing_is_suspected():
    assert suspicions([raised("a"), raised("b")], CASES) == []


def test_a_rounded_case_that_passes_refutes_a_mistake_only_if_it_would_have_cost_more_in_float64():
    rounded = {name: SimpleNamespace(result="rounded", flags=("tail-by-erf",)) for name in "ab"}

    def suspected(passing):
        return [s.flag for s in suspicions([outcome("a", "wrong"), passing], rounded)]

    within = replace(outcome("b", "ulps", ulps=3.0), dtype="float64")
    assert suspected(within) == []
    assert suspected(replace(within, ulps=2000.0)) == ["tail-by-erf"]
    assert suspected(replace(within, dtype="float32")) == ["tail-by-erf"]


def test_nothing_is_suspected_where_nothing_is_wrong():
    assert suspicions([outcome("a", "bit-exact"), outcome("b", "crashed"), outcome("c", "unsupported")], CASES) == []
