import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Verdict, check
from gradcheck.checks.contract import MOST_CALLS
from gradcheck.checks.derived import KINDS, derived_inputs, larger_batch
from gradcheck.checks.procedure import FORWARD_CALLS
from gradcheck.verdict import Severity

RNG = np.random.default_rng(24)
SMALL = RNG.uniform(0.5, 1.5, size=(3, 4)) * np.where(np.arange(4) % 2 == 0, 1.0, -1.0)
POSITIVE_START = np.array([[0.5, 0.25, 0.75, -1.0], [0.5, 1.5, 0.75, 1.25], [1.5, 0.25, 1.75, 1.0]])
GIVEN = "the given point"


def cubed_beyond(limit):
    """A square, but a cube of |x| beyond the limit; backward forgets the latter."""
    return (lambda x: np.where(np.abs(x) > limit, np.abs(x) ** 3, x * x), lambda g, x: 2 * g * x)


def square_with(wrong):
    """A square whose backward is wrong where `wrong(x)`."""
    return (lambda x: x * x, lambda g, x: 2 * g * np.where(wrong(x), -x, x))


ELSEWHERE = {
    "|x| > 4": (cubed_beyond(4.0), {"x": SMALL}),
    "|x| < 1/16": (square_with(lambda x: np.abs(x) < 1 / 16), {"x": SMALL}),
    "x < -2": (square_with(lambda x: x < -2), {"x": SMALL}),
    "x > 3": (square_with(lambda x: x > 3), {"x": SMALL}),
    "a batch of two": (
        (lambda x: 3 * x, lambda g, x: 3 * np.where(np.arange(len(x))[:, None] == 0, g, 0 * g)),
        {"x": SMALL[:1]},
    ),
}


SCORES = RNG.standard_normal(10)
MET = np.where(np.arange(10) < 4, [1.0, -1.0] * 5, SCORES)
LABELS = np.array([1, -1, -1, 1, -1, 1, 1, 1, -1, 1])
WHOLE = {"x": np.array([0.0, 1.0, 1.0, 3.0]), "t": np.array([0.0, 2.0, 1.0, 1.0])}


# Losses of which half of the entries lie at a kink, wrong at all others.
WRONG_ALL_OVER = {
    "the branch of a hinge": (
        (lambda s: np.maximum(0, 1 - LABELS * s).sum(), lambda g, s: -g * LABELS * (LABELS * s < 0)),
        {"s": MET},
    ),
    "a hinge without labels": (
        (lambda s: np.maximum(0, 1 - LABELS * s).sum(), lambda g, s: -g * (LABELS * s < 1)),
        {"s": MET},
    ),
    "levels of a quantile": (
        (lambda x: np.maximum(-0.9 * x, 0.1 * x).mean(), lambda g, x: g * np.where(x < 0, -0.1, 0.9) / x.size),
        {"x": np.array([0.0, 0.0, -1.16, 0.29, 0.78, 0.54, -0.96, 1.07])},
    ),
    "targets unclaimed": ((lambda x, t: np.abs(x - t).sum(), lambda g, x, t: (g * np.sign(x - t), 0 * t)), WHOLE),
    "targets claimed as predictions": (
        (lambda x, t: np.abs(x - t).sum(), lambda g, x, t: (g * np.sign(x - t), g * np.sign(x - t))),
        WHOLE,
    ),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("layer", "inputs"), WRONG_ALL_OVER.values(), ids=WRONG_ALL_OVER)
def test_what_is_wrong_all_over_is_not_left_open_for_kinks(layer, inputs, seed):
    report = check(layer, inputs, seed=seed)
    assert report.verdict is Verdict.DISAGREES
    spent = [cost for cost in report.evaluations.spent if cost.purpose != "explaining"]
    assert sum(cost.forward for cost in spent) <= FORWARD_CALLS * len(inputs) + MOST_CALLS


@pytest.mark.parametrize(("layer", "inputs"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_catches_a_fault_that_does_not_show_at_the_given_point_and_says_where(layer, inputs):
    report = check(layer, inputs)
    argument = report.arguments["x"]
    assert report.verdict is Verdict.DISAGREES
    assert argument.derived_only
    assert argument.point != GIVEN
    assert f"seen only at a further point: {argument.point}" in " ".join(str(report).split())


def test_a_fault_that_shows_at_the_given_point_is_reported_there():
    argument = check((lambda x: x * x, lambda g, x: g * x), {"x": SMALL}).arguments["x"]
    assert (argument.point, argument.derived_only) == (GIVEN, False)


def test_an_agreement_is_not_seen_only_elsewhere():
    report = check((lambda x: x * x, lambda g, x: 2 * g * x), {"x": SMALL})
    assert not report.arguments["x"].derived_only
    assert report.points[0] == GIVEN
    assert len(report.points) >= 3


def test_without_further_points_the_given_one_decides_alone():
    report = check(square_with(lambda x: np.abs(x) > 100), {"x": SMALL}, points=[])
    assert report.verdict is Verdict.AGREES
    assert report.points == (GIVEN,)


def test_the_callers_points_replace_the_derived_ones():
    layer = square_with(lambda x: np.abs(x) > 1000)
    assert check(layer, {"x": SMALL}).verdict is Verdict.AGREES
    report = check(layer, {"x": SMALL}, points=[{"x": SMALL}, [SMALL * 5000]])
    assert report.verdict is Verdict.DISAGREES
    assert report.points == (GIVEN, "point 1 of the caller", "point 2 of the caller")
    assert (report.arguments["x"].point, report.arguments["x"].derived_only) == ("point 2 of the caller", True)


def test_what_a_callers_point_leaves_out_keeps_its_value_and_order_does_not_matter():
    divide = (lambda top, bottom: top / bottom, lambda g, top, bottom: (g / bottom, -g * top / bottom**2))
    inputs = {"top": SMALL, "bottom": SMALL + 5}
    points = [{"bottom": SMALL - 5}, {"bottom": SMALL + 9, "top": SMALL}]
    report = check(divide, inputs, points=points)
    assert report.verdict is Verdict.AGREES
    assert len(report.points) == 3


def test_a_point_that_forward_refuses_is_dropped():
    def forward(x):
        if np.abs(x).max() > 100:
            raise ValueError("too large")
        return x * x

    report = check((forward, lambda g, x: 2 * g * x), {"x": SMALL}, points=[{"x": SMALL * 1000}, {"x": SMALL * 2}])
    assert report.verdict is Verdict.AGREES
    assert report.points == (GIVEN, "point 2 of the caller")
    (said,) = report.findings
    assert (said.code, said.severity) == ("point-not-judged", Severity.WARNING)
    assert said.sentence.startswith("At point 1 of the caller nothing was judged: ")
    assert said.sentence.endswith("forward raised ValueError: too large")


@pytest.mark.parametrize(("limit", "verdict"), [(6.0, Verdict.DISAGREES), (20.0, Verdict.AGREES)])
def test_a_gradient_that_is_not_finite_elsewhere_is_told_with_the_point(limit, verdict):
    """An error at ordinary magnitudes; where values multiply up, right formulas overflow, and it is a warning."""
    report = check((lambda x: x * x, lambda g, x: np.where(np.abs(x) > limit, np.nan, 2 * g * x)), {"x": SMALL})
    (said,) = [f for f in report.findings if f.code == "gradient-nonfinite"]
    assert (report.verdict, said.argument) == (verdict, "x")
    assert re.search(
        r"must be finite where forward is; \d+ of \d+ entries are not, .*; seen at another point: ", said.sentence
    )


def test_a_gradient_may_be_what_it_likes_where_forward_is_not_finite():
    def forward(x):
        return np.where(np.abs(x) > 6, np.inf, x * x)

    report = check((forward, lambda g, x: np.where(np.abs(x) > 6, np.nan, 2 * g * x)), {"x": SMALL})
    assert (report.verdict, report.findings) == (Verdict.AGREES, ())


class NormalisesByTheFirst:
    """Keeps mean and size of the first batch, as data-dependent initialisation does."""

    def __init__(self):
        self.kept = None

    def forward(self, x):
        if self.kept is None:
            self.kept = x.mean(axis=0), x.std(axis=0)
        return (x - self.kept[0]) / self.kept[1]

    def backward(self, grad_output, x):
        if self.kept is None:
            self.forward(x)
        return grad_output / self.kept[1]


def test_a_layer_that_remembers_its_first_batch_is_not_accused_elsewhere():
    report = check(NormalisesByTheFirst(), {"x": np.random.default_rng(5).standard_normal((4, 3))})
    assert report.verdict is Verdict.AGREES
    assert [f.code for f in report.findings] == ["forward-remembers"]


def test_a_layer_that_refuses_every_other_point_is_judged_at_the_given_one():
    def forward(x):
        if np.abs(x - SMALL).max() > 0.5:
            raise ValueError("not here")
        return x * x

    report = check((forward, lambda g, x: 2 * g * x), {"x": SMALL})
    assert (report.verdict, report.points) == (Verdict.AGREES, (GIVEN,))


def softmax(x):
    size = np.exp(x - x.max(axis=-1, keepdims=True))
    return size / size.sum(axis=-1, keepdims=True)


def softmax_backward(g, x):
    p = softmax(x)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def batch_norm(x, scale):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) * scale


def batch_norm_backward(g, x, scale):
    size = np.sqrt(x.var(axis=0) + 1e-5)
    unit, inner = (x - x.mean(axis=0)) / size, g * scale
    return (inner - inner.mean(axis=0) - unit * (inner * unit).mean(axis=0)) / size, (g * unit).sum(axis=0)


def scaled(gradients):
    return tuple(1.1 * d for d in gradients) if isinstance(gradients, tuple) else 1.1 * gradients


BLIND = {
    "saturated throughout": ((softmax, softmax_backward), {"x": 1000.0 * np.arange(12).reshape(3, 4) ** 2}),
    "a batch of one": ((batch_norm, batch_norm_backward), {"x": SMALL[:1], "scale": np.array([1.0, -2.0, 0.5, 1.5])}),
    "rounded to six places": ((lambda x: np.round(np.sin(x), 6), lambda g, x: g * np.cos(x)), {"x": SMALL}),
}


@pytest.mark.parametrize(("layer", "inputs"), BLIND.values(), ids=BLIND)
def test_where_noise_or_silence_blinds_more_probes_and_places_are_tried(layer, inputs):
    forward, backward = layer
    assert check(layer, inputs).verdict is Verdict.AGREES
    wrong = check((forward, lambda g, x, *rest: scaled(backward(g, x, *rest))), inputs)
    assert wrong.verdict is Verdict.DISAGREES


def test_arguments_that_are_not_under_test_keep_the_callers_values():
    seen = []

    def forward(a, b):
        seen.append(np.array_equal(b, SMALL))
        return a * b

    check((forward, lambda g, a, b: (g * b, g * a)), {"a": SMALL, "b": SMALL}, wrt=["a"])
    on_other_values = seen.count(False)  # the contract permutes, splits and empties all arrays at once
    full = len(seen)
    assert full - on_other_values > 30


shapes = st.tuples(st.integers(1, 4), st.integers(1, 5))


@given(shapes, st.integers(0, 2**32), st.sampled_from([np.float64, np.float32]))
def test_derived_points_meet_both_signs_at_every_entry_and_all_magnitudes(shape, seed, dtype):
    x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    if np.prod(shape) > 2 and (np.all(x >= 0) or np.any(np.diff(x, axis=-1) == 0)):
        return
    points = dict(derived_inputs({"x": x, "n": 3}, ["x"], np.random.default_rng(seed)))
    assert list(points) == [kind for kind, _ in KINDS]
    assert all(point["n"] == 3 for point in points.values())
    assert all(point["x"].shape == shape and point["x"].dtype == dtype for point in points.values())


def test_the_wide_and_the_moderate_point_have_opposite_signs_and_their_stated_magnitudes():
    points = dict(derived_inputs({"x": SMALL}, ["x"], np.random.default_rng(0)))
    moderate, wide = points["magnitudes from 1/8 to 8"]["x"], points["magnitudes from 1/64 to 64"]["x"]
    assert np.array_equal(np.sign(moderate), -np.sign(wide))
    assert 1 / 8 <= np.abs(moderate).min() < 0.3
    assert 4 < np.abs(moderate).max() <= 8
    assert 1 / 64 <= np.abs(wide).min() < 0.06
    assert 16 < np.abs(wide).max() <= 64


def test_shuffling_keeps_the_sizes_up_to_a_tenth():
    points = dict(derived_inputs({"x": SMALL}, ["x"], np.random.default_rng(0)))
    sizes = np.sort(np.abs(points["the values shuffled, with random signs"]["x"]).ravel())
    assert np.all(np.abs(sizes / np.sort(np.abs(SMALL).ravel()) - 1) < 0.25)


@pytest.mark.parametrize("scale", [1e-8, 1e6, 1e12])
def test_values_far_from_one_keep_their_own_scale(scale):
    for _, point in derived_inputs({"x": SMALL * scale}, ["x"], np.random.default_rng(0)):
        assert 1 / 100 < np.median(np.abs(point["x"])) / scale < 100


def test_a_larger_batch_is_tried_with_its_labels_at_other_values():
    seen = []

    def forward(x, label):
        seen.append((x[0].real, label.tolist()))
        return x * label

    report = check((forward, lambda g, x, label: (g * label, None)), {"x": SMALL[:1], "label": np.array([[2]])})
    assert report.verdict is Verdict.AGREES
    assert "a batch of 3, magnitudes from 1/8 to 8" in report.points
    assert any(not np.array_equal(first, SMALL[0]) and label == [[2], [2], [2]] for first, label in seen)


@pytest.mark.parametrize(
    ("numbers", "larger"),
    [
        ([2, 0, 3, 1], [[2, 0, 3, 1, 4]]),  # a permutation stays one, and is not tried where 4 is refused
        ([0, 3, 7], [[0, 3, 7, 8], [0, 3, 7, 1]]),  # what rises goes on rising, or no number occurs twice
        ([0, 2, 0], [[0, 2, 0, 0]]),
        ([3], [[3, 3, 3]]),  # of two samples a normalisation has next to no gradient
    ],
)
def test_one_sample_more_gives_no_number_twice_where_none_was(numbers, larger):
    number = len(numbers)
    inputs = {"x": np.random.default_rng(0).standard_normal((number, 2)), "i": np.array(numbers)}
    found = larger_batch(inputs, ["x"], np.random.default_rng(1))
    assert [more["i"].tolist() for _, more in found] == larger
    assert all(more["x"].shape == (max(number + 1, 3), 2) for _, more in found)


@pytest.mark.parametrize(
    ("names", "grown"),
    [(("x", "bias"), {"x"}), (("x", "layer.gamma"), {"x"}), (("x", "b"), {"x"}), (("a", "b"), {"a", "b"})],
)
def test_a_bias_of_one_row_is_no_sample(names, grown):
    inputs = {name: np.random.default_rng(i + 2).standard_normal((1, 3)) for i, name in enumerate(names)}
    (_, more), *_ = larger_batch(inputs, names, np.random.default_rng(0))
    assert {name for name in names if len(more[name]) > 1} == grown


@pytest.mark.parametrize("size", [4, 5, 7, 40])
def test_values_between_0_and_1_come_near_both_ends(size):
    p = np.linspace(0.9, 0.3, size)
    points = dict(derived_inputs({"p": p}, ["p"], np.random.default_rng(size)))
    wide = points["magnitudes from 1/64 to 64"]["p"]
    assert 0 < wide.min() < 0.05
    assert 0.95 < wide.max() < 1


@pytest.mark.parametrize("seed", range(3))
def test_a_steep_layer_is_measured_elsewhere_at_the_steps_that_suited_the_given_point(seed):
    def backward(g, x):
        return g * 1e6 * np.cos(1e6 * x) * np.where(x < 0, 1.1, 1.0)

    for forward in (lambda x: np.sin(1e6 * x), lambda x: np.sin(1e6 * x.real)):
        report = check((forward, backward), {"x": np.array([0.3, 0.7])}, seed=seed)
        assert report.verdict is Verdict.DISAGREES


@pytest.mark.parametrize("seed", [3, 4, 6])
def test_what_no_step_can_measure_at_a_derived_point_accuses_nobody(seed):
    """sin(exp(3x)) turns a million million times faster there, and differences at tiny steps are of no slope."""
    x = np.random.default_rng(seed).standard_normal(5)
    layer = (lambda x: np.sin(np.exp(3 * x)), lambda g, x: g * 3 * np.exp(3 * x) * np.cos(np.exp(3 * x)))
    assert check(layer, {"x": x}, seed=seed).verdict is not Verdict.DISAGREES
