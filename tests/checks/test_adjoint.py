import zlib

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.adjoint import EQUALISED, RANDOM, SET_APART, Evidence, gather
from gradcheck.checks.comparison import THRESHOLD
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey, with_noise

RNG = np.random.default_rng(29)
X = RNG.standard_normal((3, 4))
W = RNG.standard_normal((4, 5))


def seen(layer, *, seed=0, **inputs):
    """Return the instrument, what is seen of a layer at its given point, and the generator."""
    rng = np.random.default_rng(seed)
    instrument = Instrument(subject_of(layer, inputs))
    place = with_noise(instrument, survey(instrument, instrument.subject.inputs))
    return instrument, gather(instrument, place, rng), rng


def bars(evidence, name):
    return max(c.bars for c in evidence.of(name))


def gram(x):
    return x @ x.T


def several(g, x):
    gradient = g[0] * np.cos(x)
    gradient[0] += g[1]
    return gradient


def softmax(z):
    e = np.exp(z - np.max(z.real))
    return e / e.sum()


def centred(g, x):
    part = 2 * g * (x - x.mean())
    return part - part.mean()


RIGHT = {
    "elementwise": ((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), {"x": X}),
    "two arguments": ((lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g)), {"x": X, "w": W}),
    "an argument used twice": ((gram, lambda g, x: (g + g.T) @ x), {"x": X}),
    "a scalar": ((lambda x: np.sum(x**3), lambda g, x: 3 * g * x * x), {"x": X}),
    "a number to a number": ((np.exp, lambda g, x: g * np.exp(x)), {"x": np.array(0.3)}),
    "several outputs": ((lambda x: (np.sin(x), x[0]), several), {"x": X}),
    "slopes over twelve decades": (
        (lambda x: 10.0 ** (3 * x), lambda g, x: g * 3 * np.log(10) * 10.0 ** (3 * x)),
        {"x": 2 * X},
    ),
    "inputs over eighteen decades": (
        (lambda x: x * x, lambda g, x: 2 * g * x),
        {"x": 10.0 ** np.linspace(-9, 9, 12)},
    ),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("layer", "inputs"), RIGHT.values(), ids=RIGHT)
def test_right_gradients_stand_within_the_threshold(layer, inputs, seed):
    _, evidence, _ = seen(layer, seed=seed, **inputs)
    assert set(evidence.measured) == set(inputs)
    assert all(bars(evidence, name) < THRESHOLD for name in inputs)


@pytest.mark.parametrize("factor", [-1.0, 0.5, 1.0 + 1e-6, 0.0], ids=str)
@pytest.mark.parametrize(("layer", "inputs"), RIGHT.values(), ids=RIGHT)
def test_a_gradient_by_a_factor_too_large_stands_far_beyond_it(layer, inputs, factor):
    def scaled(*values):
        right = layer[1](*values)
        return tuple(factor * part for part in right) if isinstance(right, tuple) else factor * right

    _, evidence, _ = seen((layer[0], scaled), **inputs)
    assert all(bars(evidence, name) > THRESHOLD for name in inputs)


def test_only_the_wrong_argument_stands_out():
    _, evidence, _ = seen((lambda x, w: x @ w, lambda g, x, w: (g @ w.T, 2 * x.T @ g)), x=X, w=W)
    assert bars(evidence, "x") < THRESHOLD < bars(evidence, "w")


def test_wrong_in_one_entry_of_the_jacobian():
    def backward(g, x):
        gradient = 2 * g * x
        gradient[1, 2] += 1e-6 * g[0, 0]
        return gradient

    _, evidence, _ = seen((lambda x: x * x, backward), x=X)
    assert bars(evidence, "x") > THRESHOLD


def test_random_cotangents_are_asked_twice_and_slopes_over_decades_once_more():
    _, plain, _ = seen(RIGHT["elementwise"][0], x=X)
    assert {c.kind for c in plain.comparisons} == {RANDOM}
    assert len(plain.cotangents) == len(plain.gradients) == 2
    _, steep, _ = seen(RIGHT["slopes over twelve decades"][0], x=2 * X)
    assert {c.kind for c in steep.comparisons} >= {RANDOM, EQUALISED}


def test_outputs_that_would_blur_the_others_are_judged_apart():
    loud = np.arange(12) == 7

    def forward(x):
        x = np.real(x)
        return np.sin(x) + 1e-5 * loud * np.random.default_rng(zlib.crc32(x.tobytes())).standard_normal(12)

    def backward(factor):
        return lambda g, x: np.where(loud, factor, 1.0) * g * np.cos(x)

    (_, right, _), (_, wrong, _) = (seen((forward, backward(factor)), x=X.ravel()) for factor in (1.0, 2.0))
    assert {c.kind for c in right.comparisons} == {RANDOM, SET_APART}
    assert np.array_equal(right.together, ~loud)
    apart = [c.bars for c in wrong.comparisons if c.kind == SET_APART]
    together = [c.bars for c in wrong.comparisons if c.kind != SET_APART]
    assert max(c.bars for c in right.comparisons) < THRESHOLD
    assert max(together) < THRESHOLD < max(apart)


SILENCE = {
    "a constant": (lambda x: np.ones(3), X, True),
    "a step": (np.floor, X, True),
    "an ordinary function": (np.sin, X, False),
    "a kink": (np.abs, np.zeros(4), False),
    "a slope below rounding": (lambda x: 1.0 + 1e-14 * x, X, False),
}


@pytest.mark.parametrize(("forward", "x", "silent"), SILENCE.values(), ids=SILENCE)
def test_silence_is_told_from_response(forward, x, silent):
    _, evidence, _ = seen((forward, lambda g, x: np.zeros_like(x)), x=x)
    assert evidence.silent("x") is silent


def test_of_returns_the_comparisons_of_one_argument():
    _, evidence, _ = seen(RIGHT["two arguments"][0], x=X, w=W)
    assert isinstance(evidence, Evidence)
    assert {c.argument for c in evidence.of("w")} == {"w"}
    assert len(evidence.of("x")) + len(evidence.of("w")) == len(evidence.comparisons)


def test_one_loud_argument_blinds_no_other():
    def forward(x, loud):
        noise = np.random.default_rng(zlib.crc32(np.ascontiguousarray(loud.real).tobytes())).standard_normal(4)
        return np.append(np.sin(x), np.sin(loud) + 1e-3 * noise)

    def backward(factor):
        return lambda g, x, loud: (factor * g[:12] * np.cos(x), g[12:] * np.cos(loud))

    inputs = {"x": X.ravel(), "loud": X[1]}
    right, wrong = (check((forward, backward(factor)), inputs, points=[]) for factor in (1.0, 1.01))
    assert right.arguments["x"].verdict is Verdict.AGREES
    assert wrong.arguments["x"].verdict is Verdict.DISAGREES


AWKWARD = {
    "softmax of large logits": (
        (softmax, lambda g, z: softmax(z) * (g - np.sum(g * softmax(z)))),
        {"z": np.array([300.0, -200.0, 299.0, 5.0])},
    ),
    "saturated tails": ((np.tanh, lambda g, x: g / np.cosh(x) ** 2), {"x": np.array([-40.0, -19.0, 0.5, 30.0])}),
    "1 / x near 0": ((lambda x: 1 / x, lambda g, x: -g / x**2), {"x": np.array([0.05, -0.03, 0.07])}),
    "a logarithm near 0": ((np.log, lambda g, x: g / x), {"x": np.array([1e-8, 1e-3, 1.0])}),
    "many waves": ((lambda x: np.sin(50 * x), lambda g, x: 50 * g * np.cos(50 * x)), {"x": X}),
    "a large offset": ((lambda x: (x - x.mean()) ** 2, centred), {"x": 1e8 + X}),
}


@pytest.mark.parametrize(("layer", "inputs"), AWKWARD.values(), ids=AWKWARD)
def test_accepts_correct_layers_at_awkward_points(layer, inputs):
    report = check(layer, inputs)
    assert report.verdict is Verdict.AGREES, str(report)


@pytest.mark.parametrize(("layer", "inputs"), AWKWARD.values(), ids=AWKWARD)
def test_catches_a_factor_of_two_at_awkward_points(layer, inputs):
    report = check((layer[0], lambda g, x: 2 * layer[1](g, x)), inputs)
    assert report.verdict is Verdict.DISAGREES


def wild(size):
    """The derivative of a sine, and something of this size that a single ulp of x turns around."""
    return (np.sin, lambda g, x: g * (np.cos(x) + size * np.sin(1e16 * x)))


@pytest.mark.parametrize("layer", [wild(1e-3), wild(1e-7)], ids=["1e-3", "1e-7"])
def test_warns_of_a_backward_that_rounding_decides(layer):
    report = check(layer, {"x": X})
    unstable = [f for f in report.findings if f.code == "unstable-backward"]
    assert [f.sentence for f in unstable] == [
        "The gradient of `x` changes under a change of its inputs by a few ulps "
        "far more than condition and dtype explain."
    ]
    assert unstable[0].evidence["relative change"] > 1e-8
    assert report.verdict is Verdict.DISAGREES


@pytest.mark.parametrize(("layer", "inputs"), AWKWARD.values(), ids=AWKWARD)
def test_ill_conditioned_layers_are_not_taken_for_unstable(layer, inputs):
    assert "unstable-backward" not in [f.code for f in check(layer, inputs).findings]


def test_a_second_direction_is_measured_where_the_first_leaves_something_open():
    sharp = seen((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), x=X)[1]
    assert len(sharp.measured["x"]) == 1
    rounded = seen((lambda x: np.round(np.sin(x.real), 6), lambda g, x: g * np.cos(x)), x=X)[1]
    first, second = rounded.measured["x"]
    assert not np.array_equal(first.tangents["x"], second.tangents["x"])
    assert len([c for c in rounded.of("x") if c.length == rounded.of("x")[-1].length]) > 1


@pytest.mark.parametrize("seed", range(12))
def test_more_answers_judge_only_arguments_that_are_fit_for_what_they_weigh(seed):
    """Noise leaves a open, and u has kinks at zeros along some directions, where its claim is a choice."""

    def forward(a, u):
        return np.round(np.sin(a), 4) + np.maximum(0, u.min(axis=1))

    def backward(g, a, u):
        wins = (u == u.min(axis=1, keepdims=True)) & (u > 0)
        return g * np.cos(a), g[:, None] * wins

    a = np.random.default_rng(seed).standard_normal(9)
    _, evidence, _ = seen((forward, backward), seed=seed, a=a, u=np.zeros((9, 2)))
    assert all(c.bars <= THRESHOLD for c in evidence.of("u"))
