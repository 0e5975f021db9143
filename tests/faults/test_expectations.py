"""What the zoo expects is decided by mathematics: every row is held to differences in extended precision."""

import numpy as np
import pytest

from gradcheck.faults.by_hand import LOGISTIC, RECIPROCAL
from gradcheck.faults.entropies import entropy
from gradcheck.faults.precision import CONV as PLAIN_CONV
from gradcheck.faults.records import Shows, point_of
from gradcheck.faults.specimens import CUBE, LINEAR, RELU, SINE, SOFTMAX, softmax
from gradcheck.faults.tricky_precision import CONV
from gradcheck.faults.zoo import FAULTS, TRICKY

# Relative to the largest entry of the gradient: roundings of a few dozen operations in the argument's dtype.
TOLERANCE = {np.dtype(float): 2e-9, np.dtype(np.float32): 3e-6, np.dtype(np.float16): 2e-2}

# Where forward is less precise inside than its interface, or refuses a step, the function that it computes.
MEANT = {
    "tricky-precision/double/forward-in-single": lambda x: x**3,
    "tricky-precision/double/convolution-in-single": CONV.forward,
    "tricky-precision/double/softmax-in-single": softmax,
    "tricky-precision/double/forward-in-half": np.sin,
    "tricky-precision/double/both-in-single": np.sin,
    "tricky-precision/double/output-in-single": np.sin,
    "tricky-precision/double/output-to-nine-decimals": np.sin,
    "tricky-precision/single/always-float32": np.sin,
    "tricky-precision/single/refuses-float64": lambda x: x**3,
    "tricky-precision/half/refuses-float64": np.sin,
    "adversary/domain/entropy-of-strict-probabilities": entropy,
    "tricky-adversary/domain/strict-entropy": entropy,
    "tricky-adversary/noise/log-of-one-plus-tiny": np.log1p,
    "tricky-adversary/noise/rounded-to-four-decimals": np.sin,
    "tricky-adversary/noise/loss-to-eight-decimals": lambda x: np.sin(x).sum(),
    "tricky-adversary/noise/sum-and-difference": lambda x: x,
    "tricky-blind/mixed/residual-around-single": lambda x: x + np.tanh(3 * x),
    "precision/mixed/residual-alone": lambda x: x + np.tanh(3 * x),
}
# What layers that cast to float16 or float32 by hand compute, and the rounding of their claims.
BY_HAND = {
    "tricky-precision/by-hand/half-sine": SINE,
    "tricky-precision/by-hand/half-linear": LINEAR,
    "tricky-precision/by-hand/half-softmax": SOFTMAX,
    "tricky-precision/by-hand/half-convolution": PLAIN_CONV,
    "tricky-precision/by-hand/half-relu": RELU,
    "tricky-precision/by-hand/half-reciprocal": RECIPROCAL,
    "tricky-precision/by-hand/half-saturated": LOGISTIC,
    "tricky-precision/by-hand/single-sine": SINE,
    "tricky-precision/by-hand/single-softmax": SOFTMAX,
    "tricky-precision/by-hand/single-relu": RELU,
    "precision/by-hand/half-times-1.5": SINE,
    "precision/by-hand/half-negated": SOFTMAX,
    "precision/by-hand/half-linear-off-by-a-fifth": LINEAR,
    "precision/by-hand/single-one-of-1000-off-by-1-percent": CUBE,
}
MEANT |= {name: right.forward for name, right in BY_HAND.items()}
# Layers that cannot run in extended precision, and the relative error of differences in float64 for them.
NARROW = {
    "tricky-structures/complex/float-assert": 1e-8,
    "tricky-structures/complex/math": 1e-8,
    "tricky-structures/complex/astype": 1e-8,
    "tricky-structures/index/interpolation": 1e-8,
    "tricky-structures/matrix/inverse": 1e-8,
    "tricky-structures/matrix/determinant": 1e-8,
    "tricky-structures/matrix/solve": 1e-8,
    "tricky-structures/matrix/nearly-singular": 1e-5,
    "tricky-domains/matrix/log-determinant": 1e-8,
    "tricky-domains/matrix/symmetric": 1e-8,
    "tricky-tails/rotation/inverse-by-transpose": 1e-8,
}
# Right but for cancellation in float64, as their rows say; or noisier; with the reason for the error allowed.
LOOSE = {
    "tricky-precision/double/both-in-single": 1e-6,  # claims are float32
    "tricky-scales/saturated/softmax-of-hundreds": np.inf,  # 1 - 1 where 1e-40 belongs
    "tricky-scales/saturated/confident-cross-entropy": np.inf,  # 1 - 1 where 1e-17 belongs
    "tricky-tails/binary/of-twenty": 1e-7,  # 1 - p keeps half of its digits
    "tricky-tails/binary/of-thirty-three": 0.1,  # p - 1 keeps one digit
    "tricky-tails/binary/of-forty-five": 1.0,  # p - 1 keeps none
    "tricky-tails/binary/single": 1e-2,  # p - 1 keeps three in float32
    "tricky-tails/binary/regression": 1.0,  # p - 1 keeps none for some samples
    "tricky-tails/divergence/near-its-minimum": 1e-4,  # 1 - 1 + 1e-9
    "tricky-tails/ranking/far-apart": np.inf,  # 1 - 1 where 1e-17 belongs
    "tricky-scales/cancelling/small-distances": 1e-8,
    "tricky-scales/cancelling/large-constant": 1e-7,
    "tricky-scales/cancelling/one-minus-cosine": 1e-6,  # 1 - 1 + 5e-15
    "tricky-domains/angle/arctan2": 1e-6,  # a gradient of 1e-9 beside an angle of pi
}
LOOSE |= {name: TOLERANCE[np.dtype(np.float16 if "/half-" in name else np.float32)] for name in BY_HAND}
# Random; and beyond these differences, with tests of their own below and in test_hidden.py.
UNMEASURED = {
    "tricky-manners/state/dropout",
    "tricky-domains/matrix/eigenvalues-of-one-triangle",
    "tricky-adversary/state/dropout-of-the-global-state",
    "tricky-scales/saturated/tanh-all",
    "tricky-blind/tie/medians-of-triples",
    "tricky-blind/tie/largest-three-of-integers",
    "tricky-blind/saturated/softmax-of-thousands",
    "tricky-blind/batch/norm-of-one-sample",
    "tricky-adversary/zeros/unit-length-at-zero",
    "tricky-adversary/tie/sort-of-a-constant",
    "tricky-adversary/scale/two-frequencies",
    "tricky-adversary/scale/cosine-of-1e8",
    "tricky-adversary/scale/loss-over-18-decades",
    "tricky-adversary/scale/forty-logistic-maps",
    "tricky-adversary/scale/offset-of-1e13",
    "tricky-adversary/precision/relu-of-centred-rows",
    "tricky-memories/result/named-as-derivatives",  # by other names than the arguments'
    "tricky-memories/state/shared-cache",  # its backward takes no inputs
    "tricky-memories/constants/index-stored-as-floats",  # a jump, where there is no derivative
    "tricky-vanishing/bias/before-a-normalisation",
    "tricky-vanishing/bias/before-a-normalisation-claims-zero",
    "adversary/output/tiny-beside-huge",
    "adversary/decades/smallest-of-eighteen",
    "adversary/upstream/one-billionth-added",
}
AT_A_KINK = {
    "tricky-library/max-pool/first",
    "tricky-library/max-pool/split",
    "tricky-library/hard-swish/edges",
    "tricky-library/relu6/edges",
    "tricky-library/lp-pool/zeros",
    "tricky-adversary/zeros/pool-of-zeros",
    "tricky-adversary/scalar/relu-at-zero",
    "tricky-adversary/scalar/maximum-split",
    "tricky-adversary/tie/first-maximum-over-the-batch",
    "tricky-vanishing/highest-so-far/with-ties",
    "tricky-vanishing/slope/at-zeros",
}
KINKY = [c for c in TRICKY if c.group == "tricky-kinks" or c.name in AT_A_KINK]
SMOOTH = [c for c in TRICKY if c not in KINKY and c.name not in UNMEASURED]
UNDIFFERENCED = {
    "structures/determinant/factor-forgotten",
    "structures/inverse/sign",
    "structures/inverse/not-transposed",
}
KINK_FAULTS = [c for c in FAULTS if c.group == "kinks" or c.name.startswith("adversary/tie/")]
WRONG_HERE = [
    c
    for c in FAULTS
    if c.shows is Shows.HERE and c not in KINK_FAULTS and c.code != "crash" and c.name not in UNMEASURED
]
# At a jump there is no derivative, so that nothing is right or wrong there.
NO_DERIVATIVE_HERE = {"adversary/hidden/straight-through-floor-at-integers"}
# Each output is overwritten by the next call, which differences need.
ONE_CALL_AT_A_TIME = {"memories/calls/output-reused"}
# Wrong only where values are larger than in ordinary points.
FAR_OUT = {"memories/values/linear-below-a-hundred", "memories/values/steeper-beyond-a-hundred"}
# Units of either orientation are at their kinks, so that a right claim is a choice of branch.
CHOICES = {f"tricky-kinks/network/no-{what}-claiming-{slope}" for what in ("input", "weights") for slope in (0, 1)}
BY_ROWS = [c for c in TRICKY if c.name.startswith("tricky-kinks/choice/")]
CHOICES |= {c.name for c in BY_ROWS} | {"tricky-kinks/mixed/relu-beside-differences"}
RIGHT_HERE = [c for c in FAULTS if c.shows is not Shows.HERE and c.name not in NO_DERIVATIVE_HERE | ONE_CALL_AT_A_TIME]
names = pytest.mark.parametrize


def tolerance(case, name):
    point = point_of(case)
    allowed = TOLERANCE[point[name].dtype]
    return max(allowed, NARROW.get(case.name, 0.0), LOOSE.get(case.name, 0.0))


def dtype_of_truth(case):
    return float if case.name in NARROW or case.name in UNDIFFERENCED else np.longdouble


@names("case", SMOOTH, ids=lambda c: c.name)
def test_tricky_layer_is_right(case, truth):
    claimed = truth.relative_errors(case, MEANT.get(case.name), wide=dtype_of_truth(case))
    unclaimed = {n for n, error in claimed.items() if np.isinf(error)}
    for name in claimed.keys() - unclaimed:
        assert claimed[name] <= tolerance(case, name), (name, claimed[name])
    assert unclaimed < claimed.keys() or not claimed


@names("case", WRONG_HERE, ids=lambda c: c.name)
def test_fault_is_wrong_in_the_arguments_it_names_and_right_in_the_others(case, truth):
    errors = truth.relative_errors(case, MEANT.get(case.name), wide=dtype_of_truth(case))
    wrong = {n for n, error in errors.items() if error > bound_for_wrong(case, n)}
    if case.code in {"wrong-count", "wrong-dtype"} or case.name == "precision/double/in-half":
        assert wrong <= set(case.wrong_arguments)
    else:
        assert wrong == set(case.wrong_arguments), errors


def bound_for_wrong(case, name):
    small = {"float32-truncation": 1e-9, "small-error": 1e-7}
    return min(tolerance(case, name), small.get(case.code, np.inf))


@names("case", RIGHT_HERE, ids=lambda c: c.name)
def test_fault_that_shows_elsewhere_is_right_at_the_given_point(case, truth):
    errors = truth.relative_errors(case)
    unclaimed = {n for n, error in errors.items() if np.isinf(error)}
    assert all(errors[n] <= 1e-6 for n in errors.keys() - unclaimed)
    assert not unclaimed or case.code == "missing"


@names("case", [c for c in FAULTS if c.shows is Shows.ELSEWHERE], ids=lambda c: c.name)
def test_fault_that_shows_elsewhere_is_wrong_at_some_ordinary_point(case, truth):
    errors = [
        error
        for inputs in ordinary_points(point_of(case), size=400.0 if case.name in FAR_OUT else 4.0)
        for name, error in truth.relative_errors(case, inputs=inputs).items()
        if name in case.wrong_arguments
    ]
    assert max(errors) > 1e-4


def ordinary_points(point, size):
    """Return points of signed values up to twice that size, with a batch of the caller's size and of three."""
    rng = np.random.default_rng(3)
    for rows in (None, 3):
        moved = {n: np.asarray(size * rng.standard_normal(v.shape)) for n, v in point.items()}
        if rows and "y" not in point:
            first = next(iter(point))
            moved[first] = size * rng.standard_normal((rows, *point[first].shape[1:]))
        yield moved


def directional(case, tangent):
    """Return (claimed, left, right) slopes of each output along a tangent of all inputs at once."""
    layer, point, step = case.make(), point_of(case), np.longdouble(1e-15)
    wide = {n: v.astype(np.longdouble) for n, v in point.items()}
    moved = [{n: v + s * step * tangent[n] for n, v in wide.items()} for s in (-1, 0, 1)]
    with np.errstate(all="ignore"):
        left, here, right = (np.asarray(layer.forward(*m.values())) for m in moved)
        claimed = np.zeros(here.shape)
        for i in np.ndindex(*here.shape):
            g = np.zeros(here.shape)
            g[i] = 1
            found = layer.backward(g, *(v.copy() for v in point.values()))
            found = found if isinstance(found, tuple) else (found,)
            claimed[i] = sum((d * tangent[n]).sum() for d, n in zip(found, point, strict=True))
    return claimed, (here - left) / step, (right - here) / step


def tangents(point):
    """Return signed, all-equal and single-entry tangents."""
    rng = np.random.default_rng(4)
    yield {n: np.ones(v.shape) for n, v in point.items()}
    for _ in range(6):
        yield {n: rng.uniform(0.5, 1.5, v.shape) * rng.choice([-1, 1], v.shape) for n, v in point.items()}
    for name, v in point.items():
        for i in range(min(v.size, 16)):
            one = {n: np.zeros(u.shape) for n, u in point.items()}
            one[name].flat[i] = 1
            yield one


def outside(case):
    """Return how far claims lie outside the one-sided slopes, at worst."""
    worst = 0.0
    for tangent in tangents(point_of(case)):
        claimed, left, right = directional(case, tangent)
        beyond = np.maximum(np.minimum(left, right) - claimed, claimed - np.maximum(left, right))
        worst = max(worst, float(np.max(np.where(np.isnan(claimed), np.inf, beyond))))
    return worst


@names("case", [c for c in KINKY if c.name not in CHOICES], ids=lambda c: c.name)
def test_tricky_claim_lies_between_the_one_sided_slopes(case):
    assert outside(case) < 2e-3  # slopes at a step of 1e-15 are good to three digits


@names("case", BY_ROWS, ids=lambda c: c.name)
def test_choice_of_branch_is_the_gradient_somewhere_nearby(case):
    layer, x = case.make(), point_of(case)["x"]
    outputs = layer.forward(x).shape
    claimed = layer.backward(np.ones(outputs), x.copy())
    rng, found = np.random.default_rng(6), np.zeros(outputs, dtype=bool)
    for _ in range(1000):
        near = 1e-3 * rng.standard_normal(x.shape)
        steps = 1e-9 * np.eye(x.shape[-1])
        slopes = [(layer.forward(near + step) - layer.forward(near - step)) / 2e-9 for step in steps]
        found |= np.abs(np.stack(slopes, axis=-1) - claimed).max(axis=-1) < 1e-3
    assert found.all()


@names("case", KINK_FAULTS, ids=lambda c: c.name)
def test_kink_fault_lies_outside_the_one_sided_slopes(case):
    assert outside(case) > 0.05


def test_saturated_tanh_is_right():
    case = next(c for c in TRICKY if c.name == "tricky-scales/saturated/tanh-all")
    x = point_of(case)["x"]
    decay = np.exp(-2 * np.abs(x).astype(np.longdouble))
    assert np.allclose(
        case.make().backward(np.ones(x.shape), x), (4 * decay / (1 + decay) ** 2).astype(float), rtol=1e-14
    )


def test_both_convolutions_of_the_precision_tables_are_right_in_float64(truth):
    for conv in (CONV, PLAIN_CONV):
        case = next(c for c in TRICKY if c.name == "tricky-precision/single/convolution")
        point = {n: v.astype(float) for n, v in point_of(case).items()}
        grads = truth.cotangents(conv, point)
        x, weight, bias = (point[n] for n in ("x", "weight", "bias"))
        claimed = conv.backward(grads[0], x, weight, bias)
        inner = (grads[0] * (conv.forward(x, weight, bias) - bias[:, None, None])).sum()
        assert np.allclose([(claimed[0] * x).sum(), (claimed[1] * weight).sum()], inner, rtol=1e-13)
