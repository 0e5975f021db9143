"""The words of the text face, and their order."""

from dataclasses import replace

import pytest

from gradcheck.report import as_text
from gradcheck.report.record import Failure
from gradcheck.verdict import Census, Damage, Measured, Verdict, WrongEntry

WHOLE = """\
DISAGREES  examples/convolution.py:WrongConv: grad_weight is wrong (3 of 18
  entries)
  read as: contract

grad_weight[0, 0, 2, 1] of shape (2,1,3,3), float64
  claimed 1.500000000, measured 2.000000000 ± 3e-9, 2.3e15 ulps apart
  along the worst of 6 probes (richardson): claimed 12.312500000, measured
    14.123456781 ± 3e-9; 8.6e8 error bars apart (threshold 7.1)
  seen only at a further point: negated
  diagnosis  grad_weight is rotated by 180° [kernel-rotated]
  evidence   rotated by 180° the claim agrees: largest discrepancy 0.3 bars over
             16 fresh probes
  equation   Eq. 14
  repair     grad_weight = correlate(input, grad_output)
  also       on these shapes the same as kernel-flipped-rows
  where      3 of 18 entries wrong (counted), in [0..1, 0, 2, 0..2]; only the
             last row of every kernel
  worst
    [0, 0, 2, 1]  claimed 1.500000000   measured 2.000000000 ± 3e-9  2.3e15 ulps
    [1, 0, 2, 2]  claimed -1.500000000  measured 0.120000000 ± 3e-9  7e15 ulps
    [1, 0, 2, 0]  claimed 1.0000000e-5  measured 2.0000e-8 ± 3e-12   2e12 ulps
  map        |claimed - measured|, █ above half of 0.5, · below 1e-4 of it
    ······
    ··██░░

error: stale-state: backward answers for another input.
  largest change 0.5
warning: mutated-input (input): backward changed its input.
  entries 3

agrees      shape      dtype    bars  of   seen above  in one entry
grad_input  (2,1,4,4)  float64  0.42  7.1  2e-10       4e-9
  grad_input: 12 outputs at a kink, held against their one-sided slopes

smallest input that shows it:
  import numpy as np
  print(WrongConv().backward(np.ones((1, 1, 1, 1))))

proof: the claimed gradient was damaged on purpose
  input, sign flipped (relative size 2): caught
  input, shifted by one: unchanged, skipped

exact: a wrong gradient passes with probability below 2^-65
warned: RuntimeWarning: overflow encountered in exp (forward, 3 times)
note: judged in float64

printed by the layer:
  step 0
  step 1
  step 2
  step 3
  step 4
  ... 3 more lines

points  the given point; negated
calls   52 forward, 14 backward, 2 forward for a stateful backward (probes 40+6;
        contract 12+8+2)
seed    7, effort normal, float64, 0.41 s, gradcheck 0.1.0
replay
gradcheck check examples/convolution.py:WrongConv --input input=2,1,4,4 \\
  --input weight=2,1,3,3 --seed 7"""


def test_text_reads_in_the_order_of_the_house_style(disagreement):
    assert disagreement.text() == WHOLE
    assert str(disagreement) == WHOLE


def test_text_of_agreement_says_what_would_have_been_seen(agreement):
    assert agreement.text().splitlines() == [
        "AGREES  net.py:Conv: 2 gradients agree; errors above 2e-10 of a gradient, 4e-9",
        "  of one entry, would have been seen",
        "  read as: functional pair",
        "",
        "agrees      shape      dtype    bars  of   seen above  in one entry",
        "grad_input  (2,1,4,4)  float64  0.42  7.1  2e-10       4e-9",
        "grad_bias   (2,)       float64  0.42  7.1  2e-10       4e-9",
        "  grad_input: 12 outputs at a kink, held against their one-sided slopes",
        "",
        "calls   0 forward, 0 backward",
        "seed    0, effort normal",
        "replay  gradcheck check net.py:Conv",
    ]


def test_text_of_undecided_check_names_the_reason(undecided):
    text = undecided.text()
    assert text.startswith("INCONCLUSIVE  net.py:Dropout: forward answers at random (random-forward)\n")
    assert "grad_input of shape (2,1,4,4), float64, inconclusive: random-forward\n" in text


def test_text_of_vacuous_agreement_says_so_in_its_first_line(agreement):
    text = replace(agreement, vacuous=True).text()
    assert text.startswith("AGREES, VACUOUSLY  net.py:Conv: forward did not respond at any point tried")


def test_text_of_failure_shows_the_sentence_the_traceback_and_the_stage(failure):
    assert as_text.render(failure) == (
        "RAISED  net.py:Broken: forward raised ValueError: no\n\nstage  forward\n\n"
        '  File "net.py", line 3\n    x + y\n\nprinted by the layer:\n  hi'
    )


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("load", "NOT CHECKED"),
        ("usage", "NOT CHECKED"),
        ("raised", "RAISED"),
        ("crashed", "CRASHED"),
        ("timeout", "TIMED OUT"),
        ("memory", "OUT OF MEMORY"),
        ("rejected", "REJECTED"),
    ],
)
def test_text_of_failure_says_its_kind(kind, word):
    assert as_text.render(Failure("a.py:B", kind, "it did.")) == f"{word}  a.py:B: it did."


def test_many_results_end_in_a_line_for_each(agreement, failure):
    lines = as_text.documents([agreement, failure], "0.1.0").splitlines()
    assert lines[-3:] == [
        "2 targets checked by gradcheck 0.1.0",
        "  AGREES            net.py:Conv",
        "  RAISED            net.py:Broken",
    ]


def test_a_sweep_is_counted_by_outcome_and_says_why_a_configuration_was_refused(agreement):
    swept = [replace(agreement, target=f"net.py:Conv (stride={stride})") for stride in (1, 2)]
    refused = Failure("net.py:Conv (stride=3)", "rejected", "Conv's forward raised ValueError: no fit")
    lines = as_text.documents([*swept, refused], "0.1.0", brief=True).splitlines()
    assert lines == [
        "3 configurations checked by gradcheck 0.1.0: 2 agrees, 1 rejected",
        "  AGREES            net.py:Conv (stride=1)",
        "  AGREES            net.py:Conv (stride=2)",
        "  REJECTED          net.py:Conv (stride=3): Conv's forward raised ValueError: no",
        "                    fit",
    ]
    two_targets = as_text.documents([*swept, replace(agreement, target="net.py:Pool (size=2)")], "", brief=True)
    assert two_targets.startswith("3 configurations of 2 targets checked: 3 agrees")


def test_one_result_has_no_summary(agreement):
    assert as_text.documents([agreement], "0.1.0") == agreement.text()


def test_colour_adds_marks_and_changes_no_word(disagreement):
    colored = disagreement.text(color=True)
    assert colored.startswith("\x1b[31mDISAGREES\x1b[0m  examples/")
    stripped = colored
    for code in ("\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"):
        stripped = stripped.replace(code, "")
    assert stripped == WHOLE


def test_ascii_text_says_the_same_with_stand_ins(disagreement):
    text = disagreement.text(unicode=False)
    assert "measured 2.000000000 +- 3e-9" in text
    assert "rotated by 180 degrees" in text
    assert "\n    ..##::\n" in text


def test_names_of_a_user_move_no_cursor(disagreement):
    nasty = replace(disagreement, target="\x1b[2Jnet.py\u202e:A\nB", notes=("a\tb\x07",))
    text = nasty.text()
    assert text.startswith("DISAGREES  \\x1b[2Jnet.py\\u202e:A B: ")
    assert "note: a b\\x07" in text


def test_whole_arrays_of_evidence_are_cut_short(disagreement):
    finding = replace(disagreement.findings[0], evidence={"values": tuple(range(100))})
    assert "values (0, 1, 2, 3, 4, 5, ... 100 in all)" in replace(disagreement, findings=(finding,)).text()


def test_narrow_terminal_gets_sentences_for_the_rows_that_do_not_fit(agreement):
    text = agreement.text(width=44)
    assert "grad_bias of shape (2,), float64, agrees:\n    0.42 bars of 7.1;" in text
    assert max(map(len, text.splitlines())) <= 44


def test_estimated_census_says_its_sample(disagreement):
    census = Census(700, 1000, False, 64, (), (), (WrongEntry((), 1.0, Measured(2.0, 0.0), 3.0),))
    weight = replace(disagreement.arguments["weight"], census=census, shape=())
    text = replace(disagreement, arguments={"weight": weight}).text()
    assert "grad_weight is wrong (about 700 of\n  1000 entries)\n" in text
    assert "grad_weight of shape (), float64\n  claimed 1, measured 2 (exact), 3 ulps apart\n" in text
    assert "700 of 1000 entries wrong (estimated from 64 sampled entries)\n" in text


def test_exact_tier_states_its_bound(agreement):
    bound = "on integers grad_bias equals forward's exact derivative, but for probability 2^-64"
    assert f"exact: {bound}"[:60] in replace(agreement, exact=bound).text()


def test_proof_below_the_resolution_is_told_as_stated(agreement):
    damage = Damage("bias", "one entry by 1 %", "not seen, as stated", 0.01)
    assert (
        "bias, one entry by 1 % (relative size 0.01): not seen, as stated" in replace(agreement, proof=(damage,)).text()
    )


def test_verdict_without_a_wrong_argument_gives_the_first_error(disagreement):
    bare = replace(disagreement, arguments={})
    assert bare.text().startswith(
        "DISAGREES  examples/convolution.py:WrongConv: backward answers for another\n  input.\n"
    )
    assert (
        replace(bare, findings=(), verdict=Verdict.INCONCLUSIVE, reason="no-budget")
        .text()
        .startswith("INCONCLUSIVE  examples/convolution.py:WrongConv: no gradient could be judged")
    )
