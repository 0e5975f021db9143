import numpy as np
import pytest

from gradcheck.adapters.reading import subject_of
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import GIVEN, REPEATABLE, grid_dtype, line_along, survey, widened, with_noise
from gradcheck.errors import GradcheckError, LayerFailed

RNG = np.random.default_rng(28)
X = RNG.standard_normal((3, 40))


def surveyed(forward, x=X, **options):
    instrument = Instrument(subject_of((forward, lambda g, x: g), {"x": x}))
    return instrument, survey(instrument, instrument.subject.inputs, **options)


def test_a_place_holds_the_callers_inputs_and_forwards_outputs():
    _, place = surveyed(lambda x: (x * x, x.sum()))
    assert (place.name, place.given, place.random) == (GIVEN, True, 0.0)
    assert place.form.shapes == ((3, 40), ())
    assert np.array_equal(place.base, np.append((X * X).ravel(), X.sum()))


def test_low_precision_is_widened_at_its_own_rounded_values():
    _, place = surveyed(lambda x: x * x, X.astype(np.float16))
    assert place.inputs["x"].dtype == np.float16
    assert place.wide["x"].dtype == np.float64
    assert np.array_equal(place.wide["x"], X.astype(np.float16))
    assert np.array_equal(place.base, (X.astype(np.float16).astype(np.float64) ** 2).ravel())


def test_a_forward_that_refuses_float64_is_taken_as_it_is():
    def forward(x):
        if x.dtype != np.float32:
            raise TypeError
        return x * x

    _, place = surveyed(forward, X.astype(np.float32))
    assert place.wide["x"].dtype == np.float32


def test_widening_leaves_constants_alone():
    wide = widened({"x": np.float32(X), "n": np.arange(3), "mode": "same"})
    assert [wide["x"].dtype, wide["n"].dtype, wide["mode"]] == [np.float64, np.int64, "same"]


@pytest.mark.parametrize(
    ("forward", "kind", "sentence"),
    [
        (lambda x: 1 // 0, LayerFailed, "ZeroDivisionError"),
        (lambda x: None, LayerFailed, "it returned None"),
        (lambda x: x + 1j, GradcheckError, "complex"),
    ],
    ids=["raises", "nothing", "complex"],
)
def test_a_forward_that_cannot_be_surveyed_raises(forward, kind, sentence):
    with pytest.raises(kind, match=sentence):
        surveyed(forward)


def test_randomness_is_seen_as_the_distance_of_two_calls():
    _, still = surveyed(np.sin)
    _, random = surveyed(lambda x: x * np.random.default_rng().random(x.shape))
    assert still.random <= REPEATABLE < random.random


class AlternatelyNaN:
    calls = 0

    def __call__(self, x):
        AlternatelyNaN.calls += 1
        return np.where(AlternatelyNaN.calls % 2, x, np.nan * x)


def test_outputs_that_are_finite_only_sometimes_are_random():
    _, place = surveyed(AlternatelyNaN())
    assert place.random == float("inf")


PRECISIONS = {
    "float64": (np.sin, np.float64),
    "float32 inside": (lambda x: np.float64(np.sin(np.float32(x))), np.float32),
    "float16 at the end": (lambda x: np.float64(np.float16(np.sin(x))), np.float16),
    "float32 outside": (lambda x: np.float32(np.sin(x)), np.float32),
}


@pytest.mark.parametrize(("forward", "work"), PRECISIONS.values(), ids=PRECISIONS)
def test_the_precision_that_forward_really_works_in_is_found(forward, work):
    instrument, place = surveyed(lambda x: forward(np.real(x)))
    place = with_noise(instrument, place)
    assert place.work == work
    assert place.unit == np.finfo(work).eps / 2
    assert np.all(place.noise >= place.unit * np.abs(place.base) / 2)


def test_round_numbers_alone_are_not_taken_for_low_precision():
    instrument, place = surveyed(lambda x: 2 * x, np.arange(12.0))
    assert with_noise(instrument, place).work == np.float64


def test_the_noise_of_forward_is_measured_and_not_assumed():
    def cancels(x):
        return (x + 1e8) - 1e8

    instrument, place = surveyed(cancels)
    noise = with_noise(instrument, place).noise
    assert 1e-10 < np.median(noise) < 1e-6


def test_a_line_goes_through_the_place_and_moves_along_the_rounded_tangent():
    instrument, place = surveyed(lambda x: 3 * x)
    tangents = {"x": RNG.standard_normal(X.shape)}
    line = line_along(instrument, place, tangents)
    assert np.array_equal(line.along(0.0), place.base)
    assert np.array_equal(line.along(0.5), (3 * (X + 0.5 * tangents["x"])).ravel())
    assert line.carried is not None
    assert 0 < line.smallest_step < 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=lambda d: d.__name__)
def test_complex_steps_are_left_out_where_forward_works_in_low_precision(dtype):
    instrument, place = surveyed(lambda x: np.float64(dtype(np.sin(np.real(x)))))
    place = with_noise(instrument, place)
    line = line_along(instrument, place, {"x": np.ones(X.shape)})
    assert (line.carried, grid_dtype(place, "x")) == (None, np.dtype(dtype))
