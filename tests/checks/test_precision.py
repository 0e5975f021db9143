import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey
from gradcheck.checks.precision import LOW_PRECISION, is_low, runs_wide

RNG = np.random.default_rng(21)
X = RNG.standard_normal((20, 50))
W = RNG.standard_normal((50, 4))
LOW = [np.float32, np.float16]


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(g, x):
    y = softmax(x)
    return y * (g - (g * y).sum(axis=1, keepdims=True))


def normalise(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + x.dtype.type(1e-3))


def normalise_backward(g, x):
    y, deviation = normalise(x), np.sqrt(x.var(axis=0) + x.dtype.type(1e-3))
    return (g - g.mean(axis=0) - y * (g * y).mean(axis=0)) / deviation


LAYERS = {
    "linear": ((lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g)), {"x": X, "w": W}),
    "softmax": ((softmax, softmax_backward), {"x": X}),
    "normalisation over the batch": ((normalise, normalise_backward), {"x": X}),
    "rectifier after a sum": (
        (lambda x, w: np.maximum(x @ w, 0), lambda g, x, w: ((g * (x @ w > 0)) @ w.T, x.T @ (g * (x @ w > 0)))),
        {"x": X, "w": W},
    ),
    "maximum": ((lambda x: x.max(1), lambda g, x: g[:, None] * (x == x.max(1, keepdims=True))), {"x": X}),
    "sine": ((np.sin, lambda g, x: g * np.cos(x)), {"x": X}),
}


def cast(inputs, dtype):
    return {name: value.astype(dtype) for name, value in inputs.items()}


@pytest.mark.parametrize("dtype", LOW, ids=lambda d: d.__name__)
@pytest.mark.parametrize(("layer", "inputs"), LAYERS.values(), ids=LAYERS)
def test_accepts_correct_layers_of_low_precision(layer, inputs, dtype):
    report = check(layer, cast(inputs, dtype))
    assert report.verdict is Verdict.AGREES, str(report)
    assert report.dtype == np.dtype(dtype).name


def one_entry_off(gradient):
    damaged = gradient.copy()
    damaged.flat[np.argsort(np.abs(gradient).ravel())[gradient.size // 2]] *= gradient.dtype.type(1.01)
    return damaged


def test_catches_one_entry_of_a_thousand_off_by_one_per_cent_in_float32():
    assert X.size == 1000
    layer = (np.sin, lambda g, x: one_entry_off(g * np.cos(x)))
    report = check(layer, {"x": X.astype(np.float32)})
    assert report.verdict is Verdict.DISAGREES
    assert report.arguments["x"].dtype == "float32"


def only_in(dtype, wrong):
    return (np.sin, lambda g, x: wrong(g * np.cos(x)) if x.dtype == dtype else g * np.cos(x))


@pytest.mark.parametrize("dtype", LOW, ids=lambda d: d.__name__)
def test_catches_what_is_wrong_in_low_precision_alone(dtype):
    report = check(only_in(dtype, lambda g: g * dtype(1.1)), {"x": X[:2, :5].astype(dtype)})
    assert report.verdict is Verdict.DISAGREES
    assert report.arguments["x"].method == "the same layer in float64"


def test_low_precision_worse_than_rounding_explains_is_a_disagreement():
    report = check(only_in(np.float32, lambda g: np.float32(np.float16(g))), {"x": X.astype(np.float32)})
    assert report.verdict is Verdict.DISAGREES


def single_alone(x):
    if x.dtype != np.float32:
        raise TypeError("x must be float32")
    return x


WIDE = {
    "runs in float64": ((np.sin, lambda g, x: g * np.cos(x)), True),
    "forward casts down": ((lambda x: np.sin(x).astype(np.float32), lambda g, x: g * np.cos(x)), False),
    "backward casts down": ((np.sin, lambda g, x: np.float32(g * np.cos(x))), False),
    "refuses float64": ((lambda x: np.sin(single_alone(x)), lambda g, x: g), False),
    "nothing claimed": ((np.sin, lambda g, x: (None,)), False),
}


@pytest.mark.parametrize(("layer", "wanted"), WIDE.values(), ids=WIDE)
def test_tells_whether_a_layer_also_runs_in_float64(layer, wanted):
    subject = subject_of(layer, {"x": X.astype(np.float32)})
    instrument = Instrument(subject)
    place = survey(instrument, subject.inputs)
    wide = place.wide["x"].dtype == place.work == np.float64
    assert (wide and runs_wide(instrument, subject, place, np.random.default_rng(0))) is wanted


def test_a_layer_that_only_knows_float32_gets_a_verdict_as_well():
    def sine(x):
        return np.sin(x.astype(np.float32))

    right = (sine, lambda g, x: (g * np.cos(x)).astype(np.float32))
    wrong = (sine, lambda g, x: (g * np.cos(x) * 1.1).astype(np.float32))
    x = {"x": X[:2, :5].astype(np.float32)}
    assert check(right, x).verdict is Verdict.AGREES
    assert check(wrong, x).verdict is Verdict.DISAGREES


@pytest.mark.parametrize(("dtype", "wanted"), [("f8", False), ("f4", True), ("f2", True)])
def test_anything_below_float64_is_low(dtype, wanted):
    assert is_low(subject_of((np.sin, lambda g, x: g), {"x": X.astype(dtype)})) is wanted


def test_constants_may_be_rounded_to_the_dtype_that_a_layer_is_written_for():
    def scaled(factor):
        return lambda x: x * np.float32(0.1), lambda g, x: g * (factor * np.ones_like(x))

    x = X.astype(np.float32)
    assert check(scaled(0.1), {"x": x}).verdict is Verdict.AGREES
    assert check(scaled(0.1 + 1e-5), {"x": x}).verdict is Verdict.DISAGREES
    assert check(scaled(np.float32(0.1)), {"x": x.astype(float)}).verdict is Verdict.AGREES
    assert check(scaled(0.1), {"x": x.astype(float)}).verdict is Verdict.DISAGREES


def test_the_resolution_that_is_told_is_that_of_the_low_precision():
    wide, low = (check(LAYERS["sine"][0], {"x": X.astype(d)}).arguments["x"] for d in (np.float64, np.float32))
    assert wide.entry_resolution < 1e-10
    assert 1e-8 < low.entry_resolution < 1e-2
    assert LOW_PRECISION == "low precision"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [5, 7, 10, 17, 50])
def test_digits_that_float32_loses_in_a_difference_are_no_disagreement(size, seed):
    signs = np.sign(np.random.default_rng(seed).standard_normal((3, 4)))
    x = (size * signs + 0.1 * np.random.default_rng(seed + 9).standard_normal((3, 4))).astype(np.float32)
    target = ((signs > 0) * 1.0).astype(np.float32)

    def forward(x):
        return np.asarray((np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))).mean(), dtype=x.dtype)

    def backward(g, x):
        return g * (1 / (1 + np.exp(-x)) - target) / x.dtype.type(x.size)

    def wrong(g, x):
        return backward(g, x) * np.where(x.dtype == np.float32, np.float32(1.05), 1)

    assert check((forward, backward), {"x": x}, seed=seed).verdict is Verdict.AGREES
    if size < 17:  # beyond it a twentieth of what is left is less than one unit of it
        assert check((forward, wrong), {"x": x}, seed=seed).verdict is Verdict.DISAGREES
