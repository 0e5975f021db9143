"""A forward that draws one of a few answers may give the same twice; it is asked again where an answer stands out."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Verdict, check
from gradcheck.checks.recall import FEW_ULPS, HEARD, LOOKED_AT, Watch

X = np.random.default_rng(0).normal(size=(3, 4))
STEPS = (2.0**-3, 2.0**-5, 2.0**-7, 2.0**-9, 2.0**-24, 2.0**-25)


class DropPath:
    """Keeps the whole batch with probability `kept`, drawn from a generator of its own (stochastic depth)."""

    def __init__(self, seed, kept):
        self.rng, self.kept = np.random.default_rng(seed), kept

    def forward(self, x):
        self.mask = self.rng.random() < self.kept
        return x * self.mask

    def backward(self, grad_output):
        return grad_output * self.mask


class Flip:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def forward(self, x):
        self.step = -1 if self.rng.random() < 0.5 else 1
        return x[:, :: self.step]

    def backward(self, grad_output):
        return grad_output[:, :: self.step]


def seldom_scaled(seed):
    rng = np.random.default_rng(seed)
    return lambda x: x**3 * rng.choice([1.0, 1.1], p=[0.8, 0.2]), lambda g, x: 3 * x**2 * g


LAYERS = {
    "half of paths kept": lambda seed: DropPath(seed, 0.5),
    "most paths kept": lambda seed: DropPath(seed, 0.8),
    "few paths kept": lambda seed: DropPath(seed, 0.2),
    "flip": Flip,
    "seldom scaled": seldom_scaled,
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_forward_that_draws_one_of_few_answers_is_seen_to_be_random(name):
    reports = [check(LAYERS[name](seed), {"x": X}, seed=seed) for seed in range(30)]
    verdicts = Counter(report.verdict for report in reports)
    assert sum(report.reason == "random-forward" for report in reports) >= 24
    assert verdicts[Verdict.DISAGREES] == 0
    assert verdicts[Verdict.AGREES] <= 3  # where every other draw happened to be alike


@pytest.mark.parametrize("call", range(1, 70))
def test_one_answer_that_is_another_accuses_nobody(call):
    calls = 0

    def forward(x):
        nonlocal calls
        calls += 1
        return x**3 + (calls == call)

    report = check((forward, lambda g, x: 3 * x**2 * g), {"x": X})
    assert report.verdict is not Verdict.DISAGREES, report


def watch_of(changes, *, base=(1.0, 2.0), noise=1e-16):
    base = np.array(base)
    watch = Watch(base, np.full(base.shape, noise), anew=lambda step: base + step)
    along = watch.watched(lambda step: base + changes(step))
    for step in STEPS:
        along(step)
        along(-step)
    return watch


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        (lambda h: 3.0 * h, []),
        (lambda h: h**2, []),
        (lambda h: np.sqrt(abs(h)), []),
        (lambda h: max(h, 0.0), []),
        (np.floor, []),  # a jump on one side: the other keeps still
        (lambda h: 3.0 * h + 0.5 * (h == 2.0**-7), [2.0**-7]),
        (lambda h: 3.0 * h + 0.5 * (h == -(2.0**-25)), [-(2.0**-25)]),
        (lambda h: 0.5, [0.0]),  # the answer at the point itself was another
        (lambda h: 0.5 + 3.0 * h, [0.0]),
        (lambda h: 1e-15 * (h == 2.0**-24), []),  # within the noise
        (lambda h: np.nan, []),
    ],
)
def test_what_stands_out_along_a_line(changes, steps):
    assert watch_of(changes).standing_out() == steps


@given(
    coefficients=st.lists(st.floats(-1, 1), min_size=1, max_size=4),
    slope=st.floats(1.0, 10.0),
    sign=st.sampled_from((-1, 1)),
)
def test_a_polynomial_whose_slope_outweighs_its_curvature_never_stands_out(coefficients, slope, sign):
    def changes(h):
        return sign * slope * h + sum(c * h ** (k + 2) for k, c in enumerate(coefficients))

    assert watch_of(changes).standing_out() == []


def test_a_change_of_a_few_ulps_that_outdoes_a_step_is_asked_for_again():
    watch = watch_of(lambda h: h)
    answers = iter([2.0**-50, 0.5, 0.25])
    for _ in range(3):
        value = next(answers)
        watch.nearby(lambda value=value: watch.base + value)
    assert watch.standing_out() == [0.0, FEW_ULPS / 2]
    assert not watch.otherwise(FEW_ULPS / 2)
    watch.others[FEW_ULPS / 2] = lambda: watch.base
    assert watch.otherwise(FEW_ULPS / 2)


@pytest.mark.parametrize(
    ("anew", "otherwise"),
    [
        (lambda base: base, True),
        (lambda base: base + 0.5, False),
        (lambda base: base + 0.5 + HEARD * 1e-16 / 4, False),  # rounding may depend on the day
        (lambda base: base + 1.5, True),
        (lambda base: None, True),
        (lambda base: base[:1], True),
    ],
)
def test_a_second_answer_is_held_against_the_first(anew, otherwise):
    watch = watch_of(lambda h: 3.0 * h + 0.5 * (h == 2.0**-7))
    watch.anew = lambda step: anew(watch.base)
    assert watch.otherwise(2.0**-7) is otherwise


def test_of_very_many_outputs_some_are_watched():
    base = np.zeros(10 * LOOKED_AT)
    watch = Watch(base, np.full(base.shape, 1e-16), anew=lambda step: base)
    watch.watched(lambda step: base + np.arange(base.size))(1.0)
    assert watch.changes[1.0] >= base.size - 11
