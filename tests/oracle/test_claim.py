"""What an implementation may say of itself: only after the whole suite, and with what it leaves out."""

import pytest

from gradcheck.oracle.claim import claim
from gradcheck.oracle.judging import Outcome
from gradcheck.oracle.making import make_case, make_suite

NAMES = ("conv1d/groups", "conv1d/plain", "relu/plain")


@pytest.fixture(scope="module")
def suite():
    return make_suite([make_case(name) for name in NAMES])


def outcomes(suite, **statuses):
    return [
        Outcome(case.name, case.operation, dtype, statuses.get(case.operation, "bit-exact"), ulps=2.5)
        for case in suite
        for dtype in ("float32", "float64")
    ]


def test_a_whole_pass_is_told_with_edition_checksum_dtypes_and_operations(suite):
    assert claim(outcomes(suite), suite, "mine 1.0") == (
        f"mine 1.0 conforms to gradcheck vectors, edition 1 (sha256 {suite.sha256}), in float32 and float64: "
        "conv, relu; 6 cases to the bit. No case is left out."
    )


def test_ulps_and_reciprocals_are_told_with_the_largest(suite):
    assert "2 cases to the bit, 4 within 2.5 ulps." in claim(outcomes(suite, conv="ulps"), suite, "mine")
    assert "2 cases to the bit, 4 by a rounded reciprocal, 2.5 ulps." in claim(
        outcomes(suite, conv="reciprocal"), suite, "mine"
    )


def test_what_is_not_supported_is_told_with_the_flags_that_nothing_else_carries(suite):
    words = claim(outcomes(suite, conv="unsupported"), suite, "mine")
    assert "relu; 2 cases to the bit. Not supported: 4 cases; flags that none of the others carries: " in words
    assert "groups-interleaved" in words.split("carries: ")[1]


@pytest.mark.parametrize("status", ["wrong", "crashed"])
def test_who_deviates_may_claim_nothing(suite, status):
    assert claim(outcomes(suite, relu=status), suite, "mine") == ""


def test_who_was_not_asked_everything_may_claim_nothing(suite):
    assert claim(outcomes(suite)[:-1], suite, "mine") == ""
    assert claim([], suite, "mine") == ""
    assert claim(outcomes(suite, conv="unsupported", relu="unsupported"), suite, "mine") == ""
