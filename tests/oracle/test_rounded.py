"""The rounded cases: decimals of 400 digits agree, our layers keep a few ulps, flags mean what they say."""

from collections import Counter
from decimal import Decimal, InvalidOperation, localcontext
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
from gradcheck.oracle.places import windows_of
from reference import elementary
from reference.elementary import WIDE

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


NAMES = {"tanh_shrink": "tanhshrink"}


def decimal_curves(case):
    """The value and the slope of an activation in decimal arithmetic, as functions of one number."""
    how = {name: value for name, value in case.hyperparameters.items() if name != "approximate"}
    name = NAMES.get(case.operation, case.operation)
    if case.hyperparameters.get("approximate") == "tanh":
        name = "gelu_tanh"
    value, slope = elementary.ACTIVATIONS[name]
    if case.operation == "softplus" and how["threshold"] is None:
        beta = Decimal(how["beta"])
        return (
            lambda x: elementary.plain_softplus(beta * x) / beta if x < 500 else x,
            lambda x: elementary.sigmoid(beta * x),
        )
    parameters = {name: Decimal(value) for name, value in how.items()}
    return lambda x: value(x, **parameters), lambda x: slope(x, **parameters)


def assert_activation_is_recomputed(case, every):
    """Hold a case to decimals; those too large for a textbook formula (infinity over infinity) are counted."""
    value, slope = decimal_curves(case)
    error, beyond = case.tensors["grad_output"].tolist(), 0
    x = case.tensors["inputs/input"]
    for i in range(0, len(x), every):
        with localcontext(WIDE):
            exact_x = Decimal(float(x[i]))
            try:
                results = {"output": value(exact_x), "gradients/input": error[i] * slope(exact_x)}
            except InvalidOperation:
                beyond += 1
                continue
        for role, exact in results.items():
            for dtype in case.dtypes:
                assert_nearest(case.tensors[f"{role}/{dtype}"][i], exact, f"{case.name}, {role} of {x[i]} in {dtype}")
    return beyond


# Exponentials of more than 10^18 digits: the textbook's tanh is infinity over infinity there, and so is mish.
BEYOND = ("huge-double", "huge-single")


def test_decimals_recompute_a_sample_of_activations(activations):
    for case in activations:
        beyond = assert_activation_is_recomputed(case, every=13)
        assert not beyond or case.name.endswith(BEYOND), case.name


@pytest.mark.slow
def test_decimals_recompute_every_activation(all_activations):
    for case in all_activations:
        beyond = assert_activation_is_recomputed(case, every=1)
        assert not beyond or case.name.endswith(BEYOND), case.name


def decimals(values):
    return [Decimal(float(v)) for v in values]


def decimal_softmax(case, vector):
    x, error, axis = vector.inputs["input"], vector.grad_output, case.hyperparameters["axis"]
    value, slope = (getattr(elementary, name) for name in (case.operation, f"{case.operation}_grad"))
    output, gradient = np.empty(x.shape, object), np.empty(x.shape, object)
    moved = [np.moveaxis(array, axis, -1) for array in (x, error, output, gradient)]
    for at in np.ndindex(moved[0].shape[:-1]):
        moved[2][at] = value(decimals(moved[0][at]))
        moved[3][at] = slope(decimals(moved[1][at]), decimals(moved[0][at]))
    return {"output": output, "gradients/input": gradient}


def reduced(terms, reduction):
    return (
        terms
        if reduction == "none"
        else np.array(sum(terms.ravel()) / (terms.size if reduction == "mean" else 1), object)
    )


def shares(error, shape, reduction):
    count = int(np.prod(shape)) if reduction == "mean" else 1
    return np.broadcast_to(np.vectorize(lambda d: Decimal(float(d)) / count, otypes=[object])(error), shape)


def decimal_entropy(case, vector):
    x, labels, reduction = vector.inputs["input"], vector.inputs["target"], case.hyperparameters["reduction"]
    share, terms, gradient = (
        shares(vector.grad_output, labels.shape, reduction),
        np.empty(labels.shape, object),
        np.empty(x.shape, object),
    )
    for n, *at in np.ndindex(labels.shape):
        line, label = decimals(x[(n, slice(None), *at)]), labels[(n, *at)]
        terms[(n, *at)] = -elementary.log_softmax(line)[label]
        weights = elementary.softmax(line)
        gradient[(n, slice(None), *at)] = [share[(n, *at)] * (y - (j == label)) for j, y in enumerate(weights)]
    return {"output": reduced(terms, reduction), "gradients/input": gradient}


def decimal_binary(case, vector):
    x, target, reduction = vector.inputs["input"], vector.inputs["target"], case.hyperparameters["reduction"]
    share, terms = shares(vector.grad_output, x.shape, reduction), np.empty(x.shape, object)
    of_input, of_target = np.empty(x.shape, object), np.empty(x.shape, object)
    for at in np.ndindex(x.shape):
        v, t = Decimal(float(x[at])), Decimal(float(target[at]))
        terms[at] = t * elementary.plain_softplus(-v) + (1 - t) * elementary.plain_softplus(v)
        of_input[at], of_target[at] = share[at] * (elementary.sigmoid(v) - t), -share[at] * v
    return {"output": reduced(terms, reduction), "gradients/input": of_input, "gradients/target": of_target}


def decimal_norm(case, vector):
    x, error, p = vector.inputs["input"], vector.grad_output, Decimal(case.hyperparameters["p"])
    windows = windows_of(layer_of(case), x.shape)
    flat, errors = x.reshape(*x.shape[:2], -1), error.reshape(*error.shape[:2], -1)
    output, gradient = np.empty(errors.shape, object), np.full(flat.shape, Decimal(0), object)
    for n, c, w in np.ndindex(errors.shape):
        values = dict(zip(windows[w], decimals(flat[n, c, windows[w]]), strict=True))
        total = sum(abs(v) ** p for v in values.values())
        output[n, c, w] = total ** (1 / p) if total else Decimal(0)
        for j, v in values.items():
            if v:
                slope = (abs(v) / output[n, c, w]) ** (p - 1)
                gradient[n, c, j] += Decimal(float(errors[n, c, w])) * slope.copy_sign(v)
    return {"output": output.reshape(error.shape), "gradients/input": gradient.reshape(x.shape)}


SOURCES = {
    "softmax": decimal_softmax,
    "log_softmax": decimal_softmax,
    "cross_entropy": decimal_entropy,
    "binary_cross_entropy": decimal_binary,
    "lp_pool": decimal_norm,
    "global_lp_pool": decimal_norm,
}


def assert_line_is_recomputed(case):
    with localcontext(WIDE):
        results = SOURCES[case.operation](case, case.vector("float64"))
    for role, exact in results.items():
        for dtype in case.dtypes:
            for at in np.ndindex(exact.shape):
                assert_nearest(
                    case.tensors[f"{role}/{dtype}"][at], exact[at], f"{case.name}, {role} at {at} in {dtype}"
                )


def test_decimals_recompute_a_sample_of_softmaxes_entropies_and_norms(others):
    for case in others[::9]:
        assert_line_is_recomputed(case)


@pytest.mark.slow
def test_decimals_recompute_every_softmax_entropy_and_norm(others):
    for case in others:
        assert_line_is_recomputed(case)


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
                with np.errstate(all="ignore"):
                    loss = loss_in_ulps(scene, entry.mistake(scene))
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
