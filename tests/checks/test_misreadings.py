"""What looks like a mistake and is the measurement's (steps, a complex step that cancels), and what is not."""

from functools import partial

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.adjoint import gather
from gradcheck.checks.equal_changes import judge_equal_changes
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey, with_noise
from gradcheck.checks.ruling import MAY_BE_CANCELLED, MAY_BE_STEPS
from gradcheck.faults.records import point_of
from gradcheck.faults.zoo import TRICKY

SEEDS = range(4)


def sine_over(x):
    return np.sin(x) / x


def sine_over_prime(x):
    return np.where(np.abs(x) < 0.05, -x / 3 + x**3 / 30 - x**5 / 840, (x * np.cos(x) - np.sin(x)) / x**2)


STEPS = {
    "floor of hundreds": (np.floor, 100.0),
    "floor of millions": (np.floor, 1e6),
    "whole cents": (lambda x: np.round(x, 2), 100.0),
    "eight bits": (lambda x: np.floor(16 * x) / 16, 1.0),
    "sum of floors": (lambda x: np.asarray(np.floor(20 * x).sum()), 1.0),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("forward", "size"), STEPS.values(), ids=STEPS)
def test_steps_without_a_claim_are_never_accused(forward, size, seed):
    x = size * np.random.default_rng(seed).standard_normal(10)
    report = check((forward, lambda _g, x: np.zeros_like(x)), {"x": x}, seed=seed)
    assert report.verdict is not Verdict.DISAGREES
    assert report.vacuous or report.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("seed", SEEDS)
def test_a_forgotten_gradient_is_found_where_forward_rounds_to_float32(seed):
    x = np.random.default_rng(seed).standard_normal(10)
    forgotten = (lambda x: np.tanh(x.astype(np.float32)).astype(float), lambda _g, x: np.zeros_like(x))
    assert check(forgotten, {"x": x}, seed=seed).verdict is Verdict.DISAGREES


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("small", [1e-4, 1e-5])
def test_a_complex_step_that_cancels_accuses_nobody(small, seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate([[small * (1 + rng.random())], rng.standard_normal(6)])

    def times(factor):
        return lambda g, x: g * sine_over_prime(x) * np.where(np.arange(x.size) == 0, factor, 1.0)

    assert check((sine_over, times(1.0)), {"x": x}, seed=seed).verdict is Verdict.AGREES
    assert check((sine_over, times(1.001)), {"x": x}, seed=seed).verdict is Verdict.DISAGREES


ALONE = {
    "top of a bell": (lambda x: 1 / (1 + x * x), lambda x: np.where(x == 0, 0.1, -2 * x / (1 + x * x) ** 2), 0.0),
    "cube": (lambda x: x**3, lambda x: np.where(x == 0, 50.0, 3 * x * x), 0.0),
    "logarithm near 0": (np.log, lambda x: np.where(x == 1e-2, -1.0, 1.0) / x, 1e-2),
    "pole": (lambda x: 1 / x, lambda x: np.where(x == 1e-2, 1.1, 1.0) * -(x**-2), 1e-2),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("forward", "slope", "entry"), ALONE.values(), ids=ALONE)
def test_one_wrong_entry_that_would_blur_the_others_is_found(forward, slope, entry, seed):
    x = np.insert(np.random.default_rng(seed).uniform(0.2, 2.0, 5), 2, entry)
    assert check((forward, lambda g, x: g * slope(x)), {"x": x}, seed=seed).verdict is Verdict.DISAGREES


@pytest.mark.parametrize(
    ("forward", "slope"), [(np.log, lambda x: 1 / x), (np.arccos, lambda x: -1 / np.sqrt(1 - x * x))]
)
def test_what_no_usual_step_measures_is_not_passed_over(forward, slope):
    """Closer to the edge of the domain than the ladder's steps, beside entries that these suit."""
    edge = 1e-6 if forward is np.log else 1 - 1e-6
    x = np.array([edge, 0.3, 0.5, 0.2])
    report = check((forward, lambda g, x: g * slope(x) * np.where(x == edge, -1.0, 1.0)), {"x": x})
    assert report.verdict is Verdict.DISAGREES
    assert check((forward, lambda g, x: g * slope(x)), {"x": x}).verdict is Verdict.AGREES


MEDIAN = np.array([1.0, 1.0, 0.0, 2.0, 1.0])


def _winners(x):
    return x == np.median(x)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("shares", "right"),
    [
        (lambda x: 1.0 * _winners(x), False),
        (lambda x: 0.0 * x, False),
        (lambda x: 1.0 * (np.arange(x.size) == np.argmax(_winners(x))), True),
        (lambda x: _winners(x) / _winners(x).sum(), True),
    ],
    ids=["all", "none", "the first", "shared"],
)
def test_shares_of_a_median_that_is_tied_must_add_up_to_one(shares, right, seed):
    report = check((lambda x: np.asarray(np.median(x)), lambda g, x: g * shares(x)), {"x": MEDIAN}, seed=seed)
    assert report.verdict is (Verdict.AGREES if right else Verdict.DISAGREES)


RELU, MIXED = 20, 4


def of_both_orientations(x):
    y = np.maximum(x, 0)
    return np.concatenate([y[:RELU], y[RELU : RELU + MIXED] - y[RELU + MIXED :]])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("claim", [0.0, 0.5, 1.0, 1.5, 2.0, -1.0])
def test_claims_at_kinks_are_judged_beside_choices_of_branch(claim, seed):
    def backward(g, x):
        slopes = np.where(x == 0, np.where(np.arange(x.size) < RELU, claim, 1.0), x > 0)
        return slopes * np.concatenate([g, -g[RELU:]])

    found = check((of_both_orientations, backward), {"x": np.zeros(RELU + 2 * MIXED)}, seed=seed).verdict
    wrong = not 0.0 <= claim <= 1.0
    assert found is not (Verdict.AGREES if wrong else Verdict.DISAGREES)
    if abs(claim) == 2.0:
        assert found is Verdict.DISAGREES


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_not_measured_along_a_fresh_direction_is_measured_closer(seed):
    """At steps that suit the other entries the logarithm of a negative number would be asked for."""
    x = np.insert(np.random.default_rng(seed).uniform(0.2, 2.0, 5), 2, 1e-4)
    report = check((np.log, lambda g, x: g / x * np.where(x == 1e-4, 1.1, 1.0)), {"x": x}, seed=seed)
    assert report.verdict is Verdict.DISAGREES


def test_a_point_that_noise_leaves_open_gets_more_answers_before_more_calls_of_forward():
    case = next(case for case in TRICKY if case.name == "tricky-blind/batch/norm-of-one-sample")
    report = check(case.make(), dict(point_of(case)))
    assert report.verdict is Verdict.AGREES
    assert sum(cost.forward for cost in report.evaluations.spent if cost.purpose != "the contract") <= 30


def test_the_shares_of_a_tied_median_are_explained_as_shares():
    report = check((lambda x: np.asarray(np.median(x)), lambda g, x: 1.0 * g * _winners(x)), {"x": MEDIAN})
    argument = report.arguments["x"]
    assert argument.diagnosis.code == "tie-all-winners"
    assert "moved alike all entries change it by 1" in argument.diagnosis.evidence
    assert {entry.index for entry in argument.census.worst} == {(0,), (1,), (4,)}


def test_steps_are_said_to_be_steps_in_the_first_line():
    report = check(
        (lambda x: np.round(x, 2), lambda _g, x: np.zeros_like(x)), {"x": np.random.default_rng(0).uniform(1, 500, 10)}
    )
    assert "forward moves in steps and is constant close by" in str(report).replace("\n  ", " ").partition("read as")[0]


def test_one_kink_that_one_entry_is_claimed_to_make_is_asked_along_that_entry():
    """Two lines suffice there, and four along a direction that moves all entries; other directions come before."""
    x = np.insert(np.random.default_rng(0).standard_normal(6), 2, 0.0)
    report = check((np.abs, lambda g, x: g * np.where(x == 0, 1.5, np.sign(x))), {"x": x})
    assert report.verdict is Verdict.DISAGREES
    assert sum(cost.forward for cost in report.evaluations.spent if cost.purpose == "kinks") <= 25


LARGE = {
    "beside 1e9": lambda x: 1e9 + x,
    "seconds since 1970": lambda x: 1.7e9 + np.sin(x),
    "a loss beside 1e12": lambda x: np.asarray(1e12 + (x * x).sum()),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("forward", LARGE.values(), ids=LARGE)
def test_a_forgotten_gradient_is_found_beside_a_large_constant(forward, seed):
    """A change below the constant's last place passes in silence, and is no step."""
    x = np.random.default_rng(seed).standard_normal(6)
    assert check((forward, lambda _g, x: np.zeros_like(x)), {"x": x}, seed=seed).verdict is Verdict.DISAGREES


@pytest.mark.parametrize(("frequency", "error"), [(1e3, 1e-6), (1e4, 1e-4)])
def test_a_small_error_of_a_steep_function_is_no_noise_of_a_complex_step(frequency, error):
    x = np.random.default_rng(0).uniform(0.2, 2.0, 6)
    layer = (lambda x: np.sin(frequency * x), lambda g, x: g * frequency * np.cos(frequency * x) * (1 + error))
    assert all(check(layer, {"x": x}, seed=seed).verdict is Verdict.DISAGREES for seed in range(8))


def _second_largest(x):
    return np.sort(x, axis=-1)[:, -2]


def _last_of_the_tied(g, x):
    grad = np.zeros_like(x)
    order = x.shape[-1] - 1 - np.argsort(-x[:, ::-1], axis=-1, kind="stable")
    grad[np.arange(len(x)), order[:, 1]] = g
    return grad


def test_the_last_of_tied_order_statistics_is_not_accused():
    x = np.array([[1.0, 1, 0, 2, 1], [0, 0, 0, 0, 0], [3, 3, 1, 2, 5]])
    found = [check((_second_largest, _last_of_the_tied), {"x": x}, seed=seed).verdict for seed in range(20)]
    assert found.count(Verdict.DISAGREES) <= 1  # lines miss kinks of order statistics now and then


def _minmod(x):
    """The middle one of x[0], -x[1] and 0: flat beside 0 along equal changes, and bent elsewhere."""
    return np.sort(np.stack([x[:, 0], -x[:, 1], 0 * x[:, 0]]), axis=0)[1]


def test_what_bends_anywhere_along_a_line_is_hardly_ever_judged_along_it():
    """Two lines of seven points miss a bend now and then; of two points they did so at every second place."""
    x, everywhere = np.zeros((4, 2)), np.ones(4, dtype=bool)
    accused = []
    for seed in range(40):
        instrument = Instrument(subject_of((_minmod, lambda g, _x: np.stack([g, 0 * g], axis=1)), {"x": x}))
        place = with_noise(instrument, survey(instrument, instrument.subject.inputs))
        evidence = gather(instrument, place, np.random.default_rng(seed))
        found = judge_equal_changes(instrument, evidence, "x", everywhere, rng=np.random.default_rng(seed))
        accused.append(found is not None)
    assert np.mean(accused) <= 0.2


BEYOND = [
    (np.tan, 1e-4),
    (np.tan, 1e-6),
    (np.tan, 1e-7),
    (lambda x: np.tan(x.real), 1e-4),
    (lambda x: np.tan(x.real), 1e-7),
]


@pytest.mark.parametrize(("forward", "beside"), BEYOND)
def test_what_usual_steps_carry_beyond_a_pole_is_not_passed_over(forward, beside):
    """There differences look smooth, and are those of the other branch."""
    x = np.array([np.pi / 2 - beside, 0.3, 0.5, 0.2])

    def backward(g, x, factor=1.0):
        return g * (1 + np.tan(x) ** 2) * np.where(x > 1.5, factor, 1.0)

    assert check((forward, partial(backward, factor=1.05)), {"x": x}).verdict is Verdict.DISAGREES
    assert check((forward, backward), {"x": x}).verdict is not Verdict.DISAGREES


QUANTISERS = {
    "sixteenths": lambda x: np.round(x * 16) / 16,
    "of 8 bits": lambda x: np.round(x * 127) / 127,
    "of 8 unsigned bits": lambda x: np.round(x * 255) / 255,
    "a power of two": lambda x: np.floor(x * 256) / 256,
    "thousandths": lambda x: np.round(x, 3),
    "whole numbers": lambda x: np.floor(x * 127),
    "offset": lambda x: (np.floor(x * 100) + 0.5) / 100,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("forward", QUANTISERS.values(), ids=QUANTISERS)
def test_a_quantiser_has_no_gradient(forward, dtype):
    x = np.random.default_rng(0).standard_normal((6, 5)).astype(dtype)
    for seed in SEEDS:
        none = check((forward, lambda g, x: 0 * g), {"x": x}, seed=seed)
        assert (none.verdict, none.arguments["x"].reason) == (Verdict.AGREES, "vacuous")
        assert "moves in steps" in str(none).splitlines()[0]
        passed = check((forward, lambda g, x: (g * (forward(1e3) / 1e3)).astype(g.dtype)), {"x": x}, seed=seed)
        assert passed.verdict is Verdict.DISAGREES
        assert "does not respond to" not in str(passed)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


LABELS = np.array([0, 1, 0, 1])
CANCELLED = {
    "cross-entropy, mean": (
        (lambda x: (np.logaddexp(0, x) - x * LABELS).mean(), lambda g, x: g * (sigmoid(x) - LABELS) / 4),
        [-25.0, 25.0, -30.0, 27.5],
    ),
    "cross-entropy": (
        (lambda x: np.logaddexp(0, x) - x * LABELS, lambda g, x: g * np.where(LABELS, -sigmoid(-x), sigmoid(x))),
        [-30.0, 30.0, -35.0, 35.0],
    ),
    "softplus less x": ((lambda x: np.logaddexp(0, x) - x, lambda g, x: -g * sigmoid(-x)), [30.0, 31.0, 29.5]),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("layer", "x"), CANCELLED.values(), ids=CANCELLED)
def test_what_cancellation_leaves_of_a_slope_accuses_nobody(layer, x, seed):
    (forward, backward), x = layer, np.array(x)
    report = check((forward, backward), {"x": x}, seed=seed)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.arguments["x"].sentence == MAY_BE_CANCELLED
    wrong = check((forward, lambda g, x: backward(g, x) + 0.01 * g), {"x": x}, seed=seed)
    assert wrong.verdict is Verdict.DISAGREES


IN_FLOAT32 = {
    "sigmoid": (
        lambda x: sigmoid(x.astype(np.float32)).astype(np.float64),
        lambda g, x: g * sigmoid(x) * (1.0 - sigmoid(x)),
    ),
    "tanh": (lambda x: np.tanh(x.astype(np.float32)).astype(np.float64), lambda g, x: g / np.cosh(x) ** 2),
}


@pytest.mark.parametrize("name", IN_FLOAT32)
def test_a_slope_that_float32_inside_saturates_away_accuses_nobody(name):
    """At whole numbers to 255 all outputs are one, so that nothing shows in which precision they were worked out."""
    forward, backward = IN_FLOAT32[name]
    for seed in range(12):
        x = np.random.default_rng(seed).integers(0, 256, (3, 4)).astype(float)
        assert check((forward, backward), {"x": x}, seed=seed).verdict is not Verdict.DISAGREES
        assert check((forward, lambda g, x: -backward(g, x)), {"x": x}, seed=seed).verdict is not Verdict.AGREES
        constant = check((forward, lambda g, x: backward(g, x) + 1e-3 * g), {"x": x}, seed=seed)
        assert constant.verdict is Verdict.DISAGREES


FEW = {
    "256ths": (lambda x: np.round(x * 256) / 256, [0.7123, -1.3, 0.21]),
    "1024ths": (lambda x: np.round(x * 1024) / 1024, [0.7123, -1.3, 0.21, 1.9]),
    "a picture in float32": (
        lambda x: (np.round(x * 255).astype(np.uint8) / np.float32(255)).astype(float),
        [0.712, 0.13, 0.9],
    ),
    "their sum": (lambda x: (np.round(x * 16) / 16).sum(), [0.7123, -1.3, 0.21]),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("forward", "x"), FEW.values(), ids=FEW)
def test_a_few_levels_that_look_rounded_accuse_nobody_who_claims_nothing(forward, x, seed):
    report = check((forward, lambda g, x: 0 * x), {"x": np.array(x)}, seed=seed)
    assert report.verdict is not Verdict.DISAGREES
    if report.arguments["x"].reason == "not-confirmed":
        assert report.arguments["x"].sentence == MAY_BE_STEPS


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("parts", [255, 256])
def test_a_quantiser_of_two_arguments_has_no_gradient(parts, seed):
    rng = np.random.default_rng(seed)
    inputs = {"x": rng.standard_normal((5, 6)), "y": rng.standard_normal((5, 6))}

    def forward(x, y):
        return np.round((x + y) * parts) / parts

    assert check((forward, lambda g, x, y: (0 * g, 0 * g)), inputs, seed=seed).verdict is Verdict.AGREES
    assert check((forward, lambda g, x, y: (g, g)), inputs, seed=seed).verdict is Verdict.DISAGREES


ROUND_NUMBERS = {"whole": np.arange(-6.0, 6.0), "halves": np.arange(-3.0, 3.0, 0.5), "dyadic": np.arange(20.0) / 64}


@pytest.mark.parametrize("x", ROUND_NUMBERS.values(), ids=ROUND_NUMBERS)
@pytest.mark.parametrize("factor", [3.0, 0.37])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_what_works_in_low_precision_at_round_numbers_is_no_quantiser(x, factor, dtype):
    layer = (lambda x: factor * x.astype(dtype).astype(float), lambda g, x: factor * g)
    assert [check(layer, {"x": x}, seed=seed).verdict for seed in SEEDS].count(Verdict.DISAGREES) == 0
    if dtype == np.float32:
        assert check((layer[0], lambda g, x: 0 * g), {"x": x}).verdict is not Verdict.AGREES


@pytest.mark.parametrize("parts", [2048, 4096, 65536])
def test_a_quantiser_that_looks_rounded_to_a_coarser_dtype_is_not_accused(parts):
    x = np.random.default_rng(0).standard_normal((4, 5))
    layer = (lambda x: np.round(x * parts) / parts, lambda g, x: 0 * g)
    assert [check(layer, {"x": x}, seed=seed).verdict for seed in SEEDS].count(Verdict.DISAGREES) == 0


@pytest.mark.parametrize("size", [1e-5, 1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize(
    ("forward", "slope"),
    [
        (lambda x: (1 - np.cos(x)).sum(), np.sin),
        (lambda x: (np.sqrt(1 + x * x) - 1).sum(), lambda x: x / np.sqrt(1 + x * x)),
    ],
    ids=["1 - cos", "pseudo-huber"],
)
def test_what_was_rounded_where_it_was_one_moves_in_no_steps(forward, slope, size):
    for seed in range(8):
        x = size * np.random.default_rng(seed).standard_normal((3, 2))
        report = check((forward, lambda g, x: g * slope(x)), {"x": x}, seed=seed)
        assert report.verdict is not Verdict.DISAGREES, report
        assert check((forward, lambda g, x: 2 * g * slope(x)), {"x": x}, seed=seed).verdict is not Verdict.AGREES
