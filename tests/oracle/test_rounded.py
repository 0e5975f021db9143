"""The rounded cases: decimals of 400 digits agree, our layers keep a few ulps, flags mean what they say."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from mpmath import mpf

from gradcheck.oracle import line_plans, lines, smooth
from gradcheck.oracle.correct import Unsettled, correctly_rounded, nearest
from gradcheck.oracle.flags import FLAGS
from gradcheck.oracle.loudness import LOUD, loss_in_ulps
from gradcheck.oracle.making import SMOOTH_MISTAKES
from gradcheck.oracle.mistakes import Scene
from gradcheck.oracle.operations import layer_of
from tests.oracle.decimals import recomputed_in_decimals
from tests.oracle.recomputed import axes_of

DTYPES = ("float16", "float32", "float64")


@pytest.fixture(scope="module")
def activations():
    return [smooth.case_of(plan, ()) for plan in list(smooth.plans())[::11]]


@pytest.fixture(scope="module")
def all_activations():
    return [smooth.case_of(plan, ()) for plan in smooth.plans()]


@pytest.fixture(scope="module")
def others():
    return [lines.case_of(plan, ()) for plan in line_plans.plans()]


def of_fraction(value):
    """The mpf of a fraction whose denominator is a power of two."""
    return mpf(value.numerator) / value.denominator


ROUNDINGS = [
    ("float16", Fraction(2049), 2048.0),
    ("float16", Fraction(2051), 2052.0),
    ("float16", Fraction(1, 2**25), 0.0),
    ("float16", Fraction(3, 2**25), 2.0**-23),
    ("float16", Fraction(5, 2**26), 2.0**-24),
    ("float16", Fraction(65519), 65504.0),
    ("float16", Fraction(65520), np.inf),
    ("float16", Fraction(-(2**100)), -np.inf),
    ("float32", Fraction(2**24 + 1), 2.0**24),
    ("float32", Fraction(-(2**24 + 3)), -(2.0**24 + 4)),
    ("float32", 1 + Fraction(1, 2**24) + Fraction(1, 2**60), 1 + 2.0**-23),
    ("float32", Fraction(1, 2**150) + Fraction(1, 2**200), 2.0**-149),
    ("float64", Fraction(2**53 + 1), 2.0**53),
    ("float64", Fraction(1, 2**1075), 0.0),
    ("float64", Fraction(3, 2**1075), 2.0**-1073),
    ("float64", Fraction(2**1024), np.inf),
    ("float64", Fraction(0), 0.0),
]


@pytest.mark.parametrize(("dtype", "value", "expected"), ROUNDINGS, ids=[f"{d} {e}" for d, _, e in ROUNDINGS])
def test_nearest_rounds_once_to_even_subnormals_included(dtype, value, expected):
    from mpmath import workdps

    with workdps(400):
        found = nearest(of_fraction(value), dtype)
    assert found == expected
    assert dtype != "float16" or found == np.float16(found)


def test_precision_is_doubled_until_a_cancelling_formula_settles():
    cancelling = (lambda m: (1 + m.mpf(2) ** -400) - 1, lambda m: m.mpf(2) ** -400)
    with pytest.raises(Unsettled, match="the two formulas of it must round alike"):
        correctly_rounded(cancelling, DTYPES, label="it")  # 50 and 100 digits are both 0: why formulas must not cancel
    less = (lambda m: (1 + m.mpf(2) ** -150) - 1, lambda m: m.mpf(2) ** -150)
    assert correctly_rounded(less, ("float64",), label="it") == {"float64": 2.0**-150}


@pytest.mark.parametrize(("nudge", "expected"), [(1, 2.0**-1074), (0, 0.0), (-1, 0.0)])
def test_a_hair_above_a_tie_is_no_tie(nudge, expected):
    """As x times the normal distribution function at the smallest x: half of x, and 1 part in 2^1074 more."""

    def near_half(m):
        x = m.mpf(2) ** -1074
        return x * (m.one / 2 + nudge * x / 4)

    assert correctly_rounded((near_half, near_half), ("float64",), label="it") == {"float64": expected}


def test_two_formulas_that_differ_in_one_dtype_are_refused():
    with pytest.raises(Unsettled, match=r"softly must round alike; they give .*'float64': 1.0000000000000002"):
        correctly_rounded((lambda m: m.one, lambda m: 1 + m.mpf(2) ** -52), DTYPES, label="softly")


def test_a_formula_that_never_settles_is_refused():
    with pytest.raises(Unsettled, match="noise must settle within 800 digits"):
        correctly_rounded((lambda m: m.mpf(m.dps), lambda m: m.one), DTYPES, label="noise")


def assert_nearest(found, exact, label):
    """Hold a float to an exact decimal: none of its neighbours is nearer."""
    if abs(exact) < Decimal("1e-400") or not exact.is_finite():
        assert found == (0 if abs(exact) < 1 else np.copysign(np.inf, exact)), label
        return
    exact = Fraction(exact)
    if np.isinf(found):
        limits = np.finfo(found.dtype)
        assert abs(exact) >= Fraction(float(limits.max)) * (1 + Fraction(float(limits.eps)) / 4), label
        return
    with np.errstate(over="ignore"):
        neighbours = [np.nextafter(found, found.dtype.type(side)) for side in (-np.inf, np.inf)]
    distance = abs(Fraction(float(found)) - exact)
    assert all(distance <= abs(Fraction(float(n)) - exact) for n in neighbours if np.isfinite(n)), f"{label}: {found}"


def assert_recomputed(case, every=1):
    """Hold a case to decimals: every number, or of an activation every so many."""
    vector, kept = case.vector("float64"), slice(None, None, every) if every > 1 else ...
    inputs = {name: values[kept] for name, values in vector.inputs.items()}
    thinned = replace(vector, inputs=inputs, grad_output=vector.grad_output[kept])
    for name, exact in recomputed_in_decimals(case, thinned, axes_of).items():
        role = name if name == "output" else f"gradients/{name}"
        for dtype in case.dtypes:
            stored = case.tensors[f"{role}/{dtype}"][kept]
            assert stored.shape == exact.shape, case.name
            for at in np.ndindex(exact.shape):
                assert_nearest(stored[at], exact[at], f"{case.name}, {role} at {at} in {dtype}")


def test_decimals_recompute_a_sample_of_activations(activations):
    for case in activations:
        assert_recomputed(case, every=13)


@pytest.mark.slow
def test_decimals_recompute_every_activation(all_activations):
    for case in all_activations:
        assert_recomputed(case)


def test_decimals_recompute_a_sample_of_softmaxes_entropies_and_norms(others):
    for case in others[::9]:
        assert_recomputed(case)


@pytest.mark.slow
def test_decimals_recompute_every_softmax_entropy_and_norm(others):
    for case in others:
        assert_recomputed(case)


# Ulps that our own layers may be off, in float32 and float64. Most are two exponentials and six roundings, as in
# tests/layers; larger bounds where a result passes through 0 (so that an ulp of its terms is many of its own), or where
# an exponential becomes subnormal before it is multiplied by x, up to 745, in the far left tail.
OUR_ULPS = {
    "gelu": 1000,
    "silu": 1500,
    "mish": 1500,
    "softmax": 200,
    "log_softmax": 1000,
    "binary_cross_entropy": 100,
}


def own_ulps(result, right):
    """Ulps of the dtype of the numbers themselves, the difference taken in float64."""
    with np.errstate(all="ignore"):
        distance = np.abs(result.astype(float) - right.astype(float)) / np.spacing(np.abs(right)).astype(float)
    return np.where(result == right, 0, np.where(np.isfinite(distance), distance, np.inf))


def assert_our_layer_is_near(case):
    for dtype in case.dtypes:
        layer, vector = layer_of(case), case.vector(dtype)
        found = layer.backward(vector.grad_output, *vector.inputs.values())
        found = found if isinstance(found, tuple) else (found,)
        gradients = dict(zip(vector.inputs, found, strict=True))
        results = [(layer.forward(*vector.inputs.values()), vector.output)]
        results += [(gradients[name], right) for name, right in vector.gradients.items()]
        # float16 is computed in float32 and rounded once: half an ulp, and another where the float32 is off.
        limit = 1 if dtype == "float16" else OUR_ULPS.get(case.operation, 8)
        worst = max(float(np.max(own_ulps(one, other))) for one, other in results)
        assert worst <= limit, f"{case.name} in {dtype}: {worst} ulps"


def test_our_layers_are_within_ulps_of_the_rounded_cases(activations, others):
    for case in [*activations, *others]:
        assert_our_layer_is_near(case)


def assert_mistakes_are_loud_where_listed(cases):
    for case in cases:
        for entry in SMOOTH_MISTAKES:
            if entry.operation == case.operation:
                scene = Scene(case, layer_of(case), case.vector("float64"))
                loss = loss_in_ulps(scene, entry.mistake)
                assert (loss > LOUD) == entry.is_carried_by(case), f"{entry.flag}, {case.name}: {loss} ulps"


def test_each_mistake_is_loud_in_the_cases_it_lists_and_quiet_in_others(activations, others):
    assert_mistakes_are_loud_where_listed([*activations, *others])


@pytest.mark.slow
def test_each_mistake_is_loud_in_all_cases_it_lists_and_quiet_in_all_others(all_activations):
    assert_mistakes_are_loud_where_listed(all_activations)


def test_every_label_that_a_mistake_lists_is_one_and_every_flag_has_a_sentence():
    known = {(plan.operation, plan.name.split("/")[1]) for plan in [*smooth.plans(), *line_plans.plans()]}
    for entry in SMOOTH_MISTAKES:
        assert entry.flag in FLAGS
        assert all((entry.operation, label) in known for label in entry.labels.split() if label != "*"), entry.flag
    assert max(Counter((entry.flag, entry.operation) for entry in SMOOTH_MISTAKES).values()) == 1
