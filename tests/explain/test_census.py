"""Where a gradient is wrong: counted where the array is small, named exactly where few of very many entries are."""

import numpy as np
import pytest

import gradcheck


def argument(forward, backward, x, **options):
    return gradcheck.check((forward, backward), {"x": x}, **options).arguments["x"]


def spoiled(change):
    def backward(grad_output, x):
        gradient = grad_output * np.cos(x)
        change(gradient)
        return gradient

    return backward


def test_census_counts_a_small_array_entry_by_entry():
    def change(gradient):
        gradient[1:, 2] *= 1.5

    census = argument(np.sin, spoiled(change), np.linspace(0.1, 2.9, 15).reshape(3, 5)).census
    assert (census.wrong, census.total, census.exact) == (2, 15, True)
    assert census.box == ((1, 2), (2, 2))
    assert census.patterns == ("some of 1.. of axis 0, none of 0", "some of index 2 of axis 1, none of the others")


def test_census_says_that_every_entry_is_wrong():
    census = argument(np.sin, lambda g, x: -g * np.cos(x), np.linspace(0.1, 2.9, 6)).census
    assert census.patterns == ("every entry is wrong",)
    assert len(census.worst) == 3


def test_census_shows_the_worst_entry_with_claim_measurement_and_ulps():
    def change(gradient):
        gradient[3] += 1.0

    worst = argument(np.sin, spoiled(change), np.linspace(0.1, 2.9, 6)).census.worst[0]
    assert worst.index == (3,)
    assert worst.claimed - worst.measured.value == pytest.approx(1.0)
    assert worst.measured.error_bar < 1e-9
    assert worst.ulps > 1e12


def test_census_draws_kernels_by_channels():
    def forward(weight):
        return weight * 2.0

    census = gradcheck.check((forward, lambda g, w: g), {"weight": np.ones((2, 3, 2, 2))}).arguments["weight"].census
    assert census.map_tile == (2, 2)
    assert (len(census.heat_map), len(census.heat_map[0])) == (4, 6)
    assert len(census.claimed_map) == len(census.measured_map) == 4


@pytest.mark.slow
@pytest.mark.parametrize("refuses_complex", [False, True], ids=["complex step", "differences"])
def test_census_names_four_wrong_entries_of_very_many_within_a_hundred_calls(refuses_complex):
    x = np.random.default_rng(0).standard_normal((400, 250))
    places = [(0, 3), (100, 200), (100, 201), (399, 249)]

    def forward(x):
        if refuses_complex and np.iscomplexobj(x):
            raise TypeError("real numbers only")
        return np.sin(x)

    def change(gradient):
        for place in places:
            gradient[place] *= 1.5

    report = gradcheck.check((forward, spoiled(change)), {"x": x}, points=[])
    census = report.arguments["x"].census
    assert census.exact
    assert census.wrong == 4
    assert census.patterns == (f"exactly {', '.join(str(list(place)) for place in places)}",)
    assert next(c for c in report.evaluations.spent if c.purpose == "explaining").forward <= 100


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(30, 50), (9, 8)], ids=str)
def test_census_names_up_to_four_wrong_entries_anywhere(count, shape):
    rng = np.random.default_rng(count)
    flat = np.sort(rng.permutation(shape[0] * shape[1])[:count])

    def change(gradient):
        gradient.ravel()[flat] *= 1.5

    found = argument(np.sin, spoiled(change), rng.standard_normal(shape), points=[])
    assert (found.census.wrong, found.census.exact) == (count, True)
    box = tuple((i.min(), i.max()) for i in np.unravel_index(flat, shape))
    assert found.census.box == box


def test_census_never_says_that_none_of_the_entries_is_wrong():
    weight = np.random.default_rng(2).standard_normal((1400, 5))

    def backward(grad_output, _x):
        gradient = weight @ grad_output
        gradient[1:1400:280] *= 2.0
        return gradient

    census = argument(lambda x: x @ weight, backward, np.linspace(0.1, 3, 1400), points=[]).census
    assert (census.wrong, census.exact, census.at_least) == (1, False, True)


def test_census_of_kinks_says_at_least_where_not_all_entries_were_looked_at():
    x = np.concatenate([np.zeros(3), np.linspace(0.5, 2.0, 60)])
    report = gradcheck.check((lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x == 0, 2, x > 0)), {"x": x})
    census = report.arguments["x"].census
    assert (census.wrong, census.total, census.exact, census.at_least) == (3, 63, False, True)
    assert "at least 3 of 63 entries" in str(report)


@pytest.mark.slow
def test_census_estimates_from_a_sample_where_many_of_very_many_entries_are_wrong():
    x = np.random.default_rng(0).standard_normal((200, 100))
    census = argument(
        lambda x: np.sin(x) * np.arange(1, 3).sum(), lambda g, x: 3 * g * np.cos(x) ** 2, x, points=[]
    ).census
    assert census.wrong > 15_000


def test_an_agreement_is_not_explained():
    report = gradcheck.check((np.sin, lambda g, x: g * np.cos(x)), {"x": np.linspace(0.1, 2.9, 6)})
    assert report.arguments["x"].census is None
    assert all(cost.purpose != "explaining" for cost in report.evaluations.spent)
