"""The error bars of `numdiff`, held to their word on many functions, dtypes and scales: the gate of the calibration.

`benchmarks/calibration.py` prints the same trials as a table, beside other differentiators.
"""

import numpy as np
import pytest

from gradcheck.checks.comparison import THRESHOLD
from tests.calibration.functions import FUNCTIONS
from tests.calibration.trials import all_trials

pytestmark = pytest.mark.slow  # processes by the dozen, or many thousand derivatives
WITHIN = 0.999  # of all true errors lie inside the bar
WIDEST = 100.0  # the median bar may be so many times the larger of the median true error and one ulp
SET_APART = 0.02  # of the entries of functions without a kink or a jump may be left unmeasured, by bad luck


@pytest.fixture(scope="module")
def trials():
    return list(all_trials())


def listed(trials, told):
    return [f"{t.name}: {told(t)}" for t in trials]


def test_calibration_covers_at_least_thirty_functions_in_three_precisions(trials):
    assert len({t.function for t in trials}) == len(FUNCTIONS) >= 30
    assert {"float32 throughout", "float16 throughout", "float32 input"} <= {t.way for t in trials}


def test_true_errors_lie_inside_the_bar(trials):
    bars = np.concatenate([t.bars for t in trials])
    outside = [t for t in trials if np.any(t.bars > 1)]
    assert np.mean(bars <= 1) >= WITHIN, listed(outside, lambda t: f"{np.sum(t.bars > 1)} out, {t.bars.max():.3g} bars")


def test_no_true_error_lies_beyond_the_decision_threshold(trials):
    beyond = [t for t in trials if np.any(t.bars > THRESHOLD)]
    assert listed(beyond, lambda t: f"{np.sum(t.bars > THRESHOLD)} beyond, {t.bars.max():.3g} bars") == []


def test_the_median_bar_is_near_the_error_or_an_ulp(trials):
    wide = [t for t in trials if t.sharpness > WIDEST]
    assert listed(wide, lambda t: f"{t.sharpness:.3g} times") == []


def test_no_bar_is_nan(trials):
    nans = [t for t in trials if np.isnan(t.derivative.bar).any()]
    assert listed(nans, lambda t: f"{np.isnan(t.derivative.bar).sum()} NaN") == []


def test_no_value_is_nan_where_a_bar_is_given(trials):
    nans = [t for t in trials if np.isnan(t.derivative.value[t.derivative.measured]).any()]
    assert listed(nans, lambda t: "NaN") == []


def test_no_bar_of_a_difference_is_below_the_round_off_of_its_step(trials):
    low = []
    for t in trials:
        d, differenced = t.derivative, t.told & (t.derivative.steps > 0)
        if np.any(d.bar[differenced] < d.noise[differenced] / d.steps[differenced]):
            low.append(t)
    assert listed(low, lambda t: "bars below noise over step") == []


def test_functions_without_a_kink_are_measured_throughout(trials):
    rough = ("floor", "round", "relu", "|x|", "huber", "maximum", "places")
    smooth = [t for t in trials if not any(word in t.function for word in rough)]
    lost = [t for t in smooth if np.mean(~t.told[t.judged] | t.derivative.kinky[t.judged]) > SET_APART]
    assert listed(lost, lambda t: f"{np.sum(~t.told & t.judged)} unmeasured, {t.derivative.kinky.sum()} kinky") == []
