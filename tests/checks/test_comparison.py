import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.checks.comparison import COMPARISONS, FALSE_ALARMS, THRESHOLD, Slack, compare, inner
from gradcheck.numdiff.records import Derivative


def derivative(value, bar):
    value = np.asarray(value, dtype=np.float64)
    bar = np.broadcast_to(np.float64(bar), value.shape)
    smooth = np.zeros(value.shape, dtype=bool)
    return Derivative(value, bar, value, value, smooth, 0 * value, np.abs(value), "complex step", 1)


def held(gradient, tangent, measured, cotangent, *, slack=None):
    return compare(
        "x",
        np.asarray(gradient, dtype=np.float64),
        np.asarray(tangent, dtype=np.float64),
        measured,
        cotangent=np.asarray(cotangent, dtype=np.float64),
        slack=slack or Slack(0.0, 1, np.zeros(len(cotangent))),
        place="here",
        kind="random",
    )


def test_the_threshold_is_hoeffdings_for_one_false_alarm_in_a_thousand_million():
    assert 2.0 * COMPARISONS * np.exp(-(THRESHOLD**2) / 2.0) == pytest.approx(FALSE_ALARMS)
    assert 7.0 < THRESHOLD < 7.5


def test_both_sides_of_the_identity_and_their_distance():
    found = held([3.0, 4.0], [1.0, 2.0], derivative([5.0, 2.0], 0.25), [1.0, 2.0])
    assert (found.claimed, found.measured, found.discrepancy) == (11.0, 9.0, 2.0)
    assert found.measured_bar == pytest.approx(0.25 * np.sqrt(5.0))
    assert found.bars == pytest.approx(2.0 / (0.25 * np.sqrt(5.0)))
    assert found.reach == pytest.approx(np.hypot(3.0, 8.0))
    assert (found.entries, found.kind, found.place, found.method) == (2, "random", "here", "complex step")


def test_equal_sides_are_no_bars_apart_even_without_a_bar():
    assert held([2.0], [1.0], derivative([2.0], 0.0), [1.0]).bars == 0.0


def test_an_output_that_the_cotangent_leaves_out_counts_for_nothing():
    found = held([2.0], [1.0], derivative([2.0, np.nan], [0.1, np.inf]), [1.0, 0.0])
    assert (found.measured, found.bars) == (2.0, 0.0)
    assert found.measured_bar == pytest.approx(0.1)


WIDER = {
    "rounding of its own sums": Slack(2.0**-24, 100, np.zeros(1)),
    "forward's noise": Slack(0.0, 1, np.full(1, 1e-6)),
    "its response to rounding": Slack(2.0**-24, 1, np.zeros(1), np.array([2.0]), np.array([1e-6])),
}


@pytest.mark.parametrize("slack", WIDER.values(), ids=WIDER)
def test_each_reason_for_rounding_widens_the_bar(slack):
    bare, wider = (held([2.0], [1.0], derivative([2.0], 1e-9), [1.0], slack=s) for s in (None, slack))
    assert bare.bar == pytest.approx(1e-9)
    assert wider.bar > 3 * bare.bar
    assert wider.measured_bar == bare.measured_bar


def test_an_unstable_backward_widens_the_bar_only_to_what_conditioning_explains():
    wild = Slack(2.0**-53, 1, np.zeros(1), np.array([2.0]), np.array([2.0]))
    assert held([2.0], [1.0], derivative([2.0], 0.0), [1.0], slack=wild).bar < 1e-11


RESPONSES = {
    "measured": (np.array([4.0, 0.0]), np.array([0.4, 0.0]), 0.1),
    "nothing claimed": (np.zeros(2), np.zeros(2), 0.0),
    "not measured": (None, None, 0.0),
}


@pytest.mark.parametrize(("first", "change", "wanted"), RESPONSES.values(), ids=RESPONSES)
def test_the_response_is_relative_to_the_claims_own_size(first, change, wanted):
    slack = Slack(2.0**-53, 1, np.zeros(1), first, change)
    assert slack.relative_response == pytest.approx(wanted)
    assert slack.response_along(np.ones(2), 8.0) == pytest.approx(8.0 * wanted)


@given(
    st.lists(st.tuples(st.integers(-(2**20), 2**20), st.integers(-(2**20), 2**20)), min_size=1, max_size=50),
)
def test_the_inner_product_of_integers_is_exact(pairs):
    a, b = np.array(pairs, dtype=np.float64).T
    assert inner(a, b) == sum(p * q for p, q in pairs)
