from dataclasses import replace

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.adjoint import gather
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.lost_digits import Question, are_lost, nearer, steps_nearer
from gradcheck.checks.places import survey, with_noise

SIGNS = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
FAR = SIGNS * np.array([38.1, 39.2, 40.3, 41.4, 42.5])
TARGET = (SIGNS > 0) * 1.0


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def binary(x):
    return np.maximum(x, 0) - x * TARGET + np.log1p(np.exp(-np.abs(x)))


def cancelling(g, x):
    return g * (sigmoid(x) - TARGET)


def seen(layer, x):
    instrument = Instrument(subject_of(layer, {"x": x}))
    place = with_noise(instrument, survey(instrument, instrument.subject.inputs))
    evidence = gather(instrument, place, np.random.default_rng(0))
    return instrument, evidence, max(evidence.of("x"), key=lambda c: c.bars)


def steps(backward, x, unit=2.0**-53):
    instrument = Instrument(subject_of((binary, backward), {"x": x}))
    form = survey(instrument, instrument.subject.inputs).form
    ways = np.array([0.7, -1.1, 1.3, -0.6, 0.9])
    question = Question(instrument.subject.inputs, form, np.ones(5), "x", ways)
    first = backward(np.ones(5), x)
    return steps_nearer(instrument, question, first, unit=unit, factor=nearer(np.exp(-40), unit)), instrument


def test_a_difference_that_cancels_shows_its_steps_nearer_to_zero():
    largest, _ = steps(cancelling, FAR)
    lost = TARGET == 1
    assert np.all((largest[lost] > 2.0**-57) & (largest[lost] < 2.0**-50))
    assert np.all(largest[~lost] < 1e-12 * sigmoid(FAR)[~lost])


def test_what_keeps_its_digits_shows_no_steps():
    found, _ = steps(lambda g, x: g * np.exp(-np.abs(x)), FAR)
    assert np.all(found < 1e-12 * np.exp(-np.abs(FAR)))


def test_a_place_where_nothing_moves_is_asked_about_once():
    found, instrument = steps(lambda g, x: 0 * g * x, FAR)
    assert found is None
    assert instrument.evaluations.backward == 1


def test_digits_lost_in_backward_explain_a_discrepancy():
    instrument, evidence, worst = seen((binary, cancelling), FAR)
    assert worst.bars > 1e6
    assert are_lost(instrument, evidence, worst)


@pytest.mark.parametrize(
    "backward",
    [
        lambda g, x: g * np.where(TARGET == 1, sigmoid(x) - 1, 2 * sigmoid(x)),  # what keeps its digits is doubled
        lambda g, x: -g * np.where(TARGET == 1, -sigmoid(-x), sigmoid(x)),
        lambda g, x: 0 * g * x,
    ],
    ids=["doubled-beside", "sign", "zero"],
)
def test_lost_digits_explain_no_wrong_gradient(backward):
    instrument, evidence, worst = seen((binary, backward), FAR)
    assert worst.bars > 1e6
    assert not are_lost(instrument, evidence, worst)


def test_what_is_large_is_not_asked_about():
    instrument, evidence, worst = seen((binary, lambda g, x: g * (1.01 * sigmoid(x) - TARGET)), FAR / 20)
    before = instrument.evaluations.backward
    assert not are_lost(instrument, evidence, worst)
    assert not are_lost(instrument, evidence, worst, among=[evidence])
    assert instrument.evaluations.backward == before


def test_slopes_found_elsewhere_say_what_a_claim_loses():
    layer = (lambda x: 1e6 * binary(x), lambda g, x: 1e6 * cancelling(g, x))
    instrument, evidence, worst = seen(layer, FAR)
    _, elsewhere, _ = seen(layer, FAR / 20)
    assert not are_lost(instrument, evidence, worst)
    assert are_lost(instrument, evidence, worst, among=[elsewhere])


def test_a_comparison_of_another_claim_is_not_asked_about():
    instrument, evidence, worst = seen((binary, cancelling), FAR)
    assert not are_lost(instrument, evidence, replace(worst, claimed=1.0))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.2, 2.5])
def test_confident_logits_agree_and_the_gradient_of_others_does_not(factor, seed):
    assert check((binary, cancelling), {"x": factor * FAR}, seed=seed).verdict is Verdict.AGREES
    wrong = (binary, lambda g, x: 1.02 * cancelling(g, x))
    assert check(wrong, {"x": factor * FAR}, seed=seed).verdict is Verdict.DISAGREES
