"""Laws of the judge: right layers agree whatever their shape, scale and seed; damage that can be seen is seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck import Verdict, check
from gradcheck.adapters.reading import subject_of
from gradcheck.checks.adjoint import gather
from gradcheck.checks.comparison import THRESHOLD, compare
from gradcheck.checks.instrument import Instrument
from gradcheck.checks.places import survey, with_noise
from gradcheck.checks.resolution import resolution
from gradcheck.numdiff.records import norm

FEW = settings(max_examples=25)
SEEDS = st.integers(0, 2**32)
SIDES = st.integers(1, 6)
POWERS = st.integers(-12, 12)
EFFORTS = st.sampled_from(["quick", "normal"])


def linear_at(rows, inner, columns, seed, scale, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = (scale * rng.standard_normal((rows, inner))).astype(dtype)
    w = rng.standard_normal((inner, columns)).astype(dtype)
    return {"x": x, "w": w}


def matmul(x, w):
    return x @ w


def matmul_backward(g, x, w):
    return g @ w.T, x.T @ g


@FEW
@given(SIDES, SIDES, SIDES, SEEDS, POWERS, EFFORTS)
def test_a_right_linear_layer_agrees_whatever_its_shape_seed_and_scale(rows, inner, columns, seed, power, effort):
    inputs = linear_at(rows, inner, columns, seed, 10.0**power)
    report = check((matmul, matmul_backward), inputs, seed=seed, effort=effort)
    assert report.verdict is Verdict.AGREES, str(report)


@FEW
@given(SIDES, SIDES, SIDES, SEEDS, st.integers(-2, 2), st.sampled_from([np.float32, np.float16]))
def test_a_right_linear_layer_of_low_precision_never_disagrees(rows, inner, columns, seed, power, dtype):
    inputs = linear_at(rows, inner, columns, seed, 10.0**power, dtype)
    report = check((matmul, matmul_backward), inputs, seed=seed)
    assert report.verdict is Verdict.AGREES, str(report)


@settings(max_examples=12)  # what disagrees is explained, which takes longer than judging it
@given(st.integers(1, 3), st.integers(1, 4), SEEDS, POWERS)
def test_a_single_damaged_entry_is_caught_where_the_stated_entry_resolution_says_so(rows, columns, seed, power):
    rng = np.random.default_rng(seed)
    x = 10.0**power * rng.standard_normal((rows, columns))
    slope = 10.0**-power * rng.uniform(0.5, 2.0, size=x.shape)
    damage = np.ones(x.shape)
    damage.flat[rng.integers(x.size)] += 0.01
    layer = (lambda x: np.sin(slope * x), lambda g, x: damage * slope * g * np.cos(slope * x))
    right = (layer[0], lambda g, x: slope * g * np.cos(slope * x))
    stated = check(right, {"x": x}, seed=seed, effort="quick").arguments["x"].entry_resolution
    assert stated < 1e-3
    assert check(layer, {"x": x}, seed=seed, effort="quick").verdict is Verdict.DISAGREES


def test_a_verdict_does_not_depend_on_the_memory_order_of_the_inputs():
    inputs = linear_at(3, 4, 5, 0, 1.0)
    turned = {name: np.asfortranarray(value) for name, value in inputs.items()}
    backwards = {name: value[::-1, ::-1].copy()[::-1, ::-1] for name, value in inputs.items()}
    reports = [check((matmul, matmul_backward), i, effort="quick") for i in (inputs, turned, backwards)]
    claimed = [report.arguments["x"].claimed for report in reports]
    assert {report.verdict for report in reports} == {Verdict.AGREES}
    assert claimed == pytest.approx([claimed[0]] * 3, rel=1e-12)


FORWARDS = {
    "exact to float64": np.sin,
    "in float32": lambda x: np.float64(np.sin(np.float32(np.real(x)))),
}


def seen_at(forward, seed):
    """Return what was seen of a right layer of 60 entries at one seed."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(60)
    instrument = Instrument(subject_of((forward, lambda g, x: g * np.cos(x)), {"x": x}))
    place = with_noise(instrument, survey(instrument, {"x": x}))
    return gather(instrument, place, rng), rng


def bars_of(evidence, damaged):
    """Return the largest discrepancy, in bars, with `damaged(claim)` in place of each claim."""
    return max(
        compare(
            "x",
            damaged(claims["x"]),
            m.tangents["x"],
            m.derivative,
            cotangent=cotangent,
            slack=evidence.slacks["x"],
            place="",
            kind="",
        ).bars
        for cotangent, claims in zip(evidence.cotangents, evidence.gradients, strict=True)
        for m in evidence.measured["x"]
    )


SEEDS_TRIED = 100  # each with its own point, tangents and cotangents


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_damage_of_twice_the_stated_resolution_is_caught_in_99_per_cent_of_seeds(forward):
    caught = 0
    for seed in range(SEEDS_TRIED):
        evidence, rng = seen_at(forward, seed)
        stated, _ = resolution(evidence.of("x"))
        wrong = rng.standard_normal((60, 60))  # of the Jacobian, so that every cotangent shows another part of it

        def damaged(claim, wrong=wrong, stated=stated):
            error = wrong @ claim
            return claim + 2 * stated * norm(claim) * error / norm(error)

        caught += bars_of(evidence, damaged) > THRESHOLD
    assert caught >= 0.99 * SEEDS_TRIED


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_damage_of_twice_the_stated_entry_resolution_is_always_caught(forward):
    for seed in range(SEEDS_TRIED // 2):
        evidence, rng = seen_at(forward, seed)
        _, stated = resolution(evidence.of("x"))
        entry = rng.integers(60)

        def damaged(claim, entry=entry, stated=stated):
            error = np.zeros(60)
            error[entry] = 2 * stated * norm(claim) / np.sqrt(60)
            return claim + error

        assert bars_of(evidence, damaged) > THRESHOLD


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_no_seed_raises_a_false_alarm_and_few_come_near_one(forward):
    bars = [bars_of(seen_at(forward, seed)[0], lambda claim: claim) for seed in range(SEEDS_TRIED // 2)]
    assert max(bars) < THRESHOLD
    assert np.median(bars) < 3
