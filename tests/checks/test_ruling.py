import zlib
from dataclasses import replace

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.checks.adjoint import Evidence
from gradcheck.checks.comparison import THRESHOLD, Comparison
from gradcheck.checks.outputs import Form
from gradcheck.checks.places import GIVEN, Place
from gradcheck.checks.probes import Measured
from gradcheck.checks.resolution import ENOUGH, resolution
from gradcheck.checks.ruling import Flag, rule
from gradcheck.numdiff.records import Derivative

ONE = Comparison("x", "the given point", "random", 1.0, 1.0, 1e-6, 1e-6, 1.0, 10, 1.0, "complex step")
FAR = replace(ONE, claimed=2.0)
NEAR = replace(ONE, claimed=1.0 + 4e-6)
BLURRED = replace(ONE, bar=1e-2, claimed=1.0 + 1e-3)
BLIND = replace(ONE, bar=1e3)

FLAGS = {
    "seen twice": (Flag(FAR, FAR), True, False),
    "half as far the second time": (Flag(FAR, NEAR), True, False),
    "gone the second time": (Flag(FAR, BLURRED), False, False),
    "gone, closer than with a wrong claim": (Flag(FAR, BLIND), False, True),
    "gone with what was left out": (Flag(FAR, ONE, left_out=True), False, True),
    "too blurred to see it without what was left out": (Flag(FAR, BLURRED, left_out=True), False, False),
    "still there without it": (Flag(FAR, FAR, left_out=True), True, False),
    "no second look": (Flag(FAR, None), False, False),
    "nothing left to look at again": (Flag(FAR, None, left_out=True), False, True),
    "gone twice": (Flag(FAR, ONE, third=ONE), False, True),
    "gone once and there again": (Flag(FAR, ONE, third=FAR), True, False),
    "gone blindly and there again": (Flag(FAR, BLIND, third=FAR), True, False),
    "gone twice, where it would not have shown": (Flag(FAR, BLURRED, third=BLURRED), False, False),
}


@pytest.mark.parametrize(("flag", "confirmed", "excused"), FLAGS.values(), ids=FLAGS)
def test_a_discrepancy_counts_when_it_is_there_again(flag, confirmed, excused):
    assert THRESHOLD / 2 < NEAR.bars < THRESHOLD
    assert (flag.confirmed, flag.excused) == (confirmed, excused)


def test_nothing_seen_resolves_nothing():
    assert resolution([]) == (float("inf"), float("inf"))
    assert resolution([replace(ONE, reach=0.0, shown=0.0)]) == (float("inf"), float("inf"))


def test_more_probes_resolve_smaller_errors():
    found = [resolution([ONE] * number)[0] for number in (1, 2, 4, 8, 100)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(THRESHOLD * 1e-6 * 0.8 / 1e-3)
    assert found[-1] == pytest.approx(THRESHOLD * 1e-6)


def test_a_blurred_probe_does_not_spoil_sharp_ones():
    assert resolution([ONE] * 4 + [replace(ONE, bar=1.0)])[0] <= resolution([ONE] * 4)[0]


def test_one_entry_is_seen_by_the_sharpest_probe_whatever_its_sign():
    assert resolution([ONE, replace(ONE, bar=1.0)])[1] == pytest.approx(THRESHOLD * 1e-6 * np.sqrt(10) / 0.5)


def test_an_argument_of_one_entry_needs_one_probe():
    assert resolution([replace(ONE, entries=1)])[0] == pytest.approx(THRESHOLD * 1e-6 / 0.5)


def noisy(size):
    """Return a sine with noise of this size: the same for the same inputs, and unlike that of their neighbours."""

    def forward(x):
        if np.iscomplexobj(x):
            raise TypeError
        return np.sin(x) + size * np.random.default_rng(zlib.crc32(x.tobytes())).standard_normal(x.shape)

    return forward


X = np.random.default_rng(17).uniform(-1.0, 1.0, size=(4, 5))
cosine = lambda g, x: g * np.cos(x)  # noqa: E731 - one line beside its forward
NOISES = [(0.0, Verdict.AGREES), (1e-9, Verdict.AGREES), (1e-2, Verdict.INCONCLUSIVE), (1.0, Verdict.INCONCLUSIVE)]


@pytest.mark.parametrize(("size", "wanted"), NOISES, ids=str)
def test_agreement_needs_a_resolution_of_one_per_cent(size, wanted):
    argument = check((noisy(size), cosine), {"x": X}, points=[]).arguments["x"]
    assert argument.verdict is wanted
    assert (argument.resolution <= ENOUGH) is (wanted is Verdict.AGREES)


def test_the_resolution_grows_with_forwards_noise():
    fine, coarse = (check((noisy(size), cosine), {"x": X}).arguments["x"] for size in (1e-12, 1e-7))
    assert fine.resolution < coarse.resolution / 50
    assert fine.entry_resolution < coarse.entry_resolution / 50


def test_a_curve_of_errors_against_steps_is_kept():
    curve = check((noisy(1e-9), cosine), {"x": X}).arguments["x"].step_curve
    assert len(curve.steps) == len(curve.truncation_errors) == len(curve.roundoff_errors) > 1
    assert list(curve.steps) == sorted(curve.steps, reverse=True)
    assert curve.chosen in curve.steps


VACUOUS = {
    "empty input": (np.zeros((0, 3)), lambda x: x * x, lambda g, x: 2 * g * x),
    "empty output": (X, lambda x: x[:0], lambda g, x: 0 * x),
    "a constant": (X, lambda x: np.ones(3), lambda g, x: 0 * x),
    "a step": (X, np.floor, lambda g, x: 0 * x),
}


@pytest.mark.parametrize(("x", "forward", "backward"), VACUOUS.values(), ids=VACUOUS)
def test_an_agreement_about_nothing_is_called_vacuous(x, forward, backward):
    report = check((forward, backward), {"x": x})
    assert (report.verdict, report.vacuous) == (Verdict.AGREES, True)
    assert report.arguments["x"].reason == "vacuous"
    assert report.arguments["x"].sentence


def test_catches_a_claim_where_forward_never_responds():
    report = check((lambda x: np.ones(3), lambda g, x: np.full(x.shape, g.sum())), {"x": X})
    assert report.verdict is Verdict.DISAGREES
    assert not report.vacuous


def test_one_argument_that_responds_makes_the_agreement_count():
    report = check((lambda x, w: x * x, lambda g, x, w: (2 * g * x, 0 * w)), {"x": X, "w": X})
    assert (report.verdict, report.vacuous) == (Verdict.AGREES, False)
    assert {name: a.reason for name, a in report.arguments.items()} == {"x": None, "w": "vacuous"}


def evidence(*comparisons):
    base = np.ones(10)
    form = Form(((10,),), (base.dtype,))
    place = Place(GIVEN, {"x": base}, {"x": base}, form, base, 0 * base, base.dtype)
    smooth = Derivative(base, 0 * base, base, base, base < 0, 0 * base, base, "complex step", 1)
    return Evidence(place, comparisons, {"x": [Measured({}, smooth)]}, base > 0, base < 0)


LOST = replace(ONE, bar=1.0)
AT_A_KINK = replace(ONE, kind="kink")

# What was seen, the flags raised, what was seen at kinks, and the answer
ANSWERS = {
    "agrees": ([ONE] * 4, [], [], (Verdict.AGREES, None, "")),
    "disagrees": ([FAR] * 4, [Flag(FAR, FAR)], [], (Verdict.DISAGREES, None, "")),
    "not reproduced": (
        [FAR, ONE],
        [Flag(FAR, BLURRED)],
        [],
        (Verdict.INCONCLUSIVE, "not-reproduced", "a discrepancy did not reproduce along a fresh direction"),
    ),
    "not looked at again": (
        [FAR, ONE],
        [Flag(FAR, None)],
        [],
        (Verdict.INCONCLUSIVE, "not-confirmed", "a discrepancy was seen that could not be looked at again"),
    ),
    "excused": ([FAR, ONE, ONE], [Flag(FAR, ONE, left_out=True)], [], (Verdict.AGREES, None, "")),
    "not measured": ([], [], [], (Verdict.INCONCLUSIVE, "not-measured", "no output could be measured")),
    "noise": (
        [LOST],
        [],
        [],
        (
            Verdict.INCONCLUSIVE,
            "noise",
            "the error bars, by forward's rounding or by kinks close by, hide an error of 1 %",
        ),
    ),
    "kinks alone": (
        [],
        [],
        [AT_A_KINK],
        (
            Verdict.AGREES,
            "kinks-only",
            "judged at its kinks alone: the claim lies between the one-sided derivatives",
        ),
    ),
    "confirmed beats doubtful": ([FAR], [Flag(FAR, ONE), Flag(FAR, FAR)], [], (Verdict.DISAGREES, None, "")),
}


@pytest.mark.parametrize(("seen", "flags", "kinks", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_the_first_answer_that_applies_decides(seen, flags, kinks, answer):
    found = rule("x", np.ones(10), [evidence(*seen)], {"x": flags}, kinks=kinks)
    if answer[1] == "not-measured":
        assert found.probes == 0
    assert (found.verdict, found.reason, found.sentence) == answer
    assert found.threshold == THRESHOLD


def test_the_worst_confirmed_comparison_is_told_with_its_place():
    derived = replace(FAR, place="a batch of two", claimed=5.0)
    found = rule("x", np.ones(10), [evidence(ONE, FAR)], {"x": [Flag(derived, derived)]})
    assert (found.claimed, found.measured.value, found.point) == (5.0, 1.0, "a batch of two")
    assert found.derived_only
    both = rule("x", np.ones(10), [evidence(ONE, FAR)], {"x": [Flag(derived, derived), Flag(FAR, FAR)]})
    assert not both.derived_only


SENTENCES = {
    "empty": (np.zeros((0, 3)), np.sin, "it is empty, or the output is"),
    "constant": (X, lambda x: np.ones(3), "forward never responded to it, and nothing was claimed"),
}


@pytest.mark.parametrize(("x", "forward", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_a_vacuous_agreement_says_why(x, forward, sentence):
    assert check((forward, lambda g, x: 0 * x), {"x": x}).arguments["x"].sentence == sentence


def test_a_forward_that_refuses_every_neighbour_is_not_measured():
    def forward(x):
        if not np.array_equal(x, X):
            raise ValueError("only here")
        return np.sin(x)

    report = check((forward, cosine), {"x": X})
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, "not-measured")


def normalised(x, bias):
    z = x + bias
    return (z - z.mean(0)) / z.std(0)


def normalised_backward(g, x, bias, *, added=0.0):
    z = x + bias
    unit = (z - z.mean(0)) / z.std(0)
    inner = (g - g.mean(0) - unit * (g * unit).mean(0)) / z.std(0)
    return inner, inner.sum(0) + added * g.sum(0)


@pytest.mark.parametrize("seed", range(4))
def test_a_gradient_that_is_nothing_beside_the_others_is_vacuous_where_nothing_is_claimed(seed):
    rng = np.random.default_rng(31)
    inputs = {"x": rng.standard_normal((6, 3)), "bias": rng.standard_normal(3)}
    right = check((normalised, normalised_backward), inputs, seed=seed)
    assert right.verdict is Verdict.AGREES
    assert right.arguments["bias"].reason in (None, "vacuous")
    wrong = check((normalised, lambda g, x, b: normalised_backward(g, x, b, added=1e-6)), inputs, seed=seed)
    assert wrong.arguments["bias"].verdict is Verdict.DISAGREES


def test_a_second_cotangent_asks_nothing_new_of_a_single_output():
    def probe(length, outputs):
        return replace(ONE, outputs=outputs, length=length)

    one_direction = resolution([probe(1.0, 1), probe(1.0, 1)])[0]
    assert one_direction == resolution([probe(1.0, 1)])[0]
    assert resolution([probe(1.0, 1), probe(2.0, 1)])[0] < one_direction
    assert resolution([probe(1.0, 5), probe(1.0, 5)])[0] < one_direction


def test_probes_of_all_points_count_together():
    def at(name, *found):
        here = evidence(*(replace(c, place=name) for c in found))
        return replace(here, place=replace(here.place, name=name))

    blunt = replace(ONE, bar=5e-4)
    one_place = rule("x", np.ones(10), [at(GIVEN, blunt, blunt)], {}).resolution
    places = rule("x", np.ones(10), [at(GIVEN, blunt, blunt), at("another point", blunt)], {}).resolution
    assert places == pytest.approx(resolution([blunt] * 3)[0])
    assert places < one_place
