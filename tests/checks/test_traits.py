import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Verdict, check
from gradcheck.checks.derived import derived_inputs
from gradcheck.checks.traits import TRAITS, keep_traits, traits_of

RNG = np.random.default_rng(18)
PLAIN = RNG.standard_normal((4, 5))
SQUARE = RNG.standard_normal((4, 4))
ONE_HOT = np.eye(5)[[0, 3, 3, 1]]
PROBABILITIES = np.exp(PLAIN) / np.exp(PLAIN).sum(axis=1, keepdims=True)

# The traits seen in each array, by name
SEEN = {
    "normal": (PLAIN, set()),
    "mask": (np.float64(PLAIN > 0), {"only 0 and 1", "all >= 0"}),
    "one hot": (ONE_HOT, {"only 0 and 1", "all >= 0", "sums to one", "unit norm"}),
    "signs": (np.sign(PLAIN), {"only -1 and 1"}),
    "all ones": (np.ones((3, 4)), {"all >= 0"}),
    "positive": (np.abs(PLAIN) + 1, {"all >= 0"}),
    "probabilities": (PROBABILITIES, {"all >= 0", "all in [0, 1]", "sums to one"}),
    "probabilities along the first axis": (PROBABILITIES.T, {"all >= 0", "all in [0, 1]", "sums to one"}),
    "sorted": (np.sort(PLAIN), {"sorted along the last axis"}),
    "unit vectors": (PLAIN / np.linalg.norm(PLAIN, axis=1, keepdims=True), {"unit norm"}),
    "rotation": (np.linalg.qr(SQUARE)[0], {"unit norm", "orthogonal"}),
    "symmetric": (SQUARE + SQUARE.T, {"symmetric"}),
    "upper triangular": (np.triu(SQUARE), {"triangular"}),
    "lower triangular": (np.tril(SQUARE), {"triangular"}),
    "two positive numbers": (np.array([1.0, 2.0]), set()),
    "empty": (np.zeros((0, 3)), set()),
    "zeros": (np.zeros((3, 4)), set()),
    "a number": (np.array(0.5), set()),
    "low precision probabilities": (np.float16(PROBABILITIES), {"all >= 0", "all in [0, 1]", "sums to one"}),
}


@pytest.mark.parametrize(("x", "names"), SEEN.values(), ids=SEEN)
def test_sees_what_holds_and_nothing_else(x, names):
    assert {trait.name for trait in traits_of(x)} == names


@pytest.mark.parametrize("name", [trait.name for trait in TRAITS])
def test_every_trait_of_the_table_is_seen_in_a_row(name):
    assert any(name in names for _, names in SEEN.values())


@given(st.sampled_from([x for x, _ in SEEN.values()]), st.integers(0, 2**32))
def test_derived_points_keep_every_trait_shape_and_dtype(x, seed):
    held = {trait.name for trait in traits_of(x)}
    for _, point in derived_inputs({"x": x}, ["x"], np.random.default_rng(seed)):
        assert held <= {trait.name for trait in traits_of(point["x"])}
        assert (point["x"].shape, point["x"].dtype) == (x.shape, x.dtype)
        assert np.all(np.isfinite(point["x"]))


@given(st.integers(0, 2**32))
def test_a_symmetric_positive_definite_matrix_stays_so(seed):
    rng = np.random.default_rng(seed)
    spread = rng.standard_normal((4, 4))
    definite = spread @ spread.T + 0.1 * np.eye(4)
    kept = keep_traits(rng.standard_normal((4, 4)), definite)
    assert np.array_equal(kept, kept.T)
    assert np.linalg.eigvalsh(kept).min() > 0


@given(st.integers(0, 2**32))
def test_bounds_of_an_interval_stay_in_order(seed):
    rng = np.random.default_rng(seed)
    low = rng.standard_normal((3, 4))
    inputs = {"low": low, "high": low + rng.uniform(0.1, 1.0, size=low.shape)}
    for _, point in derived_inputs(inputs, ["low", "high"], rng):
        assert np.all(point["low"] <= point["high"])


def cross_entropy(p, target):
    return -np.sum(target * np.log(p))


def softmax_cross_entropy(z, target):
    shifted = z - z.max(axis=1, keepdims=True)
    return np.sum(target * (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


DOMAINS = {
    "logarithm of probabilities": (
        (cross_entropy, lambda g, p, target: (-g * target / p, -g * np.log(p))),
        {"p": PROBABILITIES, "target": ONE_HOT},
    ),
    "fused with softmax, right where targets sum to one": (
        (softmax_cross_entropy, lambda g, z, target: (g * (softmax(z) - target), None)),
        {"z": PLAIN, "target": ONE_HOT},
    ),
    "square root": ((np.sqrt, lambda g, x: g / (2 * np.sqrt(x))), {"x": np.abs(PLAIN) + 0.5}),
    "angle from a cosine": ((np.arccos, lambda g, x: -g / np.sqrt(1 - x * x)), {"x": PROBABILITIES}),
}


@pytest.mark.parametrize(("layer", "inputs"), DOMAINS.values(), ids=DOMAINS)
def test_accepts_correct_layers_on_their_own_domain(layer, inputs):
    report = check(layer, inputs)
    assert report.verdict is Verdict.AGREES, str(report)


NARROW = {
    "float32": np.float32,
    "float16": np.float16,
}


@pytest.mark.parametrize("dtype", NARROW.values(), ids=NARROW)
@pytest.mark.parametrize("name", ["sums to one", "unit norm"])
def test_traits_hold_as_well_as_the_precision_shows_that_values_were_rounded_to(dtype, name):
    size = np.abs(np.random.default_rng(8).standard_normal((6, 5)))
    whole = (
        size / size.sum(axis=1, keepdims=True)
        if name == "sums to one"
        else size / np.linalg.norm(size, axis=1)[:, None]
    )
    rounded = whole.astype(dtype)
    assert name in {t.name for t in traits_of(rounded)}
    assert traits_of(rounded.astype(np.float64)) == traits_of(rounded)
    off = whole * (1.0 + 1e-3)  # in full precision
    assert name not in {t.name for t in traits_of(off)}


@pytest.mark.parametrize("dtype", [np.float64, *NARROW.values()], ids=["float64", *NARROW])
@pytest.mark.parametrize("axis", [0, 1])
def test_probabilities_stay_so_in_low_precision_along_either_axis(dtype, axis):
    def share(z):
        e = np.exp(z - z.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    rng = np.random.default_rng(9)
    z, target = rng.standard_normal((5, 4)), share(rng.standard_normal((5, 4)))
    fused = (lambda z, t: -(t * np.log(share(z))).sum(), lambda g, z, t: (g * (share(z) - t), -g * np.log(share(z))))
    report = check(fused, {"z": z.astype(dtype), "target": target.astype(dtype)})
    assert report.verdict is Verdict.AGREES, str(report)
