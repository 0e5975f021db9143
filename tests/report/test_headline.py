"""The first line: which words it uses, and what it may not leave out."""

import math
import re
from dataclasses import replace

import pytest

from gradcheck.report.headline import gradient, headline, label
from gradcheck.report.record import Report
from gradcheck.verdict import Argument, Measured, Verdict
from tests.report.conftest import AGREEING


def coarse(report, entry_resolution):
    arguments = {name: replace(one, entry_resolution=entry_resolution) for name, one in report.arguments.items()}
    return replace(report, arguments=arguments)


@pytest.mark.parametrize(
    ("sentence", "resolution", "said"),
    [
        ("", 0.04, "errors above 2e-10 of a gradient, 4 % of one entry, would have been seen"),
        ("", math.inf, "would have been seen; an error in one entry alone could have been missed"),
        ("all is well", 0.04, "all is well; in one entry only an error above 4 % would have been seen"),
        ("all is well", math.inf, "all is well; an error in one entry alone could have been missed"),
        ("seen above 4 % of one entry", 0.04, "seen above 4 % of one entry"),
    ],
)
def test_coarse_resolution_of_one_entry_is_in_the_first_line(agreement, sentence, resolution, said):
    assert headline(coarse(replace(agreement, sentence=sentence), resolution)).endswith(said)


def test_fine_resolution_adds_nothing_to_the_sentence_given(agreement):
    assert headline(replace(agreement, sentence="all is well")) == "net.py:Conv: all is well"


def test_coarse_resolution_is_not_said_of_a_disagreement(disagreement):
    assert headline(coarse(disagreement, 0.5)).endswith("grad_weight is wrong (3 of 18 entries)")


def test_many_wrong_gradients_are_counted_after_the_third(disagreement):
    wrong = disagreement.arguments["weight"]
    arguments = {name: replace(wrong, name=name, census=None) for name in "abcde"}
    said = headline(replace(disagreement, arguments=arguments))
    assert said.endswith("grad_a is wrong; grad_b is wrong; grad_c is wrong; and 2 more")


def test_nothing_to_agree_on_is_said(agreement):
    assert headline(replace(agreement, arguments={})).startswith("net.py:Conv: 0 gradients agree")


def test_undecided_without_a_sentence_names_the_gradient(undecided):
    bare = {"input": replace(undecided.arguments["input"], sentence="")}
    assert headline(replace(undecided, arguments=bare)) == (
        "net.py:Dropout: grad_input could not be judged (random-forward)"
    )


def test_label_is_the_verdict_in_capitals(agreement):
    assert [label(replace(agreement, verdict=verdict)) for verdict in Verdict] == [
        "AGREES",
        "DISAGREES",
        "INCONCLUSIVE",
    ]


def test_gradient_of_an_argument_named_like_one_is_not_prefixed_twice():
    assert gradient("weight") == "grad_weight"
    assert gradient("grad_weight") == "grad_weight"


def test_a_gradient_that_is_little_off_says_by_how_much():
    little = Argument(
        "x", (2,), "float64", Verdict.DISAGREES, claimed=1.0, measured=Measured(1.0 + 2e-8, 1e-12), discrepancy=2e-8
    )
    much = replace(little, claimed=-1.0, discrepancy=2.0)
    said = [headline(Report("t", "", Verdict.DISAGREES, None, "", arguments={"x": one})) for one in (little, much)]
    assert said == ["t: grad_x is wrong by 2e-8 of its size", "t: grad_x is wrong"]


def test_gradients_of_which_there_was_nothing_to_judge_are_named_and_weaken_no_other(agreement):
    nothing = replace(AGREEING, reason="vacuous", resolution=math.inf, entry_resolution=2e4)
    said = headline(replace(agreement, arguments=agreement.arguments | {"mask": replace(nothing, name="mask")}))
    assert "2 gradients agree, grad_mask vacuously; errors above 2e-10 of a gradient" in said
    assert not re.search(r"could have been missed|20000", said)
    many = {name: replace(nothing, name=name) for name in "abcde"}
    said = headline(replace(agreement, arguments=agreement.arguments | many))
    assert "2 gradients agree, grad_a, grad_b, grad_c, 2 more vacuously; " in said
