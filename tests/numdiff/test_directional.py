"""The whole measurement along one direction: which method it takes, what it costs, and the traps of the design."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck.numdiff import directional, long_ladder, records
from gradcheck.numdiff.directional import Line, differentiate

UNIT = 2.0**-53


def line(function, x, tangent=1.0, carries=True, noise=None, **options):
    """A function seen along a direction, with the noise of its outputs' rounding."""
    x = np.atleast_1d(np.asarray(x, dtype=float))

    def at(z):
        with np.errstate(all="ignore"):
            return np.atleast_1d(np.asarray(function(z)))

    base = at(x).astype(float)
    return Line(
        along=lambda step: at(x + step * tangent).astype(float),
        base=base,
        noise=np.maximum(UNIT * np.abs(base), UNIT) if noise is None else np.full(base.shape, noise),
        carried=(lambda step: at(x + 1j * step * tangent)) if carries else None,
        carried_again=(lambda step: at(x * (1 + 2 * UNIT) + 1j * step * tangent)) if carries else None,
        **options,
    )


def real_only(function):
    def forward(x):
        if np.iscomplexobj(x):
            raise TypeError
        return function(x)

    return forward


def test_smooth_function_is_measured_by_the_complex_step_in_eight_calls():
    d = differentiate(line(np.exp, [0.5, 1.0]))
    assert d.method == "complex step"
    assert d.evaluations == 8
    np.testing.assert_allclose(d.value, np.exp([0.5, 1.0]), rtol=1e-15)


def test_function_that_refuses_complex_numbers_is_measured_by_differences():
    d = differentiate(line(np.exp, [0.5, 1.0], carries=False))
    assert d.method == "Richardson extrapolation"
    assert d.evaluations <= 20
    assert np.all(np.abs(d.value - np.exp([0.5, 1.0])) <= d.bar)


@pytest.mark.parametrize(
    ("function", "slope"),
    [(lambda z: np.abs(z) * z, 2.0), (lambda z: np.sin(np.real(z)) + 0 * z, np.cos(1.0)), (np.conj, 1.0)],
    ids=["x |x|", "real part", "conjugate"],
)
def test_function_that_breaks_the_complex_step_is_measured_by_differences(function, slope):
    d = differentiate(line(function, [1.0]))
    assert d.method == "Richardson extrapolation"
    assert abs(d.value[0] - slope) <= d.bar[0]


@pytest.mark.parametrize("steps", [None, (2.0**-6, 2.0**-8)], ids=["ladder", "two steps"])
@pytest.mark.parametrize("broken", [1, 15], ids=["a few broken", "most broken"])
def test_broken_complex_step_that_agrees_to_three_digits_by_chance_is_not_believed(broken, steps):
    x = np.linspace(0.1, 0.9, 20)
    spoiled = np.where(np.arange(20) == 3, 1.0004, np.where(np.arange(20) >= 20 - broken, 2.0, 1.0))
    right = line(lambda z: np.sin(3 * z), x)

    def carried(step):
        return np.sin(3 * x) + 1j * step * 3 * np.cos(3 * x) * spoiled

    d = differentiate(replace(right, carried=carried, carried_again=None), steps=steps)
    assert np.all(np.abs(d.value - 3 * np.cos(3 * x)) <= d.bar)
    assert d.carried is (broken == 1)


@pytest.mark.parametrize("distance", [1e-7, 1e-9])
def test_kink_nearer_than_any_step_is_no_obstacle_to_the_complex_step(distance):
    d = differentiate(line(lambda z: np.where(np.real(z) > 0, z, 0 * z), [distance, -distance, 1.0]))
    low, high = np.minimum(d.left, d.right) - d.bar, np.maximum(d.left, d.right) + d.bar
    assert np.all((low <= [1.0, 0.0, 1.0]) & (high >= [1.0, 0.0, 1.0]))


@pytest.mark.parametrize("carries", [True, False])
def test_kink_at_the_point_is_an_interval(carries):
    d = differentiate(line(lambda z: np.where(np.real(z) > 0, z, 0 * z), [0.0, 1.0], carries=carries))
    assert d.kinky.tolist() == [True, False]
    assert sorted([d.left[0], d.right[0]]) == pytest.approx([0.0, 1.0], abs=1e-9)


@pytest.mark.parametrize("carries", [True, False])
def test_saturated_tail_is_covered_by_its_bar(carries):
    x = np.array([1.0, 10.0, 18.0])
    d = differentiate(line(np.tanh, x, carries=carries))
    assert np.all(np.abs(d.value - 1 / np.cosh(x) ** 2) <= d.bar)
    assert d.bar.max() < 1e-10


def test_function_with_jumps_has_slope_zero():
    d = differentiate(line(real_only(np.floor), [0.97, 0.3, -0.05], carries=False))
    np.testing.assert_array_equal(d.value, 0.0)
    assert d.bar.max() < 1e-4


def test_entries_over_18_decades_are_each_known_to_many_digits():
    x = 10.0 ** np.linspace(-9, 9, 19)
    d = differentiate(line(lambda z: z * z, x, tangent=x, carries=False, noise=0.0))
    np.testing.assert_allclose(d.value, 2 * x * x, rtol=1e-9)


def test_steps_given_are_the_only_ones_taken():
    taken = []

    def noted(z):
        taken.append(z)
        return z

    differentiate(line(noted, [0.0], carries=False), steps=(2.0**-4, 2.0**-6))
    assert sorted({abs(float(z[0])) for z in taken}) == [0.0, 2.0**-6, 2.0**-4]


def test_no_step_below_the_smallest_usable_one_is_taken():
    taken = []

    def noted(z):
        taken.append(float(np.abs(z[0])))
        return np.abs(z)

    differentiate(line(real_only(noted), [0.0], carries=False, smallest_step=2.0**-9))
    assert min(h for h in taken if h > 0) >= 2.0**-9


def test_function_refused_everywhere_is_unmeasured():
    nowhere = Line(lambda _: None, np.ones(2), np.full(2, UNIT))
    d = differentiate(nowhere)
    assert not d.measured.any()
    assert not np.isnan(d.bar).any()


def test_empty_output_costs_nothing_to_understand():
    d = differentiate(line(lambda z: z[:0], [1.0]))
    assert d.value.shape == (0,)


def mixed(z):
    """A parabola, a kink at 0, a jump, a saturated tail, and a drop of the imaginary part, in turn."""
    kinds = np.arange(z.size) % 5
    rules = [z * z, np.where(np.real(z) > 0, z, 0), np.floor(np.real(z)) + 0 * z, np.tanh(9 * z), z + np.abs(z)]
    return np.select([kinds == kind for kind in range(5)], rules)


@pytest.mark.parametrize("carries", [True, False])
@pytest.mark.parametrize("remembered", [0, 2**17])
def test_many_outputs_are_measured_block_by_block_as_a_few_are(monkeypatch, carries, remembered):
    x = np.round(np.random.default_rng(5).standard_normal(103), 1)
    whole = differentiate(line(mixed, x, carries=carries))
    monkeypatch.setattr(records, "BLOCK", 10)
    monkeypatch.setattr(long_ladder, "REMEMBERED", remembered)
    monkeypatch.setattr(directional, "A_FEW", 0.0)
    parts = differentiate(line(mixed, x, carries=carries))
    for name in ("value", "bar", "left", "right", "kinky", "noise"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)
    np.testing.assert_allclose(parts.response, whole.response, rtol=1e-6)
    assert (parts.method, parts.evaluations, parts.carried) == (whole.method, whole.evaluations, whole.carried)
    assert (parts.proven is None) == (whole.proven is None)
    if whole.proven is not None:
        np.testing.assert_allclose(parts.proven, whole.proven, rtol=1e-6)


def rectified(z):
    return np.where(np.real(z) > 0, z, 0)


@pytest.mark.parametrize("function", [rectified, lambda z: np.abs(z - 1e-9), lambda z: z * z, np.tanh])
@pytest.mark.parametrize("carries", [True, False])
@pytest.mark.parametrize("at_a_kink", [0, 3])
def test_few_of_many_outputs_are_looked_at_more_closely_as_all_would_be(monkeypatch, carries, function, at_a_kink):
    x = np.random.default_rng(6).standard_normal(103)
    x[:at_a_kink], x[20:23] = 0.0, (1e-5, 1e-7, 1e-9)
    whole = differentiate(line(function, x, carries=carries))
    monkeypatch.setattr(records, "BLOCK", 10)
    monkeypatch.setattr(long_ladder, "REMEMBERED", 0)
    few = differentiate(line(function, x, carries=carries))
    open_ = whole.kinky | few.kinky
    open_[:23] = True
    for name in ("value", "left", "right", "bar"):
        np.testing.assert_array_equal(getattr(few, name)[open_], getattr(whole, name)[open_], err_msg=name)
    assert np.array_equal(few.kinky, whole.kinky)
    assert np.all(np.abs(few.value - whole.value) <= few.bar + whole.bar)
    assert (few.method, few.evaluations, few.carried) == (whole.method, whole.evaluations, whole.carried)
    assert len(few.rungs) == len(whole.rungs)
