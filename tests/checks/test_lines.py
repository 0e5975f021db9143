"""Along lines nearby one kink is told from several, and slopes that rise from slopes that rise and fall."""

import numpy as np
import pytest

from gradcheck.adapters.reading import subject_of
from gradcheck.checks.branches import rise_and_fall
from gradcheck.checks.choices import REACHES
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.intervals import measure_close
from gradcheck.checks.lines import ALONE, BETWEEN, BRIEF, FAR, NEARBY, STRAIGHT, evenly, line_nearby
from gradcheck.checks.places import survey, with_noise

SEEDS = range(24)
CURVED = np.array([0.3, 0.0, 0.0])  # beside the kinks of the other two


def relu(z):
    return np.maximum(z, 0)


ONE_KINK = {
    "ReLU": (lambda x: relu(x[1:2]), np.zeros(3)),
    "ReLU of a sum": (lambda x: relu(x.sum(keepdims=True)), np.zeros(3)),
    "ReLU beside a curve": (lambda x: np.exp(x[:1]) * (1 + relu(x[1:2])), CURVED),
    "negative part, steep": (lambda x: 1e3 * np.minimum(x[1:2], 0) + x[:1], np.zeros(3)),
}
NO_KINK = {
    "a plane": (lambda x: x[:1] + 2 * x[1:2], np.zeros(3)),
    "a curve": (lambda x: np.sin(x).sum(keepdims=True), CURVED),
}
SEVERAL = {
    "ReLU less ReLU": lambda x: relu(x[:1]) - relu(x[1:2]),
    "ReLU less half of it": lambda x: relu(x[:1]) - 0.5 * relu(x[1:2]),
    "two ReLUs": lambda x: relu(x[:1]) + relu(x[1:2]),
    "three of either sign": lambda x: relu(x[:1]) - np.abs(x[1:2]) + 2 * relu(x[2:]),
    "length": lambda x: np.sqrt((x * x).sum(keepdims=True)),
}


def nearby(forward, x, seed, tangent=None):
    rng = np.random.default_rng(seed)
    instrument = Instrument(subject_of((forward, lambda g, x: g), {"x": x}))
    place = with_noise(instrument, survey(instrument, instrument.subject.inputs))
    drawn = rng.choice([-1.0, 1.0], x.shape) * (0.5 + rng.random(x.shape)) if tangent is None else tangent
    measured = measure_close(instrument, place, {"x": drawn})
    return instrument, place, measured, line_nearby(instrument, place, measured, rng)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("forward", "x"), (ONE_KINK | NO_KINK).values(), ids=ONE_KINK | NO_KINK)
def test_one_kink_or_none_is_told(forward, x, seed):
    instrument, _, measured, line = nearby(forward, x, seed)
    before = instrument.evaluations.forward
    assert line.meets_one(0)
    assert instrument.evaluations.forward - before <= (ALONE if measured.derivative.kinky[0] else STRAIGHT)


@pytest.mark.parametrize("forward", SEVERAL.values(), ids=SEVERAL)
def test_several_kinks_are_taken_for_one_in_few_cases(forward):
    alone = [nearby(forward, np.zeros(3), seed)[3].meets_one(0) for seed in range(200)]
    assert np.mean(alone) <= 0.09


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("forward", "x"), ONE_KINK.values(), ids=ONE_KINK)
def test_a_brief_look_tells_one_kink_as_well(forward, x, seed):
    instrument, _, _, line = nearby(forward, x, seed)
    before = instrument.evaluations.forward
    assert line.meets_one(0, brief=True)
    assert instrument.evaluations.forward - before <= BRIEF


@pytest.mark.parametrize("forward", SEVERAL.values(), ids=SEVERAL)
def test_a_brief_look_takes_several_kinks_for_one_more_often(forward):
    alone = [nearby(forward, np.zeros(3), seed)[3].meets_one(0, brief=True) for seed in range(200)]
    assert np.mean(alone) <= 0.4


HIDDEN_FROM_FAR = {
    "median": (lambda x: np.median(x, keepdims=True), np.zeros(3), None, 0.25),
    "median and ReLU": (lambda x: np.median(x[:3], keepdims=True) + relu(x[3:]), np.zeros(4), None, 0.4),
    "between the quartiles": (
        lambda x: (np.sort(x)[4] - np.sort(x)[1]).reshape(1),
        np.zeros(6),
        np.array([0.0, -1.0, 0.0, 0.0, 1.0, 0.0]),
        0.4,
    ),
}


@pytest.mark.parametrize(("forward", "x", "tangent", "most"), HIDDEN_FROM_FAR.values(), ids=HIDDEN_FROM_FAR)
def test_what_is_straight_from_far_out_is_seen_close_by(forward, x, tangent, most):
    """One line alone misses it in so many cases; four are asked before anybody is accused along several entries."""
    alone = [nearby(forward, x, seed, tangent)[3].meets_one(0) for seed in range(200)]
    assert np.mean(alone) <= most


def test_a_kink_far_out_is_one():
    """The largest of two moves one kink, which equal changes of both do not move at all."""
    for seed in SEEDS:
        assert nearby(lambda x: x[1:].max(keepdims=True), np.zeros(3), seed, np.array([0.0, 1.0, -1.0]))[3].meets_one(0)
        assert nearby(lambda x: x[1:].max(keepdims=True), np.zeros(3), seed, np.ones(3))[3].meets_one(0)


def test_two_kinks_that_cancel_from_far_out_are_told():
    """Along equal changes ReLU less ReLU has no kink at the place, and two nearby."""
    for seed in range(50):
        instrument, place, measured, _ = nearby(SEVERAL["ReLU less ReLU"], np.zeros(3), seed, np.ones(3))
        rng = np.random.default_rng(seed)
        assert not all(line_nearby(instrument, place, measured, rng).straight(reach)[0] for reach in REACHES)


def test_a_line_begins_and_ends_with_the_one_sided_derivatives():
    _, _, measured, line = nearby(relu, np.zeros(3), 0)
    slopes = line.slopes(evenly(BETWEEN))
    assert slopes.shape == (BETWEEN, 3)
    np.testing.assert_array_equal(slopes[0], measured.derivative.left)
    np.testing.assert_array_equal(slopes[-1], measured.derivative.right)
    jumps = np.diff(slopes, axis=0)
    assert np.all(jumps >= -line.room(evenly(BETWEEN)))
    np.testing.assert_allclose(jumps.sum(axis=0), measured.derivative.right - measured.derivative.left)


def test_points_far_out_are_part_of_the_slopes_once_they_were_evaluated():
    instrument, _, _, line = nearby(relu, np.zeros(3), 0)
    before = instrument.evaluations.forward
    line.look_far_out()
    line.look_far_out()
    assert line.slopes(evenly(8)).shape == (8 + 2, 3)
    assert instrument.evaluations.forward - before == 2 + 7
    assert line.distance == NEARBY
    assert max(line.seen) == FAR * NEARBY


def test_where_forward_refuses_a_point_nothing_is_told():
    def forward(x):
        if np.any((x > 0) & (x < 1e-5)):
            raise ValueError("too small")
        return relu(x)

    _, place, measured, line = nearby(relu, np.zeros(3), 0)
    instrument = Instrument(subject_of((forward, lambda g, x: g), {"x": np.zeros(3)}))
    refused = line_nearby(instrument, place, measured, np.random.default_rng(0))
    assert refused.slopes(evenly(BETWEEN)) is None
    assert not refused.meets_one(0)
    refused.look_at(evenly(8))
    assert np.all(rise_and_fall([refused]))
    assert line.slopes(evenly(BETWEEN)) is not None


BOTH = {
    "convex": (lambda x: relu(x).sum(keepdims=True), False),
    "concave": (lambda x: -np.abs(x).sum(keepdims=True), False),
    "largest": (lambda x: x.max(keepdims=True), False),
    "length": (lambda x: np.sqrt((x * x).sum(keepdims=True)), False),
    "mixed": (lambda x: relu(x[:1]) - relu(x[1:2]), True),
    "median": (lambda x: np.median(x, keepdims=True), True),
}


@pytest.mark.parametrize(("forward", "both"), BOTH.values(), ids=BOTH)
def test_slopes_both_rise_and_fall_where_an_output_is_neither_convex_nor_concave(forward, both):
    found = []
    for seed in range(60):
        line = nearby(forward, np.zeros(3), seed)[3]
        line.look_at(evenly(BETWEEN))
        found.append(bool(rise_and_fall([line])[0]))
    assert np.mean(found) >= 0.9 if both else not any(found)


def test_points_next_to_each_other_are_evaluated_once():
    """Between them nothing but noise would show, and hide what rises or falls beside it."""
    _, _, _, line = nearby(lambda x: relu(x[:1]), np.zeros(3), 0)
    line.meets_one(0)
    line.look_at(evenly(BETWEEN))
    steps = np.sort(list(line.seen))
    assert np.min(np.diff(steps)) > 2.0**-10 * line.distance
