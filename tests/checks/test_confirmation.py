from dataclasses import replace

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.adjoint import RANDOM, gather
from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.confirmation import confirm, flag, fresh_direction, look_again
from gradcheck.checks.corners import corners
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey, with_noise

X = np.random.default_rng(29).standard_normal((3, 4))
TRIPLES = np.repeat(np.arange(5.0), 3).reshape(5, 3)


def seen(layer, *, seed=0, **inputs):
    """Return the instrument, what is seen of a layer at its given point, and the generator."""
    rng = np.random.default_rng(seed)
    instrument = Instrument(subject_of(layer, inputs))
    place = with_noise(instrument, survey(instrument, instrument.subject.inputs))
    return instrument, gather(instrument, place, rng), rng


def looked_again(instrument, evidence, rng):
    """Look again at x along a fresh direction, with corners left out."""
    look = fresh_direction(instrument, evidence, "x", rng)
    look.cornered = corners(instrument, evidence.place, "x", (evidence.measured["x"][0], look.measured), rng=rng).found
    return confirm(instrument, evidence, look, rng, kind=RANDOM)


def median_backward(g, x):
    middle = np.argsort(x, axis=1, kind="stable")[:, 1:2]
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, middle, g[:, None], axis=1)
    return gradient


def test_a_discrepancy_is_there_again_along_a_fresh_direction():
    instrument, evidence, rng = seen((np.tanh, lambda g, x: g), x=X)
    again, left_out, whole, _ = looked_again(instrument, evidence, rng)
    assert again.bars > THRESHOLD
    assert (again.kind, left_out, whole) == ("confirmation", False, True)
    assert again.measured not in [c.measured for c in evidence.comparisons]


def test_a_right_gradient_is_right_again():
    instrument, evidence, rng = seen((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), x=X)
    again, left_out, whole, _ = looked_again(instrument, evidence, rng)
    assert again.bars < THRESHOLD
    assert (left_out, whole) == (False, True)


@pytest.mark.parametrize("seed", range(12))
def test_medians_of_tied_triples_are_left_out_though_no_direction_shows_their_corners(seed):
    instrument, evidence, rng = seen((lambda x: np.median(x, axis=1), median_backward), seed=seed, x=TRIPLES)
    assert not evidence.kinky.any()
    assert max(c.bars for c in evidence.comparisons) > THRESHOLD
    look = looked_again(instrument, evidence, rng)
    assert look.left_out
    assert look.comparison is None
    assert not any(f.confirmed for f in look_again(instrument, evidence, "x", rng))


def test_a_corner_next_to_wrong_outputs_does_not_hide_them():
    def backward(g, x):
        return median_backward(g, x) * np.where(np.ptp(x, axis=1, keepdims=True) > 0, 1.01, 1.0)

    x = np.concatenate([TRIPLES, X[:, :3]])
    report = check((lambda x: np.median(x, axis=1), backward), {"x": x})
    assert report.verdict is Verdict.DISAGREES


def test_inputs_that_stand_close_to_a_kink_do_not_excuse_a_wrong_slope():
    x = np.array([1e-9, 1.0, -1e-9, 2.0])
    report = check((lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x > 1e-6, 1.0, 0.0)), {"x": x})
    assert report.verdict is Verdict.DISAGREES


def test_what_the_first_look_mismeasured_is_settled_by_further_ones():
    instrument, evidence, rng = seen((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), x=X)
    mismeasured = replace(evidence.comparisons[0], measured=evidence.comparisons[0].claimed + 1e-3)
    assert mismeasured.bars > THRESHOLD
    found = flag(instrument, evidence, mismeasured, rng)
    assert found.excused
    assert not found.confirmed


def test_a_kink_that_only_the_second_look_meets_sets_its_output_apart():
    instrument, evidence, rng = seen((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), x=X)
    look = fresh_direction(instrument, evidence, "x", rng)
    kinky = np.arange(X.size) == 5
    look.measured = replace(look.measured, derivative=replace(look.measured.derivative, kinky=kinky))
    again = confirm(instrument, evidence, look, rng, kind=RANDOM)
    np.testing.assert_array_equal(again.apart, kinky)
    assert again.left_out
    assert not again.whole


@pytest.mark.parametrize("seed", range(6))
def test_what_turns_many_times_within_every_step_is_looked_at_finely_before_anybody_is_accused(seed):
    layer = (lambda x: np.sin(x).sum(), lambda g, x: g * np.cos(x))
    assert check(layer, {"x": np.logspace(-9, 9, 12)}, seed=seed).verdict is not Verdict.DISAGREES


CORNERS = {
    "medians": (lambda x: np.median(x.reshape(-1, 3), axis=1), np.repeat([1.0, 2.0], 3), [True, True]),
    "powers of 1.5": (lambda x: np.abs(x) ** 1.5, np.array([0.0, 1.0]), [False, False]),
    "squares": (lambda x: x**2, np.array([0.0, 1.0]), [False, False]),
    "a median beside a steep line": (lambda x: np.append(np.median(x), 1e6 * x[:1]), np.full(3, 2.0), [True, False]),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("forward", "x", "expected"), CORNERS.values(), ids=CORNERS)
def test_corners_are_told_from_curves(forward, x, expected, seed):
    instrument, evidence, rng = seen((forward, lambda g, x: np.zeros_like(x)), seed=seed, x=x)
    first, second = evidence.measured["x"][0], fresh_direction(instrument, evidence, "x", rng).measured
    found, finely = corners(instrument, evidence.place, "x", (first, second), rng=rng)
    assert found.tolist() == expected
    assert finely
